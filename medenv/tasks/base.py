"""What a task type is: its wording, its scenarios, what the chart demands, how an episode is judged, and its reference solution.

One subclass a type lives in `medenv.tasks.types`; splits, graders, policies and reports ask the type and know none by its number.
"""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import islice
from typing import Any, ClassVar, Literal

from medenv.ehr.hospital import ChartPlan, Registry
from medenv.ehr.resources import Person
from medenv.errors import InputError
from medenv.tasks import orders
from medenv.tasks.answers import numbers
from medenv.tasks.evidence import Need, Nothing, PatientByName, PatientElements
from medenv.tasks.official_row import OfficialRow
from medenv.tasks.official_rule import NoOfficialRuleError, OfficialCase, OfficialChecks
from medenv.tasks.patients import is_named, look_up, patient_of, who
from medenv.tasks.reference import ReferenceActions, act
from medenv.tasks.scenarios import Placement, Scenario, Subject
from medenv.tasks.task import Task

__all__ = ["NOTHING_ASKED", "SIGNED", "WITHIN_A_DAY", "AnyPatientTask", "Branch", "Gold", "OfficialFields", "TaskType"]

WITHIN_A_DAY = "A value taken exactly 24 hours ago still counts, an older one does not."
SIGNED = "Orders are signed at the present time."
NOTHING_ASKED = "Nothing is to be answered: finish with an empty list."


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


@dataclass(frozen=True, slots=True)
class OfficialFields:
    """What a row of the official file says of its task, beside id and texts.

    Attributes:
        mrn: The patient's MRN; None if there is no such patient.
        branch: The branch, as far as a row tells it without a chart.
        params: What goes into `Task.params` beside the type's defaults.
    """

    mrn: str | None
    branch: str | None
    params: Mapping[str, Any] = field(default_factory=dict)


