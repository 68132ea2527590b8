"""Verification of stored runs: what was altered is named with file and line, even where checksums were made anew."""

import json
import re
import shutil

import pytest

from medenv.episode import Benchmark
from medenv.rollouts import fingerprint_of_run, verify
from medenv.rollouts.store import repair_run
from medenv.rollouts.store.ledger import LEDGER, read_ledger, write_ledger
from medenv.trajectories import checksum_of, parse, seal, unsealed
from tests.cli.inside import medenv


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("played")
    types = [word for number in (5, 9) for word in ("--type", number)]
    done = medenv("eval", "--agent", "reference", "--split", "builtin", *types, "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture
def run(played, tmp_path):
    return shutil.copytree(played, tmp_path / "run")


def lines_of(run):
    return (run / "trajectories.jsonl").read_bytes().splitlines()


def alter(run, change, number=None, *, hidden=True):
    """Change a row, with a checksum that is right again, there and in the list of checksums, if `hidden`."""
    lines = lines_of(run)
    for at, line in enumerate(lines):
        row = json.loads(unsealed(line))
        if number in (None, at + 1) and change(row) is not False:
            altered = json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode()
            lines[at] = seal(altered) if hidden else altered[:-1] + line[-31:]
            break
    else:
        raise AssertionError("no row fits")
    (run / "trajectories.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    if hidden:
        write_ledger(run)
    return at + 1


def one_digit(row):
    for turn in row["turns"]:
        match = re.search(r'"value": (\d)', turn["observation"] or "")
        if match:
            at = match.start(1)
            other = str((int(match[1]) + 1) % 10)
            turn["observation"] = turn["observation"][:at] + other + turn["observation"][at + 1 :]
            return True
    return False


def test_a_run_as_it_was_played_is_verified(played):
    found = verify(played)
    assert found.verified, found.findings
    assert (found.rows, found.replayed, found.order) == (60, 60, True)
    assert found.passed == found.scored == 60
    assert found.fingerprint == fingerprint_of_run(played)
    assert read_ledger(played) == [checksum_of(line) for line in lines_of(played)]


@pytest.mark.parametrize("hidden", [False, True])
def test_one_digit_of_one_observation(run, hidden):
    before = fingerprint_of_run(run)
    line = alter(run, one_digit, hidden=hidden)
    found = verify(run)
    assert {one.line for one in found.findings} == {line}
    assert "observation" in next(one.message for one in found.findings if one.what == "replay")
    assert found.replayed == 59
    assert ("checksum" in {one.what for one in found.findings}) == (not hidden)
    assert fingerprint_of_run(run) != before


def test_one_verdict(run):
    def fail(row):
        row["verdict"]["score"] = 0.0

    line = alter(run, fail, 7)
    found = verify(run)
    assert {(one.line, one.task) for one in found.findings if one.line} == {(line, parse(lines_of(run)[6]).task.id)}
    assert "verdict" in {one.what for one in found.findings}
    assert any(one.file.endswith("summary.json") for one in found.findings), "the summary counts it as solved"


def test_a_verdict_in_another_graders_name(run):
    def rename(row):
        row["verdict"] = {**row["verdict"], "grader": "official", "score": 1.0}

    line = alter(run, rename, 3)
    assert {(one.line, one.what) for one in verify(run).findings} == {(line, "settings"), (line, "verdict")}


def test_an_order_in_the_chart(run):
    def another_dose(row):
        if not row["changes"] or row["changes"][0]["type"] != "MedicationRequest":
            return False
        dose = row["changes"][0]["stored"]["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
        dose["value"] = dose["value"] + 1
        return True

    line = alter(run, another_dose)
    assert (line, "replay") in {(one.line, one.what) for one in verify(run).findings}


def test_the_place_of_one_row(run):
    lines = lines_of(run)
    lines[10], lines[40] = lines[40], lines[10]
    (run / "trajectories.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    found = verify(run)
    assert {(one.line, one.what) for one in found.findings} == {(11, "order"), (41, "order")}
    assert found.replayed == 60


def test_an_easier_task_of_the_same_name(run):
    def easier(row):
        row["prompt"] = row["prompt"].replace(row["task"]["instruction"], "Do nothing")
        row["task"]["instruction"] = "Do nothing"

    line = alter(run, easier, 5)
    assert (line, "task") in {(one.line, one.what) for one in verify(run).findings}


def test_rows_left_out_repeated_or_turned_into_infrastructure_errors(run):
    lines = lines_of(run)
    (run / "trajectories.jsonl").write_bytes(b"\n".join([*lines[:5], *lines[6:], lines[0]]) + b"\n")
    write_ledger(run)
    whats = {(one.line, one.what) for one in verify(run).findings}
    assert whats >= {(60, "attempt"), (None, "count")}

    def spoil(row):
        row["status"], row["error"] = "infrastructure_error", "the provider was down"

    (run / "trajectories.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    line = alter(run, spoil, 2)
    assert (line, "verdict") in {(one.line, one.what) for one in verify(run).findings}


def test_tasks_of_a_whole_split_that_are_missing(run):
    path = run / "manifest.json"
    manifest = json.loads(path.read_bytes())
    with Benchmark(split="builtin") as benchmark:
        manifest["settings"]["tasks"] = benchmark.tasks.fingerprint
    del manifest["options"]["episodes"]
    path.write_text(json.dumps(manifest))
    said = [one.message for one in verify(run).findings if one.what == "count"]
    assert len(said) == 1
    assert "240 task(s)" in said[0]


def test_settings_in_the_manifest(run):
    path = run / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["settings"]["agent"] = {"name": "llm", "model": "a better one"}
    path.write_text(json.dumps(manifest))
    assert {one.what for one in verify(run).findings} == {"settings"}


def test_a_row_that_holds_anything_ends_as_a_finding(run):
    def break_it(row):
        row["turns"][0]["message"] = {"content": 5, "tool_calls": "x"}
        row["facts"] = {"not": "facts"}

    line = alter(run, break_it, 4)
    assert line in {one.line for one in verify(run).findings}
    (run / "trajectories.jsonl").write_bytes(b"[]\n" + b"\n".join(lines_of(run)[1:]) + b"\n")
    assert (1, "row") in {(one.line, one.what) for one in verify(run).findings}


def test_charts_that_are_not_here_are_told_and_verdicts_checked_all_the_same(run):
    def elsewhere(row):
        row["provenance"]["data"] = "sha256:another"
        row["verdict"]["score"] = 0.0

    alter(run, elsewhere, 1)
    found = verify(run)
    assert not found.verified
    assert list(found.unplayed.values()) == [[1]]
    assert "sha256:another" in next(iter(found.unplayed))
    assert (1, "verdict") in {(one.line, one.what) for one in found.findings}


def test_the_list_of_checksums_goes_with_what_is_set_aside(run):
    lines = lines_of(run)
    (run / "trajectories.jsonl").write_bytes(b"\n".join([*lines[:3], b'{"torn', *lines[4:]]) + b"\n")
    repair_run(run)
    assert read_ledger(run) == [checksum_of(line) for line in lines_of(run)]
    assert {one.what for one in verify(run).findings} == {"count"}, "one episode is missing, and nothing else"


def test_cut_runs_can_be_verified(run, tmp_path):
    done = medenv("runs", "filter", run, "--type", 9, "--out", tmp_path / "nine", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "nine" / LEDGER).exists()
    assert verify(tmp_path / "nine").verified


def test_the_command(run, tmp_path):
    done = medenv("verify", run, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "60 of 60" in done.stdout
    assert fingerprint_of_run(run) in done.stdout
    line = alter(run, one_digit)
    done = medenv("verify", run, cwd=tmp_path)
    assert done.returncode == 1
    assert f"{run / 'trajectories.jsonl'}, line {line}: " in done.stdout
    as_json = medenv("verify", run, "--json", cwd=tmp_path)
    assert json.loads(as_json.stdout)["findings"][0]["line"] == line
    assert medenv("verify", tmp_path / "nothing", cwd=tmp_path).returncode == 2
