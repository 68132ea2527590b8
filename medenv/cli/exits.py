"""How a command ends: its exit codes, and what happens when whoever reads its output has gone."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

__all__ = ["NOTHING_SCORED", "READER_GONE", "SHORT_OF_MONEY", "quiet_pipes", "readers_gone"]

READER_GONE = 1
"""Exit code when the reader of stdout or stderr has gone; it is click's and rich's too."""

SHORT_OF_MONEY = 3
"""Exit code of a run that --max-cost ended."""

NOTHING_SCORED = 4
"""Exit code of a run of which no episode has a score, whether it was played to its end or given up at its start."""


@contextmanager
def quiet_pipes() -> Iterator[None]:
    """End without a word when the reader of stdout or stderr has gone, as ``medenv tasks --type 1 | head`` makes happen.

    Raises:
        SystemExit: With `READER_GONE`, if that happened.
    """
    try:
        try:
            yield
        finally:
            for stream in _streams():
                stream.flush()
    except BrokenPipeError:
        if not readers_gone():
            raise
        # So that the interpreter's own last flush finds nothing wrong.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in _streams():
            with suppress(OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
        raise SystemExit(READER_GONE) from None


def readers_gone() -> bool:
    """Whether stdout or stderr is a pipe that nobody reads any more: a broken pipe may be a server's socket too."""
    if not hasattr(select, "poll"):
        return True  # Windows can't tell
    poll = select.poll()
    for stream in _streams():
        with suppress(OSError, ValueError):
            poll.register(stream.fileno(), select.POLLERR)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _streams() -> list[IO[str]]:
    return [stream for stream in (sys.stdout, sys.stderr) if stream is not None and not stream.closed]
