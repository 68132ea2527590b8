"""Free text beside an order: allowed only where it says nothing but what the order says.

Nobody can list all harmful sentences, so none is looked for. A text passes if each of its words is of a small vocabulary that holds no
negation, no condition and no other time, if each of its numbers is one of the order's own in the unit that it has there, and if
no amount and no time is said twice.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from medenv.tasks.orders.quantities import UNITS

__all__ = ["Wording", "amounts", "words"]

_TAG = re.compile(
    r"</?(?:div|p|b|i|strong|em|br|ul|ol|li|span|table|tbody|thead|tr|td|th|h[1-6])"
    r'(?: xmlns="http://www\.w3\.org/1999/xhtml")?\s*/?>'
)
"""Tags of a narrative that add nothing to its words; none has an attribute but the namespace."""
_NUMBER = re.compile(
    r"(?<![\w.])(\d{1,9}(?:\.\d{1,9})?)\s*([a-z%]+ per [a-z]+|mm hg|mm\[hg\]|[a-z%]+(?:/[a-z]+)?|)(?!\w)"
)
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_PUNCTUATION = frozenset(" \t\r\n.,;:()-/\"'+=|[]")
_LONGEST = 2_000
"""Characters; a longer text says more than an order does."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What may be said beside an order.

    Attributes:
        words: Words that may be used, in lower case.
        amounts: By canonical unit the values that may stand with it; ``""`` for bare numbers. Each unit may be used once.
        phrases: Codes, dates, ids and other literals, in lower case.
        once: Groups of phrases of which one may be said, once: times, readings.
        whole: A text that may be said as it is.
    """

    words: frozenset[str] = frozenset()
    amounts: Mapping[str, frozenset[float]] = field(default_factory=dict)
    phrases: tuple[str, ...] = ()
    once: tuple[tuple[str, ...], ...] = ()
    whole: str | None = None

    def allows(self, text: str, beside: frozenset[str] = frozenset()) -> bool:
        """Return whether a text says nothing but what may be said.

        Args:
            text: The text.
            beside: Words that may be used here besides.
        """
        if len(text) > _LONGEST:
            return self.whole is not None and text.split() == self.whole.split()
        left = html.unescape(_TAG.sub(" ", text)).lower().replace("\u00a0", " ")
        if self.whole is not None and left.split() == self.whole.lower().split():
            return True
        for group in self.once:
            left, said = _without(left, group)
            if said > 1:
                return False
        left, _ = _without(left, self.phrases)
        return self._numbers(left, beside) and self._words(_NUMBER.sub(" ", left), beside)

    def _numbers(self, text: str, beside: frozenset[str]) -> bool:
        """Return whether each number is one of the order's, in its unit there, and no unit stands twice."""
        used = []
        for match in _NUMBER.finditer(text):
            value, unit = float(match[1]), match[2]
            known = UNITS.get(unit)
            if known is None and unit and unit not in self.words | beside:
                return False
            canonical, factor = known or ("", 1.0)
            if not any(abs(value * factor - one) < 1e-9 for one in self.amounts.get(canonical, ())):
                return False
            used.append(canonical)
        return len(used) == len(set(used))

    def _words(self, text: str, beside: frozenset[str]) -> bool:
        known = self.words | beside
        return all(word in known for word in _WORD.findall(text)) and set(_WORD.sub("", text)) <= _PUNCTUATION


def _without(text: str, phrases: Iterable[str]) -> tuple[str, int]:
    """Return a text without some phrases, the longest first, and how many of them it held."""
    said = 0
    for phrase in sorted(phrases, key=len, reverse=True):
        text, count = re.subn(rf"(?<!\w){re.escape(phrase)}(?!\w)", " ", text)
        said += count
    return text, said


@lru_cache(maxsize=4096)
def words(*texts: str) -> frozenset[str]:
    """Return the words of some texts, in lower case."""
    return frozenset(word for text in texts for word in _WORD.findall(text.lower()))


def amounts(**values: Iterable[float]) -> dict[str, frozenset[float]]:
    """Return the values by unit."""
    return {unit: frozenset(found) for unit, found in values.items()}
