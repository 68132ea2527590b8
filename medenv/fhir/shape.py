"""A resource as a shape and its values: the JSON skeleton with a hole for each scalar, and the scalars' JSON texts.

A chart has thousands of resources but few shapes, so what depends on structure alone (text layout, where an index value stands) is
worked out once a shape; writing a resource is then one ``%`` and reading an index value one list access.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from json import JSONDecodeError
from operator import itemgetter
from typing import Any

import orjson

from medenv.fhir import jsontext
from medenv.fhir.jsontext import Number

__all__ = ["Record", "Shape", "View", "decode", "shape_of", "shape_of_skeleton", "split"]

_SCALAR = re.compile(
    r'(?<=[:\[,])\s*("[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"(?!\s*:)'
    r"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*(?=[,\]}])",
    re.ASCII,
)
_HOLE = "\x00"
_KNOWN_LIMIT = 8192
"""Skeletons remembered in a process; beyond that the memory starts anew, so that no client can fill it."""

Picker = Callable[[list[str]], tuple[str, ...]]


def decode(text: str) -> Any:
    """The Python value of a scalar's JSON text; numbers stay `Number`."""
    if text[0] == '"':
        return text[1:-1] if "\\" not in text else orjson.loads(text)
    return {"true": True, "false": False, "null": None}[text] if text[0] in "tfn" else Number(text)


def _canonical(text: str) -> str:
    """A JSON string spelt as HAPI spells it: no needless escape."""
    return jsontext.scalar(jsontext.loads(text))


def _holes(tree: Any) -> list[int]:
    if isinstance(tree, dict):
        return [n for v in tree.values() for n in _holes(v)]
    if isinstance(tree, list):
        return [n for v in tree for n in _holes(v)]
    return [tree] if isinstance(tree, int) else []


def _template(tree: Any, write: Callable[[Any], str]) -> str:
    def blank(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: blank(v) for k, v in node.items()}
        if isinstance(node, list):
            return [blank(v) for v in node]
        return Number(_HOLE) if isinstance(node, int) else node

    return write(blank(tree)).replace("%", "%%").replace(_HOLE, "%s")


class View:
    """A way to write resources of one shape: a tree of some of its holes and of constants, and the texts that follow from it."""

    __slots__ = ("_pick", "_texts", "tree")

    def __init__(self, tree: Any, size: int) -> None:
        self.tree = tree
        self._texts: dict[str, str] = {}
        holes = _holes(tree)
        self._pick: Picker | None = None
        if holes != list(range(size)):
            self._pick = _picker(holes)

    def values(self, values: list[str]) -> tuple[str, ...]:
        """The values that stand in this view, in order."""
        return tuple(values) if self._pick is None else self._pick(values)

    def template(self, indent: str | None) -> str:
        """The text with ``%s`` for each value: pretty at an indent, compact for None."""
        key = "" if indent is None else indent
        found = self._texts.get(key)
        if found is None:
            write = jsontext.compact if indent is None else (lambda tree: jsontext.pretty(tree, indent))
            found = self._texts[key] = _template(self.tree, write)
        return found

    def text(self, values: list[str], indent: str | None = "\n") -> str:
        """Write a resource."""
        return self.template(indent) % self.values(values)

    def parse(self, values: list[str]) -> dict[str, Any]:
        """The resource as `jsontext.loads` would give it."""

        def fill(node: Any) -> Any:
            if isinstance(node, dict):
                return {k: fill(v) for k, v in node.items()}
            if isinstance(node, list):
                return [fill(v) for v in node]
            return decode(values[node]) if isinstance(node, int) else node

        filled: dict[str, Any] = fill(self.tree)
        return filled


def _picker(holes: list[int]) -> Picker:
    if not holes:
        return lambda values: ()
    if len(holes) == 1:
        n = holes[0]
        return lambda values: (values[n],)
    return itemgetter(*holes)


class Shape(View):
    """The structure of some resources.

    Attributes:
        type: Their ``resourceType``.
        skeleton: Their compact JSON with a NUL for each scalar: what identifies the shape.
        size: How many scalars they have.
        plans: What the search index worked out about this shape, by search parameter.
        views: What is left of this shape under ``_summary`` or ``_elements``.
        id_hole: Where the id stands among the values.
    """

    __slots__ = ("id_hole", "plans", "size", "skeleton", "type", "views")

    def __init__(self, type_: str, skeleton: str, tree: dict[str, Any], size: int) -> None:
        super().__init__(tree, size)
        self.type, self.skeleton, self.size = type_, skeleton, size
        self.id_hole: int = tree["id"]
        self.plans: dict[Any, Any] = {}
        self.views: dict[Any, View] = {}

    def hole(self, *path: str) -> int | None:
        """The hole at a path of property names (``"meta", "lastUpdated"``), None if there is no scalar there."""
        node: Any = self.tree
        for name in path:
            node = node.get(name) if isinstance(node, dict) else None
        return node if isinstance(node, int) else None


_known: dict[tuple[str, ...], tuple[str, int]] = {}
_shapes: dict[tuple[str, str], Shape] = {}


