"""``medenv runs``: runs listed, shown, merged, filtered and sampled, without a model."""

import json

import pytest

from tests.cli.inside import medenv


def rows_of(run):
    return [json.loads(line) for line in (run / "trajectories.jsonl").read_bytes().splitlines()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, arguments in (
        ("reference", ("--agent", "reference", "--type", "9")),
        ("zero", ("--agent", "random", "--type", "5")),
        ("one", ("--agent", "random", "--type", "5", "--seed", "1")),
    ):
        done = medenv("rollout", *arguments, "--out", name, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_list_and_show(runs):
    listed = medenv("runs", "list", ".", cwd=runs).stdout
    assert all(word in listed for word in ("reference", "30/30", "random", "strict (version", "test (version"))
    shown = medenv("runs", "show", "reference", cwd=runs).stdout
    assert shown.splitlines()[-1] == "30/30"
    assert "prompt: sha256:" in shown
    rows = medenv("runs", "show", "zero", "--rows", "5", "--failed", cwd=runs).stdout
    assert rows.count("task5_") == 5
    one = medenv("runs", "show", "reference", "--task", "task9_1", cwd=runs).stdout
    assert "FINISH(" in one
    assert "pass " in one
    assert medenv("runs", "show", "reference", "--task", "task9_99", cwd=runs).returncode == 2


def test_merge_takes_every_attempt_once(runs):
    done = medenv("runs", "merge", "zero", "one", "zero", "--out", "both", cwd=runs)
    assert done.returncode == 0, done.stderr
    assert "60 episodes" in done.stdout
    assert "30 left out" in done.stdout
    assert rows_of(runs / "both") == rows_of(runs / "zero") + rows_of(runs / "one")
    manifest = json.loads((runs / "both" / "manifest.json").read_bytes())
    assert manifest["settings"]["merged"] == ["zero", "one", "zero"]
    assert manifest["settings"]["agent"] == {"name": "random"}
    assert "seed" not in manifest["settings"], "it isn't the same in all"
    assert medenv("runs", "check", "both", cwd=runs).returncode == 0
    assert medenv("rollout", "--resume", "both", cwd=runs).returncode == 2


def test_merge_refuses_two_courses_of_one_attempt_and_prefers_scores_to_faults(runs):
    rows = rows_of(runs / "zero")
    rows[3]["result"] = "[1]"
    del rows[3]["checksum"]
    (runs / "odd").mkdir()
    (runs / "odd" / "trajectories.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[3:4]))
    refused = medenv("runs", "merge", "zero", "odd", "--out", "mixed", cwd=runs)
    assert refused.returncode == 2
    assert "line 1" in refused.stderr
    assert not (runs / "mixed" / "trajectories.jsonl").exists()
    rows[3] |= {"status": "infrastructure_error", "verdict": None}
    (runs / "odd" / "trajectories.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[3:4]))
    assert medenv("runs", "merge", "odd", "zero", "--out", "mended", cwd=runs).returncode == 0
    assert rows_of(runs / "mended") == rows_of(runs / "zero")


def test_merge_refuses_different_versions_of_a_split(runs):
    rows = rows_of(runs / "one")
    (runs / "older").mkdir()
    for row in rows:
        del row["checksum"]
        row["provenance"]["split_version"] -= 1
    (runs / "older" / "trajectories.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    refused = medenv("runs", "merge", "zero", "older", "--out", "versions", cwd=runs)
    assert refused.returncode == 2
    assert "test (version 1)" in refused.stderr
    assert "test (version 2)" in refused.stderr
    assert not (runs / "versions" / "trajectories.jsonl").exists()


def test_a_run_on_another_version_of_the_split_is_not_gone_on_with(runs):
    path = runs / "zero" / "manifest.json"
    text = path.read_text()
    manifest = json.loads(text)
    assert manifest["settings"]["split_version"] == 2
    manifest["settings"]["split_version"] = 1
    try:
        path.write_text(json.dumps(manifest))
        refused = medenv("rollout", "--resume", "zero", cwd=runs)
    finally:
        path.write_text(text)
    assert refused.returncode == 2
    assert "split_version 1, not 2" in refused.stderr


def test_filter_keeps_what_fits(runs):
    assert medenv("runs", "filter", "zero", "--failed", "--max-turns", "3", "--out", "short", cwd=runs).returncode == 0
    wanted = [row for row in rows_of(runs / "zero") if row["verdict"]["score"] == 0 and len(row["turns"]) <= 3]
    assert rows_of(runs / "short") == wanted
    assert 0 < len(wanted) < 30
    category = wanted[0]["verdict"]["category"]
    assert medenv("runs", "filter", "short", "--category", category, "--out", "shorter", cwd=runs).returncode == 0
    assert {row["verdict"]["category"] for row in rows_of(runs / "shorter")} == {category}
    assert medenv("runs", "filter", "zero", "--status", "gone", "--out", "x", cwd=runs).returncode == 2


def test_sample_draws_by_seed(runs):
    for name in ("a", "b"):
        assert medenv("runs", "sample", "zero", "-n", "7", "--seed", "3", "--out", name, cwd=runs).returncode == 0
    assert rows_of(runs / "a") == rows_of(runs / "b")
    assert len({row["task"]["id"] for row in rows_of(runs / "a")}) == 7
    assert medenv("runs", "sample", "zero", "-n", "7", "--out", "a", cwd=runs).returncode == 2, (
        "a run is not overwritten"
    )


def test_missing_runs_are_one_clear_error(runs):
    for command in (("list", "nowhere"), ("show", "nowhere"), ("check", "nowhere"), ("repair", "nowhere")):
        done = medenv("runs", *command, cwd=runs)
        assert done.returncode == 2
        assert "nowhere" in done.stderr
        assert "Traceback" not in done.stderr
