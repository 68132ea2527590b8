"""From the parameters of a request to conditions, with HAPI 7.6.0's refusals.

HAPI reads all values first and looks at names, chains and modifiers later; `read_values` and `finish` are these two steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from medenv.fhir import definitions
from medenv.fhir.definitions import SearchParameter
from medenv.fhir.errors import FhirError
from medenv.fhir.index.dates import Span
from medenv.fhir.search import conditions as c
from medenv.fhir.search import ranges as r
from medenv.fhir.search.references import UnknownTypeError, chained, id_pids, targets_of
from medenv.fhir.search.values import Date, Quantity, parse_date, parse_quantity, split_list, split_unescaped, unescape

if TYPE_CHECKING:
    from medenv.fhir.chart import Chart

__all__ = [
    "Given",
    "conditions_of",
    "date_conditions",
    "finish",
    "known_parameters",
    "read_dates",
    "read_values",
    "reference_condition",
    "split_name",
    "unsupported_modifiers",
]

_HIDDEN = ("_filter", "_has", "_language", "_list")
_MODIFIERS = (":contains", ":exact", ":in", ":iterate", ":missing", ":not-in", ":of-type", ":recurse", ":text")


class Given:
    """All values of one search parameter in a request.

    Attributes:
        parameter: The parameter.
        values: (qualifier, value) in the request's order; a qualifier is ``""``, ``:modifier`` or ``.chain``.
        parsed: What `read_values` made of them, for the types whose values can be wrong.
    """

    __slots__ = ("parameter", "parsed", "values")

    def __init__(self, parameter: SearchParameter, values: list[tuple[str, str]]) -> None:
        self.parameter, self.values = parameter, values
        self.parsed: list[Any] = []


@cache
def known_parameters(type_: str) -> dict[str, SearchParameter]:
    """The search parameters of a type that HAPI names in its error texts: all but four of its own."""
    return {k: p for k, p in definitions.search_parameters(type_).items() if k not in _HIDDEN}


@lru_cache(maxsize=1024)
def split_name(name: str) -> tuple[str, str]:
    """A parameter's name without its qualifier, and the qualifier with its first character."""
    at = min((i for i in (name.find(":"), name.find(".")) if i >= 0), default=len(name))
    return name[:at], name[at:]


def read_values(given: Given) -> None:
    """Read what can be read wrongly: dates, quantities, numbers.

    Raises:
        FhirError: HAPI-1882, 1883, 1922 to 1925, 1930, 1940, 1941, or a 500 for a strange decimal.
    """
    kind = given.parameter.type
    if kind == "date":
        given.parsed = read_dates(given.values)
    elif kind in ("quantity", "number"):
        for qualifier, value in given.values:
            given.parsed.append([] if qualifier == ":missing" else [parse_quantity(v) for v in split_list(value)])
    elif kind == "composite":
        for _, value in given.values:
            given.parsed.append([_read_parts(given.parameter, v) for v in split_list(value)])


def _split_parts(value: str) -> list[str]:
    parts = split_unescaped(value, "$")
    if len(parts) > 2:
        text = "HAPI-1947: Invalid value for composite parameter (only one '$' is valid for this parameter, others must be "
        raise FhirError(400, f"{text}escaped). Value was: {value}")
    return parts


def _read_parts(parameter: SearchParameter, value: str) -> list[tuple[str, Any]]:
    parts = _split_parts(value)
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


def _component_kind(code: str) -> str:
    """The type of a composite's part, by its name's ending: R4 has them on Observation, Group and a few others only."""
    for kind in definitions.types():
        found = definitions.search_parameters(kind).get(code)
        if found is not None:
            return found.type
    return "token"


def read_dates(values: list[tuple[str, str]]) -> list[Any]:
    """A lower and an upper bound, in the way of HAPI's DateRangeParam: what is added when decides which refusal comes."""
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


