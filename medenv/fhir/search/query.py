"""Reading a search request: its parameters, its conditions, its controls, and which refusal wins where several are due.

The order of the checks is HAPI's: values first, then names, includes, chains, and the sort last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from medenv.fhir import definitions
from medenv.fhir.definitions import SearchParameter
from medenv.fhir.errors import FhirError
from medenv.fhir.search.conditions import RANK, Condition, IdCondition
from medenv.fhir.search.parameters import (
    Given,
    finish,
    known_parameters,
    read_values,
    split_name,
    unsupported_modifiers,
)
from medenv.fhir.search.plain import plain_conditions
from medenv.fhir.search.references import UnknownTypeError, having

if TYPE_CHECKING:
    from medenv.fhir.chart import Chart

__all__ = [
    "Include",
    "Search",
    "SortKey",
    "check_cut",
    "hash_order",
    "not_supported",
    "parse_query",
    "read_search",
    "read_summary",
]

CONTROLS = frozenset(
    [
        "_count",
        "_offset",
        "_sort",
        "_summary",
        "_elements",
        "_total",
        "_format",
        "_pretty",
        "_include",
        "_revinclude",
        "_has",
        "_filter",
        "_list",
        "_query",
    ]
)


@dataclass(frozen=True)
class SortKey:
    """One key of ``_sort``."""

    parameter: SearchParameter
    descending: bool


@dataclass(frozen=True)
class Include:
    """One ``_include`` or ``_revinclude``.

    Attributes:
        type: The type whose references are followed; ``*`` for any.
        name: The reference parameter; ``*`` for all.
        target: The type that the reference must lead to, or ``""``.
        reverse: Whether it is a ``_revinclude``.
        iterate: Whether included resources are followed too.
        written: Name and value as sent, for the links.
    """

    type: str
    name: str
    target: str
    reverse: bool
    iterate: bool
    written: tuple[str, str]


@dataclass(slots=True)
class Search:
    """A search, read.

    Attributes:
        type: What is searched.
        params: Names and values as sent, decoded.
        conditions: What a resource must meet.
        sort: The sort keys; empty for HAPI's own order.
        count: ``_count``, None without one.
        offset: ``_offset``, None without one.
        accurate: Whether ``_total=accurate`` was asked for.
        summary: ``true text data count``, or ``""``.
        count_only: Whether only the number of hits is asked for.
        elements: The names of ``_elements``, sorted; None without it.
        includes: What to include.
    """

    type: str
    params: list[tuple[str, str]]
    conditions: list[Condition] = field(default_factory=list)
    sort: Sequence[SortKey] = ()
    count: int | None = None
    offset: int | None = None
    accurate: bool = False
    summary: str = ""
    count_only: bool = False
    elements: tuple[str, ...] | None = None
    includes: Sequence[Include] = ()


def _decode(text: str) -> str:
    text = text.replace("+", " ")
    return unquote_to_bytes(text).decode("utf-8", "replace") if "%" in text else text


def parse_query(raw: str) -> list[tuple[str, str]]:
    """Names and values of a raw query string, decoded, in order; a blank may stand as ``+``."""
    return [_pair(part) for part in raw.split("&") if part]


@lru_cache(maxsize=8192)
def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    # HAPI keeps the plus of `application/fhir+json`; everywhere else it is a blank
    return _decode(name), _decode(value.replace("+", "%2B") if name == "_format" else value)


def not_supported(path: str, names: list[str], method: str = "GET") -> FhirError:
    """HAPI's refusal of a request that no operation takes."""
    text = f"Invalid request: The FHIR endpoint on this server does not know how to handle {method} operation[{path}]"
    listed = ", ".join(hash_order(list(dict.fromkeys(names))))
    return FhirError(400, f"{text} with parameters [[{listed}]]", "not-supported")


def hash_order(names: list[str]) -> list[str]:
    """Names in the order in which HAPI's hash map gives them: by bucket, within one the last first."""
    size = 16
    while len(names) > size * 3 // 4:
        size *= 2

    def bucket(name: str) -> int:
        code = 0
        for unit in memoryview(name.encode("utf-16-le", "surrogatepass")).cast("H"):
            code = (code * 31 + unit) & 0xFFFFFFFF
        return (code ^ code >> 16) & (size - 1)

    last_first = names[::-1]
    return sorted(last_first, key=bucket)


def _first(params: list[tuple[str, str]], name: str) -> str | None:
    return next((v for n, v in params if n == name), None)


def _integer(params: list[tuple[str, str]], name: str, number: str) -> int | None:
    text = _first(params, name)
    if not text:
        return None
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) or not -(2**31) <= int(text) < 2**31:
        raise FhirError(400, f"HAPI-{number}: Invalid {name} value: {text}")
    return int(text)


