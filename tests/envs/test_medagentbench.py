"""The Gymnasium environments: Gymnasium's own checker, vectors, seeds, options and the end of an episode."""

import asyncio
import json
import subprocess
import sys
import warnings

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

import medenv
from medenv.agents import load
from medenv.envs import ActionText, UnicodeText
from medenv.tasks import load_split, task_type

pytestmark = pytest.mark.quick


@pytest.fixture
def env():
    with gymnasium.make("MedAgentBench-v0") as made:
        yield made


@pytest.mark.parametrize("env_id", medenv.ENV_IDS)
def test_check_env_is_silent(env_id):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(env_id).unwrapped
        check_env(env)
        env.close()


def test_bare_names_resolve():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with gymnasium.make("MedAgentBench-Task9") as env:
            _, info = env.reset(seed=0)
            assert info["task_type"] == 9


def solve(env, task):
    """Plays the reference solution; gives the last step's values."""
    steps = task_type(task.type).solve(task)
    action, last = next(steps), None
    while last is None or not (last[2] or last[3]):
        last = env.step(action)
        if not last[2]:
            action = steps.send(last[0])
    return last


@pytest.mark.parametrize("number", range(1, 11))
def test_the_reference_solution_is_rewarded(number):
    with gymnasium.make(f"MedAgentBench-Task{number}-v0") as env:
        prompt, info = env.reset(seed=3)
        task = env.unwrapped.episode.task
        assert task.instruction in prompt
        assert info["status"] == "running"
        assert info["verdict"]["grader"] == ""
        assert not info["verdict"]["checks"]
        observation, reward, terminated, truncated, info = solve(env, task)
        assert (observation, reward, terminated, truncated) == ("", 1.0, True, False)
        assert info["status"] == "completed"
        assert info["verdict"]["score"] == 1.0
        json.dumps(info)


def test_equal_seeds_give_equal_episodes(env):
    def episode(seed):
        rng_space = ActionText(seed=seed)
        out = [env.reset(seed=seed)]
        for _ in range(8):
            out.append(env.step(rng_space.sample()))
            if out[-1][2] or out[-1][3]:
                break
        return out

    assert [episode(s) for s in range(5)] == [episode(s) for s in range(5)]
    assert len({episode(s)[0][1]["task_id"] for s in range(20)}) > 10


def test_without_a_seed_tasks_vary(env):
    env.reset(seed=0)
    assert len({env.reset()[1]["task_id"] for _ in range(20)}) > 5


def test_task_id_and_split_are_options(env):
    assert env.reset(options={"task_id": "task9_12"})[1]["task_id"] == "task9_12"
    assert env.reset(options={"split": "builtin", "task_id": "task1_1"})[1]["task_type"] == 1
    with pytest.raises(LookupError, match="task9_99"):
        env.reset(options={"task_id": "task9_99"})
    with pytest.raises(LookupError, match="nowhere"):
        env.reset(options={"split": "nowhere"})
    with pytest.raises(ValueError, match="taks_id"):
        env.reset(options={"taks_id": "task9_1"})
    with gymnasium.make("MedAgentBench-Task2-v0") as two, pytest.raises(ValueError, match="task9_1"):
        two.reset(options={"task_id": "task9_1"})


def test_truncated_at_eight_turns_without_reward(env):
    env.reset(options={"task_id": "task3_1"})
    for turn in range(8):
        _, reward, terminated, truncated, info = env.step("GET Patient?_count=1")
        assert info["response_status"] == 200
        assert not terminated
        assert truncated == (turn == 7)
        assert reward == 0.0
    assert info["status"] == "task limit reached"


def test_invalid_action_ends_with_its_reason(env):
    env.reset(options={"task_id": "task3_1"})
    observation, reward, terminated, _, info = env.step("Let me think.")
    assert terminated
    assert reward == 0.0
    assert info["status"] == "agent invalid action"
    assert info["error"]
    assert observation == info["error"]


