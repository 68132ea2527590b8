"""How hard task types are for the models of a board, and how one model stands against the others on each."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, stdev

from medenv.report.board import Board, Cell, Entry

__all__ = ["Against", "Difficulty", "analysis", "shares_of", "versus"]


@dataclass(frozen=True, slots=True)
class Difficulty:
    """How hard a task type is for the models of a board.

    Attributes:
        type: The task type's number.
        mean: Mean share over the models that were scored on it.
        deviation: Sample standard deviation of these; None for one model.
        hardest: The models with the lowest share.
        easiest: The models with the highest.
    """

    type: int
    mean: float
    deviation: float | None
    hardest: list[str]
    easiest: list[str]


@dataclass(frozen=True, slots=True)
class Against:
    """One model against the field on a task type.

    Attributes:
        type: The task type's number.
        share: The model's.
        mean: The field's mean, the model included.
        place: The model's place, equals sharing the best one.
        tied: How many others share it.
        models: How many there are.
        best: The models with the highest share.
        best_share: That share.
    """

    type: int
    share: float
    mean: float
    place: int
    tied: int
    models: int
    best: list[str] = field(default_factory=list)
    best_share: float = 0.0

    @property
    def delta(self) -> float:
        """The model's share less the field's."""
        return self.share - self.mean


def _order(board: Board, focus: str | None) -> list[Entry]:
    """Entries in the order that decides between equals: the model that is looked at, then all others by name."""
    return sorted(board.entries, key=lambda one: (one.name != focus, one.name.casefold(), one.name))


def analysis(board: Board, focus: str | None = None) -> list[Difficulty]:
    """Task types from the hardest to the easiest, by the mean over the models; every model weighs the same.

    Args:
        board: Whose models.
        focus: A model that is named first among equals.
    """
    found = []
    for number in board.types:
        shares = shares_of(board, focus, number)
        low, high = min(shares.values()), max(shares.values())
        found.append(
            Difficulty(
                number,
                fmean(shares.values()),
                stdev(shares.values()) if len(shares) > 1 else None,
                [name for name, share in shares.items() if share == low],
                [name for name, share in shares.items() if share == high],
            )
        )
    return sorted(found, key=lambda one: (one.mean, one.type))


def versus(board: Board, focus: str) -> list[Against]:
    """One model against the field, task type by task type, in their order.

    Args:
        board: The field, the model included.
        focus: The model.

    Raises:
        ValueError: It isn't on the board.
    """
    board.entry(focus)
    found = []
    for number in board.types:
        shares = shares_of(board, focus, number)
        if focus not in shares:
            continue
        own, high = shares[focus], max(shares.values())
        found.append(
            Against(
                number,
                own,
                fmean(shares.values()),
                1 + sum(share > own for share in shares.values()),
                sum(share == own for share in shares.values()) - 1,
                len(shares),
                [name for name, share in shares.items() if share == high],
                high,
            )
        )
    return found


def shares_of(board: Board, focus: str | None, number: int) -> dict[str, float]:
    """Map each model scored on a task type to its share there, the focused model first and the others by name."""
    cells = {one.name: one.types.get(number, Cell()) for one in _order(board, focus)}
    return {name: cell.share for name, cell in cells.items() if cell.share is not None}
