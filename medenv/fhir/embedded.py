"""The embedded backend: a store on disk, shared read-only by every session, with each session's writes its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from medenv.errors import file_errors
from medenv.fhir.backend import Backend
from medenv.fhir.cache import cached_store
from medenv.fhir.caches import AnswerCache
from medenv.fhir.chart import Changes
from medenv.fhir.partial import FilledResource
from medenv.fhir.session import EmbeddedSession
from medenv.fhir.store import Store, build, read_lines
from medenv.fhir.store.build import FORMAT
from medenv.fhir.workspace import Workspace

__all__ = ["DEFAULT_BASE", "EmbeddedBackend"]

DEFAULT_BASE = "http://localhost:8080/fhir"
"""The official server's base URL, which the benchmark's prompts name."""


def _is_filled(resource: Mapping[str, Any] | FilledResource) -> bool:
    return isinstance(resource, tuple)


def _remove(path: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must not take its parent's file away
        with contextlib.suppress(OSError):
            os.unlink(path)


class EmbeddedBackend(Backend):
    """A FHIR server inside the process.

    Attributes:
        store: The shared base.
        base: The base URL of the sessions it opens.
    """

    waits = False

    def __init__(self, store: Store, base: str = DEFAULT_BASE, *, clock: Callable[[], int] | None = None) -> None:
        """Serve a store.

        Args:
            store: The shared base.
            base: The base URL that links carry.
            clock: Gives the time in milliseconds since 1970, for a server that is not an episode's; None for a logical clock.
        """
        self.store, self.base = store, base
        self._clock = clock
        self._cache = AnswerCache()

    def __reduce__(self) -> tuple[Any, ...]:
        return (EmbeddedBackend, (self.store, self.base))

    @classmethod
    def from_ndjson(
        cls, path: str | Path, cache_dir: str | Path | None = None, base: str = DEFAULT_BASE
    ) -> EmbeddedBackend:
        """Serve the resources of an NDJSON file.

        Args:
            path: The file, one resource a line, in load order.
            cache_dir: Where the store that is built from it is kept for the next time; None for the user's cache folder.
            base: The base URL that links carry.

        Raises:
            FileError: The file can't be read, or the store can't be kept.
            ValueError: A line is no resource (says which and why), or a resource stands twice.
        """
        path = Path(path)
        digest = hashlib.sha256(f"format {FORMAT}\n".encode())
        with file_errors(path), path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
            needs = file.tell()
        folder = Path(cache_dir) if cache_dir is not None else None
        name = digest.hexdigest()[:32]
        return cls(cached_store(name, lambda: read_lines(path), folder, needs=needs, named=f"{path} line"), base)

    @classmethod
    def from_resources(cls, resources: Iterable[Mapping[str, Any] | str], base: str = DEFAULT_BASE) -> EmbeddedBackend:
        """Serve resources from memory; the store is a temporary file that goes when the backend does.

        Args:
            resources: Resources as JSON texts or parsed (`medenv.fhir.jsontext.loads` keeps digits), in load order.
            base: The base URL that links carry.

        Raises:
            ValueError: One of them is no resource (says which), or stands twice.
        """
        handle, name = tempfile.mkstemp(prefix="medenv-", suffix=".db")
        os.close(handle)
        try:
            held = list(resources)
            build(lambda: held, Path(name))
            backend = cls(Store(Path(name)), base)
        except BaseException:
            _remove(name, os.getpid())
            raise
        weakref.finalize(backend.store, _remove, name, os.getpid())
        return backend

    @property
    def fingerprint(self) -> str:
        """The hash of what all resources say, see `medenv.fhir.store.fingerprint`."""
        return self.store.fingerprint

    def open(
        self, base: str | None = None, overlay: Iterable[Mapping[str, Any] | FilledResource] = (), stale: bool = False
    ) -> EmbeddedSession:
        """Open a session on the pristine chart.

        Args:
            base: The base URL that its links carry; the backend's by default.
            overlay: Resources to add to the pristine chart of this session alone; partial resources lack id, lastUpdated and source.
            stale: Whether an identical search within a minute gets the old answer, as on HAPI.
        """
        answers = None if stale else self._cache  # what a session remembers for itself must not be passed by
        made = self._overlay(overlay) if overlay else None
        return EmbeddedSession(self.store, base or self.base, made, answers, self._clock, stale)

    def _overlay(self, resources: Iterable[Mapping[str, Any] | FilledResource]) -> Changes | None:
        """Return the changes that adding some resources makes; None for no resources."""
        workspace = Workspace(self.store, self.base, clock=self._clock)
        for filled, group in groupby(resources, key=_is_filled):
            if filled:
                workspace.add_all(cast(list[FilledResource], list(group)))
                continue
            for resource in cast(Iterable[Mapping[str, Any]], group):
                workspace.save(resource["resourceType"], resource.get("id", workspace.new_id()), dict(resource))
        return None if workspace.chart.unchanged else workspace.chart.fork()

    def close(self) -> None:
        """Drop what is held in memory."""
        self.store.close()
