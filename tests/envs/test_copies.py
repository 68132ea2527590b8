"""An environment is pickled and copied at any moment, and its copy goes on as it would have."""

import copy
import json
import pickle
import subprocess
import sys

import gymnasium
import pytest

import medenv
from medenv.envs import PotentialShaping

assert medenv.ENV_IDS

ORDER = (
    'POST Observation\n{"resourceType": "Observation", "status": "final", "code": {"text": "BP"}, '
    '"subject": {"reference": "Patient/%s"}}'
)
SEARCHES = {
    "a page of a whole type": "GET Observation?_count=3",
    "by a patient": "GET Observation?patient=%s&_count=3",
    "sorted by date, with what it names": "GET Observation?_sort=-date&_count=3&_include=Observation:subject",
    "by a string and a chain": "GET Observation?patient.family:contains=a&_count=3",
    "two searches in one": "GET Patient?_has:Observation:patient:code=GLU&_count=2",
}
WAYS = {"pickled": lambda env: pickle.loads(pickle.dumps(env)), "copied": copy.deepcopy}


def begun(split, *texts):
    """An environment in mid-episode: what was said so far, and what was seen last."""
    env = gymnasium.make("MedAgentBench-v0", split=split, max_turns=12)
    seen, _ = env.reset(seed=4)
    mrn = env.unwrapped.episode.task.mrn
    for text in texts:
        seen, *_ = env.step(text % mrn if "%s" in text else text)
    return env, seen, mrn


def next_page(seen):
    links = [one["url"] for one in json.loads(seen)["link"] if one["relation"] == "next"]
    return f"GET {links[0]}" if links else "GET Patient?_count=1"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("split", "search"), [("train", "by a patient"), *(("builtin", search) for search in SEARCHES)]
)
def test_an_env_pickles_and_copies_after_a_paged_search(split, search, way):
    env, seen, mrn = begun(split, ORDER, SEARCHES[search])
    twin = WAYS[way](env)
    assert twin.unwrapped.episode.trajectory().to_json() == env.unwrapped.episode.trajectory().to_json()
    texts = [next_page(seen), SEARCHES[search] % mrn if "%s" in SEARCHES[search] else SEARCHES[search], "FINISH([])"]
    assert [twin.step(text) for text in texts] == [env.step(text) for text in texts]
    assert twin.reset() == env.reset(), "the next task is the same too"
    env.close()
    twin.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_writes_and_closes_for_itself_alone(way):
    env, _, mrn = begun("builtin", ORDER)
    count = f"GET Observation?patient={mrn}&_summary=count"
    before = env.step(count)[0]
    twin = WAYS[way](env)
    twin.step(ORDER % mrn)
    assert twin.step(count)[0] != before
    assert env.step(count)[0] == before
    twin.close()
    assert env.step(count)[0] == before, "a copy that is closed takes no charts away"
    env.reset(seed=1)
    env.step("FINISH([])")
    env.close()
    env.close()


def test_a_copy_outlives_its_original():
    env, seen, _ = begun("builtin", "GET Observation?_count=3")
    twin = copy.deepcopy(env)
    env.close()
    assert json.loads(twin.step(next_page(seen))[0])["entry"]
    assert twin.step("FINISH([])")[2]
    twin.reset(seed=2)
    twin.close()


def test_a_copy_holds_no_second_store():
    env, *_ = begun("builtin", "GET Observation?_count=3")
    twin = pickle.loads(pickle.dumps(env))
    stores = {id(one.unwrapped.benchmark.backend.store) for one in (env, twin)}
    assert len(stores | {id(env.unwrapped.episode.session.workspace.chart.store)}) == 1
    env.close()
    twin.close()


def test_a_shaped_env_copies_with_its_potential():
    env = PotentialShaping(gymnasium.make("MedAgentBench-v0", split="builtin"))
    env.reset(options={"task_id": "task4_3"})
    mrn = env.unwrapped.episode.task.mrn
    env.step(f"GET Observation?patient={mrn}&code=MG")
    twin = copy.deepcopy(env)
    assert twin.step("FINISH([-1])") == env.step("FINISH([-1])")
    env.close()
    twin.close()


LOAD = """
import pickle, sys
env = pickle.load(sys.stdin.buffer)
for text in sys.argv[1:]:
    sys.stdout.write(repr(env.step(text)) + "\\n")
"""


def test_a_pickled_env_goes_on_in_another_process():
    env, seen, mrn = begun("train", ORDER, "GET Observation?_count=3")
    texts = [next_page(seen), f"GET Observation?patient={mrn}&code:text=BP", "FINISH([])"]
    told = subprocess.run(
        [sys.executable, "-c", LOAD, *texts], input=pickle.dumps(env), capture_output=True, check=True
    ).stdout.decode()
    assert told == "".join(f"{env.step(text)!r}\n" for text in texts)
    env.close()
