"""Runs side by side: what differs, how well each did, and their curves over each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType

from mantik_tui.domain.errors import MantikError
from mantik_tui.domain.run import Run
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.compare_rows import Kind, Row, table_columns, table_rows
from mantik_tui.screens.run_plots import series_of
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.line_plot import LinePlot
from mantik_tui.widgets.one_line import short_name
from mantik_tui.widgets.plot_data import Series
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import comparing, live, reads
from mantik_tui.workspace.session import Session

_PLOT_NEEDS_HEIGHT = 30
_TABLES = frozenset({"*", "run", "metric", "param", "series", "series_chunk"})
_COPIED = 250
"""Cells of a name or value that is copied; MLflow's params were that long once."""
_MANY = 500
"""So many runs are compared at most; more columns than that help nobody."""


class CompareScreen(MantikScreen):
    """Two runs or more, in the order given."""

    SCREEN_ID = "compare"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("compare")

    def __init__(self, run_ids: Sequence[int]) -> None:
        super().__init__()
        self._ids = tuple(run_ids)[:_MANY]
        self._loaded = comparing.Material((), (), {})
        self._best_values = False
        self._shape: tuple[tuple[str, ...], int] = ((), 0)
        """Names and width that the columns were made for."""
        self._with_alike = False
        self._metric = ""
        self._plot_wanted: bool | None = None
        self._filter = ""
        self._rows: list[Row] = []

    def compose_body(self) -> ComposeResult:
        self._plot = LinePlot(id="compare-plot", empty_text="no history of this metric is here yet")
        self._table: VirtualTable[Row] = VirtualTable((), id="compare", empty_text="Reading…")
        yield self._plot
        yield self._table

    def on_mount(self) -> None:
        self._plot.display = False
        self._table.focus()
        self._load()

    def place(self) -> list[str]:
        names = self._names
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        what = " with ".join(names[:2]) + more if names else f"{len(self._ids)} runs"
        return ["compare", what]

    @property
    def _names(self) -> list[str]:
        return [short_name(run.name) for run in self._loaded.runs]

    def store_changed(self, tables: frozenset[str]) -> None:
        if tables & _TABLES:
            self._load()

    # ------------------------------------------------------------ reading

    def _load(self) -> None:
        self.run_read(partial(comparing.load, self.session, self._ids), self._take, group="compare")

    def _take(self, loaded: comparing.Material) -> None:
        first = not self._loaded.runs
        self._loaded = loaded
        if len(loaded.runs) < len(self._ids) and first:
            gone = len(self._ids) - len(loaded.runs)
            self.app.notify(f"{gone} of the runs are no longer there", severity="warning")
        self._show()
        if not self._metric:
            self._metric = next((row.key for row in self._rows if row.kind is Kind.METRIC), "")
        self._draw()
        self.refresh_status()
        if first:
            self._fetch_histories()

    def _show(self) -> None:
        loaded = self._loaded
        comparison = comparing.side_by_side(loaded, best_values=self._best_values)
        rows = table_rows(
            comparison,
            loaded.runs,
            self.session.now_ms(),
            best_values=self._best_values,
            with_alike=self._with_alike,
        )
        words = self._filter.lower()
        self._rows = [row for row in rows if row.kind is Kind.TITLE or words in row.key.lower()]
        shape = (tuple(self._names), self.size.width)
        if shape != self._shape:
            self._shape = shape
            self._table.set_columns(table_columns(self._names, self.size.width))
        source: ListSource[Row] = ListSource(self._rows, _row_id)
        self._table.replace_source(source)

    # ------------------------------------------------------------ the curves

    def _fetch_histories(self) -> None:
        """Ask the engine for the shown metric of all runs; offline, what is stored is drawn."""
        if self._metric and self.session.engine.connected:
            self.run_verb(_fetch, self._ids, self._metric, failed=self._not_fetched)

    def _not_fetched(self, problem: MantikError) -> None:
        self.app.notify(f"Curves as they are stored here: {problem.title}", severity="warning")

    def _draw(self) -> None:
        self._plot.display = self._plot_shown
        if self._metric and self._plot_shown:
            labels = [(run.id, short_name(run.name)) for run in self._loaded.runs]
            read = partial(_read_series, self.session, labels, self._metric)
            self.run_read(read, self._show_curves, group="curves")

    def _show_curves(self, series: list[Series]) -> None:
        """Curves that are drawn already stay as they are, and their zoom with them."""
        if list(map(_looks, series)) != list(map(_looks, self._plot.series)):
            self._plot.set_series(series)

    @property
    def _plot_shown(self) -> bool:
        if self._plot_wanted is not None:
            return self._plot_wanted
        return self.size.height >= _PLOT_NEEDS_HEIGHT and bool(self._metric)

    def on_resize(self, event: events.Resize) -> None:
        del event
        if self._loaded.runs:
            self._show()
            self._draw()

    @on(VirtualTable.RowSelected, "#compare")
    def _row_opened(self) -> None:
        row = self._table.cursor_row
        if row is not None and row.kind is Kind.METRIC:
            self._show_metric(row.key)

    def _show_metric(self, key: str) -> None:
        """Draw this metric; the one that is drawn already closes the plot."""
        self._plot_wanted = not (self._plot_shown and key == self._metric)
        self._metric = key
        self._draw()
        self._fetch_histories()

    # ------------------------------------------------------------ actions

    def why_not(self, action_id: str) -> str | None:
        if action_id == "compare":
            return "These runs are being compared; esc goes back to mark others"
        if action_id in ("take-back", "columns", "sort", "save-view"):
            return "This works in a list of runs; esc goes back"
        return None

    def hides(self, action_id: str) -> bool:
        del action_id
        return True

    def action_differences(self) -> None:
        self._with_alike = not self._with_alike
        self._show()

    def action_best_or_last(self) -> None:
        self._best_values = not self._best_values
        self._show()
        known = sum(bool(extremes) for extremes in self._loaded.extremes)
        if self._best_values and known < len(self._loaded.runs):
            missing = len(self._loaded.runs) - known
            self.app.notify(f"Of {missing} runs no history is here, so their last values stand in")

    def action_metrics(self) -> None:
        """Choose the metric that is drawn."""
        from mantik_tui.widgets.dialogs import Choice, PickDialog

        keys = [row.key for row in self._rows if row.kind is Kind.METRIC]

        def picked(ids: tuple[str, ...] | None) -> None:
            if ids:
                self._metric, self._plot_wanted = ids[0], True
                self._draw()
                self._fetch_histories()

        self.app.push_screen(
            PickDialog("Metric to draw", [Choice(k, k) for k in keys], picked=(self._metric,)),
            picked,
        )

    def action_log_axis(self) -> None:
        self._plot.action_log_axis()

    def action_filter(self) -> None:
        """Show only params and metrics whose name has this in it."""
        from mantik_tui.widgets.dialogs import PromptDialog

        def entered(text: str | None) -> None:
            if text is not None:
                self._filter = text.strip()
                self._show()

        dialog = PromptDialog(
            "Params and metrics named", text=self._filter, lines=["empty shows all"]
        )
        self.app.push_screen(dialog, entered)

    def action_log(self) -> None:
        self._with_one("Log of", lambda run: self.mantik.open_log(run.id))

    def action_run_again(self) -> None:
        from mantik_tui.screens.submitting import run_again

        self._with_one("Run again", lambda run: run_again(self, run.id))

    def action_cancel(self) -> None:
        from mantik_tui.screens.cancelling import ask_cancel

        rows = self.session.read(reads.runs.run_rows, list(self._ids))
        ask_cancel(self, rows)

    def action_web_page(self) -> None:
        from mantik_tui.screens.copying import open_web_page
        from mantik_tui.workspace.runs import web_page

        self._with_one("Page of", lambda run: open_web_page(self, web_page(self.session, run.id)))

    def action_copy(self) -> None:
        from mantik_tui.screens.copying import copy_one_of

        names = [short_name(run.name, _COPIED) for run in self._loaded.runs]
        lines = ["\t".join(["", *names])]
        lines += [_tabbed(row) for row in self._rows if row.values]
        row = self._table.cursor_row
        line = _tabbed(row) if row and row.values else ""
        parts = [("this line", line), ("the whole table", "\n".join(lines))]
        copy_one_of(self, [*parts, ("names", "\n".join(names))])

    def action_export(self) -> None:
        from mantik_tui.screens.exporting import export_list

        export_list(self, "comparison", self._records)

    def _records(self, session: Session) -> Iterable[dict[str, object]]:
        del session
        names = [run.name for run in self._loaded.runs]
        for row in self._rows:
            if row.values:
                record: dict[str, object] = {"kind": row.kind.value, "name": row.key}
                record.update(zip(_unique(names), row.values, strict=True))
                yield record

    def _with_one(self, title: str, then: Callable[[Run], None]) -> None:
        """Do something with one of the runs, after asking which."""
        from mantik_tui.widgets.dialogs import Choice, PickDialog

        choices = [
            Choice(str(n), short_name(run.name), run.status)
            for n, run in enumerate(self._loaded.runs)
        ]

        def picked(ids: tuple[str, ...] | None) -> None:
            if ids:
                then(self._loaded.runs[int(ids[0])])

        self.app.push_screen(PickDialog(title, choices), picked)


def _read_series(session: Session, runs: Sequence[tuple[int, str]], metric: str) -> list[Series]:
    """In a thread: the stored curve of one metric for each run that has one."""
    read = [(label, session.read(reads.history.points, run_id, metric)) for run_id, label in runs]
    return series_of([(label, points) for label, points in read if len(points.values)])


def _looks(one: Series) -> tuple[str, bytes, bytes]:
    """By which a curve is known to be the same: bytes, since NaN differs from itself."""
    return one.label, one.steps.tobytes(), one.values.tobytes()


def _fetch(session: Session, ids: Sequence[int], metric: str) -> None:
    for run_id in ids[:16]:
        live.fetch_histories(session, run_id, [metric])


def _tabbed(row: Row) -> str:
    """A line for a spreadsheet: tabs and line breaks within values would shift its cells."""
    return "\t".join(short_name(text, _COPIED) for text in (row.key, *row.values))


def _row_id(row: Row) -> int:
    return row.id


def _unique(names: Sequence[str]) -> list[str]:
    """Names as columns of a file: those that occur twice get a number."""
    seen: dict[str, int] = {}
    found: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found
