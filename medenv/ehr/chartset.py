"""The charts of a split by name: where they are built, what their fingerprint must be, and how they leave as NDJSON.

A chart set is small and can be pickled; the store behind it is built at first need and shared by all processes.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from medenv.errors import DataError
from medenv.fhir.cache import CacheError, cached_store, path_of, trusted
from medenv.fhir.partial import Block
from medenv.fhir.store import Store
from medenv.fhir.store.fingerprint import ChartFingerprint, other_rule

__all__ = ["ChartSet", "FingerprintError", "check_fingerprint", "lines", "verify_store", "watched"]

Resources = Callable[[], Iterable[Mapping[str, Any] | str | Block]]

_BYTES_A_RECORD = 480
_WORTH_A_BAR = 20_000


class FingerprintError(DataError):
    """Charts are not those that tasks or trajectories were made on."""


def check_fingerprint(found: str, expected: str | None, whose: str) -> None:
    """Compare the charts at hand with those that something was made on.

    Args:
        found: The fingerprint of the charts at hand.
        expected: The fingerprint of those it was made on; None if it doesn't say.
        whose: What was made on them, for the error.

    Raises:
        FingerprintError: They differ.
    """
    if expected is not None and found != expected:
        raise FingerprintError(
            f"{whose} was made on charts with the fingerprint {expected}{other_rule(expected, found)}, but these have {found}; "
            "use the same version of medenv, or export the charts anew (medenv data export)"
        )


@dataclass(frozen=True)
class ChartSet:
    """The charts of a split.

    Attributes:
        name: A file name that says all that the charts depend on.
        resources: Makes them, in load order.
        records: About how many there are.
        fingerprint: What they must hash to; None if that isn't laid down.
    """

    name: str
    resources: Resources
    records: int = 0
    fingerprint: str | None = None

    @property
    def path(self) -> Path:
        """Return where the store lies, whether or not it is built."""
        return path_of(self.name)

    def open(self) -> Store:
        """Return the store; built first, with a progress bar for large ones on a terminal, if need be.

        Raises:
            CacheError: It can't be kept in the cache folder.
            FingerprintError: The charts are not those laid down.
        """
        store = cached_store(self.name, lambda: watched(self), needs=self.records * _BYTES_A_RECORD)
        check_fingerprint(store.fingerprint, self.fingerprint, f"the chart set {self.name!r}")
        return store

    def export(self, file: IO[str]) -> int:
        """Write the charts as NDJSON, one resource a line in load order.

        Args:
            file: Where to.

        Returns:
            How many resources were written.
        """
        count = 0
        for line in lines(self.open()):
            file.write(line + "\n")
            count += 1
        return count


def lines(store: Store) -> Iterator[str]:
    """Yield a store's resources as compact JSON, by number."""
    return (record.text(None) for record in store.in_order())


def verify_store(charts: ChartSet) -> tuple[int, str]:
    """Read every resource of a built store and compare their hash with its fingerprint.

    Args:
        charts: What was built.

    Returns:
        How many resources there are, and the fingerprint.

    Raises:
        CacheError: It is not there, or is damaged.
        FingerprintError: It is whole, but not what is laid down.
    """
    store = trusted(charts.path)
    if store is None:
        state = "damaged" if charts.path.exists() else "not built"
        raise CacheError(f"{charts.path} is {state}; build it: medenv data build")
    digest, count = ChartFingerprint(), 0
    try:
        for record in store.in_order():
            digest.add(record.content())
            count += 1
    except (sqlite3.Error, LookupError, ValueError, TypeError) as error:
        raise CacheError(f"{charts.path} is damaged ({error}); remove it, and the next use builds it anew") from None
    found = str(digest)
    if found != store.fingerprint or count != sum(store.counts.values()):
        raise CacheError(f"{charts.path} is damaged: its resources hash to {found}, not {store.fingerprint}; remove it")
    check_fingerprint(found, charts.fingerprint, f"the chart set {charts.name!r}")
    return count, found


def watched(charts: ChartSet) -> Iterator[Mapping[str, Any] | str | Block]:
    """Yield the resources as they are made, with a progress bar on a terminal."""
    made = charts.resources()
    if charts.records < _WORTH_A_BAR or not sys.stderr.isatty():
        yield from made
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(f"building {charts.name}", total=charts.records)
        for one in made:
            yield one
            progress.advance(bar, len(one.filled) if isinstance(one, Block) else 1)
