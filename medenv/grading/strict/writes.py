"""Whether what an episode wrote is what the task demands: each right act once, in any valid spelling, and nothing else.

The stored resource is judged, because it is what a pharmacy or a laboratory acts on; what was submitted counts for the one element
that the server is known to drop (a bare ``route``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medenv.tasks import Task, task_type
from medenv.tasks.orders import OrderContext, Rule, order_context
from medenv.tasks.orders.medication import read_payload

__all__ = ["Faults", "Written", "judge_writes"]

Faults = dict[str, tuple[str, Any]]
"""By element what was expected and what was found, where the two don't agree."""

_SAME_ORDER = ("subject", "medicationCodeableConcept", "code")
"""Elements that tell what is ordered for whom: a resource that is right in these is an attempt at the order."""


@dataclass(frozen=True, slots=True)
class _Demanded:
    """A demanded order, with what it is judged by."""

    order: Mapping[str, Any]
    rule: Rule
    context: OrderContext

    def faults(self, change: Mapping[str, Any]) -> Faults:
        """Return where a created resource differs in meaning."""
        found: Faults = {}
        context = replace(self.context, submitted=read_payload(change.get("submitted")))
        for path, expected, value in self.rule(change.get("stored") or {}, context):
            found.setdefault(path, (expected, value))
        return found

    def attempted_by(self, version: Any) -> bool:
        """Return whether a version of a resource orders the demanded thing for the patient, however wrongly."""
        if not isinstance(version, Mapping) or version.get("resourceType") != self.order["resourceType"]:
            return False
        faulty = {path.partition(".")[0] for path, _, _ in self.rule(version, self.context)}
        return not faulty & set(_SAME_ORDER)


@dataclass(frozen=True, slots=True)
class Written:
    """What an episode wrote, held against what was demanded.

    Attributes:
        orders: For each demanded order the faults of the created resource that comes closest; None where there is none.
        others: Every other resource that was written, as ``kind Type/id``.
    """

    orders: Sequence[Faults | None]
    others: Sequence[str]

    @property
    def right(self) -> bool:
        """Return whether each order was made rightly, and nothing else was written."""
        return not self.others and all(faults == {} for faults in self.orders)


def judge_writes(
    expected: Sequence[Mapping[str, Any]],
    changes: Sequence[Mapping[str, Any]],
    task: Task,
    *,
    patient: Mapping[str, Any] | None = None,
    facts: Sequence[Mapping[str, Any]] = (),
    answer: Sequence[Any] = (),
    base: str = "",
) -> Written:
    """Hold what was written against what was demanded.

    Args:
        expected: The reference's payloads.
        changes: What the episode changed (`medenv.fhir.backend.Change` as data).
        task: The task.
        patient: The patient's resource.
        facts: The resources that decide the task.
        answer: The right answer, whose values may be named beside an order.
        base: The server's base URL.
    """
    kind, results = task_type(task.type), [str(fact.get("id")) for fact in facts]
    demanded = [
        _Demanded(
            order,
            kind.order_rule(task, order),
            order_context(
                order,
                kind.order_wording(task, order),
                task.now,
                patient=patient,
                results=results,
                answer=answer,
                base=base,
            ),
        )
        for order in expected
    ]
    left = [change for change in changes if change["kind"] == "create"]
    orders = [_take_closest(one, left) for one in demanded]
    done = bool(orders) and all(faults == {} for faults in orders)
    others = [change for change in changes if change["kind"] != "create"] + left
    return Written(
        orders,
        [
            f"{change['kind']} {change['type']}/{change['id']}"
            for change in others
            if not (done and _corrected(change, demanded))
        ],
    )


def _take_closest(demanded: _Demanded, left: list[Mapping[str, Any]]) -> Faults | None:
    """Take the created resource that comes closest to a demanded order from those left, and return its faults; None if there is none."""
    candidates = [
        (demanded.faults(change), at)
        for at, change in enumerate(left)
        if change["type"] == demanded.order["resourceType"]
    ]
    if not candidates:
        return None
    faults, at = min(candidates, key=lambda one: (len(one[0]), one[1]))
    for version in left.pop(at).get("versions") or ():
        if not demanded.attempted_by(version):
            faults["history"] = ("corrections of this order alone", version)
    return faults


def _corrected(change: Mapping[str, Any], demanded: Sequence[_Demanded]) -> bool:
    """Return whether a resource was the episode's own attempt at a demanded order, taken back before the answer."""
    versions = list(change.get("versions") or ())
    if change["kind"] != "undone" or not versions:
        return False
    return any(
        change["type"] == one.order["resourceType"] and all(one.attempted_by(version) for version in versions)
        for one in demanded
    )
