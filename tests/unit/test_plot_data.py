"""Thinning keeps what matters, axes are readable, colours can be told apart."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from mantik_tui.widgets.plot_canvas import Canvas
from mantik_tui.widgets.plot_colors import (
    LEAST_CONTRAST,
    LEAST_DISTANCE,
    TOKENS,
    contrast,
    distance,
    distinct_colors,
)
from mantik_tui.widgets.plot_data import (
    INFINITE,
    Series,
    Track,
    XAxis,
    fraction,
    log_ticks,
    sparkline,
    thin,
    tick_label,
    ticks,
    time_ticks,
    widened,
)
from mantik_tui.widgets.plot_frame import frame
from mantik_tui.widgets.plot_model import PlotModel

_VALUES = st.floats(width=32, allow_nan=True, allow_infinity=True)
_PLACES = st.floats(-1000, 1000, width=32)
_POINTS = st.lists(st.tuples(_PLACES, _VALUES), max_size=120)


def _column(x: float, low: float, high: float, columns: int) -> int:
    width = (high - low) / columns
    edges = [low + (k + 1) * width for k in range(columns - 1)]
    return sum(x >= edge for edge in edges)


@given(points=_POINTS, columns=st.integers(1, 30))
def test_each_column_keeps_its_smallest_and_largest_value_and_no_more(
    points: list[tuple[float, float]], columns: int
) -> None:
    points.sort(key=lambda point: point[0])
    xs, ys = [x for x, _ in points], array("d", (y for _, y in points))
    skipped = [at for at, y in enumerate(ys) if y != y]
    low, high = widened(xs[0], xs[-1]) if xs else (0.0, 1.0)
    kept = thin(xs, ys, skipped, (low, high), columns)
    assert len(kept) == columns
    flat = [at for column in kept for at in column]
    assert flat == sorted(flat), "the order of the points is kept"
    for number, column in enumerate(kept):
        inside = [y for x, y in points if _column(x, low, high, columns) == number and y == y]
        assert len(column) <= 2
        assert sorted({ys[at] for at in column}) == (
            sorted({min(inside), max(inside)}) if inside else []
        )


@given(points=_POINTS, cut=st.integers(0, 120), columns=st.integers(1, 30), log=st.booleans())
def test_points_added_later_are_thinned_like_those_given_at_once(
    points: list[tuple[float, float]], cut: int, columns: int, log: bool
) -> None:
    window = (-1000.0, 1000.0)
    whole = Track((x for x, _ in points), (y for _, y in points))
    grown = Track((x for x, _ in points[:cut]), (y for _, y in points[:cut]))
    grown.points(window, columns, log=log)
    grown.add([x for x, _ in points[cut:]], [y for _, y in points[cut:]])
    assert grown.xs == whole.xs
    assert grown.infinite == whole.infinite and len(grown.nans) == len(whole.nans)
    assert grown.points(window, columns, log=log) == whole.points(window, columns, log=log)


@given(points=_POINTS, columns=st.integers(1, 20), log=st.booleans())
def test_lines_break_where_a_value_is_not_a_number(
    points: list[tuple[float, float]], columns: int, log: bool
) -> None:
    track = Track((x for x, _ in points), (y for _, y in points))
    runs = track.points((-500.0, 500.0), columns, log=log)
    drawable = [y > 0 if log else y == y for y in track.ys]
    for run in runs:
        assert run and all(drawable[at] for at in run)
        assert all(drawable[run[0] : run[-1] + 1]), "no gap within a run"
        assert all(a < b for a, b in pairwise(run))
    for left, right in pairwise(runs):
        assert not all(drawable[left[-1] : right[0] + 1])
    assert sum(map(len, runs)) <= 2 * columns + 4


def test_a_spike_among_a_hundred_thousand_points_is_kept() -> None:
    ys = array("d", [0.1]) * 100_000
    ys[54_321] = 9.0
    ys[54_322] = -9.0
    track = Track(range(100_000), ys)
    (run,) = track.points((0.0, 99_999.0), 220, log=False)
    assert {54_321, 54_322} <= set(run)
    assert len(run) <= 2 * 220 + 4


def test_the_points_just_outside_a_zoomed_window_are_kept_for_the_line_to_the_edge() -> None:
    track = Track(range(10), range(10))
    assert track.points((2.5, 5.5), 10, log=False) == [[2, 3, 4, 5, 6]]


def test_only_new_columns_are_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from mantik_tui.widgets import plot_data

    track = Track(range(1000), range(1000))
    track.points((0.0, 2000.0), 200, log=False)
    starts: list[int] = []

    def counted(*args: object) -> list[tuple[int, ...]]:
        starts.append(int(str(args[5])))
        return thin(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(plot_data, "thin", counted)
    track.add([1000.0], [5.0])
    track.points((0.0, 2000.0), 200, log=False)
    assert starts == [99]


def test_the_largest_double_stands_for_infinity() -> None:
    track = Track([0, 1, 2], [1.797e308, -1.7976931348623157e308, 1.0])
    assert list(track.ys) == [math.inf, -math.inf, 1.0]
    assert track.infinite == 2


# -- axes -------------------------------------------------------------------------------------------


@given(low=st.floats(-1e300, 1e300), span=st.floats(1e-280, 1e300), most=st.integers(0, 12))
def test_ticks_are_few_and_within_the_range(low: float, span: float, most: int) -> None:
    low, high = widened(low, low + span)
    found = ticks(low, high, most)
    assert len(found) <= most + 1
    slack = (high - low) * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in found)
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 99_999, 6, [0, 20_000, 40_000, 60_000, 80_000]),
        (-3, 3, 4, [-2, 0, 2]),
    ],
)
def test_ticks_are_round(low: float, high: float, most: int, expected: list[float]) -> None:
    assert ticks(low, high, most) == pytest.approx(expected)


def test_log_ticks_are_round_too() -> None:
    assert log_ticks(0.04, 0.9, 5) == pytest.approx([0.05, 0.1, 0.2, 0.5])
    assert log_ticks(1e-8, 1e3, 4) == pytest.approx([1e-8, 1e-5, 1e-2, 10])
    assert log_ticks(0.121, 0.129, 3)


def test_time_ticks_fall_on_whole_minutes_and_days() -> None:
    assert time_ticks(0, 3_600_000, 4) == [0, 900_000, 1_800_000, 2_700_000, 3_600_000]
    day = 86_400_000
    assert time_ticks(0.5 * day, 4.5 * day, 4, offset=3_600_000)[0] == day - 3_600_000


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.05, "0.05"), (20_000, "20k"), (1.5e6, "1.5M"), (1e-5, "1e-5"), (1e20, "1e20")],
)
def test_tick_labels_are_short(value: float, text: str) -> None:
    assert tick_label(value) == text


@given(value=st.floats(allow_nan=False), low=st.floats(-1e308, 1e308), span=st.floats(0, 1e308))
def test_fractions_stay_between_nought_and_one(value: float, low: float, span: float) -> None:
    low, high = widened(low, min(low + span, INFINITE))
    assert low < high
    assert 0 <= fraction(value, low, high) <= 1


@given(values=st.lists(_VALUES, max_size=200), width=st.integers(0, 40))
def test_a_sparkline_is_never_wider_than_asked(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) == min(width, len(values))


def test_sparklines() -> None:
    assert sparkline([8, 7, 6, 5, 4, 3, 2, 1], 8) == "█▇▆▅▄▃▂▁"
    assert sparkline([1, 1, 1], 8) == "▄▄▄"
    assert sparkline([], 8) == ""
    assert sparkline([1, math.nan, math.inf, 0], 4) == "█x█▁"
    assert "█" in sparkline([0.0] * 500 + [1.0] + [0.0] * 500, 10), "a spike stays"


# -- canvas and colours -----------------------------------------------------------------------------


@given(
    points=st.lists(st.tuples(st.integers(-50, 90), st.integers(-50, 90)), max_size=12),
    width=st.integers(0, 20),
    height=st.integers(0, 10),
)
def test_lines_never_leave_the_canvas(
    points: list[tuple[int, int]], width: int, height: int
) -> None:
    canvas = Canvas(width, height)
    canvas.line(sorted(points), 3)
    rows = [list(canvas.row(y)) for y in range(height)]
    assert all(len(row) == width for row in rows)
    assert all(owner == 3 for row in rows for char, owner in row if char != " ")


def test_a_line_is_connected() -> None:
    canvas = Canvas(10, 5)
    canvas.line([(0, 0), (19, 19)], 0)
    dots = {
        (2 * x + dx, 4 * y + dy)
        for y in range(5)
        for x, (char, _) in enumerate(canvas.row(y))
        for dx, bits in ((0, (1, 2, 4, 64)), (1, (8, 16, 32, 128)))
        for dy, bit in enumerate(bits)
        if char != " " and (ord(char) - 0x2800) & bit
    }
    assert {x for x, _ in dots} == set(range(20))
    assert {y for _, y in dots} == set(range(20))


def test_lines_that_meet_share_the_cells() -> None:
    canvas = Canvas(8, 1)
    for owner in (0, 1):
        canvas.line([(0, 1), (15, 1)], owner)
    assert [owner for _, owner in canvas.row(0)] == [0, 1] * 4


@pytest.mark.parametrize("name", sorted(BUILTIN_THEMES))
@pytest.mark.parametrize("count", [1, 2, 8, 12])
def test_line_colours_differ_and_stand_out_in_every_theme(name: str, count: int) -> None:
    theme = BUILTIN_THEMES[name].to_color_system().generate()
    wanted = [Color.parse(theme[token]) for token in TOKENS]
    background = Color.parse(theme["background"])
    colors = distinct_colors(wanted, background, count)
    assert len(colors) == count
    if background.ansi is None and all(color.ansi is None for color in colors):
        least = LEAST_DISTANCE if count <= 8 else LEAST_DISTANCE / 2
        pairs = [(a, b) for k, a in enumerate(colors) for b in colors[:k]]
        assert all(distance(a, b) >= least for a, b in pairs)
        assert all(contrast(color, background) >= LEAST_CONTRAST for color in colors)
    else:
        assert len({color.ansi for color in colors}) == min(count, 8)


# -- the whole frame --------------------------------------------------------------------------------


@given(
    series=st.lists(_POINTS, max_size=4),
    width=st.integers(0, 60),
    height=st.integers(0, 20),
    log=st.booleans(),
    axis=st.sampled_from(XAxis),
    keys=st.lists(st.sampled_from("+-0<>"), max_size=6),
)
def test_any_data_at_any_size_gives_a_frame_of_that_size(
    series: list[list[tuple[float, float]]],
    width: int,
    height: int,
    log: bool,
    axis: XAxis,
    keys: list[str],
) -> None:
    model = PlotModel(
        [
            Series(
                f"run {k}",
                array("d", (x for x, _ in points)),
                array("d", (y for _, y in points)),
                array("d", (1.7e12 + 1000 * x for x, _ in points)),
            )
            for k, points in enumerate(series)
        ]
    )
    if axis in model.axes:
        model.axis = axis
    model.log = log
    for key in keys:
        if key in "+-":
            model.zoom(2 if key == "+" else 0.5)
        elif key == "0":
            model.reset()
        else:
            model.move_cursor(1 if key == ">" else -1, width)
    rows = frame(model, width, height, "no points yet")
    assert len(rows) == (height if width else 0)
    assert all(sum(len(text) for text, _ in row) == width for row in rows)


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 0.0, 1e-300, -7.0])
def test_extreme_constants_are_drawn(value: float) -> None:
    model = PlotModel([Series("x", array("d", [1, 2]), array("d", [value, value]))])
    text = "\n".join("".join(part for part, _ in row) for row in frame(model, 60, 12, ""))
    assert any("⠀" < char <= "⣿" for char in text)
    model = PlotModel([Series("x", array("d", [1, 2]), array("d", [-value, value]))])
    assert len(frame(model, 60, 12, "")) == 12
