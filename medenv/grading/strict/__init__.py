"""The strict grader: the chart must be right, the answer true, and both must rest on what the episode looked at."""

from medenv.grading.strict.diagnosis import CATEGORIES
from medenv.grading.strict.grader import StrictGrader

__all__ = ["CATEGORIES", "StrictGrader"]
