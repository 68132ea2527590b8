"""``medenv dataset``: stored runs made into data for trainers, one subcommand a format."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from medenv.cli.choosing import choose
from medenv.cli.console import stderr, stdout
from medenv.cli.dataset_options import (
    CommonOptions,
    DPOOptions,
    GRPOOptions,
    KTOOptions,
    MinariOptions,
    SFTOptions,
    ShareGPTOptions,
    StepsOptions,
)
from medenv.cli.errors import one_line_errors
from medenv.cli.options import given
from medenv.cli.run_options import ChoiceOptions
from medenv.cli.with_options import with_options
from medenv.rollouts.export import FORMATS, Options, Report, export, export_prompts
from medenv.tasks import load_split
from medenv.tasks.splits import GENERATED, cohort_of

__all__ = ["app"]

T = TypeVar("T", bound=CommonOptions)

app = typer.Typer(
    name="dataset",
    help="Training data from stored runs, with a dataset card: for TRL, Hugging Face datasets, LLaMA-Factory, Minari and others.\n\n"
    "Splits that scores are published on (test, official) are refused, infrastructure errors are never in any data, and every row says "
    "which episode it is from.",
    no_args_is_help=True,
)


def _sft(context: typer.Context, options: SFTOptions) -> None:
    """Supervised fine-tuning: solved, distinct episodes as messages, or each reply as prompt and completion.

    Examples:
        medenv dataset sft runs/teacher --out data/sft

        medenv dataset sft runs/teacher --level turn --protocol tools --limit 284 --balance --out data/sft-tools
    """
    _make("sft", options)


def _dpo(context: typer.Context, options: DPOOptions) -> None:
    """Preference pairs: a passed and a failed episode of one task, or two replies to a history that both share.

    Pairs of replies want episodes that share their beginnings: play every task several times (--samples), or fork episodes with
    medenv rollout --branch-from RUN --branch-at TURN.

    Examples:
        medenv dataset dpo runs/first runs/forks --level turn --margin 0.5 --out data/dpo

        medenv dataset dpo runs/first --against loophole --length-ratio 1.5 --out data/no-loopholes
    """
    _make("dpo", options)


def _kto(context: typer.Context, options: KTOOptions) -> None:
    """Single episodes, or replies, with a label: good or bad.

    Example:
        medenv dataset kto runs/first --balance --out data/kto
    """
    _make("kto", options)


def _grpo(context: typer.Context, options: GRPOOptions) -> None:
    """Prompts with the task in each row, for GRPO and other online methods: of a split, or of the tasks of runs.

    Examples:
        medenv dataset grpo --split train --limit 5000 --out data/prompts

        medenv dataset grpo runs/first --pass-rate 0.1 0.9 --out data/not-too-hard
    """
    if options.runs:
        named = given(context)
        if wrong := [one.name for one in fields(ChoiceOptions) if one.name in named and not hasattr(Options, one.name)]:
            raise typer.BadParameter("it chooses tasks of a split; leave it out with runs", param_hint=f"--{wrong[0]}")
        _make("grpo", options)
        return
    if options.pass_rate != (0.0, 1.0):
        raise typer.BadParameter("it needs runs", param_hint="--pass-rate")
    generated = options.split in GENERATED
    cohort = cohort_of(options.split, options.size) if generated and options.size != "default" else None
    tasks = load_split(options.split, seed=options.task_seed, official=options.official, cohort=cohort)
    chosen = choose(tasks, options)
    arguments = {
        "split": options.split,
        "grader": options.grader,
        "official": options.official,
        "charts": options.charts,
        "observation": options.observation,
        "max_turns": options.max_turns,
        "seed": options.task_seed,
        "size": options.size if generated else "default",
        "protocol": options.protocol or "text",
    }
    arguments = {name: value for name, value in arguments.items() if value is not None}
    with _Bars() as bars:
        report = export_prompts(
            arguments, chosen, _out(options), _library(options), force=options.force, tell=bars.tell
        )
    _show(report, _out(options))


def _steps(context: typer.Context, options: StepsOptions) -> None:
    """All episodes with a reward for each turn; they are played again for it, which needs their charts.

    Example:
        medenv dataset steps runs/first --gamma 0.99 --file parquet --out data/steps
    """
    _make("steps", options)


def _sharegpt(context: typer.Context, options: ShareGPTOptions) -> None:
    """Solved, distinct episodes in ShareGPT's form, for LLaMA-Factory, Axolotl and others.

    Example:
        medenv dataset sharegpt runs/teacher --out data/sharegpt
    """
    _make("sharegpt", options)


def _minari(context: typer.Context, options: MinariOptions) -> None:
    """All episodes as a Minari dataset, Gymnasium's form of offline RL; needs medenv[minari].

    Example:
        medenv dataset minari runs/first --out data/first-v0
    """
    _make("minari", options)


for _command, _options in (
    (_sft, SFTOptions),
    (_dpo, DPOOptions),
    (_kto, KTOOptions),
    (_grpo, GRPOOptions),
    (_steps, StepsOptions),
    (_sharegpt, ShareGPTOptions),
    (_minari, MinariOptions),
):
    app.command(_command.__name__[1:], short_help=FORMATS[_command.__name__[1:]].title)(
        one_line_errors(with_options("options", _command, _options))
    )


def _library(options: CommonOptions) -> Options:
    """The library's options, from those of a command that it knows."""
    known = {one.name for one in fields(Options)}
    return Options(**{one.name: getattr(options, one.name) for one in fields(options) if one.name in known})


def _out(options: CommonOptions) -> Path:
    if options.out is None:
        raise typer.BadParameter("say where the dataset goes", param_hint="--out")
    return options.out


def _make(format: str, options: CommonOptions) -> None:
    if not options.runs:
        raise typer.BadParameter("give the folder of at least one run", param_hint="RUNS")
    out = _out(options)
    with _Bars() as bars:
        report = export(format, options.runs, out, _library(options), force=options.force, tell=bars.tell)
    _show(report, out)


class _Bars:
    """A bar for what is read, then one for what is written."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=stderr()
        )
        self._bars: dict[str, TaskID] = {}

    def tell(self, what: str, done: int, of: int | None) -> None:
        """See `medenv.rollouts.export.make.Tell`."""
        if what not in self._bars:
            self._bars[what] = self._progress.add_task(what, total=of)
        self._progress.update(self._bars[what], completed=done, total=of if of is not None else max(done, 1))

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _show(report: Report, out: Path) -> None:
    table = Table("task type", "branch", "rows", title=f"{out}, format {report.format}", title_justify="left")
    counts: dict[tuple[int, str], int] = {}
    for (_, number, branch), count in report.rows.items():
        counts[number, branch] = counts.get((number, branch), 0) + count
    for (number, branch), count in sorted(counts.items()):
        table.add_row(str(number), branch, str(count))
    console = stdout()
    console.print(table)
    if report.left_out:
        why = Table("left out", "how many")
        for reason, count in sorted(report.left_out.items()):
            why.add_row(reason, str(count))
        console.print(why)
    read = f" from {report.episodes} episodes" if report.episodes else ""
    console.print(f"{report.total} rows{read} in {out}", highlight=False, soft_wrap=True)
