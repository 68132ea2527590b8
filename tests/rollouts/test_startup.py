"""When a run is given up at its start, and which reason is told for episodes without a score."""

import asyncio
from dataclasses import replace

import pytest

from medenv.agents import load
from medenv.episode import Benchmark
from medenv.rollouts import CannotStartError, Reasons, play
from medenv.rollouts.attempts import Attempts
from medenv.rollouts.startup import StartupCheck
from medenv.trajectories import Status


@pytest.fixture(scope="module")
def episodes():
    """One that was played, one that ended before the first reply, one that ended after it."""
    with Benchmark("builtin") as benchmark:
        played = asyncio.run(play(benchmark, load("empty"), benchmark.tasks[0]))
        lost = benchmark.infrastructure_failure(benchmark.tasks[0], "no answer on port 4711")
    broken = replace(played, verdict=None, status=Status.INFRASTRUCTURE_ERROR, error="gone")
    return played, lost, broken


def test_two_episodes_that_end_before_the_first_reply_are_enough(episodes):
    _, lost, _ = episodes
    start = StartupCheck()
    assert start.see(lost) == [lost]
    assert not start.in_doubt
    assert start.see(lost) == [lost]
    assert start.in_doubt
    assert start.see(lost) == [], "it waits for what becomes of those under way"
    assert "no answer on port 4711" in str(start.failure())


@pytest.mark.parametrize("which", [0, 2])
def test_a_run_with_one_reply_has_begun(episodes, which):
    _, lost, _ = episodes
    start = StartupCheck()
    stored = [one for each in (lost, lost, lost, episodes[which], lost, lost, lost) for one in start.see(each)]
    assert stored == [lost, lost, lost, episodes[which], lost, lost, lost], "none was dropped"
    assert not start.in_doubt


def test_turns_that_were_taken_over_are_no_replies(episodes):
    played, _, broken = episodes
    fork = replace(broken, provenance={**played.provenance, "fork": {"turn": len(played.turns)}})
    start = StartupCheck()
    start.see(fork)
    start.see(fork)
    assert start.in_doubt


@pytest.mark.parametrize("mended", [False, True])
def test_no_more_are_begun_while_none_got_further(episodes, mended):
    played, lost, _ = episodes

    async def main():
        start = StartupCheck()
        attempts = Attempts([played.task] * 10, start=start)
        for _ in range(4):
            await attempts.take()
        waiting = asyncio.ensure_future(attempts.take())
        for one in (lost, lost, lost, played if mended else lost):
            start.see(one)
            attempts.finished(one)
        return await waiting

    if mended:
        assert asyncio.run(main()).task == played.task
    else:
        with pytest.raises(CannotStartError):
            asyncio.run(main())


def test_reasons_that_differ_in_numbers_are_one(episodes):
    played, lost, broken = episodes
    reasons = Reasons()
    assert reasons.commonest is None
    for one in (played, broken, lost, replace(lost, error="no answer on port 815\n  traceback")):
        reasons.add(one)
    assert reasons.commonest == ("no answer on port 4711", 2)
