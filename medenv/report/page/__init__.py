"""The page of runs: one HTML file that works without a server and without a network."""

from medenv.report.page.write import write_page

__all__ = ["write_page"]
