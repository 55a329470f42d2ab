"""Everything that runs or waits, in all projects and sites; and what ended since the last look."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.timer import Timer

from mantik_tui.domain.errors import StoreProblem
from mantik_tui.domain.job import Job
from mantik_tui.screens.active_rows import (
    SHOWN_NEWS,
    ActiveModel,
    ActiveRow,
    columns,
    foot_lines,
    notice_words,
    read_active,
)
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.copying import copy_one_of
from mantik_tui.screens.list_tools import choose_columns, choose_sort
from mantik_tui.screens.run_dialogs import ask_cancel, ask_take_back, why_not_cancel
from mantik_tui.screens.run_tables import fits
from mantik_tui.screens.watching import unwatch, watch
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.widgets.filter_bar import FilterBar, Hits
from mantik_tui.widgets.one_line import STRONG
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.styled_text import Line, StyledLines, StyledText
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import notices, views
from mantik_tui.workspace.reads import jobs, runs

VIEW = "active"
_TABLES = frozenset({"*", "run", "job", "outbox", "notice", "metric", "site", "project"})
_EMPTY = "Nothing runs or waits. s on a project starts a run; F9 in the form sends it."
MINUTE_S = 60.0


class ActiveScreen(MantikScreen):
    """Runs that are queued, running or unsent. What ended meanwhile stands on top until the screen is left."""

    SCREEN_ID = "active"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("active")

    def __init__(self) -> None:
        super().__init__()
        self._model = ActiveModel((), (), 0)
        self._view = views.View()
        self._tick: Timer | None = None
        self._told = 0
        """Id of the newest notice that was shown here."""

    def compose_body(self) -> ComposeResult:
        self._view = views.recall(self.session, VIEW)
        self._filter = FilterBar(placeholder="words: run, project, site, state", id="active-filter")
        self._news = StyledLines(id="active-news")
        self._foot = StyledText(id="active-foot")
        self._foot.can_focus = False
        self._columns = columns()
        self._table = VirtualTable[ActiveRow](self._chosen(), id="active", empty_text=_EMPTY)
        self._read()
        yield self._news
        yield self._filter
        yield self._table
        yield self._foot

    def on_mount(self) -> None:
        self._filter.display = False
        self._table.focus()

    def place(self) -> list[str]:
        return ["active"]

    # ------------------------------------------------------------ reading

    def store_changed(self, tables: frozenset[str]) -> None:
        if tables & _TABLES:
            self._read()

    def _read(self) -> None:
        try:
            self._model = read_active(self.session, self.session.now_ms())
        except StoreProblem:
            return
        if self._model.notices:
            self._told = max(self._told, max(notice.id for notice in self._model.notices))
        self._show()

    def _show(self) -> None:
        text = self._filter.text if self._filter.is_mounted else ""
        rows = [
            row
            for row in self._model.rows
            if fits(text, row.name, row.project, row.site, row.state, row.job_id, row.why)
        ]
        key = self._view.sort
        column = next((column for column in self._columns if column.id == key), None)
        if column is not None:
            rows.sort(key=column.cell, reverse=self._view.descending)
        rows.sort(key=lambda row: row.notice is None)
        self._table.replace_source(ListSource[ActiveRow](rows, _row_id))
        self._filter.show_hits(Hits(len(rows), len(self._model.rows)))
        self._foot.show(foot_lines(self._row(self._table.cursor_id)))
        self._news.show(self._news_lines())
        self._news.display = bool(self._model.notices)
        if self.is_mounted:
            self._follow_time()

    def _news_lines(self) -> list[Line]:
        words = notice_words(self._model.notices)
        newest = f"the newest {SHOWN_NEWS} here, " if len(self._model.notices) > SHOWN_NEWS else ""
        hint = f"   {newest}enter shows one, esc has seen all"
        return [Line(((f" {words}", STRONG), (hint, Tone.MUTED)))]

    def _follow_time(self) -> None:
        """Elapsed times grow only while something runs and this screen is looked at: once a minute, nothing else."""
        wanted = self._model.running > 0 and self.is_current
        if wanted and self._tick is None:
            self._tick = self.set_timer(MINUTE_S, self._minute)
        elif not wanted and self._tick is not None:
            self._tick.stop()
            self._tick = None

    def _minute(self) -> None:
        self._tick = None
        self._read()

    def on_screen_resume(self) -> None:
        self._follow_time()
        self._watch()

    def on_screen_suspend(self) -> None:
        unwatch(self, self.session)
        if self._tick is not None:
            self._tick.stop()
            self._tick = None

    def _watch(self) -> None:
        """Keep the rows fresh that are in sight."""
        ids = [row_id for row_id in self._table.visible_ids if row_id > 0]
        watch(self, self.session, visible=ids)

    def on_unmount(self) -> None:
        unwatch(self, self.session)

    # ------------------------------------------------------------ what happens

    @on(VirtualTable.RowHighlighted)
    def _moved(self) -> None:
        self._foot.show(foot_lines(self._row(self._table.cursor_id)))
        self.refresh_bindings()

    @on(VirtualTable.RowSelected)
    def _opened(self, event: VirtualTable.RowSelected) -> None:
        row = self._row(event.row_id)
        if row is None:
            return
        if row.notice is not None and row.notice.kind == "blocked":
            self.mantik.action_go_outbox()
        elif row.run_id is not None:
            self.mantik.open_run(row.run_id)

    @on(FilterBar.FilterChanged)
    def _filtered(self) -> None:
        self._show()

    @on(FilterBar.FilterClosed)
    def _filter_closed(self, event: FilterBar.FilterClosed) -> None:
        self._filter.display = bool(event.text)
        self._table.focus()

    @on(VirtualTable.HeaderSelected)
    def _title_clicked(self, event: VirtualTable.HeaderSelected) -> None:
        self._sort_by(event.column_id)

    def action_back(self) -> None:
        """Leaving has seen the news."""
        if self._told:
            self.run_verb(notices.mark_seen, self._told)
        super().action_back()

    # ------------------------------------------------------------ actions

    def _row(self, row_id: int | None) -> ActiveRow | None:
        return next((row for row in self._model.rows if row.id == row_id), None)

    @property
    def _run_id(self) -> int | None:
        row = self._row(self._table.cursor_id)
        return row.run_id if row else None

    def _job(self) -> Job | None:
        run_id = self._run_id
        return self.session.read(jobs.latest_job, run_id) if run_id is not None else None

    def why_not(self, action_id: str) -> str | None:
        if not self.is_mounted:
            return None
        needs_run = ("log", "cancel", "run-again", "copy", "script", "take-back", "web-page")
        if action_id in needs_run and self._run_id is None:
            return "There is no run under the cursor"
        if action_id == "cancel":
            return why_not_cancel(self._job())
        if action_id == "take-back":
            run_id = self._run_id
            waits = run_id is not None and self.session.read(jobs.open_entries, run_id)
            return None if waits else "Nothing of this run waits to be sent"
        if action_id == "compare" and len(self._marked_runs()) < 2:
            return "Mark two runs with space first"
        return None

    def hides(self, action_id: str) -> bool:
        return action_id in ("best-or-last", "take-back", "compare")

    def _marked_runs(self) -> list[int]:
        rows = [self._row(row_id) for row_id in self._table.marks]
        return sorted({row.run_id for row in rows if row is not None and row.run_id is not None})

    def action_filter(self) -> None:
        self._filter.display = True
        self._filter.open()

    def set_filter(self, text: str) -> None:
        self._filter.display = bool(text)
        self._filter.set_text(text)

    def action_log(self) -> None:
        if self._run_id is not None:
            self.mantik.open_log(self._run_id)

    def action_cancel(self) -> None:
        job = self._job()
        if job is not None:
            ask_cancel(self, self.session.read(runs.get_run, job.run_id), job)

    def action_run_again(self) -> None:
        from mantik_tui.screens.submitting import run_again

        if self._run_id is not None:
            run_again(self, self._run_id)

    def action_take_back(self) -> None:
        run_id = self._run_id
        if run_id is not None and (entries := self.session.read(jobs.open_entries, run_id)):
            ask_take_back(self, entries)

    def action_script(self) -> None:
        from mantik_tui.screens.run_records import show_script

        if self._run_id is not None:
            show_script(self, self.session.read(runs.get_run, self._run_id))

    def action_compare(self) -> None:
        self.mantik.open_compare(self._marked_runs())

    def action_web_page(self) -> None:
        from mantik_tui.screens.run_records import open_run_page

        if self._run_id is not None:
            open_run_page(self, self.session.read(runs.get_run, self._run_id))

    def action_copy(self) -> None:
        row, job = self._row(self._table.cursor_id), self._job()
        if row is None:
            return
        cid = self.session.read(runs.get_run, row.run_id).cid if row.run_id is not None else ""
        parts = [("name", row.name), ("id", cid), ("job id", job.job_id if job else "")]
        copy_one_of(self, [*parts, ("run folder", job.folder if job else ""), ("why", row.why)])

    def action_columns(self) -> None:
        def take(ids: tuple[str, ...]) -> None:
            self._remember(views.View(ids, self._view.sort, self._view.descending))
            self._table.set_columns(self._chosen())

        chosen = [column.id for column in self._chosen()]
        choose_columns(self, [(c.id, c.title, "") for c in self._columns], chosen, take)

    def action_sort(self) -> None:
        choices = [("", "what runs first"), *((c.id, c.title) for c in self._columns)]
        choose_sort(self, choices, self._view.sort, self._sort_by)

    def _sort_by(self, column: str) -> None:
        again = column == self._view.sort
        descending = not self._view.descending if again else False
        self._remember(views.View(self._view.columns, column, descending))
        self._table.set_sort(column, descending)
        self._show()

    def action_export(self) -> None:
        from mantik_tui.screens.exporting import export_list
        from mantik_tui.workspace.exports import run_table

        ids = [row.run_id for row in self._model.rows if row.run_id is not None]
        export_list(self, "active", partial(run_table, ids, (), ()))

    def _chosen(self) -> tuple[Column[ActiveRow], ...]:
        by_id = {column.id: column for column in self._columns}
        chosen = [by_id[name] for name in self._view.columns if name in by_id]
        return tuple(chosen) or self._columns

    def _remember(self, view: views.View) -> None:
        self._view = view
        self.run_verb(views.remember, VIEW, view)


def _row_id(row: ActiveRow) -> int:
    return row.id
