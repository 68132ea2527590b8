"""Following a search parameter's expression through the tree of a template.

HL7's parameters use a small part of FHIRPath: property names, a choice's type (``as``), ``where(..)`` and an index.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from medenv.fhir import definitions

__all__ = ["Guard", "Node", "Step", "follow", "steps_of"]


class Guard(NamedTuple):
    """A condition that the values of one resource decide: the scalar in a slot is (or isn't) a certain text.

    Attributes:
        slot: Which scalar.
        text: The JSON text it must have, or, for a reference, what its string must start with.
        start: Whether it is a start.
    """

    slot: int
    text: str
    start: bool = False


class Node(NamedTuple):
    """A place in a template.

    Attributes:
        tree: What stands there: a slot, an object, a list.
        kind: Its FHIR type (``CodeableConcept``, ``dateTime``).
        guards: What must hold for it to count.
        binding: The name of its required binding, if it is a code.
    """

    tree: Any
    kind: str
    guards: tuple[Guard, ...] = ()
    binding: str = ""


class Step(NamedTuple):
    """One step of an expression.

    Attributes:
        name: The member it goes to, ``""`` for none.
        cast: The type it keeps to, ``""`` for none.
        where: A member and the value it must have; of ``resolve() is X`` the member is ``""``.
        place: Which of several, None for all.
    """

    name: str = ""
    cast: str = ""
    where: tuple[str, str] | None = None
    place: int | None = None


_STEP = re.compile(
    r"\.?(?:as\((?P<cast>\w+)\)|ofType\((?P<of>\w+)\)|where\(resolve\(\) is (?P<target>\w+)\)"
    r"|where\((?P<key>\w+)='(?P<value>[^']*)'\)|exists\(\)|(?P<name>\w+)(?:\[(?P<index>\d+)\])?)"
)


@lru_cache(maxsize=4096)
def steps_of(expression: str) -> tuple[Step, ...]:
    """Parse one alternative of an expression.

    Raises:
        ValueError: It uses what we don't know.
    """
    text = expression.strip()
    text = re.sub(r"\((\S+) as (\w+)\)", r"\1.as(\2)", text)
    text = re.sub(r"(\S+) as (\w+)", r"\1.as(\2)", text)
    text = text.split(" and ")[0]  # `Patient.deceased.exists() and ..`: the index makes the boolean of it
    found, at = [], 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or match.end() == at:
            raise ValueError(f"unknown expression {expression!r}")
        at = match.end()
        cast, of, target, key, value, name, index = match.groups()
        if cast or of:
            found.append(Step(cast=cast or of))
        elif target:
            found.append(Step(where=("", target)))
        elif key:
            found.append(Step(where=(key, value)))
        elif name:
            found.append(Step(name, place=None if index is None else int(index)))
    return tuple(found)


def follow(nodes: list[Node], expression: str) -> list[Node]:
    """Return where an expression leads.

    Args:
        nodes: Where to start: a resource, or what another expression found.
        expression: One alternative, its first step a type name if it starts at a resource.

    Raises:
        ValueError: The expression is not understood.
    """
    for n, step in enumerate(steps_of(expression)):
        if n == 0 and step.name[:1].isupper():
            continue
        nodes = [found for node in nodes for found in _apply(node, step)]
    return nodes


def _apply(node: Node, step: Step) -> list[Node]:
    if step.cast:
        return [node] if node.kind.lower() == step.cast.lower() else []
    if step.where is not None:
        return _where(node, *step.where)
    if not isinstance(node.tree, dict):
        return []
    kind = node.kind
    if kind == "Resource":  # contained, or an entry of a bundle: its type is a value, so its paths are not followed
        return []
    try:
        names = definitions.json_names(kind)
    except KeyError:
        return []
    found = []
    for name, (element, type_) in names.items():
        if element.name == step.name and name in node.tree:
            below = node.tree[name]
            parts = below if isinstance(below, list) else [below]
            if step.place is not None:
                parts = parts[step.place : step.place + 1]
            binding = element.binding if element.codes is not None else ""
            found += [Node(part, type_, node.guards, binding) for part in parts]
    return found


def _where(node: Node, key: str, value: str) -> list[Node]:
    if not isinstance(node.tree, dict):
        return []
    slot = node.tree.get(key or "reference")
    if not isinstance(slot, int):
        return []
    guard = Guard(slot, f'"{value}"') if key else Guard(slot, f"{value}/", True)
    return [node._replace(guards=(*node.guards, guard))]
