"""Resources by the thousand without parsing any: a form is a resource with blanks, filled in by one ``%``.

Generated charts reach the store this way; the same resources loaded as text give the same store and the same fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medenv.fhir import jsontext
from medenv.fhir.jsontext import Number
from medenv.fhir.shape import Shape, shape_of

__all__ = ["BLANK", "BLANK_NUMBER", "Block", "Filled", "Form", "form"]

BLANK = "\ue000"
"""Stands in a string, or as a whole string, where each resource has a text of its own."""

BLANK_NUMBER = Number("8070605040302010")
"""Stands where each resource has a number of its own."""


@dataclass(frozen=True, slots=True)
class Form:
    """A resource with blanks.

    Attributes:
        shape: Its structure.
        values: Its scalars' JSON texts joined by newlines, ``%s`` for each blank.
        text: Its compact JSON, ``%s`` for each blank.
    """

    shape: Shape
    values: str
    text: str

    def with_text(self, mark: str, text: str) -> Form:
        """A form with a text put in wherever a mark stands; the text needs no JSON escape."""
        return Form(self.shape, self.values.replace(mark, text), self.text.replace(mark, text))


def form(resource: Mapping[str, Any]) -> Form:
    """Make a form.

    Args:
        resource: A resource with id and meta in which `BLANK` and `BLANK_NUMBER` stand for what differs.

    Raises:
        ValueError: It is no resource.
    """
    shape, values = shape_of(jsontext.compact(resource))
    blanks = ["%s" if v == BLANK_NUMBER else v.replace("%", "%%").replace(BLANK, "%s") for v in values]
    return Form(shape, "\n".join(blanks), shape.text(blanks, None))


Filled = tuple[Form, tuple[str, ...]]
"""A form and what stands in its blanks, in order: JSON texts without the quotes."""


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
    filled: list[Filled]
