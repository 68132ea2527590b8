"""What a task type's official rule is made of: the case it judges, and the checks that most rules share.

The published MedAgentBench graders compare the conversation that the official harness recorded with the chart; their oddities are kept on
purpose. Source of every rule: benchmark.md section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from medenv.errors import MedenvError
from medenv.tasks.orders.payloads import LOINC, NDC
from medenv.tasks.task import Task

__all__ = [
    "NoOfficialRuleError",
    "OfficialCase",
    "OfficialChecks",
    "PayloadChecks",
    "accepted_posts",
    "check_answer",
    "check_no_post",
    "day_before",
    "laboratory_order",
    "latest",
    "medication_order",
    "official_instant",
    "timed_values",
]


class NoOfficialRuleError(MedenvError, RuntimeError):
    """The official benchmark has no task of this type, and so no rule for it."""


class OfficialCase(Protocol):
    """What one official verdict is made from."""

    @property
    def task(self) -> Task:
        """Return the task."""

    @property
    def facts(self) -> Sequence[dict[str, Any]] | None:
        """Return the entries that the task's search finds in the chart before the episode."""

    @property
    def base(self) -> str:
        """Return the server's base URL with its trailing slash."""

    @property
    def has_post(self) -> bool:
        """Return whether the characters POST occur in any agent message."""

    @property
    def answer(self) -> Any:
        """Return the result as JSON; raises what json.loads raises."""

    def accepted_posts(self) -> list[tuple[str, Any]]:
        """Return URL and payload of each POST that the harness acknowledged."""


class OfficialChecks(Protocol):
    """Collects named checks; one that raises has failed."""

    def add(
        self, name: str, expected: Any, find: Callable[[], Any], holds: Callable[[Any], bool] | None = None
    ) -> None:
        """Check a value.

        Args:
            name: The check's name.
            expected: What is expected, to be shown, and to be equal to unless `holds` is given.
            find: Fetches the value; may raise.
            holds: Whether the value found is right; may raise.
        """


def official_instant(text: str) -> datetime:
    """Parse a time as the published graders do, with a trailing Z read alike on every Python (3.10 refuses it, 3.11 doesn't)."""
    return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)


def timed_values(case: OfficialCase) -> list[tuple[datetime, Any, str]]:
    """Return time, value and time's text of every listed Observation; raises if one lacks either, as the published graders do."""
    found = []
    for entry in case.facts or ():
        text = entry["effectiveDateTime"]
        found.append((official_instant(text), entry["valueQuantity"]["value"], text))
    return found


def latest(case: OfficialCase, since: datetime | None = None) -> tuple[Any, str | None, datetime | None]:
    """Return value, time's text and time of the latest Observation; of equal times the first listed, None if there is none."""
    value, text, newest = None, None, None
    for when, reading, shown in timed_values(case):
        if (since is None or when >= since) and (newest is None or when > newest):
            value, text, newest = reading, shown, when
    return value, text, newest


def day_before(case: OfficialCase) -> datetime:
    """Return the time 24 hours before the task's present."""
    return official_instant(case.task.now) - timedelta(hours=24)


def check_no_post(case: OfficialCase, checks: OfficialChecks) -> None:
    """Check that the agent never wrote POST."""
    checks.add("no POST", "no agent message contains POST", lambda: case.has_post, lambda found: not found)


def check_answer(case: OfficialCase, checks: OfficialChecks, *accepted: Any) -> None:
    """Check that the answer equals one of those accepted."""
    checks.add("answer", accepted[0], lambda: case.answer, lambda found: any(a == found for a in accepted))


def accepted_posts(
    case: OfficialCase, checks: OfficialChecks, count: int, resources: tuple[str, ...]
) -> list[tuple[str, Any]] | None:
    """Return the accepted POSTs, if there are as many as wanted; their URLs are checked."""
    posts: list[tuple[str, Any]] = []

    def find() -> int:
        posts.extend(case.accepted_posts())
        return len(posts)

    checks.add(f"exactly {count} accepted POST" + "s" * (count > 1), count, find)
    if len(posts) != count:
        return None
    for (url, _), resource in zip(posts, resources, strict=True):
        checks.add(f"{resource}: url", f"{case.base}{resource}", lambda url=url: url)  # type: ignore[misc]
    return posts


class PayloadChecks:
    """Checks on one posted payload, each under the resource's name."""

    def __init__(self, checks: OfficialChecks, resource: str, payload: Any) -> None:
        """Begin with the resource's type.

        Args:
            checks: Where the checks go.
            resource: The wanted resource type, by which the checks are named.
            payload: What was posted.
        """
        self.checks, self.resource, self.payload = checks, resource, payload
        self.equal("resourceType", resource, "resourceType")

    def at(self, *path: str | int) -> Any:
        """Return the value at a path; raises what indexing raises."""
        value = self.payload
        for step in path:
            value = value[step]
        return value

    def equal(self, name: str, expected: Any, *path: str | int) -> None:
        """Check that the value at a path equals the expected."""
        self.checks.add(f"{self.resource}: {name}", expected, lambda: self.at(*path))

    def holds(self, name: str, expected: Any, test: Callable[[Any], bool], *path: str | int) -> None:
        """Check that a test holds for the value at a path."""
        self.checks.add(f"{self.resource}: {name}", expected, lambda: self.at(*path), test)

    def coded(self, element: str, system: str, code: str) -> None:
        """Check the first coding of an element."""
        self.equal("code system", system, element, "coding", 0, "system")
        self.equal("code", code, element, "coding", 0, "code")

    def order(self, mrn: str | None) -> None:
        """Check that it is an active order for the patient."""
        self.equal("status", "active", "status")
        self.equal("intent", "order", "intent")
        self.equal("subject", {"reference": f"Patient/{mrn}"}, "subject")


def medication_order(case: OfficialCase, checks: OfficialChecks, payload: Any) -> PayloadChecks:
    """Begin the checks of a MedicationRequest: its product and the minute it was signed."""
    found = PayloadChecks(checks, "MedicationRequest", payload)
    found.coded("medicationCodeableConcept", NDC, case.task.params["ndc"])
    minute = case.task.now[:16]
    found.holds("authoredOn", minute, lambda text: minute in text, "authoredOn")
    return found


def laboratory_order(case: OfficialCase, checks: OfficialChecks, payload: Any) -> PayloadChecks:
    """Check a stat ServiceRequest for the task's laboratory test."""
    found = PayloadChecks(checks, "ServiceRequest", payload)
    found.coded("code", LOINC, case.task.params["loinc"])
    found.equal("authoredOn", case.task.now, "authoredOn")
    found.equal("priority", "stat", "priority")
    found.order(case.task.mrn)
    return found
