"""``$expunge``: deleted resources and old versions gone for good."""

from __future__ import annotations

from typing import Any

from medenv.fhir import definitions
from medenv.fhir.jsontext import Number
from medenv.fhir.read.refusals import not_known, unknown_type
from medenv.fhir.workspace import Workspace

__all__ = ["expunge"]


def expunge(workspace: Workspace, path: tuple[str, ...], parameters: dict[str, Any]) -> dict[str, Any]:
    """Carry out ``$expunge`` on a resource, a type or the whole server.

    Args:
        workspace: Where; what the session didn't change has no old versions, and nothing of it is deleted.
        path: What stands before ``$expunge``: nothing, a type, or a type and an id.
        parameters: The Parameters resource: ``expungeDeletedResources`` and ``expungePreviousVersions`` are what counts.

    Returns:
        Parameters with the ``count`` of versions that are gone.

    Raises:
        FhirError: There is no such type or resource.
    """
    if path and not definitions.is_resource(path[0]):
        raise unknown_type(path[0])
    if len(path) > 1 and workspace.lookup(path[0], path[1]) is None:
        raise not_known(workspace, path[0], path[1])
    asked = {
        p.get("name") for p in parameters.get("parameter", ()) if isinstance(p, dict) and p.get("valueBoolean") is True
    }
    count = 0
    for versions in workspace.chart.changed():
        key = versions[-1].type, versions[-1].id
        if path != key[: len(path)]:
            continue
        if versions[-1].deleted and "expungeDeletedResources" in asked:
            count += len(versions)
            workspace.expunge(*key)
        elif "expungePreviousVersions" in asked:
            count += workspace.expunge_earlier(*key)
    return {"resourceType": "Parameters", "parameter": [{"name": "count", "valueInteger": Number(count)}]}
