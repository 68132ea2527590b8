"""What a run's files promise: appended whole or not at all, replaced whole, one writer, nothing lost in mending."""

import errno
import os
import subprocess
import sys

import orjson
import pytest

from medenv.rollouts import Manifest, RunFolder, RunFolderError, RunWriteError
from medenv.rollouts.store import check_run, files, log, numbered, read_run, repair_run
from medenv.rollouts.store.log import AppendLog, drop_torn_line
from medenv.trajectories import TrajectoryError, parse, seal
from tests.rollouts.store.test_folder import row

pytestmark = pytest.mark.quick


def filled(path, count=3):
    with RunFolder(path, {"seed": 0}) as folder:
        for number in range(count):
            folder.append(row(number))
    return path / "trajectories.jsonl"


def test_a_row_carries_its_checksum_and_any_change_is_seen():
    line = seal(row(1).to_json())
    assert orjson.loads(line)["checksum"]
    assert parse(line) == row(1)
    assert parse(line + b"\n") == row(1)
    assert parse(row(1).to_json()) == row(1), "a row without one is taken as it is"
    for position in range(1, len(line) - 1):
        changed = line[:position] + bytes([line[position] ^ 1]) + line[position + 1 :]
        with pytest.raises(TrajectoryError):
            parse(changed)


def test_a_line_that_does_not_fit_is_taken_back(tmp_path, monkeypatch):
    written = AppendLog(tmp_path / "log")
    written.append(b"first")
    real, left = os.write, [4]

    def full(fd, data):
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        data, left[0] = data[: left[0]], max(0, left[0] - len(data))
        return real(fd, data)

    monkeypatch.setattr(log.os, "write", full)
    with pytest.raises(RunWriteError, match="No space left"):
        written.append(b"a second line")
    monkeypatch.undo()
    written.append(b"third")
    written.close()
    assert (tmp_path / "log").read_bytes() == b"first\nthird\n"


