"""The names of search parameters: which a type has, what stands behind a name, and how HAPI 7.6.0 refuses one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from operator import itemgetter
from typing import NamedTuple

from medenv.fhir import definitions
from medenv.fhir.definitions import SearchParameter
from medenv.fhir.errors import FhirError
from medenv.fhir.hashing import hash_order
from medenv.fhir.request import Params

__all__ = [
    "Group",
    "Layout",
    "UnknownTypeError",
    "known_parameters",
    "layout_of",
    "split_name",
    "unknown_parameter",
    "unsupported_modifiers",
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
        "_language",
    ]
)
"""Parameters that are no conditions, or whose conditions are made otherwise; HAPI ignores ``_language`` in a search."""

_HIDDEN = ("_filter", "_has", "_language", "_list")
_MODIFIERS = (":contains", ":exact", ":in", ":iterate", ":missing", ":not-in", ":of-type", ":recurse", ":text")

_FULLTEXT = ("_content", "_text")

Group = tuple[SearchParameter, tuple[tuple[str, int], ...]]
"""A parameter, and of each of its values the qualifier and the place in the request; those without one come first, as HAPI has them.

A qualifier is ``""``, ``:modifier`` or ``.chain``.
"""


class UnknownTypeError(FhirError):
    """A reference names a type that there isn't."""


@cache
def known_parameters(type_: str) -> dict[str, SearchParameter]:
    """Return the search parameters of a type that HAPI names in its error texts: all but four of its own."""
    return {k: p for k, p in definitions.search_parameters(type_).items() if k not in _HIDDEN}


@lru_cache(maxsize=1024)
def split_name(name: str) -> tuple[str, str]:
    """Split a parameter's name from its qualifier, which keeps its first character."""
    at = min((i for i in (name.find(":"), name.find(".")) if i >= 0), default=len(name))
    return name[:at], name[at:]


class Layout(NamedTuple):
    """What the names of a search's parameters say, whatever their values.

    Attributes:
        groups: The parameters that are conditions, in alphabetical order.
        own: Places of the parameters whose names begin with an underscore.
        unknown: Names that the type doesn't know.
        fulltext: A parameter of a full-text search, ``""`` for none.
    """

    groups: tuple[Group, ...]
    own: tuple[int, ...]
    unknown: tuple[str, ...]
    fulltext: str


@lru_cache(maxsize=4096)
def layout_of(type_: str, names: tuple[str, ...]) -> Layout:
    """Sort the parameters of a search by their names; equal ones are shared, as the same few stand in most searches.

    Args:
        type_: What is searched.
        names: The parameters' names.
    """
    known = definitions.search_parameters(type_)
    places: dict[str, list[tuple[str, int]]] = {}
    unknown = []
    for at, name in enumerate(names):
        code, qualifier = split_name(name)
        if code in CONTROLS:
            continue
        if code in known:
            places.setdefault(code, []).append((qualifier, at))
        elif not code.startswith("_"):
            unknown.append(code)
    groups = tuple((known[code], tuple(sorted(places[code], key=itemgetter(0)))) for code in sorted(places))
    own = tuple(at for at, name in enumerate(names) if name[:1] == "_")
    return Layout(groups, own, tuple(unknown), next((code for code in _FULLTEXT if code in places), ""))


def unknown_parameter(type_: str, params: Params, unknown: Sequence[str]) -> FhirError:
    """Return HAPI's refusal of a search with parameters that the type doesn't know: of the first in its own order."""
    valid = ", ".join(known_parameters(type_))
    names = (split_name(name)[0] for name in hash_order(list(dict.fromkeys(params.names()))))
    first = next(name for name in names if name in unknown)
    text = f'HAPI-0524: Unknown search parameter "{first or "null"}" for resource type "{type_}". '
    return FhirError(400, f"{text}Valid search parameters for this search are: [{valid}]")


def unsupported_modifiers(type_: str, groups: Iterable[Group], refused: FhirError) -> FhirError:
    """Return what HAPI says instead of "unknown type": a type after a colon may have been meant as a modifier, so it lists those.

    Args:
        type_: The type that is searched.
        groups: All parameters, in alphabetical order.
        refused: The refusal that is due otherwise.
    """
    written = dict.fromkeys(q for _, values in groups for q, _ in values if q.startswith(":"))
    unknown = [q for q in written if q not in _MODIFIERS]
    if not unknown:
        return refused
    text = f'HAPI-2498: Unsupported search modifier(s): "[{", ".join(unknown)}]" for resource type "{type_}". '
    return FhirError(400, f"{text}Valid search modifiers are: [{', '.join(_MODIFIERS)}]")
