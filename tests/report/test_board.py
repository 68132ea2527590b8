"""The board and its tables: from made-up runs and tables with known figures, and from the published ones."""

import csv
import json
from pathlib import Path

import pytest

from medenv.report.board import board_of, cost_remarks
from medenv.report.conditions import BoardError
from medenv.report.difficulty import analysis, versus
from medenv.report.published import PublishedError, read_published
from medenv.report.records import distinct_names
from medenv.report.tables import tables_of
from medenv.report.writing import csv_table, html_table, latex_table, markdown_table
from medenv.trajectories import Status
from tests.report.made_up import episode, episodes_of, record, write_published

pytestmark = pytest.mark.quick

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published"
needs_published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the reference material is not beside the clone")
SARA = "Sara 1.5 4B"


def table(board, name, focus=None):
    return next(one for one in tables_of(board, focus) if one.name == name)


def rows_of(text):
    return list(csv.DictReader(text.splitlines()))


def test_published_tables_are_entries_with_unknowns_empty(tmp_path):
    found = read_published(write_published(tmp_path / "tables"))
    board = board_of([], found.entries)
    beta = board.entry('Beta, "B" <b>')
    assert (beta.total.passed, beta.total.scored, beta.invalid, beta.minutes) == (5, 9, 1, None)
    assert beta.total.share == 5 / 9
    assert beta.types[7].share == 0.0
    assert beta.types[7].interval is beta.types[7].scored is beta.cost is beta.recall is None
    assert board.entry("gamma_$5%").errors is None
    assert board.names == ["Alpha", 'Beta, "B" <b>', "gamma_$5%"]
    assert board.types == [1, 7]


def test_difficulty_and_one_against_the_field_by_hand(tmp_path):
    board = board_of([], read_published(write_published(tmp_path / "tables")).entries)
    hard, easy = analysis(board)
    assert (hard.type, easy.type) == (7, 1)
    assert hard.mean == pytest.approx((60 + 0 + 20) / 300)
    assert hard.deviation == pytest.approx(0.305505, abs=1e-6)  # of 60, 0 and 20, by hand
    assert (hard.hardest, hard.easiest) == (['Beta, "B" <b>'], ["Alpha"])
    assert easy.easiest == ["Alpha", 'Beta, "B" <b>']
    first, seventh = versus(board, 'Beta, "B" <b>')
    assert (first.place, first.tied, first.share, first.best_share) == (1, 1, 1.0, 1.0)
    assert first.best[0] == 'Beta, "B" <b>'
    assert (seventh.place, seventh.models) == (3, 3)
    assert seventh.delta == pytest.approx(-80 / 300)
    assert versus(board.only(["Alpha", "gamma_$5%"]), "gamma_$5%")[1].place == 2
    with pytest.raises(ValueError, match="nobody"):
        versus(board, "nobody")


@needs_published
def test_the_seed_reports_leaderboard_and_matrix():
    board = board_of([], read_published(PUBLISHED).entries)
    for name in ("leaderboard", "task_accuracy_matrix"):
        wanted = rows_of((PUBLISHED / f"{name}.csv").read_text())
        found = rows_of(csv_table(table(board, name)))
        assert [{key: row[key] for key in wanted[0]} for row in found] == wanted
    in_report = [line.split("|")[1:-1] for line in _section("4.1", "| ")][2:]
    assert len(in_report) == 15
    for row, entry in zip(in_report, board.entries, strict=True):
        rank, _, _, accuracy, correct, invalid = (cell.strip() for cell in row)
        assert (int(rank), int(invalid)) == (entry.rank, entry.invalid)
        assert accuracy == f"{100 * entry.total.share:.1f}%"
        assert correct == f"{entry.total.passed} / {entry.total.scored}"


@needs_published
def test_the_seed_reports_difficulty_over_fifteen_models_and_over_ten():
    board = board_of([], read_published(PUBLISHED).entries)
    wanted = rows_of((PUBLISHED / "task_difficulty.csv").read_text())
    found = rows_of(csv_table(table(board, "task_difficulty", SARA)))
    figures = ("Rank", "Task", "Description", "Average Accuracy (%)", "Std Dev")
    assert [[row[key] for key in figures] for row in found] == [[row[key] for key in figures] for row in wanted]
    for row, one in zip(
        wanted, analysis(board), strict=True
    ):  # which of several equals is named is the report's choice
        assert row["Hardest For"] in one.hardest
        assert row["Easiest For"] in one.easiest
    ten = board.only(_ten())
    in_report = [[cell.strip() for cell in line.split("|")[1:-1]] for line in _section("4.3", "| ")][2:]
    assert len(in_report) == len(analysis(ten)) == 10
    for (_, task, _, mean, deviation), one in zip(in_report, analysis(ten), strict=True):
        assert (task, mean, deviation) == (f"Task {one.type}", f"{100 * one.mean:.1f}%", f"{100 * one.deviation:.1f}")


