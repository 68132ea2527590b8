"""Potential-based shaping: the same constant for every episode of a task, whatever the actions."""

import gymnasium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medenv.envs import PotentialShaping
from medenv.tasks import load_split, task_type

pytestmark = pytest.mark.quick

TASKS = [task.id for task in load_split("builtin")][::7]
ACTIONS = st.lists(
    st.sampled_from(
        [
            "GET Observation?patient={mrn}&code={code}&_sort=-date&_count=5",
            "GET Observation?patient={mrn}&code={code}",
            "GET Patient?identifier={mrn}",
            "GET Patient?_count=1",
            'POST ServiceRequest\n{{"resourceType": "ServiceRequest", "status": "active", "intent": "order", '
            '"subject": {{"reference": "Patient/{mrn}"}}}}',
            "POST Observation\nbroken",
            "FINISH([])",
            "FINISH([-1])",
            "nonsense",
        ]
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def env():
    with PotentialShaping(gymnasium.make("MedAgentBench-v0", split="builtin")) as made:
        yield made


def returns(env, task_id, texts):
    """Shaped and unshaped return of an episode that ends after these texts at the latest."""
    env.reset(options={"task_id": task_id})
    task = env.unwrapped.episode.task
    shaped = unshaped = 0.0
    for text in [*texts, *["GET Patient?_count=1"] * 8]:
        _, reward, terminated, truncated, info = env.step(text.format(mrn=task.mrn, code=task.params.get("code", "K")))
        shaped, unshaped = shaped + reward, unshaped + info["unshaped_reward"]
        if terminated or truncated:
            return shaped, unshaped
    raise AssertionError("the episode did not end")


@settings(deadline=None)
@given(st.sampled_from(TASKS), ACTIONS)
def test_the_shift_is_a_constant_of_the_task(env, task_id, texts):
    shaped, unshaped = returns(env, task_id, texts)
    at_once, score = returns(env, task_id, ["FINISH([])"])
    assert shaped - unshaped == pytest.approx(at_once - score)


@pytest.mark.parametrize("number", [4, 5, 7, 9])
def test_progress_is_rewarded_on_the_way(env, number):
    task = next(t for t in load_split("builtin").of_type(number) if t.branch not in ("absent",))
    _, _ = env.reset(options={"task_id": task.id})
    steps = task_type(number).solve(task)
    text, rewards = next(steps), []
    while True:
        seen, reward, terminated, _, info = env.step(text)
        rewards.append(reward)
        if terminated:
            break
        text = steps.send(seen)
    assert info["unshaped_reward"] == 1.0
    assert max(rewards[:-1]) > 0


def test_wrong_arguments_say_so(env):
    with pytest.raises(ValueError, match="gamma"):
        PotentialShaping(env, gamma=2)
    with pytest.raises(ValueError, match="CartPole"):
        PotentialShaping(gymnasium.make("CartPole-v1"))
