"""What a reference parameter's value names: ids, internal numbers, URLs, and chains into other types.

A number is HAPI's internal one, whatever stands before it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from medenv.fhir import definitions
from medenv.fhir.definitions import SearchParameter
from medenv.fhir.errors import FhirError
from medenv.fhir.index.extract import BASE

if TYPE_CHECKING:
    from medenv.fhir.chart import Chart

__all__ = ["UnknownTypeError", "chained", "having", "id_pids", "targets_of"]


class UnknownTypeError(FhirError):
    """A reference names a type that there isn't."""


_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)


def targets_of(chart: Chart, parameter: SearchParameter, restrict: str, values: list[str]) -> list[str]:
    """The references, as they are stored, that some values name.

    A number is an internal one whatever type stands before it; a bare id may be of any type that the parameter leads to.

    Args:
        chart: Where internal numbers are looked up.
        parameter: The reference parameter.
        restrict: The type that a modifier names, or ``""``.
        values: The values.

    Raises:
        FhirError: HAPI-1250 for an unknown type.
    """
    found: list[str] = []
    for value in values:
        for base in (chart.base, BASE):
            value = value.removeprefix(base + "/")
        value = value.removeprefix("/").split("/_history/")[0]
        kind, slash, id_ = value.rpartition("/")
        if "/" in kind and ":" not in kind:
            kind = kind.rpartition("/")[2]
        if slash and ":" in kind:
            found.append(value)
            continue
        if slash and not restrict and not definitions.is_resource(kind):
            raise UnknownTypeError(400, f'HAPI-1250: Invalid/unsupported resource type: "{kind}"')
        if _NUMBER.fullmatch(id_):
            record = chart.by_pid(int(id_))
            if record is not None:
                found.append(f"{record.type}/{record.id}")
                continue
        if slash or restrict:
            found.append(f"{kind or restrict}/{id_}")
            continue
        # a bare id is a Patient's, or that of a resource that is there: nothing else can be referred to
        found += [f"{k}/{id_}" for k in parameter.targets if k == "Patient" or chart.lookup(k, id_) is not None]
    return found


def chained(chart: Chart, parameter: SearchParameter, restrict: str, chain: str, value: str) -> list[str]:
    """The references to the resources that a chain's last part finds.

    Args:
        chart: Where to search.
        parameter: The reference parameter that the chain starts from.
        restrict: The type that a modifier names, or ``""`` for all that the parameter leads to.
        chain: The rest: a parameter of those types, with its own qualifier.
        value: Its value.

    Raises:
        FhirError: HAPI-1243 if no type knows the parameter, or what the inner search refuses.
    """
    from medenv.fhir.search.engine import inner_search
    from medenv.fhir.search.parameters import known_parameters, split_name

    name = split_name(chain)[0]
    kinds = [restrict] if restrict else list(parameter.targets or definitions.types())
    able = [k for k in kinds if name in known_parameters(k)]
    if not able:
        raise FhirError(400, f"HAPI-1243: Invalid parameter chain: {parameter.code}.{chain}")
    if name == "_id":
        return []
    found = []
    for kind in able:
        found += [f"{kind}/{record.id}" for record in inner_search(chart, kind, [(chain, value)])]
    return found


def having(chart: Chart, type_: str, name: str, value: str) -> list[int]:
    """The internal numbers of the resources that others, found by ``_has``, refer to.

    Args:
        chart: Where to search.
        type_: The type of the resources that are wanted.
        name: What follows ``_has``: a colon, a type, a reference parameter of it and a parameter of it, between colons.
        value: The last one's value.

    Raises:
        FhirError: HAPI-1208, 1209 or 1942, or what the inner search refuses.
    """
    from medenv.fhir.index.extract import extract
    from medenv.fhir.search.engine import inner_search
    from medenv.fhir.search.parameters import known_parameters

    kind, link, rest = name[1:].split(":", 2)
    if not definitions.is_resource(kind):
        raise FhirError(400, f"HAPI-1208: Invalid resource type: {kind}")
    known = known_parameters(kind)
    for wanted in (rest, link):
        if wanted not in known:
            raise FhirError(400, f"HAPI-1209: Unknown parameter name: {kind}:{wanted}")
    found: dict[int, None] = {}
    if known[link].type != "reference":
        return []
    try:
        records = inner_search(chart, kind, [(rest, value)])
    except FhirError as e:
        raise FhirError(500, e.diagnostics) from None
    for record in records:
        if record.shape is None:
            continue
        for reference in extract(record.shape, known[link])(record.values):
            target, _, id_ = reference.partition("/")
            if target == type_:
                there = chart.lookup(type_, id_)
                if there is not None and not there.deleted:
                    found[there.pid] = None
    return list(found)


def id_pids(chart: Chart, type_: str, values: list[str]) -> list[int]:
    """The internal numbers of the resources that ``_id`` names: by id, ``Type/id`` or internal number."""
    found = []
    for value in values:
        id_ = value.strip().rpartition("/")[2]
        record = chart.lookup(type_, id_)
        if record is None and _NUMBER.fullmatch(id_):
            record = chart.by_pid(int(id_))
        if record is not None and record.type == type_ and not record.deleted:
            found.append(record.pid)
    return found
