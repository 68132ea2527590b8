"""Scores from trajectories: accuracies with intervals, comparisons, and the tables that show them."""

from medenv.report.metrics import Counts, Summary, summarise
from medenv.report.statistics import Comparison, bootstrap, compare, pass_at_k, pass_hat_k, wilson
from medenv.report.table import category_line, score_table

__all__ = [
    "Comparison",
    "Counts",
    "Summary",
    "bootstrap",
    "category_line",
    "compare",
    "pass_at_k",
    "pass_hat_k",
    "score_table",
    "summarise",
    "wilson",
]
