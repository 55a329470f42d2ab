"""What a plot shows: its lines, the x window, the cursor. No drawing and no widgets here."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from mantik_tui.widgets.plot_data import INFINITE, Series, Track, XAxis, widened

Window = tuple[float, float]

_SLACK = 0.08
"""Part of the window that is added when a growing line reaches its edge, so that not every point moves the axis."""
_LEAST_WINDOW = 1e-9


class PlotModel:
    """The lines of one plot and how they are looked at."""

    def __init__(self, series: Sequence[Series] = ()) -> None:
        self.axis = XAxis.STEP
        self.log = False
        self.zoomed: Window | None = None
        self.cursor: float | None = None
        """Place of the cursor on the x axis."""
        self.series: list[Series] = []
        self._tracks: dict[XAxis, list[Track]] = {}
        self._auto: Window | None = None
        self.replace(series)

    def replace(self, series: Sequence[Series]) -> None:
        """Show other lines; the window starts anew, the kind of axes stays."""
        for one in series:
            _check(one.steps, one.values, one.times)
        self.series = list(series)
        self._tracks = {}
        self._auto = self.zoomed = self.cursor = None
        if self.axis not in self.axes:
            self.axis = XAxis.STEP

    def append(
        self,
        index: int,
        steps: Sequence[float],
        values: Sequence[float],
        times: Sequence[float] | None = None,
    ) -> None:
        """Add points to one line. Raises ValueError where the lengths differ, IndexError for no such line."""
        one = self.series[index]
        _check(steps, values, times if one.times is not None else None)
        if one.times is not None and times is None:
            raise ValueError("this line has times; new points need them too")
        one.steps.extend(steps)
        one.values.extend(values)
        if one.times is not None and times is not None:
            _add_times(one.times, times)
        for axis, tracks in self._tracks.items():
            tracks[index].add(_places(one, axis, len(steps)), values)

    @property
    def axes(self) -> tuple[XAxis, ...]:
        """Kinds of x axis that all lines have."""
        timed = bool(self.series) and all(one.times is not None for one in self.series)
        return tuple(XAxis) if timed else (XAxis.STEP,)

    def next_axis(self) -> XAxis:
        axes = self.axes
        self.axis = axes[(axes.index(self.axis) + 1) % len(axes)]
        self._auto = self.zoomed = self.cursor = None
        return self.axis

    @property
    def tracks(self) -> list[Track]:
        """The lines along the x axis in use."""
        found = self._tracks.get(self.axis)
        if found is None:
            found = [
                Track(_places(one, self.axis, len(one.values)), one.values) for one in self.series
            ]
            self._tracks[self.axis] = found
        return found

    # -- the x window -----------------------------------------------------------------------------

    def extent(self) -> Window | None:
        """First and last place of all points; None without any."""
        tracks = [track for track in self.tracks if track.xs]
        if not tracks:
            return None
        return min(track.xs[0] for track in tracks), max(track.xs[-1] for track in tracks)

    def window(self) -> Window | None:
        """The part of the x axis in sight."""
        if self.zoomed is not None:
            return self.zoomed
        extent = self.extent()
        if extent is None:
            return None
        low, high = extent
        if self._auto is None:
            self._auto = widened(low, high)
        elif low < self._auto[0] or high > self._auto[1]:
            grown = high + (high - low) * _SLACK if high > self._auto[1] else self._auto[1]
            self._auto = widened(low, grown)
        return self._auto

    def set_window(self, low: float, high: float) -> None:
        """Zoom to a range of the x axis. Raises ValueError for an empty one."""
        if not low < high or not math.isfinite(high - low):
            raise ValueError(f"no range of the axis: {low} to {high}")
        self.zoomed = (low, high)

    def zoom(self, factor: float) -> None:
        """Show 1/`factor` of the window, around the cursor or the middle; all of it ends the zoom."""
        window, extent = self.window(), self.extent()
        if window is None or extent is None:
            return
        low, high = window
        at = (
            self.cursor
            if self.cursor is not None and low <= self.cursor <= high
            else (low + high) / 2
        )
        share = (at - low) / (high - low)
        width = (high - low) / factor
        full = widened(*extent)
        if width >= full[1] - full[0]:
            self.zoomed = None
        elif width > max(abs(high) * 1e-12, _LEAST_WINDOW):
            left = max(full[0], min(at - share * width, full[1] - width))
            self.zoomed = (left, left + width)

    def reset(self) -> None:
        """The whole of all lines again, without cursor."""
        self.zoomed = self.cursor = self._auto = None

    # -- the cursor -------------------------------------------------------------------------------

    def move_cursor(self, steps: int, columns: int) -> None:
        """Go to the next point that is at least a column further, or back; a zoomed window moves along."""
        window = self.window()
        if window is None or not steps:
            return
        low, high = window
        width = (high - low) / max(1, columns)
        for _ in range(abs(steps)):
            if self.cursor is None:
                self.cursor = self._last_before(math.nextafter(high, math.inf))
            else:
                found = self._beyond(self.cursor, width, forward=steps > 0)
                self.cursor = self.cursor if found is None else found
        if self.cursor is not None and self.zoomed is not None and not low <= self.cursor <= high:
            shift = self.cursor - (high if self.cursor > high else low)
            self.zoomed = (low + shift, high + shift)

    def _beyond(self, x: float, width: float, *, forward: bool) -> float | None:
        if not forward:
            return self._last_before(x - width / 2) if width else self._last_before(x)
        edge = x + width / 2
        found = []
        for track in self.tracks:
            at = bisect_right(track.xs, edge)
            if at < len(track.xs):
                found.append(track.xs[at])
        return min(found, default=None)

    def _last_before(self, x: float) -> float | None:
        found = []
        for track in self.tracks:
            at = bisect_left(track.xs, x) - 1
            if at >= 0:
                found.append(track.xs[at])
        return max(found, default=None)

    def values_at(self, x: float, columns: int) -> list[float | None]:
        """Each line's value at its point nearest to `x`; None where it has none within two columns."""
        window = self.window()
        reach = 2 * (window[1] - window[0]) / max(1, columns) if window else 0.0
        values: list[float | None] = []
        for track in self.tracks:
            at = track.near(x)
            near = at is not None and abs(track.xs[at] - x) <= reach
            values.append(track.ys[at] if at is not None and near else None)
        return values

    # -- what can't be drawn ----------------------------------------------------------------------

    def notes(self) -> list[str]:
        """What the picture hides: `12 NaN`, `3 infinite`, `2 not above 0`."""
        nans = sum(len(track.nans) for track in self.tracks)
        infinite = sum(track.infinite for track in self.tracks)
        found = [f"{nans:,} NaN"] if nans else []
        if infinite:
            found.append(f"{infinite:,} infinite")
        if self.log:
            below = sum(len(track.not_positive) - len(track.nans) for track in self.tracks)
            found += ["log axis"] + ([f"{below:,} not above 0"] if below else [])
        return found

    @property
    def count(self) -> int:
        """Points of all lines."""
        return sum(len(track.ys) for track in self.tracks)


def y_range(values: Iterable[float]) -> Window | None:
    """Smallest and largest finite value, a little apart; None without any."""
    finite = [value for value in values if abs(value) < INFINITE]
    return widened(min(finite), max(finite)) if finite else None


def _check(steps: Sequence[float], values: Sequence[float], times: Sequence[float] | None) -> None:
    if len(steps) != len(values) or (times is not None and len(times) != len(values)):
        raise ValueError("steps, values and times must be equally many")


def _places(one: Series, axis: XAxis, last: int) -> array[float]:
    """Places on the x axis of the last points of a line."""
    if axis is XAxis.STEP or one.times is None:
        return one.steps[len(one.steps) - last :]
    times = one.times[len(one.times) - last :]
    if axis is XAxis.RELATIVE and one.times:
        start = one.times[0]
        return array("d", (time - start for time in times))
    return array("d", times)


def _add_times(known: array[float] | array[int], new: Sequence[float]) -> None:
    """Times are stored as whole numbers, and turned into floats only when an axis shows them."""
    more = [int(time) for time in new] if known.typecode == "q" else [float(time) for time in new]
    known.fromlist(more)  # type: ignore[arg-type]
