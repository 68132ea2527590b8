"""What an instruction and its context say, read out of them by regular expressions that know nothing of how they were made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.tasks.independent.reading import UnclearError, moment

__all__ = ["Band", "Named", "Texts", "year_before"]

_MRN = re.compile(r"\bpatient (S\d+)\b")
_BORN = re.compile(
    r"(?:\b(?:Find|Refer|does|of|for|called|Look up|should see|to look at)) "
    r"(?P<name>[^\d\"]+?)(?: have)?"
    r"(?:, born(?: on)? | \(|, date of birth | says the birthday is )(?P<date>\d{4}-\d\d-\d\d)\b"
)
_NUMBER = r"\d+(?:\.\d+)?"
_BAND = re.compile(
    rf"(?:from (?P<low>{_NUMBER}) (?P<to>up to and including|to under)|under) (?P<high>{_NUMBER}) (?P<of>\S+) \(\w+\) "
    rf"(?P<dose>{_NUMBER}) (?P<unit>\w+) (?P<route>\w+) over (?P<hours>{_NUMBER}) hours?"
)
_NONE = re.compile(r"or (?P<answer>-1|an empty list|\"[^\"]+\")(?: alone)? if (?:none|no |nobody|the chart has no)")


@dataclass(frozen=True)
class Named:
    """A person by name and date of birth.

    Attributes:
        name: Given name and family name with a space between.
        born: YYYY-MM-DD.
    """

    name: str
    born: str


@dataclass(frozen=True)
class Band:
    """A line of a dosing table.

    Attributes:
        low: The lowest level that is in it; None if it has no lower end.
        high: Its upper end.
        closed: Whether the upper end is in it.
        dose: How much, in `unit`.
        hours: Over how long.
    """

    low: Decimal | None
    high: Decimal
    closed: bool
    dose: Decimal
    unit: str
    route: str
    hours: Decimal

    def holds(self, level: Decimal) -> bool:
        """Whether a level is in it."""
        if self.low is not None and level < self.low:
            return False
        return level <= self.high if self.closed else level < self.high


@dataclass(frozen=True)
class Texts:
    """An instruction with its context."""

    instruction: str
    context: str

    def find(self, pattern: str, where: str | None = None) -> re.Match[str]:
        """Return the one place that says something.

        Raises:
            UnclearError: Nothing says it, or it is said twice and differently.
        """
        text = self.context if where is None else where
        found = list(re.finditer(pattern, text))
        if len({match.group() for match in found}) != 1:
            raise UnclearError(f"{pattern!r} stands {len(found)} times in {text!r}")
        return found[0]

    def asks(self, pattern: str) -> None:
        """Make sure that the instruction, what it quotes aside, asks for something.

        Raises:
            UnclearError: It doesn't.
        """
        if not re.search(pattern, self.unquoted):
            raise UnclearError(f"{self.instruction!r} doesn't ask for {pattern!r}")

    @property
    def unquoted(self) -> str:
        """The instruction without what it quotes."""
        return re.sub(r"\"[^\"]*\"", '""', self.instruction)

    @property
    def now_text(self) -> str:
        """The present as written."""
        return self.find(r"The present time is (\S+)\.(?= )")[1]

    @property
    def now(self) -> datetime:
        """The present."""
        return moment(self.now_text)

    @property
    def patient(self) -> str | Named:
        """The patient's medical record number, or the person that is named instead."""
        numbers = set(_MRN.findall(self.unquoted))
        people = list(_BORN.finditer(self.unquoted))
        if len(numbers) + len(people) != 1:
            raise UnclearError(f"{self.instruction!r} names {len(numbers) + len(people)} patients")
        if numbers:
            return numbers.pop()
        family, comma, given = people[0]["name"].partition(", ")
        return Named(f"{given} {family}" if comma else family, people[0]["date"])

    @property
    def code(self) -> str:
        """The short name of the test that is asked about."""
        return self.find(r"is coded \"([^\"]+)\"")[1]

    @property
    def quoted(self) -> str:
        """The text that the instruction quotes."""
        return self.find(r"^[^\"]*\"([^\"]+)\"[^\"]*$", self.instruction)[1]

    @property
    def unit(self) -> str:
        """The unit that the answer is in."""
        return self.find(r"as a number in ([^\s,]+)")[1]

    @property
    def window(self) -> timedelta:
        """How far back values count; a value exactly so old does."""
        hours = self.find(r"(?:past|older than) (\d+) hours", self.unquoted)[1]
        self.find(rf"A value taken exactly {hours} hours ago still counts, an older one does not\.")
        return timedelta(hours=int(hours))

    @property
    def if_none(self) -> list[Any]:
        """The answer where there is nothing to be found."""
        said = self.find(_NONE.pattern)["answer"]
        if said == "an empty list":
            return []
        return [said.strip('"')] if said.startswith('"') else [Decimal(said)]

    @property
    def signed(self) -> datetime:
        """When orders are signed."""
        self.find(r"Orders are signed at the present time\.")
        return self.now

    @property
    def bands(self) -> list[Band]:
        """The dosing table by serum level."""
        self.find(r"The dose is one order and given once\.")
        table = self.find(r"Dosing by serum level: ((?:[^.]|\.\d)+)\.(?= )")[1]
        bands = []
        for line in table.split("; "):
            match = _BAND.fullmatch(line)
            if match is None or match["of"] != self.unit:
                raise UnclearError(f"the dosing rule {line!r} is no line of levels in {self.unit}")
            bands.append(
                Band(
                    Decimal(match["low"]) if match["low"] else None,
                    Decimal(match["high"]),
                    match["to"] == "up to and including",
                    Decimal(match["dose"]),
                    match["unit"],
                    match["route"],
                    Decimal(match["hours"]),
                )
            )
        highest = max(bands, key=lambda band: band.high)
        self.find(
            rf"Above {re.escape(str(highest.high))} {self.unit}, or without a level in that time, nothing is ordered\."
        )
        return bands

    @property
    def tomorrow(self) -> datetime:
        """The time of tomorrow that the instruction names."""
        self.asks("tomorrow")
        hour = self.find(r"(?<!\d)(\d{1,2})(?= o'clock| in the morning| a\.m\.)", self.unquoted)[1]
        clock = self.find(rf"{hour} o'clock is (\d\d:\d\d) at the present time's offset")[1]
        self.find("tomorrow is the day after the present date")
        present = self.now
        return datetime.combine(present.date() + timedelta(days=1), time.fromisoformat(clock), present.tzinfo)


def year_before(texts: Texts) -> datetime:
    """Return the moment one year before the present.

    Raises:
        UnclearError: The present is 29 February and the context doesn't say what a year before is.
    """
    present = texts.now
    if (present.month, present.day) == (2, 29):
        day = int(texts.find(r"One year before 29 February is (\d\d) February")[1])
        return present.replace(year=present.year - 1, day=day)
    return present.replace(year=present.year - 1)
