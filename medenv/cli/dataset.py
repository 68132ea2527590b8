"""``medenv dataset``: stored runs made into data for trainers, one subcommand a format."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TypeVar

import typer

from medenv.cli.console import stdout
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
from medenv.cli.options import given
from medenv.cli.progress import Bars
from medenv.cli.run_options import ChoiceOptions
from medenv.cli.run_setup import config_of
from medenv.cli.with_options import with_options
from medenv.episode import BenchmarkConfig
from medenv.episode.benchmark import tasks_of
from medenv.report.terminal import TerminalTable, figure_column, name_column, prose_column
from medenv.rollouts.export import FORMATS, Options, Report, export, export_prompts
from medenv.rollouts.export.card import cut_warning
from medenv.tasks import GENERATED
from medenv.tasks.selection import select_tasks

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
            hint = "--type" if wrong[0] == "task_type" else f"--{wrong[0].replace('_', '-')}"
            raise typer.BadParameter("it chooses tasks of a split; leave it out with runs", param_hint=hint)
        _make("grpo", options)
        return
    if options.pass_rate != (0.0, 1.0):
        raise typer.BadParameter("it needs runs", param_hint="--pass-rate")
    config = config_of(options)
    if options.split not in GENERATED:
        config = config.replaced(size=BenchmarkConfig().size)
    chosen = select_tasks(tasks_of(config), **options.selection())
    with Bars() as bars:
        report = export_prompts(config, chosen, _out(options), _library(options), force=options.force, tell=bars.tell)
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
    """All episodes as a Minari dataset, Gymnasium's form of offline RL; needs the extra minari.

    Example:
        medenv dataset minari runs/first --out data/first-v0
    """
    _make("minari", options)


for _command in (_sft, _dpo, _kto, _grpo, _steps, _sharegpt, _minari):
    app.command(_command.__name__[1:], short_help=FORMATS[_command.__name__[1:]].title)(with_options(_command))


def _library(options: CommonOptions) -> Options:
    """Make the library's `Options` from the fields that a command's options share with it."""
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
    with Bars() as bars:
        report = export(format, options.runs, out, _library(options), force=options.force, tell=bars.tell)
    _show(report, out)


def _show(report: Report, out: Path) -> None:
    table = TerminalTable(
        name_column("task type"), name_column("branch"), figure_column("rows"), title=f"{out}, format {report.format}"
    )
    counts: dict[tuple[int, str], int] = {}
    for (_, number, branch), count in report.rows.items():
        counts[number, branch] = counts.get((number, branch), 0) + count
    for (number, branch), count in sorted(counts.items()):
        table.add(str(number), branch, str(count))
    console = stdout()
    console.print(table)
    for title, reasons in (("left out", report.left_out), ("rows without", report.shortened)):
        if reasons:
            why = TerminalTable(prose_column(title), figure_column("how many"))
            for reason, count in sorted(reasons.items()):
                why.add(reason, str(count))
            console.print(why)
    if tokens := report.to_dict().get("tokens"):
        told = f"tokens a row: {tokens['median']:,} in the median, {tokens['p95']:,} at 95 %, at most {tokens['longest']:,}"
        console.print(told, highlight=False, soft_wrap=True)
        if tokens["rows_cut"]:
            console.print(cut_warning(tokens), highlight=False, soft_wrap=True, style="bold")
    read = f" from {report.episodes} episodes" if report.episodes else ""
    console.print(f"{report.total} rows{read} in {out}", highlight=False, soft_wrap=True)
