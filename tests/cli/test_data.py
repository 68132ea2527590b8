"""``medenv data`` and ``medenv tasks`` on medenv's own splits, from the command line."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from medenv.tasks import load_split

MEDENV = [sys.executable, "-c", "from medenv.cli import main; main()"]
SMALL = ("--charts", "12")
PINNED = "1927f91d7aaf402fa3b19d0bc3241abd4d2f6cc20e327801a695b3b39bc27e03"
"""SHA-256 of the exported test split, meta included, on every machine."""


@pytest.fixture
def medenv(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [*MEDENV, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "MEDENV_CACHE_DIR": str(tmp_path / "cache"), "COLUMNS": "160"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def line(done, word):
    assert done.returncode == 0, done.stderr
    return next(one for one in done.stdout.splitlines() if one.startswith(word)).split(" ", 1)[1]


def test_build_info_path_verify(medenv):
    path = Path(medenv("data", "path", *SMALL).stdout.strip())
    assert not path.exists()
    missing = medenv("data", "info", *SMALL)
    assert missing.returncode == 2
    assert "medenv data build" in missing.stderr
    built = medenv("data", "build", *SMALL)
    assert "built in" in built.stdout
    assert Path(line(built, "path")) == path
    assert path.is_file()
    assert "was there already" in medenv("data", "build", *SMALL).stdout
    info = medenv("data", "info", *SMALL)
    assert line(info, "fingerprint") == line(built, "fingerprint")
    assert line(info, "size").endswith("MB")
    assert "as built" in medenv("data", "verify", *SMALL).stdout


def test_seeds_and_splits_have_their_own_charts(medenv):
    prints = {
        line(medenv("data", "build", *arguments), "fingerprint")
        for arguments in (SMALL, (*SMALL, "--seed", "5"), (*SMALL, "--split", "validation"), ("--split", "builtin"))
    }
    assert len(prints) == 4


def test_damage_is_found_and_mended(medenv):
    path = Path(line(medenv("data", "build", *SMALL), "path"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-4096])
    damaged = medenv("data", "verify", *SMALL)
    assert damaged.returncode == 1
    assert "is damaged" in damaged.stderr
    assert "built in" in medenv("data", "build", *SMALL).stdout
    assert "as built" in medenv("data", "verify", *SMALL).stdout


def test_damage_behind_the_cards_back_is_found(medenv):
    """Same size, same time of change: only reading everything tells."""
    path = Path(line(medenv("data", "build", *SMALL), "path"))
    times, raw = path.stat(), path.read_bytes()
    at = raw.index(b"mmol/L")
    path.write_bytes(raw[:at] + b"mmol/X" + raw[at + 6 :])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    damaged = medenv("data", "verify", *SMALL)
    assert damaged.returncode == 1
    assert "is damaged" in damaged.stderr


def test_export_writes_the_same_bytes_everywhere(medenv, tmp_path):
    done = medenv("data", "export", "--out", "test.ndjson")
    assert done.returncode == 0, done.stderr
    raw = (tmp_path / "test.ndjson").read_bytes()
    expected = load_split("test").charts.fingerprint
    assert hashlib.sha256(raw).hexdigest() == PINNED
    assert expected in done.stdout
    assert len(raw.splitlines()) <= 20_000
    assert medenv("data", "export").stdout.encode() == raw
    assert not list(tmp_path.glob("*.tmp"))


def test_exported_charts_serve_the_split(medenv, tmp_path):
    medenv("data", "export", "--out", "test.ndjson")
    done = medenv("eval", "--agent", "reference", "--split", "test", "--charts", "test.ndjson", "--type", "9")
    assert done.stdout.splitlines()[-1] == "30/30"
    lines = (tmp_path / "test.ndjson").read_text().splitlines()
    one = json.loads(lines[-1])
    (tmp_path / "other.ndjson").write_text("\n".join(lines[:-1]) + "\n")
    other = medenv("eval", "--agent", "reference", "--split", "test", "--charts", "other.ndjson")
    assert other.returncode == 2
    assert load_split("test").charts.fingerprint in other.stderr
    assert f"it lacks {one['resourceType']}/{one['id']}." in other.stderr
    assert "Traceback" not in other.stderr


def test_the_report_stands_beside_the_official_figures(medenv):
    done = medenv("data", "info", "--report", "--charts", "60")
    assert done.returncode == 0, done.stderr
    for word in ("563,426", "58.15 +- 19.82", "women", "correlation of HGB and HCT", "fingerprint"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("build", "--size", "fulll"), "default, full"),
        (("build", "--split", "test", "--size", "full"), "one size"),
        (("build", "--split", "official"), "not medenv's"),
        (("build", "--split", "trian"), "did you mean 'train'"),
        (("build", "--charts", "999999999"), "999999999"),
        (("export", "--out", "no/such/folder/x.ndjson"), "No such file"),
    ],
)
def test_mistakes_are_told_in_one_line(medenv, arguments, words):
    done = medenv("data", *arguments)
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_floors_of_test(medenv):
    done = medenv("tasks", "--split", "test", "--floors", "--grader", "official")
    assert done.returncode == 0, done.stderr
    rows = [row for row in done.stdout.splitlines() if re.match(r"[ 1]\d [a-z]", row)]
    assert len(rows) == 10
    for row in rows:
        _, _, largest, blind, nothing, no_order, unread = re.split(r"\s{2,}", row.strip())
        share = float(largest.removesuffix(" %"))
        for cell in (blind, nothing):
            passed, tried = map(int, cell.split(" ")[0].split("/"))
            assert 100 * passed / tried <= share + 0.05, row
        for cell in (no_order, unread):
            assert cell == "-" or cell.startswith("0/"), row


def test_the_floors_of_train_count_what_the_instruction_alone_gives_away(medenv):
    """Half of the orders of types 3 and 8 name the MRN, so that a template filled without a look passes."""
    done = medenv("tasks", "--split", "train", "--floors", "--limit", "300")
    assert done.returncode == 0, done.stderr
    assert "300 tasks of train (version 2), grader strict" in done.stdout
    blind = {
        int(row[:2]): re.split(r"\s{2,}", row.strip())[3].split()[0]
        for row in done.stdout.splitlines()
        if re.match(r"[ 1]\d [a-z]", row)
    }
    played = medenv("eval", "--agent", "empty", "--split", "train", "--limit", "300")
    assert played.returncode == 0, played.stderr
    line = next(line for line in played.stdout.splitlines() if line.startswith("blind floor"))
    for number in (3, 8):
        passed, tried = map(int, blind[number].split("/"))
        assert 0.4 < passed / tried < 0.6
        assert f"type {number} {blind[number]}" in line


def test_tasks_of_an_endless_split(medenv):
    done = medenv("tasks", "--split", "train", "--limit", "900", "--cases")
    assert done.returncode == 0, done.stderr
    own, _, rest = done.stdout.partition(" of 900 tasks ")
    assert int(own) >= 810
    assert "future decoy" in rest


def test_eval_of_an_endless_split(medenv, tmp_path):
    done = medenv(
        "eval",
        "--agent",
        "reference",
        "--split",
        "train",
        "--branch",
        "low",
        "--limit",
        "12",
        "--paraphrase",
        "2",
        "--out",
        "low",
    )
    assert done.stdout.splitlines()[-1] == "12/12", done.stderr
    rows = [json.loads(row) for row in (tmp_path / "low" / "trajectories.jsonl").read_text().splitlines()]
    assert {(row["task"]["type"], row["task"]["branch"], row["task"]["params"]["wording"]) for row in rows} == {
        (9, "low", 2)
    }
    assert len({row["task"]["mrn"] for row in rows}) >= 10
    summary = json.loads((tmp_path / "low" / "summary.json").read_bytes())
    assert {row["provenance"]["data"] for row in rows} == {summary["data"]}
    refused = medenv("eval", "--agent", "reference", "--split", "train", "--branch", "lwo", "--limit", "3")
    assert refused.returncode == 2
    assert "lwo" in refused.stderr
    moved = medenv("eval", "--agent", "reference", "--split", "test", "--now", "2024-05-06T07:08:00+00:00")
    assert moved.returncode == 2
    assert "train and validation" in moved.stderr
