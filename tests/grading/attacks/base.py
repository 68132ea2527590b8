"""What an attack is, what it may know, and how a set of attacks is played over a split's tasks.

An attack is a policy in the worst case that training could reach: it knows the chart, the right answer and the right orders, and gets there
in a way that must not score.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from medenv.episode import Benchmark
from medenv.grading import OfficialGrader
from medenv.tasks import Task, task_type
from medenv.tasks.chart import DAY, instant, readings
from medenv.tasks.patients import is_named
from medenv.tasks.reference import ReferenceActions, act
from medenv.trajectories import Status, Trajectory

__all__ = ["ATTACKS", "LABS", "LATEST", "ORDERS", "Attack", "Known", "Result", "attack", "play", "register", "run"]

LATEST = (4, 5, 7, 9, 10)
"""Task types that turn on a newest value."""
LABS = (4, 5, 6, 7, 9, 10)
ORDERS = (3, 5, 8, 9, 10)
"""Task types that may want something written."""

Resource = dict[str, Any]
Policy = Callable[["Known"], ReferenceActions[None]]


@dataclass(frozen=True, slots=True)
class Result:
    """One value of the code that a task asks about, in the order in which the chart lists them."""

    id: str
    place: int
    value: float
    text: str
    at: Any


class Known:
    """All that an attack may know of a task: the gold, the reference's reading, and any search of the pristine chart."""

    def __init__(self, benchmark: Benchmark, task: Task) -> None:
        self.task, self.kind = task, task_type(task.type)
        self._session = benchmark.start(task).session
        query = self.kind.reference_query(task)
        self.facts = [] if query is None else [entry["resource"] for entry in self.ask(query).get("entry", ())]
        self.gold = self.kind.gold(task, self.facts)
        self.branch, self.answer = self.gold.branch, list(self.gold.answer)
        self.mrn, self.now = str(task.mrn), instant(task.now)
        self.code = task.params.get("code", "")
        self.day_ago = self.now - DAY
        self.named = is_named(task.params)

    def ask(self, url: str) -> Resource:
        """What the pristine chart answers, as JSON."""
        return json.loads(self._session.get(url).body)

    @property
    def orders(self) -> list[Resource]:
        """Fresh copies of the payloads that are demanded."""
        return deepcopy(list(self.gold.orders))

    @cached_property
    def values(self) -> list[Result]:
        """All values of the task's code, as the chart lists them."""
        read = ((fact, one) for fact in self.facts for one in readings([fact]))
        return [Result(fact["id"], n, one.value, one.text, one.at) for n, (fact, one) in enumerate(read)]

    @property
    def since(self) -> Any:
        """Where the time begins that counts; None if all of it does."""
        return self.day_ago if self.task.type in (4, 5, 6) else None

    @cached_property
    def window(self) -> list[Result]:
        """The values that count."""
        return [one for one in self.values if self.since is None or one.at >= self.since]

    @cached_property
    def newest(self) -> Result | None:
        """The newest value that counts, of equal times the first listed."""
        return max(self.window, key=lambda one: one.at, default=None)

    @property
    def absent(self) -> bool:
        """Whether a laboratory task has no value that counts."""
        return self.task.type in LABS and not self.window

    @property
    def present(self) -> bool:
        """Whether a laboratory task has one."""
        return self.task.type in LABS and bool(self.window)

    @cached_property
    def strangers(self) -> list[str]:
        """The MRNs of some who have charts and are not the task's patient."""
        listed = (entry["resource"]["subject"]["reference"] for entry in self.ask("Condition?_count=300")["entry"])
        return [mrn for mrn in dict.fromkeys(name.partition("/")[2] for name in listed) if mrn != self.mrn]

    @property
    def stranger(self) -> str:
        """One of them."""
        return self.strangers[0]

    def other(self, kind: str) -> str:
        """Type and id of somebody else's resource."""
        for one in (entry["resource"] for entry in self.ask(f"{kind}?_count=60")["entry"]):
            if one["subject"]["reference"] != f"Patient/{self.mrn}":
                return f"{kind}/{one['id']}"
        raise LookupError(f"nobody else has a {kind}")

    def own(self, kind: str) -> str | None:
        """Type and id of a resource of the patient; None if there is none."""
        found = self.ask(f"{kind}?patient={self.mrn}&_count=1").get("entry", ())
        return f"{kind}/{found[0]['resource']['id']}" if found else None

    def look(self) -> ReferenceActions[None]:
        """Read what the reference reads."""
        yield from self.kind.read(self.task, "")

    def end(self, answer: Any = None, orders: Iterable[Mapping[str, Any]] | None = None) -> ReferenceActions[None]:
        """Order and answer, rightly unless told otherwise."""
        wanted = self.orders if orders is None else orders
        yield from act(wanted, self.answer if answer is None else answer, "")