def test_steps_outside_an_episode_are_refused():
    env = gymnasium.make("MedAgentBench-v0").unwrapped
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step("FINISH([])")
    env.reset(seed=0)
    env.step("FINISH([])")
    with pytest.raises(RuntimeError, match="reset"):
        env.step("FINISH([])")
    with pytest.raises(TypeError):
        env.step(3)
    env.close()
    env.close()


def test_render_shows_the_conversation():
    with gymnasium.make("MedAgentBench-v0", render_mode="ansi") as env:
        env.reset(options={"task_id": "task2_1"})
        env.step("GET Patient?_count=1")
        text = env.render()
        assert "GET Patient?_count=1" in text
        assert "searchset" in text
    with pytest.raises(ValueError, match="video"):
        gymnasium.make("MedAgentBench-v0", render_mode="video")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"task_type": 11}, "11"),
        ({"grader": "kind"}, "kind"),
        ({"observation": "short"}, "short"),
        ({"max_turns": 0}, "0"),
        ({"split": "official"}, "official"),
    ],
)
def test_wrong_arguments_say_so(arguments, word):
    with pytest.raises(ValueError, match=word):
        gymnasium.make("MedAgentBench-v0", **arguments)


@pytest.mark.parametrize("vector", [SyncVectorEnv, lambda makers: AsyncVectorEnv(makers, shared_memory=False)])
def test_vectors_of_four(vector):
    envs = vector([lambda: gymnasium.make("MedAgentBench-v0") for _ in range(4)])
    try:
        prompts, infos = envs.reset(seed=5)
        assert len(set(prompts)) > 1
        assert len(infos["task_id"]) == 4
        for _ in range(3):
            observations, _rewards, _terminated, _truncated, _ = envs.step(("GET Patient?_count=1",) * 4)
            assert all("searchset" in text for text in observations)
        _, rewards, terminated, _, infos = envs.step(("FINISH([])",) * 4)
        assert terminated.all()
        assert rewards.shape == (4,)
    finally:
        envs.close()


def test_make_vec_and_spec_round_trip():
    envs = gymnasium.make_vec("MedAgentBench-Task4-v0", num_envs=2)
    envs.reset(seed=1)
    envs.close()
    spec = gymnasium.spec("MedAgentBench-Task4-v0")
    again = gymnasium.envs.registration.EnvSpec.from_json(spec.to_json())
    with gymnasium.make(again) as env:
        assert env.reset(seed=1)[1]["task_type"] == 4


def test_spaces_hold_any_text():
    space = UnicodeText()
    for text in ("", "é", "\0\n{", "𝄞" * 1000, "\ud800"):
        assert space.contains(text)
    assert not space.contains(3)
    assert space == UnicodeText()
    assert space != ActionText()
    assert [ActionText(seed=1).sample() for _ in range(3)] == [ActionText(seed=1).sample() for _ in range(3)]
    with pytest.raises(ValueError, match="mask"):
        space.sample(mask=1)


def test_compact_observations_are_recorded(env):
    with gymnasium.make("MedAgentBench-v0", observation="compact") as compact:
        for one in (env, compact):
            one.reset(options={"task_id": "task2_1"})
        full_text, short_text = env.step("GET Patient?_count=3")[0], compact.step("GET Patient?_count=3")[0]
        assert len(short_text) < len(full_text)
        assert '"meta"' not in short_text
        assert [e["resource"]["id"] for e in json.loads(short_text)["entry"]] == [
            e["resource"]["id"] for e in json.loads(full_text)["entry"]
        ]
        assert compact.unwrapped.episode.trajectory().observation == "compact"


def test_import_is_light():
    code = "import sys, medenv; print([m for m in ('torch', 'httpx', 'docker', 'starlette', 'rich', 'typer') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_random_policy_samples_the_same_for_equal_seeds():
    task = load_split("builtin")[0]

    def texts(seed):
        player = load("random").start(task, seed)
        return [asyncio.run(player.act([{"role": "user", "content": f"patient {task.mrn}"}])).text for _ in range(10)]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
