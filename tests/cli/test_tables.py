"""Tables at terminals of 60, 80 and 120 columns: names, counts and shares whole, what says nothing left out first."""

import io
import json

import pytest
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from medenv.cli.tables import fit
from tests.cli.inside import medenv

RUN = "runs/a-run-with-a-rather-long-name-of-2026-11-28/gpt-5.1-mini-2026-01-01"
AGENT = "gpt-5.1-mini-2026-01-01"
WIDTHS = [60, 80, 120]


def number(name):
    return Column(name, justify="right")


def scores():
    table = Table(
        "task type", *map(number, ("episodes", "correct", "accuracy", "95 % interval", "turn limit", "blind floor"))
    )
    table.add_row("3 record-blood-pressure", "1,000", "875", "87.5 %", "84.1 - 90.2", "0", "13.1 %")
    table.add_row("10 renew-hba1c", "30", "30", "100.0 %", "88.6 - 100.0", "0", "0.0 %")
    return table, ("episodes", "correct", "accuracy")


def listed():
    table = Table(
        "run", "agent", *map(number, ("episodes", "correct")), "split", "grader", *map(number, ("infra error", "MB"))
    )
    table.add_row(
        RUN, "gpt-5.1-mini-2026-01-01", "300/300", "150/300", "test (version 3)", "strict (version 2)", "0", "3.8"
    )
    return table, ("agent", "episodes", "correct")


def told():
    table = Table("task", *map(number, ("line", "score")), "status", "why", *map(number, ("turns", "sample", "seed")))
    table.add_row(
        "task9_117", "12", "1.0", "completed", Text("an answer that is none of the values " * 5), "4", "0", "0"
    )
    return table, ("line", "score", "status")


def printed(made, width):
    table, keep = made()
    out = io.StringIO()
    console = Console(width=width, file=out)
    left_out = fit(table, console, keep)
    console.print(table)
    return out.getvalue(), left_out


def cells(text):
    """The lines of a printed table's body, by cells."""
    return [[part.strip() for part in line.strip("│").split("│")] for line in text.splitlines() if line.startswith("│")]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("made", [scores, listed, told])
def test_nothing_is_wider_than_the_terminal_or_cut(made, width):
    text, _ = printed(made, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text


@pytest.mark.parametrize("width", WIDTHS)
def test_names_counts_and_shares_are_whole(width):
    text, left_out = printed(scores, width)
    assert [row[:4] for row in cells(text)] == [
        ["3 record-blood-pressure", "1,000", "875", "87.5 %"],
        ["10 renew-hba1c", "30", "30", "100.0 %"],
    ]
    assert not {"task type", "episodes", "correct", "accuracy"} & set(left_out)


@pytest.mark.parametrize("width", WIDTHS)
def test_an_id_is_wrapped_and_never_cut(width):
    text, _ = printed(listed, width)
    assert ["".join(column) for column in zip(*cells(text), strict=True)][:4] == [RUN, AGENT, "300/300", "150/300"]


def test_what_says_nothing_goes_first_then_the_last_columns():
    assert printed(scores, 200)[1] == []
    assert printed(scores, 85)[1] == ["turn limit"]
    assert printed(scores, 60)[1] == ["95 % interval", "turn limit", "blind floor"]
    assert printed(listed, 120)[1] == ["infra error"]
    assert printed(listed, 100)[1] == ["grader", "infra error", "MB"]


@pytest.mark.parametrize("width", WIDTHS)
def test_commands_keep_to_the_terminal(tmp_path, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    run = tmp_path / "a-run-with-a-name-that-is-long-enough-to-be-wrapped-at-any-width"
    done = medenv("eval", "--agent", "blind", "--split", "builtin", "--type", "3", "--out", str(run), cwd=tmp_path)
    assert done.returncode == 0
    shown = [
        done.stdout,
        medenv("runs", "list", ".", cwd=tmp_path).stdout,
        medenv("compare", str(run), str(run), cwd=tmp_path).stdout,
        medenv("tasks", "--split", "builtin", cwd=tmp_path).stdout,
        medenv("models", cwd=tmp_path).stdout,
    ]
    for text in shown:
        table = [line for line in text.splitlines() if line[:1] in "┏┃┡│├└" and line]
        assert table
        assert max(map(len, table)) <= width
        assert "…" not in text
    assert any("30" in line and "15" in line and "50.0 %" in line for line in shown[0].splitlines())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("json")
    for agent in ("blind", "reference"):
        arguments = ("--agent", agent, "--split", "builtin", "--type", "3", "--out", agent)
        assert medenv("eval", *arguments, cwd=folder).returncode == 0
    return folder


class TestJson:
    def loaded(self, folder, *arguments):
        done = medenv(*arguments, "--json", cwd=folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def test_tasks(self, folder):
        types = self.loaded(folder, "tasks", "--split", "builtin")["types"]
        assert [one["tasks"] for one in types] == [30] * 10
        tasks = self.loaded(folder, "tasks", "--split", "builtin", "--type", "9")["tasks"]
        assert {"id", "type", "patient", "branch", "instruction", "context"} == set(tasks[0])
        made = self.loaded(folder, "tasks", "--split", "train", "--limit", "20")
        assert sum(one["tasks"] for one in made["types"]) == 20

    def test_runs(self, folder):
        listed = self.loaded(folder, "runs", "list", ".")
        assert [(one["run"], one["passed"], one["scored"]) for one in listed] == [
            ("blind", 15, 30),
            ("reference", 30, 30),
        ]
        shown = self.loaded(folder, "runs", "show", "blind")
        assert shown["summary"]["total"]["passed"] == 15
        assert shown["settings"]["agent"] == {"name": "blind"}
        rows = self.loaded(folder, "runs", "show", "blind", "--rows", "3", "--failed")
        assert [one["score"] for one in rows] == [0.0] * 3
        (episode,) = self.loaded(folder, "runs", "show", "blind", "--line", "2")
        assert episode["messages"][0]["role"] == "user"

    def test_compare(self, folder):
        found = self.loaded(folder, "compare", "blind", "reference")
        assert {one["run"] for one in found["runs"]} == {"blind", "reference"}
        (pair,) = found["comparisons"]
        assert (pair["first"], pair["second"], pair["all"]["gained"]) == ("blind", "reference", 15)
        assert set(pair["types"]) == {"3"}

    def test_grade(self, folder):
        found = self.loaded(folder, "grade", "reference", "--grader", "official")
        assert (found["grader"], found["ungraded"], found["summary"]["total"]["passed"]) == ("official", [], 30)

    def test_data_info(self, folder):
        found = self.loaded(folder, "data", "info", "--split", "builtin", "--report")
        assert "sha256:" in found["fingerprint"]
        assert found["resources"]["Patient"] > 0
        assert found["distribution"]


def test_long_answers_are_folded_unless_all_is_wanted(tmp_path):
    arguments = ("--agent", "reference", "--split", "builtin", "--type", "2", "--limit", "1", "--out", "run")
    assert medenv("eval", *arguments, cwd=tmp_path).returncode == 0
    folded, raw = (
        medenv("runs", "show", "run", "--line", "1", *more, cwd=tmp_path).stdout for more in ((), ("--raw",))
    )
    assert "--raw shows them" in folded
    assert "resources found" in folded
    assert '"resourceType": "Bundle"' in raw
    assert len(raw.splitlines()) > 2 * len(folded.splitlines())
