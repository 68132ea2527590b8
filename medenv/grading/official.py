"""The official MedAgentBench grader, verdict for verdict, with each of its assertions as a named check.

It judges the conversation as the official harness would have recorded it, by each task type's own rule
(`medenv.tasks.TaskType.official_verdict`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from medenv.grading.verdict import Check, Grader, UngradableError, Verdict, check_gradable, shown
from medenv.protocol.actions import Post, parse
from medenv.protocol.urls import absolute
from medenv.tasks import task_type
from medenv.tasks.official_rule import NoOfficialRuleError
from medenv.tasks.task import Task
from medenv.trajectories import Trajectory

__all__ = ["ACCEPTED", "Case", "OfficialGrader", "judge"]

ACCEPTED = "POST request accepted"
"""How the harness's reply to a well-formed POST begins; the grader looks for it in the next message."""

_FAILS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a malformed answer or payload can raise in a check: "an exception anywhere = fail"."""


@dataclass(frozen=True, slots=True)
class Case:
    """What one official verdict is made from.

    Attributes:
        task: The task.
        history: Pairs of role (``agent`` or ``user``) and text, the prompt included or not.
        result: The raw text of FINISH, or the harness's error object.
        facts: Entries of the chart before the episode, see `collect_reference_data`.
        base: The server's base URL with its trailing slash.
        relative: Whether a POST's relative URL is resolved against the base before it is compared.
    """

    task: Task
    history: Sequence[tuple[str, str]]
    result: Any
    facts: Sequence[dict[str, Any]] | None
    base: str
    relative: bool = False

    @property
    def has_post(self) -> bool:
        """Return whether the characters POST occur in any agent message."""
        return any(role == "agent" and "POST" in text for role, text in self.history)

    def accepted_posts(self) -> list[tuple[str, Any]]:
        """URL and payload of each POST that the harness acknowledged and whose raw text parses.

        Raises:
            IndexError: The last message is an agent's and contains POST (the published grader fails there).
        """
        posts = []
        for n, (role, text) in enumerate(self.history):
            if role == "agent" and "POST" in text and ACCEPTED in self.history[n + 1][1]:
                first, _, rest = text.partition("\n")
                try:
                    payload = json.loads(rest)
                except (ValueError, RecursionError):
                    continue
                url = first[4:].strip()
                posts.append((absolute(url, self.base) if self.relative else url, payload))
        return posts

    @property
    def answer(self) -> Any:
        """Return the result as JSON; raises what json.loads raises."""
        return json.loads(self.result)


class Checks:
    """Collects named checks; one that raises has failed."""

    def __init__(self) -> None:
        self.done: list[Check] = []

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
        try:
            found = find()
            passed = bool(holds(found) if holds else found == expected)
            self.done.append(Check(name, passed, shown(expected), shown(found)))
        except _FAILS as error:
            self.done.append(Check(name, False, shown(expected), shown(f"{type(error).__name__}: {error}")))


def judge(case: Case) -> Verdict:
    """Return the official verdict on one case."""
    checks = Checks()
    branch = None
    if case.result is None:
        checks.done.append(Check("the episode has a result", False, "FINISH(...) within the turn limit", "none"))
    else:
        try:
            branch = task_type(case.task.type).official_verdict(case, checks)
        except _FAILS as error:
            # The chart or the conversation can't be read as the published grader reads it, which fails the row.
            checks.done.append(
                Check("chart and conversation are readable", False, "", shown(f"{type(error).__name__}: {error}"))
            )
    score = 1.0 if all(check.passed for check in checks.done) else 0.0
    return Verdict(score, OfficialGrader.name, tuple(checks.done), branch)


class OfficialGrader(Grader):
    """Grades as the published graders do.

    In the ``text`` protocol, where a POST is really executed, it still judges as the official harness would have: a POST counts as
    accepted when its body parses as JSON, whatever the server answered; relative URLs are resolved first; values come from
    the chart as it was before the episode.
    """

    name = "official"

    def grade(self, trajectory: Trajectory) -> Verdict:
        """Judge one finished episode.

        Raises:
            UngradableError: The episode ended in an infrastructure error, is still running, or lacks the chart's facts.
        """
        check_gradable(trajectory, needs_facts=task_type(trajectory.task.type).official_needs_chart)
        official = trajectory.protocol == "official"
        case = Case(
            task=trajectory.task,
            history=_recorded(trajectory) if official else _as_harness(trajectory),
            result=trajectory.result,
            facts=trajectory.facts,
            base=trajectory.base.rstrip("/") + "/",
            relative=not official,
        )
        try:
            return judge(case)
        except NoOfficialRuleError as error:
            raise UngradableError(f"task {trajectory.task.id!r}: {error}; use the strict grader") from None


def _recorded(trajectory: Trajectory) -> list[tuple[str, str]]:
    history = [("user", trajectory.prompt)]
    for turn in trajectory.turns:
        history.append(("agent", turn.text))
        if turn.observation is not None:
            history.append(("user", turn.observation))
    return history


def _as_harness(trajectory: Trajectory) -> list[tuple[str, str]]:
    """Return the conversation with the replies that matter to the grader as the harness would have given them."""
    history = []
    for turn in trajectory.turns:
        history.append(("agent", turn.text))
        if turn.observation is not None:
            action = parse(turn.text)
            history.append(("user", ACCEPTED if isinstance(action, Post) and action.problem is None else ""))
    return history
