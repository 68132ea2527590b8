"""Resources sent as XML: turned into what the JSON would be, then read by the same rules."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from medenv.fhir.errors import FhirError
from medenv.fhir.write.normalise import ParseError, normalise

__all__ = ["parse_xml", "xml_payload"]

_PREFIX = "HAPI-0450: Failed to parse request body as XML resource. Error was: "
_WSTX = "HAPI-1852: com.ctc.wstx.exc."
_HOLDERS = ("contained", "resource")  # elements whose child is a resource


@dataclass
class _Node:
    name: str
    attributes: dict[str, str]
    place: str
    start: int
    children: list[_Node] = field(default_factory=list)
    raw: str = ""


def parse_xml(text: str, kind: str) -> dict[str, Any]:
    """Turn an XML body into the resource that HAPI would store.

    Args:
        text: The body.
        kind: The resource type that the URL asks for.

    Raises:
        FhirError: 400 with HAPI's text.
    """
    root = _tree(text)
    if root.name != kind:
        why = f'HAPI-1814: Incorrect resource type found, expected "{kind}" but found "{root.name}"'
        raise _bad_data(root.place, why)
    try:
        return normalise(_resource(root), kind)
    except ParseError as error:
        match = re.search(r'element="([^"]*)"\] Invalid attribute value "(.*?)":', str(error), re.DOTALL)
        place = _place(root, match[1], match[2]) if match else root.place
        raise _bad_data(place, str(error)) from error


def xml_payload(text: str) -> dict[str, Any]:
    """Return the JSON object that an XML body stands for, before HAPI's leniency.

    Raises:
        FhirError: 400 with HAPI's text; `parse_xml` refuses it too.
    """
    return _resource(_tree(text))


def _bad_data(place: str, why: str) -> FhirError:
    where = f"[row,col {{unknown-source}}]: {place}"
    return FhirError(400, f"{_PREFIX}HAPI-1851: DataFormatException at [{where}]: {why}")


def _place(node: _Node, name: str, value: str) -> str:
    if node.name == name and node.attributes.get("value") == value:
        return node.place
    return next((p for c in node.children if (p := _place(c, name, value))), "")


def _tree(text: str) -> _Node:
    content = text.lstrip()
    skipped = text[: len(text) - len(content)]
    where = f"[{skipped.count(chr(10)) + 1},{len(skipped) - skipped.rfind(chr(10))}]"
    if not content:
        where = f"[1,{len(text) + 1 if text else 0}]"
        raise _malformed(f"WstxEOFException: Unexpected EOF in prolog\n at [row,col {{unknown-source}}]: {where}")
    if content[0] != "<":
        what = f"Unexpected character '{content[0]}' (code {ord(content[0])}) in prolog; expected '<'"
        raise _malformed(f"WstxUnexpectedCharException: {what}\n at [row,col {{unknown-source}}]: {where}")
    if "<!ENTITY" in content:
        content = re.sub(r"<!DOCTYPE[^\[>]*\[.*?\]\s*>", "", content, flags=re.DOTALL)  # no entity is ever expanded
    data = content.encode("utf-8", "replace")
    parser = expat.ParserCreate()
    stack: list[_Node] = []
    roots: list[_Node] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        place = f"[{parser.CurrentLineNumber},{parser.CurrentColumnNumber + 1}]"
        plain = name.rpartition(":")[2]
        node = _Node(plain, attributes, place, parser.CurrentByteIndex)
        (stack[-1].children if stack else roots).append(node)
        stack.append(node)

    def end(name: str) -> None:
        node = stack.pop()
        if node.name == "div":
            stop = data.find(b">", parser.CurrentByteIndex) + 1
            node.raw = data[node.start : stop].decode("utf-8", "replace")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        why = expat.ErrorString(error.code)
        raise _malformed(
            f"WstxParsingException: {why}\n at [row,col {{unknown-source}}]: [{error.lineno},{error.offset}]"
        ) from error
    return roots[0]


def _malformed(why: str) -> FhirError:
    return FhirError(400, f"{_PREFIX}{_WSTX}{why}")


def _resource(node: _Node) -> dict[str, Any]:
    return {"resourceType": node.name, **_members(node)}


def _members(node: _Node) -> dict[str, Any]:
    """Return the JSON members of an element; every child stands in a list, which the reader unpacks where one value is due."""
    found: dict[str, Any] = {k: v for k, v in node.attributes.items() if k in ("id", "url")}
    for child in node.children:
        value, companion = _value(child)
        values = found.setdefault(child.name, [])
        values.append(value)
        if companion:
            others = found.setdefault(f"_{child.name}", [])
            others.extend([None] * (len(values) - 1 - len(others)))
            others.append(companion)
    return found


def _value(node: _Node) -> tuple[Any, dict[str, Any]]:
    if node.name == "div":
        return node.raw, {}
    if node.name in _HOLDERS and node.children and node.children[0].name[:1].isupper():
        return _resource(node.children[0]), {}
    members = _members(node)
    if "value" in node.attributes:
        return node.attributes["value"], members
    return (members or None), {}
