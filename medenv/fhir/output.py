"""How an answer is written: JSON or XML, pretty or compact, whole or in part, as a request asks.

Text comes from prepared shapes wherever it can; only XML is written from a parsed tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from medenv.fhir import jsontext
from medenv.fhir.errors import JSON_TYPE, XML_TYPE
from medenv.fhir.shape import Shape
from medenv.fhir.subset import SUBSETTED, view_of

__all__ = ["Entry", "Output", "negotiate"]


class Entry(NamedTuple):
    """One entry of a bundle.

    Attributes:
        url: Its fullUrl.
        shape: Its resource's shape; None where a history shows a deletion.
        values: Its resource's values.
        mode: ``match`` or ``include`` in a searchset, ``""`` otherwise.
        tail: What follows the resource where there is no mode.
    """

    url: str
    shape: Shape | None
    values: list[str]
    mode: str = "match"
    tail: Mapping[str, Any] | None = None


_AT_FIELD = "\n  "
_AT_ENTRY = "\n    "
_MODES = {
    mode: (f'"search": {{\n      "mode": "{mode}"\n    }}', f'"search":{{"mode":"{mode}"}}')
    for mode in ("match", "include")
}


def _pretty_head(head: dict[str, Any]) -> str:
    """A bundle's text up to its entries; as `jsontext.pretty` would write it, which takes many times as long."""
    parts = []
    for name, value in head.items():
        if name == "link":
            links = [
                f'{{\n    "relation": "{x["relation"]}",\n    "url": {jsontext.scalar(x["url"])}\n  }}' for x in value
            ]
            parts.append(f'"link": [ {", ".join(links)} ]')
        elif name == "meta" and len(value) == 1:
            parts.append(f'"meta": {{\n    "lastUpdated": "{value["lastUpdated"]}"\n  }}')
        elif type(value) is str:
            parts.append(f'"{name}": {jsontext.scalar(value)}')
        elif type(value) is int:
            parts.append(f'"{name}": {value}')
        else:
            parts.append(f'"{name}": {jsontext.pretty(value, _AT_FIELD)}')
    return "{\n  " + ",\n  ".join(parts)


@dataclass(frozen=True)
class Output:
    """The form of an answer.

    Attributes:
        xml: XML, else JSON.
        pretty: With line breaks and blanks.
        summary: ``true``, ``text``, ``data`` or ``""``.
        elements: The names of ``_elements``; None without it.
        content_type: The answer's Content-Type.
    """

    xml: bool = False
    pretty: bool = True
    summary: str = ""
    elements: tuple[str, ...] | None = None
    content_type: str = JSON_TYPE

    def plain(self) -> Output:
        """The same form for what is never cut, such as a refusal."""
        return Output(self.xml, self.pretty, content_type=self.content_type)

    def write(self, resource: Mapping[str, Any]) -> str:
        """Write a resource that is a dict."""
        if self.xml:
            from medenv.fhir.xmltext import write_xml

            return write_xml(resource, self.pretty)
        return jsontext.pretty(resource) if self.pretty else jsontext.compact(resource)

    def write_shape(self, shape: Shape, values: list[str]) -> str:
        """Write one resource, cut as asked; ``null`` if nothing is left of it."""
        view = view_of(shape, self.summary, self.elements)
        if self.summary == "text" and "text" not in view.tree:
            return "null"
        if self.xml:
            return self.write(view.parse(values))
        return view.text(values, "\n" if self.pretty else None)

    def write_bundle(self, head: dict[str, Any], entries: Sequence[Entry | str]) -> str:
        """Write a bundle.

        Args:
            head: What stands before the entries, in order.
            entries: The entries, cut as asked; the text of one that was written before.
        """
        if self.summary in ("true", "data") or self.summary == "count":
            head = {**head, "meta": {**head["meta"], "tag": [SUBSETTED]}}
        if self.xml:
            return self.write(
                {**head, "entry": [self._tree(e) for e in entries if isinstance(e, Entry)]} if entries else head
            )
        if not self.pretty:
            text = jsontext.compact(head)
            return f'{text[:-1]},"entry":[{",".join([self._entry(e) for e in entries])}]}}' if entries else text
        text = _pretty_head(head)
        if not entries:
            return f"{text}\n}}"
        # A call for each entry that is text already would cost as much as all the rest of the page.
        texts = [e if e.__class__ is str else self._entry(e) for e in entries]
        return f'{text},\n  "entry": [ {", ".join(texts)} ]\n}}'

    @property
    def whole(self) -> bool:
        """Whether entries are pretty JSON with nothing cut, so that their texts can be kept."""
        return self.pretty and not self.xml and not self.summary and self.elements is None

    def _view(self, entry: Entry) -> Any:
        shape = entry.shape
        if shape is None or (not self.summary and self.elements is None):
            return shape
        if entry.mode == "include" and self.elements is not None:
            return shape
        return view_of(shape, self.summary, self.elements)

    def _entry(self, entry: Entry | str) -> str:
        return entry if isinstance(entry, str) else self.write_entry(entry)

    def write_entry(self, entry: Entry) -> str:
        """Write one entry of a bundle as JSON."""
        view = self._view(entry)
        if self.pretty:
            tail = _MODES[entry.mode][0] if entry.mode else jsontext.pretty(entry.tail, "\n  ")[6:-4]
            text = f'"resource": {view.text(entry.values, _AT_ENTRY)},\n    ' if view is not None else ""
            return f'{{\n    "fullUrl": "{entry.url}",\n    {text}{tail}\n  }}'
        tail = _MODES[entry.mode][1] if entry.mode else jsontext.compact(entry.tail)[1:-1]
        text = f'"resource":{view.text(entry.values, None)},' if view is not None else ""
        return f'{{"fullUrl":"{entry.url}",{text}{tail}}}'

    def _tree(self, entry: Entry) -> dict[str, Any]:
        tree: dict[str, Any] = {"fullUrl": entry.url}
        view = self._view(entry)
        if view is not None:
            tree["resource"] = view.parse(entry.values)
        return tree | dict(entry.tail or {"search": {"mode": entry.mode}})


def negotiate(params: list[tuple[str, str]], headers: Mapping[str, str]) -> Output:
    """The form that a request asks for, by its parameters or its Accept header.

    Args:
        params: Its parameters, decoded.
        headers: Its headers, names in lower case.
    """
    wanted = next((v for n, v in params if n == "_format" and v), None)
    accept = headers.get("accept", "")
    xml = "xml" in (accept if wanted is None else wanted)
    pretty = next((v == "true" for n, v in params if n == "_pretty"), True)
    return Output(xml, pretty, content_type=XML_TYPE if xml else JSON_TYPE)
