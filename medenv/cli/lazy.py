"""Commands that are imported when they are asked for, so that ``medenv --help`` and each command cost only what they show or do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command as built

from medenv.cli.errors import debug_option, shown_errors
from medenv.cli.with_options import with_options

__all__ = ["Lazy", "lazy_group"]


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command, or a group of them, by where it is found.

    Attributes:
        name: As it is typed.
        place: ``module:attribute``; the attribute is a function, or a `typer.Typer` with more commands.
        line: What the listing says of it.
    """

    name: str
    place: str
    line: str

    def load(self) -> Any:
        """Import the command and build it as it runs, with all its options."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return _with_debug(built(found))
        alone = typer.Typer(add_completion=False)
        alone.command(self.name, short_help=self.line)(with_options(found))
        return _with_debug(built(alone))

    def stub(self) -> TyperCommand:
        """Make the command as a listing shows it, with its help line; nothing is imported."""
        return TyperCommand(self.name, short_help=self.line, help=self.line)


def _with_debug(command: Any) -> Any:
    """Give a command, and the commands of a group, the option ``--debug``."""
    for one in (command, *getattr(command, "commands", {}).values()):
        one.params.append(debug_option())
    return command


def lazy_group(commands: Sequence[Lazy]) -> type[TyperGroup]:
    """Make a `TyperGroup` class for `typer.Typer`'s ``cls`` whose commands are these, in this order."""
    known = {one.name: one for one in commands}

    class Group(TyperGroup):
        def invoke(self, ctx: Any) -> Any:
            with shown_errors(ctx):
                return super().invoke(ctx)

        def list_commands(self, ctx: Any) -> list[str]:
            return list(known)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """Return the stub that is listed, completed and suggested; `resolve_command` gives what runs."""
            return known[cmd_name].stub() if cmd_name in known else None

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name, command, rest = super().resolve_command(ctx, args)
            return name, known[name].load() if name in known else command, rest

    return Group
