"""One episode's private FHIR server: the shared store and the episode's own changes, seen through a FHIR server's requests.

Nothing here depends on the machine's clock or on chance, unless a clock is given: equal requests get equal answers, to the byte.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from medenv.fhir import jsontext, routing
from medenv.fhir.backend import Change, Response, Session
from medenv.fhir.chart import Changes, Chart
from medenv.fhir.errors import FhirError
from medenv.fhir.forms import Form
from medenv.fhir.index.dates import format_instant, http_date
from medenv.fhir.memory import STALE_MS, AnswerCache, StaleSearches
from medenv.fhir.output import USUAL, Output, negotiate
from medenv.fhir.search.bundle import Page, bundle_id, searchset
from medenv.fhir.search.engine import inner_search
from medenv.fhir.search.query import check_cut, parse_query, read_search, read_summary
from medenv.fhir.shape import Record, shape_of
from medenv.fhir.store import Store

__all__ = ["EmbeddedSession"]

_PAGES_KEPT = 64
"""Searches whose later pages a session can still be asked for; the oldest is forgotten, as HAPI forgets after a while."""

_NO_HEADERS: dict[str, str] = {}

_LONGEST_URL = 8_000
"""Characters; a longer one doesn't fit into the 8 KiB that Tomcat, HAPI's web server, reads of a request's head."""


