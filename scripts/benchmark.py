#!/usr/bin/env python3
"""Measure medenv on this machine, each figure beside a floor, and beside a real HAPI FHIR server if one runs.

Nothing here is a test: figures depend on the machine and on what else it does. Compare within one run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from medenv.fhir import BackendError

STORED = Path(__file__).resolve().parent.parent.parent / "shared/data/hapi/stored.ndjson"


def _server(commands: Any) -> None:
    parser = commands.add_parser(
        "server",
        help="requests/s in process and over HTTP, reset, fork, memory",
        description="""\
Requests a second of the embedded server, one client, one thread:
  cold    the store was just opened: nothing of it is in memory, every query is new
  warm    the same kind of request, with the store in memory; still no query was asked before
  again   the very same requests once more
in process (Session.get) and over HTTP (medenv serve in a process of its own, one kept-alive connection).
The floor is a dict look-up plus copying the same bytes, in process, and a server that does no more, over HTTP.
Then reset and fork of a session, and memory with 1, 100 and 10,000 sessions open, each with two searches and one order.""",
        epilog="""examples:
  benchmark.py server
  benchmark.py server --data charts.ndjson --hapi http://localhost:8090/fhir
With --hapi the server at that base must hold the same data under the same ids; it is asked the same, and the comparison of
the design follows: 500 searches by patient, code and date bound, each asked once, median of 5 rounds in turn.""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="NDJSON of the charts; otherwise ../shared's recorded chart set, or the builtin cohort",
    )
    parser.add_argument(
        "--hapi", metavar="BASE", help="base URL of a running HAPI with the same data; it is written to"
    )
    parser.add_argument("--requests", type=int, default=500, help="requests a row and round (default 500)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the comparison with HAPI (default 5)")
    parser.add_argument("--sessions", type=int, nargs="*", default=[1, 100, 10_000], help="session counts for memory")
    parser.add_argument("--seed", type=int, default=0, help="seed of the queries (default 0)")

    def run(chosen: argparse.Namespace) -> None:
        from benchmarks.server import Settings, run

        data = chosen.data or (STORED if STORED.is_file() else None)
        run(Settings(data, chosen.hapi, chosen.requests, chosen.rounds, tuple(chosen.sessions), chosen.seed))

    parser.set_defaults(run=run)


def _env(commands: Any) -> None:
    parser = commands.add_parser(
        "env",
        help="env steps/s, reset and fork of an episode, a verdict beside its episode",
        description="""\
Environment steps a second on one core: the reference's actions over all task types are recorded, then replayed through
MedAgentBenchEnv.reset and .step, the grader's verdict included.
  warm        the recorded actions, played before
  never seen  the same with a bound of its own in every search, so that no query was asked before""",
        epilog="example:\n  benchmark.py env --tasks 300",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tasks", type=int, default=300, help="tasks to replay, over all types (default 300)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds; the median counts (default 5)")

    def run(chosen: argparse.Namespace) -> None:
        from benchmarks.env import run as run_env

        run_env(chosen.tasks, chosen.rounds)

    parser.set_defaults(run=run)


def _vector(commands: Any) -> None:
    parser = commands.add_parser(
        "vector",
        help="a vector of environments in one process beside a single one, and its memory",
        description="""\
Environment steps a second of CPU time of gymnasium.make_vec beside gymnasium.make, with the reference's actions, resets and verdicts
included, and the memory that a vector adds.""",
        epilog="example:\n  benchmark.py vector --sizes 100 1000",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--split", default="test", help="whose tasks (default test)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000], help="environments (default 100 1000)")
    parser.add_argument("--tasks", type=int, default=300, help="different tasks, over all types (default 300)")
    parser.add_argument("--steps", type=int, default=10_000, help="steps of each row (default 10,000)")

    def run(chosen: argparse.Namespace) -> None:
        from benchmarks.vector import run_vector

        run_vector(chosen.split, chosen.sizes, chosen.tasks, chosen.steps)

    parser.set_defaults(run=run)


