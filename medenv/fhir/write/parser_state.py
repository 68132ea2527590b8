"""How HAPI's parser goes through a JSON object: the rules of its ``JsonParser`` for members, companions and extensions.

What a member becomes is up to the states, the subclasses in `medenv.fhir.write.elements`.
"""

from __future__ import annotations

from typing import Any

from medenv.errors import InputError
from medenv.fhir.errors import FhirError, sanitized
from medenv.fhir.write import primitives

__all__ = ["LOST_STATE", "ParseError", "ParserState", "invalid"]

_NO_ARRAY = 'Cannot invoke "ca.uhn.fhir.parser.json.BaseJsonLikeArray.size()" because "theValues" is null'
_NO_OBJECT = 'Cannot invoke "ca.uhn.fhir.parser.json.BaseJsonLikeObject.get(String)" because "nextExtObj" is null'
LOST_STATE = 'Cannot invoke "ca.uhn.fhir.parser.ParserState$BaseState.endingElement()" because "this.myState" is null'
_FOUND = {dict: "OBJECT", list: "ARRAY", type(None): "NULL"}


class ParseError(InputError):
    """A payload that HAPI's parser refuses; the message starts with its ``HAPI-nnnn`` number."""


class ParserState:
    """One value while it is read: enter, take what the JSON holds, then say whether it is empty and write it.

    This base class takes nothing: HAPI swallows unknown elements, yet still complains of extensions inside that it can't read.
    """

    strict = False
    is_resource = False
    wants_object = False
    checks_extensions = True  # inside an extension HAPI doesn't, and stumbles

    def value(self, text: str) -> None:
        """Take a JSON scalar."""

    def identifier(self, text: str) -> None:
        """Take an ``id`` in the companion ``_name`` object."""

    def enter(self, name: str) -> ParserState:
        """Return the state for a child; what no element takes is swallowed."""
        return ParserState()

    def extend(self, modifier: bool, url: str | None) -> ParserState:
        """Return the state for one more extension."""
        return ParserState()

    def empty(self) -> bool:
        """Return whether nothing is left of it, so that HAPI doesn't write it."""
        return True

    def write(self) -> Any:
        """Return what HAPI stores, as JSON."""
        return None

    def read(self, payload: dict[str, Any]) -> None:
        """Take the members of a JSON object."""
        handled = set()
        for name, value in payload.items():
            if name == "resourceType" and self.is_resource:
                continue
            if name in ("extension", "modifierExtension"):
                self.read_extensions(value, name)
            elif not name:
                raise FhirError(500, "String index out of range: 0")
            elif name[0] != "_" and name != "fhir_comments":
                companion = payload.get("_" + name)
                handled.add("_" + name)
                self.read_child(name, value, companion, False)
        for name, value in payload.items():
            if name[:1] == "_" and len(name) > 1 and name not in handled:
                if isinstance(value, dict):
                    self.enter(name[1:]).read_companion(value, name)
                elif value is not None:
                    self.complain("1820", _wrong_type(name, "OBJECT", value))

    def complain(self, number: str, text: str) -> None:
        """Raise if the reader is strict: HAPI's other error handler, which only patches meet."""
        if self.strict:
            raise ParseError(f"HAPI-{number}: {text}")

    def repeats(self, name: str) -> bool:
        """Return whether a child is a list."""
        return False

    def read_child(self, name: str, value: Any, companion: Any, in_array: bool) -> None:
        """Take one member: its value, and what stands beside it in ``_name``."""
        if isinstance(value, list):
            others = companion if isinstance(companion, list) else []
            for i, item in enumerate(value):
                self.read_child(name, item, others[i] if i < len(others) else None, True)
            return
        if isinstance(value, dict) and not in_array and self.repeats(name):
            self.complain("1820", f"Found incorrect type for element {name} - Expected ARRAY and found OBJECT")
        child = self.enter(name)
        child.strict = self.strict
        if isinstance(value, dict):
            child.read_companion(companion, "_" + name)
            child.read(value)
        elif value is None:
            child.read_companion(companion, "_" + name)
        else:
            try:
                child.value(primitives.text_of(value))
            except primitives.InvalidValue as error:
                raise invalid(name, str(value), str(error)) from error
            if value == "":
                why = f'[element="{name}"] Invalid attribute value "": Attribute value must not be empty ("")'
                self.complain("1821", why)
            if child.wants_object:
                self.complain(
                    "1820", f"Found incorrect type for element {name} - Expected OBJECT and found SCALAR (STRING)"
                )
            child.read_companion(companion, "_" + name)
        child.end()

    def read_companion(self, value: Any, name: str) -> None:
        """Take ``_name``: the id and extensions of a primitive."""
        if isinstance(value, list):
            if len(value) > 1:
                raise ParseError(
                    f"HAPI-1842: Unexpected array of length {len(value)} (expected 0 or 1) for element: {name}"
                )
            value = value[0] if value else None
        if not isinstance(value, dict):
            return
        for name, item in value.items():
            if name in ("extension", "modifierExtension"):
                if not isinstance(item, list):
                    raise FhirError(500, _NO_ARRAY)
                self.read_extensions(item, name)
            elif name == "id" and isinstance(item, str) and not isinstance(item, primitives.Number):
                self.identifier(item)

    def read_extensions(self, value: Any, name: str) -> None:
        """Take the members of an ``extension`` or ``modifierExtension`` list."""
        if value is None or (not isinstance(value, list) and not self.checks_extensions):
            raise FhirError(500, _NO_ARRAY)
        if not isinstance(value, list):
            raise ParseError(
                f"HAPI-1841: Syntax error parsing JSON FHIR structure: Expected ARRAY at element '{name}', "
                f"found '{_FOUND.get(type(value), 'SCALAR')}'"
            )
        for item in value:
            if not isinstance(item, dict):
                raise FhirError(500, _NO_OBJECT)
            url = item.get("url")
            scalar = isinstance(url, (str, bool))
            if not scalar:
                self.complain("1822", f"Resource is missing required element 'url' in parent element '{name}'")
            child = self.extend(name == "modifierExtension", primitives.text_of(url) if scalar else None)
            child.strict = self.strict
            child.read({k: v for k, v in item.items() if k != "url"})
            child.end()

    def end(self) -> None:
        """Note that the JSON value has ended."""


def _wrong_type(name: str, wanted: str, value: Any) -> str:
    return f"Found incorrect type for element {name} - Expected {wanted} and found {_FOUND.get(type(value), 'SCALAR')}"


def invalid(name: str, text: str, why: str) -> ParseError:
    """Return HAPI's refusal of a primitive's value."""
    return ParseError(f'HAPI-1821: [element="{name}"] Invalid attribute value "{sanitized(text)}": {why}')
