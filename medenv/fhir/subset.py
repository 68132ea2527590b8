"""What ``_summary`` and ``_elements`` leave of a resource, worked out once a shape.

HAPI tags whatever it cuts; what is cut depends on structure alone.
"""

from __future__ import annotations

from typing import Any

from medenv.fhir import definitions
from medenv.fhir.shape import Shape, View

__all__ = ["SUBSETTED", "view_of"]

SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "Resource encoded in summary mode",
}
"""The tag of whatever is not whole."""

_ALWAYS = ("resourceType", "id", "meta")


def view_of(shape: Shape, summary: str, elements: tuple[str, ...] | None) -> View:
    """What is left of a shape's resources.

    Args:
        shape: The shape.
        summary: ``true``, ``text``, ``data``, or ``""``.
        elements: The names of ``_elements``, None without it.

    Returns:
        The view.
    """
    if not summary and elements is None:
        return shape
    if elements is not None:
        elements = tuple(e for e in elements if not e[:1].isupper() or e.partition(".")[0] == shape.type)
        if not elements:
            return shape
    key = (summary, elements)
    if key not in shape.views:
        shape.views[key] = View(_cut(shape, summary, elements), shape.size)
    return shape.views[key]


def _cut(shape: Shape, summary: str, elements: tuple[str, ...] | None) -> dict[str, Any]:
    tree: dict[str, Any] = shape.tree
    if summary == "data":
        kept = {k: v for k, v in tree.items() if k != "text"}
    elif summary == "text":
        needed = {e.name for e in definitions.elements(shape.type) if e.min > 0}
        kept = {k: v for k, v in tree.items() if k in (*_ALWAYS, "text") or _element_name(shape.type, k) in needed}
    elif summary == "true":
        kept = _summary(tree, shape.type)
    else:
        kept = _only(tree, shape.type, [tuple(name.split(".")) for name in elements or ()])
    return _tagged(kept)


def _element_name(kind: str, name: str) -> str:
    found = definitions.json_names(kind).get(name.removeprefix("_"))
    return found[0].name if found else name


def _summary(tree: dict[str, Any], kind: str) -> dict[str, Any]:
    names = definitions.json_names(kind)
    kept = {}
    for name, below in tree.items():
        found = names.get(name.removeprefix("_"))
        if name in _ALWAYS or (found is not None and found[0].summary):
            kept[name] = _summary_below(below, found[1]) if found is not None and name not in _ALWAYS else below
    return kept


def _summary_below(node: Any, kind: str) -> Any:
    """Within a datatype everything is kept; within a part of the resource only what is marked."""
    if isinstance(node, list):
        return [_summary_below(n, kind) for n in node]
    return _summary(node, kind) if isinstance(node, dict) and "." in kind else node


def _only(tree: dict[str, Any], kind: str, paths: list[tuple[str, ...]]) -> dict[str, Any]:
    own = {kind, "*"}
    kept = {}
    for name, below in tree.items():
        names = {name, _element_name(kind, name)}
        here = [p[1:] if p[0] in own and len(p) > 1 else p for p in paths]
        inner = [p[1:] for p in here if p and p[0] in names]
        if name in _ALWAYS or any(not p for p in inner):
            kept[name] = below
        elif inner:
            cut = _only_below(below, inner)
            if cut:
                kept[name] = cut
    return kept


def _only_below(node: Any, paths: list[tuple[str, ...]]) -> Any:
    if isinstance(node, list):
        return [cut for n in node if (cut := _only_below(n, paths))]
    if not isinstance(node, dict):
        return None
    kept = {}
    for name, below in node.items():
        inner = [p[1:] for p in paths if p[0] == name]
        if any(not p for p in inner):
            kept[name] = below
        elif inner and (cut := _only_below(below, inner)):
            kept[name] = cut
    return kept


def _tagged(tree: dict[str, Any]) -> dict[str, Any]:
    meta = tree.get("meta", {})
    head = {
        "resourceType": tree["resourceType"],
        "id": tree["id"],
        "meta": {**meta, "tag": [*meta.get("tag", []), SUBSETTED]},
    }
    return head | {k: v for k, v in tree.items() if k not in head}