def _rollouts(commands: Any) -> None:
    parser = commands.add_parser(
        "rollouts",
        help="what storing, counting and resuming runs costs, and its memory",
        description="""\
The work of a run besides its episodes: storing rows with their checksums, counting scores, showing progress. First an episode
alone and the same in a run, beside the time that a model would take; then runs of many episodes in processes of their own,
with their peak memory, and how fast such a run is read when it is gone on with.""",
        epilog="example:\n  benchmark.py rollouts --episodes 100000",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--agent", default="reference", help="who plays (default reference)")
    parser.add_argument("--episodes", type=int, default=100_000, help="of the large run (default 100,000)")
    parser.add_argument("--latency", type=float, default=0.5, help="a model's seconds for a reply (default 0.5)")
    parser.add_argument("--concurrency", type=int, default=64, help="episodes under way at a time (default 64)")

    def run(chosen: argparse.Namespace) -> None:
        from benchmarks.rollouts import Settings as RolloutSettings
        from benchmarks.rollouts import run as run_rollouts

        run_rollouts(RolloutSettings(chosen.agent, chosen.episodes, chosen.latency, chosen.concurrency))

    parser.set_defaults(run=run)


def _agents(commands: Any) -> None:
    parser = commands.add_parser(
        "agents",
        help="how many requests concurrent episodes keep under way at a slow model",
        description="""\
Episodes of the llm agent against a server in a process of its own that takes a fixed time for each reply. The server counts:
the mean is the number of requests it held, over the time from its first request to its last answer. Then episodes on a FHIR server in a
process of its own, behind a way on which each request takes its time: one alone, and eight at a time.""",
        epilog="example:\n  benchmark.py agents --concurrency 256 --episodes 1024",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--concurrency", type=int, default=64, help="episodes under way at a time (default 64)")
    parser.add_argument("--episodes", type=int, default=192, help="episodes in all (default 192)")
    parser.add_argument("--replies", type=int, default=4, help="replies of an episode (default 4)")
    parser.add_argument("--latency", type=float, default=2.0, help="seconds a reply takes (default 2)")
    parser.add_argument("--fhir-latency", type=float, default=0.05, help="seconds a FHIR request takes (default 0.05)")

    def run(chosen: argparse.Namespace) -> None:
        from benchmarks.agents import Settings as AgentSettings
        from benchmarks.agents import run_agents

        run_agents(
            AgentSettings(chosen.concurrency, chosen.episodes, chosen.replies, chosen.latency, chosen.fhir_latency)
        )

    parser.set_defaults(run=run)


def _container(commands: Any) -> None:
    parser = commands.add_parser(
        "container",
        help="a server in a container: start, reset by undoing, fresh container",
        description="""\
Seconds until a container of an image is ready with a split's charts, and until it is as it was after an episode's writes:
  undo      what was written is deleted, expunged, restored, and read again
  recreate  another container takes its place, with the charts loaded anew if the image doesn't hold them""",
        epilog="example:\n  benchmark.py container --image jyxsu6/medagentbench:latest",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--image", required=True, help="the server's image")
    parser.add_argument("--split", default="test", help="whose charts (default test; builtin is smaller)")
    parser.add_argument("--episodes", type=int, default=20, help="resets by undoing (default 20)")
    parser.add_argument("--recreations", type=int, default=2, help="fresh containers (default 2)")

    def run(chosen: argparse.Namespace) -> None:
        from benchmarks.container import run as run_container

        run_container(chosen.image, chosen.split, chosen.episodes, chosen.recreations)

    parser.set_defaults(run=run)


def _page(commands: Any) -> None:
    parser = commands.add_parser(
        "page",
        help="how soon the page of many episodes shows and filters them",
        description="""\
Milliseconds in Chromium, five times: from the beginning of loading until the list is there, and from a change of a filter or of the
search until the new list was painted.""",
        epilog="example:\n  benchmark.py page --episodes 10000",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--episodes", type=int, default=10_000, help="episodes on the page (default 10,000)")

    def run(chosen: argparse.Namespace) -> None:
        from benchmarks.page import run_page

        run_page(chosen.episodes)

    parser.set_defaults(run=run)


def _startup(commands: Any) -> None:
    parser = commands.add_parser(
        "startup",
        help="CPU time and memory of medenv --help and other commands' start",
        description="CPU seconds and peak memory of commands that do nothing but start, beside Python alone and import medenv.",
        epilog="example:\n  benchmark.py startup",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5, help="starts of each; the median counts (default 5)")

    def run(chosen: argparse.Namespace) -> None:
        from benchmarks.startup import run_startup

        run_startup(chosen.rounds)

    parser.set_defaults(run=run)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    for add in (_server, _env, _vector, _rollouts, _agents, _container, _page, _startup):
        add(commands)
    chosen = parser.parse_args()
    chosen.run(chosen)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (BackendError, ValueError, OSError) as error:
        sys.exit(f"benchmark.py: {error}")
