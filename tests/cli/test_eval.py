"""``medenv eval`` and ``medenv tasks`` from the command line, as a user runs them."""

import json
import os
import signal
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path

import pytest

from tests.agents.openai_server import serving, solve

MEDENV = [sys.executable, "-c", "from medenv.cli import main; main()"]
OFFICIAL = Path(__file__).parents[3] / "shared" / "data" / "official"
needs_official = pytest.mark.skipif(
    not OFFICIAL.is_dir(), reason="the official rows and charts are not beside the clone"
)


def medenv(*arguments, cwd, **env):
    return subprocess.run(
        [*MEDENV, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_reference_on_builtin(tmp_path):
    done = medenv("eval", "--agent", "reference", "--split", "builtin", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "300/300"
    assert "blind floor" in done.stdout
    summary = json.loads((tmp_path / "runs" / "reference-builtin" / "summary.json").read_bytes())
    assert summary["total"]["passed"] == 300
    assert summary["blind"]["total"]["episodes"] == 300
    assert summary["grader"] == "strict"
    assert summary["split_version"] == 3
    assert summary["grader_version"] >= 1
    assert f"builtin (version 3), grader strict (version {summary['grader_version']})" in done.stdout
    row = json.loads((tmp_path / "runs" / "reference-builtin" / "trajectories.jsonl").read_bytes().splitlines()[0])
    assert row["provenance"]["split_version"] == 3
    assert row["verdict"]["grader_version"] == summary["grader_version"]
    assert summary["data"].startswith("charts/2:sha256:")
    second = medenv("eval", "--agent", "blind", "--split", "builtin", cwd=tmp_path)
    assert second.returncode == 0
    assert second.stdout.splitlines()[-1] == f"{summary['blind']['total']['passed']}/300"


@needs_official
@pytest.mark.parametrize(
    ("agent", "last"),
    [("reference", "300/300"), ("blind", "157/300"), ("glance", "157/300"), ("empty", "70/300"), ("random", None)],
)
def test_the_official_rows(tmp_path, agent, last):
    charts = OFFICIAL / "charts.ndjson"
    done = medenv(
        "eval",
        "--agent",
        agent,
        "--split",
        "official",
        "--official",
        OFFICIAL,
        "--charts",
        charts,
        "--grader",
        "official",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == last or last is None
    rows = [json.loads(line) for line in next(tmp_path.rglob("trajectories.jsonl")).read_bytes().splitlines()]
    assert len(rows) == 300
    assert not any(row["status"] == "infrastructure_error" for row in rows)


def test_types_and_ids_choose_tasks(tmp_path):
    done = medenv("eval", "--agent", "reference", "--type", "4", "--type", "9", "--out", "run", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "60/60"
    done = medenv("eval", "--agent", "reference", "--task", "task9_1", "--out", "one", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "1/1"


def test_resume_plays_what_is_missing_only(tmp_path):
    arguments = ("eval", "--agent", "random", "--seed", "3", "--type", "2", "--out", "run")
    first = medenv(*arguments, cwd=tmp_path)
    assert first.returncode == 0
    file = tmp_path / "run" / "trajectories.jsonl"
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:10]) + lines[10][:50])
    refused = medenv(*arguments, cwd=tmp_path)
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    done = medenv("eval", "--resume", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == whole
    assert done.stdout == first.stdout, "a resumed run's table is that of one in a single go"


def test_interrupted_runs_keep_what_was_finished(tmp_path):
    asked, reached, release = count(1), threading.Event(), threading.Event()

    def stuck(messages):
        if next(asked) > 200:
            reached.set()
            release.wait(60)
        return solve(messages)

    with serving(stuck) as (base, _):
        command = [
            *MEDENV,
            "eval",
            "--agent",
            "llm",
            "--model",
            "m",
            "--split",
            "builtin",
            "--base-url",
            base,
            "--out",
            "run",
            "--concurrency",
            "4",
        ]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert reached.wait(60), "the server was not asked 200 times"
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=20)
        finally:
            release.set()
            process.kill()
    assert process.returncode == 130
    assert "--resume" in stderr
    assert "Traceback" not in stderr
    kept = len((tmp_path / "run" / "trajectories.jsonl").read_bytes().splitlines())
    assert 0 < kept < 300


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--agent", "referense"), "reference"),
        (("--agent", "blind", "--split", "builtn"), "builtin"),
        (("--agent", "blind", "--grader", "kind"), "official"),
        (("--agent", "blind", "--task", "task9_99"), "task9_99"),
        (("--agent", "blind", "--split", "official"), "--official"),
        (("--agent", "blind", "--split", "official", "--official", "nowhere"), "nowhere"),
        (("--agent", "blind", "--observation", "tiny"), "tiny"),
        (("--agent", "blind", "--model", "x"), "model"),
        (("--agent", "llm"), "--model"),
        (("--resume", "nowhere"), "nowhere"),
        (("--agent", "blind", "--retry-infrastructure"), "--resume"),
        (("--agent", "blind", "--engine", "rya"), "ray"),
        (("--agent", "blind", "--workers", "2"), "--concurrency"),
        (("--agent", "blind", "--address", "auto"), "ray"),
        (("--agent", "blind", "--charts", "none.ndjson"), "none.ndjson"),
        (
            ("--agent", "blind", "--split", "train", "--backend", "remote", "--server", "http://127.0.0.1:9/fhir"),
            "embedded",
        ),
        ((), "--agent"),
    ],
)
def test_mistakes_are_one_clear_error(tmp_path, arguments, word):
    done = medenv("eval", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("trajectories.jsonl"))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("{", ["rows.json"]),
        ('[{"id": "task9_1"}]', ["row 0", "task9_1", "instruction"]),
        ('[{"id": "task99_1", "instruction": "x", "context": ""}]', ["task99_1"]),
    ],
)
def test_broken_rows_are_named(tmp_path, rows, words):
    (tmp_path / "rows.json").write_text(rows)
    done = medenv("eval", "--agent", "blind", "--split", "official", "--official", "rows.json", cwd=tmp_path)
    assert done.returncode == 2
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr


def test_broken_charts_name_the_line(tmp_path):
    (tmp_path / "charts.ndjson").write_text('{"resourceType": "Patient", "id": "S1"}\n{broken\n')
    done = medenv("eval", "--agent", "blind", "--charts", "charts.ndjson", cwd=tmp_path)
    assert done.returncode == 2
    assert "2" in done.stderr
    assert "Traceback" not in done.stderr


def test_tasks_are_listed(tmp_path):
    done = medenv("tasks", cwd=tmp_path)
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("find-patient", "replace-potassium", "renew-hba1c"))
    one = medenv("tasks", "--type", "9", cwd=tmp_path)
    assert "task9_30" in one.stdout


def test_help_teaches(tmp_path):
    assert "eval" in medenv("--help", cwd=tmp_path).stdout
    shown = medenv("eval", "--help", cwd=tmp_path).stdout
    assert "medenv eval --agent reference" in shown
