"""Episodes on a server outside the process don't wait for each other's requests."""

import asyncio
from threading import Barrier, Event

import pytest

from medenv.episode import Benchmark
from medenv.fhir import EmbeddedBackend
from medenv.rollouts import play, run
from medenv.trajectories import Status


class Elsewhere(EmbeddedBackend):
    """A server whose answers take as long as something else does."""

    waits = True

    def __init__(self, store, wait):
        super().__init__(store)
        self._wait = wait

    def open(self, **options):
        session = super().open(**options)
        request = session.request

        def slow(*arguments):
            self._wait()
            return request(*arguments)

        session.request = slow
        return session


@pytest.fixture
def benchmark():
    with Benchmark("builtin", task_type=4) as opened:
        yield opened


def look_once(messages):
    return "GET Patient?_count=1" if len(messages) < 2 else "FINISH([])"


def test_requests_of_many_episodes_are_under_way_at_once(benchmark):
    meeting = Barrier(8, timeout=60)
    benchmark.backend = Elsewhere(benchmark.backend.store, meeting.wait)

    async def all_of_them():
        return [one async for one in run(benchmark, look_once, benchmark.tasks[:8], concurrency=8)]

    assert {one.status for one in asyncio.run(all_of_them())} == {Status.COMPLETED}


def test_who_is_interrupted_waits_for_what_is_under_way(benchmark):
    begun, go_on, over = Event(), Event(), Event()

    def wait():
        begun.set()
        assert go_on.wait(60)
        over.set()

    benchmark.backend = Elsewhere(benchmark.backend.store, wait)

    async def interrupted():
        episode = asyncio.create_task(play(benchmark, look_once, benchmark.tasks[0]))
        await asyncio.to_thread(begun.wait, 60)
        episode.cancel()
        await asyncio.sleep(0)
        assert not episode.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await episode
        assert over.is_set()

    asyncio.run(interrupted())
