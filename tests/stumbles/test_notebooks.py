"""Where an event loop runs already, as in a notebook."""

import asyncio

import pytest

import medenv
from medenv.agents import Blocking, ask, load

FEW = {"split": "builtin", "limit": 2}


def in_a_notebook(cell):
    """Run a cell as a notebook does: within a loop that runs."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(cell())
    finally:
        loop.close()


def test_evaluating_with_and_without_await():
    async def cell():
        return medenv.evaluate("reference", **FEW), await medenv.evaluate_async("reference", **FEW)

    for found in (*in_a_notebook(cell), *asyncio.run(cell()), medenv.evaluate("reference", **FEW)):
        assert found.accuracy == 1.0
        assert "2 of 2 passed" in str(found)


def test_a_function_of_ones_own():
    async def patient(conversation):
        await asyncio.sleep(0)
        return "FINISH([])"

    async def cell():
        return [
            medenv.evaluate(agent, **FEW).summary.total.scored for agent in (patient, lambda conversation: "FINISH([])")
        ]

    assert in_a_notebook(cell) == [2, 2]


def test_episodes_as_they_end():
    async def cell():
        with medenv.Benchmark("builtin") as benchmark:
            return [one async for one in medenv.run(benchmark, medenv.load_agent("reference"), benchmark.tasks[:3])]

    assert [one.verdict["score"] for one in in_a_notebook(cell)] == [1.0, 1.0, 1.0]


def test_a_blocking_player_says_that_it_would_stop_the_loop():
    async def cell():
        with medenv.Benchmark("builtin") as benchmark, Blocking(load("blind")) as policy:
            episode = benchmark.start(benchmark.tasks[0])
            player = policy.start(episode.task)
            with pytest.raises(RuntimeError, match=r"an event loop is running here.*await medenv\.agents\.ask"):
                player.act(episode.conversation)
            return await ask(load("blind").start(episode.task, 0), episode.conversation)

    assert "FINISH" in in_a_notebook(cell).text


def test_a_blocking_player_without_one():
    with medenv.Benchmark("builtin") as benchmark, Blocking(load("blind")) as policy:
        episode = benchmark.start(benchmark.tasks[0])
        assert "FINISH" in policy.start(episode.task).act(episode.conversation).text


def test_an_environment_in_a_notebook():
    async def cell():
        import gymnasium

        with gymnasium.make("MedAgentBench-v0", split="builtin") as env:
            env.reset(seed=1)
            return env.step("FINISH([])")[2]

    assert in_a_notebook(cell)
