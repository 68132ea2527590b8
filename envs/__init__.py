"""Gymnasium environments: agent text in, the server's answer as text out, the grader's score as terminal reward."""

from medenv.envs.curriculum import Curriculum
from medenv.envs.medagentbench import MedAgentBenchEnv, RenderModeError
from medenv.envs.shaping import PotentialShaping
from medenv.envs.spaces import ActionText, UnicodeText
from medenv.envs.structured import StructuredEnv
from medenv.envs.truncation import TruncateText
from medenv.envs.vector import MedAgentBenchVectorEnv, StructuredVectorEnv

__all__ = [
    "ActionText",
    "Curriculum",
    "MedAgentBenchEnv",
    "MedAgentBenchVectorEnv",
    "PotentialShaping",
    "RenderModeError",
    "StructuredEnv",
    "StructuredVectorEnv",
    "TruncateText",
    "UnicodeText",
]
