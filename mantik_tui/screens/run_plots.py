"""The plots over a run's tabs: which metrics, in which groups, and their points."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence

from textual.containers import Horizontal

from mantik_tui.domain.run import Run
from mantik_tui.widgets.line_plot import LinePlot
from mantik_tui.widgets.plot_data import Series
from mantik_tui.workspace.reads import history

MOST_METRICS = 4
_PART = re.compile(
    r"^(train|training|val|valid|validation|test|eval)[_/.-]|[_/.-](train|val|valid|test)$"
)

ReadPoints = Callable[[str], history.Points]


def family(key: str) -> str:
    """The metric without the part of the data that it is about: `rmse` for `val_rmse` and `train/rmse`."""
    return _PART.sub("", key.lower())


def plot_groups(keys: Sequence[str]) -> list[list[str]]:
    """Metrics that share a plot, since they measure the same: `loss` and `val_loss`, but not `rmse` and `lr`."""
    groups: dict[str, list[str]] = {}
    for key in keys[:MOST_METRICS]:
        groups.setdefault(family(key), []).append(key)
    return list(groups.values())


def default_metrics(run: Run, best_metric: str) -> list[str]:
    """What is plotted before anybody has chosen: the metric that ranks the project's runs and its kin, else a loss."""
    names = sorted(key for key in run.metrics if not key.startswith("system/"))
    if not names:
        return []
    kin = [key for key in names if best_metric and family(key) == family(best_metric)]
    losses = [key for key in names if "loss" in key.lower() and key not in kin]
    chosen = [*kin, *losses]
    if not chosen:
        courses = [key for key in names if run.metrics[key].step > 0]
        chosen = courses or names
        chosen = chosen[:2]
    return chosen[:MOST_METRICS]


def series_of(found: Sequence[tuple[str, history.Points]]) -> list[Series]:
    """Stored histories as lines to draw. Lines over the same steps, as runs of one program are, cost one conversion."""
    made: list[Series] = []
    same, steps = array("q"), array("d")
    for label, points in found:
        if points.steps != same:
            same, steps = points.steps, array("d", points.steps)
        made.append(Series(label, steps[:], points.values, points.times_ms))
    return made


class RunPlots(Horizontal):
    """One plot for each group of metrics, beside each other. `show` adds only the points that are new."""

    DEFAULT_CSS = "RunPlots LinePlot { width: 1fr; height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: list[str] = []
        self._counts: dict[str, int] = {}
        self._log_axis = False
        self._plots: list[LinePlot] = []

    @property
    def keys(self) -> list[str]:
        """The metrics that are plotted."""
        return list(self._keys)

    @property
    def plots(self) -> list[LinePlot]:
        return list(self._plots)

    def choose(self, keys: Sequence[str], empty_text: str) -> None:
        """Plot these metrics; `show` fills them."""
        if list(keys) == self._keys and self._plots:
            for plot in self._plots:
                plot.empty_text = empty_text
            return
        self._keys = list(keys)
        self._counts = {}
        groups = plot_groups(keys)
        for plot in self._plots:
            plot.remove()
        self._plots = []
        for group in groups or [[]]:
            plot = LinePlot([Series(key) for key in group], empty_text=empty_text)
            plot.model.log = self._log_axis
            self._plots.append(plot)
        if self.is_attached:
            self.mount(*self._plots)

    def on_mount(self) -> None:
        if self._plots:
            self.mount(*self._plots)

    def show(self, read: ReadPoints) -> None:
        """Draw what is stored now: new points are appended, a history that was replaced is drawn anew."""
        for plot, group in zip(self._plots, plot_groups(self._keys), strict=False):
            found = [read(key) for key in group]
            counts = [len(points.values) for points in found]
            before = [self._counts.get(key, 0) for key in group]
            if counts == before:
                continue
            if any(new < old for new, old in zip(counts, before, strict=True)) or not sum(before):
                plot.set_series(series_of(list(zip(group, found, strict=True))))
            else:
                for index, (points, old) in enumerate(zip(found, before, strict=True)):
                    plot.append(
                        index,
                        array("d", points.steps[old:]),
                        array("d", points.values[old:]),
                        points.times_ms[old:],
                    )
            self._counts.update(zip(group, counts, strict=True))

    def toggle_log_axis(self) -> bool:
        """Switch all plots between linear and logarithmic; returns whether they are logarithmic now."""
        self._log_axis = not self._log_axis
        for plot in self._plots:
            if plot.model.log != self._log_axis:
                plot.action_log_axis()
        return self._log_axis
