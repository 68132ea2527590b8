"""References of a resource that is written: resolved where they are searches, checked, and spelt as HAPI stores them.

HAPI checks target types everywhere by the element's definition, and existence where a search parameter indexes the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from medenv.fhir import definitions
from medenv.fhir.definitions import SearchParameter
from medenv.fhir.errors import FhirError
from medenv.fhir.idtype import parse_reference
from medenv.fhir.index.paths import Step, steps_of
from medenv.fhir.template import Record

__all__ = [
    "at_parameters",
    "check_exists",
    "check_types",
    "indexed",
    "normalize_references",
    "walk_references",
]


def walk_references(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every Reference with a ``reference`` in a resource, contained ones included, in document order."""
    stack: list[Any] = [resource]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if isinstance(node.get("reference"), str) and "resourceType" not in node:
                yield node
            stack.extend(reversed(node.values()))
        elif isinstance(node, list):
            stack.extend(reversed(node))


def normalize_references(resource: dict[str, Any]) -> None:
    """Write every reference as HAPI stores it: without version and leading slash."""
    for node in walk_references(resource):
        value = node["reference"]
        target = parse_reference(value)
        if target.id and target.id[0] != "#" and not target.id.startswith("urn:"):
            parts = [p for p in (target.base, target.type, target.id) if p]
            node["reference"] = "/".join(parts)


def check_types(resource: dict[str, Any]) -> None:
    """Check that references name resource types that their elements allow.

    Raises:
        FhirError: 422 HAPI-0931.
    """
    _check_part(resource, resource["resourceType"], resource["resourceType"])


def _check_part(part: dict[str, Any], kind: str, path: str) -> None:
    names = definitions.json_names(kind)
    for name, value in part.items():
        row = names.get(name)
        if row is None or definitions.is_primitive(row[1]):
            continue
        element, child_kind = row
        here = f"{path}.{element.name}"
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                _check_part(
                    item, item.get("resourceType", child_kind) if child_kind == "Resource" else child_kind, here
                )
                if child_kind == "Reference" and not element.choice:
                    _check_type(item.get("reference"), element.targets, here)


def _check_type(value: Any, allowed: tuple[str, ...], path: str) -> None:
    if not isinstance(value, str) or "?" in value or not allowed or "Resource" in allowed:
        return
    kind = parse_reference(value).type
    if kind.strip() and kind not in allowed:
        text = f"Invalid reference found at path '{path}'. Resource type '{kind}' is not valid for this path"
        raise FhirError(422, f"HAPI-0931: {text}")


class Indexed(NamedTuple):
    """A reference that a search parameter points at.

    Attributes:
        path: The parameter's expression, as HAPI quotes it.
        targets: Resource types that the parameter may lead to.
        value: The reference's text.
    """

    path: str
    targets: tuple[str, ...]
    value: str


def _canonical(node: Any) -> str | None:
    """Return a canonical that HAPI takes for a reference: ``Library/x``, and no URL of its own."""
    target = parse_reference(node.partition("|")[0]) if isinstance(node, str) else None
    return None if target is None or target.base or not target.type else node


def indexed(resource: dict[str, Any]) -> list[Indexed]:
    """Return the references of a resource that search parameters point at, by parameter name; each reference once."""
    found: dict[tuple[int, str], Indexed] = {}
    for parameter, path, node in at_parameters(resource, ("reference",)):
        value = node.get("reference") if isinstance(node, dict) else _canonical(node)
        if isinstance(value, str):
            found.setdefault((id(node), value), Indexed(path, parameter.targets, value))
    return list(found.values())


class _Path(NamedTuple):
    """One alternative of a search parameter's expression: the steps it takes, casts left out, and the type it is kept to."""

    parameter: SearchParameter
    path: str
    first: frozenset[str]
    steps: tuple[Step, ...]
    only: str


