"""A resource's narrative as HAPI stores it: parsed as XHTML and written anew."""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from medenv.errors import InputError
from medenv.fhir.errors import FhirError

__all__ = ["NarrativeError", "narrative"]

_XHTML = "http://www.w3.org/1999/xhtml"
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
_ATTRIBUTE = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;"})
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
        if "<!" in plain and "<!--" not in plain:
            raise ElementTree.ParseError("a document type is not allowed here")
        root = ElementTree.fromstring(plain)
    except ElementTree.ParseError as error:
        text = f'HAPI-1755: String does not appear to be valid XML/XHTML (error is "{error}"): {div}'
        raise NarrativeError(text) from error
    name = root.tag.rpartition("}")[2]
    if name != "div":
        where = f"starts with 'null::{name}' not 'div' at line 1 column {len(name) + 2}"
        raise FhirError(500, f"org.hl7.fhir.exceptions.FHIRFormatError: Unable to Parse HTML - {where}")
    if not len(root) and not (root.text or ""):
        return None
    return _write(root, True)


def _write(node: Element, outermost: bool = False) -> str:
    name = node.tag.rpartition("}")[2]
    attributes = f' xmlns="{_XHTML}"' if outermost else ""
    attributes += "".join(f' {k.rpartition("}")[2]}="{v.translate(_ATTRIBUTE)}"' for k, v in node.items())
    inner = (node.text or "").translate(_TEXT)
    for child in node:
        inner += _write(child) + (child.tail or "").translate(_TEXT)
    return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes}/>"
