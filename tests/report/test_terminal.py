"""Tables on terminals of any width: what is always shown, what goes first, and that nothing is cut off."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from medenv.report.terminal import TerminalTable, figure_column, name_column, prose_column

WIDTHS = (60, 80, 120)
LONG = "runs/2026-11-03/anthropic-claude-sonnet-4-5-20250929-thinking-high-temperature-0.7"
OTHER = "runs/2026-11-03/openrouter-qwen3-235b-a22b-instruct-2507[bold]"


def rendered(table, width):
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=False).print(table)
    lines = file.getvalue().splitlines()
    assert all(cell_len(line) <= width for line in lines), file.getvalue()
    return lines


def table_of_runs():
    table = TerminalTable(
        name_column("run"),
        name_column("agent", spare=1),
        figure_column("episodes"),
        figure_column("accuracy"),
        figure_column("infra error", spare=2),
        figure_column("turn limit", spare=3),
        prose_column("said", spare=4),
    )
    table.add(LONG, "sonnet", "1,200/1,200", "31.5 %", "0", "17", "a remark on the run that needs some room")
    table.add(OTHER, "qwen", "900/1,200", "100.0 %", "0", "-", "")
    return table


def first_cells(lines):
    """Put the cells of the first column together, whose pieces may stand on several lines."""
    head = next(at for at, line in enumerate(lines) if "──" in line)
    return "".join(line.split("  ")[0] for line in lines[head + 1 : caption(lines)])


def caption(lines):
    """Find the line below the table that names the columns that are left out."""
    return next((at for at, line in enumerate(lines) if line.startswith(("not shown", "empty or"))), len(lines))


@pytest.mark.parametrize("width", WIDTHS)
def test_ids_wrap_and_figures_stay_whole(width):
    lines = rendered(table_of_runs(), width)
    text = "\n".join(lines)
    for figure in ("1,200/1,200", "900/1,200", "31.5 %", "100.0 %"):
        assert figure in text
    assert "…" not in text
    assert first_cells(lines) == LONG + OTHER


@pytest.mark.parametrize(
    ("width", "gone"),
    [
        (60, "not shown in 60 columns: agent, turn limit, said; empty or all zero: infra error"),
        (80, "not shown in 80 columns: said; empty or all zero: infra error"),
        (140, "empty or all zero: infra error"),
        (220, ""),
    ],
)
def test_columns_without_a_figure_go_first_then_the_least_important(width, gone):
    lines = rendered(table_of_runs(), width)
    head = next(at for at, line in enumerate(lines) if "──" in line)
    assert " ".join(" ".join(lines[caption(lines) :]).split()) == gone
    headings = " ".join(" ".join(line.split()) for line in lines[:head])
    assert all((word in headings) == (word not in gone) for word in ("agent", "said", "infra", "turn"))


def test_a_title_and_sections_are_printed_and_text_is_no_markup():
    table = TerminalTable(name_column("id"), figure_column("n"), title=f"of {OTHER}")
    table.add("[red]one[/red]", "1")
    table.section()
    table.add(":smile:", "2", style="bold")
    assert [line.strip() for line in rendered(table, 80)] == [
        f"of {OTHER}",
        "id              n",
        "─────────────────",
        "[red]one[/red]  1",
        "─────────────────",
        ":smile:         2",
    ]


@given(
    ids=st.lists(st.text("abcS-_/.界", min_size=1, max_size=150), min_size=1, max_size=4),
    figure=st.integers(0, 10**9),
    text=st.text("ab ", max_size=200),
    width=st.integers(24, 200),
)
def test_nothing_is_lost_at_any_width(ids, figure, text, width):
    table = TerminalTable(name_column("id"), figure_column("figure"), prose_column("text", 1), figure_column("zero", 2))
    for id in ids:
        table.add(id, str(figure), text, "0")
    lines = rendered(table, width)
    assert first_cells(lines) == "".join(ids)
    assert "\n".join(lines).count(str(figure)) >= len(ids)


@pytest.mark.parametrize("width", [10, 20])
def test_a_line_too_short_for_all_is_still_printed_without_a_cut(width):
    text = "".join("".join(line.split()) for line in rendered(table_of_runs(), width))
    assert "…" not in text
    assert text.count("2025") <= 1
