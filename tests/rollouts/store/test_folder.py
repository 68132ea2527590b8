"""The folder of a run: appended whole, repaired after a crash, never mixed up with another run."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.rollouts import RunFolder, RunFolderError
from medenv.tasks import Task
from medenv.trajectories import Status, Trajectory


def row(number):
    return Trajectory(
        Task(f"task1_{number}", 1, "é", "", None, "builtin"), "http://x/fhir", "prompt\n", Status.COMPLETED, result="[]"
    )


def test_rows_are_read_back_in_order(tmp_path):
    with RunFolder(tmp_path / "a" / "b", {}) as folder:
        for n in range(5):
            folder.append(row(n))
        assert [one.task.id for one in folder.read()] == [f"task1_{n}" for n in range(5)]


@given(cut=st.integers(min_value=1, max_value=400))
def test_a_torn_last_line_is_dropped_and_the_rest_kept(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("run")
    with RunFolder(path, {}) as folder:
        for n in range(3):
            folder.append(row(n))
    whole = folder.trajectories.read_bytes()
    folder.trajectories.write_bytes(whole[:-cut])
    last = whole[:-cut].rpartition(b"\n")[2]
    kept = whole[:-cut].count(b"\n") + (last in whole.splitlines())  # a row that lacks its newline alone is whole
    with RunFolder(path, {}, resume=True) as again:
        assert len(list(again.read())) == kept
        again.append(row(9))
        assert [one.task.id for one in again.read()][-1] == "task1_9"


def test_a_run_is_not_overwritten(tmp_path):
    with RunFolder(tmp_path, {}) as folder:
        folder.append(row(0))
    with pytest.raises(RunFolderError, match="resume"):
        RunFolder(tmp_path, {})
    assert len(folder.trajectories.read_bytes().splitlines()) == 1


def test_a_run_is_gone_on_with_under_the_same_settings_only(tmp_path):
    with RunFolder(tmp_path, {"agent": {"name": "llm", "model": "a"}, "seed": 0}) as folder:
        folder.append(row(0))
    with pytest.raises(RunFolderError, match="agent"):
        RunFolder(tmp_path, {"agent": {"name": "llm", "model": "b"}, "seed": 0}, resume=True)
    RunFolder(tmp_path, {"agent": {"name": "llm", "model": "a"}, "seed": 0}, resume=True).close()


def test_a_broken_row_is_named(tmp_path):
    with RunFolder(tmp_path, {}) as folder:
        folder.append(row(0))
        folder.trajectories.write_bytes(folder.trajectories.read_bytes() + b"{}\n")
        with pytest.raises(RunFolderError, match="line 2"):
            list(folder.read())


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="file"):
        RunFolder(tmp_path / "file" / "run", {})
    with RunFolder(tmp_path / "run", {}) as folder:
        pass
    with pytest.raises(RunFolderError, match="closed"):
        folder.append(row(0))


def test_the_summary_is_replaced_whole(tmp_path):
    with RunFolder(tmp_path, {"seed": 1}) as folder:
        folder.write_summary({"seed": 1, "total": {"passed": 3}})
    assert json.loads(folder.summary.read_bytes()) == {"seed": 1, "total": {"passed": 3}}
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".writer.lock",
        "checksums.txt",
        "manifest.json",
        "summary.json",
        "trajectories.jsonl",
    ]