@cache
def _paths(kind: str, types: tuple[str, ...]) -> tuple[_Path, ...]:
    wanted = [p for p in definitions.search_parameters(kind).values() if p.type in types and p.code[0] != "_"]
    return tuple(way for p in wanted for path in p.paths if (way := _read_path(kind, p, path)) is not None)


def _read_path(kind: str, parameter: SearchParameter, path: str) -> _Path | None:
    """Read an expression; None for one that says what we don't know."""
    try:
        rest = steps_of(path)[1:]
    except ValueError:
        return None
    steps = tuple(step for step in rest if not step.cast and not _is_type(step))
    if not steps:
        return None
    only = next((step.where[1] for step in reversed(rest) if step.where is not None and _is_type(step)), "")
    first = frozenset(n for n, (element, _) in definitions.json_names(kind).items() if element.name == steps[0].name)
    return _Path(parameter, path, first, steps, only)


def _is_type(step: Step) -> bool:
    """Return whether a step is ``where(resolve() is X)``."""
    return step.where is not None and not step.where[0]


def at_parameters(resource: dict[str, Any], types: tuple[str, ...]) -> Iterator[tuple[SearchParameter, str, Any]]:
    """Yield what stands where a resource's search parameters point.

    Args:
        resource: The resource.
        types: The types of parameters that count: ``reference``, ``date``, ..

    Yields:
        The parameter, the alternative of its expression, and what stands there, of any type that the element may have.
    """
    present = resource.keys()
    for way in _paths(resource["resourceType"], types):
        if way.first.isdisjoint(present):
            continue
        nodes: list[Any] = [resource]
        for step in way.steps:
            if step.where is None:
                nodes = [v for n in nodes for v in _children(n, step.name)]
            else:
                key, value = step.where
                nodes = [n for n in nodes if isinstance(n, dict) and n.get(key) == value]
        for node in nodes:
            if not way.only or (
                isinstance(node, dict) and parse_reference(str(node.get("reference"))).type == way.only
            ):
                yield way.parameter, way.path, node


def _children(node: Any, name: str) -> Iterator[Any]:
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == name or (key.startswith(name) and key[len(name)].isupper()):  # a choice, whatever its type
            yield from value if isinstance(value, list) else [value]


def check_exists(found: list[Indexed], find: Callable[[str, str], Record | str | None]) -> None:
    """Check that what a resource's indexed references name is there.

    Args:
        found: What `indexed` gives.
        find: Looks up a type and an id: the record; the type of another resource with that internal number; None.

    Raises:
        FhirError: 400 HAPI-0505 to 0508, 1094 or 1096, or 422 HAPI-1095.
    """
    for reference in found:
        target = parse_reference(reference.value)
        if target.id.startswith("#") or not reference.value.strip() or reference.value == "#":
            continue
        bad = f"Invalid resource reference found at path[{reference.path}] - "
        if not target.type.strip():
            raise FhirError(400, f"HAPI-0505: {bad}Does not contain resource type - {reference.value}")
        if not definitions.is_resource(target.type):
            why = "Resource type is unknown or not supported on this server"
            raise FhirError(400, f"HAPI-0506: {bad}{why} - {reference.value}")
        if reference.targets and target.type not in reference.targets:
            continue
        if target.base:
            raise FhirError(
                400,
                f'HAPI-0507: Resource contains external reference to URL "{reference.value}" '
                "but this server is not configured to allow external references",
            )
        if not target.id.strip():
            raise FhirError(400, f"HAPI-0508: {bad}Does not contain resource ID - {reference.value}")
        known = find(target.type, target.id)
        name = f"{target.type}/{target.id}"
        if isinstance(known, str):
            raise FhirError(422, f"HAPI-1095: Resource contains reference to unknown resource ID {reference.value}")
        if known is None:
            raise FhirError(400, f"HAPI-1094: Resource {name} not found, specified in path: {reference.path}")
        if known.deleted:
            raise FhirError(400, f"HAPI-1096: Resource {name} is deleted, specified in path: {reference.path}")
