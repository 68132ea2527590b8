"""Gymnasium environments: agent text in, the server's answer as text out, the grader's score as terminal reward."""

from medenv.envs.medagentbench import MedAgentBenchEnv
from medenv.envs.shaping import PotentialShaping
from medenv.envs.spaces import ActionText, UnicodeText

__all__ = ["ActionText", "MedAgentBenchEnv", "PotentialShaping", "UnicodeText"]
