"""Which charts the embedded server opens for a split, and whether a file of charts is the split's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from medenv.ehr.chartset import ChartSet, FingerprintError, check_fingerprint
from medenv.ehr.differing import difference
from medenv.errors import InputError
from medenv.fhir import Backend, EmbeddedBackend
from medenv.fhir.store import Store
from medenv.tasks import Task, TaskSet, task_type
from medenv.tasks.evidence import NoSuchPatient, Results

__all__ = ["charts_of", "check_charts"]


def charts_of(tasks: TaskSet, charts: Path | None) -> tuple[Any, Callable[[], Backend]]:
    """Identify a split's charts by a hashable value, and return it with a function that opens them.

    Args:
        tasks: The split.
        charts: An NDJSON file with them; None for those that the split brings.

    Raises:
        InputError: There is no such file, or it needs one.
    """
    if charts is not None:
        path = charts.expanduser().resolve()
        if not path.is_file():
            raise InputError(f"{str(charts)!r} is no file; give an NDJSON file of FHIR resources, one a line")
        stat = path.stat()
        return (path, stat.st_mtime_ns, stat.st_size), lambda: EmbeddedBackend.from_ndjson(path)
    known = tasks.charts
    if known is None:
        raise InputError(f"the split {tasks.name!r} brings no charts; give an NDJSON file with them (--charts FILE)")
    return known.name, lambda: EmbeddedBackend(known.open())


def check_charts(tasks: TaskSet, chosen: Iterable[Task], store: Store, charts: Path | None) -> None:
    """See that charts are those that tasks are about.

    A split's own charts are known to the last resource, so a file must hold just those. Of the official ones is known whom the rows name.

    Args:
        tasks: The split.
        chosen: Those of its tasks that are to be played; not looked at where the split brings its charts.
        store: The charts.
        charts: The file that they are from; None if the split brought them.

    Raises:
        FingerprintError: They aren't; the message names the file, a resource that it lacks, and the task that needs it.
    """
    if tasks.charts is None:
        _check_named(tasks, chosen, store, charts)
    elif charts is None:
        check_fingerprint(store.fingerprint, tasks.charts.fingerprint, f"the split {tasks.name!r}")
    else:
        _check_own(tasks, tasks.charts, store, charts)


def _check_own(tasks: TaskSet, own: ChartSet, store: Store, charts: Path) -> None:
    if store.fingerprint == own.fingerprint:
        return
    wanted = own.open()
    if store.fingerprint != wanted.fingerprint:
        size = " with the same --size and --seed" if tasks.endless else f" --seed {tasks.seed}" if tasks.seed else ""
        raise FingerprintError(
            f"{str(charts)!r} does not hold the charts of the split {tasks.title}: {difference(wanted, store)}. Their fingerprint is "
            f"{wanted.fingerprint}, the file's {store.fingerprint}; leave --charts out, or give what "
            f"medenv data export --split {tasks.name}{size} writes, or a capture of a server that was loaded with that"
        )


def _check_named(tasks: TaskSet, chosen: Iterable[Task], store: Store, charts: Path | None) -> None:
    whose = "the charts" if charts is None else repr(str(charts))
    for task in chosen:
        need = task_type(task.type).evidence(task)
        if task.mrn and not isinstance(need, NoSuchPatient) and store.find("Patient", task.mrn) is None:
            raise FingerprintError(
                f"{whose} holds no Patient/{task.mrn}, whom {task.id} of the split {tasks.title} is about; "
                "give a file with the charts of all its patients (medenv capture takes them from a server)"
            )
        if isinstance(need, Results) and not store.counts.get("Observation"):
            raise FingerprintError(
                f"{whose} holds no Observation, and {task.id} of the split {tasks.title} rests on laboratory results; "
                "give a file with whole charts (medenv capture takes them from a server)"
            )
