"""What produced a run, beside its episodes: settings that every row shares, how it was run, and the software it ran on."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

from medenv import __version__
from medenv.extras import DISTRIBUTION
from medenv.fhir.store.fingerprint import other_rule
from medenv.rollouts.store.errors import RunFolderError
from medenv.rollouts.store.files import write_json

__all__ = ["SCHEMA", "Manifest"]

SCHEMA = "medenv.run/1"

_GROWING = frozenset({"samples", "limit"})
"""Settings that a run may be gone on with a larger value of."""

_TOOLS = re.compile(r"""extra\s*==\s*['"](test|dev)['"]""")


RENAMED = {"type": "task_type", "tolerate": "tolerances", "server": "url"}
"""Options by the names that they had in manifests of medenv before they were called as in `BenchmarkConfig`."""


@dataclass
class Manifest:
    """A run's ``manifest.json``.

    Attributes:
        settings: What the episodes depend on (agent, split, grader, seed, fingerprints, ...); a run is only gone on with under the
            same ones.
        options: What was asked for on the command line or in code, for going on with the run; never a secret.
        medenv: The version that began the run.
        resumed_by: Other versions that went on with it, in order.
        versions: Python and the packages that medenv uses, with their versions.
    """

    NAME = "manifest.json"

    settings: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    medenv: str = __version__
    resumed_by: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=lambda: installed())

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """Read a run's manifest; return None if there is none.

        Raises:
            RunFolderError: It is no manifest, or one of an unknown schema.
        """
        path = folder / cls.NAME
        try:
            values = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RunFolderError(f"{str(path)!r} can't be read: {error.strerror or error}") from error
        except orjson.JSONDecodeError as error:
            raise RunFolderError(
                f"{str(path)!r} is not JSON ({error}); restore it, or give another folder: the episodes beside it can still be read"
            ) from None
        schema = values.get("schema") if isinstance(values, dict) else None
        if schema != SCHEMA:
            raise RunFolderError(
                f"{str(path)!r} is of schema {schema!r}, and medenv {__version__} knows {SCHEMA!r}; use the version of medenv that "
                "wrote it (the file says which) or a later one"
            )
        known = {one.name for one in fields(cls)}
        if not isinstance(values.get("settings"), dict):
            raise RunFolderError(f"{str(path)!r} holds no settings; restore it, or give another folder")
        if not isinstance(values.get("options", {}), dict):
            raise RunFolderError(f"{str(path)!r} holds no options; restore it, or give another folder")
        found = cls(**{name: value for name, value in values.items() if name in known})
        found.options = {RENAMED.get(name, name): value for name, value in found.options.items()}
        return found

    def write(self, folder: Path) -> None:
        """Write the manifest, whole or not at all.

        Raises:
            RunWriteError: The disk is full or fails.
        """
        write_json(
            folder / self.NAME, {"schema": SCHEMA, **{one.name: getattr(self, one.name) for one in fields(self)}}
        )

    def go_on(self, folder: Path, settings: Mapping[str, Any], options: Mapping[str, Any] | None) -> None:
        """Take the settings of who goes on with the run, if they are the same.

        Args:
            folder: The run's folder, for the message.
            settings: As given now.
            options: As given now; None leaves those that the run has.

        Raises:
            RunFolderError: They differ in something that episodes depend on.
        """
        given = orjson.loads(orjson.dumps(settings))
        for name in [*self.settings, *(name for name in given if name not in self.settings)]:
            before, now = self.settings.get(name), given.get(name)
            if before == now or (
                name in _GROWING and isinstance(before, int) and isinstance(now, int) and now > before
            ):
                continue
            raise RunFolderError(
                f"the run in {str(folder)!r} was made with {name} {before!r}{other_rule(before, now)}, not {now!r}; "
                "give the same, or another folder"
            )
        self.settings = dict(given)
        if options is not None:
            self.options = dict(options)
        if __version__ not in (self.medenv, *self.resumed_by[-1:]):
            self.resumed_by.append(__version__)


def installed() -> dict[str, str]:
    """Python's version and those of the installed packages that medenv uses, by name."""
    found = {"python": platform.python_version()}
    try:
        needed = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # its sources, put on the path without being installed
        needed = []
    for line in needed:
        name = re.split(r"[\s<>=!~;\[(]", line, maxsplit=1)[0]
        if _TOOLS.search(line) or name == DISTRIBUTION:
            continue
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
