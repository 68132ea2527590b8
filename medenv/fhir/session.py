"""One episode's private FHIR server: the shared store and the episode's own changes, seen through a FHIR server's requests.

Nothing here depends on the machine's clock or on chance, unless a clock is given: equal requests get equal answers, to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from medenv.fhir.backend import Change, Response, Session
from medenv.fhir.caches import AnswerCache, RecentSearches
from medenv.fhir.changes import change_of
from medenv.fhir.chart import Changes, Chart
from medenv.fhir.handling import respond
from medenv.fhir.routing import route
from medenv.fhir.store import Store
from medenv.fhir.template import Record
from medenv.fhir.workspace import Workspace

__all__ = ["EmbeddedSession"]


class EmbeddedSession(Session):
    """A session on a store.

    Attributes:
        workspace: What its requests work on.
    """

    def __init__(
        self,
        store: Store,
        base: str,
        overlay: Changes | None = None,
        answers: AnswerCache | None = None,
        clock: Callable[[], int] | None = None,
        stale: bool = False,
    ) -> None:
        """Open a session.

        Args:
            store: The base.
            base: The base URL, without a trailing slash.
            overlay: Changes that belong to the pristine chart.
            answers: Answers that are shared with other sessions; None for none.
            clock: Gives the time in milliseconds since 1970; None for a logical clock.
            stale: Whether an identical search within a minute gets the old answer, as on HAPI.
        """
        self._store, self._overlay, self._answers, self._clock, self._stale = store, overlay, answers, clock, stale
        self._begun = 0 if overlay is None else len(overlay.journal)
        self.workspace = self._pristine_workspace(base.rstrip("/"))

    def _pristine_workspace(self, base: str) -> Workspace:
        recent = RecentSearches() if self._stale else None
        return Workspace(self._store, base, self._overlay, self._answers, self._clock, recent)

    @property
    def base(self) -> str:
        """The base URL that links carry."""
        return self.workspace.base

    @base.setter
    def base(self, base: str) -> None:
        self.workspace.base = base

    def request(
        self, method: str, url: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer one request; see `Session.request`."""
        if method == "GET" and headers is None:
            answer = self.workspace.shared_answer(url)
            if answer is not None:
                return answer
        return respond(route, self.workspace, method, url, body, headers)

    def lookup(self, type_: str, id_: str) -> Record | None:
        """Return the newest version of a resource, which may be a deletion; None if there never was one."""
        return self.workspace.lookup(type_, id_)

    def fork(self) -> EmbeddedSession:
        """Return an independent session with the same state now; neither sees the other's later writes."""
        other = EmbeddedSession.__new__(EmbeddedSession)
        other._store, other._overlay, other._answers = self._store, self._overlay, self._answers
        other._clock, other._stale, other._begun = self._clock, self._stale, self._begun
        other.workspace = self.workspace.fork()
        return other

    def pristine(self) -> EmbeddedSession:
        """Return the chart as it was when this session was opened."""
        return EmbeddedSession(self._store, self.base, self._overlay, self._answers, self._clock, self._stale)

    def reset(self) -> None:
        """Forget every write of this session."""
        self.workspace = self._pristine_workspace(self.base)

    @property
    def written(self) -> int:
        """How many versions this session's requests have stored; see `Session.written`."""
        return len(self.workspace.chart.journal) - self._begun

    def changes(self) -> list[Change]:
        """Return the net change of each resource that this session's requests have written; see `Session.changes`."""
        stored: dict[tuple[str, str], list[Record]] = {}
        for record in self.workspace.chart.journal[self._begun :]:
            stored.setdefault((record.type, record.id), []).append(record)
        if not stored:
            return []
        before = Chart(self._store, self._overlay if self._overlay is not None else Changes(), self.base)
        found = []
        for key, records in stored.items():
            now = self.lookup(*key)
            earlier = [_content(record) for record in records[:-1]]
            submitted = None if now is None else now.submitted
            found.append(change_of(key, _content(before.lookup(*key)), earlier, _content(now), submitted))
        return found


def _content(record: Record | None) -> dict[str, Any] | None:
    """Return what a version holds; None for a deletion, or where there is none."""
    return None if record is None or record.deleted else record.resource