def unsupported_modifiers(type_: str, givens: list[Given], refused: FhirError) -> FhirError:
    """What HAPI says instead of "unknown type": a type after a colon may have been meant as a modifier, so it lists those.

    Args:
        type_: The type that is searched.
        givens: All parameters, in alphabetical order.
        refused: The refusal that is due otherwise.
    """
    written = dict.fromkeys(q for given in givens for q, _ in given.values if q.startswith(":"))
    unknown = [q for q in written if q not in _MODIFIERS]
    if not unknown:
        return refused
    text = f'HAPI-2498: Unsupported search modifier(s): "[{", ".join(unknown)}]" for resource type "{type_}". '
    return FhirError(400, f"{text}Valid search modifiers are: [{', '.join(_MODIFIERS)}]")


def finish(chart: Chart, type_: str, given: Given) -> list[c.Condition]:
    """The conditions that a parameter's values make.

    Args:
        chart: Where chains lead.
        type_: The type that is searched.
        given: The values, read.

    Raises:
        FhirError: HAPI-1101, 1235, 1240, 1242, 1243, 1250, 2012 or 2024.
    """
    parameter = given.parameter
    if parameter.code == "_id":
        return [
            c.IdCondition(parameter, id_pids(chart, type_, split_list(v))) for _, v in given.values if split_list(v)
        ]
    if parameter.type == "reference":
        return [
            c.MissingCondition(parameter, value == "true")
            if qualifier == ":missing"
            else reference_condition(chart, parameter, qualifier, value)
            for qualifier, value in given.values
        ]
    return conditions_of(type_, given)


def conditions_of(type_: str, given: Given) -> list[c.Condition]:
    """The conditions of any parameter that leads to no other resource."""
    parameter = given.parameter
    if parameter.type == "date":
        return date_conditions(parameter, given.parsed)
    make = _MAKE.get(parameter.type)
    found: list[c.Condition] = []
    for n, (qualifier, value) in enumerate(given.values):
        if qualifier == ":missing":
            found.append(c.MissingCondition(parameter, value == "true"))
        elif make is not None:
            made = make(type_, parameter, qualifier, value, given.parsed[n] if given.parsed else None)
            if made is not None:
                found.append(made)
    return found


def date_conditions(parameter: SearchParameter, parsed: list[Any]) -> list[c.Condition]:
    """The condition of what `read_dates` made of a date parameter's values, if they demand anything."""
    dates = [p for p in parsed if p.__class__ is Date]
    if len(dates) < len(parsed) and (missing := [p for p in parsed if p.__class__ is bool]):
        return [c.MissingCondition(parameter, missing[0])]
    return [r.DateCondition(parameter, dates)] if dates else []


def _token(type_: str, parameter: SearchParameter, qualifier: str, value: str, _: Any) -> c.Condition | None:
    return _token_of(type_, parameter.code, qualifier, value)


@lru_cache(maxsize=4096)
def _token_of(type_: str, code_name: str, qualifier: str, value: str) -> c.Condition | None:
    """The condition of a token; it hangs on nothing but the text, and the same codes are asked for again and again."""
    parameter = definitions.search_parameters(type_)[code_name]
    members = [m.strip() for m in split_list(value)]
    if qualifier == ":of-type" and any(members):
        raise FhirError(405, "HAPI-2012: The :of-type modifier is not enabled on this server")
    if qualifier == ":text":
        wanted = [unescape(m) for m in members if m]
        return c.TextCondition(parameter, wanted) if wanted else None
    tokens: list[tuple[str | None, str]] = []
    for member in members:
        parts = split_unescaped(member, "|")
        system = unescape(parts[0].strip()) if len(parts) > 1 else None
        code = unescape("|".join(parts[1:] if len(parts) > 1 else parts).strip())
        if system or code:
            tokens.append((system, code))
    if qualifier in (":in", ":not-in") and tokens:
        url = unescape(split_unescaped(split_list(value)[0], "|")[-1])
        if not url:
            raise FhirError(500, "theValueSetUrlToExpand must not be null or blank")
        raise FhirError(404, f"HAPI-2024: Unknown ValueSet: {quote(url, safe='-_.*')}")
    if qualifier in (":above", ":below") and not tokens_known(type_, parameter, tokens):
        wrong = f"Invalid token specified for parameter {parameter.code}"
        for system, code in tokens:
            if not system:
                raise FhirError(400, f"HAPI-1240: {wrong} - No code specified: (missing)|{code}")
            if not code:
                raise FhirError(400, f"HAPI-1239: {wrong} - No system specified: {system}|(missing)")
        return c.NeverCondition(parameter)
    return c.TokenCondition(parameter, tokens, qualifier == ":not") if tokens else None


