"""How an answer is written: JSON or XML, pretty or compact, whole or in part, as a request asks.

Text comes from prepared templates wherever it can; only XML is written from a parsed tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from medenv.fhir import jsontext
from medenv.fhir.errors import JSON_TYPE, XML_TYPE
from medenv.fhir.filters import SUBSETTED, filtered_view
from medenv.fhir.template import Template

__all__ = ["BundleHead", "Entry", "Output", "negotiate"]


class Entry(NamedTuple):
    """One entry of a bundle.

    Attributes:
        url: Its fullUrl.
        template: Its resource's template; None where a history shows a deletion.
        values: Its resource's values.
        mode: ``match`` or ``include`` in a searchset, ``""`` otherwise.
        tail: What follows the resource where there is no mode.
    """

    url: str
    template: Template | None
    values: list[str]
    mode: str = "match"
    tail: Mapping[str, Any] | None = None


_AT_ENTRY = "\n    "
_MODES = {
    mode: (f'"search": {{\n      "mode": "{mode}"\n    }}', f'"search":{{"mode":"{mode}"}}')
    for mode in ("match", "include")
}


class BundleHead(NamedTuple):
    """A bundle without its entries.

    Attributes:
        id: Its id.
        updated: Its ``meta.lastUpdated``.
        kind: Its type, ``""`` to leave it out.
        total: How many hits there are, None to leave it out.
        links: Relation and URL of each link.
    """

    id: str
    updated: str
    kind: str
    total: int | None
    links: Sequence[tuple[str, str]]

    def tree(self, subsetted: bool) -> dict[str, Any]:
        """Return the bundle, its elements in HAPI's order, tagged as filtered or not."""
        meta: dict[str, Any] = {"lastUpdated": self.updated}
        if subsetted:
            meta["tag"] = [SUBSETTED]
        found: dict[str, Any] = {"resourceType": "Bundle", "id": self.id, "meta": meta}
        if self.kind:
            found["type"] = self.kind
        if self.total is not None:
            found["total"] = self.total
        if self.links:
            found["link"] = [{"relation": relation, "url": url} for relation, url in self.links]
        return found

    def pretty(self) -> str:
        """Return the text of an untagged one up to its entries; as `jsontext.pretty` would write it, which takes many times as long."""
        kind = f',\n  "type": "{self.kind}"' if self.kind else ""
        total = f',\n  "total": {self.total}' if self.total is not None else ""
        links = ""
        if self.links:
            written = [f'{{\n    "relation": "{n}",\n    "url": {jsontext.scalar(url)}\n  }}' for n, url in self.links]
            links = f',\n  "link": [ {", ".join(written)} ]'
        meta = f'"meta": {{\n    "lastUpdated": "{self.updated}"\n  }}'
        return f'{{\n  "resourceType": "Bundle",\n  "id": "{self.id}",\n  {meta}{kind}{total}{links}'


@dataclass(frozen=True, slots=True)
class Output:
    """The format of an answer.

    Attributes:
        xml: XML, else JSON.
        pretty: With line breaks and blanks.
        summary: ``true``, ``text``, ``data`` or ``""``.
        elements: The names of ``_elements``; None without it.
        content_type: The answer's Content-Type.
        nested: Whether it stands in the answer to a bundle, where HAPI ignores ``_elements``, and ``_summary=text`` of one resource.
    """

    xml: bool = False
    pretty: bool = True
    summary: str = ""
    elements: tuple[str, ...] | None = None
    content_type: str = JSON_TYPE
    nested: bool = False

    def unfiltered(self) -> Output:
        """Return the same format for what is never filtered, such as a refusal."""
        return Output(self.xml, self.pretty, content_type=self.content_type)

    def write(self, resource: Mapping[str, Any]) -> str:
        """Write a resource that is a dict."""
        if self.xml:
            from medenv.fhir.xmltext import write_xml

            return write_xml(resource, self.pretty)
        return jsontext.pretty(resource) if self.pretty else jsontext.compact(resource)

    def write_template(self, template: Template, values: list[str]) -> str:
        """Write one resource, filtered as asked; ``null`` if nothing is left of it."""
        summary = "" if self.nested and self.summary == "text" else self.summary
        view = filtered_view(template, summary, self._shown)
        if summary == "text" and "text" not in view.tree:
            return "null"
        if self.xml:
            return self.write(view.parse(values))
        return view.text(values, "\n" if self.pretty else None)

    @property
    def _shown(self) -> tuple[str, ...] | None:
        """What ``_elements`` leaves of a resource, None for all of it."""
        return None if self.nested else self.elements

    def write_bundle(self, head: BundleHead, entries: Sequence[Entry | str]) -> str:
        """Write a bundle.

        Args:
            head: What stands before the entries.
            entries: The entries, filtered as asked; the text of one that was written before.
        """
        subsetted = self.summary in ("true", "data", "count")
        if self.xml:
            tree = head.tree(subsetted)
            if entries:
                tree["entry"] = [self._tree(e) for e in entries if isinstance(e, Entry)]
            return self.write(tree)
        if not self.pretty:
            text = jsontext.compact(head.tree(subsetted))
            return f'{text[:-1]},"entry":[{",".join([self._entry(e) for e in entries])}]}}' if entries else text
        text = jsontext.pretty(head.tree(subsetted))[:-2] if subsetted else head.pretty()
        if not entries:
            return f"{text}\n}}"
        # A call for each entry that is text already would cost as much as all the rest of the page.
        texts = [e if e.__class__ is str else self._entry(e) for e in entries]
        # The ends are put on before the join, so that a page's text is copied once.
        texts[0] = f'{text},\n  "entry": [ {texts[0]}'
        texts[-1] += " ]\n}"
        return ", ".join(texts)

    @property
    def whole(self) -> bool:
        """Whether entries are pretty JSON with nothing filtered, so that their texts can be kept."""
        return self.pretty and not self.xml and not self.summary and self._shown is None

    def _view(self, entry: Entry) -> Any:
        template, elements = entry.template, self._shown
        if template is None or (not self.summary and elements is None):
            return template
        if entry.mode == "include" and elements is not None:
            return template
        return filtered_view(template, self.summary, elements)

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


@lru_cache(1024)
def negotiate(own: Sequence[tuple[str, str]], accept: str) -> Output:
    """Return the format that a request asks for, by its parameters or its Accept header.

    Args:
        own: Its parameters whose names begin with an underscore, decoded; hashable.
        accept: Its Accept header, ``""`` for none.
    """
    wanted = next((v for n, v in own if n == "_format" and v), None)
    xml = "xml" in (accept if wanted is None else wanted)
    pretty = next((v == "true" for n, v in own if n == "_pretty"), True)
    return Output(xml, pretty, content_type=XML_TYPE if xml else JSON_TYPE)
