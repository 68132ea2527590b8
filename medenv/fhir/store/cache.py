"""The cache of a store: rows by patient and by stretch of a type, and the texts that were written last.

All of it can be dropped at any time, since the file has it; the limits bound a process's memory whatever is asked of it.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from medenv.fhir.index.rows import Rows
from medenv.fhir.template import Template

__all__ = ["StoreCache", "StoreRows"]

_ROWS = 1_500_000
"""Rows whose index columns are kept: at about 100 bytes each, 150 MB."""

_TEXT_ROWS = 600_000
"""Rows whose values are kept as well: about 240 MB."""

_CONDITIONS = 4096
"""Search conditions that are kept."""

_ENTRIES = 50_000
"""Bundle entries kept as text: about 60 MB."""


class StoreRows(Rows):
    """Rows of a store: the same for every session, their values fetched anew once they were dropped."""

    __slots__ = ("_fetch", "used")

    def __init__(
        self,
        type_: str,
        pids: array[int],
        templates: list[Template],
        texts: list[str],
        fetch: Callable[[list[int]], list[str]],
    ) -> None:
        """Keep rows.

        Args:
            type_: The resources' type.
            pids: Their internal numbers, ascending.
            templates: Their templates.
            texts: Their values.
            fetch: Gives the values of some internal numbers, in order.
        """
        super().__init__(type_, pids, templates, texts)
        self.stored = True
        self.used = False
        self._fetch = fetch

    def text(self, at: int) -> str:
        """Return one resource's values."""
        texts = self._texts
        return texts[at] if texts is not None else self._fetch([self.pids[at]])[0]

    def texts_at(self, places: Sequence[int]) -> list[str]:
        """Return some resources' values."""
        texts = self._texts
        if texts is not None:
            return [texts[at] for at in places]
        wanted = [self.pids[at] for at in places]
        found = dict(zip(sorted(wanted), self._fetch(sorted(wanted)), strict=True))
        return [found[pid] for pid in wanted]

    def texts(self) -> list[str]:
        """Return all resources' values."""
        texts = self._texts
        return texts if texts is not None else self._fetch(list(self.pids))

    def drop_texts(self) -> None:
        """Let the values go."""
        self._texts = None


class Conditions:
    """Search conditions by what was asked; bounded."""

    def __init__(self) -> None:
        self._conditions: dict[Any, Any] = {}

    def get(self, asked: Any) -> Any:
        """Return a condition; None if it isn't kept."""
        return self._conditions.get(asked)

    def put(self, asked: Any, condition: Any) -> None:
        """Keep a condition; when there are too many, all older ones are forgotten."""
        if len(self._conditions) >= _CONDITIONS:
            self._conditions.clear()
        self._conditions[asked] = condition

    def clear(self) -> None:
        """Forget everything."""
        self._conditions.clear()


class StoreCache:
    """What is kept in memory of one store; bounded, and safe to use from many threads.

    Attributes:
        references: Conditions to refer to some resources.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: OrderedDict[tuple[Any, ...], tuple[StoreRows, int]] = OrderedDict()
        self._weight = 0
        self._with_texts: deque[StoreRows] = deque()
        self._text_rows = 0
        self._entries: dict[str, dict[int, str]] = {}
        self._entry_count = 0
        self.references = Conditions()

    def get(self, key: tuple[Any, ...]) -> StoreRows | None:
        """Return the rows kept under a key."""
        found = self._rows.get(key)
        if found is None:
            return None
        found[0].used = True
        return found[0]

    def put(self, keys: list[tuple[Any, ...]], rows: StoreRows) -> StoreRows:
        """Keep rows under some keys; the oldest that nobody asked for since go if there are too many."""
        with self._lock:
            weight = len(rows) // len(keys) + 1
            for key in keys:
                replaced = self._rows.pop(key, None)
                self._weight += weight - (replaced[1] if replaced else 0)
                self._rows[key] = (rows, weight)
            self._with_texts.append(rows)
            self._text_rows += len(rows)
            while self._text_rows > _TEXT_ROWS and len(self._with_texts) > 1:
                old = self._with_texts.popleft()
                old.drop_texts()
                self._text_rows -= len(old)
            spared = len(self._rows)
            while self._weight > _ROWS and len(self._rows) > len(keys):
                key, (old, weight) = self._rows.popitem(last=False)
                if old.used and spared > 0:
                    old.used = False
                    self._rows[key] = (old, weight)
                    spared -= 1
                else:
                    self._weight -= weight
        return rows

    def entries(self, base: str) -> Mapping[int, str]:
        """Return the texts of bundle entries that are kept for a base URL, by internal number."""
        return self._entries.get(base, {})

    def put_entries(self, base: str, texts: Mapping[int, str]) -> None:
        """Keep the texts of bundle entries; when there are too many, all older ones are forgotten."""
        with self._lock:
            self._entry_count += len(texts)
            if self._entry_count > _ENTRIES:
                self._entries, self._entry_count = {}, len(texts)
            self._entries.setdefault(base, {}).update(texts)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._rows.clear()
            self._with_texts.clear()
            self._weight = self._text_rows = 0
            self._entries, self._entry_count = {}, 0
            self.references.clear()
