"""What all tests share: the order in which files are handed out, and figures that a run prints at its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests.fhir.containers import end_shared

_FIGURE = "figure"
_LONG = ("tests/fhir/live/", "tests/fhir/container/")
"""Files that take minutes where their server is there: begun first, so that no process is left alone with them at the end."""


def pytest_configure(config: pytest.Config) -> None:
    """Begin alike wherever the run was begun.

    Ctrl-C is taken where it was ignored (``nohup pytest &``): tests press it, and a child inherits what is ignored. And no width is set,
    as worker processes have one by readline: tables are printed as wide as `medenv` makes them, or as a test says.
    """
    os.environ.pop("COLUMNS", None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``-m quick`` read only files that have the mark: importing all others takes longer than the quick tests."""
    if config.option.markexpr != "quick" or collection_path.suffix != ".py":
        return None
    return True if "pytest.mark.quick" not in collection_path.read_text(encoding="utf-8") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; the rest stays as it is."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that began the run, not one of its workers, removes the container that tests shared."""
    if not hasattr(config, "workerinput"):
        end_shared()


@pytest.fixture
def figures(record_property) -> Callable[[str], None]:
    """Tells a figure, which is printed at the end of the run, whichever process the test runs in."""
    return lambda text: record_property(_FIGURE, text)


def pytest_terminal_summary(terminalreporter) -> None:
    """Print the figures that tests told."""
    reports = [one for found in terminalreporter.stats.values() for one in found if getattr(one, "when", "") == "call"]
    told = [text for report in reports for name, text in report.user_properties if name == _FIGURE]
    if told:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(told))


# A test says what is right, not how fast it is: a busy machine must not fail one.
settings.register_profile("medenv", deadline=None)
settings.load_profile("medenv")
