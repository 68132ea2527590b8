"""JSON as HAPI's parser takes it: single quotes and a leading ``+`` are fine, and what is refused is refused in Jackson's words.

Sound JSON goes through the fast decoder; only text that it rejects is scanned here, to accept it after all or to say what is wrong.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, NoReturn

from medenv.errors import InputError
from medenv.fhir import jsontext
from medenv.fhir.jsontext import Number

__all__ = ["TOO_DEEP", "ReadError", "depth_is_fine", "read_object", "read_value"]

MAX_DEPTH = 1000
"""Nesting depth that Jackson allows (its StreamReadConstraints)."""
KEPT_DEPTH = 100
"""Nesting depth that this server takes: several times what any resource needs, and safe for readers that recurse."""

_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_LITERALS = {"true": True, "false": False, "null": None}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PLAIN = {'"': re.compile(r'[^"\\\x00-\x1f]+'), "'": re.compile(r"[^'\\\x00-\x1f]+")}
_NUMBER = re.compile(r"[+-]?(?P<int>0|[1-9]\d*)(?P<dot>\.\d*)?(?P<exp>[eE][+-]?\d*)?", re.ASCII)
_NONSTANDARD = re.compile(r"NaN|Infinity")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""The escape of one half of a character beyond 16 bits, which may lack the other half."""
_IN_NUMBER = "Unexpected character ({}) in numeric value"
_NOT_A_NUMBER = "Non-standard token '{}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
_COMMENT = (
    "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)"
)
TOO_DEEP = (
    f"Document nesting depth ({MAX_DEPTH + 1}) exceeds the maximum allowed "
    f"({MAX_DEPTH}, from `StreamReadConstraints.getMaxNestingDepth()`)"
)


class ReadError(InputError):
    """The text is not JSON that HAPI takes; the message is HAPI's."""


def read_object(text: str) -> dict[str, Any]:
    """Parse a request body, which must be one JSON object.

    Args:
        text: The body.

    Returns:
        The object; numbers as `Number`; of equal keys the last one's value.

    Raises:
        ReadError: With HAPI's text, from ``HAPI-1857`` on.
    """
    text = _encodable(text)
    start = len(text) - len(text.lstrip())
    if start == len(text):
        raise ReadError("HAPI-1857: Did not find any content to parse")
    if text[start] != "{":
        raise ReadError(
            "HAPI-1859: Content does not appear to be FHIR JSON, "
            f"first non-whitespace character was: '{text[start]}' (must be '{{')"
        )
    if not _NONSTANDARD.search(text):
        try:
            found = jsontext.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            if depth_is_fine(text) and isinstance(found, dict):
                return found if not _HALF.search(text) else _without_halves(found)
    value = _Scanner(text, start).document()
    assert isinstance(value, dict)
    if not depth_is_fine(text):
        raise ReadError(TOO_DEEP)
    return value if not _HALF.search(text) else _without_halves(value)


def read_value(text: str) -> Any:
    """Parse any JSON value as Jackson does, such as a patch document; what follows it is not looked at.

    Raises:
        ReadError: With Jackson's text.
    """
    text = _encodable(text)
    if not depth_is_fine(text):
        raise ReadError(TOO_DEEP)
    value = _Scanner(text, 0).value()
    return value if not _HALF.search(text) else _without_halves(value)


