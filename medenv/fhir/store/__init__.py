"""The base that every session starts from: one read-only SQLite file, shared by all sessions, threads and processes.

`build` writes it from resources in load order; `base.Store` reads it.
"""

from medenv.fhir.store.base import Store
from medenv.fhir.store.build import build, read_lines

__all__ = ["Store", "build", "read_lines"]
