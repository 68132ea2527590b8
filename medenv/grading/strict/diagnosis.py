"""Why an episode failed, in one word: the first thing that went wrong, for which the others are consequences.

What was retrieved comes before what was made of it: the answer is computed again on the sets that usual mistakes lead to (another
patient's results, another code's, without the window, the pages that were read), and the one that gives the agent's answer names the cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from medenv.grading.strict.access import Access
from medenv.grading.strict.evidence import Evidence
from medenv.grading.strict.mistakes import ShownResults, exclusive, gives, other_windows, unbounded
from medenv.grading.strict.search_log import LoggedRequest, SearchLog
from medenv.grading.strict.writes import Faults, Written
from medenv.tasks import Gold, Task, task_type
from medenv.tasks.answers import NOTHING_FOUND
from medenv.tasks.evidence import Need, PatientElements, Results
from medenv.tasks.orders.quantities import plain_number
from medenv.trajectories import Status, Trajectory, Turn

__all__ = ["CATEGORIES", "Findings", "diagnose"]

CATEGORIES = (
    "invalid action",
    "turn limit",
    "context limit",
    "format",
    "wrong patient",
    "wrong code",
    "window",
    "paging",
    "no evidence",
    "arithmetic",
    "gave up",
    "wrong answer",
    "rejected order",
    "missing order",
    "needless order",
    "dose",
    "recheck",
    "wording",
    "extra write",
    "least access",
    "unexplained",
)
_ENDINGS = {
    Status.TURN_LIMIT: "turn limit",
    Status.CONTEXT_LIMIT: "context limit",
    Status.INVALID_ACTION: "invalid action",
}
_FAULTS = (
    (("subject",), "wrong patient"),
    (("code", "medicationCodeableConcept"), "wrong code"),
    (("dosageInstruction",), "dose"),
    (("occurrence", "occurrenceDateTime", "occurrencePeriod", "occurrenceTiming"), "recheck"),
    (("history",), "extra write"),
)
"""Categories of an order's faults by the element they are in; all others are of its wording."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the grader found.

    Attributes:
        gold: What the task demanded.
        answer: The answer's list, None if it is none.
        answered: Whether it is right.
        evidence: Whether what it rests on was shown.
        log: What the requests returned.
        before: Index of the turn before which evidence counts.
        written: What was written, held against what was demanded.
        access: Whose resources were returned.
    """

    gold: Gold
    answer: list[Any] | None
    answered: bool
    evidence: Evidence
    log: SearchLog
    before: int
    written: Written
    access: Access


def diagnose(trajectory: Trajectory, found: Findings) -> str:
    """Return the category of a failed episode.

    Args:
        trajectory: The episode.
        found: What the grader found.
    """
    if trajectory.status in _ENDINGS:
        return _ENDINGS[trajectory.status]
    if found.answer is None:
        return "format"
    if not (found.evidence.given and found.answered):
        cause = _retrieval(trajectory, found)
        if cause is not None:
            return cause
    if (cause := _orders(trajectory, found)) is not None:
        return cause
    if not found.evidence.given:
        return "no evidence"
    if not found.answered:
        return _of_answer(trajectory.task, found)
    return "extra write" if found.written.others else "least access"


def _need(task: Task) -> Need:
    return task_type(task.type).evidence(task)


def _window(task: Task) -> timedelta | None:
    """Return how long before the present a result counts; None for however long, or if no result does."""
    need = _need(task)
    return need.window if isinstance(need, Results) else None


# what was retrieved


def _retrieval(trajectory: Trajectory, found: Findings) -> str | None:
    """Return what was wrong with the retrieval, None if nothing tells."""
    task = trajectory.task
    if not any(logged.turn < found.before for logged in found.log.all):
        return None if found.evidence.given else "no evidence"
    if not found.evidence.given and _all_refused(trajectory, found.before):
        return "gave up" if found.answer in NOTHING_FOUND else "no evidence"
    if not isinstance(_need(task), Results):
        return _person(task, found)
    shown = ShownResults(found.log, found.before, task)
    if not found.answered and (cause := _wrong_set(trajectory, found, shown)) is not None:
        return cause
    return None if found.evidence.given else _gap(task, found, shown)


def _all_refused(trajectory: Trajectory, before: int) -> bool:
    """Return whether every request before a turn was answered with an error, so that nothing was retrieved at all."""
    return all((turn.response_status or 400) >= 400 for turn in trajectory.turns[:before] if turn.kind == "get")


def _person(task: Task, found: Findings) -> str | None:
    """Return the cause where a person was looked for."""
    given = found.answer[0] if found.answer else None
    people = found.log.shown("Patient", found.before)
    if isinstance(given, str) and given != task.mrn and given in people:
        return "wrong patient"
    if isinstance(_need(task), PatientElements) and not found.answered:
        others = [one for id_, versions in people.items() if id_ != task.mrn for one in versions]
        if any(gives(task, [one], found.answer) for one in others):
            return "wrong patient"
    if found.evidence.given:
        return None
    if any(not span.ends for _, spans in found.log.lists(found.before) for span in spans[-1:]):
        return "paging"
    return "wrong patient" if people and task.mrn else None


def _wrong_set(trajectory: Trajectory, found: Findings, shown: ShownResults) -> str | None:
    """Return the mistake whose set of results gives the agent's answer."""
    task, answer = trajectory.task, found.answer
    if any(gives(task, one, answer) for one in shown.of_others if answer not in NOTHING_FOUND):
        return "wrong patient"
    if any(gives(unbounded(task), one, answer) for one in shown.of_other_codes if answer not in NOTHING_FOUND):
        return "wrong code"
    if not found.evidence.given and shown.own and gives(task, shown.own, answer):
        # What was seen was understood; what wasn't is the cause.
        return _gap(task, found, shown)
    if any(gives(task, page, answer) for page in shown.pages):
        return "paging"
    if _window(task) is not None and shown.own and not _rounded(found):
        every = list(trajectory.facts or ())
        for wrong in [exclusive(task)] if answer in NOTHING_FOUND else other_windows(task):
            if any(gives(wrong, results, answer) for results in (every, shown.own)):
                return "window"
    return None


