"""Taking a whole server into a file, by paging: every resource with its id and meta, in the order of the server's numbers.

The work is cut into parts, by type and patient; parts that are done are kept in a folder beside the file, so that it can be gone on with.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from medenv.errors import InputError
from medenv.fhir import jsontext
from medenv.fhir.backend import BackendError
from medenv.fhir.remote.client import Client

__all__ = ["Captured", "capture"]

_PAGE = 1000
"""Resources asked for at once."""

_SAMPLES = 100
"""Resources read one by one at the end and compared with the file."""

_Place = tuple[int, Path, int, int]
"""A resource's number on the server, 0 if its id is none; the file that holds its text, and where there."""


@dataclass(frozen=True)
class Captured:
    """What was captured.

    Attributes:
        counts: How many resources of each type.
        sampled: How many were read again and found equal.
    """

    counts: dict[str, int]
    sampled: int


class _Capture:
    def __init__(self, client: Client, file: Path, patients: str | None, progress: Callable[[int, int], None]) -> None:
        self.client, self.file, self.progress = client, file, progress
        self.parts = file.with_name(file.name + ".parts")
        self.wanted = patients
        self.done = 0

    def run(self) -> Captured:
        plan = self.plan()
        expected = sum(plan["counts"].values())
        self.progress(0, expected)
        texts: list[Path] = []
        for type_, count in plan["counts"].items():
            texts += self.type(type_, count, plan)
        places, counts = self.index(texts)
        if self.wanted is None:
            self.compare_counts(plan["counts"], counts)
        self.write(places)
        sampled = self.sample(places)
        os.replace(self.draft, self.file)
        shutil.rmtree(self.parts)
        return Captured(counts, sampled)

    @property
    def draft(self) -> Path:
        return self.parts / "whole.tmp"

    # what there is

    def plan(self) -> dict[str, Any]:
        """Return the types and patients to take; a plan of an earlier try is resumed."""
        saved = self.parts / "plan.json"
        statement = self.need("metadata")
        resources = [one for rest in statement.get("rest", []) for one in rest.get("resource", [])]
        counts = {}
        for one in resources:
            type_ = str(one["type"])
            bundle = self.client.json(f"{type_}?_summary=count")
            total = int((bundle or {}).get("total", 0))
            if total:
                counts[type_] = total
        counts = {k: counts[k] for k in sorted(counts, key=lambda type_: (type_ != "Patient", type_))}
        if not counts:
            raise InputError(f"{self.client.wire} holds nothing to capture")
        by_patient = [one["type"] for one in resources if _searches_patient(one) and one["type"] in counts]
        asked = {"url": self.client.wire, "counts": counts, "patients": self.wanted, "by_patient": by_patient}
        if saved.is_file():
            earlier = json.loads(saved.read_text())
            if earlier != asked:
                raise InputError(
                    f"{self.parts} holds parts of another capture, or the server has changed since; remove that folder to begin anew"
                )
        else:
            self.parts.mkdir(parents=True, exist_ok=True)
            _write(saved, json.dumps(asked))
        return asked

    def need(self, url: str) -> Any:
        found = self.client.json(url)
        if found is None:
            raise BackendError(f"{self.client.wire} refuses GET {url[:200]}")
        return found

    # taking it

    def type(self, type_: str, count: int, plan: dict[str, Any]) -> list[Path]:
        """Take one type: patient by patient where it can be asked so, else, or for what is then missing, as a whole."""
        if type_ == "Patient":
            self.patients = self.chosen(self.part("Patient", "Patient", ""))
            return [self.parts / "Patient.ndjson"]
        if type_ in plan["by_patient"]:
            parts = []
            for patient in self.patients:
                query = f"patient={quote(patient, safe='')}"
                parts.append(self.part(f"{type_}-{hashlib.sha256(patient.encode()).hexdigest()[:16]}", type_, query))
            if self.wanted is not None or sum(map(_lines, parts)) == count:
                return parts
        elif self.wanted is not None:
            return []
        return [self.part(type_, type_, "")]

    def chosen(self, part: Path) -> list[str]:
        ids = [json.loads(line)["id"] for line in part.read_bytes().splitlines()]
        if self.wanted is None:
            return ids
        wanted = ids[: int(self.wanted)] if self.wanted.isdigit() else [one.strip() for one in self.wanted.split(",")]
        if missing := set(wanted) - set(ids):
            raise InputError(f"{self.client.wire} has no Patient/{min(missing)}")
        return wanted

    def part(self, name: str, type_: str, query: str) -> Path:
        """Take the matches of a search, unless that part is done."""
        target = self.parts / f"{name}.ndjson"
        if not target.is_file():
            lines = [jsontext.compact(one) for one in self.pages(f"{type_}?{query}&_count={_PAGE}".replace("?&", "?"))]
            _write(target, "".join(f"{line}\n" for line in lines))
        self.done += _lines(target)
        self.progress(self.done, 0)
        return target

    def pages(self, url: str | None) -> Iterator[Any]:
        while url:
            bundle = self.need(url)
            for entry in bundle.get("entry", []):
                if entry.get("search", {}).get("mode", "match") == "match":
                    yield entry["resource"]
            url = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)

    # making one file of it

    def index(self, texts: list[Path]) -> tuple[list[_Place], dict[str, int]]:
        """Return where each resource stands, in the order of the server's numbers, each once."""
        numbered: list[_Place] = []
        patients: list[_Place] = []
        others: list[_Place] = []
        counts: dict[str, int] = {}
        seen: set[tuple[str, str]] = set()
        for path in texts:
            offset = 0
            for line in path.read_bytes().splitlines(keepends=True):
                one = json.loads(line)
                key = (one["resourceType"], one["id"])
                if key not in seen and not (key[0] == "Patient" and key[1] not in self.patients):
                    seen.add(key)
                    counts[key[0]] = counts.get(key[0], 0) + 1
                    number = int(key[1]) if key[1].isdigit() else 0
                    kind = numbered if number else patients if key[0] == "Patient" else others
                    kind.append((number, path, offset, len(line)))
                offset += len(line)
        numbered.sort(key=lambda place: place[0])
        return _in_order(numbered, patients, others), counts

    def compare_counts(self, expected: dict[str, int], found: dict[str, int]) -> None:
        for type_, count in expected.items():
            if found.get(type_, 0) != count:
                raise BackendError(
                    f"{self.client.wire} counts {count} resources of type {type_} but lists {found.get(type_, 0)}; "
                    f"was it written to meanwhile? Remove {self.parts} to begin anew"
                )

    def write(self, places: list[_Place]) -> None:
        files = {path: path.open("rb") for _, path, _, _ in places}
        try:
            with self.draft.open("wb") as out:
                for _, path, offset, length in places:
                    files[path].seek(offset)
                    out.write(files[path].read(length))
        finally:
            for one in files.values():
                one.close()

    def sample(self, places: list[_Place]) -> int:
        """Read some of what was captured again, one by one."""
        chosen = random.Random(0).sample(places, min(_SAMPLES, len(places)))
        for _, path, offset, length in chosen:
            with path.open("rb") as file:
                file.seek(offset)
                text = file.read(length).decode().strip()
            one = json.loads(text)
            now = self.client.json(f"{one['resourceType']}/{quote(one['id'], safe='')}")
            if now is None or jsontext.compact(now) != text:
                raise BackendError(
                    f"{one['resourceType']}/{one['id']} is not on {self.client.wire} as it was captured; was it written to "
                    f"meanwhile? Remove {self.parts} to begin anew"
                )
        return len(chosen)


