"""Stable-Baselines3 trains on the structured environments, and what it saved plays through a conversation."""

from __future__ import annotations

import asyncio
import warnings

import gymnasium as gym
import numpy as np
import pytest

import medenv
from medenv.agents import load
from medenv.envs import StructuredEnv
from medenv.episode import Benchmark
from medenv.report.conditions import BoardError, Conditions, check_common
from medenv.rollouts import run

sb3 = pytest.importorskip("stable_baselines3", reason="needs extra sb3")
contrib = pytest.importorskip("sb3_contrib", reason="needs extra sb3")

from stable_baselines3.common.callbacks import BaseCallback, EvalCallback  # noqa: E402
from stable_baselines3.common.env_checker import check_env  # noqa: E402
from stable_baselines3.common.env_util import make_vec_env  # noqa: E402
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecMonitor  # noqa: E402

SMALL = {"n_steps": 16, "batch_size": 16, "n_epochs": 1, "device": "cpu", "seed": 0}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model that was hardly trained: it does this and that."""
    envs = make_vec_env("MedAgentBench-Structured-v0", n_envs=2, seed=0, env_kwargs={"split": "builtin"})
    model = contrib.MaskablePPO("MlpPolicy", envs, **SMALL).learn(32)
    envs.close()
    path = tmp_path_factory.mktemp("sb3") / "model.zip"
    model.save(path)
    return path


@pytest.mark.parametrize("id", medenv.STRUCTURED_IDS)
def test_sb3_checks_every_id(id):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(id)
        check_env(env.unwrapped)
        env.close()


class Count(BaseCallback):
    def __init__(self):
        super().__init__()
        self.ended = 0

    def _on_step(self):
        self.ended += sum("episode" in info for info in self.locals["infos"])
        return True


@pytest.mark.parametrize("algorithm", [sb3.PPO, sb3.A2C, sb3.DQN, contrib.MaskablePPO])
def test_algorithms_callbacks_and_monitored_vectors(algorithm):
    envs = VecMonitor(DummyVecEnv([lambda: gym.make("MedAgentBench-Task4-Structured-v0")] * 2))
    options = SMALL if algorithm in (sb3.PPO, contrib.MaskablePPO) else {"device": "cpu", "seed": 0}
    if algorithm is sb3.DQN:
        options |= {"learning_starts": 10, "buffer_size": 500}
    count = Count()
    algorithm("MlpPolicy", envs, **options).learn(64, callback=count)
    assert count.ended > 0
    envs.close()


def test_an_evaluating_callback_counts_successes(tmp_path):
    from sb3_contrib.common.maskable.callbacks import MaskableEvalCallback

    envs, other = (make_vec_env("MedAgentBench-Task4-Structured-v0", n_envs=1, seed=s) for s in (1, 2))
    callback = MaskableEvalCallback(other, n_eval_episodes=3, eval_freq=16, log_path=str(tmp_path), verbose=0)
    contrib.MaskablePPO("MlpPolicy", envs, **SMALL).learn(32, callback=callback)
    with np.load(tmp_path / "evaluations.npz") as found:
        assert found["successes"].shape == (2, 3)
    assert issubclass(MaskableEvalCallback, EvalCallback)
    envs.close()
    other.close()


def test_processes_step_too():
    envs = make_vec_env("medenv:MedAgentBench-Task7-Structured-v0", n_envs=2, seed=1, vec_env_cls=SubprocVecEnv)
    assert envs.reset().shape == (2, *envs.observation_space.shape)
    assert np.stack(envs.env_method("action_masks")).shape == (2, envs.action_space.n)
    envs.close()


def played(policy, tasks):
    async def play():
        with Benchmark("builtin") as benchmark:
            return [one async for one in run(benchmark, policy, tasks(benchmark))]

    return asyncio.run(play())


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_saved_model_writes_what_it_did_in_the_environment(saved, deterministic):
    policy = load("sb3", model=str(saved), deterministic=deterministic)
    trajectories = played(policy, lambda benchmark: list(benchmark.tasks)[::20])
    model = contrib.MaskablePPO.load(saved, device="cpu")
    for one in trajectories if deterministic else ():
        with StructuredEnv(split="builtin") as env:
            observation, _ = env.reset(options={"task_id": one.task.id})
            for turn in one.turns:
                action, _ = model.predict(observation, deterministic=True, action_masks=env.action_masks())
                observation, reward, _, _, info = env.step(action)
                assert info["text"] == turn.text
            assert reward == one.verdict["score"]
    assert [one.turns for one in played(policy, lambda benchmark: list(benchmark.tasks)[::20])] == [
        one.turns for one in trajectories
    ]


def test_its_scores_stand_on_no_board_with_those_of_words(saved):
    conditions = []
    for policy in (load("sb3", model=str(saved)), load("empty")):
        found = Conditions()
        for one in played(policy, lambda benchmark: list(benchmark.tasks)[:1]):
            found.add(one)
        conditions.append((policy.name, found))
    with pytest.raises(BoardError, match="structured-menu"):
        check_common(conditions)
    with pytest.raises(BoardError, match="structured-menu"):
        check_common(conditions[:1], Conditions(interface={"words"}))


def test_what_is_no_model_is_told(tmp_path):
    other = tmp_path / "model.zip"
    other.write_bytes(b"no")
    with pytest.raises(ValueError, match=r"model\.zip"):
        load("sb3", model=str(other))
    cart = sb3.PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8, device="cpu")
    cart.save(other)
    with pytest.raises(ValueError, match=r"Discrete\(2\)"):
        load("sb3", model=str(other))
    with pytest.raises(ValueError, match="SAC"):
        load("sb3", model=str(other), algorithm="SAC")
