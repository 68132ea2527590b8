"""A resource while HAPI's parser reads it: one state for each JSON value, by the rules of its ``ParserState`` and ``JsonParser``.

A state is entered, takes what the JSON holds, then says whether it is empty and writes itself.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

from medenv.fhir import definitions, jsontext
from medenv.fhir.definitions import Element
from medenv.fhir.errors import FhirError
from medenv.fhir.write import primitives
from medenv.fhir.write.narrative import NarrativeError, narrative
from medenv.fhir.write.parser_state import LOST_STATE, ParseError, ParserState, invalid

__all__ = ["ParseError", "read_entries", "read_resource"]


def read_resource(payload: dict[str, Any], kind: str, strict: bool = False) -> dict[str, Any]:
    """Read a JSON object as a resource.

    Args:
        payload: The object.
        kind: Its resource type.
        strict: Whether what HAPI's parser usually forgives is an error, as after a patch.

    Raises:
        ParseError: HAPI's parser refuses it.
        FhirError: HAPI stumbles over it (500).
    """
    if not definitions.is_resource(kind):
        similar = next((t for t in definitions.types() if t.lower() == kind.lower()), None)
        if similar:
            raise ParseError(
                f"HAPI-1815: Unknown resource type '{kind}': Resource names are case sensitive, "
                f"found similar name: '{similar}'"
            )
        raise ParseError(f'HAPI-1684: Unknown resource name "{kind}" (this name is not known in FHIR version "R4")')
    state = _Composite(kind, resource=True)
    state.strict = strict
    state.read(payload)
    written = state.write()
    identifier = written.get("id")
    if identifier is not None:
        written["id"] = identifier.partition("/_history/")[0].rpartition("/")[2]
    return {"resourceType": kind, **written}


def read_entries(payload: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Read a Bundle's entries, each with its resource as it was sent.

    HAPI's parser flattens nested lists and makes an entry of whatever stands in one, empty ones too.

    Args:
        payload: The Bundle as a JSON object.

    Returns:
        For each entry what `read_resource` makes of it, and the JSON object that its resource was read from.

    Raises:
        ParseError: HAPI's parser refuses it.
        FhirError: HAPI stumbles over it (500).
    """
    state = _Composite("Bundle", resource=True)
    state.read(payload)
    kept = [one for _, one in state.children.get("entry", ()) if isinstance(one, _Composite)]
    return [(one.write(), one.sent()) for one in kept]


class _Extensible(ParserState):
    def __init__(self) -> None:
        self.extensions: list[_Extension] = []

    def extend(self, modifier: bool, url: str | None) -> ParserState:
        if modifier:
            return ParserState()
        self.extensions.append(_Extension(url))
        return self.extensions[-1]


class _Primitive(_Extensible):
    def enter(self, name: str) -> ParserState:
        self.complain("1825", f"Unknown element '{name}' found during parse")
        return ParserState()

    def __init__(self, kind: str, element: Element | None, name: str) -> None:
        super().__init__()
        self.kind, self.element, self.name = kind, element, name
        self.content: Any = None
        self.id = ""

    def value(self, text: str) -> None:
        if primitives.is_blank(text):
            self.content = None
            return
        try:
            self.content = primitives.convert(self.kind, self.element, text)
        except primitives.InvalidValue as error:
            raise invalid(self.name, text, str(error)) from error

    def identifier(self, text: str) -> None:
        self.id = text

    def empty(self) -> bool:
        return self.content is None and not self.id.strip() and all(e.empty() for e in self.extensions)

    def write(self) -> Any:
        return self.content

    def companion(self) -> dict[str, Any] | None:
        """Return what belongs into ``_name``: an id is written only beside an extension."""
        found = [e.write() for e in self.extensions if not e.empty()]
        if not found:
            return None
        return {"id": self.id, "extension": found} if self.id.strip() else {"extension": found}


class _Xhtml(ParserState):
    def __init__(self) -> None:
        self.content: str | None = None

    def value(self, text: str) -> None:
        if text and not text.strip():
            raise FhirError(500, "String index out of range: 0")
        if text:
            try:
                self.content = narrative(text)
            except NarrativeError as error:
                raise ParseError(str(error)) from error

    def identifier(self, text: str) -> None:
        self.value(text)  # HAPI's parser mixes the two up

    def read(self, payload: dict[str, Any]) -> None:
        if any(name[:1] not in ("", "_") and not name.lower().endswith("extension") for name in payload):
            raise FhirError(500, LOST_STATE)
        super().read(payload)

    def empty(self) -> bool:
        return self.content is None

    def write(self) -> Any:
        return self.content


class _Nested(ParserState):
    """A resource inside another: a Bundle's entry, or contained."""

    def __init__(self, contained: bool) -> None:
        self.contained, self.at = contained, 0
        self.resource: dict[str, Any] | None = None
        self.sent: dict[str, Any] | None = None

    def read(self, payload: dict[str, Any]) -> None:
        self.sent = payload
        kind = payload.get("resourceType")
        if not isinstance(kind, str) or isinstance(kind, primitives.Number):
            raise ParseError(
                "HAPI-1843: Missing required element 'resourceType' from JSON resource object, unable to parse"
            )
        self.resource = read_resource(payload, kind, self.strict)
        if self.contained and "id" not in self.resource:
            self.complain("1819", "Resource has contained child resource with no ID")
            rest = {k: v for k, v in self.resource.items() if k != "resourceType"}
            self.resource = {"resourceType": kind, "id": _made_id(self.resource, self.at), **rest}

    def empty(self) -> bool:
        return self.resource is None

    def write(self) -> Any:
        return self.resource