@needs_published
def test_sara_against_the_field_in_both_forms():
    board = board_of([], read_published(PUBLISHED).entries)
    wanted = rows_of((PUBLISHED / "sara_comparison.csv").read_text())
    found = rows_of(csv_table(table(board, "comparison", SARA)))
    names = {"Sara Score (%)": "Score (%)", "Sara Rank": "Rank"}
    assert [{key: row[names.get(key, key)] for key in wanted[0]} for row in found] == wanted
    ranks = {row["Model"]: row for row in rows_of((PUBLISHED / "model_rankings_per_task.csv").read_text())}
    for at, one in enumerate(versus(board, SARA), 1):
        assert list(ranks[SARA].values())[at] == f"{one.place}{ {1: 'st'}.get(one.place, 'th') }"
    in_report = [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in _section("5.3", "| ")][2:]
    among_ten = {f"Task {x.type}": x for x in versus(board.only(_ten()), SARA)}
    assert len(in_report) == 10
    for task, _, own, field, delta, place in in_report:
        one = among_ten[task]
        assert (own, field) == (f"{100 * one.share:.1f}%", f"{100 * one.mean:.1f}%")
        assert delta == f"{100 * one.delta:+.1f}%"
        assert place == f"{one.place}{ {1: 'st'}.get(one.place, 'th') }"


@needs_published
def test_every_published_rank_is_one_that_a_tie_allows():
    board = board_of([], read_published(PUBLISHED).entries)
    heads, *rows = csv.reader((PUBLISHED / "model_rankings_per_task.csv").read_text().splitlines())
    for row in rows:
        own = {one.type: one for one in versus(board, row[0])}
        for head, said in zip(heads[1:], row[1:], strict=True):
            one = own[int(head.split()[0].removeprefix("task"))]
            assert one.place <= int(said.rstrip("stndrh")) <= one.place + one.tied


def _ten():
    return next(csv.reader((PUBLISHED / "task_analysis.csv").read_text().splitlines()))[2:]


def _section(number, begins):
    text = (PUBLISHED.parents[1] / "seed" / "benchmark-report.md").read_text()
    part = text.split(f"### {number} ", 1)[1].split("\n#", 1)[0]
    return [line for line in part.splitlines() if line.startswith("|")]


@needs_published
def test_percentages_alone_are_enough():
    found = read_published(PUBLISHED)
    assert len(found.entries) == 15


def test_a_run_as_an_entry():
    episodes = episodes_of(lambda t, n: t != 3 and n < 4, cost=0.02)
    episodes += [episode(1, 90, 0.0, status=Status.INVALID_ACTION), episode(1, 91, 0.0, status=Status.TURN_LIMIT)]
    episodes += [episode(1, 92, 0.0, status=Status.CONTEXT_LIMIT), episode(1, 93, None)]
    entry = board_of([record("m", episodes)]).entries[0]
    assert (entry.total.passed, entry.total.scored, entry.episodes) == (36, 63, 64)
    assert (entry.completed, entry.invalid, entry.limit, entry.errors, entry.unscored) == (60, 1, 2, 1, 1)
    assert (entry.cost, entry.priced, entry.tokens, entry.turns) == (pytest.approx(0.02), 60, 120, 1)
    assert entry.types[3].share == 0
    assert entry.categories == {"dose": 27, "infrastructure": 1}
    assert entry.error.groups == 63


def test_repeated_attempts_have_pass_rates_and_a_gap():
    episodes = [episode(5, n, float((n + sample) % 2), sample=sample) for n in range(8) for sample in range(2)]
    board = board_of([record("m", episodes), record("n", episodes)])
    row = rows_of(csv_table(table(board, "uncertainty")))[0]
    assert (row["Attempts a task"], row["pass@k (%)"], row["pass^k (%)"], row["Gap"]) == ("2", "100.0", "0.0", "100.0")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"split": "test"}, "splits"),
        ({"split_version": 2}, "version 2"),
        ({"grader": "official"}, "graders"),
        ({"grader_version": 3}, "version 3"),
        ({"protocol": "tools"}, "protocols"),
        ({"data": "sha256:other"}, "sha256:other"),
    ],
)
def test_what_does_not_compare_gets_no_common_board(change, word):
    from dataclasses import replace

    one = episode(1, 1, 1.0)
    other = episode(1, 1, 1.0, **{key: value for key, value in change.items() if key in ("data", "split_version")})
    if "split" in change:
        other = replace(other, task=replace(other.task, split=change["split"]))
    if "protocol" in change:
        other = replace(other, protocol=change["protocol"])
    verdict = {"grader": change.get("grader", "strict"), "grader_version": change.get("grader_version", 1)}
    other = replace(other, verdict={**other.verdict, **verdict})
    with pytest.raises(BoardError, match=word):
        board_of([record("a", [one]), record("b", [other])])
    with pytest.raises(BoardError, match=word):  # nor within one merged run
        board_of([record("a", [one, other])])
    assert board_of([record("a", [one]), record("b", [one])]).remarks == []


