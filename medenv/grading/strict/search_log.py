"""What an episode looked at: its searches and reads, the resources on screen, and how far each list was paged.

Evidence is read from the observations alone, never from what the agent says it saw.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from medenv.fhir.request import parse_query
from medenv.fhir.xmlread import read_xml
from medenv.protocol.urls import ForeignURLError, relative
from medenv.trajectories import Turn

__all__ = ["LoggedRequest", "RequestKey", "SearchLog", "ShownResource", "Span", "as_list", "read_body"]

Params = tuple[tuple[str, str], ...]
RequestKey = tuple[str, tuple[str, ...], Params]
"""Kind, path and parameters of a request."""

PAGING = frozenset({"_count", "_offset", "_format", "_pretty", "_total"})
"""Parameters that change how matches are given out, not which they are."""
_MOST_DIGITS = 9
"""Digits of an offset or count: more than any list is long, and fewer than Python refuses to convert."""


@dataclass(slots=True, eq=False)
class ShownResource:
    """A resource on screen.

    Attributes:
        resource: What the answer showed of it.
        turn: Index of the turn.
        logged: The request that it answered, None for what came with a POST's answer.
    """

    resource: Mapping[str, Any]
    turn: int
    logged: LoggedRequest | None

    @property
    def type(self) -> str:
        """Return its resource type."""
        return str(self.resource.get("resourceType"))

    @property
    def id(self) -> str:
        """Return its id."""
        return str(self.resource.get("id"))


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a list's matches that was on screen.

    Attributes:
        start: Index of its first match, from 0.
        matches: The matches, as shown.
        ends: Whether the list ends with it: the page had no link to a next one.
    """

    start: int
    matches: tuple[Mapping[str, Any], ...]
    ends: bool

    @property
    def stop(self) -> int:
        """Return the index after its last match."""
        return self.start + len(self.matches)

    @property
    def whole(self) -> bool:
        """Return whether it is the whole list."""
        return self.start == 0 and self.ends


@dataclass(slots=True, eq=False)
class LoggedRequest:
    """A request that gives a list, with those of its pages that were fetched, or a read.

    Attributes:
        kind: ``search``, ``everything``, ``history``, ``read`` or ``other``.
        path: The request's path, decoded, in parts.
        params: The parameters that select, decoded and sorted.
        turn: Index of the turn it was first asked in.
        pages: The pages fetched, with the index of their turn.
    """

    kind: str
    path: tuple[str, ...]
    params: Params
    turn: int
    pages: list[tuple[int, Span]] = field(default_factory=list)

    @property
    def type(self) -> str:
        """Return the resource type asked for, ``""`` for none."""
        return self.path[0] if self.path else ""

    @property
    def request(self) -> RequestKey:
        """Return what was asked for."""
        return self.kind, self.path, self.params

    def spans(self, before: int) -> list[Span]:
        """Return what was on screen before a turn, stretches that touch joined, in order."""
        joined: list[Span] = []
        for _, page in sorted(
            (one for one in self.pages if one[0] < before), key=lambda one: (one[1].start, one[1].stop, one[1].ends)
        ):
            if joined and page.start <= joined[-1].stop:
                last = joined[-1]
                if page.stop >= last.stop:
                    matches = last.matches[: page.start - last.start] + page.matches
                    joined[-1] = Span(last.start, matches, page.ends or (last.ends and page.stop == last.stop))
            else:
                joined.append(page)
        return joined