def _gap(task: Task, found: Findings, shown: ShownResults) -> str | None:
    """Return why evidence is missing, None if the requests don't tell."""
    log, code = found.log, task.params["code"]
    asked = [logged for logged in log.all if logged.type in ("Observation", "Patient") and logged.turn < found.before]
    if _other_patients(asked, str(task.mrn)):
        return "wrong patient"
    asked = [logged for logged in asked if logged.type == "Observation" or logged.kind == "everything"]
    if not asked:
        return "no evidence"
    others = not shown.own and found.log.shown("Observation", found.before)
    if others or not any(_names_code(logged, code) for logged in asked):
        return "wrong code"
    if _unread(log, found.before):
        return "paging"
    return "window" if _bounded(log, found.before) else None


def _other_patients(log: Iterable[LoggedRequest], mrn: str) -> bool:
    """Return whether all searches that name a patient name another one."""
    named = [
        value
        for logged in log
        for name, value in logged.params
        if name.partition(":")[0].partition(".")[0] in ("patient", "subject")
    ]
    return bool(named) and not any(mrn in value for value in named)


def _names_code(logged: LoggedRequest, code: str) -> bool:
    """Return whether a search asks for a code, or for none."""
    named = [value for name, value in logged.params if name.partition(":")[0] in ("code", "combo-code")]
    tokens = [token.rpartition("|")[2] for value in named for token in value.split(",")]
    return not named or code in tokens or "" in tokens


def _rounded(found: Findings) -> bool:
    """Return whether the answer is the right number less precisely, which would be near other windows' by chance."""
    given = plain_number(found.answer[0]) if found.answer else None
    wanted = plain_number(found.gold.answer[0]) if found.gold.answer else None
    return given is not None and wanted is not None and given == int(given) and abs(given - wanted) < 1


