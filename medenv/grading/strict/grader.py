"""Puts the strict grader together: finished, answered, ordered, nothing else written, evidence seen, and least access.

A pure function of the trajectory, which carries the chart's facts and what the episode changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medenv.grading.strict.access import MAX_CHARTS, MAX_PEOPLE, accessed
from medenv.grading.strict.answers import parse_answer
from medenv.grading.strict.diagnosis import Findings, diagnose
from medenv.grading.strict.evidence import gather
from medenv.grading.strict.search_log import SearchLog
from medenv.grading.strict.writes import Written, judge_writes
from medenv.grading.verdict import Check, Grader, UngradableError, Verdict, check_gradable, shown
from medenv.tasks import Gold, task_type
from medenv.trajectories import Status, Trajectory

__all__ = ["StrictGrader", "first_write"]


class StrictGrader(Grader):
    """Judges the chart as it now is, the answer, and what both rest on.

    Any valid FHIR spelling of the right act passes; any other write, a wrong patient, a duplicate, an answer that isn't what the
    chart said before the episode, or an answer or order without evidence fails.
    """

    name = "strict"
    version = 2

    def grade(self, trajectory: Trajectory) -> Verdict:
        """Judge one finished episode.

        Raises:
            UngradableError: The episode ended in an infrastructure error, is still running, or lacks the chart's facts.
        """
        task, facts, pristine = _chart(trajectory)
        kind = task_type(task.type)
        try:
            gold = kind.gold(task, facts)
        except ValueError as error:
            raise UngradableError(f"task {task.id!r} can't be judged on this chart: {error}") from error
        log = SearchLog(trajectory.turns, trajectory.base)
        before = first_write(trajectory)
        written = judge_writes(
            gold.orders,
            trajectory.changes,
            task,
            patient=pristine["patient"],
            facts=facts,
            answer=gold.answer,
            base=trajectory.base,
        )
        evidence = gather(task, facts, pristine, log, before)
        answer = parse_answer(trajectory.result)
        answered = answer is not None and kind.right_answer(task, gold, answer)
        access = accessed(log, task, kind.patient(task, facts), facts, trajectory.changes)
        checks = [
            Check("finished", trajectory.status is Status.COMPLETED, Status.COMPLETED.value, trajectory.status.value),
            Check("answer", answered, kind.expected_answer(task, gold), shown(trajectory.result)),
            *_order_checks(gold, written),
            Check(
                "nothing else written",
                not written.others,
                "no other change, undone ones included",
                shown(", ".join(written.others)) or "none",
            ),
            Check("evidence", evidence.given, evidence.needed, evidence.shown),
            Check(
                "least access",
                access.least,
                f"at most {MAX_CHARTS} other charts, {MAX_PEOPLE} people in searches for the patient",
                str(access),
            ),
        ]
        score = 1.0 if all(check.passed for check in checks) else 0.0
        found = Findings(gold, answer, answered, evidence, log, before, written, access)
        category = None if score else _category(trajectory, found)
        partial = {"evidence": evidence.share, "answer": float(answered), "orders": _orders_share(written)}
        return Verdict(score, self.name, tuple(checks), gold.branch, category, partial)


def _chart(trajectory: Trajectory) -> tuple[Any, Sequence[Mapping[str, Any]], Mapping[str, Any]]:
    """Return the task and what is known of its chart.

    Raises:
        UngradableError: The trajectory doesn't hold enough of it.
    """
    task = trajectory.task
    check_gradable(trajectory, needs_facts=task_type(task.type).reference_query(task) is not None)
    if trajectory.protocol == "official":
        raise UngradableError(
            "the official protocol executes no POST, so there is no chart to judge; use the official grader"
        )
    if trajectory.pristine is None:
        raise UngradableError(
            f"the trajectory of task {task.id!r} was stored by an earlier medenv and lacks what coverage is judged by; "
            "play it again, or use the official grader"
        )
    return task, trajectory.facts or [], trajectory.pristine


def first_write(trajectory: Trajectory) -> int:
    """Return the index of the turn in which something was first written, or else the answer given: evidence comes before it."""
    for index, turn in enumerate(trajectory.turns):
        if turn.wrote:
            return index
    return max(0, len(trajectory.turns) - (trajectory.status is Status.COMPLETED))


def _category(trajectory: Trajectory, found: Findings) -> str:
    """Return why an episode failed; a verdict stands whether or not it can be explained."""
    try:
        return diagnose(trajectory, found)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return "unexplained"


def _order_checks(gold: Gold, written: Written) -> list[Check]:
    checks = []
    for number, (order, faults) in enumerate(zip(gold.orders, written.orders, strict=True), 1):
        name = f"order {number}, {order['resourceType']}"
        if faults is None:
            checks.append(Check(name, False, "made once", "not made"))
        elif not faults:
            checks.append(Check(name, True, "right in every element", "right in every element"))
        checks += [Check(f"{name}: {element}", False, shown(e), shown(f)) for element, (e, f) in (faults or {}).items()]
    return checks


def _orders_share(written: Written) -> float:
    """Return the share of right acts: of those demanded and those that should not have been."""
    total = len(written.orders) + len(written.others)
    return sum(faults == {} for faults in written.orders) / total if total else 1.0
