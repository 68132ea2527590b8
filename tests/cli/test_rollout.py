"""``medenv rollout``: what kills, Ctrl-C, full disks, rival writers and damage do to a run, with real processes."""

import json
import random
import resource
import signal
import subprocess
import sys
from collections import Counter
from itertools import count
from threading import Event

import pytest

from tests.agents.openai_server import Faults, serving
from tests.cli import inside

MEDENV = [sys.executable, "-m", "medenv"]
EPISODES = ("--agent", "random", "--split", "builtin", "--limit", "250", "--samples", "8")


def medenv(*arguments, cwd, **options):
    return subprocess.run(
        [*MEDENV, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=300, check=False, **options
    )


def started(*arguments, cwd):
    return subprocess.Popen([*MEDENV, *map(str, arguments)], cwd=cwd, stderr=subprocess.PIPE, stdout=subprocess.PIPE)


def lines_of(run):
    file = run / "trajectories.jsonl"
    return file.read_bytes().splitlines() if file.exists() else []


def keys_of(run):
    rows = [json.loads(line) for line in lines_of(run)]
    return Counter((row["task"]["id"], row["provenance"]["sample"], row["provenance"]["seed"]) for row in rows)


def wait_for_rows(process, run, count):
    """Until the run holds so many rows, or the process ends."""
    file, pause = run / "trajectories.jsonl", Event()
    while process.poll() is None and (not file.exists() or file.read_bytes().count(b"\n") < count):
        pause.wait(0.005)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of 2,000 episodes in one go."""
    folder = tmp_path_factory.mktemp("whole")
    done = medenv("rollout", *EPISODES, "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_kill_9_five_times_loses_and_repeats_nothing(tmp_path, whole):
    run, reached = tmp_path / "run", []
    arguments = (*EPISODES, "--out", "run")
    for threshold in sorted(random.Random(9).sample(range(20, 1900), 5)):
        process = started("rollout", *arguments, cwd=tmp_path)
        wait_for_rows(process, run, threshold)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        reached.append(len(lines_of(run)))
        arguments = ("--resume", "run")
    assert 20 <= reached[0] < reached[-1] < 2000
    done = medenv("rollout", "--resume", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(keys_of(run).values()) == {1}
    assert sorted(lines_of(run)) == sorted(lines_of(whole)), "the same 2,000 episodes as in one go"
    assert json.loads((run / "summary.json").read_bytes()) == json.loads((whole / "summary.json").read_bytes())


def test_a_killed_run_takes_its_worker_processes_along(tmp_path):
    arguments = ("--agent", "random", "--split", "builtin", "--limit", "100", "--samples", "4")
    process = started(*("rollout", *arguments, "--engine", "processes", "--workers", "2", "--out", "run"), cwd=tmp_path)
    wait_for_rows(process, tmp_path / "run", 30)
    process.kill()
    process.communicate()  # returns when nobody holds the pipes any more
    assert 30 <= len(lines_of(tmp_path / "run")) < 400
    done = medenv("rollout", "--resume", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert inside.medenv("rollout", *arguments, "--out", "whole", cwd=tmp_path).returncode == 0
    assert sorted(lines_of(tmp_path / "run")) == sorted(lines_of(tmp_path / "whole")), "the engine changes no episode"


def test_ctrl_c_does_not_wait_for_a_model_that_says_nothing(tmp_path):
    number, asked, release = count(1), Event(), Event()

    def reply(messages):
        if next(number) > 20:
            asked.set()
            release.wait(60)
        return "FINISH([])"

    with serving(reply) as (base, _):
        process = started(
            *("rollout", "--agent", "llm", "--model", "m", "--base-url", base, "--split", "builtin"),
            *("--out", "run", "--concurrency", "8"),
            cwd=tmp_path,
        )
        try:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        finally:
            release.set()
            process.kill()
    assert process.returncode == 130
    assert b"medenv rollout --resume run" in said
    assert b"Traceback" not in said
    kept = keys_of(tmp_path / "run")
    assert 12 < len(kept) <= 20, "what was answered, but for answers that were on their way"
    with serving(lambda messages: "FINISH([])") as (base, seen):
        done = medenv("rollout", "--resume", "run", "--base-url", base, cwd=tmp_path)
        assert done.returncode == 2, "another address is another agent"
        assert "base_url" in done.stderr
        assert not seen
    assert keys_of(tmp_path / "run") == kept


def test_a_full_disk_ends_the_run_and_keeps_what_was_stored(tmp_path):
    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_001, 1_000_001))

    some = ("--agent", "random", "--split", "builtin", "--limit", "120")
    assert inside.medenv("rollout", *some, "--out", "whole", cwd=tmp_path).returncode == 0
    done = medenv("rollout", *some, "--out", "run", cwd=tmp_path, preexec_fn=little_room)
    assert done.returncode == 1
    assert "--resume run" in done.stderr
    assert "Traceback" not in done.stderr
    kept = lines_of(tmp_path / "run")
    assert 10 < len(kept) < 120
    assert set(kept) <= set(lines_of(tmp_path / "whole")), "no row is torn"
    assert inside.medenv("rollout", "--resume", "run", cwd=tmp_path).returncode == 0
    assert sorted(lines_of(tmp_path / "run")) == sorted(lines_of(tmp_path / "whole"))


def test_one_writer_a_run(tmp_path):
    release, asked = Event(), Event()

    def reply(messages):
        asked.set()
        release.wait(60)
        return "FINISH([])"

    with serving(reply) as (base, _):
        arguments = ("rollout", "--agent", "llm", "--model", "m", "--base-url", base, "--type", "1", "--out", "run")
        process = started(*arguments, cwd=tmp_path)
        try:
            assert asked.wait(60)
            for rival in (arguments, ("rollout", "--resume", "run"), ("runs", "repair", "run")):
                refused = inside.medenv(*rival, cwd=tmp_path)
                assert refused.returncode == 2
                assert "another process" in refused.stderr
            process.kill()
            process.communicate()
        finally:
            release.set()
            process.kill()
    with serving(lambda messages: "FINISH([])") as (base, _):
        done = inside.medenv("rollout", "--resume", "run", "--base-url", base, cwd=tmp_path)
    assert done.returncode == 0, done.stderr  # a killed writer's lock is gone


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda lines: [*lines[:2], lines[2].replace(b'"sample":0', b'"sample":1'), *lines[3:]],
            ["line 3", "checksum"],
        ),
        (lambda lines: [*lines[:2], lines[2][:100], *lines[3:]], ["line 3", "not JSON"]),
        (lambda lines: [*lines, lines[0]], ["line 31", "line 1"]),
    ],
    ids=["edited", "truncated", "repeated"],
)
def test_a_damaged_store_is_told_by_line_and_repaired(tmp_path, damage, words):
    assert inside.medenv("rollout", "--agent", "random", "--type", "1", "--out", "run", cwd=tmp_path).returncode == 0
    run = tmp_path / "run"
    lines = lines_of(run)
    (run / "trajectories.jsonl").write_bytes(b"".join(line + b"\n" for line in damage(lines)))
    damaged = (run / "trajectories.jsonl").read_bytes()
    refused = inside.medenv("rollout", "--resume", "run", cwd=tmp_path)
    assert refused.returncode == 2
    assert all(word in refused.stderr for word in [*words, "medenv runs repair run"]), refused.stderr
    assert (run / "trajectories.jsonl").read_bytes() == damaged
    checked = inside.medenv("runs", "check", "run", cwd=tmp_path)
    assert checked.returncode == 1
    assert words[0] in checked.stdout
    assert inside.medenv("runs", "repair", "run", cwd=tmp_path).returncode == 0
    assert len((run / "rejected.jsonl").read_bytes().splitlines()) == 1
    assert inside.medenv("rollout", "--resume", "run", cwd=tmp_path).returncode == 0
    assert sorted(lines_of(run)) == sorted(lines)
    assert inside.medenv("runs", "check", "run", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("file", ["manifest.json", "trajectories.jsonl"])
def test_an_unknown_schema_is_refused_and_left_alone(tmp_path, file):
    assert inside.medenv("rollout", "--agent", "empty", "--type", "1", "--out", "run", cwd=tmp_path).returncode == 0
    path = tmp_path / "run" / file
    path.write_bytes(
        path.read_bytes().replace(b"medenv.trajectory/1", b"medenv.trajectory/7").replace(b"run/1", b"run/7")
    )
    before = path.read_bytes()
    commands = [
        ("rollout", "--resume", "run"),
        *([("runs", "repair", "run"), ("grade", "run")] if file[0] == "t" else []),
    ]
    for command in commands:
        refused = inside.medenv(*command, cwd=tmp_path)
        assert refused.returncode == 2
        assert "/7'" in refused.stderr
        assert "/1'" in refused.stderr
        assert path.read_bytes() == before


def test_infrastructure_errors_are_played_again_on_demand_only(tmp_path):
    with serving(lambda messages: "FINISH([])", Faults(every=3, kinds=("400",))) as (base, seen):
        arguments = ("--agent", "llm", "--model", "m", "--base-url", base, "--type", "2")
        assert inside.medenv("rollout", *arguments, "--out", "run", cwd=tmp_path).returncode == 0
        failed = [line for line in lines_of(tmp_path / "run") if b'"infrastructure_error"' in line]
        assert len(failed) == 10, [json.loads(line)["error"] for line in failed]
        asked = len(seen)
        again = inside.medenv("rollout", "--resume", "run", cwd=tmp_path)
        assert "--retry-infrastructure" in again.stdout
        assert len(seen) == asked
        assert inside.medenv("rollout", "--resume", "run", "--retry-infrastructure", cwd=tmp_path).returncode == 0
        assert len(seen) >= asked + 10
    assert len(lines_of(tmp_path / "run")) == 30
    assert set(keys_of(tmp_path / "run").values()) == {1}
    assert (tmp_path / "run" / "superseded.jsonl").read_bytes().splitlines() == failed


def test_max_cost_ends_a_run_that_more_money_completes(tmp_path):
    prices = 'prices={"input": 1000, "output": 0}'  # 100 tokens a request: 0.1 USD an episode
    with serving(lambda messages: "FINISH([])") as (base, seen):
        arguments = ("--agent", "llm", "--model", "m", "--base-url", base, "--type", "2", "--agent-option", prices)
        done = inside.medenv("rollout", *arguments, "--max-cost", "1.05", "--out", "run", cwd=tmp_path)
        assert done.returncode == 3, done.stderr
        assert "--max-cost" in done.stderr
        assert len(seen) == len(lines_of(tmp_path / "run")) == 10
        assert inside.medenv("rollout", "--resume", "run", cwd=tmp_path).returncode == 3
        assert inside.medenv("rollout", "--resume", "run", "--max-cost", "2", cwd=tmp_path).returncode == 3
        assert len(seen) == 20, "what was spent before counts"
        assert inside.medenv("rollout", "--resume", "run", "--max-cost", "100", cwd=tmp_path).returncode == 0
    assert len(seen) == 30
    assert set(keys_of(tmp_path / "run").values()) == {1}
    refused = inside.medenv(
        "rollout", "--agent", "empty", "--type", "2", "--max-cost", "1", "--out", "free", cwd=tmp_path
    )
    assert refused.returncode == 2
    assert "prices" in refused.stderr
    assert len(lines_of(tmp_path / "free")) == 1, "where nobody knows what an episode costs, no second one is begun"
