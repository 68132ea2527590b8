"""The chart's resources as forms: the builders' own shapes with blanks for id, meta, times and values.

A partial resource is made once a kind of resource and once a patient; each resource then only fills its open texts.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from datetime import date, datetime, timezone
from functools import cache, lru_cache

from medenv.ehr import resources
from medenv.ehr.hospital.catalogue import ANALYTES, LOOKALIKES
from medenv.ehr.hospital.labs import LABS
from medenv.ehr.hospital.problems import Drug
from medenv.ehr.resources import Resource
from medenv.fhir.partial import NUMBER_SLOT, TEXT_SLOT, FilledResource, PartialResource, partial_resource

__all__ = ["FIRST", "MetaSequence", "PatientRecords", "Times", "flag_of", "unit_of"]

_PATIENT = "\ue001"
_ALPHANUMERIC = (string.ascii_letters + string.digits).encode()
_TO_ALPHANUMERIC = bytes(_ALPHANUMERIC[i % len(_ALPHANUMERIC)] for i in range(256))
_MINUTES = tuple(f"T{m // 60:02d}:{m % 60:02d}:00+00:00" for m in range(1440))
_SECONDS = tuple(f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}." for s in range(86400))
_LOADED = datetime(2024, 6, 3, 8, 0, tzinfo=timezone.utc)
FIRST = int(_LOADED.timestamp() * 1000)
"""When the first resource was stored, in milliseconds since 1970; a fixed time, so that cohorts can be made again."""

_REAL_DAY = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=8192)
def _date(day: int) -> str:
    return date.fromordinal(_REAL_DAY + day).isoformat()


class Times:
    """Times as charts write them, by the minute before a present.

    Attributes:
        clock: The present's minute of the day.
    """

    def __init__(self, now: datetime) -> None:
        """Anchor times.

        Args:
            now: The present; its seconds are dropped.
        """
        self._now = int(now.timestamp()) // 60
        self.clock = self._now % 1440

    def text(self, minute: int) -> str:
        """Return the time some minutes after the present (negative: before)."""
        day, rest = divmod(self._now + minute, 1440)
        return _date(day) + _MINUTES[rest]

    def midnight(self, days: int) -> str:
        """Return the day so many days ago as charts write times that are only known to the day: midnight in California."""
        day = self._now // 1440 - days
        text = _date(day)
        return text + ("T07:00:00+00:00" if "03-12" < text[5:] < "11-05" else "T08:00:00+00:00")


class MetaSequence:
    """Ids, times of storage and sources in load order, as of a server that was filled in one go."""

    def __init__(self, rng: random.Random, first: int) -> None:
        """Begin.

        Args:
            rng: Where sources come from.
            first: The first number.
        """
        self._rng, self.number = rng, first

    @property
    def newest(self) -> int:
        """When the resource before the next one was stored, in milliseconds since 1970."""
        return FIRST + 4 * (self.number - 1)

    def take(self) -> tuple[str, str, str]:
        """Return the next resource's id, lastUpdated and source."""
        number = self.number
        self.number = number + 1
        second, milli = divmod(FIRST + 4 * number, 1000)
        day, rest = divmod(second, 86400)
        source = self._rng.randbytes(16).translate(_TO_ALPHANUMERIC).decode()
        return str(number), f"{_date(day)}{_SECONDS[rest]}{milli:03d}+00:00", source


def _stamped(resource: Resource) -> PartialResource:
    meta = {"versionId": "1", "lastUpdated": TEXT_SLOT, "source": "#" + TEXT_SLOT}
    return partial_resource({"resourceType": resource["resourceType"], "id": TEXT_SLOT, "meta": meta, **resource})


def unit_of(code: str) -> str:
    """Return the unit of a laboratory code."""
    return LABS[code].unit if code in LABS else ANALYTES[code].unit if code in ANALYTES else _alike(code).unit


def flag_of(code: str, value: str) -> str | None:
    """``HIGH`` or ``LOW`` if a value is outside its code's reference range."""
    return ANALYTES[code].flag(value) if code in ANALYTES else None


def _alike(code: str) -> resources.Any:
    return ANALYTES[next(known for known, other in LOOKALIKES.items() if other == code)]


@cache
def _lab(code: str, flag: str | None) -> PartialResource:
    return _stamped(resources.lab(_PATIENT, code, unit_of(code), NUMBER_SLOT, TEXT_SLOT, TEXT_SLOT, flag))


@cache
def _vital(name: str) -> PartialResource:
    return _stamped(resources.vital(_PATIENT, name, TEXT_SLOT, TEXT_SLOT))


@cache
def _condition(code: str, display: str) -> PartialResource:
    return _stamped(resources.condition(_PATIENT, code, display, TEXT_SLOT))


@cache
def _procedure(code: str, display: str) -> PartialResource:
    return _stamped(resources.procedure(_PATIENT, code, display, TEXT_SLOT))


@cache
def _medication(drug: Drug, status: str) -> PartialResource:
    return _stamped(
        resources.medication_request(_PATIENT, drug.name, status, TEXT_SLOT, drug.timing, drug.route, drug.dose)
    )


class PatientRecords:
    """One patient's forms; what it returns lacks id, lastUpdated and source, which a `MetaSequence` gives."""

    def __init__(self, mrn: str) -> None:
        """Begin.

        Args:
            mrn: The patient's medical record number.
        """
        self._mrn = mrn
        self._own: dict[tuple[object, ...], PartialResource] = {}

    def _form(self, make: Callable[..., PartialResource], *key: object) -> PartialResource:
        name = (make, *key)
        found = self._own.get(name)
        if found is None:
            found = self._own[name] = make(*key).with_text(_PATIENT, self._mrn)
        return found

    def lab(self, code: str, value: str, at: str, issued: str) -> FilledResource:
        """Return a laboratory result."""
        return self._form(_lab, code, flag_of(code, value)), (at, issued, value)

    def vital(self, name: str, value: str, at: str) -> FilledResource:
        """Return a vital sign."""
        return self._form(_vital, name), (at, value)

    def condition(self, code: str, display: str, at: str) -> FilledResource:
        """Return a diagnosis."""
        return self._form(_condition, code, display), (at, at)

    def procedure(self, code: str, display: str, at: str) -> FilledResource:
        """Something done or ordered."""
        return self._form(_procedure, code, display), (at,)

    def medication(self, drug: Drug, status: str, at: str) -> FilledResource:
        """Return a drug order."""
        return self._form(_medication, drug, status), (at,)
