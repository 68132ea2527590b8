"""The environment's choice of split, branch, difficulty, wording and present."""

from __future__ import annotations

import subprocess
import sys

import gymnasium as gym
import pytest

import medenv
from medenv.tasks import TYPES

assert medenv.ENV_IDS


@pytest.fixture
def make():
    made = []

    def one(id="MedAgentBench-v0", **options):
        made.append(gym.make(id, **options))
        return made[-1]

    yield one
    for env in made:
        env.close()


def task_of(env):
    return env.unwrapped.episode.task


@pytest.mark.parametrize("split", ["train", "validation", "test", "builtin"])
def test_the_same_seed_gives_the_same_episode(make, split):
    seen = []
    for _ in range(2):
        env = make(split=split)
        episode = []
        for _ in range(4):
            prompt, info = env.reset(seed=11) if not episode else env.reset()
            mrn = task_of(env).mrn or "S0"
            page, *_ = env.step(f"GET Observation?patient={mrn}&code=GLU")
            episode.append((prompt, info["task_id"], page))
        seen.append(episode)
    assert seen[0] == seen[1]
    assert len({episode[1] for episode in seen[0]}) > 1


PRINT = """
import gymnasium as gym, hashlib, medenv
env = gym.make("MedAgentBench-v0", split="train")
prompt, info = env.reset(seed=5)
page, *_ = env.step(f"GET Patient?_id={env.unwrapped.episode.task.mrn}")
print(info["task_id"], hashlib.sha256((prompt + page).encode()).hexdigest())
"""


def test_the_same_episode_in_another_process():
    run = [
        subprocess.run([sys.executable, "-c", PRINT], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert run[0] == run[1]


def test_branch_and_difficulty(make):
    env = make("MedAgentBench-Task9-v0", split="train", branch="low", difficulty="hard")
    for seed in range(6):
        env.reset(seed=seed)
        assert (task_of(env).type, task_of(env).branch, task_of(env).params["difficulty"]) == (9, "low", "hard")
    env.reset(seed=1, options={"branch": "normal", "difficulty": "easy"})
    assert (task_of(env).branch, task_of(env).params["difficulty"]) == ("normal", "easy")


def test_wording_and_present(make):
    env = make("MedAgentBench-Task4-v0", split="train", now="2024-05-06T07:08:00+00:00", paraphrase=0)
    prompt, info = env.reset(seed=3)
    assert "2024-05-06T07:08:00+00:00" in prompt
    again, _ = env.reset(options={"task_id": info["task_id"], "paraphrase": 2})
    assert again != prompt
    assert "2024-05-06T07:08:00+00:00" in again
    own, _ = env.reset(options={"task_id": info["task_id"], "now": "2023-01-02T03:04:00+00:00"})
    assert "2023-01-02T03:04:00+00:00" in own


def test_a_moved_present_moves_the_chart(make):
    """The reference's own steps solve the task at any present."""
    from medenv.tasks import TYPES

    env = make("MedAgentBench-Task9-v0", split="train", branch="low")
    for now in ("2022-02-03T04:05:00+00:00", "2025-01-31T23:59:00+00:00"):
        env.reset(seed=2, options={"now": now})
        solution = TYPES[9].solve(task_of(env))
        action, done = next(solution), False
        while not done:
            seen, reward, done, *_ = env.step(action)
            if not done:
                action = solution.send(seen)
        assert reward == 1.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"branch": "lwo"}, "lwo"),
        ({"difficulty": "medium"}, "easy, hard"),
        ({"paraphrase": 99}, "wordings 0 to 4, not 99"),
        ({"now": "tomorrow"}, "tomorrow"),
        ({"split": "nowhere"}, "nowhere"),
    ],
)
def test_what_is_not_there_is_told(make, options, words):
    env = make("MedAgentBench-Task9-v0", split="train")
    with pytest.raises((ValueError, LookupError), match=words):
        env.reset(seed=1, options=options)


def test_fixed_charts_refuse_another_present(make):
    env = make(split="test", now="2024-05-06T07:08:00+00:00")
    with pytest.raises(ValueError, match="train and validation take any"):
        env.reset(seed=1)


def test_every_case_comes_up(make):
    env = make("MedAgentBench-Task5-v0", split="train")
    names = set()
    for seed in range(150):
        env.reset(seed=seed)
        names.add((task_of(env).branch, task_of(env).params["case"]))
    assert names == {(case.branch, case.name) for case in TYPES[5].scenarios}
