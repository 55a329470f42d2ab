"""Metric histories made small enough to draw. Pure functions and arrays, nothing seen here.

A plot that is 200 columns wide can't show 100,000 points, but it must show every spike: of all points that fall into one
column the smallest and the largest are kept, and the line between them is what the whole data would have drawn.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Final

INFINITE: Final = 1.797e308
"""From here on a value stands for infinity: MLflow stores the largest double for it."""
_BLOCKS: Final = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot. All arrays have the same length and type code "d"; `times` may have "q".

    `times` are milliseconds since 1970; without them only the x axis by step is there.
    """

    label: str
    steps: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    times: array[float] | array[int] | None = None


class XAxis(StrEnum):
    STEP = "step"
    RELATIVE = "time since start"
    WALL = "time"


def thin(
    xs: Sequence[float],
    ys: array[float],
    skipped: Sequence[int],
    window: tuple[float, float],
    columns: int,
    start: int = 0,
) -> list[tuple[int, ...]]:
    """For each column of the x window from column `start` on, the indices of its points to draw: at most two.

    `xs` ascend; `skipped` are the ascending indices of points that can't be drawn. Kept are the first smallest and the
    first largest value, in the order of `xs`. Columns without points give an empty tuple.
    """
    low, high = window
    width = (high - low) / columns
    begin = bisect_left(xs, low + start * width)
    end = bisect_right(xs, high)
    kept: list[tuple[int, ...]] = []
    for column in range(start, columns):
        edge = low + (column + 1) * width
        stop = end if column == columns - 1 else bisect_left(xs, edge, begin, end)
        kept.append(_extremes(ys, skipped, begin, stop))
        begin = stop
    return kept


def _extremes(ys: array[float], skipped: Sequence[int], begin: int, stop: int) -> tuple[int, ...]:
    if begin >= stop:
        return ()
    first, last = bisect_left(skipped, begin), bisect_left(skipped, stop)
    if first == last:
        part = ys[begin:stop]
        low, high = part.index(min(part)), part.index(max(part))
        return _ordered(begin + low, begin + high)
    if 8 * (last - first) > stop - begin:
        out = set(skipped[first:last])
        places = [at for at in range(begin, stop) if at not in out]
    else:  # mostly whole: the extremes of the pieces between the gaps
        edges = [begin - 1, *skipped[first:last], stop]
        places = []
        for before, after in pairwise(edges):
            if part := ys[before + 1 : after]:
                places += [before + 1 + part.index(min(part)), before + 1 + part.index(max(part))]
    if not places:
        return ()
    return _ordered(min(places, key=ys.__getitem__), max(places, key=ys.__getitem__))


def _ordered(a: int, b: int) -> tuple[int, ...]:
    return (a,) if a == b else (min(a, b), max(a, b))


class Track:
    """One series ordered along one x axis, thinned again only where it grew."""

    def __init__(self, xs: Iterable[float] = (), ys: Iterable[float] = ()) -> None:
        self.xs = array("d")
        self.ys = array("d")
        self.nans = array("q")
        """Indices of values that are not numbers."""
        self.infinite = 0
        self._not_positive: array[int] | None = None
        self._key: object = None
        self._columns: list[tuple[int, ...]] = []
        self._thinned = 0
        self.add(xs, ys)

    def add(self, xs: Iterable[float], ys: Iterable[float]) -> None:
        """Take in more points. Points that lie before others are put in their place."""
        old = len(self.ys)
        self.xs.extend(xs)
        self.ys.extend(ys)
        if len(self.xs) != len(self.ys):
            raise ValueError(f"{len(self.xs)} places for {len(self.ys)} values")
        fresh = self.xs[max(0, old - 1) :].tolist()
        if not math.isfinite(sum(fresh)) or sorted(fresh) != fresh:
            self._sort()
            old = 0
        self._look(old)

    def _sort(self) -> None:
        order = [at for at in range(len(self.xs)) if math.isfinite(self.xs[at])]
        order.sort(key=self.xs.__getitem__)
        self.xs = array("d", (self.xs[at] for at in order))
        self.ys = array("d", (self.ys[at] for at in order))
        self._key = None

    def _look(self, old: int) -> None:
        """Note which points from `old` on are not numbers or infinite."""
        if old == 0:
            self.nans = array("q")
            self.infinite = 0
        part = self.ys[old:]
        if not math.isfinite(sum(part)) or (
            part and (max(part) >= INFINITE or min(part) <= -INFINITE)
        ):
            for at, value in enumerate(part, old):
                if value != value:
                    self.nans.append(at)
                elif abs(value) >= INFINITE:
                    self.infinite += 1
                    self.ys[at] = math.inf if value > 0 else -math.inf
        self._not_positive = None

    @property
    def not_positive(self) -> array[int]:
        """Indices of values that a log axis can't show, those that are no numbers among them."""
        if self._not_positive is None:
            self._not_positive = array("q")
            if self.nans or (self.ys and min(self.ys) <= 0):
                found = [at for at, value in enumerate(self.ys) if not value > 0]
                self._not_positive.extend(found)
        return self._not_positive

    def points(self, window: tuple[float, float], columns: int, *, log: bool) -> list[list[int]]:
        """Runs of indices to draw as connected lines: at most two a column, and the neighbours outside the window."""
        skipped = self.not_positive if log else self.nans
        key = (window, columns, log)
        if key != self._key:
            self._columns = thin(self.xs, self.ys, skipped, window, columns)
        elif self._thinned < len(self.xs):
            low, high = window
            at = int((self.xs[self._thinned] - low) / (high - low) * columns) - 1
            start = max(0, min(at, columns))
            self._columns[start:] = thin(self.xs, self.ys, skipped, window, columns, start)
        self._key = key
        self._thinned = len(self.xs)
        return _runs(self._with_ends(window, skipped), skipped)

    def _with_ends(self, window: tuple[float, float], skipped: Sequence[int]) -> list[int]:
        begin, end = bisect_left(self.xs, window[0]), bisect_right(self.xs, window[1])
        kept = [at for column in self._columns for at in column]
        ends = {at for at in (begin - 1, begin, end - 1, end) if 0 <= at < len(self.xs)}
        usable = {at for at in ends if not _holds(skipped, at)}
        return sorted(usable.union(kept))

    def near(self, x: float) -> int | None:
        """Index of the point closest to `x`; None without points."""
        at = bisect_left(self.xs, x)
        places = [place for place in (at - 1, at) if 0 <= place < len(self.xs)]
        return min(places, key=lambda place: abs(self.xs[place] - x)) if places else None


