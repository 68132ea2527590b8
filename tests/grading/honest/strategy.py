"""What a strategy is, and the plainest way to read for each task type, which strategies of other kinds rest on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from medenv.tasks import Task
from tests.grading.honest.deciding import LABS, Decision, decide
from tests.grading.honest.looking import Question, ReferenceActions, Resource, fetch, pages, resources_in

Policy = Callable[[Task], ReferenceActions[None]]
Read = Callable[[Question], ReferenceActions[list[Resource]]]

ORDERING = {3: ("record",), 5: ("mild", "moderate", "severe"), 8: ("refer",), 9: ("low",), 10: ("absent", "stale")}
"""The branches in which something is ordered."""


@dataclass(frozen=True)
class Strategy:
    """An honest way to do some tasks.

    Attributes:
        name: What is special about it.
        kind: Of which kind it is.
        policy: Makes the generator of texts for a task.
        types: Task types that it applies to.
        branches: Only these branches; empty for all.
        ordering: Only where something is ordered.
        protocol: ``text`` or ``tools``.
        observation: ``full`` or ``compact``.
    """

    name: str
    kind: str
    policy: Policy
    types: tuple[int, ...]
    branches: tuple[str, ...] = ()
    ordering: bool = False
    protocol: str = "text"
    observation: str = "full"

    def applies(self, task: Task) -> bool:
        """Whether a task is of the types and branches."""
        if task.type not in self.types or (self.branches and task.branch not in self.branches):
            return False
        return not self.ordering or task.branch in ORDERING.get(task.type, ())


def plainly(task: Task) -> ReferenceActions[Decision]:
    """Read as the prompt suggests, and decide."""
    question = Question(task)
    found: list[Resource] = []
    if task.type in LABS:
        found = yield from plain_labs(question)
    elif task.type == 2:
        found = yield from pages(f"Patient?identifier={question.mrn}")
    elif "birthdate" in task.params:
        found = yield from plain_person(question)
    return decide(task, found)


def plain_labs(question: Question) -> ReferenceActions[list[Resource]]:
    """All values that bear on the question: the head of the list sorted by time, or the past day's."""
    url = f"Observation?patient={question.mrn}&code={question.code}"
    if question.task.type == 6:
        start = question.start.isoformat().replace("+", "%2B")
        return (yield from pages(f"{url}&date=ge{start}&_count=100"))
    return resources_in((yield from fetch(f"{url}&_sort=-date&_count=3")))


def plain_person(question: Question) -> ReferenceActions[list[Resource]]:
    """Whoever has the name and birth date."""
    given, family, born = (question.part(name) for name in ("given", "family", "birthdate"))
    return (yield from pages(f"Patient?given={given}&family={family}&birthdate={born}"))
