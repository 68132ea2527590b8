"""A resource's narrative as HAPI stores it: parsed as XHTML and written anew."""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree
from xml.parsers import expat

from medenv.errors import InputError
from medenv.fhir.errors import FhirError
from medenv.fhir.hashing import set_order, string_hash

__all__ = ["NarrativeError", "narrative"]

_XHTML = "http://www.w3.org/1999/xhtml"
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
_VALUE = re.compile(r"=\s*(?:\"[^\"<]*\"|'[^'<]*')")
_BETWEEN = re.compile(r">[^<]*\r[^<]*")
_KEPT = ("&amp;", "&lt;", "&gt;", "&quot;", "&apos;")


class NarrativeError(InputError):
    """The text is no XHTML; the message is HAPI's, from ``HAPI-1755`` on."""


def narrative(text: str) -> str | None:
    """Return a narrative's ``div`` as HAPI stores it: trimmed, well-formed, with its namespace, entities as characters.

    Args:
        text: What was sent.

    Returns:
        The text; None for an empty ``<div/>``, which HAPI drops.

    Raises:
        NarrativeError: It isn't well-formed (HAPI answers 400).
        FhirError: 500, as HAPI answers what is no ``div``.
    """
    div = re.sub(r"\A<\?.*?\?>\s*", "", text.strip(), flags=re.DOTALL)
    if not div.startswith("<"):
        div = f'<div xmlns="{_XHTML}">{div}</div>'
    end = div.find(">")
    if 0 < end < div.find("/") and " xmlns" not in div[:end]:  # HAPI looks for the first slash, too
        div = f'{div[:end]} xmlns="{_XHTML}"{div[end:]}'
    plain = re.sub(r"&\w+;", lambda m: m[0] if m[0] in _KEPT else html.unescape(m[0]), div)
    try:
        if "<!DOCTYPE" in plain:
            raise ElementTree.ParseError("a document type is not allowed here")
        root = ElementTree.fromstring(plain)
    except ElementTree.ParseError as error:
        text = f'HAPI-1755: String does not appear to be valid XML/XHTML (error is "{error}"): {div}'
        raise NarrativeError(text) from error
    name = root.tag.rpartition("}")[2]
    if name != "div":
        where = f"starts with 'null::{name}' not 'div' at line 1 column {len(name) + 2}"
        raise FhirError(500, f"org.hl7.fhir.exceptions.FHIRFormatError: Unable to Parse HTML - {where}")
    # XML takes a line break in an attribute for a blank, and two characters of one for one; HAPI doesn't
    kept = _VALUE.sub(lambda m: m[0].replace("\n", "&#10;").replace("\t", "&#9;").replace("\r", "&#13;"), plain)
    kept = _BETWEEN.sub(lambda m: m[0].replace("\r", "&#13;"), kept)
    written = _Writer().write(kept)
    return None if written == f'<div xmlns="{_XHTML}"/>' else written


class _Writer:
    """Writes what a parser reads as HAPI does: comments and instructions as comments, prefixed elements with their namespace."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open = ""  # a start tag whose end isn't written yet, since it may be that of an empty element
        self._scopes: list[dict[str, str]] = []
        self._section: list[str] | None = None  # the text of a CDATA section

    def write(self, text: str) -> str:
        """Return a well-formed document anew."""
        parser = expat.ParserCreate()
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._comment
        parser.ProcessingInstructionHandler = lambda target, data: self._comment(f"?{target} {data}?")
        parser.StartCdataSectionHandler = self._begin_section
        parser.EndCdataSectionHandler = self._end_section
        parser.Parse(text, True)
        return "".join(self._parts)

    def _add(self, text: str) -> None:
        self._parts += [f"{self._open}>", text] if self._open else [text]
        self._open = ""

    def _start(self, name: str, given: list[str]) -> None:
        attributes = list(zip(given[::2], given[1::2], strict=True))
        scope = dict(self._scopes[-1]) if self._scopes else {}
        scope |= {key.removeprefix("xmlns:"): value for key, value in attributes if key.startswith("xmlns:")}
        prefix, _, local = name.rpartition(":")
        if prefix:
            attributes.insert(0, ("xmlns", scope.get(prefix, "")))
        attributes = set_order(attributes, lambda one: string_hash(one[0]))
        if not self._scopes:  # of the outermost element HAPI writes the language first
            attributes.sort(key=lambda one: one[0] != "xml:lang")
        self._scopes.append(scope)
        self._add("")
        self._open = f"<{local}" + "".join(f' {key}="{value.translate(_TEXT)}"' for key, value in attributes)

    def _end(self, name: str) -> None:
        self._scopes.pop()
        if self._open:
            self._parts.append(f"{self._open}/>")
            self._open = ""
        else:
            self._parts.append(f"</{name.rpartition(':')[2]}>")

    def _text(self, text: str) -> None:
        if self._section is not None:
            self._section.append(text)
        else:
            self._add(text.translate(_TEXT))

    def _comment(self, text: str) -> None:
        self._add(f"  <!-- {text.strip()} -->")

    def _begin_section(self) -> None:
        self._section = []

    def _end_section(self) -> None:
        text, self._section = "".join(self._section or ()), None
        self._comment(f"[CDATA[{text}]]")
