"""Ways to make a policy: a function, a player that answers at once, a batch; and one without asyncio."""

import asyncio
import gc
import threading

import gymnasium as gym
import pytest

from medenv.agents import (
    BatchPolicy,
    Blocking,
    ContextLimitError,
    FunctionPolicy,
    ProviderError,
    Reply,
    as_policy,
    ask,
    load,
)
from medenv.episode import Benchmark
from medenv.rollouts import run
from medenv.trajectories import Status

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("builtin") as made:
        yield made


def collect(benchmark, policy, count=30, **options):
    async def gather():
        return [one async for one in run(benchmark, policy, list(benchmark.tasks)[:count], **options)]

    return asyncio.run(gather())


def look_and_finish(messages):
    return "GET Patient?_count=1" if len(messages) == 1 else Reply("FINISH([])", {"tokens": 1})


async def look_and_finish_later(messages):
    await asyncio.sleep(0)
    return look_and_finish(messages)


@pytest.mark.parametrize(
    "function", [look_and_finish, look_and_finish_later, FunctionPolicy(look_and_finish, threads=4)]
)
def test_a_function_is_a_policy(benchmark, function):
    episodes = collect(benchmark, function)
    assert all([turn.kind for turn in one.turns] == ["get", "finish"] for one in episodes)
    assert {one.provenance["agent"]["name"] for one in episodes} <= {"look_and_finish", "look_and_finish_later"}
    assert episodes[0].turns[1].usage == {"tokens": 1}


def test_a_plain_function_may_block_and_is_called_by_one_thread_unless_told(benchmark):
    threads = set()

    def slow(messages):
        threads.add(threading.get_ident())
        return "FINISH([])"

    collect(benchmark, slow, concurrency=16)
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_functions_with_threads_answer_side_by_side(benchmark):
    together = threading.Barrier(4, timeout=30)

    def meets(messages):
        together.wait()
        return "FINISH([])"

    assert len(collect(benchmark, FunctionPolicy(meets, threads=4), count=4, concurrency=4)) == 4


def test_an_error_of_the_function_is_not_hidden(benchmark):
    def wrong(messages):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError):
        collect(benchmark, wrong)
    with pytest.raises(TypeError, match="int"):
        as_policy(7)


class Counting(BatchPolicy):
    name = "counting"

    def __init__(self, batch_size=64, fault=None):
        self.batch_size, self.fault, self.batches = batch_size, fault, []

    def act_batch(self, requests):
        self.batches.append(len(requests))
        if self.fault is not None and len(self.batches) == 2:
            raise self.fault
        return [look_and_finish(request.conversation) for request in requests]


def test_all_that_wait_are_one_batch(benchmark):
    policy = Counting()
    episodes = collect(benchmark, policy, concurrency=30)
    assert policy.batches == [30, 30]
    assert len(episodes) == 30


def test_batches_keep_to_their_size_and_change_no_result(benchmark):
    policy = Counting(batch_size=7)
    small = collect(benchmark, policy, concurrency=30)
    assert max(policy.batches) == 7
    assert sum(policy.batches) == 60
    whole = collect(benchmark, Counting(), concurrency=30)
    assert sorted(one.to_json() for one in small) == sorted(one.to_json() for one in whole)


def test_a_fault_of_a_batch_is_no_score(benchmark):
    episodes = collect(benchmark, Counting(fault=ProviderError("out of memory")), concurrency=10, count=10)
    assert {one.status for one in episodes} == {Status.INFRASTRUCTURE_ERROR}


def test_one_episode_of_a_batch_may_fail_alone(benchmark):
    class Full(BatchPolicy):
        name = "full"

        def act_batch(self, requests):
            return [ContextLimitError("full") if number == 0 else "FINISH([])" for number, _ in enumerate(requests)]

    episodes = collect(benchmark, Full(), concurrency=10, count=10)
    assert sorted(one.status.value for one in episodes) == ["agent context limit"] + ["completed"] * 9


def test_too_few_replies_are_an_error(benchmark):
    class Short(BatchPolicy):
        name = "short"

        def act_batch(self, requests):
            return []

    with pytest.raises(ValueError, match="0 replies"):
        collect(benchmark, Short())


@pytest.mark.parametrize("protocol", ["text", "tools"])
def test_a_policy_without_asyncio_drives_the_environment(protocol):
    env = gym.make("MedAgentBench-Task9-v0", split="builtin", protocol=protocol)
    with Blocking(load("reference")) as agent:
        _, info = env.reset(seed=3)
        episode = env.unwrapped.episode
        player, over = agent.start(episode.task), False
        while not over:
            _, reward, over, _, info = env.step(player.act(episode.conversation))
    assert reward == 1.0, info
    assert len(env.unwrapped.tools) == (10 if protocol == "tools" else 0)
    env.close()


def test_the_environment_takes_calls_as_json_and_samples_them():
    env = gym.make("MedAgentBench-Task3-v0", split="builtin", protocol="tools")
    env.reset(seed=0)
    *_, info = env.step('{"name": "find_patients", "arguments": {"identifier": "S1"}}')
    assert info["response_status"] == 200
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "a", "function": {"name": "finish", "arguments": "{}"}}],
    }
    *_, info = env.step(message)
    assert info["status"] == "completed"
    env.action_space.seed(1)
    assert any(env.action_space.sample().startswith('{"name"') for _ in range(10))
    env.close()


@pytest.mark.filterwarnings("error")
def test_a_blocking_player_in_a_notebook_says_what_to_write(benchmark):
    task = benchmark.tasks[0]

    async def cell():
        with Blocking(look_and_finish_later) as agent:
            player, messages = agent.start(task), benchmark.start(task).conversation
            with pytest.raises(RuntimeError, match="await medenv"):
                player.act(messages)
            told = await ask(agent.policy.start(task, 0), messages)
        agent.close()
        return told

    assert asyncio.run(cell()) == "GET Patient?_count=1"
    gc.collect()  # a coroutine that nobody awaited would warn here
