"""All questions to a server, one after the other, as far as there is somebody who answers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import quote

from medenv.episode.config import BenchmarkConfig
from medenv.episode.fitness.asking import Asking, RefusedError, Resource
from medenv.episode.fitness.findings import Finding, Fitness
from medenv.episode.fitness.holdings import decisive, named, patients, records, results, sample
from medenv.episode.fitness.searches import searches
from medenv.episode.fitness.writes import writes
from medenv.errors import InputError
from medenv.fhir import EmbeddedBackend
from medenv.fhir.backend import Backend, BackendError, Session
from medenv.fhir.remote import Client, ClientOptions, RemoteBackend
from medenv.fhir.remote.backend import SESSION, session_ender
from medenv.fhir.remote.client import PASSWORD, TOKEN, USER
from medenv.tasks import Task, TaskSet, load_split

__all__ = ["check_server"]

_OPTIONS = ClientOptions(timeout=20.0, connect_timeout=3.0, retries=1)
_VERSIONS = ("4.0", "4.3")
"""What FHIR versions begin with that have the resources as tasks know them: R4, and R4B, which is R4 for all of these."""


def check_server(config: BenchmarkConfig, *, write: bool = False, options: ClientOptions | None = None) -> Fitness:
    """Find out whether a server is fit for a split.

    Args:
        config: The split, and the server's ``url``.
        write: Whether to write too: an Observation, a MedicationRequest and a ServiceRequest, which are undone again.
        options: Timeouts, retries, access; None for short ones.

    Raises:
        InputError: There is no URL, it is none, or the split can't be played on a server of its own.
    """
    if config.url is None:
        raise InputError("which server? give its base URL, such as http://localhost:8080/fhir")
    tasks = load_split(config.split, official=config.official, seed=config.task_seed)
    if tasks.endless:
        raise InputError(
            f"tasks of the split {config.split!r} bring resources of their own, which only the embedded server can add; "
            "other servers can play test, builtin and official"
        )
    options = options or _OPTIONS
    findings: list[Finding] = []
    with RemoteBackend(config.url, options=options) as backend, _client(config.url, options) as client:
        try:
            findings += _answers(client)
            if all(one.fit for one in findings):
                findings.extend(_holdings(Asking(client), tasks, backend if write else None))
        except BackendError as error:
            findings.append(Finding("answers", False, f"it stopped to answer: {error}", (str(error),)))
    return Fitness(config.url, tasks.name, tasks.version, tuple(findings))


@contextmanager
def _client(url: str, options: ClientOptions) -> Iterator[Client]:
    """Open a client; where the server keeps sessions apart, in a session of its own, which ends with it."""
    client = Client(url.replace(SESSION, f"medenv-check-{os.getpid()}"), None, options)
    try:
        yield client
    finally:
        if SESSION in url:
            with suppress(BackendError):
                session_ender(client)()
        client.close()


def _answers(client: Client) -> Iterator[Finding]:
    """Ask for the server's statement of what it is."""
    try:
        answer = client.fresh("metadata")
    except BackendError as error:
        yield Finding("answers", False, str(error), (str(error),))
        return
    try:
        statement = json.loads(answer.body)
    except (ValueError, RecursionError):
        statement = None
    problem = None
    if answer.status in (401, 403):
        problem = f"it wants access (status {answer.status}); set {TOKEN}, or {USER} and {PASSWORD}"
    elif not answer.ok or not isinstance(statement, dict) or statement.get("resourceType") != "CapabilityStatement":
        problem = (
            f"what is there is no FHIR server, or this is not its base URL: GET {client.wire}/metadata gives status {answer.status} "
            f"and {' '.join(answer.body.split())[:60]!r} instead of a CapabilityStatement in JSON"
        )
    if problem is not None:
        yield Finding("answers", False, problem, (problem,))
        return
    software = statement.get("software") or {}
    called = " ".join(str(software[key]) for key in ("name", "version") if key in software)
    yield Finding("answers", True, called or "a FHIR server")
    version = str(statement.get("fhirVersion"))
    fit = version.startswith(_VERSIONS)
    faults = () if fit else (f"it speaks FHIR {version}, and tasks are in R4 (4.0.1)",)
    yield Finding("version", fit, f"FHIR {version}", faults)


def _holdings(asking: Asking, tasks: TaskSet, backend: Backend | None) -> Iterator[Finding]:
    """Look at what the server holds and does; backend is given if it shall be written to."""
    own: Session | None = None
    wanted = named(tasks)
    if tasks.charts is not None:
        embedded = EmbeddedBackend(tasks.charts.open())
        own = embedded.open()
        wanted = [one.id for one in embedded.store.records(embedded.store.numbers_of("Patient")).values()]
    there = patients(asking, wanted, own)
    yield there
    if own is not None:
        yield records(asking, wanted, own)
    decided_by = decisive(tasks)
    decided, found = results(asking, decided_by, own)
    yield decided
    found = found or sample(asking, decided_by)
    patient = _anybody(asking, tasks, wanted)
    yield searches(asking, patient, found)
    if backend is None:
        return
    if patient is None:
        fault = "writing can't be tried, as no patient of the split is there"
        yield Finding("writes", False, fault, (fault,))
    else:
        yield writes(backend, asking.client, str(patient["id"]))


def _anybody(asking: Asking, tasks: Sequence[Task], wanted: list[str]) -> Resource | None:
    """Return the first patient that is there, those first whom tasks name."""
    for id_ in (*named(tasks)[:20], *wanted[:20]):
        try:
            found = asking.read(f"Patient/{quote(id_, safe='')}")
        except RefusedError:
            continue
        if found is not None:
            return found
    return None
