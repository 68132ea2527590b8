"""What FHIR R4 says, as data: the elements of every type and the search parameters of every resource type.

The tables are HL7's published 4.0.1 definitions (CC0), packed by ``scripts/build_definitions.py``, read at first use.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

__all__ = [
    "SERVER_PARAMETERS",
    "Element",
    "SearchParameter",
    "code_system",
    "elements",
    "is_primitive",
    "is_resource",
    "json_names",
    "patient_compartment",
    "search_parameters",
    "types",
]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type, as its StructureDefinition has it.

    Attributes:
        name: The element's name; of a choice the part before ``[x]`` (``value``).
        min: 0, or 1 for a mandatory element.
        max: 1, or 0 for an element that repeats.
        types: Type names: one, or the alternatives of a choice. A part of a resource is a type too, named by its path
            (``Observation.component``); ``Resource`` stands for any resource.
        choice: Whether the JSON name carries the type (``valueQuantity``).
        summary: Whether ``_summary=true`` keeps it.
        modifier: Whether it changes the meaning of what holds it.
        codes: The codes of a required binding, or None where any code will do.
        binding: The binding's name (``ObservationStatus``), ``""`` without one.
        targets: Resource types that its references may name; empty or ``("Resource",)`` for any.
    """

    name: str
    min: int
    max: int
    types: tuple[str, ...]
    choice: bool
    summary: bool
    modifier: bool
    codes: frozenset[str] | None
    binding: str
    targets: tuple[str, ...]

    @property
    def many(self) -> bool:
        """Whether the element is a list in JSON."""
        return self.max != 1

    @property
    def names(self) -> tuple[str, ...]:
        """The element's names in JSON, one for each type of a choice."""
        return tuple(self.name + kind[0].upper() + kind[1:] for kind in self.types) if self.choice else (self.name,)


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One search parameter of one resource type.

    Attributes:
        code: Its name in a URL (``value-quantity``).
        type: ``number date string token reference composite quantity uri special``.
        expression: Its FHIRPath, cut to the alternatives that apply to this type, joined by `` | ``; ``""`` for none.
        targets: The resource types that a reference may lead to.
        url: The canonical URL of its definition, ``""`` for a parameter of the server's own.
        description: HL7's text, as the CapabilityStatement shows it.
        components: Of a composite: each part's (code, expression relative to the composite's own).
    """

    code: str
    type: str
    expression: str
    targets: tuple[str, ...] = ()
    url: str = ""
    description: str = ""
    components: tuple[tuple[str, str], ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The alternatives of the expression."""
        return tuple(self.expression.split(" | ")) if self.expression else ()


SERVER_PARAMETERS = (
    SearchParameter("_filter", "string", "", description="Search the contents of the resource's data using a filter"),
    SearchParameter("_has", "string", "", description="Return resources linked to by the given target"),
    SearchParameter("_language", "token", "Resource.language", description="The language of the resource"),
    SearchParameter("_list", "string", "", description="Search the contents of the resource's data using a list"),
)
"""Parameters that HAPI 7.6.0 adds to every type in its CapabilityStatement, beside HL7's own."""


@cache
def _table(name: str) -> dict[str, Any]:
    packed = files("medenv.fhir").joinpath("data").joinpath(f"{name}.json.gz").read_bytes()
    content: dict[str, Any] = orjson.loads(gzip.decompress(packed))
    return content


@cache
def _codes(binding: str) -> frozenset[str]:
    return frozenset(_table("elements")["codes"][binding])


@cache
def code_system(binding: str) -> str:
    """Return the URL of the code system that a required binding (`Element.binding`) takes its codes from."""
    system: str = _table("elements")["systems"][binding]
    return system


@cache
def elements(kind: str) -> tuple[Element, ...]:
    """Return the elements of a type in definition order, inherited ones first.

    Args:
        kind: A resource type (``Observation``), a datatype (``Quantity``), or a part by its path (``Timing.repeat``).

    Returns:
        Its elements; none for a primitive type.

    Raises:
        KeyError: FHIR R4 has no such type.
    """
    found = []
    for name, low, high, flags, kinds, binding, targets in _table("elements")["types"][kind][2]:
        codes = _codes(binding) if binding else None
        choice, summary, modifier = "x" in flags, "s" in flags, "m" in flags
        found.append(Element(name, low, high, tuple(kinds), choice, summary, modifier, codes, binding, tuple(targets)))
    return tuple(found)


@cache
def json_names(kind: str) -> dict[str, tuple[Element, str]]:
    """Return the JSON property names of a type, in definition order, each with its element and that name's type.

    Args:
        kind: As for `elements`.

    Returns:
        ``{"valueQuantity": (element, "Quantity"), ...}``; treat it as read-only.
    """
    return {name: (element, element.types[i]) for element in elements(kind) for i, name in enumerate(element.names)}


@cache
def types() -> tuple[str, ...]:
    """Return the resource types that a server can hold, sorted: all of R4's but the two abstract ones."""
    table = _table("elements")["types"]
    abstract = ("DomainResource", "Resource")
    return tuple(sorted(kind for kind, row in table.items() if row[0] == "resource" and kind not in abstract))


@cache
def _type_set() -> frozenset[str]:
    return frozenset(types())


def is_resource(kind: str) -> bool:
    """Return whether a name is a resource type that a server can hold."""
    return kind in _type_set()


@cache
def is_primitive(kind: str) -> bool:
    """Return whether a type is a primitive one (``string``, ``date``): a JSON scalar."""
    row = _table("elements")["types"].get(kind)
    return row is not None and row[0] == "primitive-type"


@cache
def search_parameters(kind: str) -> dict[str, SearchParameter]:
    """Return the search parameters of a resource type by name: its own, those of every resource, and HAPI's.

    Args:
        kind: A resource type of `types`.

    Returns:
        Sorted by name; treat it as read-only.

    Raises:
        KeyError: FHIR R4 has no such resource type.
    """
    if kind not in _type_set():
        raise KeyError(kind)
    table = _table("parameters")["parameters"]
    found = {p.code: p for p in SERVER_PARAMETERS}
    for base in ("Resource", "DomainResource", kind):  # HAPI gives `_text` to Binary, Bundle and Parameters too
        for code, type_, expression, targets, url, description, components in table.get(base, ()):
            parts = tuple((c, e) for c, e in components)
            found[code] = SearchParameter(code, type_, expression, tuple(targets), url, description, parts)
    found.pop("_query", None)  # HAPI does not offer it
    return dict(sorted(found.items()))


@cache
def patient_compartment() -> dict[str, tuple[str, ...]]:
    """Return, by resource type, the search parameters that put it into a patient's compartment (R4's CompartmentDefinition)."""
    return {kind: tuple(codes) for kind, codes in _table("parameters")["patient"].items()}
