"""The store as it is read: resources by number, by id, by patient and by type, handed out as rows that searches index.

Nothing here changes after opening but caches, so any number of threads, and processes forked at any time, may use one store.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medenv.fhir.index.dates import span
from medenv.fhir.index.rows import Rows
from medenv.fhir.shape import Record, Shape, decode, shape_of_skeleton
from medenv.fhir.store.build import FORMAT, HOME_PARAMETERS

__all__ = ["Store"]

_CHUNK = 4096
"""Rows of a stretch of a type: enough that a page is found in one or two, few enough to load in some milliseconds."""

_WHOLE = 20_000
"""A type of at most so many resources is one stretch."""

_ROWS_HELD = 400_000
"""Rows kept in memory, all stretches together: about 200 MB of values and columns."""

_ENTRIES_HELD = 50_000
"""Bundle entries kept as text: about 60 MB."""

_NO_ROWS: Rows = Rows("", [], [], [])


class Store:
    """A read-only store file.

    Attributes:
        path: The file.
        fingerprint: ``sha256:`` and the hash of all resources' compact text, in load order, a newline after each.
        newest: Milliseconds since 1970 of the latest ``meta.lastUpdated``.
        last: The highest number in use, as an internal one or as an id.
        counts: How many resources there are, by type.
        entry_texts: Bundle entries written before, by internal number and base URL; see `keep_entry`.
    """

    def __init__(self, path: Path) -> None:
        """Open a store.

        Raises:
            OSError: The file can't be opened.
            ValueError: It is no store of this version.
        """
        self.path = Path(path)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[Any, ...], Rows] = OrderedDict()
        self._held_rows = 0
        self.entry_texts: dict[tuple[int, str], str] = {}
        if not self.path.is_file():
            raise FileNotFoundError(f"no store at {self.path}; build one with medenv.fhir.store.build")
        try:
            db = self._db()
            meta = dict(db.execute("SELECT key, value FROM meta"))
            if meta.get("format") != str(FORMAT):
                raise ValueError(
                    f"{self.path} is a store of format {meta.get('format')!r}, not {FORMAT}; build it anew"
                )
            self._kinds: dict[int, str] = {}
            self.counts: dict[str, int] = {}
            for number, type_, n in db.execute("SELECT id, type, n FROM kind ORDER BY id"):
                self._kinds[number] = type_
                self.counts[type_] = n
            rows = db.execute("SELECT id, type, skeleton FROM shape ORDER BY id")
            self._shapes = [shape_of_skeleton(type_, skeleton) for _, type_, skeleton in rows]
        except sqlite3.DatabaseError as e:
            raise ValueError(f"{self.path} is no store: {e}") from None
        self._numbers = {t: n for n, t in self._kinds.items()}
        self.fingerprint: str = meta["fingerprint"]
        self.newest, self.last = int(meta["newest"]), int(meta["last"])
        self._own_numbers = meta.get("own_numbers") == "1"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Store, (self.path,))

    def _db(self) -> sqlite3.Connection:
        """This thread's connection; a forked child opens its own."""
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
        with self._lock:
            self._held.clear()
            self._held_rows = 0
            self.entry_texts = {}
        held = getattr(self._local, "db", None)
        if held is not None and held[0] == os.getpid():
            held[1].close()
        self._local = threading.local()

    def keep_entry(self, pid: int, base: str, text: str) -> None:
        """Keep the text of a bundle entry; when there are too many, all are forgotten."""
        if len(self.entry_texts) >= _ENTRIES_HELD:
            self.entry_texts = {}
        self.entry_texts[pid, base] = text

    def find(self, type_: str, id_: str) -> int | None:
        """The number of a resource by type and id."""
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
        """The resource with a number."""
        row = self._db().execute("SELECT shape, vals FROM resource WHERE pid = ?", (pid,)).fetchone()
        return None if row is None else self._record(pid, self._shapes[row[0]], row[1])

    @staticmethod
    def _record(pid: int, shape: Shape, text: str) -> Record:
        values = text.split("\n")
        version, updated = shape.hole("meta", "versionId"), shape.hole("meta", "lastUpdated")
        number = decode(values[version]) if version is not None else "1"
        when = span(decode(values[updated])) if updated is not None else None
        return Record(
            shape.type,
            decode(values[shape.id_hole]),
            pid,
            int(number) if number.isdigit() else 1,
            when.low if when else 0,
            shape,
            values,
        )

    def get(self, type_: str, id_: str) -> Record | None:
        """A resource by type and id."""
        pid = self.find(type_, id_)
        return None if pid is None else self.record(pid)

    def records(self, pids: list[int]) -> dict[int, Record]:
        """Resources by number; unknown numbers are left out."""
        found: dict[int, Record] = {}
        for start in range(0, len(pids), 500):
            part = pids[start : start + 500]
            marks = ",".join("?" * len(part))
            for pid, shape, text in self._db().execute(
                f"SELECT pid, shape, vals FROM resource WHERE pid IN ({marks})", part
            ):
                found[pid] = self._record(pid, self._shapes[shape], text)
        return found

    def patients_rows(self, type_: str, parameter: str, patient: str) -> Rows:
        """The resources of a type that name a patient.

        Args:
            type_: Resource type.
            parameter: The search parameter by which they do, one of `HOME_PARAMETERS`.
            patient: The Patient's id.
        """
        bit = 1 << HOME_PARAMETERS.index(parameter)
        key = (type_, patient, bit)
        rows = self._held.get(key)
        if rows is not None:
            return rows
        homes = (
            self._db().execute("SELECT how, pids FROM home WHERE type = ? AND patient = ?", (type_, patient)).fetchall()
        )
        wanted = [array("q", blob) for how, blob in homes if how & bit]
        if not wanted:
            return self._hold([key], Rows(type_, [], [], [], True))
        same = bit ^ sum(1 << n for n in range(len(HOME_PARAMETERS)))
        alike = [(type_, patient, same)] if all(how & bit and how & same for how, _ in homes) else []
        return self._hold([key, *alike], self._load(type_, sorted(p for pids in wanted for p in pids)))

    def rows_of(self, type_: str, pids: list[int]) -> Rows:
        """The resources of a type among some internal numbers, which are ascending."""
        if not pids:
            return _NO_ROWS
        rows = self._load(type_, pids)
        if any(shape.type != type_ for shape in rows.shapes):
            kept = [i for i, shape in enumerate(rows.shapes) if shape.type == type_]
            pids, shapes, texts = rows.pids, rows.shapes, rows.texts
            rows = Rows(type_, [pids[i] for i in kept], [shapes[i] for i in kept], [texts[i] for i in kept], True)
        return rows

    def _load(self, type_: str, pids: list[int]) -> Rows:
        rows = Rows(type_, [], [], [], True)
        db = self._db()
        if len(pids) > 2 and pids[-1] - pids[0] + 1 == len(pids):  # a patient's resources mostly stand together
            found = db.execute(
                "SELECT pid, shape, vals FROM resource WHERE pid BETWEEN ? AND ?", (pids[0], pids[-1])
            ).fetchall()
        else:
            found = []
            for start in range(0, len(pids), 500):
                part = pids[start : start + 500]
                marks = ",".join("?" * len(part))
                found += db.execute(
                    f"SELECT pid, shape, vals FROM resource WHERE pid IN ({marks}) ORDER BY pid", part
                ).fetchall()
        for pid, shape, text in found:
            rows.append(pid, self._shapes[shape], text)
        return rows

    def _hold(self, keys: list[tuple[Any, ...]], rows: Rows) -> Rows:
        with self._lock:
            for key in keys:
                self._held[key] = rows
                self._held_rows += len(rows) + 1  # what holds nothing takes room too
            while self._held_rows > _ROWS_HELD and len(self._held) > len(keys):
                _, old = self._held.popitem(last=False)
                self._held_rows -= len(old) + 1
        return rows

    def stretches(self, type_: str) -> Iterator[Rows]:
        """All resources of a type, in order, a stretch at a time; small types are one stretch."""
        kind = self._numbers.get(type_)
        if kind is None:
            return
        size = _WHOLE if self.counts[type_] <= _WHOLE else _CHUNK
        last = 0
        while True:
            key = (type_, last)
            rows = self._held.get(key)
            if rows is None:
                sql = "SELECT pid, shape, vals FROM resource WHERE kind = ? AND pid > ? ORDER BY pid LIMIT ?"
                rows = Rows(type_, [], [], [], True)
                for pid, shape, text in self._db().execute(sql, (kind, last, size)):
                    rows.append(pid, self._shapes[shape], text)
                self._hold([key], rows)
            if len(rows):
                yield rows
            if len(rows) < size:
                return
            last = rows.pids[-1]

    def is_small(self, type_: str) -> bool:
        """Whether a type is one stretch, so that a walk along all of it is nothing to avoid."""
        return self.counts.get(type_, 0) <= _WHOLE

    def all_pids(self) -> list[int]:
        """Every number, ascending."""
        return [pid for (pid,) in self._db().execute("SELECT pid FROM resource ORDER BY pid")]

    def numbers_of(self, type_: str) -> list[int]:
        """The numbers of a type's resources, ascending."""
        kind = self._numbers.get(type_)
        if kind is None:
            return []
        return [pid for (pid,) in self._db().execute("SELECT pid FROM resource WHERE kind = ? ORDER BY pid", (kind,))]

    @staticmethod
    def position(rows: Rows, pid: int) -> int | None:
        """Where a number stands among rows in order."""
        at = bisect_left(rows.pids, pid)
        return at if at < len(rows) and rows.pids[at] == pid else None
