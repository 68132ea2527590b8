"""Splits by name and tasks by id; what is missing is answered with what there is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medenv.tasks import SPLITS, UnknownNameError, builtin, load_split
from medenv.tasks.taskset import check_version
from tests.tasks.sources import parsed

pytestmark = pytest.mark.quick


def test_builtin_is_a_sequence_of_tasks():
    split = load_split("builtin")
    assert len(split) == 300
    assert split[0].id == "task1_1"
    assert [task.id for task in split[298:]] == ["task10_29", "task10_30"]
    assert tuple(split) == builtin.tasks()
    assert split.task("task9_12") is split.of_type(9)[11]
    assert split.of_type("latest-glucose") == split.of_type(7)


def test_charts_can_be_made_more_than_once():
    split = load_split("builtin", seed=3)
    assert list(split.resources()) == list(split.resources())
    mrns = {resource["id"] for resource in parsed(split.resources()) if resource["resourceType"] == "Patient"}
    assert {task.mrn for task in split if task.mrn} <= mrns


def test_the_fingerprint_tells_splits_apart():
    first, again, other = (load_split("builtin", seed=seed).fingerprint for seed in (0, 0, 1))
    assert first == again != other
    assert first.startswith("sha256:")


def test_a_split_has_a_version_that_its_fingerprint_depends_on():
    for name in ("test", "builtin", "train", "validation"):
        split = load_split(name)
        assert split.version >= 2
        assert split.title == f"{name} (version {split.version})"
    builtin_, older = load_split("builtin"), replace(load_split("builtin"), version=1)
    assert older.tasks == builtin_.tasks
    assert older.fingerprint != builtin_.fingerprint


def test_what_was_made_on_another_version_is_refused_by_name():
    check_version("test", 2, 2, "this")
    check_version("official", None, 1, "what says no version")
    with pytest.raises(ValueError, match=r"this run was made on the split test \(version 1\).* test \(version 3\)"):
        check_version("test", None, 3, "this run")


def test_an_unknown_split_lists_what_there_is():
    with pytest.raises(UnknownNameError, match=r"no split 'bultin'; did you mean 'builtin'\?") as caught:
        load_split("bultin")
    assert all(name in str(caught.value) for name in SPLITS)


@pytest.mark.parametrize(
    ("id", "words"), [("task9_31", "did you mean 'task9_3"), ("nonsense", r"it has 300, task1_1 to task10_30")]
)
def test_an_unknown_task_is_answered_with_close_ones(id, words):
    with pytest.raises(UnknownNameError, match=words) as caught:
        load_split("builtin").task(id)
    assert repr(id) in str(caught.value)
    assert "'builtin'" in str(caught.value)


def test_official_without_a_path_says_what_to_give():
    with pytest.raises(ValueError, match="--official"):
        load_split("official")
