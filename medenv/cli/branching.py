"""What ``--branch-from`` and ``--branch-at`` mean for a run: tasks and charts are those of the run that is gone on from."""

from __future__ import annotations

from dataclasses import fields

import typer

from medenv.cli.options import given, restored
from medenv.cli.run_options import RolloutOptions, RunOptions, ServerOptions, TaskOptions
from medenv.rollouts import Forks, Manifest

__all__ = ["forks_of", "with_parent"]

_NOT_ALONG = ("task", "branch", "difficulty", "paraphrase", "now", "limit")
"""Options that choose or present tasks, which the other run has done already."""


def with_parent(context: typer.Context, options: RunOptions) -> RunOptions:
    """Fill in the tasks and charts of the run that ``--branch-from`` names, unless they are given anew.

    Raises:
        BadParameter: An option doesn't go with ``--branch-from``, or one of the two is missing.
    """
    if not isinstance(options, RolloutOptions) or (options.branch_from is None and not options.branch_at):
        return options
    if options.branch_from is None:
        raise typer.BadParameter("say which run's episodes to go on from", param_hint="--branch-from")
    if not options.branch_at:
        raise typer.BadParameter("say how many replies of an episode stay", param_hint="--branch-at")
    if options.resume is not None:
        return options
    if wrong := [name for name in _NOT_ALONG if name in given(context)]:
        raise typer.BadParameter(
            "leave it out with --branch-from: 'medenv runs filter' cuts the run before", param_hint=f"--{wrong[0]}"
        )
    manifest = Manifest.read(options.branch_from)
    names = {one.name for part in (TaskOptions, ServerOptions) for one in fields(part)} - {"task_type", *_NOT_ALONG}
    names |= {"prompt", "system", "tolerances"}
    stored = {} if manifest is None else {name: value for name, value in manifest.options.items() if name in names}
    return restored(options, stored, given(context))


def forks_of(options: RunOptions) -> Forks | None:
    """Where to go on from; None for a run that begins at the prompts.

    Raises:
        RunFolderError: The other run can't be read.
        ValueError: None of its episodes has so many turns.
    """
    if not isinstance(options, RolloutOptions) or options.branch_from is None:
        return None
    return Forks(options.branch_from, options.branch_at, options.task_type)
