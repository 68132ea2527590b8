"""Scores from trajectories: accuracies with intervals, and the tables that show them."""

from medenv.report.metrics import Counts, Summary, summarise, wilson
from medenv.report.table import score_table

__all__ = ["Counts", "Summary", "score_table", "summarise", "wilson"]