def read_search(chart: Chart, type_: str, params: list[tuple[str, str]]) -> Search:
    """Read a search.

    Args:
        chart: Where chains and internal numbers are looked up.
        type_: The type that is searched.
        params: Its parameters, decoded.

    Raises:
        FhirError: Whatever HAPI refuses first.
    """
    own = tuple([pair for pair in params if pair[0][:1] == "_"])
    form = _usual_form(type_, own) if own else ()
    if form is not None:
        conditions = plain_conditions(chart, type_, [pair for pair in params if pair[0][:1] != "_"] if own else params)
        if conditions is not None:
            return Search(type_, params, conditions, *form)
    search = Search(type_, params)
    known = definitions.search_parameters(type_)
    givens, unknown = _group(known, params)
    ordered = [given for _, given in sorted(givens.items())]
    # Most searches have no parameter of HAPI's own, and are spared the many looks for one.
    controlled = any(name.startswith("_") for name, _ in params)
    if controlled:
        _check_names(type_, params)
    for given in ordered:
        read_values(given)
    if controlled:
        search.elements = _elements(params)
        search.count = _integer(params, "_count", "0375")
        search.offset = _integer(params, "_offset", "0461")
    if unknown:
        valid = ", ".join(known_parameters(type_))
        names = (split_name(name)[0] for name in hash_order(list(dict.fromkeys(name for name, _ in params))))
        first = next(name for name in names if name in unknown)
        text = f'HAPI-0524: Unknown search parameter "{first}" for resource type "{type_}". '
        raise FhirError(400, f"{text}Valid search parameters for this search are: [{valid}]")
    if controlled:
        _controls(search)
        search.includes = _includes(params)
        for code in ("_content", "_text"):
            if code in givens:
                text = f"HAPI-1192: Fulltext search is not enabled on this service, can not process parameter: {code}"
                raise FhirError(400, text)
        for name, value in params:
            if name.startswith("_has:"):
                search.conditions.append(IdCondition(known["_id"], having(chart, type_, name[4:], value)))
    for given in ordered:
        try:
            search.conditions += finish(chart, type_, given)
        except UnknownTypeError as e:
            raise unsupported_modifiers(type_, ordered, e) from None
    if controlled:
        _refuse_or_empty(search, known)
        search.sort = _sort(type_, params)
        check_cut(search.summary, search.elements)
    search.conditions.sort(key=RANK)
    return search


def _check_names(type_: str, params: list[tuple[str, str]]) -> None:
    """Refuse the names that HAPI refuses before it reads any value."""
    if any(n == "_query" for n, _ in params):
        raise not_supported(type_, [n for n, _ in params])
    for name, _ in params:
        if (
            name.startswith("_has")
            and (name.count(":") < 3 or not all(name.split(":", 3)[1:3]))
            and name.partition(":")[0] == "_has"
        ):
            raise FhirError(400, f"HAPI-1942: Invalid _has parameter syntax: {name.removeprefix('_has') or name}")


def _refuse_or_empty(search: Search, known: dict[str, SearchParameter]) -> None:
    """``_filter`` fails on HAPI, and no list exists that ``_list`` could name."""
    for name, value in search.params:
        if name == "_filter":
            raise FhirError(500, f"begin {len(value)}, end {len(value) + 1}, length {len(value)}")
        if name == "_list" and value:
            search.conditions.append(IdCondition(known["_id"], []))


_USUAL_FORM = frozenset(["_count", "_offset", "_sort", "_summary", "_elements", "_total", "_format", "_pretty"])


@lru_cache(maxsize=4096)
def _usual_form(type_: str, own: tuple[tuple[str, str], ...]) -> tuple[Any, ...] | None:
    """What HAPI's own parameters make of a `Search`, from its sort keys on, worked out once for equal words.

    None if there are others than those of an answer's form, or one is refused: then all of the search decides what is due.
    """
    if not all(name in _USUAL_FORM for name, _ in own):
        return None
    params = list(own)
    search = Search(type_, params)
    try:
        search.elements = _elements(params)
        search.count, search.offset = _integer(params, "_count", "0375"), _integer(params, "_offset", "0461")
        _controls(search)
        search.sort = _sort(type_, params)
        check_cut(search.summary, search.elements)
    except FhirError:
        return None
    return (
        search.sort,
        search.count,
        search.offset,
        search.accurate,
        search.summary,
        search.count_only,
        search.elements,
    )


_QUALIFIER = itemgetter(0)


