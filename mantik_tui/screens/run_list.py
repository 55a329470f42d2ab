"""A list of runs of any length: filter, order, columns and marks over the virtual table."""

from __future__ import annotations

import dataclasses
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.worker import Worker, get_current_worker

from mantik_tui.domain.errors import BadInput, MantikError
from mantik_tui.domain.filters import Filter, parse_filter
from mantik_tui.domain.project import UNSORTED
from mantik_tui.domain.run import RunRow
from mantik_tui.screens.watching import unwatch, watch
from mantik_tui.widgets.columns import Column
from mantik_tui.widgets.filter_bar import FilterBar, Hits
from mantik_tui.widgets.row_source import IdSource
from mantik_tui.widgets.run_columns import (
    METRIC,
    PARAM,
    RunColumns,
    default_columns,
    differing,
    run_columns,
    text_params,
)
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import reads, views
from mantik_tui.workspace.session import Session

Scope = reads.runs.Scope
Sort = reads.runs.Sort

FIRST = 200
"""So many rows are shown at once; the rest follows."""
FIRST_S = 0.1
"""After so many seconds what was found is shown, complete or not."""
_SAMPLE = 60
"""So many of the newest runs decide which columns there are at first."""
_PAUSE = 4.0
"""While news keep coming, the order is read anew only after so many times of what reading it took."""
_TABLES = frozenset({"*", "run", "metric", "param", "job", "outbox"})


@dataclass(frozen=True, slots=True)
class Found:
    """Ids in table order, as far as they were read."""

    ids: array[int]
    complete: bool


