"""All projects: filter while typing, the best and latest result, what is running."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType

from mantik_tui.domain.errors import BadInput, StoreProblem
from mantik_tui.domain.project import ProjectRow
from mantik_tui.domain.text import clock, number
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.frame_lines import reason_of
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Column, Tone, with_titles
from mantik_tui.widgets.filter_bar import FilterBar, Hits
from mantik_tui.widgets.filter_hint import FilterHint
from mantik_tui.widgets.line_block import LineBlock
from mantik_tui.widgets.project_card import project_card
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import reads, views
from mantik_tui.workspace.status import read_status

VIEW = "projects"
_PLACEHOLDER = "words, author:maria, type:regression, label:…, own, shared, running"
_TABLES = frozenset({"*", "project", "project_stat", "run", "experiment", "workspace"})
_EMPTY = "No projects yet. They come with the first pull from the server."
_CARD_NEEDS_HEIGHT = 18


class ProjectsScreen(MantikScreen):
    """The first layer of the program."""

    SCREEN_ID = "projects"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("projects")

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[ProjectRow] = []
        self._shown: list[ProjectRow] = []
        self._view = views.View()
        self._best_params: dict[int, dict[str, str]] = {}
        self._params_fresh: set[int] = set()
        """Runs whose params were read since the last news; those of others stay in sight until they are read again."""

    def compose_body(self) -> ComposeResult:
        self._view = views.recall(self.session, VIEW)
        self._filter: FilterBar | None = None
        self._hint = FilterHint(_PLACEHOLDER)
        self._columns = project_columns(self.session.now_ms)
        self._table = VirtualTable[ProjectRow](
            self._chosen_columns(), id="projects", empty_text=_EMPTY
        )
        self._card = LineBlock(id="project-card")
        self._read()
        yield self._hint
        yield self._table
        yield self._card

    def on_mount(self) -> None:
        self._table.focus()
        self._table.set_sort(self._view.sort, self._view.descending)

    def place(self) -> list[str]:
        return ["projects"]

    def store_changed(self, tables: frozenset[str]) -> None:
        if tables & _TABLES:
            self._read()

    def show_workspace(self) -> None:
        """Another workspace was opened: show its projects, from the top."""
        self._read()
        self._table.go_to(0)
        self.refresh_status()

    def action_back(self) -> None:
        """This is the outermost layer of a workspace; what may lie below is the first steps."""

    # ------------------------------------------------------------ the filter

    @property
    def _text(self) -> str:
        return "" if self._filter is None else self._filter.text

    async def _filter_bar(self) -> FilterBar:
        """The line to type in, which takes the hint's place when it is first asked for: the first paint does without."""
        if self._filter is None:
            self._filter = FilterBar(placeholder=_PLACEHOLDER, history=self._view.history)
            await self.mount(self._filter, before=self._hint)
            self._hint.display = False
            self._filter.show_hits(self._hint.hits)
        return self._filter

    def _show_hits(self, hits: Hits) -> None:
        if self._filter is not None:
            self._filter.show_hits(hits)
        else:
            self._hint.show_hits(hits)

    # ------------------------------------------------------------ reading

    def _read(self) -> None:
        """All projects at once: there are hundreds, not millions. On a busy database what is shown stays."""
        self._params_fresh.clear()
        try:
            self._rows = self.session.read(reads.projects.project_rows, self.session.workspace.id)
        except StoreProblem as problem:
            self.app.notify(str(problem), severity="warning")
            return
        self._show()

    def _show(self) -> None:
        text = self._text
        try:
            fitting = _fitting(self._rows, text)
        except BadInput as fault:
            self._show_hits(Hits(len(self._shown), len(self._rows), error=fault.cause))
            return
        key = _SORT_KEYS.get(self._view.sort)
        if key is not None:
            fitting.sort(key=key, reverse=self._view.descending)
        self._shown = fitting
        self._table.set_empty_text(
            "No project fits this filter; esc clears it." if self._rows else self._why_empty()
        )
        source: ListSource[ProjectRow] = ListSource(fitting, _row_id)
        self._table.replace_source(source)
        self._show_hits(Hits(len(fitting), len(self._rows), marks=len(self._table.marks)))
        self._show_card()

    def _why_empty(self) -> str:
        with contextlib.suppress(StoreProblem):
            if reason := reason_of(read_status(self.session)):
                return f"No projects yet: {reason}"
        return _EMPTY

    def _show_card(self) -> None:
        """At once, the best run's params a moment later: they are not worth a later first paint."""
        row = self._table.cursor_row
        best = row.best.run_id if row and row.best else None
        if best is not None and best not in self._params_fresh:
            self.call_after_refresh(self._read_best_params, best)
        params = self._best_params.get(best, {}) if best is not None else {}
        self._card.show(project_card(row, self.app.size.width, self.session.now_ms(), params))

    def _read_best_params(self, run_id: int) -> None:
        with contextlib.suppress(StoreProblem):
            self._best_params[run_id] = self.session.read(reads.runs.get_params, run_id)
            self._params_fresh.add(run_id)
            self._show_card()

    def _chosen_columns(self) -> tuple[Column[ProjectRow], ...]:
        by_id = {column.id: column for column in self._columns}
        chosen = [by_id[name] for name in self._view.columns if name in by_id]
        return tuple(chosen) or tuple(c for c in self._columns if c.id in _DEFAULT)

    # ------------------------------------------------------------ what happens

    @on(VirtualTable.RowHighlighted)
    def _moved(self) -> None:
        self._show_card()

    @on(VirtualTable.RowSelected)
    def _opened(self, event: VirtualTable.RowSelected) -> None:
        self.mantik.open_project(event.row_id)

    @on(VirtualTable.MarksChanged)
    def _marked(self, event: VirtualTable.MarksChanged) -> None:
        self._show_hits(Hits(len(self._shown), len(self._rows), marks=event.count))

    @on(VirtualTable.HeaderSelected)
    def _title_clicked(self, event: VirtualTable.HeaderSelected) -> None:
        self._sort_by(event.column_id)

    @on(FilterBar.FilterChanged)
    def _filter_changed(self) -> None:
        self._show()

    @on(FilterBar.FilterClosed)
    def _filter_kept(self, event: FilterBar.FilterClosed) -> None:
        self._table.focus()
        self._remember(history=event.bar.history)

    def on_resize(self, event: events.Resize) -> None:
        fits = event.size.height >= _CARD_NEEDS_HEIGHT
        if self._card.display != fits:
            self._card.display = fits
        self._show_card()

    def _remember(self, **changes: Any) -> None:
        view = dataclasses.replace(self._view, **changes)
        if view != self._view:
            self._view = view
            self.run_verb(views.remember, VIEW, view)

    # ------------------------------------------------------------ actions

    def why_not(self, action_id: str) -> str | None:
        if action_id == "new":
            return "Projects are made on the server; making them here comes with a later release"
        needs_row = action_id in ("submit", "copy", "web-page")
        if needs_row and self.is_mounted and self._table.cursor_id is None:
            return "There is no project under the cursor"
        return None

    def hides(self, action_id: str) -> bool:
        return action_id == "new"

    async def action_filter(self) -> None:
        (await self._filter_bar()).open()

    async def set_filter(self, text: str) -> None:
        """Show what fits, as if the filter had been typed."""
        (await self._filter_bar()).set_text(text)

    def action_columns(self) -> None:
        from mantik_tui.screens.list_tools import choose_columns

        def take(ids: tuple[str, ...]) -> None:
            self._remember(columns=ids)
            self._table.set_columns(self._chosen_columns())

        chosen = [column.id for column in self._chosen_columns()]
        choose_columns(self, [(c.id, c.title, "") for c in self._columns], chosen, take)

    def action_sort(self) -> None:
        from mantik_tui.screens.list_tools import DEFAULT, choose_sort, sort_titles

        choices = [(DEFAULT, "last active first"), *sort_titles(self._columns)]
        choose_sort(self, choices, self._view.sort or DEFAULT, self._sort_by)

    def _sort_by(self, column: str) -> None:
        if column not in _SORT_KEYS:
            self._remember(sort="", descending=False)
        elif column == self._view.sort:
            self._remember(descending=not self._view.descending)
        else:
            self._remember(sort=column, descending=column not in ("name", "type", "owner"))
        self._table.set_sort(self._view.sort, self._view.descending)
        self._show()

    def action_copy(self) -> None:
        from mantik_tui.screens.copying import copy_one_of

        row = self._table.cursor_row
        if row is not None:
            copy_one_of(self, [("name", row.name), ("id", row.uid)])

    def action_export(self) -> None:
        from mantik_tui.screens.exporting import export_list
        from mantik_tui.workspace.exports import project_table

        export_list(self, "projects", partial(project_table, list(self._shown)))

    def action_submit(self) -> None:
        from mantik_tui.screens.submitting import start_submit

        if self._table.cursor_id is not None:
            start_submit(self, self._table.cursor_id)

    def action_web_page(self) -> None:
        from mantik_tui.screens.copying import open_web_page
        from mantik_tui.workspace.projects import web_page

        if self._table.cursor_id is not None:
            open_web_page(self, web_page(self.session, self._table.cursor_id))

    def action_login(self) -> None:
        self.mantik.open_connect(self.session.workspace)

    def action_connect(self) -> None:
        self.mantik.open_connect(None)

    def action_logout(self) -> None:
        from mantik_tui.screens.logging_out import ask_logout

        ask_logout(self)

    def action_save_view(self) -> None:
        from mantik_tui.screens.list_tools import named_filters

        def apply(text: str) -> None:
            self.call_later(self.set_filter, text)

        named_filters(self, self._view, self._text, apply, self._remember)


