"""What agent and environment say to each other: actions, instructions, observations, and the record of it all.

There is one parser of actions, one renderer of observations and one trajectory format; everything else uses these.
"""

from medenv.protocol.actions import Action, Finish, Get, Invalid, Post, parse
from medenv.protocol.trajectory import Status, Trajectory, Turn
from medenv.protocol.urls import ForeignURLError

__all__ = ["Action", "Finish", "ForeignURLError", "Get", "Invalid", "Post", "Status", "Trajectory", "Turn", "parse"]
