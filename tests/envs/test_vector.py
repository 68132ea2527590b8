"""A vector of environments in one process: what Gymnasium's own vector gives, and what only this one can."""

from __future__ import annotations

import threading
from contextlib import closing

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import medenv
from medenv.envs import MedAgentBenchVectorEnv, StructuredVectorEnv

assert medenv.ENV_IDS

TEXTS = (
    "GET Patient?_count=1",
    "FINISH([])",
    "nonsense",
    'FINISH(["S1"])',
    "GET Observation?code=MG&_count=2",
    "FINISH([-1])",
)


def same(left, right):
    """Whether two vectors' infos are alike, columns and masks, types included."""
    assert set(left) == set(right)
    for name, value in left.items():
        if isinstance(value, dict):
            same(value, right[name])
        else:
            assert (value.dtype, value.shape) == (right[name].dtype, right[name].shape), name
            held = (
                value
                if value.dtype != object
                else [one if not isinstance(one, np.ndarray) else one.tolist() for one in value]
            )
            other = right[name]
            if other.dtype == object:
                other = [one if not isinstance(one, np.ndarray) else one.tolist() for one in other]
            assert list(held) == list(other), name


def text_actions(step, count):
    return tuple(TEXTS[(step + place) % len(TEXTS)] for place in range(count))


def menu_actions(step, count):
    return np.array([(0, 26, 28, 10)[(step + place) % 4] for place in range(count)])


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize(
    ("id", "actions"), [("MedAgentBench-v0", text_actions), ("MedAgentBench-Task4-Structured-v0", menu_actions)]
)
def test_it_gives_what_gymnasiums_own_vector_gives(id, actions, mode):
    ours = gym.make_vec(id, num_envs=5, split="builtin", autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: gym.make(id, split="builtin").unwrapped] * 5, autoreset_mode=mode)
    found = [env.reset(seed=3) for env in (ours, theirs)]
    np.testing.assert_array_equal(*(seen for seen, _ in found))
    same(*(infos for _, infos in found))
    for step in range(12):
        acts = actions(step, 5)
        left, right = ours.step(acts), theirs.step(acts)
        for one, other in zip(left[:4], right[:4], strict=True):
            np.testing.assert_array_equal(one, other)
        same(left[4], right[4])
        over = left[2] | left[3]
        if mode is AutoresetMode.DISABLED and over.any():
            for env in (ours, theirs):
                env.reset(seed=step, options={"reset_mask": over.copy()})
    ours.close()
    theirs.close()


def test_tasks_and_options_for_each():
    with closing(gym.make_vec("MedAgentBench-v0", num_envs=3, split="builtin")) as envs:
        _, infos = envs.reset(seed=1, options={"task_id": ["task1_2", None, "task9_4"], "task_type": [None, 5, None]})
        assert infos["task_id"][0] == "task1_2"
        assert infos["task_type"].tolist() == [1, 5, 9]
        assert envs.call("task_type") == (None, None, None)
        with pytest.raises(ValueError, match="task_id"):
            envs.reset(options={"task_id": ["task1_1"]})


def test_own_options_stay_when_episodes_begin_by_themselves():
    envs = MedAgentBenchVectorEnv(2, split="builtin", env_options=[{"task_id": "task1_1"}, {"branch": "low"}])
    envs.reset(seed=2)
    for _ in range(4):
        *_, infos = envs.step(("FINISH([])",) * 2)
        assert infos["task_id"][0] == "task1_1"
        assert infos["task_type"][1] == 9
    envs.close()


def test_a_thousand_start_no_thread_and_share_the_charts():
    before = threading.active_count()
    envs = StructuredVectorEnv(1000, 7, split="builtin")
    seen, _ = envs.reset(seed=0)
    assert seen.shape == (1000, *envs.single_observation_space.shape)
    assert envs.action_masks().shape == (1000, envs.single_action_space.n)
    envs.step(np.zeros(1000, int))
    _, rewards, terminations, *_ = envs.step(np.full(1000, 28))
    assert terminations.all()
    assert 0.5 < rewards.mean() < 1.0
    assert len({id(env.benchmark.backend) for env in envs.envs}) == 1
    assert threading.active_count() == before
    envs.close()


def test_an_episode_that_is_over_waits_where_nobody_resets_it():
    envs = MedAgentBenchVectorEnv(2, split="builtin", autoreset_mode="Disabled")
    envs.reset(seed=1)
    envs.step(("FINISH([])", "GET Patient?_count=1"))
    with pytest.raises(ResetNeeded, match="environment 0"):
        envs.step(("FINISH([])", "FINISH([])"))
    _, infos = envs.reset(options={"reset_mask": np.array([True, False])})
    assert infos["_task_id"].tolist() == [True, False]
    envs.step(("FINISH([])", "FINISH([])"))
    envs.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_envs": 0}, "num_envs is 0"),
        ({"num_envs": 2, "env_options": [{}]}, "env_options has 1"),
        ({"num_envs": 1, "autoreset_mode": "never"}, "never"),
    ],
)
def test_senseless_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        MedAgentBenchVectorEnv(split="builtin", **arguments)


@pytest.mark.parametrize(
    ("options", "seed", "words"),
    [
        ({"reset_mask": [True, False]}, None, "reset_mask"),
        ({"reset_mask": np.zeros(2, bool)}, None, "False throughout"),
        (None, [1], "seed has 1"),
    ],
)
def test_a_senseless_reset_is_refused(options, seed, words):
    with closing(MedAgentBenchVectorEnv(2, split="builtin")) as envs, pytest.raises(ValueError, match=words):
        envs.reset(seed=seed, options=options)


def test_processes_with_shared_memory_are_refused_at_once_for_texts():
    """Texts of any length have no room of a fixed size: the error comes before any process is started, and says what to do."""
    with pytest.raises(ValueError, match="shared_memory=False"):
        gym.make_vec("MedAgentBench-v0", num_envs=2, vectorization_mode="async")


def test_processes_with_shared_memory_step_numbers():
    envs = gym.make_vec("medenv:MedAgentBench-Task4-Structured-v0", num_envs=2, vectorization_mode="async")
    seen, _ = envs.reset(seed=1)
    assert seen.shape == (2, *envs.single_observation_space.shape)
    envs.close()