def _encodable(text: str) -> str:
    """Return the text with a question mark for each lone surrogate, as Java writes what has no UTF-8 form."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _without_halves(value: Any) -> Any:
    """Return the value, whose texts and names may have had escapes of lone surrogates, as `_encodable` would have them."""
    if isinstance(value, dict):
        return {_encodable(key): _without_halves(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_halves(one) for one in value]
    return _encodable(value) if type(value) is str else value


def depth_is_fine(text: str) -> bool:
    """Return whether JSON text nests no deeper than `KEPT_DEPTH`."""
    return text.count("[") + text.count("{") <= KEPT_DEPTH or _Scanner(text, 0).depth() <= KEPT_DEPTH


def _is_word(char: str) -> bool:
    """Return whether Java takes a character as part of an identifier (letters, digits, currency signs, connectors)."""
    return char.isalnum() or unicodedata.category(char) in ("Sc", "Pc", "Nl", "Mn", "Mc")


class _Scanner:
    """A strict left-to-right reader that keeps Jackson's account of where it is."""

    def __init__(self, text: str, start: int) -> None:
        self.text, self.at = text, start
        self.open: list[tuple[bool, int]] = []  # (is an array, where it opened)

    def where(self, at: int | None = None) -> str:
        at = self.at if at is None else at
        before = self.text[:at]
        line = before.count("\n") + 1
        return f"[line: {line}, column: {at - (before.rfind(chr(10)) + 1) + 1}]"

    def fail(self, message: str) -> NoReturn:
        raise ReadError(f"{message}\n at {self.where()}")

    def describe(self, char: str) -> str:
        code = ord(char)
        if code < 32 or 127 <= code < 160:
            return f"(CTRL-CHAR, code {code})"
        return f"'{char}' (code {code} / 0x{code:x})" if code > 255 else f"'{char}' (code {code})"

    def unexpected(self, char: str, comment: str, *, what: str = "Unexpected character ({})") -> NoReturn:
        self.fail(f"{what.format(self.describe(char))}: {comment}")

    def end_of_input(self, message: str) -> NoReturn:
        self.at = len(self.text)
        self.fail(f"Unexpected end-of-input{message}")

    def kind(self) -> str:
        return "root" if not self.open else "Array" if self.open[-1][0] else "Object"

    def space(self) -> str:
        """Skip white space; the next character, not yet taken, or ``""`` at the end."""
        text, size = self.text, len(self.text)
        while self.at < size:
            char = text[self.at]
            if char not in " \t\n\r":
                if ord(char) < 32:
                    self.at += 1
                    self.fail(
                        f"Illegal character ((CTRL-CHAR, code {ord(char)})): "
                        "only regular white space (\\r, \\n, \\t) is allowed between tokens"
                    )
                return char
            self.at += 1
        return ""

    def document(self) -> Any:
        value = self.value()
        char = self.space()
        if char and char in "]}":
            other = "}" if char == "]" else "]"
            self.fail(f"Unexpected close marker '{char}': expected '{other}' (for root starting at [line: 1])")
        if char:
            start = self.at
            kind = {"{": "START_OBJECT", "[": "START_ARRAY", '"': "VALUE_STRING", "'": "VALUE_STRING"}.get(char)
            if kind is None:
                token = self.scalar(char)
                kind = "VALUE_NUMBER_FLOAT" if isinstance(token, Number) else f"VALUE_{str(token).upper()}"
                if isinstance(token, Number) and token.lstrip("-").isdecimal():
                    kind = "VALUE_NUMBER_INT"
                kind = kind.replace("VALUE_NONE", "VALUE_NULL")
            self.at = start
            self.fail(
                f"Trailing token (of type {kind}) found after value (bound as "
                "`com.fasterxml.jackson.databind.JsonNode`): not allowed as per "
                "`DeserializationFeature.FAIL_ON_TRAILING_TOKENS`"
            )
        return value

    def value(self) -> Any:
        """Return one value; containers on a stack of our own, so that depth costs no recursion."""
        stack: list[tuple[Any, str]] = []  # (container, name of the member being read)
        while True:
            char = self.space()
            if not char:
                self.end_of_input(f" within/between {self.kind()} entries")
            done = char not in "{["
            item: Any = None
            if done:
                item = self.scalar(char)
            else:
                self.open.append((char == "[", self.at))
                self.at += 1
                if len(self.open) > MAX_DEPTH:
                    raise ReadError(TOO_DEEP)
                stack.append(([] if char == "[" else {}, ""))
            while True:
                if done:
                    if not stack:
                        return item
                    container, name = stack[-1]
                    if isinstance(container, list):
                        container.append(item)
                    else:
                        container[name] = item
                container = stack[-1][0]
                if self.close("]" if isinstance(container, list) else "}"):
                    item, done = container, True
                    stack.pop()
                    self.open.pop()
                    continue
                if done:
                    self.comma()
                if isinstance(container, dict):
                    stack[-1] = container, self.name()
                break

    def scalar(self, char: str) -> Any:
        if char in "\"'":
            self.at += 1
            return self.string(char, "for a string value")
        return self.number(char) if char in "+-0123456789" else self.literal(char)

    def close(self, closing: str) -> bool:
        """Return whether the next token closes the innermost container; complain of end of input or a wrong marker."""
        char = self.space()
        if not char:
            start = self.where(self.open[-1][1])
            self.end_of_input(f": expected close marker for {self.kind()} (start marker at {start})")
        if char == closing:
            self.at += 1
            return True
        if char in "]}":
            start = self.where(self.open[-1][1])
            self.fail(f"Unexpected close marker '{char}': expected '{closing}' (for {self.kind()} starting at {start})")
        return False

    def comma(self) -> None:
        char = self.text[self.at]
        if char != ",":
            self.unexpected(char, f"was expecting comma to separate {self.kind()} entries")
        self.at += 1

    def name(self) -> str:
        """Return a member's name and the colon after it."""
        char = self.space()
        if not char:
            self.end_of_input(f" within/between {self.kind()} entries")
        if char not in "\"'":
            self.unexpected(char, "was expecting double-quote to start field name")
        self.at += 1
        name = self.string(char, "in field name")
        char = self.space()
        if not char:
            self.end_of_input(f" within/between {self.kind()} entries")
        if char != ":":
            self.unexpected(char, "was expecting a colon to separate field name and value")
        self.at += 1
        return name

    def string(self, quote: str, purpose: str) -> str:
        parts: list[str] = []
        text, plain = self.text, _PLAIN[quote]
        while True:
            run = plain.match(text, self.at)
            if run:
                parts.append(run[0])
                self.at = run.end()
            if self.at >= len(text):
                self.end_of_input(
                    " in field name" if "field" in purpose else f": was expecting closing quote {purpose}"
                )
            char = text[self.at]
            self.at += 1
            if char == quote:
                return "".join(parts)
            if char == "\\":
                parts.append(self.escape())
            else:
                where = "name" if "field" in purpose else "string value"
                has = "has to be escaped using backslash to be included in"
                self.at -= 1
                self.unexpected(char, f"{has} {where}", what="Illegal unquoted character ({})")

    def escape(self) -> str:
        if self.at >= len(self.text):
            self.end_of_input(" in character escape sequence")
        char = self.text[self.at]
        self.at += 1
        if char in _ESCAPES:
            return _ESCAPES[char]
        if char == "'":  # allowed together with single quotes
            return char
        if char != "u":
            self.at -= 1
            self.fail(f"Unrecognized character escape {self.describe(char)}")
        code = 0
        for _ in range(4):
            if self.at >= len(self.text):
                self.end_of_input(" in character escape sequence")
            char = self.text[self.at]
            if char not in "0123456789abcdefABCDEF":
                self.unexpected(char, "expected a hex-digit for character escape sequence")
            self.at += 1
            code = code * 16 + int(char, 16)
        return chr(code)

    def number(self, first: str) -> Number:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            if self.text.startswith(("-Infinity", "+Infinity"), self.at):
                self.at += 9
                self.fail(_NOT_A_NUMBER.format(first + "Infinity"))
            self.at += 1
            char = self.text[self.at : self.at + 1]
            if not char:
                self.end_of_input("No digit following sign")
            follow = " to follow minus sign," if first == "-" else ""
            self.unexpected(char, f"expected digit (0-9){follow} for valid numeric value", what=_IN_NUMBER)
        self.at = match.end()
        following = self.text[self.at : self.at + 1]
        if match["int"] == "0" and following.isdecimal() and match.end() == match.end("int"):
            self.fail("Invalid numeric value: Leading zeroes not allowed")
        for group, message in (
            ("dot", "Decimal point not followed by a digit"),
            ("exp", "Exponent indicator not followed by a digit"),
        ):
            part = match[group]
            if part and not part[-1].isdecimal():
                following = self.text[match.end(group) : match.end(group) + 1]
                self.at = match.end("int")
                self.unexpected(following or part[-1], message, what=_IN_NUMBER)
        return Number(match[0].lstrip("+"))

    def literal(self, char: str) -> Any:
        start = self.at
        end = start
        while end < len(self.text) and _is_word(self.text[end]):
            end += 1
        word = self.text[start:end]
        if word in _LITERALS:
            self.at = end
            return _LITERALS[word]
        if word in ("NaN", "Infinity"):
            self.at = end
            self.fail(_NOT_A_NUMBER.format(word))
        if _is_word(char) and not char.isdecimal():
            self.at = end
            self.fail(f"Unrecognized token '{word}': was expecting {_VALUES}")
        if char == "/":
            self.unexpected(char, _COMMENT)
        self.unexpected(char, f"expected a valid value {_VALUES}")

    def depth(self) -> int:
        """Return how deep sound JSON nests."""
        depth, deepest = 0, 0
        for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', self.text, re.DOTALL):
            depth += (token[0] in "[{") - (token[0] in "]}")
            deepest = max(deepest, depth)
        return deepest
