"""XML as HAPI writes it: a resource's dict as FHIR's XML form, with three blanks a level or none.

Attributes, namespaces and the order of children follow the FHIR specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["write_xml"]

_NAMESPACE = "http://hl7.org/fhir"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\n": "&#xa;", "\t": "&#x9;", "\r": "&#xd;"})


def write_xml(resource: Mapping[str, Any], pretty: bool = True) -> str:
    """Write a resource as XML.

    Args:
        resource: The resource as `medenv.fhir.jsontext.loads` gives it.
        pretty: With line breaks, and three blanks a level.
    """
    writer = _Writer(pretty)
    writer.resource(resource, 0)
    return "".join(writer.parts).lstrip("\n")


class _Writer:
    def __init__(self, pretty: bool) -> None:
        self.parts: list[str] = []
        self._pretty = pretty

    def line(self, depth: int) -> str:
        return "\n" + "   " * depth if self._pretty else ""

    def resource(self, tree: Mapping[str, Any], depth: int) -> None:
        name = tree["resourceType"]
        start = self.line(depth)
        self.parts.append(f'{start}<{name} xmlns="{_NAMESPACE}">')
        self.children({k: v for k, v in tree.items() if k != "resourceType"}, depth + 1)
        self.parts.append(f"{start}</{name}>")

    def children(self, tree: Mapping[str, Any], depth: int) -> None:
        for name, value in tree.items():
            if name.startswith("_"):
                if name[1:] not in tree:
                    self.element(name[1:], None, value, depth)
                continue
            values = value if isinstance(value, list) else [value]
            beside = tree.get(f"_{name}")
            besides = beside if isinstance(beside, list) else [beside]
            for n, one in enumerate(values):
                self.element(name, one, besides[n] if n < len(besides) else None, depth)

    def element(self, name: str, value: Any, beside: Any, depth: int) -> None:
        start = self.line(depth)
        if name == "div" and isinstance(value, str):
            self.parts.append(start + value)
        elif isinstance(value, Mapping) and "resourceType" in value:
            self.parts.append(f"{start}<{name}>")
            self.resource(value, depth + 1)
            self.parts.append(f"{start}</{name}>")
        elif isinstance(value, Mapping):
            self.open(name, value, "", depth)
        elif isinstance(beside, list):
            for one in beside:
                self.element(name, None, one, depth)
        else:
            text = "" if value is None else f' value="{_text(value)}"'
            self.open(name, beside if isinstance(beside, Mapping) else {}, text, depth)

    def open(self, name: str, tree: Mapping[str, Any], attributes: str, depth: int) -> None:
        start = self.line(depth)
        inside = dict(tree)
        if "id" in inside:
            attributes = f' id="{_text(inside.pop("id"))}"{attributes}'
        if name in ("extension", "modifierExtension") and "url" in inside:
            attributes += f' url="{_text(inside.pop("url"))}"'
        if not inside:
            self.parts.append(f"{start}<{name}{attributes}/>")
            return
        self.parts.append(f"{start}<{name}{attributes}>")
        self.children(inside, depth + 1)
        self.parts.append(f"{start}</{name}>")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).translate(_ESCAPES)
