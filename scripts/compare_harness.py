#!/usr/bin/env python3
"""Play the official MedAgentBench harness, unchanged, against medenv's server, and compare each row with medenv's official protocol.

The harness is the class, the loop and the graders of your checkout; agents of medenv's play both sides. A row differs if status, answer,
verdict or the number of replies does; the exit code is 1 if one differs. Run it where medenv and the checkout's requirements are installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from medenv.agents import Policy, load
from medenv.agents.policy import ask
from medenv.episode import Benchmark
from medenv.errors import MedenvError
from medenv.fhir import EmbeddedBackend
from medenv.fhir.http.app import FhirApp
from medenv.fhir.http.server import Server, bind
from medenv.tasks import Task
from medenv.trajectories import Trajectory
from scripts.harness.odd import OddPolicy
from scripts.harness.official import Harness, HarnessError, Played

AGENTS = ("reference", "blind", "empty", "odd")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: compare_harness.py ../MedAgentBench --charts charts.ndjson --agents reference odd",
    )
    parser.add_argument("checkout", type=Path, help="a checkout of MedAgentBench with its refsol.py")
    parser.add_argument("--charts", type=Path, required=True, help="the official charts, as medenv capture writes them")
    parser.add_argument("--agents", nargs="+", default=list(AGENTS), metavar="NAME", help=f"default {' '.join(AGENTS)}")
    parser.add_argument("--seeds", type=int, default=1, help="times that each agent plays each row (default 1)")
    parser.add_argument("--rows", type=int, help="the first so many rows (default all)")
    parser.add_argument("--rounds", type=int, default=8, help="replies an episode may have (default 8)")
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Compare, print a line for each row that differs and a table; returns how the program ends."""
    options = arguments().parse_args(given)
    with (
        Benchmark(
            "official",
            "official",
            protocol="official",
            official=options.checkout,
            charts=options.charts,
            max_turns=options.rounds,
        ) as benchmark,
        served(options.charts) as base,
    ):
        assert isinstance(benchmark.backend, EmbeddedBackend)
        benchmark.backend.base = base  # prompts and links name the same server on both sides
        harness = Harness(options.checkout, base, options.rounds)
        differing = 0
        for name in options.agents:
            policy = OddPolicy() if name == "odd" else load(name)
            differing += asyncio.run(compare(harness, benchmark, policy, options.seeds, options.rows))
    return min(differing, 1)


@contextmanager
def served(charts: Path) -> Iterator[str]:
    """Serve the charts; gives the base URL."""
    ready = threading.Event()
    with bind("127.0.0.1", 0) as listener:
        server = Server(FhirApp(EmbeddedBackend.from_ndjson(charts)), ready.set)
        thread = threading.Thread(target=server.run, args=(listener,), daemon=True)
        thread.start()
        ready.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/fhir"
        finally:
            server.stop()
            thread.join()


async def compare(harness: Harness, benchmark: Benchmark, policy: Policy, seeds: int, rows: int | None) -> int:
    """Play an agent on both sides; returns how many rows differ."""
    ids = harness.ids[:rows]
    counts: Counter[str] = Counter()
    for number, (seed, index) in enumerate(((s, i) for s in range(seeds) for i in range(len(ids))), 1):
        task = benchmark.tasks.task(ids[index])
        theirs = await harness.play(index, policy.start(task, seed))
        ours = outcome(await play(benchmark, task, policy, seed))
        counts["passed there"] += theirs.passed
        counts["passed here"] += ours.passed
        if key(theirs) != key(ours):
            counts["differ"] += 1
            print(f"{policy.name} {task.id} seed {seed}\n  harness {key(theirs)}\n  medenv  {key(ours)}", flush=True)
        print(f"\r{policy.name}: {number} of {seeds * len(ids)} ", end="", file=sys.stderr, flush=True)
    total = seeds * len(ids)
    print(
        f"{policy.name}: {total} episodes, {counts['passed there']} pass in the harness, {counts['passed here']} in medenv, "
        f"{counts['differ']} differ"
    )
    return counts["differ"]


async def play(benchmark: Benchmark, task: Task, policy: Policy, seed: int) -> Trajectory:
    """Play a row here."""
    episode = benchmark.start(task)
    player = policy.start(task, seed)
    while not episode.done:
        episode.step(await ask(player, episode.conversation))
    return benchmark.finish(episode)


def outcome(ours: Trajectory) -> Played:
    """Return what became of a row here, in the harness's terms."""
    verdict = ours.verdict or {}
    return Played(ours.status, ours.result, verdict.get("score") == 1.0, tuple(turn.text for turn in ours.turns))


def key(played: Played) -> tuple[str, str, bool, int]:
    """Return what must be equal."""
    return played.status, json.dumps(played.result, sort_keys=True), played.passed, len(played.replies)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (HarnessError, MedenvError, OSError) as error:
        sys.exit(f"compare_harness.py: {error}")
