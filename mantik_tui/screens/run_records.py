"""Showing what was kept of a run: its job script, its uncommitted changes, its page on the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from mantik_tui.domain.run import Run
from mantik_tui.domain.text import clean
from mantik_tui.screens.copying import MAX_COPY
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import short_name
from mantik_tui.widgets.preview import diff_lines
from mantik_tui.widgets.styled_text import Line, StyledText, plain
from mantik_tui.workspace import records
from mantik_tui.workspace.runs import web_page

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen


class TextDialog(ModalScreen[None]):
    """A text to read, over the screen. `y` copies it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "close", "close", show=False),
        Binding("y", "copy", "copy", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__()
        self._title = title
        self._text = StyledText(lines)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -text"):
            yield Static(clean(self._title), classes="dialog-title", markup=False)
            yield self._text
            yield Static("j k move, y copies, esc closes", classes="dialog-hint")

    def on_mount(self) -> None:
        self._text.focus()

    def action_close(self) -> None:
        self.dismiss(None)

    def action_copy(self) -> None:
        text = self._text.text
        if len(text) > MAX_COPY:
            self.app.notify("It is too long for the clipboard", severity="warning")
            return
        self.app.copy_to_clipboard(text)
        self.app.notify("Copied")


def why_no_script(run: Run) -> str | None:
    return None if run.doc else "It was not submitted from here: its job script is not known"


def why_no_changes(run: Run) -> str | None:
    if not run.doc:
        return "It was not submitted from here: changes to its code are not recorded"
    return None if run.doc.get("diff") else "Its code had no uncommitted changes"


def show_script(screen: MantikScreen, run: Run) -> None:
    """The job script as it was submitted."""
    _show(screen, run, records.SCRIPT, f"Job script of {short_name(run.name)}", script_lines)


def show_changes(screen: MantikScreen, run: Run) -> None:
    """What was changed in the code and not committed when the run was submitted."""
    _show(
        screen, run, records.CHANGES, f"Uncommitted changes in {short_name(run.name)}", diff_lines
    )


def script_lines(text: str) -> list[Line]:
    lines = []
    for line in clean(text).expandtabs(4).split("\n"):
        tone = (
            Tone.MUTED
            if line.lstrip().startswith("#") and not line.startswith("#!")
            else Tone.PLAIN
        )
        lines.append(plain(line, tone, indent=4))
    return lines


def _show(
    screen: MantikScreen, run: Run, name: str, title: str, lines: Callable[[str], list[Line]]
) -> None:
    def done(text: str) -> None:
        screen.app.push_screen(TextDialog(title, lines(text)))

    screen.run_verb(records.read_record, run.id, name, done=done)


def why_no_page(run: Run) -> str | None:
    return "The server does not know this run yet" if run.server_id is None else None


def open_run_page(screen: MantikScreen, run: Run) -> None:
    """Open the run's page where there is a browser, else copy its address."""
    from mantik_tui.screens.copying import open_web_page

    open_web_page(screen, web_page(screen.session, run.id))
