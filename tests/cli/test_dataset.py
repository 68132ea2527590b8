"""``medenv dataset`` and ``medenv rollout --branch-from`` from the command line, as a user runs them."""

import json
from importlib.util import find_spec

import pytest

from tests.cli.test_eval import medenv


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for agent, samples in (("reference", 1), ("random", 2)):
        arguments = (
            "--agent",
            agent,
            "--samples",
            samples,
            "--split",
            "builtin",
            "--type",
            3,
            "--type",
            7,
            "--limit",
            40,
        )
        done = medenv("rollout", *arguments, "--out", agent, cwd=root)
        assert done.returncode == 0, done.stderr
    return root


def rows_of(folder):
    return [json.loads(line) for line in (folder / "data" / "train.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("format", ["sft", "dpo", "kto", "grpo", "steps", "sharegpt"])
def test_every_format_is_made(runs, tmp_path, format):
    out = tmp_path / "made" / format
    done = medenv("dataset", format, "reference", "random", "--out", out, cwd=runs)
    assert done.returncode == 0, done.stderr
    total = len(rows_of(out))
    assert done.stdout.splitlines()[-1] == f"{total} rows from 120 episodes in {out}"
    assert {path.name for path in out.iterdir()} == {"README.md", "report.json", "data"}


def test_forks_of_a_run_make_pairs_further_on(runs, tmp_path):
    arguments = ("--agent", "reference", "--branch-from", "random", "--branch-at", 1, "--samples", 2)
    done = medenv("rollout", *arguments, "--type", 7, "--out", tmp_path / "forks", cwd=runs)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "forks" / "manifest.json").read_bytes())
    assert manifest["options"]["split"] == "builtin", "taken from the run that it goes on from"
    again = medenv("rollout", "--resume", tmp_path / "forks", cwd=runs)
    assert again.returncode == 0, again.stderr
    out = tmp_path / "pairs"
    done = medenv(
        "dataset", "dpo", "reference", "random", tmp_path / "forks", "--level", "turn", "--out", out, cwd=runs
    )
    assert done.returncode == 0, done.stderr
    assert any(row["turn"] > 0 for row in rows_of(out))


def test_prompts_need_no_run(tmp_path):
    done = medenv("dataset", "grpo", "--split", "train", "--limit", 7, "--type", 9, "--out", "prompts", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "prompts")
    assert len(rows) == 7
    assert {row["task_type"] for row in rows} == {9}
    assert all(json.loads(row["task"])["id"] == row["task_id"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sft",), ["run"]),
        (("sft", "reference"), ["--out"]),
        (("sft", "nowhere", "--out", "x"), ["nowhere"]),
        (("sft", "reference", "--out", "reference"), ["reference"]),
        (("sft", "reference", "--keep", "good", "--out", "x"), ["passed"]),
        (("kto", "reference", "--margin", "1", "--out", "x"), ["--margin"]),
        (("grpo", "reference", "--split", "train", "--out", "x"), ["--split"]),
        (("grpo", "--pass-rate", "0.1", "0.9", "--out", "x"), ["runs"]),
        (("grpo", "--split", "test", "--out", "x"), ["'test'", "--allow-test-data"]),
        pytest.param(
            ("minari", "reference", "--out", "x"),
            ["version"],
            marks=pytest.mark.skipif(not find_spec("minari"), reason="this needs the extra 'minari'"),
        ),
    ],
)
def test_mistakes_are_one_clear_error(runs, tmp_path, arguments, words):
    before = sorted(runs.rglob("*"))
    done = medenv("dataset", *arguments, cwd=runs)
    assert done.returncode == 2
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(runs.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--branch-at", "1"), "--branch-from"),
        (("--branch-from", "random"), "--branch-at"),
        (("--branch-from", "random", "--branch-at", "1", "--limit", "3"), "--limit"),
        (("--branch-from", "random", "--branch-at", "99"), "99"),
        (("--branch-from", "nowhere", "--branch-at", "1"), "nowhere"),
    ],
)
def test_forking_mistakes_are_told(runs, tmp_path, arguments, word):
    done = medenv("rollout", "--agent", "random", *arguments, "--out", tmp_path / "x", cwd=runs)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
