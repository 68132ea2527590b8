"""Gymnasium's own wrappers, specs, vector makers and Minari's collector take the environment as they take any other."""

import json
import warnings
from importlib.util import find_spec
from pathlib import Path

import gymnasium
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import CustomSpaceError
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv
from gymnasium.wrappers import FlattenObservation, TimeAwareObservation

import medenv
from medenv.envs import ActionText, PotentialShaping, UnicodeText
from medenv.envs.verdicts import Checks, verdict_info

assert medenv.ENV_IDS

TEXTS = ("GET Patient?_count=1", "FINISH([1])")


@pytest.fixture
def make():
    made = []

    def one(**options):
        made.append(gymnasium.make("MedAgentBench-v0", split="builtin", **options))
        return made[-1]

    yield one
    for env in made:
        env.close()


def infos(env):
    """Every info of an episode."""
    return [env.reset(seed=3)[1], *[env.step(text)[4] for text in TEXTS]]


def structure(value):
    """Names and types, as trees of arrays know them: only plain dicts, lists and tuples are branches."""
    if type(value) is dict:
        return {name: structure(one) for name, one in value.items()}
    return [structure(one) for one in value] if type(value) in (list, tuple) else type(value)


def stacked(values):
    """Trees of one structure as one tree of lists, as Minari's collector stacks them."""
    first = values[0]
    if type(first) is dict:
        return {name: stacked([one[name] for one in values]) for name in first}
    return list(values)


def test_a_shaped_env_is_made_again_from_its_spec(make):
    env = PotentialShaping(make(), gamma=0.9, weight=0.25)
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    assert isinstance(again, PotentialShaping)
    assert (again.gamma, again.weight) == (0.9, 0.25)
    again.close()


