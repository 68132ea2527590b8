"""``$expunge``: deleted resources and old versions gone for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medenv.fhir import definitions
from medenv.fhir.jsontext import Number
from medenv.fhir.reading import not_known, unknown_type

if TYPE_CHECKING:
    from medenv.fhir.session import EmbeddedSession

__all__ = ["expunge"]


def expunge(session: EmbeddedSession, path: tuple[str, ...], parameters: dict[str, Any]) -> dict[str, Any]:
    """Carry out ``$expunge`` on a resource, a type or the whole server.

    Args:
        session: Where; what the session didn't change has no old versions, and nothing of it is deleted.
        path: What stands before ``$expunge``: nothing, a type, or a type and an id.
        parameters: The Parameters resource: ``expungeDeletedResources`` and ``expungePreviousVersions`` are what counts.

    Returns:
        Parameters with the ``count`` of versions that are gone.

    Raises:
        FhirError: There is no such type or resource.
    """
    if path and not definitions.is_resource(path[0]):
        raise unknown_type(path[0])
    if len(path) > 1 and session.lookup(path[0], path[1]) is None:
        raise not_known(session, path[0], path[1])
    asked = {
        p.get("name") for p in parameters.get("parameter", ()) if isinstance(p, dict) and p.get("valueBoolean") is True
    }
    changes = session.chart.changes
    count = 0
    for key, versions in list(changes.versions.items()):
        if path != key[: len(path)]:
            continue
        if versions[-1].deleted and "expungeDeletedResources" in asked:
            count += len(versions)
            session.expunge(*key)
        elif "expungePreviousVersions" in asked and len(versions) > 1:
            count += len(versions) - 1
            changes.versions[key] = versions[-1:]
            changes.count += 1
    return {"resourceType": "Parameters", "parameter": [{"name": "count", "valueInteger": Number(count)}]}
