"""What a session sees: the store's resources, with the session's own changes on top.

The store never changes; a session's changes are small, so forgetting them is a reset and copying them is a fork.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set

from medenv.fhir.index.rows import Rows
from medenv.fhir.store import Store
from medenv.fhir.template import Record

__all__ = ["Changes", "Chart"]

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
"""An internal number; the store's are of 64 bits."""


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
        journal: Every version that was stored, in the order of the writes, whatever became of it.
    """

    __slots__ = ("_shared", "by_pid", "count", "gone", "journal", "live", "masked", "numbers", "rows", "versions")

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str], tuple[Record, ...]] = {}
        self.by_pid: dict[int, tuple[str, str]] = {}
        self.rows: dict[str, Rows] = {}
        self.live: dict[int, int] = {}
        self.masked: set[int] = set()
        self.gone: set[tuple[str, str]] = set()
        self.count = 0
        self.numbers = 0
        self.journal: list[Record] = []
        self._shared: set[str] = set()

    def fork(self) -> Changes:
        """Return a copy that neither side's later writes reach through; rows are copied when one of the two writes."""
        other = Changes()
        other.versions, other.by_pid = dict(self.versions), dict(self.by_pid)
        other.rows, other.live = dict(self.rows), dict(self.live)
        other.masked, other.gone, other.count = set(self.masked), set(self.gone), self.count
        other.numbers, other.journal = self.numbers, list(self.journal)
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
        if record.template is not None:
            rows = self._own_rows(record.type)
            self.live[record.pid] = len(rows)
            rows.append(record.pid, record.template, "\n".join(record.values))
        self.journal.append(record)
        self.count += 1

    def add_new(self, added: Sequence[tuple[Record, str]]) -> None:
        """Take in resources that nobody knows yet.

        Args:
            added: Each one's first version, and its values joined by newlines.
        """
        for record, values in added:
            assert record.template is not None  # a first version is no deletion
            rows = self._own_rows(record.type)
            self.live[record.pid] = len(rows)
            rows.append(record.pid, record.template, values)
            self.versions[record.type, record.id] = (record,)
            self.by_pid[record.pid] = record.type, record.id
        self.journal += [record for record, _ in added]
        self.count += len(added)
        self.numbers += len(added)

    def expunge(self, type_: str, id_: str, pid: int, stored: bool) -> None:
        """Forget a resource and all its versions."""
        self.versions.pop((type_, id_), None)
        self.by_pid.pop(pid, None)
        self.live.pop(pid, None)
        if stored:
            self.masked.add(pid)
            self.gone.add((type_, id_))
        self.count += 1

    def expunge_earlier(self, type_: str, id_: str) -> int:
        """Forget all versions of a resource but the newest.

        Returns:
            How many.
        """
        versions = self.versions[type_, id_]
        if len(versions) > 1:
            self.versions[type_, id_] = versions[-1:]
            self.count += 1
        return len(versions) - 1

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
        base: The server's base URL, for references that name it.
    """

    __slots__ = ("_changes", "base", "store")

    def __init__(self, store: Store, changes: Changes, base: str) -> None:
        self.store, self._changes, self.base = store, changes, base

    # the session's changes

    @property
    def unchanged(self) -> bool:
        """Whether the chart is the store, and so the same for every session."""
        return not self._changes.count

    @property
    def writes(self) -> int:
        """How many writes there were."""
        return self._changes.count

    @property
    def ids_given(self) -> int:
        """How many internal numbers were given out beyond the store's."""
        return self._changes.numbers

    @property
    def journal(self) -> Sequence[Record]:
        """Every version that was stored, in the order of the writes, whatever became of it."""
        return self._changes.journal

    @property
    def masked(self) -> Set[int]:
        """The internal numbers of stored resources that were changed, deleted or expunged."""
        return self._changes.masked

    def changed(self) -> list[tuple[Record, ...]]:
        """Return the versions of each resource that the session wrote and didn't expunge, oldest first."""
        return list(self._changes.versions.values())

    def fork(self) -> Changes:
        """Return a copy of the changes that later writes don't reach."""
        return self._changes.fork()

    def restore(self, changes: Changes) -> None:
        """Take back what was written since a `fork`."""
        self._changes = changes

    def snapshot(self) -> Chart:
        """Return the chart as it is now, whatever is written later."""
        return Chart(self.store, self._changes.fork() if self._changes.count else _UNCHANGED, self.base)

    def add(self, record: Record, earlier: tuple[Record, ...]) -> None:
        """Store a new version of a resource, or a deletion.

        Args:
            record: The version.
            earlier: The versions before it.
        """
        if not earlier:
            self._changes.numbers += 1
        self._changes.add(earlier, record, bool(earlier) and record.pid <= self.store.last)

    def add_new(self, added: Sequence[tuple[Record, str]]) -> None:
        """Store resources under new ids.

        Args:
            added: Each one's first version, and its values joined by newlines.
        """
        self._changes.add_new(added)

    def expunge(self, type_: str, id_: str) -> None:
        """Forget a resource and all its versions."""
        versions = self.versions(type_, id_)
        if versions:
            pid = versions[-1].pid
            self._changes.expunge(type_, id_, pid, pid <= self.store.last)

    def expunge_earlier(self, type_: str, id_: str) -> int:
        """Forget all versions of a resource that was written but the newest; return how many."""
        return self._changes.expunge_earlier(type_, id_)

    # the whole

    def versions(self, type_: str, id_: str) -> tuple[Record, ...]:
        """Return all versions of a resource, oldest first; empty if there never was one."""
        found = self._changes.versions.get((type_, id_))
        if found is not None:
            return found
        if (type_, id_) in self._changes.gone:
            return ()
        record = self.store.get(type_, id_)
        return () if record is None else (record,)

    def lookup(self, type_: str, id_: str) -> Record | None:
        """Return the newest version of a resource, which may be a deletion; None if there never was one."""
        found = self.versions(type_, id_)
        return found[-1] if found else None

    def number_of(self, reference: str) -> int | None:
        """Return the internal number of the resource that a ``Type/id`` names."""
        type_, _, id_ = reference.partition("/")
        own = self._changes.versions.get((type_, id_))
        return own[-1].pid if own else self.store.find(type_, id_)

    def by_number(self, id_: str) -> Record | None:
        """Return the newest version of the resource whose internal number a client gives as an id; None if it is no number or nobody's."""
        return self.by_pid(int(id_)) if _NUMBER.fullmatch(id_) else None

    def by_pid(self, pid: int) -> Record | None:
        """Return the newest version of the resource with an internal number."""
        key = self._changes.by_pid.get(pid)
        if key is not None:
            return self._changes.versions[key][-1]
        return None if pid in self._changes.masked else self.store.record(pid)

    def records(self, pids: Sequence[int]) -> dict[int, Record]:
        """Return the live resources with some internal numbers."""
        own = self._changes.by_pid
        found = self.store.records([p for p in pids if p not in own and p not in self._changes.masked])
        for pid in pids:
            if pid in own:
                record = self._changes.versions[own[pid]][-1]
                if not record.deleted:
                    found[pid] = record
        return found

    def own_rows(self, type_: str) -> Rows | None:
        """Return the session's own resources of a type, current and former; `is_current` tells them apart."""
        return self._changes.rows.get(type_)

    def is_current(self, rows: Rows, at: int) -> bool:
        """Return whether one of the session's own rows is a resource as it now is."""
        return self._changes.live.get(rows.pids[at]) == at

    def count(self, type_: str) -> int:
        """Return how many resources of a type there are."""
        changes = self._changes
        n = self.store.counts.get(type_, 0)
        n -= sum(1 for pid in changes.masked if (r := self.store.record(pid)) is not None and r.type == type_)
        rows = changes.rows.get(type_)
        return n + (sum(1 for i in range(len(rows)) if self.is_current(rows, i)) if rows else 0)

    def has_type(self, type_: str) -> bool:
        """Return whether there may be resources of a type."""
        return type_ in self.store.counts or type_ in self._changes.rows

    def all_versions(self, since: int = 0) -> Iterator[Record]:
        """Yield every version of every resource: the session's own, then the stored ones, in no particular order of time.

        Args:
            since: Milliseconds since 1970; if nothing in the store is as new, the store isn't read.
        """
        for versions in self._changes.versions.values():
            yield from versions
        if since > self.store.newest:
            return
        pids = [p for p in self.store.all_pids() if p not in self._changes.masked and p not in self._changes.by_pid]
        yield from self.store.records(pids).values()
