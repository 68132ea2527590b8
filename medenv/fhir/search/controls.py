"""The parameters that say how a search is answered: pages, order, filters, includes.

The same few stand in most searches, so they are read once; what HAPI refuses is refused anew each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeVar

from medenv.fhir import definitions
from medenv.fhir.definitions import SearchParameter
from medenv.fhir.errors import FhirError, sanitized
from medenv.fhir.filters import check_filters, read_summary
from medenv.fhir.hashing import set_order, string_hash
from medenv.fhir.request import Params
from medenv.fhir.search.parameters import known_parameters
from medenv.fhir.search.query import Include, SortKey

__all__ = ["Controls", "Paging", "Presentation", "checked", "controls_of"]

_UNUSUAL = frozenset(["_query", "_has", "_filter", "_list", "_contained"])
"""Controls that are conditions, or refused as such."""


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of the answer is wanted.

    Attributes:
        elements: The names of ``_elements``, sorted; None without it.
        count: ``_count``, None without one.
        offset: ``_offset``, None without one.
    """

    elements: tuple[str, ...] | None = None
    count: int | None = None
    offset: int | None = None


class Presentation(NamedTuple):
    """How the answer is written.

    Attributes:
        summary: ``true text data count``, or ``""``.
        count_only: Whether only the number of hits is asked for.
        accurate: Whether ``_total=accurate`` was asked for.
        includes: What to include.
    """

    summary: str = ""
    count_only: bool = False
    accurate: bool = False
    includes: tuple[Include, ...] = ()


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls of a search, or the refusal of each: HAPI raises some before it looks at the conditions and some after.

    Attributes:
        names: Which of ``_query``, ``_has``, ``_filter``, ``_list`` and ``_contained`` there are.
        paging: Which part of the answer is wanted, or HAPI-0295, 0375 or 0461.
        presentation: How the answer is written, or HAPI-0380, 0389, 0441 or 2015 to 2018.
        sort: The keys of the first ``_sort``, each other one as a key, or HAPI-1194, or HAPI-0304 for a summary of some elements, which
            HAPI notices last.
    """

    names: frozenset[str]
    paging: Paging | FhirError
    presentation: Presentation | FhirError
    sort: tuple[SortKey, ...] | FhirError


_Found = TypeVar("_Found")


def checked(found: _Found | FhirError) -> _Found:
    """Return a control, or raise its refusal.

    Raises:
        FhirError: It is refused.
    """
    if isinstance(found, FhirError):
        raise found.with_traceback(None)
    return found


def _tried(read: Callable[[], _Found]) -> _Found | FhirError:
    try:
        return read()
    except FhirError as refusal:
        return refusal


@lru_cache(maxsize=4096)
def controls_of(type_: str, own: Params) -> Controls:
    """Read the controls of a search; equal ones are shared, as the same few stand in most searches.

    Args:
        type_: What is searched.
        own: Its parameters whose names begin with an underscore.
    """
    names = frozenset(name.partition(":")[0] for name, _ in own) & _UNUSUAL
    paging = _tried(lambda: _paging(own))
    presentation = _tried(lambda: _presentation(own, checked(paging)))
    sort = _tried(lambda: _sort(type_, own, checked(presentation), checked(paging)))
    return Controls(names, paging, presentation, sort)


def _paging(own: Params) -> Paging:
    return Paging(_elements(own), _integer(own, "_count", "0375"), _integer(own, "_offset", "0461"))


def _presentation(own: Params, paging: Paging) -> Presentation:
    summary, count_only = read_summary(own)
    if paging.offset is not None and paging.offset < 0:
        text = "org.springframework.dao.InvalidDataAccessApiUsageException: Offset must be a positive integer"
        raise FhirError(500, f"HAPI-0389: Failed to call access method: {text}")
    return Presentation(summary, count_only, own.first("_total") == "accurate", _includes(own))


def _elements(own: Params) -> tuple[str, ...] | None:
    names: set[str] = set()
    for value in own.getlist("_elements"):
        if ":" in value:
            raise FhirError(400, f'HAPI-0295: Invalid _elements value: "{value}"')
        names |= {n.strip() for n in value.split(",") if n.strip()}
    return tuple(sorted(names)) if names else None


def _integer(own: Params, name: str, number: str) -> int | None:
    text = own.first(name)
    if not text:
        return None
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) or not -(2**31) <= int(text) < 2**31:
        raise FhirError(400, f"HAPI-{number}: Invalid {name} value: {text}")
    return int(text)


def _includes(own: Params) -> tuple[Include, ...]:
    found = []
    for name, value in sorted(own, key=lambda p: p[0].startswith("_revinclude")):
        code, _, modifier = name.partition(":")
        if code in ("_include", "_revinclude") and value:
            found.append(_include(code, modifier, (name, value)))
    return tuple(set_order(list(dict.fromkeys(found)), _include_hash))


def _include_hash(include: Include) -> int:
    """Return the hash of HAPI's Include: the order of a set of them shows in the links to later pages."""
    return (31 * (31 + (1231 if include.iterate else 1237)) + string_hash(include.written[1])) & 0xFFFFFFFF


