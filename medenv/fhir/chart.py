"""What a session sees: the store's resources, with the session's own changes on top.

The store never changes; a session's changes are small, so forgetting them is a reset and copying them is a fork.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medenv.fhir.index.rows import Rows
from medenv.fhir.shape import Record
from medenv.fhir.store import Store

__all__ = ["Changes", "Chart"]


class Changes:
    """What a session wrote.

    Attributes:
        versions: By type and id, all versions it knows of, oldest first; a resource of the store begins with the stored one.
        by_pid: The same resources by internal number.
        rows: By type, the versions that were once current, for searching.
        live: By internal number, which of those rows is current.
        masked: Internal numbers of stored resources that were changed, deleted or expunged.
        gone: Types and ids of stored resources that were expunged.
        count: How many writes there were.
        numbers: How many internal numbers were given out.
    """

    __slots__ = ("_shared", "by_pid", "count", "gone", "live", "masked", "numbers", "rows", "versions")

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str], tuple[Record, ...]] = {}
        self.by_pid: dict[int, tuple[str, str]] = {}
        self.rows: dict[str, Rows] = {}
        self.live: dict[int, int] = {}
        self.masked: set[int] = set()
        self.gone: set[tuple[str, str]] = set()
        self.count = 0
        self.numbers = 0
        self._shared: set[str] = set()

    def fork(self) -> Changes:
        """A copy that neither side's later writes reach through; rows are copied when one of the two writes."""
        other = Changes()
        other.versions, other.by_pid = dict(self.versions), dict(self.by_pid)
        other.rows, other.live = dict(self.rows), dict(self.live)
        other.masked, other.gone, other.count = set(self.masked), set(self.gone), self.count
        other.numbers = self.numbers
        self._shared = set(self.rows)
        other._shared = set(self.rows)
        return other

    def add(self, earlier: tuple[Record, ...], record: Record, stored: bool) -> None:
        """Take in a new version.

        Args:
            earlier: The versions before it.
            record: The new one, or a deletion.
            stored: Whether the resource is the store's.
        """
        key = record.type, record.id
        self.versions[key] = (*earlier, record)
        self.by_pid[record.pid] = key
        self.gone.discard(key)
        if stored:
            self.masked.add(record.pid)
        self.live.pop(record.pid, None)
        if record.shape is not None:
            rows = self._own_rows(record.type)
            self.live[record.pid] = len(rows)
            rows.append(record.pid, record.shape, "\n".join(record.values))
        self.count += 1

    def expunge(self, type_: str, id_: str, pid: int, stored: bool) -> None:
        """Forget a resource and all its versions."""
        self.versions.pop((type_, id_), None)
        self.by_pid.pop(pid, None)
        self.live.pop(pid, None)
        if stored:
            self.masked.add(pid)
            self.gone.add((type_, id_))
        self.count += 1

    def _own_rows(self, type_: str) -> Rows:
        rows = self.rows.get(type_)
        if rows is None:
            rows = self.rows[type_] = Rows.empty(type_)
        elif type_ in self._shared:
            rows = self.rows[type_] = rows.copy()
        self._shared.discard(type_)
        return rows


_UNCHANGED = Changes()
"""Shared by all charts that are the store as it is; nothing is ever written there."""


class Chart:
    """The store and a session's changes as one.

    Attributes:
        store: The base.
        changes: What the session wrote.
        base: The server's base URL, for references that name it.
    """

    __slots__ = ("base", "changes", "store")

    def __init__(self, store: Store, changes: Changes, base: str) -> None:
        self.store, self.changes, self.base = store, changes, base

    def kept(self) -> Chart:
        """The chart as it is now, whatever is written later."""
        return Chart(self.store, self.changes.fork() if self.changes.count else _UNCHANGED, self.base)

    def versions(self, type_: str, id_: str) -> tuple[Record, ...]:
        """All versions of a resource, oldest first; empty if there never was one."""
        found = self.changes.versions.get((type_, id_))
        if found is not None:
            return found
        if (type_, id_) in self.changes.gone:
            return ()
        record = self.store.get(type_, id_)
        return () if record is None else (record,)

    def lookup(self, type_: str, id_: str) -> Record | None:
        """The newest version of a resource, which may be a deletion; None if there never was one."""
        found = self.versions(type_, id_)
        return found[-1] if found else None

    def number_of(self, reference: str) -> int | None:
        """The internal number of the resource that a ``Type/id`` names."""
        type_, _, id_ = reference.partition("/")
        own = self.changes.versions.get((type_, id_))
        return own[-1].pid if own else self.store.find(type_, id_)

    def by_pid(self, pid: int) -> Record | None:
        """The newest version of the resource with an internal number."""
        key = self.changes.by_pid.get(pid)
        if key is not None:
            return self.changes.versions[key][-1]
        return None if pid in self.changes.masked else self.store.record(pid)

    def records(self, pids: Sequence[int]) -> dict[int, Record]:
        """The live resources with some internal numbers."""
        own = self.changes.by_pid
        found = self.store.records([p for p in pids if p not in own and p not in self.changes.masked])
        for pid in pids:
            if pid in own:
                record = self.changes.versions[own[pid]][-1]
                if not record.deleted:
                    found[pid] = record
        return found

    def own_rows(self, type_: str) -> Rows | None:
        """The session's own resources of a type, current and former; `is_current` tells them apart."""
        return self.changes.rows.get(type_)

    def is_current(self, rows: Rows, at: int) -> bool:
        """Whether one of the session's own rows is a resource as it now is."""
        return self.changes.live.get(rows.pids[at]) == at

    def count(self, type_: str) -> int:
        """How many resources of a type there are."""
        changes = self.changes
        n = self.store.counts.get(type_, 0)
        n -= sum(1 for pid in changes.masked if (r := self.store.record(pid)) is not None and r.type == type_)
        rows = changes.rows.get(type_)
        return n + (sum(1 for i in range(len(rows)) if self.is_current(rows, i)) if rows else 0)

    def has_type(self, type_: str) -> bool:
        """Whether there may be resources of a type."""
        return type_ in self.store.counts or type_ in self.changes.rows

    def all_versions(self, since: int = 0) -> Iterator[Record]:
        """Every version of every resource: the session's own, then the stored ones, in no particular order of time.

        Args:
            since: Milliseconds since 1970; if nothing in the store is as new, the store isn't read.
        """
        for versions in self.changes.versions.values():
            yield from versions
        if since > self.store.newest:
            return
        pids = [p for p in self.store.all_pids() if p not in self.changes.masked and p not in self.changes.by_pid]
        yield from self.store.records(pids).values()
