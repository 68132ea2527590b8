"""Building a store: resources in order become one SQLite file, written beside its place and moved there when it is whole.

A resource keeps its text: what is served later is what was loaded, key order and digits included.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from medenv.errors import DataError, MedenvError, file_errors
from medenv.fhir import definitions, jsontext
from medenv.fhir.drafts import replacement
from medenv.fhir.index.dates import format_instant, span
from medenv.fhir.index.extract import extract
from medenv.fhir.partial import Block
from medenv.fhir.store.fingerprint import ChartFingerprint
from medenv.fhir.template import Template, decode, template_of

__all__ = ["FORMAT", "PATIENT_PARAMETERS", "Source", "build", "read_lines"]

FORMAT = 2
"""The file layout's version; a cached file of another one is built anew."""

PATIENT_PARAMETERS = ("patient", "subject")
"""The parameters by which a resource stands in a patient's part of the store; bit n of ``home.how`` is the n-th of them."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE kind (id INTEGER PRIMARY KEY, type TEXT, n INTEGER);
CREATE TABLE shape (id INTEGER PRIMARY KEY, type TEXT, skeleton TEXT);
CREATE TABLE resource (pid INTEGER PRIMARY KEY, kind INTEGER, shape INTEGER, vals TEXT);
CREATE TABLE named (type TEXT, id TEXT, pid INTEGER, PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE home (type TEXT, patient TEXT, how INTEGER, pids BLOB, PRIMARY KEY (type, patient, how)) WITHOUT ROWID;
"""
_LOADED = 1_577_836_800_000  # 2020-01-01T00:00:00Z: when a resource without meta.lastUpdated counts as loaded
_BATCH = 5_000

Source = str | Mapping[str, Any] | Block
"""A resource as JSON text or parsed, or many of them as filled partial resources."""


class _NumbersClashError(MedenvError):
    """A resource's number is another resource's too; the numbers of the load order must serve instead."""


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of an NDJSON file, stripped: a resource each, or nothing.

    Raises:
        FileError: The file can't be read.
        DataError: A line isn't UTF-8, with its number.
    """
    with file_errors(path), path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as e:
                raise DataError(f"{path} line {number} is not UTF-8: {e}") from None
            yield text


def build(resources: Callable[[], Iterable[Source]], path: Path, named: str = "resource") -> None:
    """Write a store.

    Args:
        resources: Gives the resources in load order; called again if their ids clash. Ids and meta may be missing; an empty
            string is passed over.
        path: The file to create or replace.
        named: What errors call a resource, before its number.

    Raises:
        ValueError: A resource isn't one (says which and why), or two have the same type and id.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacement(path) as draft:
        try:
            _write(resources(), draft, named, own_numbers=True)
        except _NumbersClashError:
            draft.write_bytes(b"")
            _write(resources(), draft, named, own_numbers=False)


def _write(resources: Iterable[Source], path: Path, named: str, own_numbers: bool) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;" + _SCHEMA)
        _Builder(db, own_numbers).run(resources, named)
        db.commit()


