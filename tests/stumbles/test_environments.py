"""What people do with a Gymnasium environment first: check it, record it, copy it, make many of it."""

import json
import pickle
import subprocess
import sys
import warnings

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RecordVideo

import medenv

EVERY = [*medenv.ENV_IDS, *medenv.STRUCTURED_IDS]
FEW = ["MedAgentBench-v0", "MedAgentBench-Task9-v0", "MedAgentBench-Structured-v0"]
GOES_ON = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    env = pickle.load(file)
print(repr([env.step(text) for text in sys.argv[2:]]))
env.close()
"""


@pytest.mark.parametrize("env_id", FEW)
def test_it_passes_gymnasiums_check_without_a_warning(env_id, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(env_id, split="builtin").unwrapped)
    capsys.readouterr()


@pytest.mark.parametrize("env_id", EVERY)
def test_each_is_made_and_played(env_id):
    with gymnasium.make(env_id, split="builtin") as env:
        env.reset(seed=1)
        env.step("FINISH([])" if env_id in medenv.ENV_IDS else env.action_space.sample())


def test_who_wants_a_video_is_told_what_there_is_instead(elsewhere):
    env = gymnasium.make("MedAgentBench-v0", split="builtin", render_mode="ansi")
    with pytest.raises(ValueError, match="incompatible with RecordVideo"):
        RecordVideo(env, str(elsewhere / "videos"))
    env.close()
    # Gymnasium then advises rgb_array.
    with pytest.warns(UserWarning, match="rgb_array"), pytest.raises(TypeError) as told:
        gymnasium.make("MedAgentBench-v0", split="builtin", render_mode="rgb_array")
    for words in ("RecordVideo", "medenv rollout", "medenv view", "'human', 'ansi' or None"):
        assert words in str(told.value)


@pytest.mark.parametrize("split", ["test", "train"])
def test_it_goes_on_in_another_process_from_the_middle_of_a_list(split, elsewhere):
    with gymnasium.make("MedAgentBench-v0", split=split) as env:
        env.reset(seed=4)
        mrn = env.unwrapped.episode.task.mrn
        seen, *_ = env.step(f"GET Observation?patient={mrn}&_count=2" if mrn else "GET Observation?_count=2")
        links = {one["relation"]: one["url"] for one in json.loads(seen)["link"]}
        texts = [f"GET {links.get('next', links['self'])}", "GET Patient?_count=1", "FINISH([])"]
        (elsewhere / "env.pickle").write_bytes(pickle.dumps(env))
        done = subprocess.run(
            [sys.executable, "-c", GOES_ON, "env.pickle", *texts], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == repr([env.step(text) for text in texts])


@pytest.mark.parametrize("mode", ["sync", "vector_entry_point"])
def test_many_at_once(mode):
    envs = gymnasium.make_vec("MedAgentBench-v0", num_envs=3, vectorization_mode=mode, split="builtin")
    envs.reset(seed=1)
    assert list(envs.step(["FINISH([])"] * 3)[2]) == [True] * 3
    envs.close()