def _group(known: dict[str, SearchParameter], params: list[tuple[str, str]]) -> tuple[dict[str, Given], list[str]]:
    values: dict[str, list[tuple[str, str]]] = {}
    unknown = []
    for name, value in params:
        code, qualifier = split_name(name)
        if code in CONTROLS or code == "_language":
            continue
        if code in known:
            values.setdefault(code, []).append((qualifier, value))
        elif not code.startswith("_"):
            unknown.append(code)
    # the plain name comes first, then those with a qualifier, as HAPI sorts them
    for found in values.values():
        if len(found) > 1:
            found.sort(key=_QUALIFIER)
    return {code: Given(known[code], found) for code, found in values.items()}, unknown


def _elements(params: list[tuple[str, str]]) -> tuple[str, ...] | None:
    names: set[str] = set()
    found = False
    for name, value in params:
        if name == "_elements":
            found = True
            if ":" in value:
                raise FhirError(400, f'HAPI-0295: Invalid _elements value: "{value}"')
            names |= {n.strip() for n in value.split(",") if n.strip()}
    return tuple(sorted(names)) if found and names else None


def read_summary(params: list[tuple[str, str]]) -> tuple[str, bool]:
    """What ``_summary`` asks for: ``true``, ``text``, ``data``, ``count`` or ``""``; and whether only the number is wanted.

    Raises:
        FhirError: HAPI-0380 for what can't be combined.
    """
    written = {s for n, v in params if n == "_summary" for s in v.split(",")}
    kinds = written & {"true", "text", "data", "count", "false"}
    if "text" in kinds and len(kinds) > 1:
        raise FhirError(400, "HAPI-0380: Can not combine _summary=text with other values for _summary")
    only = kinds - {"count", "false"}
    kind = next((k for k in ("text", "true", "data") if k in only), "")
    return ("count" if kinds == {"count"} else kind), "count" in kinds


def check_cut(summary: str, elements: tuple[str, ...] | None) -> None:
    """Refuse a summary of some elements; HAPI notices when it writes the answer.

    Raises:
        FhirError: HAPI-0304.
    """
    if summary and elements is not None:
        raise FhirError(400, "HAPI-0304: Cannot combine the _summary and _elements parameters")


def _controls(search: Search) -> None:
    search.summary, search.count_only = read_summary(search.params)
    search.accurate = _first(search.params, "_total") == "accurate"
    if search.offset is not None and search.offset < 0:
        text = "org.springframework.dao.InvalidDataAccessApiUsageException: Offset must be a positive integer"
        raise FhirError(500, f"HAPI-0389: Failed to call access method: {text}")


def _includes(params: list[tuple[str, str]]) -> list[Include]:
    found = []
    for name, value in sorted(params, key=lambda p: p[0].startswith("_revinclude")):
        code, _, modifier = name.partition(":")
        if code in ("_include", "_revinclude") and value:
            found.append(_include(code, modifier, (name, value)))
    return list(dict.fromkeys(found))


def _include(code: str, modifier: str, written: tuple[str, str]) -> Include:
    value = written[1]
    wrong = f'Invalid {code} parameter value: "{value}". '
    if "," in value:
        text = f"HAPI-0441: 'OR' query parameters (values containing ',') are not supported in {code} parameters"
        raise FhirError(400, text)
    reverse, iterate = code == "_revinclude", modifier in ("iterate", "recurse")
    if value == "*":
        return Include("*", "*", "", reverse, iterate, written)
    parts = value.split(":")
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise FhirError(400, f"HAPI-2018: {wrong}")
    kind, name = parts[0], parts[1]
    if not definitions.is_resource(kind):
        raise FhirError(400, f'HAPI-2017: {wrong}Invalid/unsupported resource type: "{kind}"')
    target = parts[2] if len(parts) > 2 else ""
    if target and not definitions.is_resource(target):
        raise FhirError(400, f'HAPI-2016: {wrong}Invalid/unsupported resource type: "{target}"')
    references = sorted(k for k, p in known_parameters(kind).items() if p.type == "reference")
    if name != "*" and name not in references:
        listed = ", ".join(references)
        text = f'HAPI-2015: {wrong}Unknown search parameter "{name}" for resource type "{kind}". '
        raise FhirError(400, f"{text}Valid search parameters for this search are: [{listed}]")
    return Include(kind, name, target, reverse, iterate, written)


def _sort(type_: str, params: list[tuple[str, str]]) -> list[SortKey]:
    keys = []
    known = known_parameters(type_)
    values = [v for n, v in params if n == "_sort"]
    parts = [(p.startswith("-"), p.removeprefix("-")) for value in values[:1] for p in value.split(",")]
    for descending, name in parts + [(False, value) for value in values[1:]]:
        if not name:
            continue
        if name not in known:
            text = (
                f'HAPI-1194: Unknown _sort parameter value "{name}" for resource type "{type_}" (Note: sort parameters '
            )
            text += f"values must use a valid Search Parameter). Valid values for this search are: [{', '.join(known)}]"
            raise FhirError(400, text[:500])
        keys.append(SortKey(known[name], descending))
    return keys