class _Builder:
    """Collects what the tables need while the resources stream by."""

    def __init__(self, db: sqlite3.Connection, own_numbers: bool) -> None:
        self.db, self.own_numbers = db, own_numbers
        self.templates: dict[int, tuple[Template, int, list[Callable[[list[str]], list[str]] | None]]] = {}
        self.kinds: dict[str, list[int]] = {}
        self.named: dict[tuple[str, str], int] = {}
        self.homes: dict[tuple[str, str, int], array[int]] = {}
        self.rows: list[tuple[int, int, int, str]] = []
        self.last = 0
        self.top = 0
        self.newest = _LOADED
        self.fingerprint = ChartFingerprint()

    def run(self, resources: Iterable[Source], named: str) -> None:
        for number, source in enumerate(resources, 1):
            if source == "":
                continue
            try:
                if isinstance(source, Block):
                    self.add_block(source)
                else:
                    self.add(source, number)
            except (ValueError, TypeError, RecursionError) as e:
                raise DataError(f"{named} {number}: {e}") from None
        self.flush()
        db = self.db
        db.executemany("INSERT INTO named VALUES (?,?,?)", sorted((t, i, p) for (t, i), p in self.named.items()))
        homes = ((t, p, how, array("q", sorted(pids)).tobytes()) for (t, p, how), pids in sorted(self.homes.items()))
        db.executemany("INSERT INTO home VALUES (?,?,?,?)", homes)
        db.executemany("INSERT INTO kind VALUES (?,?,?)", [(k, t, count) for t, (k, count) in self.kinds.items()])
        db.executemany(
            "INSERT INTO shape VALUES (?,?,?)", [(k, s.type, s.skeleton) for s, k, _ in self.templates.values()]
        )
        db.execute("CREATE INDEX resource_kind ON resource (kind)")
        meta = {"format": FORMAT, "fingerprint": str(self.fingerprint), "newest": self.newest}
        meta |= {"last": max(self.last, self.top), "own_numbers": int(self.own_numbers)}
        db.executemany("INSERT INTO meta VALUES (?,?)", [(k, str(v)) for k, v in meta.items()])

    def known(self, template: Template) -> tuple[Template, int, list[Callable[[list[str]], list[str]] | None]]:
        """Return a template's number, and what reads the patients it names."""
        known = self.templates.get(id(template))
        if known is None:
            parameters = definitions.search_parameters(template.type)
            homes = [extract(template, parameters[p]) if p in parameters else None for p in PATIENT_PARAMETERS]
            known = self.templates[id(template)] = (template, len(self.templates), homes)
        return known

    def add_block(self, block: Block) -> None:
        """Take in resources about one patient; what they have in common is worked out once."""
        if not block.filled:
            return
        if block.first <= self.last:
            raise ValueError(f"a block begins with the id {block.first} after {self.last} was used")
        pid, end = block.first, block.first + len(block.filled)
        type_ = block.filled[0][0].template.type
        kind = self.kinds.setdefault(type_, [len(self.kinds), 0])
        kind[1] += len(block.filled)
        numbers: dict[int, int] = {}
        contents = []
        for partial, blanks in block.filled:
            number = numbers.get(id(partial.template))
            if number is None:
                number = numbers[id(partial.template)] = self.known(partial.template)[1]
            self.rows.append((pid, kind[0], number, partial.values % blanks))
            contents.append(partial.content % blanks)
            pid += 1
        self.fingerprint.add("\n".join(contents))
        if len(self.rows) >= _BATCH:
            self.flush()
        partial, blanks = block.filled[0]
        values = (partial.values % blanks).split("\n")
        how = 0
        for bit, read in enumerate(self.known(partial.template)[2]):
            if read and read(values) == [f"Patient/{block.patient}"]:
                how |= 1 << bit
        if not how:
            raise ValueError(f"the block that begins with id {block.first} does not name Patient/{block.patient}")
        self.homes.setdefault((type_, block.patient, how), array("q")).extend(range(block.first, end))
        self.last, self.top = end - 1, max(self.top, end - 1)
        self.newest = max(self.newest, block.newest)

    def add(self, source: str | Mapping[str, Any], number: int) -> None:
        template, values = self.take_apart(source, number)
        known = self.known(template)
        kind = self.kinds.setdefault(template.type, [len(self.kinds), 0])
        kind[1] += 1
        pid = self.number(template.type, decode(values[template.id_slot]))
        self.rows.append((pid, kind[0], known[1], "\n".join(values)))
        if len(self.rows) >= _BATCH:
            self.flush()
        self.add_to_patients(template.type, pid, known[2], values)
        slot = template.slot("meta", "lastUpdated")
        updated = span(decode(values[slot])) if slot is not None else None
        if updated is not None and updated.low > self.newest:
            self.newest = updated.low
        self.fingerprint.add(template.content.text(values, None))

    def take_apart(self, source: str | Mapping[str, Any], number: int) -> tuple[Template, list[str]]:
        if isinstance(source, str) and '"id"' in source and '"lastUpdated"' in source:
            template, values = template_of(source)
            if "versionId" in template.tree.get("meta", ()) and definitions.is_resource(template.type):
                return template, values
        return template_of(_complete(source, number, self.last + 1))

    def number(self, kind: str, id_: str) -> int:
        """Return the internal number of a resource: its id if that is a number, as on HAPI, else the next one."""
        numeric = id_.isascii() and id_.isdigit() and id_[0] != "0" and len(id_) < 16
        if numeric:
            self.top = max(self.top, int(id_))
        if self.own_numbers and numeric:
            pid = int(id_)
            if pid <= self.last:
                self.flush()
                if self.db.execute("SELECT 1 FROM resource WHERE pid = ?", (pid,)).fetchone():
                    raise _NumbersClashError
        else:
            pid = self.last + 1
            if (kind, id_) in self.named:
                raise ValueError(f"{kind}/{id_} stands twice; each resource may be loaded once")
            self.named[kind, id_] = pid
        self.last = max(self.last, pid)
        return pid

    def add_to_patients(
        self, kind: str, pid: int, readers: list[Callable[[list[str]], list[str]] | None], values: list[str]
    ) -> None:
        homes: dict[str, int] = {}
        for bit, read in enumerate(readers):
            for reference in read(values) if read else ():
                if reference.startswith("Patient/"):
                    homes[reference[8:]] = homes.get(reference[8:], 0) | 1 << bit
        for patient, how in homes.items():
            self.homes.setdefault((kind, patient, how), array("q")).append(pid)

    def flush(self) -> None:
        self.db.executemany("INSERT INTO resource VALUES (?,?,?,?)", self.rows)
        self.rows.clear()


def _complete(source: str | Mapping[str, Any], number: int, next_id: int) -> str:
    """Return a resource's text with the id and meta that a server gives, where it has none of its own."""
    try:
        resource = jsontext.loads(source) if isinstance(source, str) else dict(source)
    except JSONDecodeError as e:
        raise ValueError(f"not JSON: {e}") from None
    if not isinstance(resource, dict):
        raise ValueError(f"a resource is a JSON object, not {jsontext.compact(resource)[:80]}")
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or not definitions.is_resource(kind):
        raise ValueError(f"unknown resourceType {kind!r}")
    id_ = resource.get("id", str(next_id))
    meta = dict(resource.get("meta") or {})
    digest = hashlib.sha256(f"{kind}/{id_}".encode()).hexdigest()[:16]
    given = {"versionId": "1", "lastUpdated": format_instant(_LOADED + number), "source": f"#{digest}"}
    head = {k: meta.pop(k, v) for k, v in given.items()}
    rest = {k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")}
    return jsontext.compact({"resourceType": kind, "id": id_, "meta": {**head, **meta}, **rest})
