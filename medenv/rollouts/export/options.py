"""What a dataset is made with: every choice that `medenv dataset` and `export` take, checked in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medenv.errors import InputError
from medenv.grading import GRADERS
from medenv.rollouts.export.messages import Form

__all__ = ["PERMISSION", "Options"]

PERMISSION = "no score will be reported on these tasks"
"""What one has to say to train on tasks that scores are published on."""

_CHOICES: dict[str, Sequence[str | None]] = {
    "keep": (None, "passed", "failed", "all"),
    "level": ("trajectory", "turn"),
    "against": ("failed", "loophole"),
    "protocol": (None, "text", "tools"),
    "arguments": ("object", "text"),
    "grader": (None, *GRADERS),
    "file": ("jsonl", "parquet"),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """How episodes become rows.

    Attributes:
        keep: Which episodes become rows where they aren't paired: ``passed``, ``failed`` or ``all``; None for what suits the format.
        grader: Judge all episodes anew by this grader; None takes the verdicts that the run has.
        level: One row for a ``trajectory`` or for a ``turn``.
        against: What a rejected episode is: ``failed``, or ``loophole`` for one that the official grader passes and the strict one
            doesn't; the preferred one then passes strictly.
        margin: For pairs and labels of turns: by how much the share of passed continuations must differ.
        protocol: Write conversations in this protocol, ``text`` or ``tools``; None leaves them as they were played.
        arguments: How messages hold the arguments of function calls: as an ``object``, which most chat templates want, or as JSON
            ``text`` in OpenAI's form.
        reasoning: Whether assistant messages carry what the model thought, where it is known, as ``reasoning_content``.
        max_chars: Leave out conversations with more characters than this.
        max_turns: Leave out episodes with more turns than this.
        length_ratio: Leave out pairs of which one side is more than so many times as long as the other, counted in the characters that
            the agent wrote.
        per_task: At most so many rows a task.
        per_branch: At most so many rows a task type and branch.
        balance: As many rows of every task type and branch as the rarest has.
        limit: At most so many rows in all, spread over task types and branches.
        pass_rate: For prompts from runs: the lowest and the highest share of passed attempts.
        gamma: For step rewards: the discount.
        weight: For step rewards: how much the potential counts.
        validation: The share of tasks whose rows go to the validation file.
        seed: Decides what is left out where some of many equals have to be.
        tokenizer: Tell how many tokens rows have for this tokenizer, a name on the Hub or a folder; None doesn't.
        max_length: The trainer's, for telling how many rows it would cut; None for what TRL has.
        file: ``jsonl`` or ``parquet``.
        license: The dataset's licence, by its SPDX name in lower case as Hugging Face has it; None for that of the tasks.
        allow_test_data: `PERMISSION`, to be let train on the splits test and official; ``""`` otherwise.
    """

    keep: str | None = None
    grader: str | None = None
    level: str = "trajectory"
    against: str = "failed"
    margin: float = 0.5
    protocol: str | None = None
    arguments: str = "object"
    reasoning: bool = False
    max_chars: int | None = None
    max_turns: int | None = None
    length_ratio: float | None = None
    per_task: int | None = None
    per_branch: int | None = None
    balance: bool = False
    limit: int | None = None
    pass_rate: tuple[float, float] = (0.0, 1.0)
    gamma: float = 1.0
    weight: float = 0.5
    validation: float = 0.0
    seed: int = 0
    tokenizer: str | None = None
    max_length: int | None = None
    file: str = "jsonl"
    license: str | None = None
    allow_test_data: str = ""

    @property
    def form(self) -> Form:
        """How messages are written."""
        return Form(reasoning=self.reasoning, text_arguments=self.arguments == "text")

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                there_are = ", ".join(str(one) for one in known if one is not None)
                raise InputError(f"{name} is {getattr(self, name)!r}; there are: {there_are}")
        if not 0.0 < self.margin <= 1.0:
            raise InputError(f"margin is {self.margin}; it must be above 0 and at most 1")
        if self.length_ratio is not None and self.length_ratio < 1.0:
            raise InputError(f"length_ratio is {self.length_ratio}; it must be at least 1")
        if not 0.0 <= self.validation < 1.0:
            raise InputError(f"validation is {self.validation}; it must be at least 0 and less than 1")
        if not 0.0 <= self.gamma <= 1.0:
            raise InputError(f"gamma is {self.gamma}; it must be between 0 and 1")
        if not 0.0 <= self.pass_rate[0] <= self.pass_rate[1] <= 1.0:
            raise InputError(f"pass_rate is {self.pass_rate}; give the lowest and the highest share between 0 and 1")
        for name in ("max_length", "max_chars", "max_turns", "per_task", "per_branch", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}; it must be at least 1")
        if self.allow_test_data not in ("", PERMISSION):
            raise InputError(
                f"allow_test_data is {self.allow_test_data!r}; to train on tasks that scores are published on, say: {PERMISSION!r}"
            )
