"""What agent and environment say to each other: actions, instructions, observations, and the record of it all.

There is one parser of actions, one renderer of observations and one trajectory format; everything else uses these.
"""

from medenv.protocol.actions import Action, Finish, Get, Invalid, Post, parse
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Reply, ToolCall
from medenv.protocol.trajectory import Status, Trajectory, Turn
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
    "Status",
    "ToolCall",
    "Trajectory",
    "Turn",
    "parse",
]
