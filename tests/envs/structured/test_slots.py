"""The slots tier: every part of an act is chosen, and every task type can be solved by some choice."""

from __future__ import annotations

import json
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import medenv
from medenv.envs import StructuredEnv
from medenv.envs.structured import SLOTS, named
from medenv.tasks import TYPES, load_split

assert medenv.STRUCTURED_IDS

PLACE = dict(SLOTS)


def action(**chosen):
    return np.array([choices.index(chosen[name]) if name in chosen else 0 for name, choices in SLOTS])


def get(resource="Observation", **chosen):
    return action(verb="GET", resource=resource, **chosen)


@pytest.fixture(scope="module")
def env():
    with StructuredEnv(actions="slots") as made:
        yield made


def translated(text, seen):
    """The slots of what the reference solution writes; its answers and doses are read off its text."""
    verb, _, rest = text.partition(" ")
    if text.startswith("FINISH("):
        value = json.loads(text[7:-1])
        return action(verb="FINISH", answer=_answer(value, seen))
    if verb == "GET":
        if "_getpages" in rest:
            return action(verb="GET next page")
        if rest.startswith("Patient?identifier"):
            return get("Patient by MRN")
        if rest.startswith("Patient"):
            return get("Patient by name")
        code = rest.partition("code=")[2].partition("&")[0]
        window, sort = (24, "") if "date=ge" in rest else (0, "-date")
        return get(code=code, window=window, sort=sort, count=50 if window else 5)
    order = json.loads(text.partition("\n")[2])
    return _posted(order)


def _posted(order):
    if order["resourceType"] == "Observation":
        return action(verb="POST", resource="Observation", code="BP")
    if order["resourceType"] == "MedicationRequest":
        dose = order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
        code = "MG" if dose["unit"] == "g" else "K"
        return action(verb="POST", resource="MedicationRequest", code=code, dose=dose["value"])
    codes = {TYPES[9].params["loinc"]: "K", TYPES[10].params["loinc"]: "A1C"}
    code = codes.get(order["code"]["coding"][0]["code"], "orthopaedics")
    return action(verb="POST", resource="ServiceRequest", code=code, window=24 if "occurrenceDateTime" in order else 0)


def _answer(value, seen):
    if value in ([], [-1], ["Patient not found"]):
        return {"[]": "nothing", "[-1]": "-1"}.get(json.dumps(value), "not found")
    if len(value) == 2:
        return "newest value and time"
    if isinstance(value[0], str):
        return "MRN"
    return "age" if seen["born"] else "mean" if seen["windowed"] else "newest value"


@pytest.mark.parametrize("number", range(1, 11))
def test_some_choices_solve_every_task(env, number):
    for task in load_split("test").choose(number)[::3]:
        observation, _ = env.reset(options={"task_id": task.id})
        solution = TYPES[number].solve(task)
        text, done = next(solution), False
        while not done:
            chosen = translated(text, named(observation))
            at = np.cumsum([0, *env.action_space.nvec[:-1]])
            if env.view.mrn is None:
                chosen[1] = PLACE["resource"].index(
                    "Patient by name"
                )  # where no resource is needed, the one that can be chosen
            assert env.action_masks()[at + chosen].all()
            observation, reward, terminated, _, info = env.step(chosen)
            done = terminated
            if not done:
                text = solution.send(env.text_env.episode.turns[-1].observation)
        assert reward == 1.0, (task.id, info["verdict"])


def test_what_makes_no_sense_ends_the_episode(env):
    env.reset(options={"task_id": "task4_1"})
    *_, terminated, _, info = env.step(action(verb="POST", resource="MedicationRequest", code="GLU"))
    assert terminated
    assert info["status"] == "agent invalid action"


def test_dose_code_and_window_matter(env):
    for chosen in (get(code="K", sort="-date"), get(code="MG", sort="-date", window=12)):
        env.reset(options={"task_id": "task4_1"})
        *_, info = env.step(chosen)
        assert ("code=MG" in info["text"]) == (chosen[2] == PLACE["code"].index("MG"))
        assert ("date=ge" in info["text"]) == bool(chosen[3])


@pytest.mark.parametrize("wrong", [[0] * 7, [9] + [0] * 7, 3])
def test_an_action_of_another_form_is_refused(env, wrong):
    env.reset(seed=1)
    with pytest.raises(ValueError, match="slots"):
        env.step(wrong)


def test_gymnasium_checks_it():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with gym.make("MedAgentBench-Task5-Structured-v0", actions="slots") as made:
            check_env(made.unwrapped)
