"""What went wrong in medenv's own code, told so that it can be stored: what was raised, where, and no secret.

A report names modules, functions and lines. It quotes no source and no variable, and no path of the machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from traceback import walk_tb

from medenv.protocol.reply import storable

__all__ = ["report", "without_secrets"]

_FRAMES = 40
"""Frames of one exception that are told, the outermost and the innermost half of them; a runaway recursion has a thousand."""
_CHARACTERS = 500
"""Of an exception's message."""
_CHAIN = 5
"""Exceptions that are told of one that was raised while another was handled."""

_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
"""Environment variables that hold a secret by what they are called."""
_SHORTEST = 4
"""Characters of a secret; shorter values stand in any text by chance."""
_SHOWN = re.compile(r"(?i)(?<=://)[^/\s@]+(?=@)|\b(?:bearer|basic)\s+[\w.~+/=-]{4,}")
"""A URL's user and password, and an Authorization header's value."""


def report(error: BaseException) -> str:
    """Tell an exception with its traceback.

    Args:
        error: Any exception.

    Returns:
        ``TypeError: message``, then a line for each frame, outermost first; what caused it follows in the same form.
    """
    lines: list[str] = []
    for number, one in enumerate(_chain(error)):
        message = " ".join(without_secrets(_message(one)).split())
        cut = message if len(message) <= _CHARACTERS else message[:_CHARACTERS] + "..."
        lines.append(("" if not number else "caused by ") + type(one).__name__ + (f": {cut}" if cut else ""))
        lines += _places(one)
    return str(storable("\n".join(lines)))


def without_secrets(text: str) -> str:
    """Replace the secrets in a text by ``[secret]``.

    Secrets are the keys, tokens and passwords that the environment holds, and what stands where one is expected.
    """
    for name, value in os.environ.items():
        secret = value.strip()
        if len(secret) >= _SHORTEST and _NAMES.search(name):
            text = text.replace(secret, "[secret]")
    return _SHOWN.sub("[secret]", text)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:
        return f"its message can't be had ({type(failure).__name__})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    for _ in range(_CHAIN):
        if found is None:
            return
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _places(error: BaseException) -> list[str]:
    found = [
        f"  {frame.f_globals.get('__name__', '?')}, line {line}, in {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    if len(found) <= _FRAMES:
        return found
    half = _FRAMES // 2
    return [*found[:half], f"  ... {len(found) - 2 * half} more ...", *found[-half:]]
