"""Optional packages: import one, or say which command installs it."""

from __future__ import annotations

import shlex
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from medenv.errors import InputError

__all__ = ["DISTRIBUTION", "MissingExtraError", "check_installed", "import_optional", "install_command"]

DISTRIBUTION = "medagentbench-gym"
"""The name under which package indexes know medenv; ``medenv`` is somebody else's there."""


class MissingExtraError(InputError):
    """A package that only an extra installs is missing; the message has the command that installs it."""


def install_command(extra: str) -> str:
    """Return the command that installs an extra into an environment like this one.

    Args:
        extra: A name of pyproject.toml's ``optional-dependencies``.

    Returns:
        For a clone the path of that, otherwise the distribution's name, of which pip then keeps the installed version.
    """
    root = Path(__file__).parent.parent
    try:
        clone = f'name = "{DISTRIBUTION}"\n' in (root / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        clone = False
    return f"pip install -e {shlex.quote(f'{root}[{extra}]')}" if clone else f"pip install '{DISTRIBUTION}[{extra}]'"


def import_optional(module: str, extra: str) -> ModuleType:
    """Import a module that an extra brings.

    Args:
        module: Its dotted name.
        extra: The extra that has it.

    Raises:
        MissingExtraError: It can't be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise _missing(module, extra, f" ({error})") from error


def check_installed(module: str, extra: str) -> None:
    """Check that a module is there, without the time that importing it takes.

    Args:
        module: Its dotted name.
        extra: The extra that has it.

    Raises:
        MissingExtraError: It isn't.
    """
    package = module.partition(".")[0]
    try:
        found = find_spec(package) is not None
    except ValueError:  # something put into sys.modules by hand
        found = False
    if not found:
        raise _missing(module, extra)


def _missing(module: str, extra: str, detail: str = "") -> MissingExtraError:
    package = module.partition(".")[0]
    return MissingExtraError(
        f"this needs the package {package!r}, which is not installed{detail}; install it with: {install_command(extra)}"
    )
