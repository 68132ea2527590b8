"""Primitive values as HAPI 7.6.0 reads them: what it converts, what it stores as written, and its words for what it refuses.

The rules are those of its R4 model classes (``BaseDateTimeType``, ``DecimalType``, ``IntegerType``, ``BooleanType``, ``Enumeration``).
"""

from __future__ import annotations

import base64
import calendar
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any

from medenv.errors import InputError
from medenv.fhir.definitions import Element
from medenv.fhir.jsontext import Number

__all__ = ["InvalidValue", "convert", "is_blank", "text_of"]

_NO_BREAK = "\u00a0\u2007\u202f\u0085"
"""White space to Python and not to Java."""
_INTEGER = re.compile(r"([+-]?)0*(\d+)")
_INTEGER_TYPES = ("integer", "positiveInt", "unsignedInt")
_DATE_TYPES = ("date", "dateTime", "instant")
_MAX_DIGITS = 10_000  # beyond this a decimal's plain form is no longer worth writing out


class InvalidValue(InputError):  # noqa: N818 - HAPI's own word
    """HAPI refuses the value; the message is what it says after ``Invalid attribute value "..":``."""


def is_blank(text: str) -> bool:
    """Return whether Java's ``Character.isWhitespace`` holds for all of a text: blanks that keep a line together are none."""
    return not text.strip() and not any(character in _NO_BREAK for character in text)


def text_of(value: Any) -> str:
    """Return the string that HAPI makes of a JSON scalar before it looks at the element's type.

    Args:
        value: A str, `Number` or bool, as `medenv.fhir.write.reader` gives them.
    """
    if isinstance(value, Number):
        return _plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _plain(number: Number) -> str:
    """Return ``BigDecimal.toPlainString`` of a number with a fraction or exponent, the integer's own text otherwise."""
    if not re.search(r"[.eE]", number):
        return "0" if number in ("-0", "0") else str(number)
    try:
        value = Decimal(number)
    except InvalidOperation:  # an exponent beyond what Python's decimals hold
        raise InvalidValue("Exponent overflow.") from None
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > _MAX_DIGITS:
        raise InvalidValue("Exponent overflow.")
    plain = format(value, "f")
    return plain[1:] if plain.startswith("-") and not value else plain


def convert(kind: str, element: Element | None, text: str) -> Any:
    """Check a primitive's text and give the JSON value that HAPI stores.

    Args:
        kind: The primitive type, e.g. ``dateTime``.
        element: Its element, for the codes of a required binding; None where there is none.
        text: Not blank.

    Returns:
        A str, `Number` or bool.

    Raises:
        InvalidValue: HAPI answers HAPI-1821.
    """
    if kind in _DATE_TYPES:
        check_date(text)
        return text
    if kind == "decimal":
        return Number(_decimal(text))
    if kind in _INTEGER_TYPES:
        match = _INTEGER.fullmatch(text)
        number = int(match[1] + match[2]) if match is not None and len(match[2]) < 20 else 2**31
        if not -(2**31) <= number < 2**31:
            raise InvalidValue(f'java.lang.NumberFormatException: For input string: "{text}"')
        return Number(number)
    if kind == "boolean":
        if text.strip() not in ("true", "false"):
            raise InvalidValue(f"Invalid boolean string: '{text}'")
        return text.strip() == "true"
    if kind == "base64Binary":
        return _base64(text)
    if element is not None and element.codes is not None and text not in element.codes:
        raise InvalidValue(f"Unknown {element.binding} code '{text}'")
    return text


def _decimal(text: str) -> str:
    if text.startswith("+"):
        text = text[1:]
    if text.startswith(".") and text[1:].isdecimal():
        text = "0" + text
    else:
        while text.startswith("00"):
            text = text[1:]
    problem = _decimal_problem(text)
    if problem:
        raise InvalidValue(problem)
    return _as_json(text)


def _as_json(text: str) -> str:
    """Return a decimal that Java reads as JSON has it: HAPI stores ``1.`` or ``07`` as it is, which is no JSON, and can't read it again."""
    text = re.sub(r"\.(?=$|[eE])", "", text)
    text = re.sub(r"^(-?)(?=\.)", r"\g<1>0", text)
    text = re.sub(r"^(-?)0+(?=\d)", r"\1", text)
    return text if text.isascii() else "".join(str(unicodedata.decimal(c, c)) for c in text)


