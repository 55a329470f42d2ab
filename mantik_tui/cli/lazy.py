"""A group whose commands are imported when they are called, so that `--help` and one command cost only themselves."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import click

from mantik_tui.cli.tree import Tree

Spawn = Callable[[], Any]


class State:
    """What the global options say, and how an engine is started."""

    def __init__(self, spawn: Spawn | None = None) -> None:
        self.workspace: str | None = None
        self.spawn = spawn
        """None for the usual way, as a process of its own."""


class LazyGroup(click.Group):
    """A group made from a table of names; see `tree`."""

    tree: Tree

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.tree)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.tree.get(cmd_name)
        if entry is None:
            return None
        found = self.commands.get(cmd_name)
        if found is None:
            words, place = entry
            found = load(place) if isinstance(place, str) else make_group(cmd_name, words, place)
            found.name = cmd_name
            self.commands[cmd_name] = found
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[0]) for name, entry in self.tree.items()])


def make_group(name: str, words: str, tree: Tree) -> LazyGroup:
    group = LazyGroup(name, help=words, no_args_is_help=True)
    group.tree = tree
    return group


def load(place: str) -> click.Command:
    """The command at `module:attribute` below `mantik_tui.cli`, with the options that all commands have."""
    module, _, attribute = place.partition(":")
    command = getattr(importlib.import_module(f"mantik_tui.cli.{module}"), attribute)
    assert isinstance(command, click.Command)
    known = {param.name for param in command.params}
    if not isinstance(command, click.Group) and "workspace" not in known:
        command.params.append(workspace_option())
        if "_MANTIK_TUI_COMPLETE" in os.environ:
            from mantik_tui.cli.names import add_names

            add_names(command)
    return command


def workspace_option() -> click.Option:
    return click.Option(
        ["--workspace"],
        metavar="NAME",
        expose_value=False,
        callback=_set_workspace,
        help="Work on this workspace instead of the configured one.",
    )


def _set_workspace(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(State).workspace = value
