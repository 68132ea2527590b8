"""The one model of all that a report shows: who scored what on which task types, with what isn't known left None.

Tables, plots and JSON are made of it; runs and published tables alike become entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import inf
from typing import Any

from medenv.errors import InputError
from medenv.report.clustered import Clustered, clustered
from medenv.report.conditions import Conditions, check_common
from medenv.report.metrics import Counts, Summary
from medenv.report.ranking import rank, rank_intervals
from medenv.report.records import RunRecord
from medenv.report.statistics import wilson
from medenv.trajectories import Status

__all__ = ["Board", "Cell", "Entry", "Floor", "board_of", "branch_cells", "cost_remarks", "entry_of"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A score.

    Attributes:
        share: Passed of scored, from 0 to 1; None if nothing was scored or it isn't known.
        passed: How many passed, if known.
        scored: How many were scored, if known.
        interval: 95 % interval, if it can be told.
        balanced: Mean over the branches of their shares, if known.
    """

    share: float | None = None
    passed: int | None = None
    scored: int | None = None
    interval: tuple[float, float] | None = None
    balanced: float | None = None


@dataclass(frozen=True)
class Entry:
    """One model's row.

    Attributes:
        name: The model.
        published: Whether it is from a published table and not from a run.
        parameters: The model's size as text.
        total: The score over all tasks.
        types: Scores by task type.
        branches: Scores by task type and branch.
        episodes: How many there were, scored or not.
        completed: How many ended with FINISH.
        invalid: How many ended with an invalid action.
        limit: How many ended at the limit of turns or of the model's context.
        errors: How many ended in an error of the task or the infrastructure.
        unscored: How many of these are in no score.
        minutes: How long playing took.
        cost: US dollars an episode, over those that tell.
        priced: How many episodes tell what they cost.
        tokens: Tokens of prompts and replies an episode.
        turns: Replies an episode.
        recall: Share of the episodes that demand orders in which exactly these were made.
        needless: Share of the episodes that demand none in which something was created all the same.
        categories: Why episodes failed, by category.
        error: The total's standard error clustered by patient.
        rates: pass@k and pass^k for repeated attempts.
        record: The run itself.
        rank: Place on the board, equals sharing one; None without a score.
        ranks: 95 % interval of that place.
    """

    name: str
    published: bool = False
    parameters: str | None = None
    total: Cell = Cell()
    types: Mapping[int, Cell] = field(default_factory=dict)
    branches: Mapping[tuple[int, str], Cell] = field(default_factory=dict)
    episodes: int | None = None
    completed: int | None = None
    invalid: int | None = None
    limit: int | None = None
    errors: int | None = None
    unscored: int | None = None
    minutes: float | None = None
    cost: float | None = None
    priced: int | None = None
    tokens: float | None = None
    turns: float | None = None
    recall: float | None = None
    needless: float | None = None
    categories: Mapping[str, int] | None = None
    error: Clustered | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    record: RunRecord | None = None
    rank: int | None = None
    ranks: tuple[int, int] | None = None


@dataclass(frozen=True)
class Floor:
    """What the blind policy scores on the same tasks: in all, by type, and by type and branch."""

    total: Cell
    types: Mapping[int, Cell]
    branches: Mapping[tuple[int, str], Cell] = field(default_factory=dict)


@dataclass(frozen=True)
class Board:
    """All entries, best first.

    Attributes:
        entries: Sorted by overall score; equals by name.
        floor: The blind floor, if known.
        conditions: What the runs share, and what not, as JSON values.
        remarks: What a reader must know, whole sentences.
    """

    entries: Sequence[Entry]
    floor: Floor | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    remarks: Sequence[str] = ()

    @property
    def types(self) -> list[int]:
        """The task types that anybody was scored on, in order."""
        return sorted({n for one in self.entries for n, cell in one.types.items() if cell.share is not None})

    @property
    def branches(self) -> list[tuple[int, str]]:
        """Task types and branches that anybody was scored on, in order of the types and as the tasks declare them."""
        return list(
            dict.fromkeys(key for n in self.types for one in self.entries for key in one.branches if key[0] == n)
        )

    @property
    def names(self) -> list[str]:
        """The entries' names, best first."""
        return [one.name for one in self.entries]

    def entry(self, name: str) -> Entry:
        """One entry.

        Raises:
            ValueError: There is none of that name.
        """
        for one in self.entries:
            if one.name == name:
                return one
        raise InputError(f"no model {name!r} on the board; there are: {', '.join(self.names) or 'none'}")

    def only(self, names: Iterable[str]) -> Board:
        """Make a board of some of the entries, ranked anew.

        Raises:
            ValueError: There is none of such a name.
        """
        chosen = [self.entry(name) for name in dict.fromkeys(names)]
        return replace(self, entries=_ranked(chosen))

    def to_dict(self) -> dict[str, Any]:
        """JSON values, unrounded."""
        floor = None
        if self.floor is not None:
            floor = {"total": asdict(self.floor.total), **_by_type(self.floor.types, self.floor.branches)}
        return {
            "models": [_entry_dict(one) for one in self.entries],
            "blind_floor": floor,
            "conditions": self.conditions,
            "remarks": list(self.remarks),
        }


