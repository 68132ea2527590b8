"""The error for a name that doesn't exist: it quotes the name, offers close ones and says what there is."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from medenv.errors import InputError

__all__ = ["UnknownNameError", "unknown"]


class UnknownNameError(InputError, LookupError):
    """There is no split, task or task type of that name."""


def unknown(what: str, wanted: object, known: Sequence[str], there_is: str) -> UnknownNameError:
    """Build the error.

    Args:
        what: E.g. ``split``.
        wanted: What was asked for.
        known: All names, for close matches.
        there_is: What there is instead, in words.
    """
    close = get_close_matches(str(wanted), known, n=3)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    return UnknownNameError(f"no {what} {wanted!r}{hint} ({there_is})")
