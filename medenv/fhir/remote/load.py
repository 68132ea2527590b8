"""Filling a server with the resources of a file, in the file's order, under the file's ids or with a map to new ones.

HAPI counts ids from 1 in the order in which resources come, Patients included, and takes no number as an id from a client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from medenv.errors import InputError
from medenv.fhir import jsontext
from medenv.fhir.backend import BackendError
from medenv.fhir.remote.client import Client
from medenv.fhir.template import SET_BY_SERVER

__all__ = ["LoadError", "LoadInterruptedError", "Loaded", "as_text", "holds", "load", "of_patients"]

_CHUNK = 200
"""Resources sent at once, as a transaction: a server takes them whole or not at all."""

Key = tuple[str, str]


class LoadError(InputError):
    """The file can't be loaded as it is; nothing was written unless the message says so."""


@dataclass
class Loaded:
    """What was loaded.

    Attributes:
        count: How many resources.
        ids: By ``Type/id`` of the file, the ``Type/id`` that the server gave, where they differ.
    """

    count: int = 0
    ids: dict[str, str] = field(default_factory=dict)


def of_patients(resources: Iterable[str], wanted: str | None) -> list[Mapping[str, Any]]:
    """Return the resources to load, parsed with their digits.

    Args:
        resources: Their texts in order; blank ones are passed over.
        wanted: Ids of patients with commas between, or a number for that many from the first on; None for all. What names no
            patient is kept.

    Raises:
        LoadError: A line is no resource with type and id, or a wanted patient isn't there.
    """
    found: list[Mapping[str, Any]] = []
    for number, text in enumerate(resources, 1):
        if not text.strip():
            continue
        try:
            one = jsontext.loads(text)
            one["resourceType"] + one["id"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise LoadError(
                f"line {number} is no resource with a resourceType and an id ({error}): {text[:80]!r}"
            ) from None
        found.append(one)
    if wanted is None:
        return found
    all_ = [one["id"] for one in found if one["resourceType"] == "Patient"]
    ids = set(all_[: int(wanted)]) if wanted.isdigit() else {part.strip() for part in wanted.split(",")}
    if missing := ids - set(all_):
        raise LoadError(f"there is no Patient/{min(missing)} in the file, which has {len(all_)} patients")
    return [one for one in found if _patient(one) in (None, *ids)]


def _patient(resource: Mapping[str, Any]) -> str | None:
    if resource["resourceType"] == "Patient":
        return str(resource["id"])
    for name in ("subject", "patient"):
        reference = resource.get(name)
        text = reference.get("reference", "") if isinstance(reference, Mapping) else ""
        if text.startswith("Patient/"):
            return str(text[8:])
    return None


def as_text(resource: Mapping[str, Any] | str) -> str:
    """Return a resource as a line of NDJSON."""
    return resource if isinstance(resource, str) else jsontext.compact(resource)


def holds(client: Client, resources: list[Mapping[str, Any]]) -> bool:
    """Return whether a server has the resources already, by a few questions: the first and last patient, how many of the last's records.

    Args:
        client: The server.
        resources: Parsed, in load order.

    Raises:
        BackendError: It doesn't answer, or has a part of them.
    """
    patients = [str(one["id"]) for one in resources if one["resourceType"] == "Patient"]
    there = [client.json(f"Patient/{id_}") is not None for id_ in {*patients[:1], *patients[-1:]}]
    last = next((one for one in reversed(resources) if one["resourceType"] != "Patient" and _patient(one)), None)
    if last is not None and any(there):
        type_, whose = last["resourceType"], _patient(last)
        count = sum(one["resourceType"] == type_ and _patient(one) == whose for one in resources)
        bundle = client.json(f"{type_}?patient={whose}&_summary=count") or {}
        there.append(int(bundle.get("total", 0)) >= count)
    if any(there) and not all(there):
        raise BackendError(
            f"{client.wire} holds a part of the {len(resources)} resources, perhaps of a load that was interrupted; start it afresh"
        )
    return any(there)


def load(
    client: Client,
    resources: list[Mapping[str, Any]],
    *,
    renumber: bool = False,
    progress: Callable[[int], None] = lambda count: None,
) -> Loaded:
    """Load resources.

    Args:
        client: The server.
        resources: Parsed with their digits, in order.
        renumber: Whether the server's numbers may take the place of the file's.
        progress: Called with the number of resources loaded so far.

    Raises:
        LoadError: The server can't give the file's ids, and it may not renumber.
        BackendError: The server failed or refused a resource; what was loaded before stays.
    """
    if not renumber:
        _foresee(client, resources)
    done = Loaded()
    chunk: list[Mapping[str, Any]] = []
    try:
        for one in resources:
            # One transaction writes its POSTs before its PUTs; and what refers to a new number must know it.
            if chunk and (
                len(chunk) >= _CHUNK
                or _numeric(one) != _numeric(chunk[0])
                or (renumber and _refers(one, {f"{c['resourceType']}/{c['id']}" for c in chunk}))
            ):
                _send(client, chunk, done, renumber)
                chunk = []
                progress(done.count)
            chunk.append(one)
        if chunk:
            _send(client, chunk, done, renumber)
        progress(done.count)
    except BackendError as error:
        raise LoadInterruptedError(f"{error}; {done.count} of {len(resources)} resources were loaded", done) from error
    return done


class LoadInterruptedError(BackendError):
    """A load that broke off; `done` says how far it came."""

    def __init__(self, message: str, done: Loaded) -> None:
        super().__init__(message)
        self.done = done


def _numeric(resource: Mapping[str, Any]) -> bool:
    return str(resource["id"]).isdigit()


def _foresee(client: Client, resources: list[Mapping[str, Any]]) -> None:
    """Compare the file's ids with those that the server would give."""
    numbered = [(n, one) for n, one in enumerate(resources, 1) if _numeric(one)]
    if not numbered:
        return
    way = "load with --renumber to have the server's ids instead, and a map from the file's"
    history = client.json("_history?_count=1")
    if history is None:
        raise LoadError(f"{client.wire} does not tell whether it is empty, so its ids can't be foreseen; {way}")
    if history.get("entry"):
        raise LoadError(
            f"{client.wire} holds resources already, so it can't give the file's ids; {way}, or start it empty"
        )
    for number, one in numbered:
        if int(one["id"]) != number:
            name = f"{one['resourceType']}/{one['id']}"
            raise LoadError(
                f"{client.wire} would give {name} the id {number}, as it counts from 1 in load order; {way}"
            )


def _refers(value: Any, keys: set[str]) -> bool:
    if isinstance(value, Mapping):
        return any((k == "reference" and v in keys) or _refers(v, keys) for k, v in value.items())
    return isinstance(value, list) and any(_refers(v, keys) for v in value)


def _renamed(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {
            k: ids.get(v, v) if k == "reference" and isinstance(v, str) else _renamed(v, ids) for k, v in value.items()
        }
    return [_renamed(v, ids) for v in value] if isinstance(value, list) else value


def _send(client: Client, chunk: list[Mapping[str, Any]], done: Loaded, renumber: bool) -> None:
    entries = []
    for one in chunk:
        type_, id_ = one["resourceType"], one["id"]
        request = {"method": "POST", "url": type_} if _numeric(one) else {"method": "PUT", "url": f"{type_}/{id_}"}
        meta = {k: v for k, v in one.get("meta", {}).items() if k not in SET_BY_SERVER}
        rest = {k: v for k, v in one.items() if k != "meta"}
        resource = {**rest, **({"meta": meta} if meta else {})}
        entries.append({"resource": _renamed(resource, done.ids) if done.ids else resource, "request": request})
    bundle = jsontext.compact({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    answer = client.send("POST", "", bundle, {"prefer": "return=minimal"})
    first = f"{chunk[0]['resourceType']}/{chunk[0]['id']}"
    if not answer.ok:
        said = answer.body[:400]
        raise BackendError(f"{client.wire} answers {answer.status} to {len(chunk)} resources from {first} on: {said}")
    given = [e["response"].get("location", "") for e in jsontext.loads(answer.body)["entry"]]
    for one, location in zip(chunk, given, strict=True):
        old, new = f"{one['resourceType']}/{one['id']}", location.partition("/_history")[0]
        if old != new:
            if not renumber:
                _take_back(client, given)
                raise LoadError(
                    f"{client.wire} gave {old} the id {new}: it was not new, though empty. The {len(chunk)} resources from {first} on "
                    f"were taken back, the {done.count} before them stay; load with --renumber, or start it afresh"
                )
            done.ids[old] = new
    done.count += len(chunk)


def _take_back(client: Client, locations: list[str]) -> None:
    for location in reversed(locations):
        client.send("DELETE", location.partition("/_history")[0])
