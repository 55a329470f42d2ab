"""The log of a run: its copy on this machine, followed while it grows, readable offline."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from mantik_tui.domain.errors import MantikError, NotFound, StoreProblem
from mantik_tui.domain.text import clean, clock, size
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.run_dialogs import ask_cancel, why_not_cancel
from mantik_tui.screens.run_model import RunModel, read_run
from mantik_tui.screens.run_words import headline, run_tone, why_it_ended, why_no_log
from mantik_tui.screens.watching import unwatch, watch
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.log_pane import LogPane, log_name
from mantik_tui.widgets.log_view import LogView
from mantik_tui.widgets.one_line import Part, short_name
from mantik_tui.widgets.styled_text import Line, StyledLines, plain
from mantik_tui.workspace import live

_TABLES = frozenset({"*", "run", "job", "outbox", "site"})


class LogScreen(MantikScreen):
    """One run's log. What is here is shown at once; what is new on the site is fetched meanwhile."""

    SCREEN_ID = "log"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("log")

    def __init__(self, run_id: int) -> None:
        super().__init__()
        self.run_id = run_id
        self._model: RunModel | None = None
        self._problem = ""
        """Why the last look at the site brought nothing."""

    def compose_body(self) -> ComposeResult:
        self._read()
        model = self._model
        self._head = StyledLines(id="log-head")
        self._view = LogView(
            model.log_path if model else None, live=bool(model and not model.run.end_ms)
        )
        self._pane = LogPane(self._view)
        yield self._head
        yield self._pane
        self._show()

    def on_mount(self) -> None:
        self._view.focus()
        self._fetch()

    def place(self) -> list[str]:
        run = self._model.run if self._model else None
        if run is None:
            return ["log"]
        project = [short_name(run.project_name)] if run.project_name else []
        return [*project, short_name(run.name), "log"]

    def place_note(self) -> str:
        model = self._model
        return headline(model.run, model.job, model.entries) if model else ""

    def note_tone(self) -> Tone | None:
        return run_tone(self._model.run) if self._model else Tone.WARN

    # ------------------------------------------------------------ reading

    def _read(self) -> bool:
        try:
            self._model = read_run(self.session, self.run_id)
        except NotFound as gone:
            self._problem = str(gone)
        except StoreProblem:
            pass  # the database is busy: what is shown stays
        return self._model is not None

    def _fetch(self) -> None:
        """Bring the copy up to date once; afterwards the engine follows, since it knows that this log is open."""
        if self._model is None or self._model.job is None:
            return
        if self._model.log is not None and self._model.log.complete:
            return
        self.run_verb(live.fetch_log, self.run_id, done=self._fetched, failed=self._not_fetched)

    def _fetched(self, path: Path | None) -> None:
        del path
        self._problem = ""
        self._refresh_log()

    def _not_fetched(self, error: MantikError) -> None:
        self._problem = ". ".join(part.rstrip(".") for part in (error.title, error.cause) if part)
        self._show()

    def store_changed(self, tables: frozenset[str]) -> None:
        if tables & {"log", "*"}:
            self._refresh_log()
        elif tables & _TABLES:
            self._read()
            self._show()

    def _refresh_log(self) -> None:
        before = self._model.log_path if self._model else None
        self._read()
        path = self._model.log_path if self._model else None
        if path != before:
            self._view.load(path)
        else:
            self._view.notify_grown()
        self._show()

    def _show(self) -> None:
        model = self._model
        if model is None:
            self._head.show([plain(f" {self._problem}", Tone.WARN)])
            return
        now_ms = self.session.now_ms()
        self._pane.save_as = log_name(model.run.name)
        if not model.run.end_ms and not self._view.live:
            self._view.live = True
        self._head.show(log_head(model, self._problem, now_ms))
        if model.log is None or not model.log.size:
            told = why_no_log(model.run, model.job, model.entries, model.site, now_ms)
            words = f"{told.why} {told.helps}".strip()
            if words != self._view.absent_text:
                self._view.absent_text = self._view.empty_text = words
                self._view.refresh()

    # ------------------------------------------------------------ being looked at

    def on_screen_resume(self) -> None:
        watch(self, self.session, log=self.run_id)

    def on_screen_suspend(self) -> None:
        unwatch(self, self.session)

    def on_unmount(self) -> None:
        unwatch(self, self.session)

    # ------------------------------------------------------------ actions

    def why_not(self, action_id: str) -> str | None:
        if action_id == "cancel":
            return why_not_cancel(self._model.job if self._model else None)
        if action_id == "download" and (self._model is None or self._model.log is None):
            return "There is no log to save yet"
        return None

    def action_cancel(self) -> None:
        if self._model and self._model.job:
            ask_cancel(self, self._model.run, self._model.job)

    def action_search(self) -> None:
        self._pane.action_search()

    def action_next_match(self) -> None:
        self._pane.action_next_match()

    def action_previous_match(self) -> None:
        self._pane.action_previous_match()

    def action_follow(self) -> None:
        self._pane.action_follow()

    def action_wrap(self) -> None:
        self._pane.action_wrap()

    def action_copy(self) -> None:
        self._pane.action_copy()

    def action_download(self) -> None:
        self._pane.action_download()


def log_head(model: RunModel, problem: str, now_ms: int) -> list[Line]:
    """State and age over the log; of a failed run, why it failed and what helps."""
    run, log = model.run, model.log
    parts: list[Part] = [
        (" ", Tone.PLAIN),
        (headline(run, model.job, model.entries), run_tone(run)),
    ]
    if log is not None:
        whole = "complete" if log.complete else "so far"
        parts.append(
            (f" · {size(log.size)} {whole}, as of {clock(log.as_of_ms, now_ms)}", Tone.MUTED)
        )
    if problem and not (log is not None and log.complete):
        parts.append((f" · not newer: {clean(problem, keep_newlines=False)}", Tone.WARN))
    lines = [Line(tuple(parts), 1)]
    if run.status == "FAILED":
        told = why_it_ended(run, model.job)
        lines.append(Line(((f" {told.why}", Tone.BAD),), 1))
    return lines
