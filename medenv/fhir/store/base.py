"""The store as it is read: resources by number, by id, by patient and by type, handed out as rows that searches index.

Nothing here changes after opening but caches, so any number of threads, and processes forked at any time, may use one store.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from medenv.errors import DataError
from medenv.fhir.index.dates import span
from medenv.fhir.index.rows import Rows
from medenv.fhir.store.build import FORMAT, PATIENT_PARAMETERS
from medenv.fhir.store.cache import StoreCache, StoreRows
from medenv.fhir.template import Record, Template, decode, template_of_skeleton

__all__ = ["Store"]

_CHUNK = 4096
"""Rows of a stretch of a type: enough that a page is found in one or two, few enough to load in some milliseconds."""

_PART = 500
"""Numbers of one query: SQLite takes some thousand."""

_WHOLE = 20_000
"""A type of at most so many resources is one stretch."""


_OPEN: WeakValueDictionary[tuple[Any, ...], Store] = WeakValueDictionary()
"""The stores of this process, by file."""


def _identity(path: Path) -> tuple[Any, ...]:
    """Return what tells a file from another one that took its place."""
    stat = path.stat()
    return path.resolve(), stat.st_ino, stat.st_size, stat.st_mtime_ns


def _opened(path: Path) -> Store:
    """Return the store of a file that this process has open, or a new one.

    Raises:
        OSError: The file can't be opened.
        ValueError: It is no store of this version.
    """
    found = _OPEN.get(_identity(path)) if path.is_file() else None
    return Store(path) if found is None else found


class Store:
    """A read-only store file.

    Attributes:
        path: The file.
        fingerprint: The hash of what all resources say, see `ChartFingerprint`.
        newest: Milliseconds since 1970 of the latest ``meta.lastUpdated``.
        last: The highest number in use, as an internal one or as an id.
        counts: How many resources there are, by type.
        cache: What is kept in memory.
    """

    def __init__(self, path: Path) -> None:
        """Open a store.

        Raises:
            OSError: The file can't be opened.
            ValueError: It is no store of this version.
        """
        self.path = Path(path)
        self._local = threading.local()
        self.cache = StoreCache()
        if not self.path.is_file():
            raise FileNotFoundError(f"no store at {self.path}; build one with medenv.fhir.store.build")
        self._file = _identity(self.path)
        try:
            db = self._db()
            meta = dict(db.execute("SELECT key, value FROM meta"))
            if meta.get("format") != str(FORMAT):
                raise DataError(f"{self.path} is a store of format {meta.get('format')!r}, not {FORMAT}; build it anew")
            self._kinds: dict[int, str] = {}
            self.counts: dict[str, int] = {}
            for number, type_, n in db.execute("SELECT id, type, n FROM kind ORDER BY id"):
                self._kinds[number] = type_
                self.counts[type_] = n
            rows = db.execute("SELECT id, type, skeleton FROM shape ORDER BY id")
            self._templates = [template_of_skeleton(type_, skeleton) for _, type_, skeleton in rows]
        except sqlite3.DatabaseError as e:
            raise DataError(f"{self.path} is no store: {e}") from None
        self._numbers = {t: n for n, t in self._kinds.items()}
        self.fingerprint: str = meta["fingerprint"]
        self.newest, self.last = int(meta["newest"]), int(meta["last"])
        self._own_numbers = meta.get("own_numbers") == "1"

        _OPEN[self._file] = self

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle as the file: in this process that is this very store, which costs no memory again."""
        return _opened, (self.path,)

    def _db(self) -> sqlite3.Connection:
        """Return this thread's connection; a forked child opens its own."""
        held = getattr(self._local, "db", None)
        if held is not None and held[0] == os.getpid():
            connection: sqlite3.Connection = held[1]
            return connection
        uri = f"{self.path.resolve().as_uri()}?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA mmap_size=1073741824")
        self._local.db = (os.getpid(), connection)
        return connection

    def close(self) -> None:
        """Drop what is held in memory and this thread's connection."""
        self.cache.clear()
        held = getattr(self._local, "db", None)
        if held is not None and held[0] == os.getpid():
            held[1].close()
        self._local = threading.local()

    def find(self, type_: str, id_: str) -> int | None:
        """Return the number of a resource by type and id."""
        kind = self._numbers.get(type_)
        if kind is None:
            return None
        db = self._db()
        row = db.execute("SELECT pid FROM named WHERE type = ? AND id = ?", (type_, id_)).fetchone()
        if row is not None:
            return int(row[0])
        if self._own_numbers and id_.isascii() and id_.isdigit() and id_[0] != "0" and len(id_) < 16:
            row = db.execute("SELECT pid FROM resource WHERE pid = ? AND kind = ?", (int(id_), kind)).fetchone()
            if row is not None and self._id_of(int(id_)) == id_:
                return int(id_)
        return None

    def _id_of(self, pid: int) -> str | None:
        record = self.record(pid)
        return None if record is None else record.id

    def record(self, pid: int) -> Record | None:
        """Return the resource with a number."""
        row = self._db().execute("SELECT shape, vals FROM resource WHERE pid = ?", (pid,)).fetchone()
        return None if row is None else self._record(pid, self._templates[row[0]], row[1])

    @staticmethod
    def _record(pid: int, template: Template, text: str) -> Record:
        values = text.split("\n")
        version, updated = template.slot("meta", "versionId"), template.slot("meta", "lastUpdated")
        number = decode(values[version]) if version is not None else "1"
        when = span(decode(values[updated])) if updated is not None else None
        return Record(
            template.type,
            decode(values[template.id_slot]),
            pid,
            int(number) if number.isdigit() else 1,
            when.low if when else 0,
            template,
            values,
        )

    def get(self, type_: str, id_: str) -> Record | None:
        """Return a resource by type and id."""
        pid = self.find(type_, id_)
        return None if pid is None else self.record(pid)

    def records(self, pids: list[int]) -> dict[int, Record]:
        """Return resources by number; unknown numbers are left out."""
        found: dict[int, Record] = {}
        for start in range(0, len(pids), _PART):
            part = pids[start : start + _PART]
            marks = ",".join("?" * len(part))
            for pid, template, text in self._db().execute(
                f"SELECT pid, shape, vals FROM resource WHERE pid IN ({marks})", part
            ):
                found[pid] = self._record(pid, self._templates[template], text)
        return found

    def patients_rows(self, type_: str, parameter: str, patient: str) -> Rows:
        """Return the resources of a type that name a patient.

        Args:
            type_: Resource type.
            parameter: The search parameter by which they do, one of `PATIENT_PARAMETERS`.
            patient: The Patient's id.
        """
        bit = 1 << PATIENT_PARAMETERS.index(parameter)
        key = (type_, patient, bit)
        rows = self.cache.get(key)
        if rows is not None:
            return rows
        homes = (
            self._db().execute("SELECT how, pids FROM home WHERE type = ? AND patient = ?", (type_, patient)).fetchall()
        )
        wanted = [array("q", blob) for how, blob in homes if how & bit]
        if not wanted:
            return self.cache.put([key], self._rows(type_, []))
        same = bit ^ sum(1 << n for n in range(len(PATIENT_PARAMETERS)))
        alike = [(type_, patient, same)] if all(how & bit and how & same for how, _ in homes) else []
        return self.cache.put([key, *alike], self._load(type_, sorted(p for pids in wanted for p in pids)))

    def rows_of(self, type_: str, pids: list[int]) -> Rows:
        """Return the resources of a type among some internal numbers, which are ascending."""
        if not pids:
            return Rows.empty(type_)
        rows = self._load(type_, pids)
        if all(template.type == type_ for template in rows.templates):
            return rows
        found = zip(rows.pids, rows.templates, rows.texts(), strict=True)
        return self._rows(type_, [row for row in found if row[1].type == type_])

    def _rows(self, type_: str, found: list[tuple[int, Template, str]]) -> StoreRows:
        pids = array("q", [pid for pid, _, _ in found])
        return StoreRows(type_, pids, [s for _, s, _ in found], [t for _, _, t in found], self._texts_of)

    def _texts_of(self, pids: list[int]) -> list[str]:
        return [text for _, _, text in self._fetch(pids)]

    def _fetch(self, pids: list[int]) -> list[tuple[int, int, str]]:
        """Return rows of the file by internal numbers, ascending."""
        db = self._db()
        if len(pids) > 2 and pids[-1] - pids[0] + 1 == len(pids):  # a patient's resources mostly stand together
            sql = "SELECT pid, shape, vals FROM resource WHERE pid BETWEEN ? AND ?"
            return db.execute(sql, (pids[0], pids[-1])).fetchall()
        found = []
        for start in range(0, len(pids), 500):
            part = pids[start : start + 500]
            marks = ",".join("?" * len(part))
            sql = f"SELECT pid, shape, vals FROM resource WHERE pid IN ({marks}) ORDER BY pid"
            found += db.execute(sql, part).fetchall()
        return found

    def _load(self, type_: str, pids: list[int]) -> StoreRows:
        return self._rows(type_, [(pid, self._templates[template], text) for pid, template, text in self._fetch(pids)])

    def stretches(self, type_: str) -> Iterator[Rows]:
        """Yield all resources of a type, in order, a stretch at a time; small types are one stretch."""
        kind = self._numbers.get(type_)
        if kind is None:
            return
        size = _WHOLE if self.counts[type_] <= _WHOLE else _CHUNK
        last = 0
        while True:
            key = (type_, last)
            rows = self.cache.get(key)
            if rows is None:
                sql = "SELECT pid, shape, vals FROM resource WHERE kind = ? AND pid > ? ORDER BY pid LIMIT ?"
                found = self._db().execute(sql, (kind, last, size))
                rows = self.cache.put([key], self._rows(type_, [(p, self._templates[n], text) for p, n, text in found]))
            if len(rows):
                yield rows
            if len(rows) < size:
                return
            last = rows.pids[-1]

    def is_small(self, type_: str) -> bool:
        """Return whether a type is one stretch, so that a walk along all of it is nothing to avoid."""
        return self.counts.get(type_, 0) <= _WHOLE

    def all_pids(self) -> list[int]:
        """Return every number, ascending."""
        return [pid for (pid,) in self._db().execute("SELECT pid FROM resource ORDER BY pid")]

    def in_order(self, pids: Sequence[int] | None = None) -> Iterator[Record]:
        """Yield the resources that some numbers belong to, in that order, or all by number; few are in memory at a time."""
        wanted = self.all_pids() if pids is None else pids
        for start in range(0, len(wanted), _PART):
            part = list(wanted[start : start + _PART])
            found = self.records(part)
            for pid in part:
                yield found[pid]

    def numbers_of(self, type_: str) -> list[int]:
        """Return the numbers of a type's resources, ascending."""
        kind = self._numbers.get(type_)
        if kind is None:
            return []
        return [pid for (pid,) in self._db().execute("SELECT pid FROM resource WHERE kind = ? ORDER BY pid", (kind,))]

    @staticmethod
    def position(rows: Rows, pid: int) -> int | None:
        """Return where a number stands among rows in order."""
        at = bisect_left(rows.pids, pid)
        return at if at < len(rows) and rows.pids[at] == pid else None
