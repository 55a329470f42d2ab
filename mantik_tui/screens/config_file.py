"""Editing the configuration file in the person's own editor, and taking what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mantik_tui import paths
from mantik_tui.domain.errors import BadInput, MantikError
from mantik_tui.domain.problems import Problem
from mantik_tui.screens.run_records import TextDialog
from mantik_tui.screens.text_editing import edit_file
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import STRONG
from mantik_tui.widgets.styled_text import BLANK, Line, plain
from mantik_tui.workspace.settings_verbs import reload_settings

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

_FIRST = """\
# Settings of mantik-tui. docs/configuration.md lists all of them.

"""


def edit_config(screen: MantikScreen, then: Callable[[], None]) -> None:
    """Open the file; afterwards take it, or show every fault with its line and keep what was in force."""
    path = paths.config_file()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(_FIRST)
        path.chmod(0o600)
    if edit_file(screen, path):
        take_config(screen, then)


def take_config(screen: MantikScreen, then: Callable[[], None]) -> None:
    """Read the file anew."""

    def done(_: None) -> None:
        screen.app.notify("The configuration file is read")
        then()

    def failed(error: MantikError) -> None:
        if isinstance(error, BadInput) and error.problems:
            screen.app.push_screen(TextDialog(error.title, fault_lines(error.problems)))
        else:
            screen.show_error(error)

    screen.run_verb(reload_settings, done=done, failed=failed)


def fault_lines(problems: tuple[Problem, ...]) -> list[Line]:
    """All faults of a file, each with its line, key and what would be right."""
    count = f"{len(problems)} fault{'s' * (len(problems) != 1)}; what was in force before stays in force."
    lines = [plain(count, Tone.MUTED), BLANK]
    for problem in problems:
        where = f"line {problem.line:<4} "
        lines.append(
            Line(
                ((where, Tone.MUTED), (f"{problem.key}  " if problem.key else "", STRONG), (problem.message, Tone.BAD)),
                len(where),
            )
        )  # fmt: skip
        if problem.hint:
            lines.append(
                Line(
                    ((" " * len(where), Tone.PLAIN), (f"→ {problem.hint}", Tone.ACCENT)),
                    len(where) + 2,
                )
            )
    return [*lines, BLANK, plain("e opens the file again", Tone.MUTED)]
