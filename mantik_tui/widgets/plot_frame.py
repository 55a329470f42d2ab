"""A plot as rows of text: lines in braille, axes, legend. Pure; colours come later, by role."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size

from mantik_tui.domain.text import clean, duration, number
from mantik_tui.widgets.plot_canvas import Canvas, Dot
from mantik_tui.widgets.plot_data import (
    XAxis,
    fraction,
    log_ticks,
    tick_label,
    ticks,
    time_ticks,
)
from mantik_tui.widgets.plot_model import PlotModel, Window, y_range

BLANK: Final = -1
AXIS: Final = -2
LABEL: Final = -3
CURSOR: Final = -4
NOTE: Final = -5

Run = tuple[str, int]
"""Text and its role: the number of a line, or one of the constants above."""
Row = list[Run]

Point = tuple[float, float]

MARKS: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class _Area:
    """Where the parts of a plot lie, in cells."""

    width: int
    height: int
    margin: int
    """Columns left of the canvas: labels and the axis."""
    legend: int
    footer: int

    @property
    def columns(self) -> int:
        return max(0, self.width - self.margin)

    @property
    def rows(self) -> int:
        return max(0, self.height - self.legend - self.footer)


def frame(model: PlotModel, width: int, height: int, empty_text: str) -> list[Row]:
    """`height` rows of `width` cells."""
    if width < 1 or height < 1:
        return []
    window = model.window()
    if window is None:
        return _words(empty_text, width, height)
    legend = _legend(model, width, 0 if height < 4 else max(1, min(3, height // 5)))
    footer = 2 if height >= 6 and width >= 12 else 0
    room = height - len(legend) - footer
    # Thinned for the full width: the few columns that the labels take do no harm, and more data need not be thinned anew
    # because a label became longer.
    lines, limits = _measure(model, window, width)
    if limits is None:
        return [*legend, *_words(_why_nothing(model), width, height - len(legend))]
    marks = _y_ticks(limits, room, log=model.log) if width >= 24 and room >= 3 else {}
    margin = max((len(text) for text in marks.values()), default=-1) + 1
    area = _Area(width, height, min(margin, width // 2), len(legend), footer)
    canvas = Canvas(area.columns, area.rows)
    _draw(canvas, lines, window, limits)
    return [*legend, *_body(model, canvas, area, marks, window), *_footer(model, area, window)]


def _measure(
    model: PlotModel, window: Window, columns: int
) -> tuple[list[list[list[Point]]], Window | None]:
    """The points to draw of each line, as runs of (x, y) with y on the scale of the axis, and the range of y."""
    lines = []
    seen: list[float] = []
    for track in model.tracks:
        runs = []
        for run in track.points(window, 2 * max(1, columns), log=model.log):
            points = [(track.xs[at], _scaled(track.ys[at], model.log)) for at in run]
            seen += [y for x, y in points if window[0] <= x <= window[1]]
            runs.append(points)
        lines.append(runs)
    return lines, y_range(seen)


def _scaled(value: float, log: bool) -> float:
    return math.log10(value) if log and value < math.inf else value


def _draw(canvas: Canvas, lines: list[list[list[Point]]], window: Window, limits: Window) -> None:
    across, down = 2 * canvas.width - 1, 4 * canvas.height - 1
    low, high = window
    for owner, runs in enumerate(lines):
        for run in runs:
            dots: list[Dot] = []
            for x, y in run:
                place = (x - low) / (high - low) * across
                dots.append(
                    (
                        round(max(-1e6, min(place, 1e6))),
                        down - round(fraction(y, *limits) * down),
                    )
                )
            canvas.line(_inside(dots, across), owner)


def _inside(dots: list[Dot], across: int) -> list[Dot]:
    """The dots, with those outside the window moved along their line to its edge."""
    if len(dots) < 2:
        return dots
    found = list(dots)
    for end, beside in ((0, 1), (-1, -2)):
        x, y = found[end]
        edge = min(max(x, 0), across)
        if edge != x and (near := found[beside])[0] != x:
            share = (edge - x) / (near[0] - x)
            found[end] = (edge, y + round((near[1] - y) * share))
    return found


# -- axes -------------------------------------------------------------------------------------------


def _y_ticks(limits: Window, rows: int, *, log: bool) -> dict[int, str]:
    """Label of each row of the canvas that has one."""
    low, high = limits
    most = max(2, rows // 3)
    if log:
        values = log_ticks(10.0**low, min(1.7e308, 10.0 ** min(high, 308.2)), most)
        places = [(math.log10(value), value) for value in values]
    else:
        places = [(value, value) for value in ticks(low, high, most)]
    marks: dict[int, str] = {}
    for place, value in places:
        marks.setdefault(
            (rows - 1) - round(fraction(place, low, high) * (rows - 1)), tick_label(value)
        )
    return marks


def _x_ticks(model: PlotModel, window: Window, columns: int) -> list[tuple[float, str]]:
    low, high = window
    most = max(2, columns // 12)
    if model.axis is XAxis.STEP:
        extent = model.extent()
        if extent is not None and extent[0] == extent[1]:
            return [(extent[0], tick_label(extent[0]))]
        found = ticks(low, high, most)
        whole = [value for value in found if abs(value - round(value)) < 1e-9]
        return [(value, tick_label(value)) for value in whole or found]
    if model.axis is XAxis.RELATIVE:
        return [(value, duration(int(value))) for value in time_ticks(low, high, most)]
    offset = 1000.0 * (time.localtime(high / 1000).tm_gmtoff or 0)
    span = high - low
    form = "%H:%M:%S" if span < 600_000 else "%H:%M" if span < 172_800_000 else "%d %b"
    moments = time_ticks(low, high, most, offset)
    return [(value, time.strftime(form, time.localtime(value / 1000))) for value in moments]


def _body(
    model: PlotModel, canvas: Canvas, area: _Area, marks: dict[int, str], window: Window
) -> list[Row]:
    cursor = _cursor_column(model, canvas.width, window)
    letters = _letters(model, canvas)
    rows: list[Row] = []
    for y in range(canvas.height):
        row: Row = []
        if area.margin:
            label = marks.get(y, "")
            row.append((label.rjust(area.margin - 1)[: area.margin - 1], LABEL))
            row.append(("┤" if label else "│", AXIS))
        for x, (char, owner) in enumerate(canvas.row(y)):
            if (x, y) in letters:
                char = MARKS[letters[x, y] % len(MARKS)]
                owner = letters[x, y]
            elif x == cursor and owner < 0:
                char, owner = "│", CURSOR
            _join(row, char, owner)
        rows.append(row)
    return rows


def _join(row: Row, char: str, role: int) -> None:
    if row and row[-1][1] == role:
        row[-1] = (row[-1][0] + char, role)
    else:
        row.append((char, role))


def _letters(model: PlotModel, canvas: Canvas) -> dict[tuple[int, int], int]:
    """Cells in which a line shows its letter: twice for each of several lines, at different places."""
    count = len(model.series)
    if count < 2 or canvas.width < 4 * count:
        return {}
    found: dict[tuple[int, int], int] = {}
    for owner in range(count):
        for half in (0.0, 0.5):
            start = int(canvas.width * (half + (owner + 0.5) / count / 2))
            for x in range(start, min(start + canvas.width // count, canvas.width)):
                y = canvas.topmost(x, owner)
                if y is not None:
                    found[x, y] = owner
                    break
    return found


def _cursor_column(model: PlotModel, columns: int, window: Window) -> int:
    if model.cursor is None or columns < 1:
        return -1
    low, high = window
    if not low <= model.cursor <= high:
        return -1
    return round((model.cursor - low) / (high - low) * (2 * columns - 1)) // 2


def _footer(model: PlotModel, area: _Area, window: Window) -> list[Row]:
    if not area.footer:
        return []
    found = _x_ticks(model, window, area.columns)
    low, high = window
    line = ["─"] * area.columns
    labels = [" "] * area.width
    name = f" {model.axis.value}"
    free = area.width - len(name)
    taken = -1
    for value, text in found:
        at = round((value - low) / (high - low) * (2 * area.columns - 1)) // 2
        if not 0 <= at < area.columns:
            continue
        line[at] = "┬"
        begin = max(0, min(area.margin + at - len(text) // 2, free - len(text)))
        if begin > taken:
            labels[begin : begin + len(text)] = text
            taken = begin + len(text)
    labels[free:] = name
    corner: Row = [(" " * (area.margin - 1), BLANK), ("└", AXIS)] if area.margin else []
    text = "".join(labels)[: area.width].ljust(area.width)
    return [[*corner, ("".join(line), AXIS)], [(text, LABEL)]]


# -- words ------------------------------------------------------------------------------------------


def x_words(model: PlotModel, x: float) -> str:
    """A place on the x axis, in full: `step 1,204`, `0:43 after the start`, `14:03:22`."""
    if model.axis is XAxis.STEP:
        return f"step {int(x):,}" if x == int(x) else f"step {x:g}"
    if model.axis is XAxis.RELATIVE:
        return f"{duration(int(x))} after the start"
    return time.strftime("%d %b %H:%M:%S", time.localtime(x / 1000))


def _legend(model: PlotModel, width: int, most: int) -> list[Row]:
    """One to `most` rows: each line with its letter and its value at the cursor or at the end; notes on the right."""
    if most < 1:
        return []
    notes = " · ".join(model.notes())
    if model.zoomed is not None:
        notes = f"{notes} · zoomed" if notes else "zoomed"
    items = [_item(model, index) for index in range(len(model.series))]
    if model.cursor is not None:
        items.insert(0, [(x_words(model, model.cursor), NOTE)])
    rows: list[Row] = [[]]
    used = 0
    for place, item in enumerate(items):
        size = sum(cell_len(text) for text, _ in item) + 2
        room = width - (cell_len(notes) + 1 if len(rows) == 1 and notes else 0)
        if used and used + size > room:
            if len(rows) == most:
                rows[-1].append((f"+{len(items) - place}", NOTE))
                break
            rows.append([])
            used = 0
        rows[-1] += [*item, ("  ", BLANK)]
        used += size
    return [_fit(rows[0], notes, width), *(_fit(row, "", width) for row in rows[1:])]


def _item(model: PlotModel, index: int) -> Row:
    label = clean(model.series[index].label, keep_newlines=False)
    if cell_len(label) > 32:
        label = set_cell_size(label, 31) + "…"
    value: float | None = None
    if model.cursor is not None:
        value = model.values_at(model.cursor, 60)[index]
    elif ys := model.tracks[index].ys:
        value = ys[-1]
    head: Row = [(f"{MARKS[index % len(MARKS)]} ", index)] if len(model.series) > 1 else []
    return [*head, (label, index), (f" {number(value)}", LABEL)]


def _fit(row: Row, right: str, width: int) -> Row:
    """A row of exactly `width` cells; `right` stands at its right edge, the rest is cut to leave it room."""
    right = set_cell_size(right, min(cell_len(right), width))
    room = width - cell_len(right)
    found: Row = []
    for text, role in row:
        size = min(cell_len(text), room)
        if size > 0:
            found.append((set_cell_size(text, size), role))
            room -= size
    return [*found, (" " * room, BLANK), (right, NOTE)]


def _words(text: str, width: int, height: int) -> list[Row]:
    rows: list[Row] = [[(" " * width, BLANK)] for _ in range(height)]
    if rows:
        rows[height // 2] = [(set_cell_size(text.center(width), width), NOTE)]
    return rows


def _why_nothing(model: PlotModel) -> str:
    tracks = model.tracks
    nans = sum(len(track.nans) for track in tracks)
    if nans == model.count:
        return f"all {nans:,} values are NaN" if nans > 1 else "the only value is NaN"
    if model.log and all(len(track.not_positive) == len(track.ys) for track in tracks):
        return "no value above 0 for a log axis"
    return "no finite value here"