def capture(
    client: Client,
    file: Path,
    *,
    patients: str | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Captured:
    """Capture a server.

    Args:
        client: The server.
        file: Where to; a folder ``FILE.parts`` beside it holds what is done until it is whole.
        patients: Ids with commas between, or a number for that many from the first on; None for all, and for what names none.
        progress: Called with the number of resources taken so far, and first with how many there are.

    Raises:
        BackendError: The server failed, or what it lists, counts and shows does not agree.
        ValueError: It holds nothing, or the parts are another capture's.
        OSError: The file can't be written.
    """
    return _Capture(client, file, patients, progress).run()


def _searches_patient(statement: dict[str, Any]) -> bool:
    return any(one.get("name") == "patient" for one in statement.get("searchParam", []))


def _in_order(numbered: list[_Place], patients: list[_Place], others: list[_Place]) -> list[_Place]:
    """Return everything in the order in which it was loaded, as far as that shows.

    HAPI counts every resource, so the numbers that no id has are the patients': the first such number is the first patient's. Where
    that doesn't come out, since something was deleted or left out, patients come first, so that what refers to them comes later.
    """
    used = {place[0] for place in numbered}
    free = [number for number in range(1, max(used, default=0)) if number not in used]
    if others or not numbered or len(free) > len(patients) or len(used) < len(numbered):
        return patients + numbered + others
    after = range(numbered[-1][0] + 1, numbered[-1][0] + 1 + len(patients) - len(free))
    placed = [(number, *rest) for number, (_, *rest) in zip([*free, *after], patients, strict=True)]
    return sorted([*numbered, *placed], key=lambda place: place[0])


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def _write(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    draft = path.with_suffix(".tmp")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)