class _Composite(_Extensible):
    wants_object = True

    def __init__(self, kind: str, resource: bool = False) -> None:
        super().__init__()
        self.kind, self.is_resource = kind, resource
        self.names = definitions.json_names(kind)
        self.modifiers: list[_Extension] = []
        self.children: dict[str, list[tuple[str, ParserState]]] = {}
        self.seen: set[str] = set()

    def identifier(self, text: str) -> None:
        self.children["id"] = [("id", _text(text))]

    def extend(self, modifier: bool, url: str | None) -> ParserState:
        name = "modifierExtension" if modifier else "extension"
        if name not in self.names:
            return ParserState()
        target = self.modifiers if modifier else self.extensions
        target.append(_Extension(url))
        return target[-1]

    def enter(self, name: str) -> ParserState:
        row = self.names.get(name)
        if row is None:
            self.complain("1825", f"Unknown element '{name}' found during parse")
            return ParserState()
        element, kind = row
        if not element.many:
            if element.name in self.seen:
                text = f"Multiple repetitions of non-repeatable element '{element.name}' found during parse"
                self.complain("1823", text)
                return ParserState()
            self.seen.add(element.name)
        child = _state_of(kind, element, name)
        row_of = self.children.setdefault(element.name, [])
        if isinstance(child, _Nested):
            child.at = len(row_of)
        row_of.append((name, child))
        return child

    def repeats(self, name: str) -> bool:
        return name in self.names and self.names[name][0].many

    def empty(self) -> bool:
        states = [state for row in self.children.values() for _, state in row]
        return all(p.empty() for p in (*states, *self.extensions, *self.modifiers))

    def sent(self) -> dict[str, Any] | None:
        """Return the JSON object that its ``resource`` was read from."""
        row = [
            state for _, state in self.children.get("resource", ()) if isinstance(state, _Nested) and not state.empty()
        ]
        return row[0].sent if row else None

    def write(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for element in definitions.elements(self.kind):
            if element.name in ("extension", "modifierExtension"):
                if element.name == "extension":
                    found = [e.write() for e in self.extensions if not e.hollow()]
                else:
                    found = [e.write(modifier=True) for e in self.modifiers if not e.empty()]
                if found:
                    out[element.name] = found
                continue
            row = [(name, state) for name, state in self.children.get(element.name, ()) if not state.empty()]
            if row:
                _write_child(out, element, row)
        return out


class _Extension(_Composite):
    """An extension: any type of value, and the last one counts."""

    wants_object = False
    checks_extensions = False

    def __init__(self, url: str | None) -> None:
        super().__init__("Extension")
        self.url = url

    def enter(self, name: str) -> ParserState:
        if name == "id":
            return super().enter(name)
        row = self.names.get(name)
        if row is None or row[0].name != "value":
            return ParserState()
        child = _state_of(row[1], None, name)
        self.children["value"] = [(name, child)]
        return child

    def hollow(self) -> bool:
        """Return whether HAPI leaves it out: neither a value nor a nested extension."""
        return all(state.empty() for _, state in self.children.get("value", ())) and not self.extensions

    def empty(self) -> bool:
        return super().empty() and not (self.url or "").strip()

    def end(self) -> None:
        if self.children.get("value") and self.extensions:
            raise ParseError(
                f"HAPI-1811: Extension (URL='{self.url}') must not have both a value and other contained extensions"
            )

    def write(self, modifier: bool = False) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, state in self.children.get("id", ()):
            if not state.empty():
                out[name] = state.write()
        out["url"] = self.url or None
        if self.extensions:  # of a modifier extension they are named so too
            out["modifierExtension" if modifier else "extension"] = [e.write(modifier) for e in self.extensions]
        row = [(name, state) for name, state in self.children.get("value", ()) if not state.empty()]
        if row:
            _write_child(out, definitions.elements("Extension")[-1], row)
        return out


def _state_of(kind: str, element: Element | None, name: str) -> ParserState:
    if kind == "xhtml":
        return _Xhtml()
    if definitions.is_primitive(kind):
        return _Primitive(kind, element, name)
    if kind == "Resource":
        return _Nested(name == "contained")
    return _Composite(kind)


def _text(value: str) -> _Primitive:
    state = _Primitive("string", None, "id")
    state.value(value)
    return state


def _write_child(out: dict[str, Any], element: Element, row: list[tuple[str, ParserState]]) -> None:
    name = row[0][0]
    values = [state.write() for _, state in row]
    if name == "contained":  # of those with equal ids the first counts
        first: dict[str, Any] = {}
        for value in _flat(values):
            first.setdefault(value["id"], value)
        values = list(first.values())
    companions = [state.companion() if isinstance(state, _Primitive) else None for _, state in row]
    if element.many:
        out[name] = values
        if any(companions):
            out["_" + name] = companions
        return
    if values[0] is not None:
        out[name] = values[0]
    if companions[0] and name != "id":
        out["_" + name] = companions[0]


def _flat(contained: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield contained resources, those within each before it: HAPI keeps all on one level."""
    for value in contained:
        yield from _flat(value.pop("contained", []))
        yield value


def _made_id(resource: dict[str, Any], at: int) -> str:
    """Return an id for a contained resource without one: uuid-shaped, as HAPI's, but the same for the same payload."""
    text = f"{at} {jsontext.compact(resource)}"
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]))