def board_of(
    records: Sequence[RunRecord],
    published: Sequence[Entry] = (),
    floor: Floor | None = None,
    remarks: Sequence[str] = (),
    parameters: Mapping[str, str] | None = None,
    about: Conditions | None = None,
) -> Board:
    """Put runs and published scores on one board.

    Args:
        records: The runs.
        published: Entries of published tables.
        floor: The blind floor of the runs' tasks.
        remarks: What a reader must know besides.
        parameters: Sizes of models by name.
        about: What the published tables say they were made under.

    Raises:
        BoardError: The runs don't compare.
        ValueError: A size is given for a model that isn't there.
    """
    told = check_common([(one.name, one.conditions) for one in records], about)
    entries = [entry_of(one) for one in records] + list(published)
    for name, size in (parameters or {}).items():
        if name not in {one.name for one in entries}:
            raise InputError(f"no model {name!r} on the board; there are: {', '.join(one.name for one in entries)}")
        entries = [replace(one, parameters=size) if one.name == name else one for one in entries]
    shared = Conditions()
    for record in records:
        shared.update(record.conditions)
    return Board(_ranked(entries), floor, shared.to_dict() if records else {}, [*told, *_remarks(entries), *remarks])


def entry_of(record: RunRecord) -> Entry:
    """Make a run's entry, without a rank: that comes with the board."""
    summary, total = record.summary, record.summary.total
    episodes = total.episodes
    unscored = total.ended(Status.INFRASTRUCTURE_ERROR)
    return Entry(
        name=record.name,
        total=_cell(total, summary.interval, summary.balanced),
        types={n: _cell(counts, summary.type_interval(n), counts.balanced) for n, counts in summary.types.items()},
        branches=branch_cells(summary),
        episodes=episodes,
        completed=total.ended(Status.COMPLETED),
        invalid=total.ended(Status.INVALID_ACTION),
        limit=total.ended(Status.TURN_LIMIT) + total.ended(Status.CONTEXT_LIMIT),
        errors=total.ended(Status.TASK_ERROR) + unscored,
        unscored=unscored,
        minutes=record.minutes,
        cost=record.cost / record.priced if record.priced else None,
        priced=record.priced,
        tokens=record.tokens / episodes if record.tokens is not None and episodes else None,
        turns=total.turns / episodes if episodes else None,
        recall=total.required[1] / total.required[0] if total.required[0] else None,
        needless=total.unrequired[1] / total.unrequired[0] if total.unrequired[0] else None,
        categories=dict(sorted(total.categories.items(), key=lambda item: (-item[1], item[0]))),
        error=_error(record),
        rates=summary.pass_rates(),
        record=record,
    )


def branch_cells(summary: Summary) -> dict[tuple[int, str], Cell]:
    """Scores by task type and branch."""
    return {
        (n, branch): Cell(passed / scored, passed, scored, wilson(passed, scored))
        for n, counts in sorted(summary.types.items())
        for branch, (scored, passed) in counts.branches.items()
        if scored
    }


def _cell(counts: Counts, interval: tuple[float, float], balanced: float | None) -> Cell:
    return Cell(counts.accuracy, counts.passed, counts.scored, interval if counts.scored else None, balanced)


def _error(record: RunRecord) -> Clustered | None:
    attempts = record.summary.attempts
    if not attempts:
        return None
    means = [sum(scores) / len(scores) for scores in attempts.values()]
    return clustered(means, [record.patients[task] for task in attempts])


def _ranked(entries: Sequence[Entry]) -> list[Entry]:
    def place(one: Entry) -> tuple[float, str, str]:
        return (inf if one.total.share is None else -one.total.share, one.name.casefold(), one.name)

    ordered = sorted(entries, key=place)
    places, spans = rank([one.total.share for one in ordered]), rank_intervals(ordered)
    return [replace(one, rank=at, ranks=span) for one, at, span in zip(ordered, places, spans, strict=True)]


def _remarks(entries: Sequence[Entry]) -> list[str]:
    said = [f"{one.name}: {remark}" for one in entries for remark in _remarks_on(one)]
    if any(one.published for one in entries):
        said.append(
            "Published scores are taken as they were published, and what isn't known of them is left empty. "
            "Nobody has checked here that they were made on the same tasks and by the same grader as any run beside them."
        )
    return said


def _remarks_on(one: Entry) -> Iterator[str]:
    if one.record is None:
        return
    if not one.episodes:
        yield "the run holds no episode."
        return
    if one.total.share is None:
        yield (
            f"all {one.episodes} episodes ended in an infrastructure error, so there is no score; "
            "play them again with --resume FOLDER --retry-infrastructure."
        )
    elif one.unscored:
        yield f"{one.unscored} of {one.episodes} episodes ended in an infrastructure error and are in no score."
    if one.record.summary.only_failures_repeated:
        yield "only failed tasks were tried again, so this accuracy is not comparable."


def cost_remarks(board: Board) -> list[str]:
    """Of which runs not all costs are known, a sentence each."""
    said = []
    for one in board.entries:
        if one.record is None or not one.episodes or one.priced == one.episodes:
            continue
        if one.priced:
            said.append(
                f"{one.name}: {one.priced} of {one.episodes} episodes tell what they cost; the cost is the mean of these."
            )
        else:
            said.append(f"{one.name}: no episode tells what it cost, since the model's prices aren't known.")
    return said


def _entry_dict(one: Entry) -> dict[str, Any]:
    kept = {
        name: getattr(one, name)
        for name in Entry.__dataclass_fields__
        if name not in ("record", "types", "branches", "total", "error")
    }
    error = None if one.error is None else {**asdict(one.error), "interval": one.error.interval}
    return {**kept, "total": asdict(one.total), "clustered_error": error, **_by_type(one.types, one.branches)}


def _by_type(types: Mapping[int, Cell], branches: Mapping[tuple[int, str], Cell]) -> dict[str, Any]:
    return {
        "types": {str(n): asdict(cell) for n, cell in sorted(types.items())},
        "branches": {f"{n}/{branch}": asdict(cell) for (n, branch), cell in branches.items()},
    }