@dataclass(frozen=True, slots=True)
class Attack:
    """A policy that must not score.

    Attributes:
        name: What it does, in a few words.
        kind: The principle that it tests.
        exploits: What a careless grader overlooks.
        policy: Makes the texts and is sent the observations.
        types: The task types that it applies to.
        when: Whether it applies to one task: not where it happens to be an honest way.
        refused: Whether the server refuses a request of it.
        most: On how many tasks of a type it is played, where it would take long; None for all.
    """

    name: str
    kind: str
    exploits: str
    policy: Policy
    types: tuple[int, ...]
    when: Callable[[Known], bool]
    refused: bool = False
    most: int | None = None

    @property
    def id(self) -> str:
        """Kind and name, which no two attacks share."""
        return f"{self.kind} / {self.name}"


ATTACKS: list[Attack] = []
"""All that are known, in the order in which their modules are imported."""


def register(
    kind: str,
    name: str,
    exploits: str,
    policy: Policy,
    types: Iterable[int],
    when: Callable[[Known], bool] = lambda known: True,
    *,
    refused: bool = False,
    most: int | None = None,
) -> None:
    """Add an attack.

    Raises:
        ValueError: There is one of this name already.
    """
    if any((one.kind, one.name) == (kind, name) for one in ATTACKS):
        raise ValueError(f"there are two attacks of the kind {kind!r} named {name!r}")
    ATTACKS.append(Attack(name, kind, exploits, policy, tuple(types), when, refused, most))


def attack(
    kind: str,
    types: Iterable[int],
    when: Callable[[Known], bool] = lambda known: True,
    *,
    refused: bool = False,
    most: int | None = None,
) -> Callable[[Policy], Policy]:
    """Add a function as an attack: its name in words, and its docstring as what it exploits."""

    def add(policy: Policy) -> Policy:
        name = policy.__name__.replace("_", " ")
        register(kind, name, str(policy.__doc__), policy, types, when, refused=refused, most=most)
        return policy

    return add


def play(benchmark: Benchmark, known: Known, policy: Policy) -> Trajectory:
    """Play a policy to its end.

    Raises:
        RuntimeError: It stops before the episode ends.
    """
    episode, steps = benchmark.start(known.task), policy(known)
    text = next(steps)
    while not (seen := episode.step(text)).done:
        try:
            text = steps.send(seen.observation)
        except StopIteration:
            raise RuntimeError(f"the policy stops without FINISH, after {text[:200]!r}") from None
    return benchmark.finish(episode)


@dataclass(slots=True)
class Score:
    """What an attack got on all tasks that it applies to."""

    played: int = 0
    official: int = 0
    strict: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)

    def add(self, trajectory: Trajectory) -> None:
        """Count one episode."""
        name = trajectory.task.id
        self.played += 1
        self.official += OfficialGrader().grade(trajectory).score == 1.0
        if trajectory.verdict is None or trajectory.verdict["score"] != 0.0:
            self.strict.append(name)
        if trajectory.status is not Status.COMPLETED:
            self.unfinished.append(name)
        if any((turn.response_status or 0) >= 400 for turn in trajectory.turns):
            self.refused.append(name)


def run(
    benchmark: Benchmark, tasks: Iterable[Task], attacks: Iterable[Attack], most: int | None = None
) -> dict[str, Score]:
    """Play attacks on the tasks that they apply to, one task after the other.

    Args:
        benchmark: Where.
        tasks: The tasks.
        attacks: The attacks.
        most: On how many tasks of a type each is played; None for all.
    """
    chosen = list(attacks)
    scores = {one.id: Score() for one in chosen}
    played: Counter[tuple[str, int]] = Counter()
    for task in tasks:
        known = Known(benchmark, task)
        for one in chosen:
            key = one.id, task.type
            limits = [limit for limit in (one.most, most) if limit is not None]
            if task.type in one.types and all(played[key] < limit for limit in limits) and one.when(known):
                played[key] += 1
                try:
                    scores[one.id].add(play(benchmark, known, one.policy))
                except Exception as error:  # told with the attack that it belongs to; the others are played on
                    scores[one.id].crashed.append(f"{task.id}: {type(error).__name__}: {error}")
    return scores
