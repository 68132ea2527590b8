"""Imports what only an extra installs, and says which where it is missing."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["need"]


def need(module: str, extra: str) -> ModuleType:
    """Import what an extra brings.

    Raises:
        ValueError: It isn't installed; the message names the extra.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ValueError(
            f"this agent needs the package {module.split('.')[0]!r} ({error}); install it with: pip install 'medenv[{extra}]'"
        ) from None
