"""A log with its line of status and the prompt for search, filter and file name."""

from __future__ import annotations

import re
import shutil
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from mantik_tui.actions import Scope
from mantik_tui.domain.errors import BadInput, MantikError, NotFound, Refused
from mantik_tui.domain.text import clean, size
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.log_status import status_words
from mantik_tui.widgets.log_view import MAX_COPY, LogView


class Ask(StrEnum):
    """What the prompt asks for."""

    SEARCH = "/"
    FILTER = "&"
    SAVE = "save as "


_HINTS = {
    Ask.SEARCH: "text, or re: and a regular expression (2 s for 256 kB at most)",
    Ask.FILTER: "show only lines with this text; ,2 at the end adds 2 lines around each",
    Ask.SAVE: "a file name",
}


class LogPane(Vertical):
    """`LogView` with its status line. `view` is the log itself; give new data by `view.notify_grown()`.

    The keys of the table of actions (search, follow, wrap, copy, save) are bound by the screen, which calls what is here.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for(Scope.LOG)]

    def __init__(
        self,
        view: LogView,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.view = view
        self.save_as = ""
        """The file name that is offered for a copy; empty takes the file's own."""
        self.asking: Ask | None = None
        self._last: dict[Ask, str] = {}

    def compose(self) -> ComposeResult:
        yield self.view
        with Horizontal(id="log-foot"):
            yield Static("", id="log-ask", markup=False)
            yield Input(id="log-input", compact=True, select_on_focus=True)
            yield Static("", id="log-status", markup=False)

    def on_mount(self) -> None:
        self.set_class(False, "asking")
        self._show_status()

    # -- status -----------------------------------------------------------------------------------

    @on(LogView.PositionChanged)
    @on(LogView.FollowChanged)
    @on(LogView.SearchChanged)
    def _show_status(self) -> None:
        self.query_one("#log-status", Static).update(self.status_text, layout=False)

    @property
    def status_text(self) -> str:
        """`line 1,204 of 1,204 · following`, and what is searched and filtered."""
        return status_words(self.view)

    # -- prompt -----------------------------------------------------------------------------------

    def action_search(self) -> None:
        self._ask(Ask.SEARCH)

    def action_log_filter(self) -> None:
        self._ask(Ask.FILTER)

    def action_download(self) -> None:
        self._ask(Ask.SAVE)

    def _ask(self, ask: Ask) -> None:
        self.asking = ask
        self.add_class("asking")
        self.query_one("#log-ask", Static).update(ask.value)
        prompt = self.query_one("#log-input", Input)
        prompt.placeholder = _HINTS[ask]
        name = self.save_as or self.view.document.name
        prompt.value = self._last.get(ask, name if ask is Ask.SAVE else "")
        prompt.focus()

    @on(Input.Submitted, "#log-input")
    def _answered(self, event: Input.Submitted) -> None:
        event.stop()
        ask, text = self.asking, event.value
        if ask is None:
            return
        try:
            if ask is Ask.SEARCH:
                self.view.search(text)
            elif ask is Ask.FILTER:
                self.view.filter(*_with_context(text))
            else:
                self._save(text)
        except MantikError as error:
            self._complain(error)
            return
        self._last[ask] = text
        self.close_prompt()

    def close_prompt(self) -> None:
        """Give the keys back to the log."""
        self.asking = None
        self.remove_class("asking")
        self.view.focus()

    def key_escape(self, event: events.Key) -> None:
        """In the prompt, Escape closes the prompt and goes no further out."""
        if self.asking is not None:
            event.stop()
            event.prevent_default()
            self.close_prompt()

    def _complain(self, error: MantikError) -> None:
        text = ". ".join(part for part in (error.cause, error.hint) if part)
        self.notify(text, title=error.title, severity="error", markup=False)

    # -- the rest ---------------------------------------------------------------------------------

    def action_next_match(self) -> None:
        self.view.next_match() if self.view.document.search else self.action_search()

    def action_previous_match(self) -> None:
        self.view.previous_match() if self.view.document.search else self.action_search()

    def action_follow(self) -> None:
        self.view.toggle_follow()

    def action_log_pause(self) -> None:
        self.action_follow()

    def action_wrap(self) -> None:
        self.view.toggle_wrap()

    def action_log_select(self) -> None:
        self.view.toggle_select()

    def action_copy(self) -> None:
        """Copy what is selected, else what is in sight, by the terminal (OSC 52)."""
        text, lines = self.view.copy_text()
        if not text:
            self.notify("There is nothing to copy.", severity="warning")
        elif len(text) > MAX_COPY:
            hint = f"Terminals take about {size(MAX_COPY)} at once. D saves the log to a file."
            self.notify(hint, title="Too long to copy", severity="warning", markup=False)
        else:
            self.app.copy_to_clipboard(text)
            what = "1 line" if lines == 1 else f"{lines:,} lines"
            self.notify(f"Copied {what} by the terminal's clipboard.")
            if self.view.selected is not None:
                self.view.toggle_select()

    def _save(self, text: str) -> None:
        source = self.view.document.path
        if source is None:
            raise NotFound("There is no log to save")
        target = Path(text).expanduser()
        check_target(source, target)
        self.run_worker(
            lambda: save_log(source, target), thread=True, group="log-save", exit_on_error=False
        )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.group != "log-save":
            return
        event.stop()
        if event.state is WorkerState.SUCCESS:
            self.notify(f"Saved as {event.worker.result}.", markup=False)
        elif event.state is WorkerState.ERROR and isinstance(event.worker.error, MantikError):
            self._complain(event.worker.error)


def _with_context(text: str) -> tuple[str, int]:
    """`loss,2` is the text `loss` with 2 lines around each match."""
    body, comma, tail = text.rpartition(",")
    return (body, int(tail)) if comma and body and tail.isdecimal() else (text, 0)


def check_target(source: Path, target: Path) -> None:
    """Raises BadInput for a name that can't be written to; an existing file is never overwritten."""
    if not target.name or target.is_dir():
        raise BadInput("A file name is needed", f"{target} is a folder")
    if not source.exists():
        raise NotFound("There is no log to save", "nothing has been written yet")
    if target.exists():
        raise BadInput("The file is there already", str(target), "choose another name")


def log_name(run_name: str) -> str:
    """`<run name>.log` of characters that are safe in a file name anywhere."""
    safe = re.sub(r"[^\w.+-]+", "-", clean(run_name, keep_newlines=False)).strip("-.")
    return f"{safe[:80] or 'run'}.log"


def save_log(source: Path, target: Path) -> Path:
    """Copy the log's bytes as they are. Raises Refused when the file system says no. Returns the full path."""
    check_target(source, target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise Refused("The log can't be saved", f"{target}: {error.strerror or error}") from error
    return target.resolve()
