"""The lower part of a run's screen: params, metrics, tags, files, history, provenance, log, one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from mantik_tui.screens.run_files import RunFiles
from mantik_tui.screens.run_model import RunModel
from mantik_tui.screens.run_tables import (
    PARAM_COLUMNS,
    TAG_COLUMNS,
    MetricRow,
    Numbers,
    PairRow,
    Shape,
    history_lines,
    metric_columns,
    metric_rows,
    note_lines,
    param_rows,
    read_shapes,
    tab_counts,
    tag_rows,
)
from mantik_tui.screens.run_words import why_no_log
from mantik_tui.widgets.filter_bar import FilterBar, Hits
from mantik_tui.widgets.log_view import LogView
from mantik_tui.widgets.provenance import provenance_lines
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.styled_text import StyledText
from mantik_tui.widgets.tab_line import TabLine
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace.reads import history
from mantik_tui.workspace.session import Session

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

TABS = ("params", "metrics", "tags", "files", "history", "provenance", "log")
LISTS = ("params", "metrics", "tags", "files")
"""Tabs that a filter narrows."""


class RunTabs(Vertical):
    """Paints the open tab only; the others are painted when they are opened."""

    @dataclass
    class MetricChosen(Message):
        """A line of the metrics was opened."""

        key: str

    @dataclass
    class TabOpened(Message):
        """Another tab is in sight."""

        name: str

    def __init__(self, owner: MantikScreen, run_id: int, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._owner = owner
        self._run_id = run_id
        self._model: RunModel | None = None
        self._plotted: list[str] = []
        self._wide = True
        self._numbers = Numbers()
        self._shapes: dict[str, Shape | None] = {}
        self._at = 0

    def compose(self) -> ComposeResult:
        now_ms = self._owner.session.now_ms()
        self._line = TabLine(TABS, id="run-tabs")
        self._filter = FilterBar(placeholder="words", id="run-filter")
        self.params = VirtualTable[PairRow](
            PARAM_COLUMNS, empty_text="No params were logged.", id="params"
        )
        self.metrics = VirtualTable[MetricRow](
            metric_columns(now_ms), empty_text="No metrics yet.", id="metrics"
        )
        self.tags = VirtualTable[PairRow](
            TAG_COLUMNS, empty_text="No tags. t sets one.", id="tag-table"
        )
        self.note = StyledText(id="run-note")
        self.files = RunFiles(self._owner, self._run_id, id="files")
        self.history = StyledText(id="history")
        self.provenance = StyledText(id="provenance")
        self.log_view = LogView(id="log")
        self._switcher = ContentSwitcher(initial="params", id="run-tab")
        yield self._line
        yield self._filter
        with self._switcher:
            yield self.params
            yield self.metrics
            with Horizontal(id="tags"):
                yield self.tags
                yield self.note
            yield self.files
            yield self.history
            yield self.provenance
            yield self.log_view

    def on_mount(self) -> None:
        self._filter.display = False

    # ------------------------------------------------------------ which tab

    @property
    def open_tab(self) -> str:
        return TABS[self._at]

    def open(self, number: int) -> None:
        """Open the tab with this number, from 0; after the last comes the first."""
        self._at = number % len(TABS)
        self._switcher.current = self.open_tab
        if self._filter.text:
            self._filter.set_text("")
        self._filter.display = False
        self._paint()
        self.take_focus()
        if self.open_tab == "metrics":
            self._read_shapes()
        elif self.open_tab == "files":
            self.files.look()
        elif self.open_tab == "log":
            self.log_changed()
        self.post_message(self.TabOpened(self.open_tab))

    def step(self, tabs: int) -> None:
        self.open(self._at + tabs)

    def take_focus(self) -> None:
        """Give the keys to the open tab."""
        found: dict[str, Widget] = {
            "params": self.params,
            "metrics": self.metrics,
            "tags": self.tags,
            "files": self.files.table,
            "history": self.history,
            "provenance": self.provenance,
        }
        found.get(self.open_tab, self.log_view).focus()

    @on(TabLine.Clicked)
    def _clicked(self, event: TabLine.Clicked) -> None:
        event.stop()
        self.open(event.number)

    # ------------------------------------------------------------ what is shown

    def show(
        self, model: RunModel, plotted: list[str], *, wide: bool, series: bool = False
    ) -> None:
        """Paint what the database says now. `wide`: the job's panel stands beside the plots, so that the history need
        not repeat it. `series`: points may have changed."""
        self._model, self._plotted, self._wide = model, plotted, wide
        self._paint()
        if series and self.open_tab == "metrics":
            self._read_shapes()

    def _paint(self) -> None:
        model, name = self._model, self.open_tab
        if model is None:
            return
        self._line.show(self._at, tab_counts(model))
        text = self._filter.text
        if name == "params":
            self._fill(self.params, param_rows(model.run, text), len(model.run.params))
        elif name == "metrics":
            rows = metric_rows(model.run, self._shapes, self._plotted, text)
            self.metrics.replace_source(ListSource[MetricRow](rows, self._metric_number))
            self._filter.show_hits(Hits(len(rows), len(model.run.metrics)))
        elif name == "tags":
            rows_of_tags = tag_rows(model.run, model.entries, text)
            total = len(tag_rows(model.run, model.entries))
            self._fill(self.tags, rows_of_tags, total)
            self.note.show(note_lines(model.run.note))
        elif name == "files":
            self.files.show(model, text)
        elif name == "history":
            now_ms = self._owner.session.now_ms()
            self.history.show(history_lines(model, now_ms, with_facts=not self._wide))
        elif name == "provenance":
            self.provenance.show(provenance_lines(model.run))

    def _fill(self, table: VirtualTable[PairRow], rows: list[PairRow], total: int) -> None:
        table.replace_source(ListSource[PairRow](rows, self._pair_number))
        self._filter.show_hits(Hits(len(rows), total))

    def _pair_number(self, row: PairRow) -> int:
        return self._numbers.of(row.key)

    def _metric_number(self, row: MetricRow) -> int:
        return self._numbers.of(row.key)

    def _read_shapes(self) -> None:
        """Courses, smallest and largest values: read in a worker, since histories may be long."""
        if self._model is None:
            return
        keys = [found.key for found in self._model.histories if found.count]
        read = partial(_shapes, self._owner.session, self._run_id, keys)
        self._owner.run_read(read, self._take_shapes, group="shapes")

    def _take_shapes(self, shapes: dict[str, Shape | None]) -> None:
        if shapes != self._shapes:
            self._shapes = shapes
            self._paint()

    def log_changed(self) -> None:
        """The log may have grown. Its file is opened only when it is looked at."""
        model = self._model
        if model is None or self.open_tab != "log":
            return
        self.log_view.live = not model.run.end_ms
        if model.log_path != self.log_view.document.path:
            self.log_view.load(model.log_path)
        else:
            self.log_view.notify_grown()
        if model.log is None or not model.log.size:
            now_ms = self._owner.session.now_ms()
            told = why_no_log(model.run, model.job, model.entries, model.site, now_ms)
            self.log_view.absent_text = self.log_view.empty_text = (
                f"{told.why} {told.helps}".strip()
            )
            self.log_view.refresh()

    # ------------------------------------------------------------ filter

    def open_filter(self) -> None:
        self._filter.display = True
        self._filter.open()

    def set_filter(self, text: str) -> None:
        self._filter.display = bool(text)
        self._filter.set_text(text)

    @on(FilterBar.FilterChanged)
    def _filtered(self, event: FilterBar.FilterChanged) -> None:
        event.stop()
        self._paint()

    @on(FilterBar.FilterClosed)
    def _filter_closed(self, event: FilterBar.FilterClosed) -> None:
        event.stop()
        self._filter.display = bool(event.text)
        self.take_focus()

    # ------------------------------------------------------------ the line under the cursor

    @on(VirtualTable.RowSelected, "#metrics")
    def _metric_opened(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        row = self.metrics.cursor_row
        if row is not None:
            self.post_message(self.MetricChosen(row.key))

    @property
    def tag_key(self) -> str:
        """The person's own tag under the cursor; empty if there is none in sight."""
        row = self.tags.cursor_row if self.open_tab == "tags" else None
        return row.key if row is not None and row.own else ""

    def copyable(self) -> list[tuple[str, str]]:
        """What the line under the cursor offers to copy: what it is, and its text."""
        name = self.open_tab
        if name in ("params", "tags"):
            pair = (self.params if name == "params" else self.tags).cursor_row
            return [(f"{name[:-1]} {pair.key}", pair.value)] if pair else []
        if name == "metrics" and (metric := self.metrics.cursor_row) is not None:
            return [(f"metric {metric.key}", repr(metric.value))]
        if name == "files" and (node := self.files.node) is not None and node.path:
            return [("path", node.path)]
        if name in ("history", "provenance"):
            return [(name, (self.history if name == "history" else self.provenance).text)]
        return []


def _shapes(session: Session, run_id: int, keys: list[str]) -> dict[str, Shape | None]:
    return read_shapes((key, session.read(history.points, run_id, key)) for key in keys)
