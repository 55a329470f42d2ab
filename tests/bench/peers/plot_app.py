"""The plot widget over stored histories: `plot_app.py DATABASE`. `p` reads and plots eight runs, `n` adds a point."""

from __future__ import annotations

import sys
from array import array
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from mantik_tui.screens.run_plots import series_of
from mantik_tui.store.connect import Store
from mantik_tui.store.reads.history import points
from mantik_tui.widgets.line_plot import LinePlot

RUNS = 8


class PlotApp(App[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "plot", priority=True),
        Binding("n", "point", priority=True),
        Binding("c", "clear", priority=True),
    ]

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.store = Store(path)
        self.step = 0

    def compose(self) -> ComposeResult:
        yield LinePlot(empty_text="nothing yet")

    def action_clear(self) -> None:
        self.query_one(LinePlot).set_series([])

    def action_plot(self) -> None:
        found = [
            (f"run {run}", points(self.store.connection, run, "rmse")) for run in range(1, RUNS + 1)
        ]
        self.step = found[0][1].steps[-1]
        self.query_one(LinePlot).set_series(series_of(found))

    def action_point(self) -> None:
        self.step += 1
        plot = self.query_one(LinePlot)
        last = plot.series[0].values[-1]
        plot.append(
            0, array("d", [self.step]), array("d", [last * 0.9]), array("d", [self.step * 1e3])
        )


if __name__ == "__main__":
    PlotApp(Path(sys.argv[1])).run()
