"""The sessions of a served store: one that all share, or one a name, created at first use and bounded in number.

A session that had to go because it stood idle is not silently begun anew: its writes are lost, and its client must know.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable

from medenv.errors import InputError
from medenv.fhir.errors import FhirError
from medenv.fhir.session import EmbeddedSession

__all__ = ["NAME", "SessionPool"]

NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
"""Names that a session may have."""

_REMEMBERED = 10_000
"""Names of sessions ended for idleness that are remembered."""


class SessionPool:
    """Sessions by name.

    Args:
        begin: Opens one on the pristine chart.
        most: How many may be open at once.
        idle: Seconds without a request after which one may be ended to make room.
        clock: Seconds, for telling how long a session was idle.
    """

    def __init__(
        self, begin: Callable[[], EmbeddedSession], most: int, idle: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if most < 1:
            raise InputError(f"at most {most} sessions would serve no one; allow at least 1")
        self._begin, self._most, self._idle, self._clock = begin, most, idle, clock
        self._open: OrderedDict[str, tuple[EmbeddedSession, float]] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def take(self, name: str) -> EmbeddedSession:
        """Return the session of a name, opened if it is new.

        Raises:
            FhirError: 404 for a name that can't be one, 410 if the session was ended for idleness, 429 if there are too many.
        """
        held = self._open.get(name)
        if held is not None:
            self._open[name] = (held[0], self._clock())
            self._open.move_to_end(name)
            return held[0]
        if not NAME.fullmatch(name):
            raise FhirError(
                404,
                f"{name[:80]!r} can't name a session: up to 64 letters, digits, '.', '_' and '-', a letter or digit first",
            )
        if name in self._ended:
            text = f"Session {name!r} was idle for more than {self._idle:g} s and was ended to make room; its changes are lost. "
            raise FhirError(410, f"{text}DELETE /s/{name} to begin it anew.")
        self._make_room()
        session = self._begin()
        self._open[name] = (session, self._clock())
        return session

    def _make_room(self) -> None:
        if len(self._open) < self._most:
            return
        name, (session, used) = next(iter(self._open.items()))  # the one that was idle for longest
        if self._clock() - used < self._idle:
            text = (
                f"{self._most} sessions are open, which is the most this server allows; end one with DELETE /s/NAME, "
            )
            raise FhirError(429, f"{text}or start the server with a larger --max-sessions.", "throttled")
        del self._open[name]
        session.close()
        self._ended[name] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    def end(self, name: str) -> bool:
        """End a session and forget its changes.

        Returns:
            Whether there was one of that name.
        """
        forgotten = self._ended.pop(name, False) is None
        held = self._open.pop(name, None)
        if held is not None:
            held[0].close()
        return forgotten or held is not None