def _unread(log: SearchLog, before: int) -> bool:
    """Return whether a list of results had pages that were not read."""
    return any(logged.type != "Patient" and not any(span.ends for span in spans) for logged, spans in log.lists(before))


def _bounded(log: SearchLog, before: int) -> bool:
    """Return whether every list of results was restricted to some time."""
    asked = [logged for logged, _ in log.lists(before) if logged.type == "Observation"]
    return bool(asked) and all(any(name.partition(":")[0] == "date" for name, _ in logged.params) for logged in asked)


# what was answered


def _of_answer(task: Task, found: Findings) -> str:
    """Return what is wrong with an answer whose evidence was there."""
    if _misspelt(task, found):
        return "format"
    if found.answer in NOTHING_FOUND:
        return "gave up"
    numbers = [plain_number(one) for one in found.answer or ()]
    return "arithmetic" if task_type(task.type).computed and numbers != [None] else "wrong answer"


def _misspelt(task: Task, found: Findings) -> bool:
    """Return whether an answer says the right thing in another form: as text, with its unit, nested, or without a part."""
    wanted, leaves = list(found.gold.answer), _leaves(found.answer)
    is_text = bool(wanted) and isinstance(wanted[0], str)
    if is_text and any(isinstance(one, str) and wanted[0] in one for one in leaves):
        return True
    if wanted in NOTHING_FOUND or is_text:
        return wanted in NOTHING_FOUND and (found.answer in NOTHING_FOUND or leaves in ([], [None]))
    if len(wanted) == 2 and len(leaves) > 1:
        day = str(leaves[1])[:10]
        if day != str(wanted[1])[:10] or "T" in str(leaves[1]):
            return False
    said = [_NUMBER.findall(one) if isinstance(one, str) else [str(one)] for one in leaves]
    numbers = [text for texts in (said[:1] if len(wanted) == 2 else said) for text in texts]
    if len(numbers) != 1:
        return False
    number = plain_number(float(numbers[0]))
    single = replace(found.gold, answer=wanted[:1])
    return number is not None and task_type(task.type).right_answer(task, single, [number])


def _leaves(value: Any) -> list[Any]:
    """Return the texts and numbers inside a JSON value, in order; however deep it is."""
    found, left = [], [value]
    while left:
        one = left.pop()
        if isinstance(one, Mapping | list):
            left += reversed(list(one.values()) if isinstance(one, Mapping) else one)
        else:
            found.append(one)
    return found


# what was ordered


def _orders(trajectory: Trajectory, found: Findings) -> str | None:
    """Return what was wrong with the orders, None if nothing was."""
    gold, written = found.gold, found.written
    for order, faults in zip(gold.orders, written.orders, strict=True):
        if faults is None:
            return _unmade(trajectory, order, written)
        if faults:
            return _of_fault(faults)
    if written.others and not gold.orders and any(one.startswith("create") for one in written.others):
        ordered = any("MedicationRequest" in one or "ServiceRequest" in one for one in written.others)
        return "needless order" if ordered and task_type(trajectory.task.type).orders_depend else "extra write"
    return "extra write" if written.others and found.answered and found.evidence.given else None


def _unmade(trajectory: Trajectory, order: Mapping[str, Any], written: Written) -> str:
    """Return why an order is not there: it was refused, it is the recheck, or it was never tried."""
    if any(_refused(turn, order["resourceType"]) for turn in trajectory.turns):
        return "rejected order"
    if "occurrenceDateTime" in order and any(one is not None for one in written.orders):
        return "recheck"
    return "missing order"


def _refused(turn: Turn, type_: str) -> bool:
    """Return whether a POST of a resource type stored nothing; a batch is answered with 200 though all its entries are refused."""
    reads = turn.url is not None and ("_search" in turn.url or "$" in turn.url)
    return turn.kind == "post" and not turn.wrote and not reads and type_ in turn.text


def _of_fault(faults: Faults) -> str:
    elements = {path.partition(".")[0] for path in faults}
    for names, category in _FAULTS:
        if elements & set(names):
            return category
    return "wording"
