"""The filters ``_summary`` and ``_elements``: reading them from a request, and what they leave of a resource.

HAPI tags whatever it filters. What is left depends on structure alone, so it is worked out once a template.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from medenv.fhir import definitions
from medenv.fhir.errors import FhirError
from medenv.fhir.template import Template, View

__all__ = ["SUBSETTED", "check_filters", "filtered_view", "read_summary"]

SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "Resource encoded in summary mode",
}
"""The tag of whatever is not whole."""

_ALWAYS = ("resourceType", "id", "meta")


def read_summary(params: Iterable[tuple[str, str]]) -> tuple[str, bool]:
    """Return what ``_summary`` asks for: ``true``, ``text``, ``data``, ``count`` or ``""``; and whether only the number is wanted.

    Raises:
        FhirError: HAPI-0380 for what can't be combined.
    """
    written = {s.lower() for n, v in params if n == "_summary" for s in v.split(",")}
    kinds = written & {"true", "text", "data", "count", "false"}
    if "text" in kinds and len(kinds) > 1:
        raise FhirError(400, "HAPI-0380: Can not combine _summary=text with other values for _summary")
    only = kinds - {"count", "false"}
    kind = next((k for k in ("text", "true", "data") if k in only), "")
    return ("count" if kinds == {"count"} else kind), "count" in kinds


def check_filters(summary: str, elements: tuple[str, ...] | None) -> None:
    """Refuse a summary of some elements; HAPI notices when it writes the answer.

    Raises:
        FhirError: HAPI-0304.
    """
    if summary and elements is not None:
        raise FhirError(400, "HAPI-0304: Cannot combine the _summary and _elements parameters")


def filtered_view(template: Template, summary: str, elements: tuple[str, ...] | None) -> View:
    """Return what is left of a template's resources.

    Args:
        template: The template.
        summary: ``true``, ``text``, ``data``, or ``""``.
        elements: The names of ``_elements``, None without it.

    """
    if not summary and elements is None:
        return template
    if elements is not None:
        elements = tuple(e for e in elements if not e[:1].isupper() or e.partition(".")[0] == template.type)
        if not elements:
            return template
    key = (summary, elements)
    if key not in template.views:
        template.views[key] = View(_filter(template, summary, elements), template.size)
    return template.views[key]


def _filter(template: Template, summary: str, elements: tuple[str, ...] | None) -> dict[str, Any]:
    tree: dict[str, Any] = template.tree
    if summary == "data":
        kept = {k: v for k, v in tree.items() if k != "text"}
    elif summary == "text":
        needed = {e.name for e in definitions.elements(template.type) if e.min > 0}
        kept = {k: v for k, v in tree.items() if k in (*_ALWAYS, "text") or _element_name(template.type, k) in needed}
    elif summary == "true":
        kept = _summary(tree, template.type)
    else:
        paths = [tuple(name.removesuffix(".*").split(".")) for name in elements or ()]
        whole = any(path in (("*",), (template.type,)) for path in paths)
        kept = tree if whole else _only(tree, template.type, paths)
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
            left = _only_below(below, inner)
            if left:
                kept[name] = left
    return kept


def _only_below(node: Any, paths: list[tuple[str, ...]]) -> Any:
    if isinstance(node, list):
        return [left for n in node if (left := _only_below(n, paths))]
    if not isinstance(node, dict):
        return None
    kept = {}
    for name, below in node.items():
        inner = [p[1:] for p in paths if p[0] == name]
        if any(not p for p in inner):
            kept[name] = below
        elif inner and (left := _only_below(below, inner)):
            kept[name] = left
    return kept


def _tagged(tree: dict[str, Any]) -> dict[str, Any]:
    meta = tree.get("meta", {})
    head = {
        "resourceType": tree["resourceType"],
        "id": tree["id"],
        "meta": {**meta, "tag": [*meta.get("tag", []), SUBSETTED]},
    }
    return head | {k: v for k, v in tree.items() if k not in head}
