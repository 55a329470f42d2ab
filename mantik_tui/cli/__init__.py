"""The command line: parse, call the workspace, print text or JSON. Data goes to stdout, talk to stderr."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def run_command(arguments: Sequence[str], spawn: Callable[[], Any] | None = None) -> int:
    """Run one command of `mantik-tui` and return its exit code; docs/commands.md lists them.

    `spawn` starts an engine where a command needs one; by default as a process of its own.
    """
    from mantik_tui.cli.root import run

    return run(arguments, spawn)
