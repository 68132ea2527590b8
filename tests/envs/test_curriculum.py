"""Curricula: which choices come up, by schedule and by success."""

from __future__ import annotations

from collections import Counter

import pytest

from medenv.envs import Curriculum, MedAgentBenchEnv, StructuredEnv
from medenv.envs.curriculum import BySuccess, Evenly, Record, Stages, Unlocked


@pytest.fixture
def env():
    with MedAgentBenchEnv(split="builtin") as made:
        yield made


def finish(env, text="FINISH([])"):
    env.reset()
    return env.step(text)


def test_choices_become_options_and_a_list_is_drawn_from(env):
    choices = [{"task_type": 9, "branch": "low"}, {"task_id": ["task1_1", "task1_2"]}]
    wrapped = Curriculum(env, choices)
    seen = Counter()
    for seed in range(30):
        _, info = wrapped.reset(seed=seed)
        task = env.episode.task
        seen[info["choice"], task.id if info["choice"] else task.branch] += 1
    assert set(seen) == {(0, "low"), (1, "task1_1"), (1, "task1_2")}


def test_options_of_a_reset_come_first(env):
    wrapped = Curriculum(env, [{"task_id": "task1_1"}])
    assert wrapped.reset(options={"task_id": "task1_5"})[1]["task_id"] == "task1_5"


def test_one_seed_one_sequence(env):
    wrapped = Curriculum(env, [{"task_type": number} for number in range(1, 11)])
    runs = []
    for _ in range(2):
        ids = [wrapped.reset(seed=4)[1]["task_id"]] + [wrapped.reset()[1]["task_id"] for _ in range(5)]
        runs.append(ids)
    assert runs[0] == runs[1]


def test_stages_come_in_after_so_many_episodes(env):
    wrapped = Curriculum(env, [{"task_id": "task1_1"}, {"task_id": "task2_1"}], Stages([3], review=0.0))
    ids = []
    for _ in range(5):
        finish(wrapped)
        ids.append(env.episode.task.id)
    assert ids == ["task1_1"] * 3 + ["task2_1"] * 2


def test_the_next_choice_is_unlocked_by_success():
    record = Record(3, window=4)
    schedule = Unlocked(rate=0.75, review=0.5)
    assert schedule.weights(record) == [1.0, 0.0, 0.0]
    for score in (1.0, 1.0, 1.0):
        record.add(0, score)
    assert schedule.weights(record) == [1.0, 0.0, 0.0], "the window is not full"
    record.add(0, 0.0)
    assert schedule.weights(record) == [0.5, 1.0, 0.0]


def test_what_fails_comes_more_often():
    record = Record(2, window=10)
    for _ in range(10):
        record.add(0, 1.0)
        record.add(1, 0.0)
    assert BySuccess(least=0.1).weights(record) == pytest.approx([0.1, 1.0])
    assert Evenly().weights(record) == [1.0, 1.0]


def test_the_graders_score_counts_and_a_record_may_be_shared():
    record = Record(2)
    for _ in range(2):
        with StructuredEnv(split="builtin") as made:
            wrapped = Curriculum(made, [{"task_id": "task3_1"}, {"task_id": "task3_2"}], record=record)
            wrapped.reset()
            wrapped.step(25)
    assert sum(record.episodes) == 2
    assert record.rate(0) == 0.0


@pytest.mark.parametrize(("choices", "record"), [([], None), ([{}], Record(2))])
def test_senseless_arguments_are_refused(env, choices, record):
    with pytest.raises(ValueError, match="choice"):
        Curriculum(env, choices, record=record)
