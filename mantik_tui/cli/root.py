"""The command `mantik-tui`: global options, and how everything that goes wrong is said."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import click

from mantik_tui.cli.lazy import LazyGroup, Spawn, State, workspace_option
from mantik_tui.cli.tree import COMMANDS

PROGRAM = "mantik-tui"
INTERRUPTED = 130
BROKEN_PIPE = 141
_ABOUT = """\
Machine learning on supercomputers, from a terminal.

Without a command the full-screen program opens. Lists and lookups read the local copy and work offline; what you change
is sent when the server can be reached. Runs, projects and configurations are named by their name, their id, or the
beginning of either.
"""


def root() -> LazyGroup:
    group = LazyGroup(
        PROGRAM,
        help=_ABOUT,
        callback=_without_command,
        invoke_without_command=True,
        params=[workspace_option(), _version_option()],
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    group.tree = COMMANDS
    return group


def _without_command() -> None:
    context = click.get_current_context()
    context.ensure_object(State)
    if context.invoked_subcommand is None:
        from mantik_tui.main import run_app

        context.exit(run_app(context.ensure_object(State).workspace))


def _version_option() -> click.Option:
    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Print the version.",
    )


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from mantik_tui import __version__

        click.echo(f"{PROGRAM} {__version__}")
        ctx.exit()


def run(arguments: Sequence[str], spawn: Spawn | None = None) -> int:
    """Run one command. Returns its exit code; nothing is raised, and no traceback is shown.

    `spawn` starts an engine where a command needs one; by default as a process of its own.
    """
    _take_any_character()
    try:
        code = root().main(
            list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=State(spawn)
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Click makes its own exit of a broken pipe; nothing else here exits.
        return _reader_has_gone()
    except Exception as error:  # noqa: BLE001 - the one place where a defect becomes words
        from mantik_tui.cli.failure import tell

        return tell(error)


def _reader_has_gone() -> int:
    """Whoever read stdout went away, as `head` does; what Python flushes at its end must not complain of it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return BROKEN_PIPE


def _take_any_character() -> None:
    """Terminals without Unicode get a question mark for what they can't show, not a failure."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
