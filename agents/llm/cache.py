"""Replies kept on disk, so that the very same run again asks the provider nothing.

One file a reply, written whole or not at all, named by a hash of the request; a file that isn't what was written is as good as none.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

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
            raise ValueError(f"the cache folder {str(folder)!r} can't be made: {error.strerror or error}") from None
        self._complained = False

    @staticmethod
    def key(request: Any) -> str:
        """The name of a request: a hash of all that shapes the answer (place, body, seed), as JSON values."""
        return hashlib.sha256(orjson.dumps(storable(request), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.json"

    def get(self, key: str) -> Reply | None:
        """The reply kept under a key; None if there is none, or what is there is damaged."""
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
        partial = None
        try:
            file.parent.mkdir(exist_ok=True)
            handle, partial = tempfile.mkstemp(dir=file.parent, suffix=".partial")
            with os.fdopen(handle, "wb") as out:
                out.write(orjson.dumps(row))
            os.replace(partial, file)
        except OSError as error:
            if partial is not None and os.path.exists(partial):
                os.unlink(partial)
            if not self._complained:
                self._complained = True
                _LOG.warning("replies can't be kept in %s: %s", self.folder, error.strerror or error)