def _include(code: str, modifier: str, written: tuple[str, str]) -> Include:
    value = written[1]
    wrong = f'Invalid {code} parameter value: "{sanitized(value)}". '
    if "," in value:
        text = "HAPI-0441: 'OR' query parameters (values containing ',') are not supported in _include parameters"
        raise FhirError(400, text)
    reverse, iterate = code == "_revinclude", modifier in ("iterate", "recurse")
    if value == "*":
        return Include("*", "*", "", reverse, iterate, written)
    parts = value.split(":")
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise FhirError(400, f"HAPI-2018: {wrong}")
    kind, name = parts[0], parts[1]
    if not definitions.is_resource(kind):
        raise FhirError(400, f'HAPI-2017: {wrong}Invalid/unsupported resource type: "{sanitized(kind)}"')
    target = parts[2] if len(parts) > 2 else ""
    if target and not definitions.is_resource(target):
        raise FhirError(400, f'HAPI-2016: {wrong}Invalid/unsupported resource type: "{sanitized(target)}"')
    references = sorted(k for k, p in known_parameters(kind).items() if p.type == "reference")
    if name != "*" and name not in references:
        listed = ", ".join(references)
        text = f'HAPI-2015: {wrong}Unknown search parameter "{sanitized(name)}" for resource type "{kind}". '
        raise FhirError(400, f"{text}Valid search parameters for this search are: [{listed}]")
    # Of `Patient:*` HAPI follows all references, whoever's they are.
    return Include("*" if name == "*" and not reverse else kind, name, target, reverse, iterate, written)


def _refuse_chain(known: Mapping[str, SearchParameter], name: str, restrict: str) -> None:
    """Refuse a sort key that is a chain, where HAPI does.

    Raises:
        FhirError: HAPI-2285 to 2287.
    """
    first = name.partition(".")[0]
    if name.count(".") > 1:
        text = f"HAPI-2286: Invalid _sort expression, can not chain more than once in a sort expression: {name}"
        raise FhirError(400, text)
    if first in known and known[first].type != "reference":
        raise FhirError(400, f"HAPI-2285: Invalid chain, {first} is not a reference SearchParameter")
    if first in known and not restrict and len(known[first].targets) != 1:
        text = f"HAPI-2287: Unable to sort on a chained parameter from '{first}' as this parameter has multiple target types."
        raise FhirError(400, f"{text} Please specify the target type.")


def _sort(type_: str, own: Params, presentation: Presentation, paging: Paging) -> tuple[SortKey, ...]:
    if presentation.count_only or paging.count == 0:
        check_filters(presentation.summary, paging.elements)
        return ()  # what is only counted HAPI doesn't sort, and reads no keys
    keys = []
    known = known_parameters(type_)
    values = own.getlist("_sort")
    parts = [(p.startswith("-"), p.removeprefix("-")) for value in values[:1] for p in value.split(",")]
    for descending, name in parts + [(False, value) for value in values[1:]]:
        if not name:
            continue
        restrict = ""
        if ":" in name:
            restrict, _, name = name.partition(":")
        if "." in name:
            _refuse_chain(known, name, restrict)
        if name not in known:
            text = f'HAPI-1194: Unknown _sort parameter value "{sanitized(name)}" for resource type "{type_}" (Note: sort parameters '
            text += f"values must use a valid Search Parameter). Valid values for this search are: [{', '.join(known)}]"
            raise FhirError(400, text[:500])
        keys.append(SortKey(known[name], descending))
    check_filters(presentation.summary, paging.elements)
    return tuple(keys)
