"""Resources by the thousand without parsing any: a partial resource leaves some scalars open, which are filled in by one ``%``.

Generated charts reach the store this way; the same resources loaded as text give the same store and the same fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medenv.fhir import jsontext
from medenv.fhir.jsontext import Number
from medenv.fhir.template import Template, template_of

__all__ = ["NUMBER_SLOT", "TEXT_SLOT", "Block", "FilledResource", "PartialResource", "partial_resource"]

TEXT_SLOT = "\ue000"
"""Stands in a string, or as a whole string, where each resource has a text of its own."""

NUMBER_SLOT = Number("8070605040302010")
"""Stands where each resource has a number of its own."""


@dataclass(frozen=True, slots=True)
class PartialResource:
    """A resource some of whose scalars are open.

    Attributes:
        template: Its structure.
        values: Its scalars' JSON texts joined by newlines, ``%s`` for each open one.
        content: The compact JSON of its content (see `Template.content`), ``%s`` for each open one, and nothing for those that are
            left out.
    """

    template: Template
    values: str
    content: str

    def with_text(self, mark: str, text: str) -> PartialResource:
        """Return a partial resource with a text put in wherever a mark stands; the text needs no JSON escape."""
        return PartialResource(self.template, self.values.replace(mark, text), self.content.replace(mark, text))


def partial_resource(resource: Mapping[str, Any]) -> PartialResource:
    """Make a partial resource.

    Args:
        resource: A resource with id and meta in which `TEXT_SLOT` and `NUMBER_SLOT` stand for what differs.

    Raises:
        ValueError: It is no resource.
    """
    template, values = template_of(jsontext.compact(resource))
    texts = ["%s" if v == NUMBER_SLOT else v.replace("%", "%%").replace(TEXT_SLOT, "%s") for v in values]
    return PartialResource(template, "\n".join(texts), _content(template, texts))


def _content(template: Template, texts: list[str]) -> str:
    """Return the content's text, in which what is left out takes its value without showing it."""
    kept, taken, shown = set(template.content.values([str(slot) for slot in range(template.size)])), "", []
    for slot, text in enumerate(texts):
        if str(slot) in kept:
            shown.append(taken + text)
            taken = ""
        else:
            shown.append("")
            taken += "%.0s" * text.replace("%%", "").count("%s")
    return template.content.text(shown, None) + taken


FilledResource = tuple[PartialResource, tuple[str, ...]]
"""A partial resource and the texts of its open scalars, in order: JSON texts without the quotes."""


@dataclass(frozen=True, slots=True)
class Block:
    """Resources of one type about one patient, in load order.

    Attributes:
        patient: The id of the Patient that every one of them names as its subject.
        first: The first one's id, a number; the others count up from it.
        newest: Milliseconds since 1970 of the latest ``meta.lastUpdated``.
        filled: The resources.
    """

    patient: str
    first: int
    newest: int
    filled: list[FilledResource]
