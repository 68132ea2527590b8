"""Stored runs in the forms that other viewers read: Inspect's log files, Harbor's trajectories (ATIF), the Hub's session traces."""

from medenv.report.logs.atif import atif
from medenv.report.logs.hf_traces import session
from medenv.report.logs.write import FORMATS, export_logs

__all__ = ["FORMATS", "atif", "export_logs", "session"]
