"""Replies kept on disk, so that the very same run again asks the provider nothing.

One file a reply, written whole or not at all, named by a hash of the request; a file that isn't what was written is as good as none.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from medenv.errors import InputError
from medenv.fhir.drafts import replacement
from medenv.protocol.reply import Reply, ToolCall, storable

__all__ = ["ReplyCache"]

SCHEMA = "medenv.reply/1"
_LOG = logging.getLogger(__name__)


class ReplyCache:
    """Replies in a folder, which several processes may share.

    Args:
        folder: Made if need be.

    Raises:
        ValueError: It can't be made.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"the cache folder {str(folder)!r} can't be made: {error.strerror or error}") from None
        self._complained = False

    @staticmethod
    def key(request: Any) -> str:
        """Hash all that shapes the answer to a request (place, body, seed), as JSON values: SHA-256 in hex digits."""
        return hashlib.sha256(orjson.dumps(storable(request), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.json"

    def get(self, key: str) -> Reply | None:
        """Read the reply kept under a key; None if there is none, or what is there is damaged."""
        try:
            row = orjson.loads(self._file(key).read_bytes())
            body = orjson.dumps(row["reply"])
            if row["schema"] != SCHEMA or row["key"] != key or row["sha256"] != hashlib.sha256(body).hexdigest():
                return None
            calls = tuple(ToolCall(**call) for call in row["reply"].pop("calls"))
            return Reply(**row["reply"], calls=calls)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply; a disk that is full costs the copy and not the run."""
        kept: Mapping[str, Any] = storable(asdict(reply))
        row = {"schema": SCHEMA, "key": key, "sha256": hashlib.sha256(orjson.dumps(kept)).hexdigest(), "reply": kept}
        file = self._file(key)
        try:
            file.parent.mkdir(exist_ok=True)
            with replacement(file, ".partial") as partial:
                partial.write_bytes(orjson.dumps(row))
        except OSError as error:
            if not self._complained:
                self._complained = True
                _LOG.warning("replies can't be kept in %s: %s", self.folder, error.strerror or error)