def tokens_known(type_: str, parameter: SearchParameter, tokens: list[tuple[str | None, str]]) -> bool:
    """Whether all tokens are codes of the enumeration that the parameter leads to: then HAPI knows their system."""
    codes: frozenset[str] = frozenset()
    for path in parameter.paths:
        kind, element = type_, None
        for name in path.split(".")[1:]:
            element, kind = definitions.json_names(kind).get(name, (None, "string")) if kind else (None, "")
        codes |= (element.codes or frozenset()) if element is not None else frozenset()
    return all(code in codes for _, code in tokens)


def _string(type_: str, parameter: SearchParameter, qualifier: str, value: str, _: Any) -> c.Condition | None:
    if qualifier == ":exact" and not value:
        return c.NeverCondition(parameter)
    members = [unescape(m) for m in split_list(value)]
    how = qualifier[1:] if qualifier in (":exact", ":contains") else ""
    return c.StringCondition(parameter, members or [""], how)  # an empty value asks for any


def _uri(type_: str, parameter: SearchParameter, qualifier: str, value: str, _: Any) -> c.Condition | None:
    members = [unescape(m) for m in split_list(value)]
    how = qualifier[1:] if qualifier in (":above", ":below") else ""
    return c.UriCondition(parameter, members, how) if members else None


def _quantity(
    type_: str, parameter: SearchParameter, qualifier: str, value: str, parsed: list[Quantity]
) -> c.Condition | None:
    _check_prefixes(parsed)
    return r.QuantityCondition(parameter, parsed) if parsed else None


def _number(
    type_: str, parameter: SearchParameter, qualifier: str, value: str, parsed: list[Quantity]
) -> c.Condition | None:
    _check_prefixes(parsed)
    return r.NumberCondition(parameter, parsed) if parsed else None


def _check_prefixes(parsed: list[Quantity]) -> None:
    for quantity in parsed:
        if quantity.prefix in ("sa", "eb"):
            text = f'HAPI-1235: Unable to handle quantity prefix "{quantity.prefix}" for value: {quantity.written}'
            raise FhirError(400, text)


def _composite(
    type_: str, parameter: SearchParameter, qualifier: str, value: str, parsed: list[Any]
) -> c.Condition | None:
    alternatives: list[list[Callable[[Any], bool]]] = []
    for parts in parsed:
        _check_prefixes([part for kind, part in parts if kind == "quantity"])
        if len(parts) == len(parameter.components):
            alternatives.append([_part_test(kind, part) for kind, part in parts])
    return r.CompositeCondition(parameter, alternatives)


def _part_test(kind: str, part: Any) -> Callable[[Any], bool]:
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


def reference_condition(chart: Chart, parameter: SearchParameter, qualifier: str, value: str) -> c.Condition:
    """The condition of one value of a reference parameter.

    Raises:
        FhirError: HAPI-1101, 1243 or 1250, or what the inner search of a chain refuses.
    """
    restrict, _, chain = qualifier.removeprefix(":").partition(".")
    if restrict and not definitions.is_resource(restrict):
        text = f'HAPI-1250: Invalid/unsupported resource type: "{restrict}"'
        raise FhirError(400, text) if chain else UnknownTypeError(400, text)
    if chain:
        return c.ReferenceCondition(parameter, chained(chart, parameter, restrict, chain, value))
    members = split_list(value)
    if not members or any(definitions.is_resource(m[:-1]) and m.endswith("/") for m in members):
        raise FhirError(400, "HAPI-1101: Parameter value missing in request")
    return c.ReferenceCondition(parameter, targets_of(chart, parameter, restrict, [unescape(m) for m in members]))


_MAKE: dict[str, Callable[[str, SearchParameter, str, str, Any], c.Condition | None]] = {
    "token": _token,
    "string": _string,
    "uri": _uri,
    "quantity": _quantity,
    "number": _number,
    "composite": _composite,
}
