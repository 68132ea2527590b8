"""Runs of which nothing is scored, and stored rows that can't be graded: exit codes, and the reason told."""

import json

import pytest

from medenv.cli.exits import NOTHING_SCORED
from tests.cli.inside import medenv

NOBODY = ("--model", "any", "--base-url", "http://127.0.0.1:9/v1", "--retries", "0", "--split", "builtin")


@pytest.mark.parametrize("command", ["eval", "rollout"])
def test_a_provider_that_is_not_there_is_told_before_the_third_episode(command, tmp_path):
    done = medenv(command, *NOBODY, "--limit", "40", "--out", "run", cwd=tmp_path)
    assert done.returncode == NOTHING_SCORED
    assert "ConnectError" in done.stderr
    assert "--resume run --retry-infrastructure" in done.stderr
    assert len((tmp_path / "run" / "trajectories.jsonl").read_bytes().splitlines()) == 2


@pytest.mark.parametrize("command", ["eval", "rollout"])
def test_a_run_without_a_score_has_a_code_of_its_own_and_says_why(command, tmp_path):
    done = medenv(command, *NOBODY, "--limit", "1", "--out", "run", cwd=tmp_path)
    assert done.returncode == NOTHING_SCORED
    assert "ConnectError" in done.stdout
    graded = medenv("grade", "run", cwd=tmp_path)
    assert graded.returncode == NOTHING_SCORED
    assert "ConnectError" in graded.stdout


def test_a_row_that_a_grader_fails_on_is_told_and_the_others_are_graded(tmp_path):
    assert (
        medenv(
            "eval",
            "--agent",
            "reference",
            "--split",
            "builtin",
            "--type",
            "2",
            "--limit",
            "4",
            "--out",
            "run",
            cwd=tmp_path,
        ).returncode
        == 0
    )
    file = tmp_path / "run" / "trajectories.jsonl"
    rows = [json.loads(line) for line in file.read_bytes().splitlines()]
    for row in rows:
        row.pop("checksum", None)
    rows[1]["facts"] = None  # what a grader refuses
    rows[2]["facts"] = [{"resourceType": "Patient", "birthDate": 7}]  # what it stumbles over
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = medenv("grade", "run", "--out", "again", cwd=tmp_path)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if str(file.name) in line]
    assert [
        f"line {number}, task {rows[number - 1]['task']['id']}: " in line
        for number, line in zip((2, 3), told, strict=True)
    ] == [True, True]
    assert done.stdout.splitlines()[-1] == "2/2"
    assert len((tmp_path / "again" / "trajectories.jsonl").read_bytes().splitlines()) == 2
