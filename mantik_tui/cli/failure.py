"""How a failure is told on stderr: title, cause, hint; of a file with faults, each with its place."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mantik_tui.cli.output import paint, say
from mantik_tui.domain.errors import BadInput, MantikError
from mantik_tui.domain.text import clean

if TYPE_CHECKING:
    from mantik_tui.domain.problems import Problem

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def tell(error: Exception) -> int:
    """Say what failed, why and what helps. Returns the exit code. A defect of ours is logged, and the log is named."""
    if not isinstance(error, MantikError):
        from mantik_tui.workspace.defects import defect

        error = defect(error)
    problems = error.problems if isinstance(error, BadInput) else ()
    tell_problems(problems)
    say(f"{paint('error:', 'red', sys.stderr)} {clean(error.title, keep_newlines=False)}")
    for part in (error.cause, error.hint) if not problems else ():
        for line in clean(part).splitlines():
            say(f"  {line}")
    return error.exit_code


def tell_problems(problems: Sequence[Problem]) -> None:
    """One problem a line, `file:line: severity: key: message`, and its hint below."""
    for one in problems:
        place = f"{one.file}:{one.line}: " if one.file else ""
        key = f"{one.key}: " if one.key else ""
        word = paint(one.severity.value, _COLOURS[one.severity.value], sys.stderr)
        say(
            f"{clean(place, keep_newlines=False)}{word}: {clean(key + one.message, keep_newlines=False)}"
        )
        if one.hint:
            say(f"    {clean(one.hint, keep_newlines=False)}")
