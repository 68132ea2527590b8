"""What stands in a bundle for resources that have no id yet: replaced in references, in URIs and in conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medenv.fhir import definitions
from medenv.fhir.errors import FhirError
from medenv.fhir.write.references import walk_references

__all__ = ["link", "with_ids"]

_URIS = frozenset(["uri", "url", "canonical", "oid", "uuid"])


def with_ids(condition: str, names: Mapping[str, str]) -> str:
    """Return a condition with the placeholders in it replaced.

    Args:
        condition: The URL of a conditional request.
        names: ``Type/id`` of each known placeholder.
    """
    for name, target in names.items():
        if name.startswith("urn:"):
            condition = condition.replace(name, target)
    return condition


def link(resource: dict[str, Any], names: Mapping[str, str]) -> None:
    """Replace the placeholders in a resource's references, and in its URIs, as HAPI does.

    Raises:
        FhirError: HAPI-0541: a reference is a placeholder for nothing.
    """
    for node in walk_references(resource):
        value = node["reference"]
        if value in names:
            node["reference"] = names[value]
        elif value.startswith("urn:"):
            where = next((k for k, v in resource.items() if _holds(v, node)), "")
            text = (
                f"Unable to satisfy placeholder ID {value} found in element named '{where}' within resource of type: "
            )
            raise FhirError(400, f"HAPI-0541: {text}{resource['resourceType']}")
    if names:
        _link_uris(resource, resource["resourceType"], names)


def _holds(value: Any, node: dict[str, Any]) -> bool:
    if value is node:
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds(part, node) for part in parts)


def _link_uris(node: dict[str, Any], kind: str, names: Mapping[str, str]) -> None:
    known = definitions.json_names(kind)
    for name, value in node.items():
        if name not in known:
            continue
        type_ = known[name][1]
        if type_ in _URIS:
            node[name] = [_linked(one, names) for one in value] if isinstance(value, list) else _linked(value, names)
            continue
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, dict):
                _link_uris(part, str(part.get("resourceType", type_)), names)


def _linked(value: Any, names: Mapping[str, str]) -> Any:
    return names.get(value, value) if isinstance(value, str) else value