def _holds(ascending: Sequence[int], value: int) -> bool:
    at = bisect_left(ascending, value)
    return at < len(ascending) and ascending[at] == value


def _runs(kept: list[int], skipped: Sequence[int]) -> list[list[int]]:
    """Cut the line wherever a point that can't be drawn lies between two that can."""
    if not skipped:
        return [kept] if kept else []
    runs: list[list[int]] = []
    gap = -1
    for at in kept:
        here = bisect_left(skipped, at)
        if here != gap or not runs:
            runs.append([])
            gap = here
        runs[-1].append(at)
    return runs


# -- ranges and ticks -------------------------------------------------------------------------------


def widened(low: float, high: float) -> tuple[float, float]:
    """The range, or a little around it where it is but one value."""
    if high - low > abs(high) * 1e-12 and high / 2 - low / 2 > 1e-300:
        return low, high
    pad = abs(high) * 0.05 or 0.5
    return max(-INFINITE, low - pad), min(INFINITE, high + pad)


def fraction(value: float, low: float, high: float) -> float:
    """Place of `value` in the range, 0 to 1, clipped; safe for the largest numbers."""
    if value <= low:
        return 0.0
    if value >= high:
        return 1.0
    return (value / 2 - low / 2) / (high / 2 - low / 2)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Up to `most` round numbers (1, 2 or 5 times a power of ten) within the range."""
    span = high - low
    if most < 1 or not math.isfinite(span) or span <= 0:
        return [low] if most >= 1 else []
    step = _round_step(span / most)
    while span / step > most and math.isfinite(step * 2):
        step = _round_step(step * 1.01)
    first = math.ceil(low / step - 1e-9)
    count = int(math.floor(high / step + 1e-9) - first) + 1
    return [(first + k) * step for k in range(min(count, most + 1))]


def _round_step(raw: float) -> float:
    if raw <= 1e-300:
        return 1e-300
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1, 2, 5, 10):
        if factor * power >= raw * (1 - 1e-9):
            return factor * power
    return 10 * power


_SECONDS: Final = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
)


def time_ticks(low: float, high: float, most: int, offset: float = 0.0) -> list[float]:
    """Up to `most` round moments of a range in milliseconds: whole seconds, minutes, hours, days.

    `offset` is what is added to get to local time, so that days begin at midnight.
    """
    if most < 1:
        return []
    least = (high - low) / most
    days = _round_step(max(1.0, least / 86_400_000)) * 86_400_000
    step = next((1000.0 * s for s in _SECONDS if 1000 * s >= least), days)
    first = math.ceil((low + offset) / step)
    found: list[float] = []
    while (at := first * step - offset) <= high and len(found) <= most:
        found.append(at)
        first += 1
    return found


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Up to `most` round numbers of a positive range, powers of ten the first among them."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = [power for power in range(first, last + 1) if -308 < power < 309]
    for factors in ((1, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1,)):
        found = [factor * 10.0**power for power in powers for factor in factors]
        found = [tick for tick in found if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
        if len(found) <= most:
            break
    else:
        stride = -(-len(found) // max(1, most))
        found = found[::stride]
    return found or [tick for tick in ticks(low, high, most) if tick > 0]


def tick_label(value: float) -> str:
    """A tick in few characters: `0.05`, `20k`, `1.5M`, `1e-05`."""
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e12):
        return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.6g}{unit}"
    return f"{value:.6g}"


# -- sparkline --------------------------------------------------------------------------------------


def sparkline(values: Sequence[float], width: int) -> str:
    """`values` as at most `width` characters, for a table: `█▆▅▃▂▁▁▁`.

    Each character is the value of its part that differs most from the one before, so spikes stay. `x` is a part without
    any number; infinite values stand at the edge.
    """
    if width < 1 or not values:
        return ""
    count = min(width, len(values))
    picked: list[float] = []
    for k in range(count):
        part = values[k * len(values) // count : (k + 1) * len(values) // count]
        real = [value for value in part if value == value]
        if not real:
            picked.append(math.nan)
            continue
        before = next((value for value in reversed(picked) if math.isfinite(value)), real[-1])
        picked.append(max(real, key=lambda value: abs(value - before)))
    finite = [value for value in picked if abs(value) < INFINITE]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    return "".join(_spark(value, low, high) for value in picked)


def _spark(value: float, low: float, high: float) -> str:
    if value != value:
        return "x"
    if abs(value) >= INFINITE:
        return _BLOCKS[-1] if value > 0 else _BLOCKS[0]
    if low == high:
        return _BLOCKS[3]
    return _BLOCKS[min(7, int(fraction(value, low, high) * 8))]