def test_check_env_takes_a_shaped_env(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is wrapped
        check_env(PotentialShaping(make()))


@pytest.mark.parametrize("shaped", [False, True])
@pytest.mark.parametrize("grader", ["strict", "official"])
def test_infos_keep_one_structure_from_first_step_to_last(make, shaped, grader):
    env = make(grader=grader)
    found = infos(PotentialShaping(env) if shaped else env)
    assert len({repr(structure(one)) for one in found}) == 1
    assert [one["verdict"]["grader"] for one in found] == ["", "", grader]
    last = found[-1]["verdict"]
    assert last["checks"]
    assert last["score"] == all(check["passed"] for check in last["checks"])
    assert json.loads(json.dumps(last))["score"] == last["score"]


def test_checks_are_a_sequence_and_json_text():
    items = [{"name": "status", "passed": True, "expected": "", "found": "é"}, {"name": "answer", "passed": False}]
    checks = Checks(items)
    assert [one["name"] for one in checks] == ["status", "answer"]
    assert (checks[0], checks[-1], checks[:1], len(checks), items[1] in checks) == (*items, tuple(items[:1]), 2, True)
    assert json.loads(json.loads(json.dumps({"checks": checks}))["checks"]) == items
    assert checks == items == list(checks)
    assert checks == Checks(items)
    assert checks != Checks()
    assert not Checks()
    assert not verdict_info(None)["checks"]


@pytest.mark.parametrize("format", ["hdf5", "arrow"])
def test_minari_stores_infos(make, tmp_path, format):
    pytest.importorskip("minari", reason="this needs the extra 'minari'")
    pytest.importorskip({"hdf5": "h5py", "arrow": "pyarrow"}[format], reason="this needs the extra 'minari'")
    from minari.data_collector import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    env, told, buffers = make(), [], []
    for number in range(2):
        told.append(infos(env))
        seen = [message["content"] for message in env.unwrapped.episode.messages if message["role"] == "user"]
        buffers.append(
            EpisodeBuffer(
                id=number,
                observations=[*seen, ""],
                actions=list(TEXTS),
                rewards=[0.0, 0.0],
                terminations=[False, True],
                truncations=[False, False],
                infos=stacked(told[-1]),
            )
        )
    storage = MinariStorage.new(
        tmp_path,
        observation_space=env.observation_space,
        action_space=env.action_space,
        env_spec=env.spec,
        data_format=format,
    )
    storage.update_episodes(buffers)
    read = MinariStorage.read(tmp_path)
    for episode, infos_told in zip(read.get_episodes(range(2)), told, strict=True):
        assert all(text in read.observation_space for text in episode["observations"])
        assert all(text in read.action_space for text in episode["actions"])
        verdicts = episode["infos"]["verdict"]
        if format == "hdf5":  # arrow hands out a struct's rows, HDF5 its columns
            last = verdicts["checks"][-1].decode()
            assert list(verdicts["score"]) == [one["verdict"]["score"] for one in infos_told]
        else:
            last = verdicts[-1]["checks"]
            assert [one["score"] for one in verdicts] == [one["verdict"]["score"] for one in infos_told]
        assert json.loads(last) == infos_told[-1]["verdict"]["checks"]


@pytest.mark.skipif(not find_spec("minari") or not find_spec("jax"), reason="this needs minari[create]")
@pytest.mark.parametrize("format", ["hdf5", "arrow"])
def test_minaris_collector_records_infos(make, tmp_path, monkeypatch, format):
    from minari import DataCollector

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env = DataCollector(PotentialShaping(make()), record_infos=True, data_format=format)
    for _ in range(2):
        infos(env)
    dataset = env.create_dataset("medagentbench/infos-v0")
    assert dataset.total_episodes == 2


@pytest.mark.parametrize("wrap", [FlattenObservation, TimeAwareObservation])
def test_wrappers_that_flatten_refuse_text(make, wrap):
    with pytest.raises(CustomSpaceError, match="FlattenObservation"):
        wrap(make())
    assert TimeAwareObservation(make(), flatten=False).reset(seed=1)[0]["obs"]


@pytest.mark.parametrize("space", [UnicodeText(), ActionText(), gymnasium.spaces.Dict(text=UnicodeText())])
def test_flattening_a_text_is_refused(space):
    for act in (
        gymnasium.spaces.flatdim,
        gymnasium.spaces.flatten_space,
        lambda space: gymnasium.spaces.flatten(space, space.sample()),
    ):
        with pytest.raises((CustomSpaceError, ValueError)):
            act(space)


def test_shared_memory_says_how_to_go_without():
    with pytest.raises(ValueError, match="shared_memory=False"):
        AsyncVectorEnv([lambda: gymnasium.make("MedAgentBench-v0", split="builtin")])


def test_an_unknown_render_mode_is_what_vector_makers_fall_back_on(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gymnasium's, that there is no such mode
        for error in (TypeError, ValueError):
            with pytest.raises(error, match="depth_array"):
                make(render_mode="depth_array")
        with pytest.raises(TypeError, match="depth_array"):
            gymnasium.make_vec("MedAgentBench-v0", num_envs=2, split="builtin", render_mode="depth_array")


def test_pictures_without_pillow_are_refused_as_an_unknown_mode_is(make, monkeypatch):
    monkeypatch.setattr(medenv.extras, "find_spec", lambda name: None)
    with pytest.raises(TypeError, match=r"rgb_array.*\[video\]"):
        make(render_mode="rgb_array")


def test_paths_survive_the_spec_as_json(make, tmp_path):
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("{turns} turns at {base}: {instruction}")
    env = make(prompt=prompt, tolerances=("fences",))
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.reset(seed=2) == env.reset(seed=2)
    again.close()
    env.unwrapped.spec = EnvSpec("MedAgentBench-v0", kwargs={"split": "official", "official": Path("a/b")})
    assert json.loads(env.unwrapped.spec.to_json())["kwargs"]["official"] == str(Path("a/b"))


def test_the_spec_says_how_long_an_episode_is(make):
    assert make().spec.max_episode_steps == 8
    env = make(max_turns=3)
    assert env.spec.max_episode_steps == 3
    env = gymnasium.make(env.spec)
    env.reset(seed=1)
    ends = [env.step("GET Patient?_count=1") for _ in range(3)]
    assert [end[3] for end in ends] == [False, False, True]
    assert ends[-1][4]["verdict"]["grader"] == "strict"
    env.close()


def test_human_rendering_prints_each_turn_as_it_happens(make, capsys):
    env = make(render_mode="human")
    prompt, _ = env.reset(seed=1)
    assert prompt in capsys.readouterr().out
    seen, *_ = env.step("GET Patient?_count=1")
    told = capsys.readouterr().out
    assert "GET Patient?_count=1" in told
    assert seen in told
    assert prompt not in told
    assert env.render() is None
    env.step("FINISH([7])")
    told = capsys.readouterr().out
    assert "FINISH([7])" in told
    assert seen not in told


def test_ansi_rendering_is_the_last_turn_or_all(make):
    short, whole = make(render_mode="ansi"), make(render_mode="ansi", render_conversation=True)
    for env in (short, whole):
        prompt, _ = env.reset(seed=1)
        assert prompt in env.render()
        env.step("GET Patient?_count=1")
        env.step("GET Patient?_count=2")
    assert "GET Patient?_count=2" in short.render()
    assert "GET Patient?_count=1" not in short.render()
    assert prompt not in short.render()
    assert prompt in whole.render()
    assert "GET Patient?_count=1" in whole.render()
