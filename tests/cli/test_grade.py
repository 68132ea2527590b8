"""``medenv grade`` and ``medenv compare`` on stored runs, without a server."""

import json

import pytest

from tests.cli.test_eval import medenv


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for agent, extra in (("blind", ()), ("reference", ()), ("random", ("--samples", "2", "--type", "5"))):
        done = medenv("eval", "--agent", agent, "--split", "builtin", "--out", agent, *extra, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_regrading_needs_the_stored_run_only(runs):
    strict = medenv("grade", "blind", "--grader", "strict", cwd=runs)
    official = medenv("grade", "blind", "--grader", "official", "--out", "regraded", cwd=runs)
    assert strict.stdout.splitlines()[-1] == "30/300"
    assert official.stdout.splitlines()[-1] == "93/300"
    assert json.loads((runs / "regraded" / "summary.json").read_bytes())["total"]["passed"] == 93
    assert medenv("grade", "regraded/trajectories.jsonl", cwd=runs).stdout.splitlines()[-1] == "30/300"


def test_regrading_gives_the_very_same_verdicts(runs):
    medenv("grade", "reference", "--grader", "strict", "--out", "again", cwd=runs)
    assert (runs / "again" / "trajectories.jsonl").read_bytes() == (
        runs / "reference" / "trajectories.jsonl"
    ).read_bytes()


def test_two_runs_are_compared(runs):
    done = medenv("compare", "blind", "reference", cwd=runs)
    assert done.returncode == 0, done.stderr
    assert "+90.0" in done.stdout
    assert medenv("compare", "blind", "reference", "--grader", "official", cwd=runs).returncode == 0


def test_runs_on_different_charts_are_not_compared(runs):
    other = runs / "other.jsonl"
    rows = [json.loads(line) for line in (runs / "blind" / "trajectories.jsonl").read_bytes().splitlines()]
    for row in rows:
        del row["checksum"]
        row["provenance"]["data"] = "sha256:0000"
    other.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = medenv("compare", "blind", "other.jsonl", cwd=runs)
    assert done.returncode == 2
    assert "sha256:0000" in done.stderr


def test_runs_on_different_versions_of_a_split_are_not_compared(runs):
    rows = [json.loads(line) for line in (runs / "blind" / "trajectories.jsonl").read_bytes().splitlines()]
    for version in (1, None):
        for row in rows:
            row.pop("checksum", None)
            row["provenance"].pop("split_version", None)
            if version is not None:
                row["provenance"]["split_version"] = version
        (runs / "older.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        done = medenv("compare", "blind", "older.jsonl", cwd=runs)
        assert done.returncode == 2
        assert "builtin (version 3)" in done.stderr
        assert "builtin (version 1)" in done.stderr


def test_runs_judged_by_different_versions_of_a_grader_are_not_compared(runs):
    rows = [json.loads(line) for line in (runs / "blind" / "trajectories.jsonl").read_bytes().splitlines()]
    for row in rows:
        del row["checksum"]
        row["verdict"]["grader_version"] = 0
    (runs / "judged_before.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = medenv("compare", "reference", "judged_before.jsonl", cwd=runs)
    assert done.returncode == 2
    assert "strict (version 0)" in done.stderr
    assert medenv("compare", "reference", "judged_before.jsonl", "--grader", "strict", cwd=runs).returncode == 0


def test_runs_judged_by_different_graders_are_not_compared(runs):
    medenv("grade", "blind", "--grader", "official", "--out", "judged", cwd=runs)
    refused = medenv("compare", "reference", "judged", cwd=runs)
    assert refused.returncode == 2
    assert "official (version 1)" in refused.stderr
    assert "strict (version " in refused.stderr
    assert medenv("compare", "reference", "judged", "--grader", "strict", cwd=runs).returncode == 0


def test_samples_are_stored_and_rated(runs):
    rows = [json.loads(line) for line in (runs / "random" / "trajectories.jsonl").read_bytes().splitlines()]
    assert len({(row["task"]["id"], row["provenance"]["sample"]) for row in rows}) == len(rows) == 60
    assert json.loads((runs / "random" / "summary.json").read_bytes())["samples"] == 2


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("grade", "nowhere"), "nowhere"),
        (("grade", "blind", "--grader", "kind"), "kind"),
        (("compare", "blind", "nowhere"), "nowhere"),
    ],
)
def test_mistakes_are_one_clear_error(runs, arguments, word):
    done = medenv(*arguments, cwd=runs)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_run_names_the_line(runs):
    (runs / "broken.jsonl").write_text("{}\n")
    done = medenv("grade", "broken.jsonl", cwd=runs)
    assert done.returncode == 2
    assert "line 1" in done.stderr
