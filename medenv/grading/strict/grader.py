"""Puts the strict grader together: finished, answered, ordered, nothing else written, evidence seen, and no trawling.

A pure function of the trajectory, which carries the chart's facts and what the episode changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medenv.grading.strict.answers import expected_answer, parse_answer, right_answer
from medenv.grading.strict.diagnosis import diagnose
from medenv.grading.strict.evidence import gather
from medenv.grading.strict.looks import Looks
from medenv.grading.strict.orders import Faults, pair_up
from medenv.grading.verdict import Check, Grader, UngradableError, Verdict, check_gradable, shown
from medenv.protocol.trajectory import Status, Trajectory
from medenv.tasks import Gold, Task, task_type

__all__ = ["MAX_UNNAMED", "StrictGrader"]

MAX_UNNAMED = 3
"""GETs that may name neither the patient's id nor the name or birth date in the instruction."""


class StrictGrader(Grader):
    """Judges the requests as submitted and the chart as it now is.

    Any valid FHIR spelling of the right act passes; any other write, a wrong patient, a duplicate, an answer that isn't what the
    chart said before the episode, or an answer or order without evidence fails.
    """

    name = "strict"

    def grade(self, trajectory: Trajectory) -> Verdict:
        """Judge one finished episode.

        Raises:
            UngradableError: The episode ended in an infrastructure error, is still running, or lacks the chart's facts.
        """
        kind = task_type(trajectory.task.type)
        check_gradable(trajectory, needs_facts=kind.facts_query(trajectory.task) is not None)
        if trajectory.protocol == "official":
            raise UngradableError(
                "the official protocol executes no POST, so there is no chart to judge; use the official grader"
            )
        task, facts = trajectory.task, trajectory.facts or []
        try:
            gold = kind.gold(task, facts)
        except ValueError as error:
            raise UngradableError(f"task {task.id!r} can't be judged on this chart: {error}") from error
        created = [change for change in trajectory.changes if change["kind"] == "create"]
        matched = pair_up(gold.orders, created, task)
        extra = len(trajectory.changes) - sum(one is not None for one in matched)
        looks = Looks(trajectory.turns, trajectory.base)
        evidence = gather(task, facts, looks, _first_write(trajectory))
        answer = parse_answer(trajectory.result)
        answered = answer is not None and right_answer(task, gold, answer)
        unnamed = looks.unnamed(_names(task))
        checks = [
            Check("finished", trajectory.status is Status.COMPLETED, Status.COMPLETED.value, trajectory.status.value),
            Check("answer", answered, expected_answer(task, gold), shown(trajectory.result)),
            *_order_checks(gold, matched),
            Check("nothing else written", extra == 0, "0 other changes", f"{extra}"),
            Check("evidence", evidence.given, evidence.needed, evidence.shown),
            Check(
                "no trawling",
                unnamed <= MAX_UNNAMED,
                f"at most {MAX_UNNAMED} GETs that don't name the patient",
                str(unnamed),
            ),
        ]
        score = 1.0 if all(check.passed for check in checks) else 0.0
        category = None if score else diagnose(trajectory, gold, answer, answered, evidence, looks, matched, extra)
        partial = {"evidence": evidence.share, "answer": float(answered), "orders": _orders_share(matched, extra)}
        return Verdict(score, self.name, tuple(checks), gold.branch, category, partial)


def _first_write(trajectory: Trajectory) -> int:
    """Index of the turn in which the first order, or else the answer, was given."""
    for index, turn in enumerate(trajectory.turns):
        if turn.wrote:
            return index
    return max(0, len(trajectory.turns) - 1)


def _names(task: Task) -> list[str]:
    """What tells the task's patient: the MRN, or the name and birth date that the instruction gives."""
    person = [str(task.params[key]) for key in ("given", "family", "birthdate") if key in task.params]
    return [task.mrn or "", *person]


def _order_checks(gold: Gold, matched: Sequence[Faults | None]) -> list[Check]:
    checks = []
    for number, (order, faults) in enumerate(zip(gold.orders, matched, strict=True), 1):
        name = f"order {number}, {order['resourceType']}"
        if faults is None:
            checks.append(Check(name, False, "made once", "not made"))
        elif not faults:
            checks.append(Check(name, True, "right in every element", "right in every element"))
        checks += [Check(f"{name}: {element}", False, shown(e), shown(f)) for element, (e, f) in (faults or {}).items()]
    return checks


def _orders_share(matched: Sequence[Faults | None], extra: int) -> float:
    """The share of right acts: of those demanded and those that should not have been."""
    total: Any = len(matched) + extra
    return sum(faults == {} for faults in matched) / total if total else 1.0
