"""Datasets from stored runs: for supervised, preference and reinforcement learning, in the forms that trainers read."""

from medenv.rollouts.export.formats import FORMATS, open_row
from medenv.rollouts.export.make import export
from medenv.rollouts.export.options import PERMISSION, Options
from medenv.rollouts.export.prompts import export_prompts
from medenv.rollouts.export.report import Report

__all__ = ["FORMATS", "PERMISSION", "Options", "Report", "export", "export_prompts", "open_row"]
