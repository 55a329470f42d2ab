"""The command line: parse, call the workspace, print text or JSON. Data goes to stdout, talk to stderr."""

from __future__ import annotations

from collections.abc import Sequence


def run_command(arguments: Sequence[str]) -> int:
    """Run one command of `mantik-tui` and return its exit code; docs/commands.md lists them."""
    from mantik_tui.cli.root import run

    return run(arguments)