def test_other_differences_are_told():
    from dataclasses import replace

    one = episode(1, 1, 1.0)
    board = board_of([record("a", [one]), record("b", [replace(one, max_turns=20)])])
    assert any("max_turns" in remark and "20" in remark for remark in board.remarks)


def test_tables_that_say_what_they_were_made_under_are_held_to_it(tmp_path):
    folder = write_published(tmp_path / "tables")
    (folder / "about.json").write_text(json.dumps({"split": "official"}))
    found = read_published(folder)
    with pytest.raises(BoardError, match="official"):
        board_of([record("a", [episode(1, 1, 1.0)])], found.entries, about=found.about)


def test_odd_runs_are_told_in_words():
    empty, lost = record("empty", []), record("lost", [episode(1, n, None) for n in range(3)])
    board = board_of([empty, lost])
    assert [one.rank for one in board.entries] == [None, None]
    assert any(one.startswith("empty") and "no episode" in one for one in board.remarks)
    assert any(one.startswith("lost") and "all 3" in one for one in board.remarks)
    assert any(one.startswith("lost") and "cost" in one for one in cost_remarks(board))
    for one in tables_of(board):
        for write in (markdown_table, csv_table, latex_table, html_table):
            assert write(one)


def test_names_are_kept_apart(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "x" / "b"]
    names = distinct_names([("m", paths[0]), ("m", paths[1]), ("m", paths[2]), ("k", paths[0])], taken=["k"])
    assert len(set(names)) == 4
    assert "k" not in names
    assert all(name.startswith(("m", "k")) for name in names)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("leaderboard.csv", "Model,Correct,Total\nA,many,3\n", ("line 2", "many", "Correct")),
        ("leaderboard.csv", "Model,Correct,Total\nA,nan,3\n", ("line 2", "nan")),
        ("leaderboard.csv", "Model,Correct,Total\nA,4,3\n", ("line 2", "4 correct of 3")),
        ("leaderboard.csv", "Model,Accuracy (%)\nA,101\n", ("line 2", "101")),
        ("leaderboard.csv", "Model,Accuracy (%)\nA,-1\n", ("line 2", "-1")),
        ("leaderboard.csv", "Name\nA\n", ("Model",)),
        ("leaderboard.csv", "Model,Total\nA,1\nA,2\n", ("line 3", "twice")),
        ("leaderboard.csv", "Model,Model\nA,B\n", ("Model", "twice")),
        ("leaderboard.csv", "Model,Total\nA, B,1\n", ("line 2", "3 cells")),
        ("leaderboard.csv", "", ("leaderboard.csv",)),
        ("task_accuracy_matrix.csv", "Task,A\ntask11,5\n", ("line 2", "11")),
        ("task_accuracy_matrix.csv", "Task,A\nsurgery,5\n", ("line 2", "surgery")),
        ("about.json", "[1]", ("about.json",)),
    ],
)
def test_a_table_of_another_shape_is_told_by_line_and_value(tmp_path, file, text, words):
    folder = tmp_path / "tables"
    folder.mkdir()
    if file == "about.json":
        (folder / "leaderboard.csv").write_text("Model,Total\nA,1\n")
    (folder / file).write_text(text)
    with pytest.raises(PublishedError) as told:
        read_published(folder)
    for word in words:
        assert word in str(told.value)
    with pytest.raises(PublishedError, match="nowhere"):
        read_published(tmp_path / "nowhere")


def test_what_a_report_writes_can_be_read_as_published_tables(tmp_path):
    board = board_of([record("one", episodes_of(lambda t, n: n < 3)), record("two", episodes_of(lambda t, n: n < t))])
    for name in ("leaderboard", "task_accuracy_matrix"):
        (tmp_path / f"{name}.csv").write_text(csv_table(table(board, name)))
    again = board_of([], read_published(tmp_path).entries)
    assert again.names == board.names
    for one, other in zip(board.entries, again.entries, strict=True):
        assert (one.total.passed, one.total.scored, one.invalid) == (
            other.total.passed,
            other.total.scored,
            other.invalid,
        )
        assert {n: round(cell.share, 3) for n, cell in one.types.items()} == {
            n: round(cell.share, 3) for n, cell in other.types.items()
        }
