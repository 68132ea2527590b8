"""A resource as a template and its values: the JSON skeleton with a slot for each scalar, and the scalars' JSON texts.

A chart has thousands of resources but few templates, so what depends on structure alone (text layout, where an index value stands) is
worked out once a template; writing a resource is then one ``%`` and reading an index value one list access.
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

__all__ = ["SET_BY_SERVER", "Record", "Template", "View", "decode", "split", "template_of", "template_of_skeleton"]

_SCALAR = re.compile(
    r'(?<=[:\[,])\s*("[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"(?!\s*:)'
    r"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*(?=[,\]}])",
    re.ASCII,
)
_SLOT = "\x00"
SET_BY_SERVER = ("versionId", "lastUpdated", "source")
"""What a server sets in the ``meta`` of whatever it stores, so that copies of a resource on two servers differ in it."""

_KNOWN_LIMIT = 8192
"""Skeletons remembered in a process; beyond that the memory starts anew, so that no client can fill it."""

Picker = Callable[[list[str]], tuple[str, ...]]


def decode(text: str) -> Any:
    """Return the Python value of a scalar's JSON text; numbers stay `Number`."""
    if text[0] == '"':
        return text[1:-1] if "\\" not in text else orjson.loads(text)
    return {"true": True, "false": False, "null": None}[text] if text[0] in "tfn" else Number(text)


def _canonical(text: str) -> str:
    """Return a JSON string spelt as HAPI spells it: no needless escape."""
    return jsontext.scalar(jsontext.loads(text))


def _slots(tree: Any) -> list[int]:
    if isinstance(tree, dict):
        return [n for v in tree.values() for n in _slots(v)]
    if isinstance(tree, list):
        return [n for v in tree for n in _slots(v)]
    return [tree] if isinstance(tree, int) else []


def _pattern(tree: Any, write: Callable[[Any], str]) -> str:
    def blank(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: blank(v) for k, v in node.items()}
        if isinstance(node, list):
            return [blank(v) for v in node]
        return Number(_SLOT) if isinstance(node, int) else node

    return write(blank(tree)).replace("%", "%%").replace(_SLOT, "%s")


class View:
    """A way to write resources of one template: a tree of some of its slots and of constants, and the texts that follow from it."""

    __slots__ = ("_pick", "_texts", "tree")

    def __init__(self, tree: Any, size: int) -> None:
        self.tree = tree
        self._texts: dict[str, str] = {}
        slots = _slots(tree)
        self._pick: Picker | None = None
        if slots != list(range(size)):
            self._pick = _picker(slots)

    def values(self, values: list[str]) -> tuple[str, ...]:
        """Return the values that stand in this view, in order."""
        return tuple(values) if self._pick is None else self._pick(values)

    def pattern(self, indent: str | None) -> str:
        """Return the text with ``%s`` for each value: pretty at an indent, compact for None."""
        key = "" if indent is None else indent
        found = self._texts.get(key)
        if found is None:
            write = jsontext.compact if indent is None else (lambda tree: jsontext.pretty(tree, indent))
            found = self._texts[key] = _pattern(self.tree, write)
        return found

    def text(self, values: list[str], indent: str | None = "\n") -> str:
        """Write a resource."""
        return self.pattern(indent) % self.values(values)

    def parse(self, values: list[str]) -> dict[str, Any]:
        """Return the resource as `jsontext.loads` would give it."""

        def fill(node: Any) -> Any:
            if isinstance(node, dict):
                return {k: fill(v) for k, v in node.items()}
            if isinstance(node, list):
                return [fill(v) for v in node]
            return decode(values[node]) if isinstance(node, int) else node

        filled: dict[str, Any] = fill(self.tree)
        return filled


def _picker(slots: list[int]) -> Picker:
    if not slots:
        return lambda values: ()
    if len(slots) == 1:
        n = slots[0]
        return lambda values: (values[n],)
    return itemgetter(*slots)


