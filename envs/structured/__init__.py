"""Environments for policies that are no language models: numbers in, acts out, one episode and one grader."""

from medenv.envs.structured.env import StructuredEnv
from medenv.envs.structured.features import FEATURES, features, named
from medenv.envs.structured.menu import MENU
from medenv.envs.structured.slots import SLOTS
from medenv.envs.structured.tiers import TIERS, tier
from medenv.envs.structured.view import View

__all__ = ["FEATURES", "MENU", "SLOTS", "TIERS", "StructuredEnv", "View", "features", "named", "tier"]
