"""A search as its words say it (`Query`), and the same where it is asked, with its references resolved (`Search`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medenv.fhir.definitions import SearchParameter
from medenv.fhir.request import NO_PARAMS, Params
from medenv.fhir.search.conditions import Condition

__all__ = [
    "Chain",
    "Criterion",
    "Ids",
    "Include",
    "Query",
    "Reference",
    "References",
    "ReverseChain",
    "Search",
    "SortKey",
]


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


class Criterion:
    """What a parameter demands, where the chart must say which resources that are.

    Attributes:
        parameter: The search parameter.
        rank: As of the condition that it becomes.
    """

    rank = 1

    def __init__(self, parameter: SearchParameter) -> None:
        self.parameter = parameter


class Ids(Criterion):
    """``_id``: resources by id or internal number.

    Attributes:
        type: Their type.
        ids: The ids.
    """

    rank = 0

    def __init__(self, parameter: SearchParameter, type_: str, ids: Sequence[str]) -> None:
        super().__init__(parameter)
        self.type, self.ids = type_, tuple(ids)


@dataclass(frozen=True, slots=True)
class Reference:
    """One value of a reference parameter.

    Attributes:
        type: The type before its id, ``""`` for none.
        id: The id; all of the value if that is a URL of another server.
        whole: Whether it is such a URL, which only the very same text matches.
    """

    type: str
    id: str
    whole: bool = False


class References(Criterion):
    """References to some resources.

    Attributes:
        values: The values that name them.
    """

    def __init__(self, parameter: SearchParameter, values: Sequence[Reference]) -> None:
        super().__init__(parameter)
        self.values = tuple(values)


class Chain(Criterion):
    """References to what other searches find: ``patient.name=x``.

    Attributes:
        queries: A search of each type that the chain can lead to.
    """

    def __init__(self, parameter: SearchParameter, queries: Sequence[Query]) -> None:
        super().__init__(parameter)
        self.queries = tuple(queries)


class ReverseChain(Criterion):
    """Resources that others, found by a search, refer to: ``_has:Observation:patient:code=x``.

    Attributes:
        type: The type of the resources.
        link: The reference parameter of the others.
        query: The search that finds these.
    """

    rank = 0

    def __init__(self, parameter: SearchParameter, type_: str, link: SearchParameter, query: Query) -> None:
        super().__init__(parameter)
        self.type, self.link, self.query = type_, link, query


@dataclass(slots=True)
class Query:
    """A search, parsed: nothing in it depends on a chart. It is never changed.

    Attributes:
        type: What is searched.
        params: Names and values as sent, decoded.
        criteria: What a resource must meet, in the order in which it is tried.
        sort: The sort keys; empty for HAPI's own order.
        count: ``_count``, None without one.
        offset: ``_offset``, None without one.
        elements: The names of ``_elements``, sorted; None without it.
        summary: ``true text data count``, or ``""``.
        count_only: Whether only the number of hits is asked for.
        accurate: Whether ``_total=accurate`` was asked for.
        includes: What to include.
    """

    type: str
    params: Params = NO_PARAMS
    criteria: Sequence[Condition | Criterion] = ()
    sort: Sequence[SortKey] = ()
    count: int | None = None
    offset: int | None = None
    elements: tuple[str, ...] | None = None
    summary: str = ""
    count_only: bool = False
    accurate: bool = False
    includes: Sequence[Include] = ()


@dataclass(slots=True)
class Search:
    """A search of one chart.

    Attributes:
        query: What was asked.
        conditions: What a resource must meet, in the order in which it is tried.
    """

    query: Query
    conditions: Sequence[Condition]

    @classmethod
    def of(cls, type_: str, *conditions: Condition) -> Search:
        """Make a search of a type by some conditions alone."""
        return cls(Query(type_), conditions)

    @property
    def type(self) -> str:
        """What is searched."""
        return self.query.type
