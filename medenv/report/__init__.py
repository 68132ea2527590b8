"""Scores from trajectories: accuracies with intervals, comparisons, and the tables that show them."""

from medenv.report.clustered import Clustered, clustered
from medenv.report.comparing import Comparison, compare, holm
from medenv.report.evaluation import Evaluation, blind_floor, evaluate, evaluate_async
from medenv.report.metrics import Counts, Summary, summarise
from medenv.report.statistics import bootstrap, interval_of, pass_at_k, pass_hat_k, wilson
from medenv.report.table import category_line, floor_line, score_table

__all__ = [
    "Clustered",
    "Comparison",
    "Counts",
    "Evaluation",
    "Summary",
    "blind_floor",
    "bootstrap",
    "category_line",
    "clustered",
    "compare",
    "evaluate",
    "evaluate_async",
    "floor_line",
    "holm",
    "interval_of",
    "pass_at_k",
    "pass_hat_k",
    "score_table",
    "summarise",
    "wilson",
]
