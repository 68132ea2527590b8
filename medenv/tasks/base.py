"""What a task type is: its wording, what the chart demands, the reference solution and the blind policy.

One subclass a type lives in `medenv.tasks.types`; graders, agents and splits go through this interface.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from medenv.tasks.patients import who
from medenv.tasks.steps import Steps, act, finish, newest_first
from medenv.tasks.task import Task

__all__ = ["Branch", "Gold", "LatestLab", "TaskType"]

_MRN = re.compile(r"\bS\d{7}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\+\d\d:\d\d|Z)")
_LOINC = re.compile(r"\b\d{3,5}-\d\b(?!-)")


@dataclass(frozen=True, slots=True)
class Branch:
    """One of the situations a task of a type can be in.

    Attributes:
        name: E.g. ``low``.
        about: What the chart holds then, in a few words.
        orders: How many resources the right action creates.
    """

    name: str
    about: str
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Gold:
    """What a task's chart demands.

    Attributes:
        branch: The name of one of the type's branches.
        answer: The list that FINISH should hold.
        orders: The payloads that should be posted, in order.
    """

    branch: str
    answer: Sequence[Any]
    orders: Sequence[Mapping[str, Any]] = ()


class TaskType(ABC):
    """One of the ten task types."""

    number: ClassVar[int]
    """1 to 10."""
    name: ClassVar[str]
    """What it really is, as a slug."""
    title: ClassVar[str]
    """Its name in the published report's tables, which does not describe it."""
    kind: ClassVar[Literal["query", "action"]]
    """``query`` only reads; ``action`` may have to write."""
    branches: ClassVar[tuple[Branch, ...]]
    params: ClassVar[Mapping[str, Any]]
    """The official constants (codes, doses' products, texts), the defaults of `Task.params`."""
    wordings: ClassVar[tuple[str, ...]] = ()
    """Other wordings of the instruction, with ``{who}`` for the patient and the names of params; `instruction` is the first."""

    @abstractmethod
    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """What the agent is asked, in medenv's own words.

        Args:
            mrn: The patient's MRN, None where there is no such patient.
            params: The task's `Task.params`.
        """

    @abstractmethod
    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """What the agent is told besides: the present time, codes, dosing rules."""

    @abstractmethod
    def facts_query(self, task: Task) -> str | None:
        """The search (relative URL) whose matches decide the task; None if nothing in the chart does.

        It is the search the official graders make, on the chart as it was before the episode.
        """

    @abstractmethod
    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """What a task demands.

        Args:
            task: The task.
            facts: The resources that `facts_query` finds, in the order listed; numbers plain or `jsontext.Number`.

        Raises:
            ValueError: The chart lacks what the question is about (e.g. no such patient).
        """

    @abstractmethod
    def read(self, task: Task, base: str) -> Steps[list[dict[str, Any]]]:
        """The reference solution's reading: GETs that end with the resources that `gold` needs."""

    @abstractmethod
    def blind(self, task: Task, base: str = "") -> Steps[None]:
        """The policy that never looks: benchmark folklore's templates, filled from instruction and context alone.

        Args:
            task: Only its two texts are read.
            base: As in `solve`.
        """

    def solve(self, task: Task, base: str = "") -> Steps[None]:
        """The reference solution: a generator of the agent's texts that is sent what the agent sees after each.

        It learns about the chart only through its own GETs and follows `next` links.

        Args:
            task: The task; `params["sol"]` is not looked at.
            base: Put before every URL: ``""`` for relative ones, or ``http://localhost:8080/fhir/``.

        Raises:
            UnexpectedObservationError: A GET was not answered with a resource.
            ValueError: The chart lacks the patient.
        """
        facts = yield from self.read(task, base)
        gold = self.gold(task, facts)
        yield from act(gold.orders, gold.answer, base)

    def make(
        self,
        id: str,
        mrn: str | None,
        *,
        split: str,
        branch: str,
        now: str,
        params: Mapping[str, Any] | None = None,
    ) -> Task:
        """A task of this type in medenv's own words.

        Args:
            id: Unique within the split.
            mrn: The patient.
            split: The split's name.
            branch: The branch that the chart puts it in.
            now: The present.
            params: What differs from the type's defaults.

        Raises:
            ValueError: The type has no such branch.
        """
        names = [one.name for one in self.branches]
        if branch not in names:
            known = ", ".join(names)
            raise ValueError(f"task type {self.number} ({self.name}) has no branch {branch!r}; it has: {known}")
        merged = {**self.params, **(params or {})}
        return Task(
            id=id,
            type=self.number,
            instruction=self._worded(mrn, merged),
            context=self.context(now, merged),
            mrn=mrn,
            split=split,
            branch=branch,
            now=now,
            params=merged,
        )

    def _worded(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """The instruction in the wording that ``params["wording"]`` asks for: 0, or none, is the first."""
        number = params.get("wording", 0)
        if number not in range(len(self.wordings) + 1):
            raise ValueError(
                f"task type {self.number} ({self.name}) has wordings 0 to {len(self.wordings)}, not {number!r}"
            )
        return (
            self.wordings[number - 1].format(who=who(mrn, params), **params)
            if number
            else self.instruction(mrn, params)
        )

    def reworded(self, task: Task, number: int) -> Task:
        """The same task in another wording.

        Args:
            task: A task of this type in medenv's own words.
            number: 0 for the first wording, and so on.

        Raises:
            ValueError: There is no such wording.
        """
        params = {**task.params, "wording": number}
        return replace(task, instruction=self._worded(task.mrn, params), params=params)

    def __repr__(self) -> str:
        return f"<task type {self.number}: {self.name}>"


class LatestLab(TaskType):
    """A task type that turns on the newest value of one laboratory code (`params["code"]`)."""

    def facts_query(self, task: Task) -> str:
        """All values of the code, as the official graders ask for them."""
        return observations_query(task)

    def read(self, task: Task, base: str) -> Steps[list[dict[str, Any]]]:
        """The newest values, sorted by the server."""
        return newest_first(base, str(task.mrn), task.params["code"])


def observations_query(task: Task) -> str:
    """The official graders' search for all values of `params["code"]`, without paging."""
    return f"Observation?patient={task.mrn}&code={task.params['code']}&_count=5000"


def mrn_in(task: Task) -> str:
    """The MRN that the instruction names.

    Raises:
        ValueError: It names none.
    """
    return _first(_MRN, task.instruction, "an MRN (S and seven digits)")


def now_in(task: Task) -> str:
    """The present time as the context states it."""
    return _first(_TIME, task.context, "a time")


def loinc_in(task: Task) -> str:
    """The LOINC code that the context states."""
    return _first(_LOINC, task.context, "a LOINC code")


def _first(pattern: re.Pattern[str], text: str, what: str) -> str:
    match = pattern.search(text)
    if match is None:
        raise ValueError(f"no {what} in {text!r}")
    return match.group(0)


def only(answer: Sequence[Any]) -> Generator[str, str, None]:
    """A blind policy that just answers."""
    yield finish(answer)