class SearchLog:
    """All that the episode's requests returned.

    Args:
        turns: The episode's turns.
        base: The server's base URL.
    """

    def __init__(self, turns: Sequence[Turn], base: str) -> None:
        self.all: list[LoggedRequest] = []
        self.seen: list[ShownResource] = []
        self.base = base
        self._by_page_id: dict[str, LoggedRequest] = {}
        self._by_request: dict[tuple[tuple[str, ...], Params], LoggedRequest] = {}
        for index, turn in enumerate(turns):
            if turn.method is None or turn.url is None:
                continue
            body = read_body(turn)
            if turn.method == "GET":
                self._take(index, turn.url, body)
            elif body is not None:
                self.seen += (ShownResource(resource, index, None) for resource in _resources(body))

    def _take(self, index: int, url: str, body: Mapping[str, Any] | None) -> None:
        path, _, query = url.partition("?")
        parts = tuple(unquote(part) for part in path.split("/") if part)
        params = list(parse_query(query.partition("#")[0]))
        given = dict(reversed(params))  # HAPI takes the first of equal names
        paged = self._by_page_id.get(given.get("_getpages", "")) if not parts else None
        logged = paged or self._logged(parts, params, index)
        if body is None:
            return
        if body.get("resourceType") != "Bundle" or logged.kind == "read":
            self.seen.append(ShownResource(body, index, logged))
            return
        entries = [
            entry
            for entry in as_list(body.get("entry"))
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)
        ]
        self.seen += (ShownResource(entry["resource"], index, logged) for entry in entries)
        if logged.kind in ("search", "everything"):
            self._page(logged, index, given, entries, body, bool(paged))

    def _logged(self, parts: tuple[str, ...], params: Sequence[tuple[str, str]], index: int) -> LoggedRequest:
        """Return the logged request whose further page this is, or a new one."""
        # By name alone: of equal names (sort keys, say) the order counts.
        selecting = tuple(sorted((pair for pair in params if pair[0] not in PAGING), key=lambda pair: pair[0]))
        key = (parts[:1] if parts[1:] == ("_search",) else parts), selecting
        logged = self._by_request.get(key)
        if logged is None:
            logged = self._by_request[key] = LoggedRequest(_kind(parts), key[0], selecting, index)
            self.all.append(logged)
        return logged

    def _page(
        self,
        logged: LoggedRequest,
        index: int,
        given: Mapping[str, str],
        entries: Sequence[Mapping[str, Any]],
        body: Mapping[str, Any],
        paged: bool,
    ) -> None:
        """Take in a page of a list, and the ids of the pages that its links lead to."""
        nexts = [
            str(link.get("url"))
            for link in as_list(body.get("link"))
            if isinstance(link, dict) and link.get("relation") == "next"
        ]
        for url in nexts:
            try:
                query = relative(url, self.base).partition("?")[2]
            except ForeignURLError:
                continue
            id_ = dict(parse_query(query)).get("_getpages")
            if id_ is not None:
                self._by_page_id[id_] = logged
        start = _number(given.get("_getpagesoffset" if paged else "_offset", "0"))
        if start is None:
            return  # nobody can tell of which place it is
        if paged and ("_elements" in given or "_summary" in given) and not _as_asked(logged, given):
            return  # a page that shows less than the search asked for
        matches = tuple(entry["resource"] for entry in entries if _mode(entry) == "match")
        if not matches and (start or nexts or not _number(given.get("_count", "1"))):
            return  # beyond the end, or a page on which nothing has room: what there is wasn't shown
        logged.pages.append((index, Span(start, matches, not nexts)))

    def lists(self, before: int) -> Iterator[tuple[LoggedRequest, list[Span]]]:
        """Yield the lists that were on screen before a turn, with what was seen of them."""
        for logged in self.all:
            if logged.pages and (spans := logged.spans(before)):
                yield logged, spans

    def shown(self, type_: str, before: int) -> dict[str, list[Mapping[str, Any]]]:
        """Return the resources of a type that GETs had shown before a turn: by id, what each answer showed."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for one in self.seen:
            if one.turn < before and one.logged is not None and one.type == type_:
                found.setdefault(one.id, []).append(one.resource)
        return found


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, nothing as an empty one, anything else as a list of one (HAPI takes an object for an array of one)."""
    return value if isinstance(value, list) else [] if value is None else [value]


def read_body(turn: Turn) -> Mapping[str, Any] | None:
    """Return the resource that a turn's observation showed, None if it showed none."""
    text = turn.observation
    if not text or turn.response_status is None or not 200 <= turn.response_status < 300:
        return None
    try:
        body = read_xml(text) if text.startswith("<") else orjson.loads(text)
    except ValueError:
        body = _read_by_python(text)
    return body if isinstance(body, Mapping) else None


def _read_by_python(text: str) -> Any:
    """Read JSON that only Python's reader takes: lone surrogates, NaN, integers beyond 64 bits."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _kind(parts: Sequence[str]) -> str:
    """Tell what a GET asks for by its path (FHIR R4, RESTful API; operations by their leading ``$``)."""
    if "_history" in parts:
        return "history"
    if parts and parts[-1] == "$everything":
        return "everything"
    if len(parts) == 1 or (len(parts) == 2 and parts[1] == "_search"):
        return "search"
    return "read" if len(parts) == 2 and not parts[1].startswith("$") else "other"


def _mode(entry: Mapping[str, Any]) -> str:
    search = entry.get("search")
    return str(search.get("mode", "match")) if isinstance(search, dict) else "match"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _as_asked(logged: LoggedRequest, given: Mapping[str, str]) -> bool:
    asked = dict(logged.params)
    return all(
        sorted(given.get(name, "").split(",")) == sorted(asked.get(name, "").split(","))
        for name in ("_elements", "_summary")
        if name in given
    )


def _resources(body: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the resources in a POST's answer: itself, or what the answers in a Bundle hold."""
    if body.get("resourceType") != "Bundle" or depth > 2:
        yield body
        return
    for entry in as_list(body.get("entry")):
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield from _resources(entry["resource"], depth + 1)
