"""Parsing a search: from its parameters to what they demand, and which refusal wins where several are due.

No chart is needed: what only a chart can say is left to `medenv.fhir.search.resolve`, so that equal values are read once. A chain
and ``_has`` are searches within the search, parsed by recursion. The order of the checks is HAPI's: values first, then names,
includes, chains, and the sort last.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from medenv.fhir import definitions
from medenv.fhir.definitions import SearchParameter
from medenv.fhir.errors import FhirError, not_supported, sanitized
from medenv.fhir.idtype import parse_reference
from medenv.fhir.index.extract import BASE
from medenv.fhir.request import NO_PARAMS, Params
from medenv.fhir.search.conditions import Condition, IdCondition, MissingCondition, ReferenceCondition
from medenv.fhir.search.controls import checked, controls_of
from medenv.fhir.search.parameters import (
    Group,
    UnknownTypeError,
    known_parameters,
    layout_of,
    split_name,
    unknown_parameter,
    unsupported_modifiers,
)
from medenv.fhir.search.query import (
    Chain,
    Criterion,
    Ids,
    Query,
    Reference,
    References,
    ReverseChain,
)
from medenv.fhir.search.translate import MEASURED, check_value, condition_of, date_condition, read_dates
from medenv.fhir.search.values import split_list, unescape

__all__ = ["parse"]

_CACHED = 8192
_RANK = attrgetter("rank")

Criteria = list[Condition | Criterion]


def parse(type_: str, params: Params, base: str) -> Query:
    """Parse a search.

    Args:
        type_: The resource type that is searched.
        params: Its parameters, decoded.
        base: The server's base URL, for references that name it.

    Raises:
        FhirError: Whatever HAPI refuses first.
    """
    layout = layout_of(type_, params.names())
    own = Params([params[at] for at in layout.own]) if layout.own else NO_PARAMS
    controls = controls_of(type_, own)
    if controls.names:
        _check_names(type_, params, own)
    dates = _check_values(layout.groups, params)
    paging = checked(controls.paging)
    if layout.unknown:
        raise unknown_parameter(type_, params, layout.unknown)
    presentation = checked(controls.presentation)
    if layout.fulltext:
        text = "HAPI-1192: Fulltext search is not enabled on this service, can not process parameter"
        raise FhirError(400, f"{text}: {layout.fulltext}")
    criteria = _criteria(type_, layout.groups, params, dates, base)
    if controls.names:
        criteria = [*_reverse_chains(type_, own, base), *criteria, *_filter_and_list(type_, own)]
    sort = checked(controls.sort)
    if len(criteria) > 1:
        criteria.sort(key=_RANK)
    return Query(type_, params, criteria, sort, paging.count, paging.offset, paging.elements, *presentation)


def _check_names(type_: str, params: Params, own: Params) -> None:
    """Refuse the names that HAPI refuses before it reads any value.

    Raises:
        FhirError: ``_query``, or HAPI-1942.
    """
    contained = own.first("_contained")
    if contained and contained != "false":
        if contained == "both":
            raise FhirError(405, "HAPI-0983: Contained mode 'both' is not currently supported")
        if contained == "true":
            text = "HAPI-0984: Searching with _contained mode enabled is not enabled on this server"
            raise FhirError(405, text)
        raise FhirError(400, f"HAPI-1963: Invalid contained mode: {sanitized(contained)}")
    if "_query" in own.names():
        raise not_supported(type_, params.names())
    for name, _ in own:
        if name.partition(":")[0] == "_has" and (name.count(":") < 3 or not all(name.split(":", 3)[1:3])):
            raise FhirError(400, f"HAPI-1942: Invalid _has parameter syntax: {name.removeprefix('_has') or name}")


def _check_values(groups: Sequence[Group], params: Params) -> dict[str, list[Any]]:
    """Read what can be read wrongly; return the bounds of each date parameter."""
    dates = {}
    for parameter, places in groups:
        if parameter.type == "date":
            dates[parameter.code] = read_dates([(qualifier, params[at][1]) for qualifier, at in places])
        elif parameter.type in MEASURED:
            for qualifier, at in places:
                check_value(parameter, qualifier, params[at][1])
    return dates


def _filter_and_list(type_: str, own: Params) -> Criteria:
    """Refuse ``_filter``, which fails on HAPI, and find nothing by ``_list``, as no list exists that it could name."""
    found: Criteria = []
    for name, value in own:
        if name == "_filter":
            raise FhirError(500, f"begin {len(value)}, end {len(value) + 1}, length {len(value)}")
        if name == "_list" and value:
            found.append(IdCondition(definitions.search_parameters(type_)["_id"], []))
    return found


def _criteria(type_: str, groups: Sequence[Group], params: Params, dates: dict[str, list[Any]], base: str) -> Criteria:
    """Make what all parameters but ``_has``, ``_filter`` and ``_list`` demand."""
    found: Criteria = []
    try:
        for parameter, places in groups:
            if parameter.type == "date":
                made = date_condition(parameter, dates[parameter.code])
                if made is not None:
                    found.append(made)
                continue
            for qualifier, at in places:
                one = _criterion(type_, parameter.code, qualifier, params[at][1], base)
                if one is not None:
                    found.append(one)
    except UnknownTypeError as error:
        raise unsupported_modifiers(type_, groups, error) from None
    return found


@lru_cache(_CACHED)
def _criterion(type_: str, code: str, qualifier: str, value: str, base: str) -> Condition | Criterion | None:
    """Return what one value of a parameter that is no date demands; None if that is nothing.

    Cached, since nothing but the words bears on it, and the same ones are asked for again and again.

    Raises:
        FhirError: HAPI-1101, 1235, 1239, 1240, 1243, 1250, 2012 or 2024, or what the search of a chain refuses.
    """
    parameter = definitions.search_parameters(type_)[code]
    if code == "_id":
        ids = _ids(value)
        return Ids(parameter, type_, ids) if ids else None
    if parameter.type != "reference":
        return condition_of(type_, parameter, qualifier, value)
    if qualifier == ":missing":
        return MissingCondition(parameter, value == "true")
    restrict, _, chain = qualifier.removeprefix(":").partition(".")
    if restrict and not definitions.is_resource(restrict):
        text = f'HAPI-1250: Invalid/unsupported resource type: "{restrict}"'
        raise FhirError(400, text) if chain else UnknownTypeError(400, text)
    if chain:
        return _chain(parameter, restrict, chain, value, base)
    members = split_list(value)
    if not members:
        raise FhirError(400, "HAPI-1101: Parameter value missing in request")
    return References(parameter, [_reference(restrict, unescape(m), base) for m in members])


def _ids(value: str) -> list[str]:
    """Return the ids that ``_id`` names: what stands behind the last slash, without a version.

    Raises:
        FhirError: Nothing stands there, which HAPI finds out by an assertion.
    """
    members = [member.removeprefix("|") for member in split_list(value)]
    found = [member.partition("/_history/")[0].rpartition("/")[2] for member in members if member]
    if "" in found:
        raise FhirError(500, "The validated expression is false")
    return found


def _reference(restrict: str, value: str, base: str) -> Reference:
    """Parse a reference: an id, ``Type/id``, or a URL.

    Args:
        restrict: The type that a modifier names, or ``""``; with one, what isn't that type and an id is an id, slashes and all.
        value: The reference.
        base: The server's base URL.

    Raises:
        UnknownTypeError: HAPI-1250.
        FhirError: HAPI-1101.
    """
    if restrict:
        kind, _, id_ = value.partition("/_history/")[0].rpartition("/")
        return Reference(restrict, id_ if kind == restrict else value)
    for own in (base, BASE):
        value = value.removeprefix(own + "/")
    target = parse_reference(value)
    if target.base:
        return Reference("", value, whole=True)
    if target.type and not _is_type(target.type):
        raise UnknownTypeError(400, f'HAPI-1250: Invalid/unsupported resource type: "{sanitized(target.type)}"')
    if not target.id:
        raise FhirError(400, "HAPI-1101: Parameter value missing in request")
    return Reference(target.type, target.id)


@lru_cache(_CACHED)
def _is_type(name: str) -> bool:
    """Return whether HAPI knows a type, in whatever case; of another case than its own nothing is found."""
    return definitions.is_resource(name) or name.casefold() in {one.casefold() for one in definitions.types()}


def _chain(parameter: SearchParameter, restrict: str, chain: str, value: str, base: str) -> Condition | Criterion:
    """Parse a chain: a search of each type that it can lead to.

    Args:
        parameter: The reference parameter that it starts from.
        restrict: The type that a modifier names, or ``""`` for all that the parameter leads to.
        chain: The rest: a parameter of those types, with its own qualifier.
        value: Its value.
        base: The server's base URL.

    Raises:
        FhirError: HAPI-1243 if no type knows the parameter, or what the search of a type refuses.
    """
    name = "" if chain.startswith("_has:") else split_name(chain)[0]
    kinds = [restrict] if restrict else list(parameter.targets or definitions.types())
    able = [k for k in kinds if not name or name in known_parameters(k)]
    if not able:
        raise FhirError(400, f"HAPI-1243: Invalid parameter chain: {parameter.code}.{chain}")
    if name == "_id":  # HAPI finds nothing by it
        return ReferenceCondition(parameter, [])
    return Chain(parameter, [parse(kind, Params([(chain, value)]), base) for kind in able])


def _reverse_chains(type_: str, own: Params, base: str) -> Criteria:
    """Parse all ``_has``."""
    return [_reverse_chain(type_, name[4:], value, base) for name, value in own if name.startswith("_has:")]


def _reverse_chain(type_: str, name: str, value: str, base: str) -> Condition | Criterion:
    """Parse one ``_has``.

    Args:
        type_: The type of the resources that are wanted.
        name: What follows ``_has``: a colon, a type, a reference parameter of it and a parameter of it, between colons.
        value: The last one's value.
        base: The server's base URL.

    Raises:
        FhirError: HAPI-1208 or 1209, or what the inner search refuses, as a 500.
    """
    own = definitions.search_parameters(type_)["_id"]
    kind, link, rest = name[1:].split(":", 2)
    if not definitions.is_resource(kind):
        raise FhirError(400, f"HAPI-1208: Invalid resource type: {kind}")
    known = known_parameters(kind)
    nested = rest.startswith("_has:")
    first = "" if nested else rest.partition(".")[0]
    for wanted in (first, link):
        if wanted and wanted not in known:
            raise FhirError(400, f"HAPI-1209: Unknown parameter name: {kind}:{wanted}")
    if known[link].type != "reference":
        return IdCondition(own, [])
    if nested and "." in rest:
        return IdCondition(own, [])  # HAPI finds nothing by a chain within a second `_has`
    if first and known[first].type == "date":
        value = (split_list(value) or [value])[0]  # of a list HAPI takes the first alone
    try:
        query = parse(kind, Params([(rest, value)]), base)
    except FhirError as error:
        if nested or error.diagnostics.startswith("HAPI-1243"):
            raise
        raise FhirError(500, error.diagnostics) from None
    return ReverseChain(own, type_, known[link], query)
