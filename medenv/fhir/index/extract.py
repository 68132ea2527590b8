"""Index values: what a search parameter finds in a resource, worked out once a template and then read from its values.

The index values are: token ``(system, code)``, string ``str``, date `Span`, quantity ``(value, system, unit, code)``, number ``float``,
reference ``"Patient/S1"``, uri ``str``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from medenv.fhir import definitions
from medenv.fhir.definitions import SearchParameter
from medenv.fhir.index.dates import Span, span, stored_span
from medenv.fhir.index.paths import Guard, Node, follow
from medenv.fhir.template import Template, decode

__all__ = ["BASE", "displays", "extract", "normalize"]

BASE = "http://localhost:8080/fhir"
"""The official server's base; references below it count as its own."""

Reader = Callable[[list[str]], Any]
"""Reads one index value from a resource's values; None if there is none."""

_OPEN_LOW = Span(-30_610_224_000_000, -30_610_224_000_000, 10_010_101, 10_010_101)
_OPEN_HIGH = Span(221_845_392_000_000, 221_845_392_000_000, 90_000_101, 90_000_101)
"""What HAPI takes for the open ends of a Period: the years 1001 and 9000."""


@lru_cache(maxsize=65536)
def normalize(text: str) -> str:
    """Return a string as HAPI indexes it: without accents, in capitals."""
    plain = unicodedata.normalize("NFD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).upper()


def extract(template: Template, parameter: SearchParameter) -> Callable[[list[str]], list[Any]]:
    """Return how to read a parameter's index values from resources of a template.

    Args:
        template: The template.
        parameter: A parameter of its type; for a composite the index values are tuples of its parts' lists.

    Returns:
        A function from a resource's values to its index values, without repeats.
    """
    found = template.extractors.get(parameter.code)
    if found is None:
        found = template.extractors[parameter.code] = _combine(list(_readers(template, parameter)))
    result: Callable[[list[str]], list[Any]] = found
    return result


def displays(template: Template, parameter: SearchParameter) -> Callable[[list[str]], list[str]]:
    """Return how to read what ``:text`` searches: the texts and displays beside a token parameter's codes."""
    key = (parameter.code, "text")
    found = template.extractors.get(key)
    if found is None:
        nodes = [n for path in parameter.paths for n in follow(_root(template), path)]
        found = template.extractors[key] = _combine([r for n in nodes for r in _guarded(n, _text(n))])
    result: Callable[[list[str]], list[str]] = found
    return result


def _combine(readers: list[Reader]) -> Callable[[list[str]], list[Any]]:
    if not readers:
        return lambda values: []
    if len(readers) == 1:
        only = readers[0]

        def single(values: list[str]) -> list[Any]:
            value = only(values)
            return [] if value is None else [value]

        return single

    def several(values: list[str]) -> list[Any]:
        return list(dict.fromkeys(v for v in [read(values) for read in readers] if v is not None))

    return several


def _root(template: Template) -> list[Node]:
    return [Node(template.tree, template.type)]


def _readers(template: Template, parameter: SearchParameter) -> Iterator[Reader]:
    if parameter.type == "composite":
        for path in parameter.paths:
            for node in follow(_root(template), path):
                yield _composite(template, node, parameter)
        return
    if " != false" in parameter.expression:  # Patient.deceased: indexed as the boolean that the expression is
        nodes = [n for path in parameter.paths for n in follow(_root(template), path)]
        yield _exists_and_true(nodes)
        return
    for path in parameter.paths:
        for node in follow(_root(template), path):
            yield from _guarded(node, _READ[parameter.type](node))


def _exists_and_true(nodes: list[Node]) -> Reader:
    slots = [n.tree for n in nodes if isinstance(n.tree, int)]

    def read(values: list[str]) -> tuple[str, str]:
        true = any(values[h] != "false" for h in slots) or len(slots) < len(nodes)
        return ("", "true" if true else "false")

    return read


def _composite(template: Template, node: Node, parameter: SearchParameter) -> Reader:
    parts = []
    for code, expression in parameter.components:
        kind = definitions.search_parameters(template.type)[code].type
        readers: list[Reader] = []
        for path in expression.split(" | "):
            start = _root(template) if path.startswith("%resource") else [node]
            for found in follow(start, path.removeprefix("%resource.")):
                readers += _guarded(found, _READ[kind](found))
        parts.append(_combine(readers))

    def read(values: list[str]) -> tuple[tuple[Any, ...], ...] | None:
        found = tuple(tuple(part(values)) for part in parts)
        return found if all(found) else None

    return read


def _guarded(node: Node, readers: Iterator[Reader]) -> Iterator[Reader]:
    for read in readers:
        yield _guard(read, node.guards) if node.guards else read


def _guard(read: Reader, guards: tuple[Guard, ...]) -> Reader:
    def guarded(values: list[str]) -> Any:
        for slot, text, start in guards:
            if not (values[slot].startswith(f'"{text}') if start else values[slot] == text):
                return None
        return read(values)

    return guarded


def _get(tree: Any, *path: str) -> Any:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _items(tree: Any) -> list[Any]:
    return tree if isinstance(tree, list) else [] if tree is None else [tree]


def _scalar(slot: Any) -> Iterator[Reader]:
    if isinstance(slot, int):
        yield lambda values: _string(values[slot])


def _string(text: str) -> str | None:
    value = decode(text)
    if isinstance(value, bool):
        return text
    return value or None


def _token(node: Node) -> Iterator[Reader]:
    tree, kind = node.tree, node.kind
    if kind == "CodeableConcept":
        for coding in _items(_get(tree, "coding")):
            yield from _pair(_get(coding, "system"), _get(coding, "code"))
    elif kind == "Coding":
        yield from _pair(_get(tree, "system"), _get(tree, "code"))
    elif kind in ("Identifier", "ContactPoint"):
        yield from _pair(_get(tree, "system"), _get(tree, "value"))
    elif isinstance(tree, int):
        system = definitions.code_system(node.binding) if node.binding else ""
        slot = tree

        def read(values: list[str]) -> tuple[str, str] | None:
            value = _string(values[slot])
            return None if value is None else (system, value)

        yield read


def _pair(system: Any, code: Any) -> Iterator[Reader]:
    s = system if isinstance(system, int) else None
    c = code if isinstance(code, int) else None
    if s is None and c is None:
        return

    def read(values: list[str]) -> tuple[str, str] | None:
        return (decode(values[s]) if s is not None else "", decode(values[c]) if c is not None else "")

    yield read


def _text(node: Node) -> Iterator[Reader]:
    if node.kind == "CodeableConcept":
        yield from _scalar(_get(node.tree, "text"))
        for coding in _items(_get(node.tree, "coding")):
            yield from _scalar(_get(coding, "display"))
    elif node.kind == "Coding":
        yield from _scalar(_get(node.tree, "display"))
    elif node.kind == "Identifier":
        yield from _scalar(_get(node.tree, "type", "text"))


_NAME = ("family", "given", "text", "prefix", "suffix")
_ADDRESS = ("text", "line", "city", "district", "state", "country", "postalCode")


def _strings(node: Node) -> Iterator[Reader]:
    fields = {"HumanName": _NAME, "Address": _ADDRESS, "ContactPoint": ("value",)}.get(node.kind)
    if fields is None:
        yield from _scalar(node.tree)
        return
    for field in fields:
        for item in _items(_get(node.tree, field)):
            yield from _scalar(item)


def _date(node: Node) -> Iterator[Reader]:
    tree = node.tree
    if isinstance(tree, int):
        slot = tree
        yield lambda values: stored_span(decode(values[slot]))
    elif node.kind == "Period":
        yield from _period(tree)
    elif node.kind == "Timing":
        events = [e for e in _items(_get(tree, "event")) if isinstance(e, int)]
        if events:
            yield lambda values: _hull([span(decode(values[e])) for e in events])
        yield from _period(_get(tree, "repeat", "boundsPeriod"))


def _period(tree: Any) -> Iterator[Reader]:
    start, end = _get(tree, "start"), _get(tree, "end")
    if not isinstance(start, int) and not isinstance(end, int):
        return

    def read(values: list[str]) -> Span | None:
        low = span(decode(values[start])) if isinstance(start, int) else _OPEN_LOW
        high = span(decode(values[end])) if isinstance(end, int) else _OPEN_HIGH
        return None if low is None or high is None else Span(low.low, high.high, low.first, high.last)

    yield read


def _hull(spans: list[Span | None]) -> Span | None:
    real = [s for s in spans if s is not None]
    if not real:
        return None
    return Span(
        min(s.low for s in real), max(s.high for s in real), min(s.first for s in real), max(s.last for s in real)
    )


def _quantity(node: Node) -> Iterator[Reader]:
    value = _get(node.tree, "value")
    if not isinstance(value, int):
        return
    names = ("system", "unit", "code") if node.kind != "Money" else ("", "", "currency")
    slots = [h if isinstance(h := _get(node.tree, name), int) else None for name in names]

    def read(values: list[str]) -> tuple[float, str, str, str] | None:
        try:
            number = float(decode(values[value]))
        except ValueError:
            return None
        system, unit, code = ("" if h is None else decode(values[h]) for h in slots)
        return (number, "urn:iso:std:iso:4217" if node.kind == "Money" else system, unit, code)

    yield read


def _number(node: Node) -> Iterator[Reader]:
    slot = node.tree
    if isinstance(slot, int):

        def read(values: list[str]) -> float | None:
            try:
                return float(decode(values[slot]))
            except ValueError:
                return None

        yield read


_LOCAL = re.compile(r"(?:/|" + re.escape(BASE) + r"/)?([A-Z]\w+/[^/]+)(?:/_history/[^/]+)?")


def _reference(node: Node) -> Iterator[Reader]:
    slot = node.tree if isinstance(node.tree, int) else _get(node.tree, "reference")
    if not isinstance(slot, int):
        return

    def read(values: list[str]) -> str | None:
        text = decode(values[slot])
        match = _LOCAL.fullmatch(text)
        return match[1] if match else text or None

    yield read


_READ: dict[str, Callable[[Node], Iterator[Reader]]] = {
    "token": _token,
    "string": _strings,
    "date": _date,
    "quantity": _quantity,
    "number": _number,
    "reference": _reference,
    "uri": lambda node: _scalar(node.tree),
    "special": lambda node: iter(()),
}
