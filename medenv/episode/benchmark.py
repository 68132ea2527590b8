"""A benchmark ready to run: a split's tasks, the server with their charts, and a grader.

Environments and the runner start and finish their episodes here, so that both grade alike and share one copy of the charts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from threading import Lock
from typing import Any

from medenv.ehr.chartset import lines
from medenv.episode.charts import charts_of, check_charts
from medenv.episode.config import BenchmarkConfig, renamed
from medenv.episode.episode import Episode, check_wording
from medenv.episode.failures import report
from medenv.errors import InputError
from medenv.fhir import Backend, BackendError, EmbeddedBackend, Session
from medenv.fhir.backend import NoSession
from medenv.fhir.backends import open_server
from medenv.fhir.embedded import DEFAULT_BASE
from medenv.fhir.store import read_lines
from medenv.grading import ReferenceData, ReferenceDataError, UngradableError, collect_reference_data, load_grader
from medenv.protocol.instructions import Wording
from medenv.protocol.observations import ObservationStyle
from medenv.protocol.official import OfficialInstructions
from medenv.tasks import Task, TaskSet, cohort_of, load_split
from medenv.trajectories import Trajectory

__all__ = ["Benchmark", "tasks_of"]


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
        config: The settings; or the name of a split, and further settings by name.
        grader: The grader's name.
        wording: The user's own prompt and system message; None for those that the settings name as files.
        progress: Called with a line when a server outside the process is made ready.
        **settings: Fields of `BenchmarkConfig`, if there is no `config`.

    Raises:
        InputError: A setting is wrong, there is no such split, or the official split has no charts.
        FingerprintError: The charts are not those that the tasks were made on.
    """

    def __init__(
        self,
        config: BenchmarkConfig | str | None = None,
        grader: str | None = None,
        *,
        wording: Wording | None = None,
        progress: Callable[[str], object] | None = None,
        **settings: Any,
    ) -> None:
        if not isinstance(config, BenchmarkConfig):
            named = {"split": config, "grader": grader}
            config = BenchmarkConfig(
                **{name: one for name, one in named.items() if one is not None}, **renamed(settings)
            )
        self.config = config
        self.wording = wording or config.wording()
        check_wording(config.protocol, config.tolerances, own_prompt=bool(self.wording and self.wording.template))
        self.grader = load_grader(config.grader_name)
        self.tasks: TaskSet = tasks_of(config)
        self.observation: ObservationStyle = config.observation
        self.max_turns, self.protocol, self.tolerances = config.max_turns, config.protocol, config.tolerances
        self._instructions = None
        if config.protocol == "official" and config.official is not None:
            self._instructions = OfficialInstructions.read(config.official)
        self._forget()
        self._provenance: dict[str, Any] = {"split_version": self.tasks.version}
        if self.tasks.endless:
            self._provenance["tasks"] = self.tasks.fingerprint
        self._progress = progress
        self._closed = False
        self._take()
        if isinstance(self.backend, EmbeddedBackend):
            try:
                check_charts(self.tasks, self._playable(), self.backend.store, config.charts)
            except ValueError:
                self.close()
                raise

    def _playable(self) -> Iterable[Task]:
        """Return the tasks of a split of so many that can be chosen under the settings."""
        types = self.config.task_type
        return () if self.tasks.endless else (task for task in self.tasks if not types or task.type in types)

    def _forget(self) -> None:
        """Begin with nothing remembered; all of it can be worked out again."""
        self._facts: OrderedDict[tuple[str, str], ReferenceData] = OrderedDict()
        self._kinds: dict[str, Any] = {}
        self._overlaid: OrderedDict[tuple[str, str], Session] = OrderedDict()

    def _take(self) -> None:
        """Become one of the users of the charts, which are opened for the first."""
        if self.config.backend == "embedded":
            self._key, make = charts_of(self.tasks, self.config.charts)
        else:
            self._key, make = _server(self.tasks, self.config, self._progress)
        self.backend = _SHARED.take(self._key, make)

    def __getstate__(self) -> dict[str, Any]:
        """Return what the benchmark was made with, for pickling and copying.

        A copy opens the charts itself, shares them in this process, and closes for itself alone.
        """
        own = ("backend", "_key", "_facts", "_kinds", "_overlaid")
        return {name: value for name, value in self.__dict__.items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()
        if not self._closed:
            self._take()

    def twin(self) -> Benchmark:
        """Another one with the same settings on the same charts, closed on its own, that shares what is remembered of tasks with this one.

        Many environments of one process are twins, so that each task's overlay and facts are worked out once for all of them.
        """
        made = copy(self)
        made._facts, made._kinds, made._overlaid = self._facts, self._kinds, self._overlaid
        return made

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

    def infrastructure_failure(
        self, task: Task, reason: str, provenance: Mapping[str, Any] | None = None
    ) -> Trajectory:
        """Make the trajectory of an episode that could not begin: an infrastructure error without a turn.

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
            provenance={**self._provenance, **provenance},
        )

    def _open(self, task: Task) -> Session:
        """Open a session on the pristine chart; one with an overlay is forked from an earlier one of the same task."""
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
            The trajectory, with its verdict; an infrastructure error has none, and neither has an episode on whose end the server, the
            session or the grader failed: it becomes one, with the traceback as its error.
        """
        facts: dict[str, Any] = {}
        try:
            try:
                facts = self.reference_data(episode)._asdict()
                trajectory = episode.trajectory(**facts, provenance=provenance)
            finally:
                episode.session.close()
            return self.grader.judge(trajectory)
        except (BackendError, UngradableError) as failure:
            episode.invalidate(str(failure))
        except Exception as bug:
            episode.invalidate(report(bug))
        return self.grader.judge(episode.trajectory(**facts, provenance=provenance))

    def snapshot(self, episode: Episode) -> Trajectory:
        """Record an episode under way as a trajectory with the chart's facts, for diagnostics.

        Raises:
            BackendError: The server failed.
        """
        return episode.trajectory(**self.reference_data(episode)._asdict())

    def reference_data(self, episode: Episode) -> ReferenceData:
        """Return what graders read from the chart as it was before the episode; it is read once a task.

        Raises:
            BackendError: The server failed.
        """
        task = episode.task
        key = task.id, task.now
        found = self._facts.get(key)
        if found is None:
            with episode.session.pristine() as before:
                try:
                    found = self._facts[key] = collect_reference_data(task, before, self._kinds)
                except ReferenceDataError as error:
                    raise BackendError(str(error)) from error
            if len(self._facts) > _FACTS_KEPT:
                self._facts.popitem(last=False)
        return found

    def close(self) -> None:
        """Free the charts, unless others still use them. Closing twice is fine."""
        if not self._closed:
            self._closed = True
            _SHARED.leave(self._key)

    def __enter__(self) -> Benchmark:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def tasks_of(config: BenchmarkConfig) -> TaskSet:
    """Load the tasks of a configuration's split.

    Raises:
        InputError: The split has no cohort of that size, or its tasks can't be played on that backend.
    """
    cohort = None
    if (config.size, config.cohort_seed) != ("default", 0):
        cohort = cohort_of(config.split, config.size, seed=config.cohort_seed)
    tasks = load_split(config.split, official=config.official, seed=config.task_seed, cohort=cohort)
    if tasks.endless and config.backend != "embedded":
        raise InputError(
            f"tasks of the split {config.split!r} bring resources of their own, which only the embedded server can add to one "
            f"episode's charts alone; on the backend {config.backend!r} play the split 'test'"
        )
    return tasks


def _server(
    tasks: TaskSet, config: BenchmarkConfig, progress: Callable[[str], object] | None
) -> tuple[Any, Callable[[], Backend]]:
    """Identify a server outside the process, and say how to open it: a container without patients is filled with the charts."""

    def resources() -> Iterable[str]:
        if config.charts is not None:
            return read_lines(config.charts.expanduser())
        return lines(tasks.charts.open()) if tasks.charts is not None else ()

    options = config.server_options()
    if progress is not None and config.backend == "container":
        options.setdefault("progress", progress)
    key = (
        config.backend,
        str(config.charts),
        tasks.name,
        tasks.seed,
        repr(sorted(options.items(), key=lambda one: one[0])),
    )
    return key, lambda: open_server(config.backend, options, resources)
