"""What agent and environment say to each other: actions, instructions, observations, and the record of it all.

There is one parser of actions, one renderer of observations and one trajectory format; everything else uses these.
"""

import warnings
from importlib import import_module
from typing import Any

from medenv.protocol.actions import Action, Finish, Get, Invalid, Post, parse
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Reply, ToolCall
from medenv.protocol.urls import ForeignURLError

__all__ = [
    "Action",
    "Conversation",
    "Finish",
    "ForeignURLError",
    "Get",
    "Invalid",
    "Post",
    "Reply",
    "ToolCall",
    "parse",
]

_MOVED = ("Status", "Trajectory", "Turn")


def __getattr__(name: str) -> Any:
    """Give what has moved to `medenv.trajectories` under its old name, with a warning."""
    if name not in _MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(f"{name} is in medenv.trajectories now", DeprecationWarning, stacklevel=2)
    # By name, since the package is a layer above this one.
    return getattr(import_module("medenv.trajectories"), name)