def shape_of_skeleton(type_: str, skeleton: str) -> Shape:
    """The shape of a type and a compact skeleton (`Shape.skeleton`)."""
    shape = _shapes.get((type_, skeleton))
    if shape is None:
        pieces = skeleton.split(_HOLE)
        numbered = "".join(p + str(i) for i, p in enumerate(pieces[:-1])) + pieces[-1]
        if len(_shapes) > _KNOWN_LIMIT:
            _shapes.clear()
        shape = _shapes[type_, skeleton] = Shape(type_, skeleton, orjson.loads(numbered), len(pieces) - 1)
    return shape


def split(text: str) -> tuple[str, list[str]]:
    """Take a resource's JSON text apart.

    Args:
        text: One JSON object with a ``resourceType`` and an ``id``, in any layout.

    Returns:
        Its compact skeleton and its scalars' JSON texts.

    Raises:
        ValueError: The text is no JSON object, or has no resourceType or id.
    """
    parts = _SCALAR.split(text)
    literals, values = tuple(parts[::2]), parts[1::2]
    known = _known.get(literals)
    if known is None:  # a layout not met before: parse it properly, once
        known = _learn(text, literals, values)
        if known is None:
            return split(jsontext.compact(jsontext.loads(text)))
    if "\\" in text:
        values = [_canonical(v) if "\\" in v else v for v in values]
    return known[0], values


def _learn(text: str, literals: tuple[str, ...], values: list[str]) -> tuple[str, int] | None:
    """Check a layout against a real parse; None where the text must be normalised first (equal keys, strange keys)."""
    try:
        tree = jsontext.loads(text)
    except JSONDecodeError as e:
        raise ValueError(f"not JSON: {e}: {text[:200]!r}") from None
    heads = (tree.get("resourceType"), tree.get("id")) if isinstance(tree, dict) else ()
    if not heads or any(not isinstance(head, str) or isinstance(head, Number) for head in heads):
        raise ValueError(f"a resource needs a resourceType and an id: {text[:200]!r}")
    compact = jsontext.compact(tree)
    again = _SCALAR.split(compact)
    if len(again[1::2]) != len(values) or [jsontext.loads(v) for v in again[1::2]] != [
        jsontext.loads(v) for v in values
    ]:
        if compact == text:
            raise ValueError(f"a resource that can't be taken apart: {text[:200]!r}")
        return None
    if len(_known) > _KNOWN_LIMIT:
        _known.clear()
    found = _known[literals] = (_HOLE.join(again[::2]), len(values))
    return found


def shape_of(text: str) -> tuple[Shape, list[str]]:
    """A resource's shape and values.

    Raises:
        ValueError: As `split`.
    """
    skeleton, values = split(text)
    # the type is the first scalar named so; a skeleton starts with it in practice, but need not
    type_ = jsontext.loads(values[_type_hole(skeleton)])
    shape = shape_of_skeleton(type_, skeleton)
    if isinstance(type_, Number) or values[shape.id_hole][0] != '"':
        raise ValueError(f"a resource's type and id are strings: {text[:200]!r}")
    return shape, values


_type_holes: dict[str, int] = {}


def _type_hole(skeleton: str) -> int:
    found = _type_holes.get(skeleton)
    if found is None:
        pieces = skeleton.split(_HOLE)
        tree = orjson.loads("".join(p + str(i) for i, p in enumerate(pieces[:-1])) + pieces[-1])
        if len(_type_holes) > _KNOWN_LIMIT:
            _type_holes.clear()
        found = _type_holes[skeleton] = tree["resourceType"]
    return found


class Record:
    """One version of a resource, immutable.

    Attributes:
        type: Resource type.
        id: Its id.
        pid: HAPI's internal number, by which unsorted searches are ordered.
        version: 1, 2, ..
        updated: Milliseconds since 1970 of the last change.
        shape: Its structure; None for a deletion.
        values: Its scalars' JSON texts.
        submitted: The payload as it was sent; None for what was loaded.
        method: How it came about: ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
    """

    __slots__ = ("id", "method", "pid", "shape", "submitted", "type", "updated", "values", "version")

    def __init__(
        self,
        type_: str,
        id_: str,
        pid: int,
        version: int,
        updated: int,
        shape: Shape | None,
        values: list[str],
        submitted: str | None = None,
        method: str = "POST",
    ) -> None:
        self.type, self.id, self.pid, self.version, self.updated = type_, id_, pid, version, updated
        self.shape, self.values, self.submitted, self.method = shape, values, submitted, method

    @property
    def deleted(self) -> bool:
        """Whether this version is a deletion."""
        return self.shape is None

    @property
    def resource(self) -> dict[str, Any]:
        """The resource as `jsontext.loads` gives it, meta included.

        Raises:
            LookupError: This version is a deletion.
        """
        if self.shape is None:
            raise LookupError(f"{self.type}/{self.id} version {self.version} is a deletion")
        return self.shape.parse(self.values)

    def text(self, indent: str | None = "\n") -> str:
        """The resource's JSON, pretty at an indent or compact for None."""
        if self.shape is None:
            raise LookupError(f"{self.type}/{self.id} version {self.version} is a deletion")
        return self.shape.text(self.values, indent)
