"""What one session works on: its view of the chart, with all that reading, searching and writing need.

Every handler of a request goes through it, and nothing else changes the chart. Nothing depends on the machine's clock or on
chance, unless a clock is given: equal requests get equal answers, to the byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from medenv.fhir import jsontext
from medenv.fhir.backend import Response
from medenv.fhir.caches import REUSED_MS, AnswerCache, RecentSearches
from medenv.fhir.chart import Changes, Chart
from medenv.fhir.index.dates import format_instant
from medenv.fhir.pages import Pages
from medenv.fhir.partial import FilledResource
from medenv.fhir.request import Params, parse_query
from medenv.fhir.search.bundle import Page, bundle_id
from medenv.fhir.search.execute import execute
from medenv.fhir.search.hits import Hits
from medenv.fhir.search.parse import parse
from medenv.fhir.search.resolve import find_all, resolve
from medenv.fhir.store import Store
from medenv.fhir.template import SET_BY_SERVER, Record, template_of

__all__ = ["Workspace"]

_SHARED_SIZE = 200_000
"""Characters of the longest answer that is shared with other sessions."""


class Workspace:
    """A store and one session's changes to it.

    Attributes:
        chart: What the session sees, for searches.
        pages: The answers whose later pages can be asked for.
        recent: The searches that are answered again for a minute; None if each is answered anew.
    """

    def __init__(
        self,
        store: Store,
        base: str,
        overlay: Changes | None = None,
        answers: AnswerCache | None = None,
        clock: Callable[[], int] | None = None,
        recent: RecentSearches | None = None,
    ) -> None:
        """Begin on the pristine chart.

        Args:
            store: The base.
            base: The base URL, without a trailing slash.
            overlay: Changes that belong to the pristine chart.
            answers: Answers that are shared with other sessions; None for none.
            clock: Gives the time in milliseconds since 1970; None for a logical clock.
            recent: Where searches are kept that are answered again for a minute; None to answer each anew.
        """
        self._store, self._answers, self._clock = store, answers, clock
        self.chart = Chart(store, Changes() if overlay is None else overlay.fork(), base)
        self.pages = Pages()
        self.recent = recent

    def fork(self) -> Workspace:
        """Return an independent workspace with the same state now."""
        recent = None if self.recent is None else self.recent.copy()
        other = Workspace(self._store, self.base, self.chart.fork(), self._answers, self._clock, recent)
        other.pages = self.pages.copy()
        return other

    @property
    def base(self) -> str:
        """The base URL that links carry."""
        return self.chart.base

    @base.setter
    def base(self, base: str) -> None:
        self.chart.base = base

    def now(self) -> int:
        """Return the server's time in milliseconds since 1970: just after the store's newest change, one more with each write."""
        return self._clock() if self._clock else self._store.newest + 1 + self.chart.writes

    def new_bundle_id(self, *request: str) -> str:
        """Make a bundle's id from the request and from how much was written, so that equal runs give equal ids."""
        return bundle_id(str(self.chart.writes), str(self._clock()) if self._clock else "", *request)

    # answers that other sessions share

    def shared_answer(self, url: str) -> Response | None:
        """Return the answer to a GET if it was given before to a session that, as this one, has changed nothing."""
        if self._answers is None or not self.chart.unchanged:
            return None
        found = self._answers.get(self._answer_key(url))
        if found is None or isinstance(found, Response):
            return found
        answer, id_, page = found
        self.pages.keep(id_, page)
        return answer

    def share_answer(self, url: str | None, answer: Response, id_: str, page: Page | None) -> None:
        """Share the answer to a search with other sessions, if nothing but its URL and the store determines it.

        Args:
            url: Its URL; None if more than that determines the answer.
            answer: The answer.
            id_: Its bundle's id.
            page: What its later pages need; None if it has none.
        """
        if url is None or self._answers is None or not self.chart.unchanged or len(answer.body) >= _SHARED_SIZE:
            return
        self._answers.put(self._answer_key(url), answer if page is None else (answer, id_, page))

    def _answer_key(self, url: str) -> str:
        """Return by what an answer is known; with a clock it lasts a minute at most, as it says when it was made."""
        base = self.chart.base
        return f"{base} {url}" if self._clock is None else f"{base} {self._clock() // REUSED_MS} {url}"

    # reading

    def lookup(self, type_: str, id_: str) -> Record | None:
        """Return the newest version of a resource, which may be a deletion; None if there never was one."""
        return self.chart.lookup(type_, id_)

    def by_number(self, id_: str) -> Record | None:
        """Return the newest version of the resource whose internal number a client gives as an id; None if it is nobody's."""
        return self.chart.by_number(id_)

    def history(self, type_: str, id_: str) -> tuple[Record, ...]:
        """Return all versions of a resource, oldest first; empty if there never was one."""
        return self.chart.versions(type_, id_)

    def search(self, type_: str, params: Params) -> Hits:
        """Find what a search asks for, in the order of its answer.

        Raises:
            FhirError: The search is refused.
        """
        return execute(self.chart, resolve(self.chart, parse(type_, params, self.base)))

    def search_ids(self, type_: str, query: str) -> list[tuple[str, str]]:
        """Return the types and ids that a query string finds, for conditional writes and references.

        Raises:
            FhirError: The search is refused.
        """
        return [(r.type, r.id) for r in find_all(self.chart, parse(type_, parse_query(query), self.base))]

    # writing

    def new_id(self) -> str:
        """Return the id that the next created resource gets: one number for all types, as on HAPI."""
        return str(self._store.last + 1 + self.chart.ids_given)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take back all that is written within it if it ends with an error."""
        before = self.chart.fork()
        try:
            yield
        except BaseException:
            self.chart.restore(before)
            raise

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
        earlier = self.history(type_, id_)
        pid = earlier[-1].pid if earlier else int(self.new_id())
        version = earlier[-1].version + step if earlier else 1
        updated = self.now()
        given = {k: v for k, v in resource.get("meta", {}).items() if k not in ("id", *SET_BY_SERVER)}
        extension = {"extension": given.pop("extension")} if "extension" in given else {}
        source = str(resource.get("meta", {}).get("source", "")).partition("#")[0]
        stamp = {
            "versionId": str(version),
            "lastUpdated": format_instant(updated),
            "source": f"{source}#{_request_id(type_, id_, version, self.chart.writes)}",
        }
        meta = {**extension, **stamp, **given}
        rest = {k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")}
        template, values = template_of(jsontext.compact({"resourceType": type_, "id": id_, "meta": meta, **rest}))
        record = Record(type_, id_, pid, version, updated, template, values, submitted, method)
        self.chart.add(record, earlier)
        return record

    def add_all(self, resources: Sequence[FilledResource]) -> None:
        """Store new resources that are known to be ones, without a parse.

        Args:
            resources: The resources; the first open scalars of each, which get no text here, are its id, lastUpdated and source.
        """
        number, now = int(self.new_id()), self.now()
        added = []
        for n, (partial, texts) in enumerate(resources):
            type_, id_ = partial.template.type, str(number + n)
            updated = self._clock() if self._clock else now + n
            source = _request_id(type_, id_, 1, self.chart.writes + n)
            values = partial.values % (id_, format_instant(updated), source, *texts)
            added.append((Record(type_, id_, number + n, 1, updated, partial.template, values.split("\n")), values))
        self.chart.add_new(added)

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
        self.chart.add(record, earlier)
        return record

    def expunge(self, type_: str, id_: str) -> None:
        """Forget a resource and its history."""
        self.chart.expunge(type_, id_)

    def expunge_earlier(self, type_: str, id_: str) -> int:
        """Forget all versions of a resource that the session wrote but the newest.

        Returns:
            How many.
        """
        return self.chart.expunge_earlier(type_, id_)


def _request_id(type_: str, id_: str, version: int, writes: int) -> str:
    """Return what stands for the id of the request that wrote a version, in its ``meta.source``.

    Args:
        type_: The resource's type.
        id_: Its id.
        version: The version.
        writes: How many writes there were before it.
    """
    return hashlib.sha256(f"{type_}/{id_}/{version}/{writes}".encode()).hexdigest()[:16]
