"""The structured twin: the same episodes, told in numbers and acted in acts."""

from __future__ import annotations

import copy
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import medenv
from medenv.envs import MedAgentBenchEnv, StructuredEnv
from medenv.envs.structured import FEATURES, MENU, View, named
from medenv.envs.structured.reference import reference_action
from medenv.tasks import load_split

pytestmark = pytest.mark.quick

NUMBER = {item.name: number for number, item in enumerate(MENU)}


@pytest.fixture(scope="module")
def env():
    made = StructuredEnv()
    yield made
    made.close()


def play(env, choose, **options):
    observation, info = env.reset(options=options)
    episode, done = [], False
    while not done:
        action = choose(observation, env.action_masks())
        observation, reward, terminated, truncated, info = env.step(action)
        episode.append((action, info["text"]))
        done = terminated or truncated
    return reward, episode, info


@pytest.mark.parametrize("number", range(1, 11))
def test_some_acts_solve_every_task_by_its_numbers_alone(env, number):
    for task in load_split("test").choose(number):
        reward, episode, info = play(env, lambda numbers, _: reference_action(numbers), task_id=task.id)
        assert reward == 1.0, (task.id, episode, info["verdict"])
        assert info["is_success"]


def test_a_text_agent_that_writes_the_same_gets_the_same(env):
    words = MedAgentBenchEnv()
    for task in list(load_split("test"))[::17]:
        rng = np.random.default_rng(5)
        reward, episode, info = play(env, lambda _, masks: int(rng.choice(np.flatnonzero(masks))), task_id=task.id)  # noqa: B023
        words.reset(options={"task_id": task.id})
        for _, text in episode:
            *_, told = words.step(text)
        assert told["verdict"] == info["verdict"]
        assert told["verdict"]["score"] == reward
    words.close()


def test_masks_say_what_can_be_written_and_nothing_more(env):
    """Only what is known decides: an act is offered exactly if each of its blanks has a value, right or wrong."""
    for task in list(load_split("test"))[::11]:
        env.reset(options={"task_id": task.id})
        rng, done = np.random.default_rng(3), False
        while not done:
            masks = env.action_masks()
            for number, item in enumerate(MENU):
                act = env.tier.act(number, env.view)
                assert (act.kind != "nothing") == masks[number] == (item.needs <= env.view.filled)
            *_, terminated, truncated, _ = env.step(int(rng.choice(np.flatnonzero(masks))))
            done = terminated or truncated


def test_the_mask_does_not_depend_on_what_the_chart_holds(env):
    """Before the first GET, tasks of one type and form have one mask, whatever their branch; so have two with a value on screen."""
    by_branch = {task.branch: task for task in load_split("test").choose(5)}
    first, looked = set(), set()
    for branch, task in by_branch.items():
        env.reset(options={"task_id": task.id})
        first.add(env.action_masks().tobytes())
        env.step(NUMBER["GET newest"])
        if branch != "absent":
            env.view.following = None
            looked.add(env.action_masks().tobytes())
    assert len(first) == 1
    assert len(looked) == 1


def test_a_view_knows_no_more_than_the_texts(env):
    for task in load_split("test"):
        told = View(task).told
        assert all(value in f"{task.instruction} {task.context}" for value in told.values()), task.id
        assert ("mrn" in told) == bool(task.mrn and task.mrn in task.instruction)


def test_numbers_are_those_of_the_responses(env):
    task = load_split("test").choose(4, "present")[0]
    before, _ = env.reset(options={"task_id": task.id})
    assert named(before)["value there"] == 0.0
    after, *_ = env.step(NUMBER["GET newest"])
    seen = named(after)
    assert (seen["value there"], seen["http 2xx"], seen["newest first"], seen["code MG"]) == (1.0, 1.0, 1.0, 1.0)
    assert seen["within 24 h"] == 1.0
    assert len(after) == len(FEATURES) == len(set(FEATURES))


def test_an_act_that_cannot_be_written_ends_the_episode_as_any_reply_that_is_no_action(env):
    env.reset(options={"task_id": "task4_1"})
    assert not env.action_masks()[NUMBER["GET next page"]]
    *_, reward, terminated, _, info = env.step(NUMBER["GET next page"])
    assert (reward, terminated, info["status"]) == (0.0, True, "agent invalid action")


def test_the_turn_limit_is_an_end_and_no_truncation(env):
    """A learner would add what it expects of the last observation to a truncated episode's reward, and learn to wait."""
    env.reset(options={"task_id": "task4_1"})
    ends = [env.step(NUMBER["GET newest"])[1:] for _ in range(8)]
    assert [(terminated, truncated) for _, terminated, truncated, _ in ends] == [(False, False)] * 7 + [(True, False)]
    assert ends[-1][3]["status"] == "task limit reached"


@pytest.mark.parametrize("action", [-1, len(MENU)])
def test_an_action_outside_the_menu_is_refused(env, action):
    env.reset(seed=1)
    with pytest.raises(ValueError, match=str(action)):
        env.step(action)


@pytest.mark.parametrize(
    ("options", "words"), [({"actions": "words"}, "words"), ({"protocol": "tools"}, "tools"), ({"split": "no"}, "no")]
)
def test_what_there_is_not_is_told(options, words):
    with pytest.raises((ValueError, LookupError), match=words):
        StructuredEnv(**options)


@pytest.mark.parametrize("id", medenv.STRUCTURED_IDS)
def test_gymnasium_checks_every_id(id):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with gym.make(id) as made:
            check_env(made.unwrapped)


def test_one_seed_one_episode():
    seen = []
    for _ in range(2):
        with gym.make("MedAgentBench-Structured-v0", split="train") as made:
            episode = [made.reset(seed=3)[0].tobytes()]
            made.action_space.seed(3)
            for _ in range(20):
                action = made.action_space.sample(mask=made.unwrapped.action_masks().astype(np.int8))
                observation, reward, terminated, truncated, info = made.step(action)
                episode.append((observation.tobytes(), reward, info["text"]))
                if terminated or truncated:
                    episode.append(made.reset()[0].tobytes())
        seen.append(episode)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_in_mid_episode_goes_on_alone(copied):
    with StructuredEnv(7) as made:
        made.reset(options={"task_id": "task7_3"})
        made.step(NUMBER["GET newest"])
        twin = copied(made)
        ended = made.step(NUMBER["FINISH newest value"])
        assert twin.view.turns == 1
        assert twin.step(NUMBER["FINISH newest value"])[1] == ended[1]
        twin.close()


def test_twins_play_apart_and_close_apart():
    first = StructuredEnv(9, split="train")
    twin = first.twin()
    first.reset(seed=1)
    twin.reset(seed=2)
    assert first.episode.task.id != twin.episode.task.id
    first.close()
    twin.step(NUMBER["GET newest"])
    assert twin.view.status == 200
    twin.close()