def _decimal_problem(text: str) -> str:
    """Return what ``java.math.BigDecimal`` says of a text that is no number; ``""`` if it is one."""
    body = text[1:] if text[:1] in ("+", "-") else text
    mantissa = re.match(r"[\d.]*", body)
    assert mantissa is not None
    digits, rest = mantissa[0], body[mantissa.end() :]
    if digits.count(".") > 1:
        return "Character array contains more than one decimal point."
    if rest and rest[0] not in "eE":
        if len(body) > 18:  # a longer one takes Java's other branch
            return 'Character array is missing "e" notation exponential mark.'
        return (
            f'Character {rest[0]} is neither a decimal digit number, decimal point, nor "e" notation exponential mark.'
        )
    if rest:
        exponent = rest[2:] if rest[1:2] in ("+", "-") else rest[1:]
        if not exponent:
            return "null"  # Java's exception has no message here
        while len(exponent) > 10 and exponent[0] == "0":
            exponent = exponent[1:]
        if len(exponent) > 10:
            return "Too many nonzero exponent digits."
        if not exponent.isdecimal():
            return "Not a digit."
        if int(exponent) >= 2**31:
            return "Exponent overflow."
    return "" if digits.strip(".") else "No digits found."


def _base64(text: str) -> str | None:
    """Decode base64 text leniently, as Apache Commons does, and encode it anew; None where nothing is left."""
    if re.search(r"[^A-Za-z0-9+/=_\-\s]", text):
        raise InvalidValue("")
    if re.search(r"[A-Za-z0-9+/_-]\s", text):  # white space ends what is read with the padding it completes
        text = re.sub(r"\s", "", text)
    packed = text.strip().partition("=")[0].replace("-", "+").replace("_", "/")
    if len(packed) % 4 == 1:
        packed = packed[:-1]
    return base64.b64encode(base64.b64decode(packed + "=" * (-len(packed) % 4))).decode() or None


def check_date(text: str) -> None:
    """Check a date, dateTime or instant, which HAPI parses alike.

    Raises:
        InvalidValue: With HAPI's words.
    """
    value = text.strip() if text[0] == " " or text[-1] == " " else text
    _check_day(value)
    if len(value) > 10:
        _check_time(value)


def _check_day(value: str) -> None:
    _at_least(value, 4)
    year = _number(value, value[:4], 0, 9999)
    if len(value) == 4:
        return
    _char_at(value, 4, "-")
    _at_least(value, 7)
    month = _number(value, value[5:7], 1, 12)
    if len(value) == 7:
        return
    _char_at(value, 7, "-")
    _at_least(value, 10)
    _number(value, value[8:10], 1, _days(year, month))


def _check_time(value: str) -> None:
    _at_least(value, 17)
    _char_at(value, 10, "T")
    zone = _zone_index(value)
    if zone == -2:
        raise _bad_date(value)
    end = len(value) if zone == -1 else zone
    size = end - 11
    if zone != -1:
        _check_zone(value, value[zone:])
    _char_at(value, 13, ":")
    _number(value, value[11:13], 0, 23)
    _number(value, value[14:16], 0, 59)
    if size > 5:
        _at_least(value, 19)
        _char_at(value, 16, ":")
        _number(value, value[17:19], 0, 60)
    if size > 8:
        _char_at(value, 19, ".")
        _at_least(value, 20)
        _number(value, value[20 : min(end, 23)], 0, 999)


def _bad_date(value: str, why: str = "") -> InvalidValue:
    return InvalidValue(f'Invalid date/time format: "{value}"' + (f": {why}" if why else ""))


def _number(value: str, part: str, low: int, high: int) -> int:
    if not _INTEGER.fullmatch(part) or not low <= int(part) <= high:
        raise _bad_date(value)
    return int(part)


def _char_at(value: str, index: int, char: str) -> None:
    if value[index] != char:
        raise _bad_date(value, f"Expected character '{char}' at index {index} but found {value[index]}")


def _at_least(value: str, length: int) -> None:
    if len(value) < length:
        raise _bad_date(value)


def _days(year: int, month: int) -> int:
    """Days of a month in Java's GregorianCalendar, which is Julian before 1582-10-15."""
    if year < 1582 and month == 2:
        return 29 if year % 4 == 0 else 28
    return calendar.monthrange(max(year, 1), month)[1]


def _zone_index(value: str) -> int:
    """Return where the time zone starts; -1 without one, -2 for more than one mark."""
    found = [i for i in (value.find("+", 16), value.find("-", 16), value.find("Z", 16)) if i >= 0]
    return -1 if not found else -2 if len(found) > 1 else found[0]


def _check_zone(value: str, zone: str) -> None:
    if zone[0] == "Z":
        return
    if len(zone) != 6 or zone[3] != ":":
        raise _bad_date(value, 'Timezone offset must be in the form "Z", "-HH:mm", or "+HH:mm"')
    _number(value, zone[1:3], 0, 23)
    _number(value, zone[4:6], 0, 59)
