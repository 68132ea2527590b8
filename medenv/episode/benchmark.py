"""A benchmark ready to run: a split's tasks, the server with their charts, and a grader.

Environments and the runner start and finish their episodes here, so that both grade alike and share one copy of the charts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from medenv.ehr.chartset import check_fingerprint, lines
from medenv.episode.episode import MAX_TURNS, PROTOCOLS, Episode, check_wording
from medenv.fhir import Backend, BackendError, EmbeddedBackend, Session
from medenv.fhir.backend import NoSession
from medenv.fhir.backends import open_server
from medenv.fhir.embedded import DEFAULT_BASE
from medenv.fhir.store import read_lines
from medenv.grading import FactsError, collect_facts, load_grader
from medenv.protocol.instructions import Wording
from medenv.protocol.observations import OBSERVATION_STYLES, ObservationStyle
from medenv.protocol.official import OfficialInstructions
from medenv.protocol.tolerance import check_tolerances
from medenv.protocol.trajectory import Trajectory
from medenv.tasks import Task, TaskSet, cohort_of, load_split

__all__ = ["Benchmark"]


def default_grader(split: str) -> str:
    """The grader that a split's scores are given in: the official rows' own, and ``strict`` for all of medenv's."""
    return "official" if split == "official" else "strict"


class _Shared:
    """Backends that several benchmarks of this process use at once; the last to leave closes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users: dict[Any, int] = {}
        self._backends: dict[Any, Backend] = {}

    def take(self, key: Any, make: Callable[[], Backend]) -> Backend:
        with self._lock:
            if key not in self._backends:
                self._backends[key] = make()
            self._users[key] = self._users.get(key, 0) + 1
            return self._backends[key]

    def leave(self, key: Any) -> None:
        with self._lock:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key]
                self._backends.pop(key).close()


_SHARED = _Shared()
_OVERLAYS_KEPT = 128
"""Pristine charts of generated tasks that are kept for the next episode on the same task."""
_FACTS_KEPT = 10_000


class Benchmark:
    """A split's tasks on their charts, with a grader.

    Args:
        split: One of `medenv.tasks.SPLITS`.
        grader: The grader's name; None takes the split's own.
        official: The folder of the official rows, for the official split.
        charts: An NDJSON file with the charts; None for those that the split brings.
        observation: ``full`` or ``compact``.
        max_turns: Agent turns an episode has.
        seed: For generated splits: the tasks' seed.
        size: For ``train`` and ``validation``: the cohort's size, ``default`` or ``full``.
        cohort_seed: For ``train`` and ``validation``: the cohort's seed.
        protocol: ``text``; ``tools`` for native function calls; ``official`` with the prompt of the MedAgentBench checkout that
            `official` names.
        wording: The user's own prompt and system message; None for medenv's instructions alone.
        tolerances: What may be wrong with the form of a text reply, by name (see `medenv.protocol.tolerance`).
        backend: ``embedded``, or ``container`` or ``remote`` for a server that holds the charts; see `medenv.fhir.backends`.
        server: Options of the container or the remote server.

    Raises:
        ValueError: An argument is wrong, the official split has no charts, or charts are not those that the tasks were made on.
        LookupError: There is no such split.
    """

    def __init__(
        self,
        split: str = "test",
        grader: str | None = None,
        *,
        official: str | Path | None = None,
        charts: str | Path | None = None,
        observation: ObservationStyle = "full",
        max_turns: int = MAX_TURNS,
        seed: int = 0,
        size: str = "default",
        cohort_seed: int = 0,
        protocol: str = "text",
        wording: Wording | None = None,
        tolerances: Sequence[str] = (),
        backend: str = "embedded",
        server: Mapping[str, Any] | None = None,
    ) -> None:
        if observation not in OBSERVATION_STYLES:
            raise ValueError(f"unknown observation style {observation!r}; there are: {', '.join(OBSERVATION_STYLES)}")
        if max_turns < 1:
            raise ValueError(f"max_turns is {max_turns}; an episode needs at least 1")
        self.grader = load_grader(grader or default_grader(split))
        cohort = None if (size, cohort_seed) == ("default", 0) else cohort_of(split, size, seed=cohort_seed)
        self.tasks: TaskSet = load_split(split, official=official, seed=seed, cohort=cohort)
        if self.tasks.endless and backend != "embedded":
            raise ValueError(
                f"tasks of the split {split!r} bring resources of their own, which only the embedded server can add to one "
                f"episode's charts alone; on the backend {backend!r} play the split 'test'"
            )
        self.observation: ObservationStyle = observation
        self.max_turns = max_turns
        if protocol not in PROTOCOLS:
            raise ValueError(f"unknown protocol {protocol!r}; there are: {', '.join(PROTOCOLS)}")
        check_wording(protocol, wording, tolerances)
        self.wording, self.tolerances = wording, check_tolerances(tolerances)
        self.protocol, self._instructions = protocol, None
        if protocol == "official":
            if official is None:
                raise ValueError(
                    "the protocol 'official' needs your checkout of MedAgentBench: give its folder (--official PATH)"
                )
            self._instructions = OfficialInstructions.read(official)
        self._facts: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._overlaid: OrderedDict[tuple[str, str], Session] = OrderedDict()
        self._origin = {"tasks": self.tasks.fingerprint} if self.tasks.endless else {}
        self._key, make = (
            _charts(self.tasks, charts) if backend == "embedded" else _server(self.tasks, charts, backend, server or {})
        )
        self.backend = _SHARED.take(self._key, make)
        self._closed = False
        if self.tasks.charts is not None and backend == "embedded":
            try:
                expected = self.tasks.charts.fingerprint
                check_fingerprint(self.backend.fingerprint, expected, f"the split {split!r}")
            except ValueError:
                self.close()
                raise

    @property
    def prompt_hash(self) -> str:
        """A hash of the instructions that agents are given, as it stands in every trajectory's provenance."""
        if self._instructions is not None:
            return self._instructions.hash
        return (self.wording or Wording()).hash(self.protocol)

    def start(self, task: Task, provenance: Mapping[str, Any] | None = None) -> Episode:
        """Open a fresh chart and begin an episode.

        Args:
            task: One of this split's tasks.
            provenance: What the trajectory shall say besides (agent, seed, ...).

        Raises:
            BackendError: The server can't be reached.
        """
        origin = {"data": self.backend.fingerprint, **(provenance or {})}
        return self._episode(task, self._open(task), origin)

    def lost(self, task: Task, reason: str, provenance: Mapping[str, Any] | None = None) -> Trajectory:
        """The trajectory of an episode that could not begin: an infrastructure error without a turn.

        Args:
            task: One of this split's tasks.
            reason: What failed.
            provenance: As for `start`.
        """
        base = getattr(self.backend, "base", None) or DEFAULT_BASE
        # Another server is not asked for its data: it is what failed.
        data = {"data": self.backend.fingerprint} if isinstance(self.backend, EmbeddedBackend) else {}
        episode = self._episode(task, NoSession(base, reason), {**data, **(provenance or {})})
        episode.fail(reason)
        return self.grader.judge(episode.trajectory())

    def _episode(self, task: Task, session: Session, provenance: Mapping[str, Any]) -> Episode:
        return Episode(
            task,
            session,
            self.protocol,
            observation=self.observation,
            max_turns=self.max_turns,
            instructions=self._instructions,
            wording=self.wording,
            tolerances=self.tolerances,
            provenance={**self._origin, **provenance},
        )

    def _open(self, task: Task) -> Session:
        """A session on the pristine chart; one with an overlay is forked from an earlier one of the same task."""
        if not self.tasks.endless:
            return self.backend.open()
        key = task.id, task.now
        pristine = self._overlaid.get(key)
        if pristine is None:
            assert isinstance(self.backend, EmbeddedBackend), "endless splits are refused on other servers"
            pristine = self._overlaid[key] = self.backend.open(overlay=self.tasks.overlay(task))
            if len(self._overlaid) > _OVERLAYS_KEPT:
                self._overlaid.popitem(last=False)
        return pristine.fork()

    def finish(self, episode: Episode, provenance: Mapping[str, Any] | None = None) -> Trajectory:
        """Grade an ended episode and free its session.

        Args:
            episode: An episode that has ended.
            provenance: Added to the trajectory's.

        Returns:
            The trajectory, with its verdict; an infrastructure error has none.
        """
        try:
            trajectory = episode.trajectory(facts=self.facts(episode), provenance=provenance)
        except BackendError as failure:
            episode.invalidate(str(failure))
            trajectory = episode.trajectory(provenance=provenance)
        finally:
            episode.session.close()
        return self.grader.judge(trajectory)

    def watch(self, episode: Episode) -> Trajectory:
        """An episode under way as a trajectory with the chart's facts, for diagnostics.

        Raises:
            BackendError: The server failed.
        """
        return episode.trajectory(facts=self.facts(episode))

    def facts(self, episode: Episode) -> Any:
        """What graders read from the chart as it was before the episode; read once a task.

        Raises:
            BackendError: The server failed.
        """
        task = episode.task
        key = task.id, task.now
        if key not in self._facts:
            with episode.session.pristine() as before:
                try:
                    self._facts[key] = collect_facts(task, before)
                except FactsError as error:
                    raise BackendError(str(error)) from error
            if len(self._facts) > _FACTS_KEPT:
                self._facts.popitem(last=False)
        return self._facts[key]

    def close(self) -> None:
        """Free the charts, unless others still use them. Closing twice is fine."""
        if not self._closed:
            self._closed = True
            _SHARED.leave(self._key)

    def __enter__(self) -> Benchmark:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _charts(tasks: TaskSet, charts: str | Path | None) -> tuple[Any, Callable[[], Backend]]:
    """What identifies a split's charts, and how to open them."""
    if charts is not None:
        if tasks.endless:
            raise ValueError(f"the tasks of the split {tasks.name!r} are made for its own cohort; leave charts out")
        path = Path(charts).expanduser().resolve()
        if not path.is_file():
            raise ValueError(f"{str(charts)!r} is no file; give an NDJSON file of FHIR resources, one a line")
        stat = path.stat()
        return (path, stat.st_mtime_ns, stat.st_size), lambda: EmbeddedBackend.from_ndjson(path)
    known = tasks.charts
    if known is None:
        raise ValueError(f"the split {tasks.name!r} brings no charts; give an NDJSON file with them (--charts FILE)")
    return known.name, lambda: EmbeddedBackend(known.open())


def _server(
    tasks: TaskSet, charts: str | Path | None, backend: str, options: Mapping[str, Any]
) -> tuple[Any, Callable[[], Backend]]:
    """As `_charts`, for a server outside the process: a container without patients is filled with the split's charts."""

    def resources() -> Iterable[str]:
        if charts is not None:
            return read_lines(Path(charts).expanduser())
        return lines(tasks.charts.open()) if tasks.charts is not None else ()

    key = backend, str(charts), tasks.name, tasks.seed, repr(sorted(options.items(), key=lambda item: item[0]))
    return key, lambda: open_server(backend, options, resources)
