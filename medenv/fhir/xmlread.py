"""FHIR's XML form read back into the dict that its JSON form would give, as far as types can be told without definitions.

For reading what a server wrote itself. Elements that FHIR lets repeat are lists wherever a reader of Bundles, Patients and
Observations expects them; numbers stay text.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

__all__ = ["read_xml"]

_NAMESPACE = "{http://hl7.org/fhir}"
_REPEATING = frozenset({"address", "category", "coding", "entry", "given", "identifier", "link", "name", "telecom"})
"""Repeating elements of the resources that are read this way (FHIR R4)."""
_NOT_REPEATING = frozenset({("SearchParameter", "name"), ("contact", "name")})


def read_xml(text: str) -> dict[str, Any]:
    """Read a resource.

    Args:
        text: A resource in FHIR's XML form.

    Raises:
        ValueError: The text is no XML.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"not XML: {error}: {text[:200]!r}") from None
    return _resource(root)


def _resource(node: ElementTree.Element) -> dict[str, Any]:
    return {"resourceType": _name(node), **_children(node)}


def _children(node: ElementTree.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in node:
        name, value = _name(child), _value(child)
        if name in found:
            if not isinstance(found[name], list):
                found[name] = [found[name]]
            found[name].append(value)
        else:
            repeats = name in _REPEATING and (_name(node), name) not in _NOT_REPEATING
            found[name] = [value] if repeats else value
    return found


def _value(node: ElementTree.Element) -> Any:
    if "value" in node.attrib:
        return node.attrib["value"]
    if _name(node) in ("resource", "contained") and len(node):
        return _resource(node[0])
    return {**({"url": node.attrib["url"]} if "url" in node.attrib else {}), **_children(node)}


def _name(node: ElementTree.Element) -> str:
    return node.tag.removeprefix(_NAMESPACE)