class Template(View):
    """The structure of some resources.

    Attributes:
        type: Their ``resourceType``.
        skeleton: Their compact JSON with a NUL for each scalar: what identifies the template.
        size: How many scalars they have.
        extractors: How the search index reads this template's resources, by search parameter.
        views: What is left of this template under ``_summary`` or ``_elements``.
        id_slot: Where the id stands among the values.
    """

    __slots__ = ("_content", "extractors", "id_slot", "size", "skeleton", "type", "views")

    def __init__(self, type_: str, skeleton: str, tree: dict[str, Any], size: int) -> None:
        super().__init__(tree, size)
        self.type, self.skeleton, self.size = type_, skeleton, size
        self.id_slot: int = tree["id"]
        self.extractors: dict[Any, Any] = {}
        self.views: dict[Any, View] = {}
        self._content: View | None = None

    @property
    def content(self) -> View:
        """What is left without `SET_BY_SERVER`, and without a ``meta`` that holds nothing else: what fingerprints are made of."""
        if self._content is None:
            tree, meta = dict(self.tree), self.tree.get("meta")
            if isinstance(meta, dict):
                own = {name: value for name, value in meta.items() if name not in SET_BY_SERVER}
                tree = {**tree, "meta": own} if own else {name: v for name, v in tree.items() if name != "meta"}
            self._content = View(tree, self.size)
        return self._content

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle as what identifies the template; what was worked out about it is functions, and stays behind."""
        return template_of_skeleton, (self.type, self.skeleton)

    def slot(self, *path: str) -> int | None:
        """Return the slot at a path of property names (``"meta", "lastUpdated"``), None if there is no scalar there."""
        node: Any = self.tree
        for name in path:
            node = node.get(name) if isinstance(node, dict) else None
        return node if isinstance(node, int) else None


_known: dict[tuple[str, ...], tuple[str, int]] = {}
_templates: dict[tuple[str, str], Template] = {}


def template_of_skeleton(type_: str, skeleton: str) -> Template:
    """Return the template of a type and a compact skeleton (`Template.skeleton`)."""
    template = _templates.get((type_, skeleton))
    if template is None:
        pieces = skeleton.split(_SLOT)
        numbered = "".join(p + str(i) for i, p in enumerate(pieces[:-1])) + pieces[-1]
        if len(_templates) > _KNOWN_LIMIT:
            _templates.clear()
        template = _templates[type_, skeleton] = Template(type_, skeleton, orjson.loads(numbered), len(pieces) - 1)
    return template


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
    found = _known[literals] = (_SLOT.join(again[::2]), len(values))
    return found


def template_of(text: str) -> tuple[Template, list[str]]:
    """Return a resource's template and values.

    Raises:
        ValueError: As `split`.
    """
    skeleton, values = split(text)
    # the type is the first scalar named so; a skeleton starts with it in practice, but need not
    type_ = jsontext.loads(values[_type_slot(skeleton)])
    template = template_of_skeleton(type_, skeleton)
    if isinstance(type_, Number) or values[template.id_slot][0] != '"':
        raise ValueError(f"a resource's type and id are strings: {text[:200]!r}")
    return template, values


_type_slots: dict[str, int] = {}


def _type_slot(skeleton: str) -> int:
    found = _type_slots.get(skeleton)
    if found is None:
        pieces = skeleton.split(_SLOT)
        tree = orjson.loads("".join(p + str(i) for i, p in enumerate(pieces[:-1])) + pieces[-1])
        if len(_type_slots) > _KNOWN_LIMIT:
            _type_slots.clear()
        found = _type_slots[skeleton] = tree["resourceType"]
    return found


class Record:
    """One version of a resource, immutable.

    Attributes:
        type: Resource type.
        id: Its id.
        pid: HAPI's internal number, by which unsorted searches are ordered.
        version: 1, 2, ..
        updated: Milliseconds since 1970 of the last change.
        template: Its structure; None for a deletion.
        values: Its scalars' JSON texts.
        submitted: The payload as it was sent; None for what was loaded.
        method: How it came about: ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
    """

    __slots__ = ("id", "method", "pid", "submitted", "template", "type", "updated", "values", "version")

    def __init__(
        self,
        type_: str,
        id_: str,
        pid: int,
        version: int,
        updated: int,
        template: Template | None,
        values: list[str],
        submitted: str | None = None,
        method: str = "POST",
    ) -> None:
        self.type, self.id, self.pid, self.version, self.updated = type_, id_, pid, version, updated
        self.template, self.values, self.submitted, self.method = template, values, submitted, method

    @property
    def deleted(self) -> bool:
        """Whether this version is a deletion."""
        return self.template is None

    @property
    def resource(self) -> dict[str, Any]:
        """The resource as `jsontext.loads` gives it, meta included.

        Raises:
            LookupError: This version is a deletion.
        """
        if self.template is None:
            raise LookupError(f"{self.type}/{self.id} version {self.version} is a deletion")
        return self.template.parse(self.values)

    def text(self, indent: str | None = "\n") -> str:
        """Return the resource's JSON, pretty at an indent or compact for None."""
        if self.template is None:
            raise LookupError(f"{self.type}/{self.id} version {self.version} is a deletion")
        return self.template.text(self.values, indent)

    def content(self) -> str:
        """Return the compact JSON of what isn't set by a server, see `Template.content`.

        Raises:
            LookupError: This version is a deletion.
        """
        if self.template is None:
            raise LookupError(f"{self.type}/{self.id} version {self.version} is a deletion")
        return self.template.content.text(self.values, None)