class TaskType(ABC):
    """A task type: all that the benchmark knows of it."""

    number: ClassVar[int]
    """Its number in task ids and reports; 1 to 10 are MedAgentBench's."""
    name: ClassVar[str]
    """What it really is, as a slug."""
    title: ClassVar[str]
    """Its name in the published report's tables, which does not describe it."""
    kind: ClassVar[Literal["query", "action"]]
    """``query`` only reads; ``action`` may have to write."""
    branches: ClassVar[tuple[Branch, ...]]
    params: ClassVar[Mapping[str, Any]]
    """The official constants (codes, doses' products, texts), the defaults of `Task.params`."""
    wordings: ClassVar[tuple[str, ...]]
    """The instruction in one wording after the other, with ``{who}`` for the patient and the names of params in braces.

    They say what is asked and nothing of how it is judged: all that decides stands in `rules`, once for all wordings.
    """
    rules: ClassVar[tuple[str, ...]]
    """What the agent is told besides, sentence by sentence, with the names of params in braces: codes, doses, limits, the answer's form."""
    scenarios: ClassVar[tuple[Scenario, ...]]
    """The situations of generated tasks, `scenarios.ROUND` in all.

    The largest branch is at least as large as all branches that a policy wins blind.
    """
    placement: ClassVar[Placement]
    """Whom splits with fixed charts ask this type about."""
    chart_group: ClassVar[int] = 0
    """For `Placement.RESULTS`: which group of charted patients. No two types of one group ask about one code."""
    computed: ClassVar[bool] = False
    """Whether the answer is computed from what was read, so that a wrong one may be an error of arithmetic."""
    answer_needed: ClassVar[bool] = True
    """Whether anything is asked; if not, any list will do as the answer."""
    official_needs_chart: ClassVar[bool] = True
    """Whether the official rule looks at the chart."""

    # wording

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """Return what the agent is told besides the instruction: the present time and the type's `rules`.

        Args:
            now: The present, ISO 8601 with an offset.
            params: The task's `Task.params`.
        """
        return " ".join([f"The present time is {now}.", *(rule.format_map(params) for rule in self.rules)])

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
        """Make a task of this type in medenv's own words.

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
            raise InputError(f"task type {self.number} ({self.name}) has no branch {branch!r}; it has: {known}")
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
        """Return the instruction in the wording that ``params["wording"]`` asks for: 0, or none, is the first."""
        number = params.get("wording", 0)
        if number not in range(len(self.wordings)):
            raise InputError(
                f"task type {self.number} ({self.name}) has wordings 0 to {len(self.wordings) - 1}, not {number!r}"
            )
        return self.wordings[number].format(who=who(mrn, params), **params)

    def reworded(self, task: Task, number: int) -> Task:
        """Return the same task in another wording.

        Args:
            task: A task of this type in medenv's own words.
            number: 0 for the first wording, and so on.

        Raises:
            ValueError: There is no such wording.
        """
        params = {**task.params, "wording": number}
        return replace(task, instruction=self._worded(task.mrn, params), params=params)

    # generation

    def present(self, scenario: Scenario, drawn: datetime, rng: random.Random) -> datetime:
        """Return the present of a generated task: the one drawn, unless the scenario asks for certain days."""
        return drawn

    def birthday(self, scenario: Scenario, today: date) -> date | None:
        """Return a day with the month and day on which the patient shall be born; None for any ordinary one."""
        return None

    def subject(self, scenario: Scenario, person: Person, registry: Registry, rng: random.Random) -> Subject:
        """Ask about somebody on file.

        Args:
            scenario: The scenario, which says how many similar people are on file.
            person: Somebody on file.
            registry: Where other people come from.
            rng: Where chance comes from.
        """
        doubles = tuple(islice(registry.near_misses(person), scenario.doubles))
        return Subject((person.given, person.family, person.birthdate), person.mrn, (person, *doubles))

    def chart_plan(self, scenario: Scenario, index: int, now: datetime, rng: random.Random) -> ChartPlan:
        """Return what a scenario lays down for the chart it asks about; nothing by default.

        Args:
            scenario: The scenario.
            index: Which of the scenario's values to take.
            now: The chart's present.
            rng: Where chance comes from.
        """
        return ChartPlan()

    def draw_params(self, scenario: Scenario, subject: Subject, now: datetime, rng: random.Random) -> dict[str, Any]:
        """Draw the params in which one generated task differs from another: readings, texts, days; none by default."""
        return {}

    def fits_resident(self, scenario: Scenario) -> bool:
        """Return whether adding to the chart of somebody who has one is enough for a scenario: nothing has to be missing there."""
        return False

    def official_fields(self, row: OfficialRow) -> OfficialFields:
        """Read what an official row says of its task.

        Raises:
            TaskFileError: A field is missing or malformed.
        """
        return OfficialFields(row.mrn(), self.branches[0].name if len(self.branches) == 1 else None)

    # the right act

    @abstractmethod
    def reference_query(self, task: Task) -> str | None:
        """Return the search (relative URL) whose matches decide the task; None if nothing in the chart does.

        It is the search the official graders make, on the chart as it was before the episode.
        """

    @abstractmethod
    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return what a task demands.

        Args:
            task: The task.
            facts: The resources that `reference_query` finds, in the order listed; numbers plain or `jsontext.Number`.

        Raises:
            ValueError: The chart lacks what the question is about (e.g. no such patient).
        """

    def patient(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> str | None:
        """Return the id of the patient whose records the task is about; None if there is nobody."""
        return patient_of(task, facts) if task.mrn else None

    # judgement

    @abstractmethod
    def evidence(self, task: Task) -> Need:
        """Return what the answer or order rests on, and so what must have been on screen before it."""

    def right_answer(self, task: Task, gold: Gold, answer: list[Any]) -> bool:
        """Return whether an answer is right: by default the gold answer's numbers, each a number."""
        return not self.answer_needed or numbers(answer) == list(gold.answer)

    def expected_answer(self, task: Task, gold: Gold) -> str:
        """Return the expectation as short text."""
        return json.dumps(list(gold.answer)) if self.answer_needed else "any list"

    def order_rule(self, task: Task, order: Mapping[str, Any]) -> orders.Rule:
        """Return the rule by which a stored resource is judged to be the demanded order.

        Args:
            task: The task.
            order: The demanded payload, one of `Gold.orders`.

        Raises:
            LookupError: There is no rule for resources of its type; override this.
        """
        kind = order["resourceType"]
        if kind == "Observation":
            return orders.vital_sign(order)
        return {"MedicationRequest": orders.MEDICATION, "ServiceRequest": orders.SERVICE}[kind]

    def order_wording(self, task: Task, order: Mapping[str, Any]) -> orders.OrderWording:
        """Return what may be said beside a demanded order; by default what the order says, in words usual for its kind.

        Args:
            task: The task.
            order: The demanded payload, one of `Gold.orders`.
        """
        return orders.OrderWording(orders.USUAL_WORDS.get(order["resourceType"], frozenset()))

    @property
    def orders_depend(self) -> bool:
        """Return whether the chart decides if anything is to be ordered."""
        return len({bool(branch.orders) for branch in self.branches}) == 2

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Judge as the published grader does.

        Args:
            case: The conversation and the chart.
            checks: Where the rule's checks go.

        Returns:
            The branch that the chart put the task in.

        Raises:
            NoOfficialRuleError: The official benchmark has no such type.
        """
        raise NoOfficialRuleError(f"the official benchmark has no task type {self.number} ({self.name})")

    # policies

    @abstractmethod
    def read(self, task: Task, base: str) -> ReferenceActions[list[dict[str, Any]]]:
        """Yield the reference solution's GETs, which end with the resources that `gold` needs."""

    @abstractmethod
    def blind(self, task: Task, base: str = "") -> ReferenceActions[None]:
        """Yield the texts of the policy that never looks: templates, filled from instruction and context alone.

        Args:
            task: Only its two texts are read.
            base: As in `solve`.
        """

    def solve(self, task: Task, base: str = "") -> ReferenceActions[None]:
        """Yield the reference solution's texts; the generator is sent what the agent sees after each.

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

    def needless_orders(self, task: Task) -> list[dict[str, Any]]:
        """Return orders such as somebody places without a look at the chart, for a task that demands none."""
        code = task.params.get("loinc", "4548-4")
        return [orders.service_request(task.mrn or "S0000000", orders.LOINC, code, task.now)]

    def __repr__(self) -> str:
        return f"<task type {self.number}: {self.name}>"


class AnyPatientTask(TaskType):
    """A task type that acts for whoever is meant: the chart matters only where the instruction gives no MRN."""

    placement = Placement.ANY_CHART
    answer_needed = False
    official_needs_chart = False

    def reference_query(self, task: Task) -> str | None:
        """Return None: nothing in the chart decides."""
        return None

    def read(self, task: Task, base: str) -> ReferenceActions[list[dict[str, Any]]]:
        """Find who is meant, unless the MRN is given."""
        return look_up(task, base)

    def evidence(self, task: Task) -> Need:
        """Return the patient, unless the instruction gives the MRN."""
        if is_named(task.params):
            return PatientByName()
        return Nothing() if task.mrn and task.mrn in task.instruction else PatientElements(("name",))

    def fits_resident(self, scenario: Scenario) -> bool:
        """Return True: any chart will do."""
        return True
