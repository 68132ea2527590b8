"""From the values of one search parameter to the condition that they make, with HAPI 7.6.0's refusals.

HAPI reads all values before it makes anything of them, so there are two steps: `check_value` or `read_dates` of every parameter comes
before `condition_of` or `date_condition` of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from urllib.parse import quote

from medenv.fhir import definitions
from medenv.fhir.definitions import SearchParameter
from medenv.fhir.errors import FhirError
from medenv.fhir.index.dates import Span
from medenv.fhir.search import conditions as c
from medenv.fhir.search import ranges as r
from medenv.fhir.search.values import Date, Quantity, parse_date, parse_quantity, split_list, split_unescaped, unescape

__all__ = ["MEASURED", "check_value", "condition_of", "date_condition", "read_dates"]

MEASURED = frozenset(["quantity", "number", "composite"])
"""Types of parameters whose values can be wrong, apart from dates."""


def check_value(parameter: SearchParameter, qualifier: str, value: str) -> None:
    """Check a value of a parameter whose type is `MEASURED`.

    Raises:
        FhirError: HAPI-1882, 1883, 1940, 1941 or 1947, or a 500 for a strange decimal.
    """
    _measured(parameter, qualifier, value)


def _measured(parameter: SearchParameter, qualifier: str, value: str) -> list[Any]:
    """Read a list of quantities, numbers or composites; HAPI reads the latter whatever the qualifier."""
    if parameter.type == "composite":
        return [_read_components(parameter, v) for v in split_list(value)]
    return [] if qualifier == ":missing" else [parse_quantity(v) for v in split_list(value)]


def _split_components(value: str) -> list[str]:
    parts = split_unescaped(value, "$")
    if len(parts) > 2:
        text = "HAPI-1947: Invalid value for composite parameter (only one '$' is valid for this parameter, others must be "
        raise FhirError(400, f"{text}escaped). Value was: {value}")
    return parts


def _read_components(parameter: SearchParameter, value: str) -> list[tuple[str, Any]]:
    parts = _split_components(value)
    found: list[tuple[str, Any]] = []
    for (code, _), part in zip(parameter.components, parts, strict=False):
        kind = _component_kind(code)
        if not part:
            return []
        if kind == "quantity":
            found.append((kind, parse_quantity(part)))
        elif kind == "date":
            found.append((kind, parse_date(part)))
        else:
            found.append((kind, part))
    return found


@cache
def _component_kind(code: str) -> str:
    """Return the type of a component, by its name: R4 has them on Observation, Group and a few others only."""
    for kind in definitions.types():
        found = definitions.search_parameters(kind).get(code)
        if found is not None:
            return found.type
    return "token"


def read_dates(values: Sequence[tuple[str, str]]) -> list[Any]:
    """Read a lower and an upper bound, in the way of HAPI's DateRangeParam: what is added when decides which refusal comes.

    Args:
        values: All (qualifier, value) pairs of a date parameter.

    Returns:
        One bound or two, for `date_condition`: a date, whether there shall be none, `_Empty`, or None.

    Raises:
        FhirError: HAPI-1882, 1883, 1922 to 1925, 1930, 1940 or 1941.
    """
    lower: Any = None
    upper: Any = None
    for qualifier, value in values:
        if qualifier == ":missing":
            date: Any = value == "true"
        else:
            members = split_list(value)
            if len(members) > 1:
                raise FhirError(400, "HAPI-1930: DateRange parameter does not support OR queries")
            date = parse_date(members[0]) if members else None
        prefix = date.prefix if isinstance(date, Date) else ""
        if prefix in ("", "eq", "ne"):
            if lower is not None or upper is not None:
                text = "HAPI-1922: Can not have multiple date range parameters for the same param without a qualifier"
                raise FhirError(400, text)
            lower = upper = _Empty if date is None else date
        elif prefix in ("gt", "ge", "sa"):
            if lower is not None:
                _two("HAPI-1923", "a lower")
            lower = date
        elif prefix in ("lt", "le", "eb"):
            if upper is not None:
                _two("HAPI-1924", "an upper")
            upper = date
        else:
            raise FhirError(400, "HAPI-1925: Unknown comparator: APPROXIMATE")
    return [lower] if lower is upper else [lower, upper]


class _Empty:
    """A date without a value: it takes the place of a bound and demands nothing."""


def _two(number: str, which: str) -> None:
    text = f"{number}: Can not have multiple date range parameters for the same param that specify {which} bound"
    raise FhirError(400, text)


def date_condition(parameter: SearchParameter, bounds: list[Any]) -> c.Condition | None:
    """Return the condition of what `read_dates` gave; None if it demands nothing."""
    dates = [bound for bound in bounds if bound.__class__ is Date]
    if len(dates) < len(bounds) and (missing := [bound for bound in bounds if bound.__class__ is bool]):
        return c.MissingCondition(parameter, missing[0])
    return r.DateCondition(parameter, dates) if dates else None


def condition_of(type_: str, parameter: SearchParameter, qualifier: str, value: str) -> c.Condition | None:
    """Return the condition of one value of a parameter that is neither a date nor leads to other resources.

    Args:
        type_: What is searched.
        parameter: The parameter.
        qualifier: ``""`` or ``:modifier``.
        value: The value.

    Returns:
        The condition; None if the value demands nothing.

    Raises:
        FhirError: HAPI-1235, 1239, 1240, 2012 or 2024.
    """
    if qualifier == ":missing":
        return c.MissingCondition(parameter, value == "true")
    make = _MAKE.get(parameter.type)
    return None if make is None else make(type_, parameter, qualifier, value)


def _token(type_: str, parameter: SearchParameter, qualifier: str, value: str) -> c.Condition | None:
    members = [m.strip() for m in split_list(value)]
    if qualifier == ":of-type" and any(members):
        raise FhirError(405, "HAPI-2012: The :of-type modifier is not enabled on this server")
    if qualifier == ":text":
        wanted = [unescape(m) for m in members if m]
        return c.TextCondition(parameter, wanted) if wanted else None
    tokens = _tokens(members)
    if not tokens:
        return None
    if qualifier in (":in", ":not-in"):
        raise _unknown_value_set(value)
    if qualifier in (":above", ":below") and not _are_codes(type_, parameter, tokens):
        _check_hierarchy(parameter, tokens)
        return c.NeverCondition(parameter)
    return c.TokenCondition(parameter, tokens, qualifier == ":not")


def _tokens(members: list[str]) -> list[tuple[str | None, str]]:
    """Split tokens into system and code; a system of None is any."""
    tokens: list[tuple[str | None, str]] = []
    for member in members:
        parts = split_unescaped(member, "|")
        system = unescape(parts[0].strip()) if len(parts) > 1 else None
        code = unescape("|".join(parts[1:] if len(parts) > 1 else parts).strip())
        if system or code:
            tokens.append((system, code))
    return tokens


def _unknown_value_set(value: str) -> FhirError:
    url = unescape(split_unescaped(split_list(value)[0], "|")[-1])
    if not url:
        return FhirError(500, "theValueSetUrlToExpand must not be null or blank")
    return FhirError(404, f"HAPI-2024: Unknown ValueSet: {quote(url, safe='-_.*')}")


def _check_hierarchy(parameter: SearchParameter, tokens: list[tuple[str | None, str]]) -> None:
    """Refuse a token whose place in a hierarchy can't be asked for: one without system or code."""
    wrong = f"Invalid token specified for parameter {parameter.code}"
    for system, code in tokens:
        if not system:
            raise FhirError(400, f"HAPI-1240: {wrong} - No code specified: (missing)|{code}")
        if not code:
            raise FhirError(400, f"HAPI-1239: {wrong} - No system specified: {system}|(missing)")


