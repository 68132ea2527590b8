"""The server's CapabilityStatement, made of the definitions in the form that HAPI 7.6.0 gives it."""

from __future__ import annotations

from functools import cache
from typing import Any

from medenv.fhir import definitions

__all__ = ["capability_statement"]

_INTERACTIONS = (
    *("search-type", "update", "vread", "read", "patch"),
    *("history-type", "history-instance", "delete", "create"),
)
_FORMATS = ("application/fhir+xml", "xml", "application/fhir+json", "json")
_PATCH_FORMATS = ("application/json-patch+json",)


@cache
def _resources() -> tuple[dict[str, Any], ...]:
    found = {kind: definitions.search_parameters(kind) for kind in definitions.types()}
    referrers: dict[str, list[str]] = {kind: [] for kind in found}
    for kind, parameters in found.items():
        for parameter in parameters.values():
            if parameter.type == "reference":
                for target in parameter.targets or found:  # without targets it may lead anywhere
                    if target in referrers:
                        referrers[target].append(f"{kind}:{parameter.code}")
    return tuple(_resource(kind, found[kind], sorted(set(referrers[kind]))) for kind in found)


def _resource(kind: str, parameters: dict[str, definitions.SearchParameter], referrers: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": kind,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{kind}",
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned-update",
        "conditionalCreate": True,
        "conditionalUpdate": True,
        "conditionalDelete": "multiple",
        "searchInclude": ["*", *(f"{kind}:{p.code}" for p in parameters.values() if p.type == "reference")],
    }
    if referrers:
        row["searchRevInclude"] = referrers
    row["searchParam"] = [
        {
            "name": p.code,
            **({"definition": p.url} if p.url else {}),
            "type": p.type,
            **({"documentation": p.description} if p.description else {}),
        }
        for p in parameters.values()
    ]
    return row


def capability_statement(base: str, date: str = "2020-01-01T00:00:00Z") -> dict[str, Any]:
    """Return the answer to ``/metadata``.

    Args:
        base: The server's base URL.
        date: The instant it claims to be of; fixed, so that equal episodes read equal text.

    Returns:
        The resource. Of HAPI's operations it names those that this server has.
    """
    operations = [("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything")]
    expunge = {"name": "expunge", "definition": f"{base}/OperationDefinition/Multi-its-expunge"}
    rows = []
    for resource in _resources():
        own = [{"name": n, "definition": d} for n, d in operations] if resource["type"] == "Patient" else []
        rows.append({**resource, "operation": [expunge, *own]})
    return {
        "resourceType": "CapabilityStatement",
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">HAPI FHIR Server</div>'},
        "name": "RestServer",
        "status": "active",
        "date": date,
        "publisher": "Not provided",
        "kind": "instance",
        "software": {"name": "HAPI FHIR Server", "version": "7.6.0"},
        "implementation": {"description": "HAPI FHIR R4 Server", "url": base},
        "fhirVersion": "4.0.1",
        "format": list(_FORMATS),
        "patchFormat": list(_PATCH_FORMATS),
        "rest": [
            {
                "mode": "server",
                "resource": rows,
                "interaction": [{"code": "transaction"}, {"code": "history-system"}],
                "operation": [expunge],
            }
        ],
    }
