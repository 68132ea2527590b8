"""A chart of a few resources in memory, searched as any other: for asking what a search would have found, had they been there.

Nothing is checked or stored: the resources are taken as given, which costs microseconds instead of a write's validation.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from medenv.fhir import jsontext
from medenv.fhir.chart import Changes
from medenv.fhir.embedded import EmbeddedBackend
from medenv.fhir.index.dates import format_instant
from medenv.fhir.session import EmbeddedSession
from medenv.fhir.template import Record, Template, template_of

__all__ = ["Prototype", "scratch_session"]

_LOCK = threading.Lock()
_EMPTY: list[EmbeddedBackend] = []


class Prototype:
    """A resource that others are made from by putting other scalars in some places.

    Args:
        resource: A resource with an id, as `json.loads` gives it.

    Attributes:
        resource: The resource, with a ``meta.lastUpdated``.

    Raises:
        ValueError: It is no resource.
    """

    def __init__(self, resource: Mapping[str, Any]) -> None:
        meta = {"versionId": "1", "lastUpdated": "2000-01-01T00:00:00.000+00:00", **resource.get("meta", {})}
        head = {"resourceType": resource.get("resourceType"), "id": resource.get("id"), "meta": meta}
        self.resource: Mapping[str, Any] = {**head, **resource, "meta": meta}
        self._template: Template
        self._template, self._values = template_of(orjson.dumps(self.resource).decode())

    @property
    def type(self) -> str:
        """Return its resource type."""
        return self._template.type

    def has(self, *path: str) -> bool:
        """Return whether there is a scalar at a path of property names."""
        return self._template.slot(*path) is not None

    def record(self, pid: int, updated: int | None = None, **scalars: str) -> Record:
        """Return a resource of this form.

        Args:
            pid: Its internal number, by which unsorted searches are ordered.
            updated: Milliseconds since 1970 of its last change; None for what the resource says.
            **scalars: JSON texts by path, with ``__`` between the property names (``valueQuantity__value="2.1"``); paths that the
                form lacks are left out.
        """
        values = list(self._values)
        stamp = self._template.slot("meta", "lastUpdated")
        if updated is not None and stamp is not None:
            values[stamp] = f'"{format_instant(updated)}"'
        for path, text in scalars.items():
            slot = self._template.slot(*path.split("__"))
            if slot is not None:
                values[slot] = text
        id_: str = jsontext.loads(values[self._template.id_slot])
        return Record(self._template.type, id_, pid, 1, updated or 0, self._template, values)


def scratch_session(records: Iterable[Record], base: str) -> EmbeddedSession:
    """Open a session on a chart that holds just these resources.

    Args:
        records: The resources; no two with the same type and id or the same internal number.
        base: The base URL that links and absolute references carry.
    """
    changes = Changes()
    for record in records:
        changes.numbers += 1
        changes.add((), record, False)
    return EmbeddedSession(_empty_backend().store, base, changes)


def _empty_backend() -> EmbeddedBackend:
    """Return the backend without a resource that all of this process's scratch charts stand on."""
    with _LOCK:
        if not _EMPTY:
            _EMPTY.append(EmbeddedBackend.from_resources([]))
        return _EMPTY[0]
