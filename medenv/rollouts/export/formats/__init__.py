"""The formats, one module for those of a kind."""

from medenv.rollouts.export.formats.base import Format, LeftOutError
from medenv.rollouts.export.formats.offline import Minari
from medenv.rollouts.export.formats.preference import DirectPreference, Labelled
from medenv.rollouts.export.formats.prompts import Prompts, open_row
from medenv.rollouts.export.formats.sft import ShareGPT, SupervisedFineTuning
from medenv.rollouts.export.formats.steps import StepRewards

__all__ = ["FORMATS", "Format", "LeftOutError", "Minari", "Prompts", "open_row"]

FORMATS: dict[str, type[Format]] = {
    one.name: one for one in (SupervisedFineTuning, DirectPreference, Labelled, Prompts, StepRewards, ShareGPT, Minari)
}
"""The formats by name."""