class RunList(Vertical):
    """Filter line and table. `scope` says which runs; `place` is where filter, order and columns are remembered."""

    @dataclass
    class RowChanged(Message):
        """Another run is under the cursor, or what can be done with it has changed."""

        run_list: RunList

    DEFAULT_CSS = "RunList { height: 1fr; }"

    def __init__(
        self, session: Session, scope: Scope, place: str, *, empty: str, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._session = session
        self._scope = scope
        self._place = place
        self._empty = empty
        self._view = views.recall(session, place)
        self._best_metric, self._best_goal = "", "min"
        self._is_unsorted = False
        self._texts: frozenset[str] = frozenset()
        self._experiments: dict[int, str] = {}
        self._total = 0
        self._loaded_filter: str | None = None
        self._took_s = 0.0
        self._dirty = False
        self._loading = False
        self._row_signature: object = None
        self._watched: tuple[int, ...] = ()
        self._columns = RunColumns(self._read_columns())
        self.filter_bar = FilterBar(
            placeholder="status:running rmse<0.05 lr=1e-4 user:maria started<2d",
            history=self._view.history,
        )
        self.table: VirtualTable[RunRow] = VirtualTable(
            self._table_columns(),
            self._source(Found(array("q"), False)),
            empty_text=empty,
            id="runs",
        )

    def compose(self) -> ComposeResult:
        yield self.filter_bar
        yield self.table

    def on_mount(self) -> None:
        self._show_sort()
        self.load()

    # ------------------------------------------------------------ what the screen asks and tells

    @property
    def view(self) -> views.View:
        return self._view

    @property
    def columns(self) -> RunColumns:
        return self._columns

    @property
    def sort(self) -> Sort:
        return Sort(self._view.sort, self._view.descending) if self._view.sort else Sort()

    @property
    def total(self) -> int:
        """Runs of the scope without any filter, as last counted."""
        return self._total

    @property
    def row(self) -> RunRow | None:
        return self.table.cursor_row

    def rows_of(self, ids: Sequence[int]) -> list[RunRow]:
        return self._session.read(reads.runs.run_rows, list(ids))

    def ids_in_order(self) -> array[int]:
        """All ids as the table has them."""
        source = self.table.source
        return array("q", source.ids(0, len(source)))

    def marks_in_order(self) -> tuple[int, ...]:
        """The marked runs in the table's order; marked ones that the filter hides come last."""
        marks = self.table.marks
        if not marks:
            return ()
        shown = [run_id for run_id in self.ids_in_order() if run_id in marks]
        return (*shown, *sorted(marks.difference(shown)))

    def set_filter(self, text: str) -> None:
        """Show what fits, as if the filter had been typed."""
        self.filter_bar.set_text(text)

    def store_changed(self, tables: frozenset[str]) -> None:
        """Rows in sight at once; the order soon, but not more often than it can be read in a small share of the time."""
        if not tables & _TABLES:
            return
        self.table.refresh_rows(self.table.visible_ids)
        self._say_row()
        if self._loading:
            self._dirty = True
        elif not self._dirty:
            self._dirty = True
            self.set_timer(max(0.05, _PAUSE * self._took_s), self._load_if_dirty)

    def take_columns(self, ids: tuple[str, ...]) -> None:
        """Show these columns from now on; none at all means the default ones."""
        self.remember(columns=ids)
        self._columns = RunColumns(self._read_columns())
        self.table.set_columns(self._table_columns())
        self.table.replace_source(
            self._source(Found(self.ids_in_order(), self.table.source.complete))
        )

    def sort_by(self, key: str) -> None:
        """Sort by a column; by the same one again turns the order round."""
        now = self.sort
        if key == now.key:
            descending = not now.descending
        elif key == METRIC + self._best_metric:
            descending = self._best_goal == "max"
        else:
            descending = key in ("start", "end", "took")
        self.remember(sort=key, descending=descending)
        self._show_sort()
        self.load(keep_cursor=False)

    def column_choices(self) -> list[tuple[str, str, str]]:
        """Id, title and kind of all columns that can be shown."""
        from mantik_tui.widgets.run_columns import FIXED, title_of

        metrics = self._session.read(reads.runs.keys_in_use, "metric", self._scope)
        params = self._session.read(reads.runs.keys_in_use, "param", self._scope)
        ids = [*FIXED, *(METRIC + name for name in metrics), *(PARAM + name for name in params)]
        ids += [id for id in self._columns.ids if id not in ids]
        return [(id, title_of(id), id.partition(":")[0] if ":" in id else "") for id in ids]

    def remember(self, **changes: Any) -> None:
        """Keep how this list is shown."""
        view = dataclasses.replace(self._view, **changes)
        if view != self._view:
            self._view = view
            self.run_worker(
                partial(views.remember, self._session, self._place, view),
                thread=True,
                exit_on_error=False,
                group="view",
            )

    # ------------------------------------------------------------ reading the order

    def load(self, *, keep_cursor: bool = True) -> None:
        """Read the order anew. What it shows meanwhile stays; a newer call supersedes this one."""
        text = self.filter_bar.text
        try:
            parsed = parse_filter(text)
        except BadInput as fault:
            self._show_hits(error=fault.cause)
            return
        changed = text != self._loaded_filter
        self._loaded_filter = text
        self._dirty = False
        self._loading = True
        self.run_worker(
            partial(self._read_order, parsed, self.sort, keep_cursor and not changed),
            thread=True,
            exclusive=True,
            exit_on_error=False,
            group="order",
        )

    def _load_if_dirty(self) -> None:
        if self._dirty and not self._loading:
            self.load()

    def _read_order(self, wanted: Filter, sort: Sort, keep_cursor: bool) -> None:
        """In a thread: the first rows within a tenth of a second, then all."""
        worker = get_current_worker()
        began = time.monotonic()

        def too_late() -> bool:
            return worker.is_cancelled or time.monotonic() > began + FIRST_S

        def read(stop: Callable[[], bool], limit: int | None) -> Found:
            ids, complete = self._session.read(
                reads.runs.run_ids_until, self._scope, wanted, sort, self._session.now_ms(), stop, limit
            )  # fmt: skip
            return Found(ids, complete)

        try:
            total = self._count() if wanted else None
            first = read(too_late, FIRST)
            if not first.complete and not keep_cursor:
                self._deliver(worker, first, total, keep_cursor, None)
            whole = first if first.complete else read(lambda: worker.is_cancelled, None)
            self._deliver(
                worker, whole, total, keep_cursor or not first.complete, time.monotonic() - began
            )
        except MantikError as problem:
            self.app.call_later(self._failed, worker, problem)

    def _count(self) -> int:
        """Runs without the filter: counted when they change by the engine, not here."""
        workspace = self._session.workspace.id
        rows = self._session.read(reads.projects.project_rows, workspace)
        wanted = self._scope.project_id
        return sum(row.runs for row in rows if wanted is None or row.id == wanted)

    def _deliver(
        self, worker: Worker[Any], found: Found, total: int | None, keep: bool, took_s: float | None
    ) -> None:
        if not worker.is_cancelled:
            self.app.call_later(self._take, worker, found, total, keep, took_s)

    def _take(
        self, worker: Worker[Any], found: Found, total: int | None, keep: bool, took_s: float | None
    ) -> None:
        """In the UI: show what was read."""
        if worker.is_cancelled or not self.is_attached:
            return
        self._total = max(len(found.ids), total or 0)
        filtered = total is not None
        self.table.set_empty_text(
            "No run fits this filter; esc clears it." if filtered else self._empty
        )
        at_top = self.table.scroll_offset.y == 0
        self.table.replace_source(self._source(found), keep_cursor=keep)
        if at_top and self.table.cursor_position < self.table.window:
            # new runs come in on top, where a window that stands there shows them
            self.table.scroll_to(y=0, animate=False, force=True)
        self._show_hits(complete=found.complete)
        if took_s is not None:
            self._took_s = took_s
            self._loading = False
            if self._dirty:
                self._dirty = False
                self.store_changed(frozenset({"*"}))
        self._say_row()

    def _failed(self, worker: Worker[Any], problem: MantikError) -> None:
        """The database is busy or broken: rows stay as they are."""
        if not worker.is_cancelled and self.is_attached:
            self._loading = False
            self.app.notify(str(problem), severity="warning")

    def _source(self, found: Found) -> IdSource[RunRow]:
        metrics, params = self._columns.metrics, self._columns.params

        def read(ids: Sequence[int]) -> list[RunRow]:
            return self._session.read(reads.runs.run_rows, ids, metrics, params)

        return IdSource(found.ids, read, _run_id, complete=found.complete)

    # ------------------------------------------------------------ columns and words

    def _read_columns(self) -> tuple[str, ...]:
        """What was chosen for this place, else what the newest runs suggest."""
        if self._scope.project_id is not None:
            project = self._session.read(reads.projects.get_project, self._scope.project_id)
            self._best_metric, self._best_goal = project.best_metric, project.best_goal
            self._is_unsorted = project.name == UNSORTED
        read = self._session.read
        newest = read(reads.runs.run_ids, self._scope, limit=_SAMPLE)
        if self._view.columns:
            chosen = RunColumns(self._view.columns)
            self._texts = text_params(read(reads.runs.run_rows, newest, (), chosen.params))
            return chosen.ids
        metrics = read(reads.runs.keys_in_use, "metric", self._scope, _SAMPLE)
        params = read(reads.runs.keys_in_use, "param", self._scope, _SAMPLE)[:60]
        rows = read(reads.runs.run_rows, newest, (), params)
        self._texts = text_params(rows)
        return default_columns(
            self._best_metric, metrics, differing(rows), with_experiment=self._is_unsorted
        )

    def _table_columns(self) -> tuple[Column[RunRow], ...]:
        if "experiment" in self._columns.ids and not self._experiments:
            workspace, project = self._session.workspace.id, self._scope.project_id
            found = self._session.read(reads.projects.experiments, workspace, project)
            self._experiments = {experiment.id: experiment.name for experiment in found}
        clock, texts = self._session.now_ms, self._texts
        return run_columns(self._columns.ids, clock, self._experiments, texts)

    def _show_sort(self) -> None:
        self.table.set_sort(self.sort.key, self.sort.descending)

    def _show_hits(self, *, complete: bool = True, error: str = "") -> None:
        marks = len(self.table.marks)
        self.filter_bar.show_hits(Hits(self.table.row_count, self._total, complete, marks, error))

    def _say_row(self) -> None:
        """Tell the screen when the keys' state may differ, and the engine what is in sight."""
        row = self.table.cursor_row
        signature = None if row is None else (row.status, row.job_state, row.pending > 0)
        if signature != self._row_signature:
            self._row_signature = signature
            self.post_message(self.RowChanged(self))
        visible = self.table.visible_ids
        if visible != self._watched and self.is_attached and self.screen.is_current:
            self.watch_rows()

    def watch_rows(self) -> None:
        """Tell the engine which rows are in sight, so that they are kept fresh."""
        self._watched = self.table.visible_ids
        watch(self, self._session, visible=self._watched)

    def leave_rows(self) -> None:
        """The list is out of sight."""
        self._watched = ()
        unwatch(self, self._session)

    # ------------------------------------------------------------ what happens

    @on(VirtualTable.RowHighlighted)
    def _moved(self) -> None:
        self._say_row()

    @on(VirtualTable.MarksChanged)
    def _marked(self) -> None:
        self._show_hits(complete=self.table.source.complete)

    @on(VirtualTable.HeaderSelected)
    def _title_clicked(self, event: VirtualTable.HeaderSelected) -> None:
        event.stop()
        self.sort_by(event.column_id)

    @on(VirtualTable.ReadFailed)
    def _read_failed(self, event: VirtualTable.ReadFailed) -> None:
        event.stop()
        self.app.notify(str(event.error), severity="warning")

    @on(FilterBar.FilterChanged)
    def _filter_changed(self, event: FilterBar.FilterChanged) -> None:
        event.stop()
        self.load(keep_cursor=False)

    @on(FilterBar.FilterClosed)
    def _filter_kept(self, event: FilterBar.FilterClosed) -> None:
        event.stop()
        self.table.focus()
        self.remember(history=self.filter_bar.history)


def _run_id(row: RunRow) -> int:
    return row.id