def _are_codes(type_: str, parameter: SearchParameter, tokens: list[tuple[str | None, str]]) -> bool:
    """Return whether all tokens are codes of the enumeration that the parameter leads to: then HAPI knows their system."""
    codes: frozenset[str] = frozenset()
    for path in parameter.paths:
        kind, element = type_, None
        for name in path.split(".")[1:]:
            element, kind = definitions.json_names(kind).get(name, (None, "string")) if kind else (None, "")
        codes |= (element.codes or frozenset()) if element is not None else frozenset()
    return all(code in codes for _, code in tokens)


def _string(type_: str, parameter: SearchParameter, qualifier: str, value: str) -> c.Condition | None:
    if qualifier == ":exact" and not value:
        return c.NeverCondition(parameter)
    members = [unescape(m) for m in split_list(value)]
    how = qualifier[1:] if qualifier in (":exact", ":contains") else ""
    return c.StringCondition(parameter, members or [""], how)  # an empty value asks for any


def _uri(type_: str, parameter: SearchParameter, qualifier: str, value: str) -> c.Condition | None:
    members = [unescape(m) for m in split_list(value)]
    how = qualifier[1:] if qualifier in (":above", ":below") else ""
    return c.UriCondition(parameter, members, how) if members else None


def _quantity(type_: str, parameter: SearchParameter, qualifier: str, value: str) -> c.Condition | None:
    parsed = _measured(parameter, qualifier, value)
    _check_prefixes(parsed)
    return r.QuantityCondition(parameter, parsed) if parsed else None


def _number(type_: str, parameter: SearchParameter, qualifier: str, value: str) -> c.Condition | None:
    parsed = _measured(parameter, qualifier, value)
    _check_prefixes(parsed)
    return r.NumberCondition(parameter, parsed) if parsed else None


def _check_prefixes(parsed: list[Quantity]) -> None:
    for quantity in parsed:
        if quantity.prefix in ("sa", "eb"):
            text = f'HAPI-1235: Unable to handle quantity prefix "{quantity.prefix}" for value: {quantity.written}'
            raise FhirError(400, text)


def _composite(type_: str, parameter: SearchParameter, qualifier: str, value: str) -> c.Condition | None:
    parsed = _measured(parameter, qualifier, value)
    alternatives: list[list[Callable[[Any], bool]]] = []
    for parts in parsed:
        _check_prefixes([part for kind, part in parts if kind == "quantity"])
        if len(parts) == len(parameter.components):
            alternatives.append([_component_test(kind, part) for kind, part in parts])
    return r.CompositeCondition(parameter, alternatives)


def _component_test(kind: str, part: Any) -> Callable[[Any], bool]:
    if kind == "quantity":
        return r.quantity_test(part)
    if kind == "date":
        test = r.date_test(part, part.by_day)
        by_day = part.by_day

        def within(s: Span) -> bool:
            return test(s.first, s.last) if by_day else test(s.low, s.high)

        return within
    if kind == "token":
        system, bar, code = part.rpartition("|")
        return lambda pair: pair[1] == code and (not bar or pair[0] == system)
    if kind == "string":
        test_string = c.string_test(part, "")
        return lambda text: test_string((c.normalize(text), text))
    return lambda value: bool(value == part)


_MAKE: dict[str, Callable[[str, SearchParameter, str, str], c.Condition | None]] = {
    "token": _token,
    "string": _string,
    "uri": _uri,
    "quantity": _quantity,
    "number": _number,
    "composite": _composite,
}
