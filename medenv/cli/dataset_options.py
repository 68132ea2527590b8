"""What ``medenv dataset`` takes, put together from what formats share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import typer

from medenv.cli.output import a_folder
from medenv.cli.run_options import TASKS, ChoiceOptions
from medenv.rollouts.export import PERMISSION

__all__ = [
    "CommonOptions",
    "DPOOptions",
    "GRPOOptions",
    "KTOOptions",
    "MinariOptions",
    "SFTOptions",
    "ShareGPTOptions",
    "StepsOptions",
]

ROWS, FORM, OUT = "Which episodes and rows", "How conversations are written", "Output"


@dataclass(kw_only=True)
class CommonOptions:
    """What every format takes."""

    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.", show_default=False)] = field(
        default_factory=list
    )
    out: Annotated[
        Path | None,
        typer.Option(callback=a_folder, help="Folder of the new dataset.", show_default=False, rich_help_panel=OUT),
    ] = None
    force: Annotated[
        bool, typer.Option("--force", help="Replace a dataset that is in the folder.", rich_help_panel=OUT)
    ] = False
    license: Annotated[
        str | None,
        typer.Option(help="The dataset's licence, e.g. cc-by-4.0; that of the tasks if left out.", rich_help_panel=OUT),
    ] = None
    grader: Annotated[
        Literal["strict", "official"] | None,
        typer.Option(help="Judge anew by this grader; the run's verdicts if left out.", rich_help_panel=ROWS),
    ] = None
    max_turns: Annotated[
        int | None, typer.Option(min=1, help="Leave out episodes with more turns.", rich_help_panel=ROWS)
    ] = None
    max_chars: Annotated[
        int | None,
        typer.Option(min=1, help="Leave out conversations with more characters.", rich_help_panel=ROWS),
    ] = None
    per_task: Annotated[int | None, typer.Option(min=1, help="At most so many rows a task.", rich_help_panel=ROWS)] = (
        None
    )
    per_branch: Annotated[
        int | None, typer.Option(min=1, help="At most so many rows a task type and branch.", rich_help_panel=ROWS)
    ] = None
    balance: Annotated[
        bool,
        typer.Option(
            "--balance", help="As many rows of every task type and branch as the rarest has.", rich_help_panel=ROWS
        ),
    ] = False
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help="At most so many rows in all, spread over task types and branches.", rich_help_panel=ROWS
        ),
    ] = None
    seed: Annotated[
        int, typer.Option(help="Decides what is left out where some of many equals must be.", rich_help_panel=ROWS)
    ] = 0
    allow_test_data: Annotated[
        str,
        typer.Option(
            metavar="WORDS",
            help=f'Take the splits test and official too, on which scores are published. You have to say: "{PERMISSION}".',
            show_default=False,
            rich_help_panel=ROWS,
        ),
    ] = ""


@dataclass(kw_only=True)
class FileOptions:
    """For formats of rows."""

    file: Annotated[
        Literal["jsonl", "parquet"], typer.Option(help="parquet needs the extra datasets.", rich_help_panel=OUT)
    ] = "jsonl"
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="Tell how many tokens rows have for this tokenizer (of the Hub or a folder), and warn of those that a trainer cuts.",
            show_default=False,
            rich_help_panel=OUT,
        ),
    ] = None
    max_length: Annotated[
        int | None,
        typer.Option(
            min=1, help="The trainer's max_length, for that warning; 1024 as TRL has it.", rich_help_panel=OUT
        ),
    ] = None
    validation: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=0.99,
            help="Share of tasks whose rows go to a file of their own; episodes of the split validation go there anyway.",
            rich_help_panel=OUT,
        ),
    ] = 0.0


@dataclass(kw_only=True)
class ProtocolOptions(FileOptions):
    """For formats with conversations."""

    protocol: Annotated[
        Literal["text", "tools"] | None,
        typer.Option(
            help="Write text actions as function calls (tools), or calls as text; as they were played if left out.",
            rich_help_panel=FORM,
        ),
    ] = None


@dataclass(kw_only=True)
class ReasoningOptions(ProtocolOptions):
    """For formats whose messages have room for thoughts and calls."""

    arguments: Annotated[
        Literal["object", "text"],
        typer.Option(
            help="Arguments of function calls as objects, which chat templates want, or as JSON text as OpenAI has them.",
            rich_help_panel=FORM,
        ),
    ] = "object"

    reasoning: Annotated[
        bool,
        typer.Option(
            "--reasoning", help="With what the model thought, as reasoning_content, where known.", rich_help_panel=FORM
        ),
    ] = False
    level: Annotated[
        Literal["trajectory", "turn"],
        typer.Option(help="One row an episode, or one a reply with its history.", rich_help_panel=FORM),
    ] = "trajectory"


Keep = Literal["passed", "failed", "all"]


@dataclass(kw_only=True)
class PassedOptions:
    """For formats that take solved episodes."""

    keep: Annotated[Keep, typer.Option(help="Which episodes.", rich_help_panel=ROWS)] = "passed"


@dataclass(kw_only=True)
class AllOptions:
    """For formats that take all episodes."""

    keep: Annotated[Keep, typer.Option(help="Which episodes.", rich_help_panel=ROWS)] = "all"


@dataclass(kw_only=True)
class AgainstOptions:
    """For preferences."""

    against: Annotated[
        Literal["failed", "loophole"],
        typer.Option(
            help="What is rejected: any failed episode, or only those that the official grader passes and the strict one doesn't.",
            rich_help_panel=ROWS,
        ),
    ] = "failed"


@dataclass(kw_only=True)
class SFTOptions(CommonOptions, ReasoningOptions, PassedOptions):
    """For ``sft``."""


@dataclass(kw_only=True)
class ShareGPTOptions(CommonOptions, ProtocolOptions, PassedOptions):
    """For ``sharegpt``."""


@dataclass(kw_only=True)
class DPOOptions(CommonOptions, ReasoningOptions, AgainstOptions):
    """For ``dpo``."""

    margin: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=1.0,
            help="turn: by how much the shares of passed continuations must differ.",
            rich_help_panel=ROWS,
        ),
    ] = 0.5
    length_ratio: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            help="Leave out pairs of which one side is more than so many times as long as the other.",
            rich_help_panel=ROWS,
        ),
    ] = None


@dataclass(kw_only=True)
class KTOOptions(CommonOptions, ReasoningOptions, AgainstOptions, AllOptions):
    """For ``kto``."""


@dataclass(kw_only=True)
class StepsOptions(CommonOptions, ReasoningOptions, AllOptions):
    """For ``steps``."""

    gamma: Annotated[float, typer.Option(min=0.0, max=1.0, help="The discount.", rich_help_panel=ROWS)] = 1.0
    weight: Annotated[float, typer.Option(help="How much the potential counts.", rich_help_panel=ROWS)] = 0.5


@dataclass(kw_only=True)
class MinariOptions(CommonOptions, AllOptions):
    """For ``minari``."""


@dataclass(kw_only=True)
class GRPOOptions(CommonOptions, ProtocolOptions, ChoiceOptions):
    """For ``grpo``, which takes runs or, without any, the tasks of a split."""

    split: Annotated[
        str,
        typer.Option(
            help="Without runs: which tasks, train, validation or builtin; for the others see --allow-test-data.",
            rich_help_panel=TASKS,
        ),
    ] = "train"

    max_turns: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="With runs: leave out episodes with more turns. Without: agent turns an episode has.",
            rich_help_panel=ROWS,
        ),
    ] = None
    pass_rate: Annotated[
        tuple[float, float],
        typer.Option(
            metavar="LOW HIGH",
            help="With runs: only tasks of which this share of attempts passed.",
            rich_help_panel=ROWS,
        ),
    ] = (0.0, 1.0)
