"""HAPI 7.6.0's refusals of what isn't there: an unknown type, an unknown id, a deleted resource, an unknown operation.

Each has the number and text of HAPI's.
"""

from __future__ import annotations

import re

from medenv.fhir import definitions
from medenv.fhir.errors import FhirError
from medenv.fhir.index.dates import format_instant
from medenv.fhir.template import Record
from medenv.fhir.workspace import Workspace

__all__ = ["deleted_error", "no_operation", "not_known", "unknown_type"]

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_NO_OPERATION = (
    "HAPI-0287: This is the base URL of FHIR server. Unable to handle this request, as it does not contain a "
    "resource type or operation name."
)


def unknown_type(name: str) -> FhirError:
    """Return HAPI's refusal of a path that names no resource type."""
    known = ", ".join(definitions.types())
    return FhirError(404, f"HAPI-0302: Unknown resource type '{name}' - Server knows how to handle: [{known}]")


def not_known(workspace: Workspace, type_: str, id_: str, version: str = "") -> FhirError:
    """Return HAPI's refusal of an id that no resource of the type has.

    Args:
        workspace: Where it was looked for.
        type_: The type that was asked for.
        id_: The id that was asked for.
        version: The version that was asked for, if one was.
    """
    if not id_.strip():
        return FhirError(500, "HAPI-2223: The validated expression is false")
    asked = f"{type_}/{id_}" + (f"/_history/{version}" if version else "")
    if not _NUMBER.fullmatch(id_):
        return FhirError(404, f"HAPI-2001: Resource {type_}/{id_} is not known")
    other = workspace.by_number(id_)
    if other is None:
        return FhirError(404, f"HAPI-1996: Resource {asked} is not known")
    if other.type == type_:
        return FhirError(404, f"HAPI-2000: {asked}")
    text = f"HAPI-0935: Resource with ID {other.id} exists but it is not of type {type_}, found resource of type {other.type}"
    return FhirError(404, text)


def deleted_error(workspace: Workspace, record: Record) -> FhirError:
    """Return HAPI's answer to a read of what was deleted."""
    where = f"{workspace.base}/{record.type}/{record.id}/_history/{record.version}"
    return FhirError(410, f"Resource was deleted at {format_instant(record.updated)}", headers={"location": where})


def no_operation() -> FhirError:
    """Return HAPI's refusal of a request to the base that is no transaction."""
    return FhirError(400, _NO_OPERATION)
