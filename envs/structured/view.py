"""What an episode has told so far, as a structured policy knows it: the task's words, and what the responses seen have shown.

It reads the very texts that a language model is shown and nothing else of the chart, so that one view serves the environment and an
agent that plays through a conversation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

import orjson

from medenv.tasks import Task
from medenv.tasks.chart import DAY, Reading, instant, readings
from medenv.tasks.patients import is_named, matching

__all__ = ["KINDS", "Act", "Kind", "Query", "Search", "View"]

Kind = Literal["results", "people", "next", "medication", "service", "observation", "finish", "nothing"]
KINDS: tuple[str, ...] = ("medication", "service", "observation")
"""Kinds of orders, by the resource that they create."""

_FILLED_BY = {"ndc": "ndc", "loinc": "loinc", "snomed": "snomed", "note": "note", "reading": "pressure", "code": "code"}
"""By a parameter of the task, which the context or the instruction states, the blank that it fills."""
_NAMES = ("given", "family", "birthdate")


@dataclass(frozen=True, slots=True)
class Query:
    """What a search asks for.

    Attributes:
        code: The code of Observations; ``""`` for Patients.
        window: Hours before the present in which results lie; 0 for no bound.
        sort: ``-date`` for the newest first, ``date`` for the oldest first, ``""`` for the server's own order.
        by: Names of the parameters that Patients are searched by.
    """

    code: str = ""
    window: int = 0
    sort: str = ""
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that an agent does.

    Attributes:
        text: What a language model would write.
        kind: ``results`` or ``people`` for a search of Observations or Patients, ``next`` for another page of it; ``medication``,
            ``service`` or ``observation`` for an order; ``finish``; ``nothing`` for what can't be written.
        query: What a search asks for; None for all other acts.
    """

    text: str
    kind: Kind
    query: Query | None = None


@dataclass
class Search:
    """The latest search of a kind.

    Attributes:
        query: What it asks for.
        found: The matches on the pages seen so far, in the order listed.
        pages: How many pages were seen.
    """

    query: Query
    found: list[Mapping[str, Any]] = field(default_factory=list)
    pages: int = 0

    @cached_property
    def readings(self) -> list[Reading]:
        """The numeric results, newest first; of equal times the first by id, as graders have it."""
        by_id = sorted(self.found, key=lambda one: (len(str(one.get("id", ""))), str(one.get("id", ""))))
        return sorted(readings(by_id), key=lambda one: one.at, reverse=True)

    def add(self, matches: Sequence[Mapping[str, Any]]) -> None:
        """Take a page in."""
        self.found.extend(matches)
        self.pages += 1
        self.__dict__.pop("readings", None)


class View:
    """All that is known of an episode.

    Args:
        task: Only what its instruction and context say is read: type, present, parameters, and the MRN unless the patient is
            named without it.

    Attributes:
        told: What the texts hold, by name: ``mrn``, ``given``, ``family``, ``birthdate``, ``code``, ``ndc``, ``loinc``, ``snomed``,
            ``note``, ``pressure``.
        now: The present.
        turns: How many acts were taken.
        status: The HTTP status of the latest response; 0 for none.
        results: The latest search of Observations.
        people: The latest search of Patients.
        following: The URL of the next page of the latest search; None if there is none.
        placed: How many orders of each of `KINDS` were accepted.
    """

    def __init__(self, task: Task) -> None:
        self.type, self.now_text, self.now = task.type, task.now, instant(task.now)
        params = task.params
        self.told: dict[str, str] = {
            blank: str(params[name]) for name, blank in _FILLED_BY.items() if params.get(name) is not None
        }
        if is_named(params):
            self._wanted = {name: str(params[name]) for name in _NAMES}
            self.told |= self._wanted
        elif task.mrn is not None:
            self.told["mrn"] = task.mrn
        self.turns, self.status = 0, 0
        self.results: Search | None = None
        self.people: Search | None = None
        self.following: str | None = None
        self._searching: Search | None = None
        self._matched: str | None = None
        self._born: dict[str, str] = {}
        self.placed = dict.fromkeys(KINDS, 0)

    def take(self, act: Act, observation: str) -> None:
        """Take in what came of an act.

        Args:
            act: What was done.
            observation: What the agent is shown after it.
        """
        self.turns += 1
        self.status, body = _parsed(observation)
        if act.kind in KINDS:
            self.placed[act.kind] += self.status // 100 == 2
        elif act.kind in ("results", "people", "next"):
            self._searched(act, body)

    def _searched(self, act: Act, body: Any) -> None:
        self.following = None
        if act.query is not None or self._searching is None:
            self._searching = Search(act.query or Query())
            if act.kind == "people":
                self.people = self._searching
            else:
                self.results = self._searching
        if not isinstance(body, dict) or body.get("resourceType") != "Bundle":
            return
        entries = [one for one in body.get("entry", ()) if one.get("search", {}).get("mode", "match") == "match"]
        self._searching.add([one["resource"] for one in entries if "resource" in one])
        links = (link for link in body.get("link", ()) if link.get("relation") == "next")
        self.following = next((link["url"] for link in links if "url" in link), None)
        if self._searching is self.people:
            for one in self._searching.found:
                if "birthDate" in one:
                    self._born[str(one.get("id"))] = str(one["birthDate"])
            if "birthdate" in self.told and self._matched is None:
                self._matched = matching(self._searching.found, self._wanted)

    @property
    def mrn(self) -> str | None:
        """The patient's MRN, told or found: of those listed the one whose name and birth date are those asked for."""
        return self.told.get("mrn") or self._matched

    @property
    def first_listed(self) -> str | None:
        """The MRN of the first patient that the latest search of patients listed."""
        return str(self.people.found[0].get("id")) if self.people is not None and self.people.found else None

    @property
    def born(self) -> date | None:
        """The patient's date of birth, if it was on screen and is a whole date."""
        text = self._born.get(self.mrn or "")
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            return None

    @property
    def readings(self) -> list[Reading]:
        """The numbers that the latest search of Observations has shown, newest first."""
        return [] if self.results is None else self.results.readings

    @property
    def newest(self) -> Reading | None:
        """The newest of these."""
        found = self.readings
        return found[0] if found else None

    @property
    def day_ago(self) -> datetime:
        """24 hours before the present."""
        return self.now - DAY

    @property
    def filled(self) -> frozenset[str]:
        """Names of what is known of all that an act may need to be written.

        Returns:
            The names of `told`, and ``mrn`` (also one that was found), ``value`` (a number on screen), ``next``, ``listed`` (a patient on
            screen) and ``born``, as far as they are known.
        """
        known = set(self.told)
        have = (("mrn", self.mrn), ("next", self.following), ("listed", self.first_listed), ("born", self.born))
        known.update(name for name, value in have if value is not None)
        if self.readings:
            known.add("value")
        return frozenset(known)


def _parsed(observation: str) -> tuple[int, Any]:
    """Split an observation into its status and its JSON (None for none).

    The status is 200 where the observation tells none, 0 where nothing was sent.
    """
    status, text = 200, observation
    if observation.startswith("HTTP "):
        line, _, text = observation.partition("\n")
        status = int(line[5:]) if line[5:].isdigit() else 0
    elif not observation.startswith(("{", "[")):
        status = 0
    try:
        return status, orjson.loads(text)
    except ValueError:
        return status, None