class EmbeddedSession(Session):
    """A session on a store.

    Attributes:
        base: The base URL that links carry.
        chart: What the session sees.
    """

    def __init__(
        self,
        store: Store,
        base: str,
        origin: Changes | None = None,
        cache: AnswerCache | None = None,
        clock: Callable[[], int] | None = None,
        stale: bool = False,
    ) -> None:
        """Open a session.

        Args:
            store: The base.
            base: The base URL, without a trailing slash.
            origin: Changes that belong to the pristine chart.
            cache: Shared answers; None for none.
            clock: Gives the time in milliseconds since 1970; None for a logical clock.
            stale: Whether an identical search within a minute gets the old answer, as on HAPI.
        """
        self.base = base.rstrip("/")
        self._stale = StaleSearches() if stale else None
        self._store, self._cache, self._clock = store, cache, clock
        self._origin = origin
        self._pages: OrderedDict[str, Page] = OrderedDict()
        self._start(origin)

    def _start(self, changes: Changes | None) -> None:
        self.chart = Chart(self._store, changes.fork() if changes is not None else Changes(), self.base)

    # the seam

    def fork(self) -> EmbeddedSession:
        """An independent session with the same state now; neither sees the other's later writes."""
        other = EmbeddedSession.__new__(EmbeddedSession)
        other.base = self.base
        other._store, other._cache, other._clock, other._origin = self._store, self._cache, self._clock, self._origin
        other._pages = OrderedDict(self._pages)
        other._stale = None if self._stale is None else self._stale.copy()
        other._start(self.chart.changes)
        return other

    def pristine(self) -> EmbeddedSession:
        """The chart as it was when this session was opened."""
        return EmbeddedSession(self._store, self.base, self._origin, self._cache, self._clock, self._stale is not None)

    def changes(self) -> list[Change]:
        """What this session's writes have changed in all; see `Session.changes`."""
        found = []
        written = [*self.chart.changes.versions, *(key for key in self.chart.changes.gone)]
        for type_, id_ in dict.fromkeys(written):
            before = self._current(self._origin, type_, id_)
            now = self._current(self.chart.changes, type_, id_)
            if before == now:
                continue
            kind: Literal["create", "update", "delete"]
            kind = "create" if before is None else "delete" if now is None else "update"
            last = self.chart.lookup(type_, id_)
            plain = None if now is None else json.loads(jsontext.compact(now))
            found.append(Change(kind, type_, id_, last.submitted if last is not None else None, plain))
        return found

    def _current(self, changes: Changes | None, type_: str, id_: str) -> dict[str, Any] | None:
        """A resource without its meta as some changes leave it; None if it isn't there."""
        record = Chart(self._store, changes if changes is not None else Changes(), self.base).lookup(type_, id_)
        if record is None or record.deleted:
            return None
        return {key: value for key, value in record.resource.items() if key != "meta"}

    def reset(self) -> None:
        """Forget every write of this session."""
        self._pages.clear()
        if self._stale is not None:
            self._stale = StaleSearches()
        self._start(self._origin)

    def request(
        self, method: str, url: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer one request; see `Session.request`."""
        if method == "GET" and headers is None and self._cache is not None and not self.chart.changes.count:
            found = self._cache.get(self._cache_key(url))
            if found is not None:
                if isinstance(found, Response):
                    return found
                self.remember(found[1], found[2])
                return found[0]
        if len(url) > _LONGEST_URL:
            return Response(400, "")
        path, raw = self._below_base(url)
        given = {k.lower(): v for k, v in headers.items()} if headers else _NO_HEADERS
        output = USUAL
        try:
            params = parse_query(raw) if raw else []
            output = negotiate(params, given)
            if method in ("GET", "HEAD"):
                if method == "HEAD" and path.strip("/") == "metadata":
                    return Response(405, "", {"allow": "GET", "content-type": output.content_type})
                answer = routing.answer_get(self, path, raw, params, given, output, url if headers is None else None)
                return replace(answer, body="") if method == "HEAD" else answer
            return routing.answer_write(self, method, path, raw, params, body, given, output)
        except FhirError as e:
            output = output.plain()
            return Response(e.status, output.write(e.resource), {"content-type": output.content_type, **e.headers})

    def _cache_key(self, url: str) -> str:
        """By what a shared answer is known; with a clock it lasts a minute at most, as it says when it was made."""
        return f"{self.base} {url}" if self._clock is None else f"{self.base} {self._clock() // STALE_MS} {url}"

    def _below_base(self, url: str) -> tuple[str, str]:
        path, _, raw = url.partition("?")
        if "://" in path:
            if not url.startswith(self.base) or url[len(self.base) : len(self.base) + 1] not in ("", "/", "?"):
                raise ValueError(f"{url[:200]!r} is not below {self.base}; only this server can be asked")
            path, _, raw = url[len(self.base) :].partition("?")
        return path, raw.partition("#")[0]

    # reading

    def cut(self, output: Output, params: list[tuple[str, str]]) -> Output:
        """The form of an answer that is one resource, cut as ``_summary`` and ``_elements`` ask."""
        summary = read_summary(params)[0]
        names = next((v for n, v in params if n == "_elements" and v), "")
        elements = tuple(sorted(names.split(","))) if names else None
        check_cut(summary, elements)
        return replace(output, summary="" if summary == "count" else summary, elements=elements)

    def page(self, id_: str) -> Page | None:
        """An answer that later pages can still be asked of."""
        return self._pages.get(id_)

    def search(
        self,
        type_: str,
        params: list[tuple[str, str]],
        output: Output,
        path: str,
        url: str | None = None,
        fresh: bool = False,
        posted: bool = False,
    ) -> Response:
        """Answer a search.

        Args:
            type_: What is searched.
            params: Its parameters, decoded.
            output: The form of the answer.
            path: The request's path, as sent.
            url: The whole request as sent, if its answer may be shared with other sessions.
            fresh: Whether an old answer won't do.
            posted: Whether it came as a form, so that the link to itself has no parameters.

        Raises:
            FhirError: The search is refused.
        """
        search = read_search(self.chart, type_, params)
        id_ = self.new_bundle_id(path, *[f"{n}={v}" for n, v in params])
        hits = None
        if self._stale is not None:
            id_, hits = self._stale.answer(self.chart, search, id_, self.now(), fresh)
        shown = [] if posted else params
        text, page = searchset(self.chart, search, output, path, self.now(), id_, shown, hits)
        if page is not None:
            self.remember(id_, page)
        answer = Response(200, text, self.bundle_headers(output, None))
        if url is not None and self._cache is not None and not self.chart.changes.count and len(text) < 200_000:
            self._cache.put(self._cache_key(url), answer if page is None else (answer, id_, page))
        return answer

    def remember(self, id_: str, page: Page) -> None:
        """Keep an answer for its later pages."""
        pages = self._pages
        pages[id_] = page
        if len(pages) > _PAGES_KEPT:
            pages.popitem(last=False)

    def new_bundle_id(self, *request: str) -> str:
        """A bundle's id: made from the request and from how much was written, so that equal runs give equal ids."""
        return bundle_id(str(self.chart.changes.count), str(self._clock()) if self._clock else "", *request)

    def bundle_headers(self, output: Output, id_: str | None) -> dict[str, str]:
        """The headers of an answer that is a bundle; with an id those of an operation's."""
        found = {"last-modified": http_date(self.now()), "content-type": output.content_type}
        return found if id_ is None else {"content-location": f"{self.base}/Bundle/{id_}", **found}

    def now(self) -> int:
        """The server's time in milliseconds since 1970: just after the store's newest change, one more with each write."""
        return self._clock() if self._clock else self._store.newest + 1 + self.chart.changes.count

    # for writing

    def lookup(self, type_: str, id_: str) -> Record | None:
        """The newest version of a resource, which may be a deletion; None if there never was one."""
        return self.chart.lookup(type_, id_)

    def history(self, type_: str, id_: str) -> tuple[Record, ...]:
        """All versions of a resource, oldest first."""
        return self.chart.versions(type_, id_)

    def search_ids(self, type_: str, query: str) -> list[tuple[str, str]]:
        """The types and ids that a query string finds, for conditional writes and references.

        Raises:
            FhirError: The search is refused.
        """
        return [(r.type, r.id) for r in inner_search(self.chart, type_, parse_query(query))]

    def new_id(self) -> str:
        """The id that the next created resource gets: one number for all types, as on HAPI."""
        return str(self._store.last + 1 + self.chart.changes.numbers)

    def save(
        self,
        type_: str,
        id_: str,
        resource: dict[str, Any],
        submitted: str | None = None,
        method: str = "POST",
        step: int = 1,
    ) -> Record:
        """Store a resource as a new version.

        Args:
            type_: Its type.
            id_: Its id: one of `new_id`, or a client's own.
            resource: The resource in definition order; of its meta only profile, security and tag are kept.
            submitted: The payload as it was sent.
            method: What wrote it, for its history.
            step: By how much its version grows.

        Returns:
            The new version, with its meta.
        """
        changes = self.chart.changes
        earlier = self.history(type_, id_)
        stored = bool(earlier) and earlier[0].pid <= self._store.last
        pid = earlier[-1].pid if earlier else self._store.last + 1 + changes.numbers
        if not earlier:
            changes.numbers += 1
        version = earlier[-1].version + step if earlier else 1
        updated = self.now()
        digest = hashlib.sha256(f"{type_}/{id_}/{version}/{changes.count}".encode()).hexdigest()[:16]
        given = {
            k: v for k, v in resource.get("meta", {}).items() if k not in ("id", "versionId", "lastUpdated", "source")
        }
        extension = {"extension": given.pop("extension")} if "extension" in given else {}
        origin = str(resource.get("meta", {}).get("source", "")).partition("#")[0]
        stamp = {"versionId": str(version), "lastUpdated": format_instant(updated), "source": f"{origin}#{digest}"}
        meta = {**extension, **stamp, **given}
        rest = {k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")}
        shape, values = shape_of(jsontext.compact({"resourceType": type_, "id": id_, "meta": meta, **rest}))
        record = Record(type_, id_, pid, version, updated, shape, values, submitted, method)
        changes.add(earlier, record, stored)
        return record

    def add(self, form: Form, blanks: tuple[str, ...]) -> None:
        """Store a new resource that is known to be one, without a parse.

        Args:
            form: Its form, whose first blanks are its id, lastUpdated and source.
            blanks: What stands in the others.
        """
        changes, id_, updated = self.chart.changes, self.new_id(), self.now()
        source = hashlib.sha256(f"{form.shape.type}/{id_}/1/{changes.count}".encode()).hexdigest()[:16]
        values = (form.values % (id_, format_instant(updated), source, *blanks)).split("\n")
        changes.numbers += 1
        changes.add((), Record(form.shape.type, id_, int(id_), 1, updated, form.shape, values), False)

    def remove(self, type_: str, id_: str) -> Record:
        """Delete a resource, leaving its history.

        Raises:
            KeyError: There is no such resource.
        """
        earlier = self.history(type_, id_)
        if not earlier:
            raise KeyError(f"{type_}/{id_}")
        last = earlier[-1]
        record = Record(type_, id_, last.pid, last.version + 1, self.now(), None, [], None, "DELETE")
        self.chart.changes.add(earlier, record, last.pid <= self._store.last)
        return record

    def expunge(self, type_: str, id_: str) -> None:
        """Forget a resource and its history."""
        earlier = self.history(type_, id_)
        if earlier:
            self.chart.changes.expunge(type_, id_, earlier[-1].pid, earlier[-1].pid <= self._store.last)
