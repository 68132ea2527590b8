"""What an episode looked at: its successful searches, the resources they returned, and how far they were paged.

Evidence is read from the observations alone, never from what the agent says it saw.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from medenv.protocol.trajectory import Turn
from medenv.protocol.urls import ForeignURLError, relative

__all__ = ["Look", "Looks"]

_FORM = frozenset({"_count", "_offset", "_format", "_pretty", "_total"})
"""Parameters that change how matches are given out, not which they are."""


@dataclass(slots=True)
class Look:
    """A search with those of its pages that were fetched, or a read.

    Attributes:
        type: The resource type asked for.
        params: Names and values that select, decoded.
        url: The first request, decoded, for what it names.
        turn: Index of the turn it was first asked in.
        spans: Offset, length and whether there is more, for each page fetched, with the index of its turn.
        resources: Type and id of what was returned, with the index of the turn.
    """

    type: str
    params: tuple[tuple[str, str], ...]
    url: str
    turn: int
    spans: list[tuple[int, int, bool, int]] = field(default_factory=list)
    resources: list[tuple[str, str, int]] = field(default_factory=list)

    def complete(self, before: int) -> bool:
        """Whether its pages, fetched before a turn, reach from the first match to the last."""
        reached = 0
        for offset, length, more, turn in sorted(self.spans):
            if turn < before and offset <= reached:
                if not more:
                    return True
                reached = max(reached, offset + length)
        return False


class Looks:
    """All that the episode's GETs returned.

    Args:
        turns: The episode's turns.
        base: The server's base URL.
    """

    def __init__(self, turns: Sequence[Turn], base: str) -> None:
        self.all: list[Look] = []
        self._base = base
        self._pages: dict[str, Look] = {}
        self.urls: list[tuple[int, str, Look | None]] = []
        for index, turn in enumerate(turns):
            if turn.method == "GET" and turn.url is not None:
                self.urls.append((index, unquote_plus(turn.url), self._take(index, turn)))

    def _take(self, index: int, turn: Turn) -> Look | None:
        assert turn.url is not None
        path, _, query = turn.url.partition("?")
        params = parse_qsl(query, keep_blank_values=True)
        paged = dict(params).get("_getpages")
        if paged is not None and paged in self._pages:
            look = self._pages[paged]
        else:
            look = self._find(path, params, turn.url, index)
        body = _json(turn.observation) if turn.response_status == 200 else None
        if body is not None:
            self._add(look, body, index, dict(params))
        return look

    def _find(self, path: str, params: list[tuple[str, str]], url: str, index: int) -> Look:
        """The look that this request goes on with, or a new one."""
        type_ = path.strip("/").partition("/")[0]
        selecting = tuple(sorted((name, value) for name, value in params if name not in _FORM))
        for look in self.all:
            if (look.type, look.params) == (type_, selecting) and "/" not in path.strip("/"):
                return look
        look = Look(type_, selecting, unquote_plus(url), index)
        self.all.append(look)
        return look

    def _add(self, look: Look, body: dict[str, Any], index: int, params: dict[str, str]) -> None:
        if body.get("resourceType") != "Bundle":
            look.resources.append((str(body.get("resourceType")), str(body.get("id")), index))
            return
        entries = [
            entry
            for entry in body.get("entry", [])
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)
        ]
        matches = [entry for entry in entries if entry.get("search", {}).get("mode", "match") == "match"]
        look.resources += [
            (str(e["resource"].get("resourceType")), str(e["resource"].get("id")), index) for e in entries
        ]
        following = [link["url"] for link in body.get("link", []) if link.get("relation") == "next"]
        offset = params.get("_getpagesoffset", params.get("_offset", "0"))
        shown = bool(matches) or body.get("total") == 0
        # Nine digits are more than any server holds, and fewer than Python refuses to convert.
        if offset.isdecimal() and len(offset) < 10 and shown:
            look.spans.append((int(offset), len(matches), bool(following), index))
        for url in following:
            try:
                self._pages[dict(parse_qsl(relative(url, self._base).partition("?")[2]))["_getpages"]] = look
            except (ForeignURLError, KeyError):
                continue

    def returned(self, type_: str, ids: Iterable[str], before: int) -> bool:
        """Whether each of these resources was returned before a turn."""
        seen = {id_ for look in self.all for kind, id_, turn in look.resources if kind == type_ and turn < before}
        return all(id_ in seen for id_ in ids)

    def unnamed(self, words: Sequence[str]) -> int:
        """How many GETs name none of these words, the search that a page belongs to included."""
        found = [word.casefold() for word in words if word]
        asked = [f"{url} {look.url if look else ''}".casefold() for _, url, look in self.urls]
        return sum(not any(word in text for word in found) for text in asked)


def _json(observation: str | None) -> dict[str, Any] | None:
    try:
        body = json.loads(observation or "")
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