def project_columns(now_ms: Callable[[], int]) -> tuple[Column[ProjectRow], ...]:
    """All columns of the projects table."""

    def last(row: ProjectRow) -> str:
        return clock(row.last_run_ms, now_ms())

    return with_titles(
        (
            Column("name", "name", lambda row: row.name, 22, 0, max_width=44),
            Column("type", "type", lambda row: ", ".join(row.problem_types), 14, 4, tone=_muted),
            Column("owner", "owner", lambda row: row.owner, 8, 6, max_width=14, tone=_muted),
            Column("access", "access", _access, 8, 7, tone=_muted),
            Column("people", "people", lambda row: str(row.people or "-"), 6, 5, numeric=True),
            Column("runs", "runs", lambda row: f"{row.runs:,}", 7, 2, numeric=True),
            Column("running", "running", _running, 7, 1, numeric=True, tone=_running_tone),
            Column("queued", "queued", lambda row: str(row.queued or "-"), 6, 8, numeric=True),
            Column("best", "best", _best, 17, 3, max_width=26),
            Column("last", "last run", last, 10, 2, max_width=12, tone=_muted),
            Column("about", "about", lambda row: row.summary, 20, 9, max_width=80, tone=_muted),
        )
    )


_DEFAULT = {"name", "type", "people", "runs", "running", "best", "last"}
_SORT_KEYS: dict[str, Callable[[ProjectRow], Any]] = {
    "name": lambda row: row.name.lower(),
    "type": lambda row: row.problem_types,
    "owner": lambda row: row.owner,
    "access": lambda row: row.ownership,
    "people": lambda row: row.people,
    "runs": lambda row: row.runs,
    "running": lambda row: row.running,
    "queued": lambda row: row.queued,
    "best": lambda row: (row.best.metric, row.best.value or 0.0) if row.best else ("", 0.0),
    "last": lambda row: row.last_run_ms or 0,
    "about": lambda row: row.summary,
}  # fmt: skip


def _fitting(rows: list[ProjectRow], text: str) -> list[ProjectRow]:
    if not text.strip():
        return list(rows)
    from mantik_tui.domain.project_filter import filter_projects

    return filter_projects(rows, text)


def _row_id(row: ProjectRow) -> int:
    return row.id


def _muted(_row: ProjectRow) -> Tone:
    return Tone.MUTED


def _access(row: ProjectRow) -> str:
    return row.ownership if row.ownership != "unknown" else "-"


def _running(row: ProjectRow) -> str:
    return str(row.running) if row.running else "-"


def _running_tone(row: ProjectRow) -> Tone:
    return Tone.ACCENT if row.running else Tone.MUTED


def _best(row: ProjectRow) -> str:
    return f"{row.best.metric} {number(row.best.value)}" if row.best else "-"