def test_ctrl_c_in_the_middle_of_a_line_takes_it_back(tmp_path, monkeypatch):
    written, real = AppendLog(tmp_path / "log"), os.write

    def interrupted(fd, data):
        if len(data) < 6:
            raise KeyboardInterrupt
        return real(fd, data[:3])

    monkeypatch.setattr(log.os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        written.append(b"12345678")
    assert (tmp_path / "log").read_bytes() == b""


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "summary.json"
    files.write_json(path, {"a": 1})
    monkeypatch.setattr(files.os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(errno.EIO, "I/O error")))
    with pytest.raises(RunWriteError, match="I/O error"):
        files.write_json(path, {"a": 2})
    assert orjson.loads(path.read_bytes()) == {"a": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["summary.json"]


@pytest.mark.parametrize(
    ("before", "after", "cut"),
    [
        (b"", b"", False),
        (b'{"a":1}\n', b'{"a":1}\n', False),
        (b'{"a":1}\n{"b":', b'{"a":1}\n', True),
        (b'{"a":1}\n{"b":1}', b'{"a":1}\n{"b":1}\n', False),
        (b'{"b', b"", True),
        (b'{"a":1}\n' + b"x" * 200_000, b'{"a":1}\n', True),
    ],
)
def test_the_last_line_is_mended(tmp_path, before, after, cut):
    path = tmp_path / "log"
    path.write_bytes(before)
    assert drop_torn_line(path) is cut
    assert path.read_bytes() == after


def test_a_second_writer_is_refused_until_the_first_ends(tmp_path):
    with RunFolder(tmp_path, {}) as folder:
        folder.append(row(0))
        for write in (lambda: RunFolder(tmp_path, {}, resume=True), lambda: repair_run(tmp_path)):
            with pytest.raises(RunFolderError, match="another process"):
                write()
        assert [one.task.id for one in read_run(tmp_path)] == ["task1_0"], "reading is always possible"
    RunFolder(tmp_path, {}, resume=True).close()


def test_the_lock_of_a_killed_writer_is_gone(tmp_path):
    code = (
        "import os, signal, sys; from medenv.rollouts import RunFolder; RunFolder(sys.argv[1], {});"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert killed.returncode < 0
    RunFolder(tmp_path, {}, resume=True).close()


def test_a_refused_folder_is_not_locked(tmp_path):
    filled(tmp_path)
    with pytest.raises(RunFolderError, match="already holds"):
        RunFolder(tmp_path, {})
    RunFolder(tmp_path, {"seed": 0}, resume=True).close()


def test_the_manifest_says_what_made_the_run(tmp_path):
    with RunFolder(tmp_path, {"agent": {"name": "x"}, "samples": 2}, options={"concurrency": 3}) as folder:
        folder.append(row(0))
    stored = orjson.loads((tmp_path / "manifest.json").read_bytes())
    assert stored["schema"] == "medenv.run/1"
    assert stored["settings"] == {"agent": {"name": "x"}, "samples": 2}
    assert stored["options"] == {"concurrency": 3}
    assert {"python", "httpx", "gymnasium"} <= set(stored["versions"])
    assert not {"ruff", "pytest"} & set(stored["versions"])


def test_samples_may_grow_and_nothing_else(tmp_path):
    with RunFolder(tmp_path, {"agent": {"name": "x"}, "samples": 2}) as folder:
        folder.append(row(0))
    RunFolder(tmp_path, {"agent": {"name": "x"}, "samples": 5}, resume=True).close()
    assert Manifest.read(tmp_path).settings["samples"] == 5
    for settings in ({"agent": {"name": "x"}, "samples": 4}, {"agent": {"name": "y"}, "samples": 5}, {"samples": 5}):
        with pytest.raises(RunFolderError, match=r"samples|agent"):
            RunFolder(tmp_path, settings, resume=True)


def test_a_run_without_a_manifest_is_read_but_not_gone_on_with(tmp_path):
    filled(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(RunFolderError, match=r"manifest\.json"):
        RunFolder(tmp_path, {"seed": 0}, resume=True)
    assert len(list(read_run(tmp_path))) == 3


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"schema": "medenv.run/9", "settings": {}}', b'{"schema": "medenv.run/1"}']
)
def test_a_broken_manifest_is_told(tmp_path, content):
    filled(tmp_path)
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(RunFolderError, match=r"manifest\.json"):
        RunFolder(tmp_path, {"seed": 0}, resume=True)
    assert (tmp_path / "manifest.json").read_bytes() == content


def test_superseded_rows_leave_the_run_and_are_kept_beside_it(tmp_path):
    file = filled(tmp_path, 4)
    lines = file.read_bytes().splitlines(keepends=True)
    with RunFolder(tmp_path, {"seed": 0}, resume=True) as folder:
        folder.supersede({2, 4})
        folder.append(row(9))
    assert file.read_bytes() == lines[0] + lines[2] + seal(row(9).to_json()) + b"\n"
    assert (tmp_path / "superseded.jsonl").read_bytes() == lines[1] + lines[3]


def test_a_reader_leaves_out_a_line_that_is_being_written(tmp_path):
    file = filled(tmp_path, 2)
    whole = file.read_bytes()
    file.write_bytes(whole[:-30])
    assert [number for number, _ in numbered(tmp_path)] == [1]
    assert check_run(tmp_path).unfinished
    assert file.read_bytes() == whole[:-30], "a look changes nothing"


def test_repair_keeps_everything_somewhere(tmp_path):
    file = filled(tmp_path, 5)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], b"rubbish\n", *lines[1:4], lines[1], lines[4], b'{"torn']))
    found = repair_run(tmp_path)
    assert (found.rows, set(found.damaged), found.repeated, found.unfinished) == (5, {2}, {6: 3}, True)
    assert file.read_bytes() == b"".join(lines)
    assert (tmp_path / "rejected.jsonl").read_bytes() == b"rubbish\n" + lines[1]
    assert check_run(tmp_path).fine
