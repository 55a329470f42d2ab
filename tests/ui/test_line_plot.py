"""The line plot as people use it: legend, axes, zoom, cursor, live points, tiny windows."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.strip import Strip

from mantik_tui.widgets.line_plot import LinePlot
from mantik_tui.widgets.plot_data import Series, XAxis
from mantik_tui.widgets.plot_frame import frame
from mantik_tui.widgets.plot_model import PlotModel

_STYLES = Path(__file__).parents[2] / "styles" / "line_plot.tcss"


def _line(label: str, values: list[float], *, timed: bool = False) -> Series:
    steps = array("d", range(len(values)))
    times = array("d", (1.79e12 + 60_000 * k for k in range(len(values)))) if timed else None
    return Series(label, steps, array("d", values), times)


def _falling(label: str, count: int = 200, *, timed: bool = False) -> Series:
    return _line(label, [1 / (1 + k / 10) for k in range(count)], timed=timed)


class PlotApp(App[None]):
    CSS_PATH = [_STYLES]

    def __init__(self, *series: Series) -> None:
        super().__init__()
        self.plot = LinePlot(series)
        self.inspected: list[LinePlot.Inspected] = []
        self.drawn = 0

    def compose(self) -> ComposeResult:
        yield self.plot

    def on_mount(self) -> None:
        self.plot.focus()
        render_line = self.plot.render_line

        def counted(y: int) -> Strip:
            self.drawn += 1
            return render_line(y)

        self.plot.render_line = counted  # type: ignore[method-assign]

    def on_line_plot_inspected(self, event: LinePlot.Inspected) -> None:
        self.inspected.append(event)

    def text(self) -> list[str]:
        return [self.plot.render_line(y).text.rstrip() for y in range(self.plot.size.height)]

    def braille(self) -> int:
        """Cells with dots in them."""
        return sum("⠀" < char <= "⣿" for char in "".join(self.text()))


async def test_axes_legend_and_line_at_80x24() -> None:
    app = PlotApp(_falling("rmse"))
    async with app.run_test(size=(80, 24)):
        text = app.text()
        assert len(text) == 24
        assert text[0].startswith("rmse 0.04785")
        assert text[-1].endswith("step") and "50" in text[-1] and "150" in text[-1]
        assert any(line.startswith("0.5┤") or line.startswith("0.6┤") for line in text)
        assert "┬" in text[-2]
        assert app.braille() > 60


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 9), (3, 3), (9, 4), (12, 6), (25, 5)])
async def test_tiny_windows(size: tuple[int, int]) -> None:
    app = PlotApp(_falling("a"), _falling("b"))
    async with app.run_test(size=size) as pilot:
        assert len(app.text()) == size[1]
        await pilot.press("right", "left", "plus", "Y", "minus", "0")
        assert len(app.text()) == size[1]


async def test_several_lines_can_be_told_apart_without_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = PlotApp(*(_line(f"run-{k}", [float(k)] * 50) for k in range(3)))
    async with app.run_test(size=(80, 24)):
        text = app.text()
        assert text[0].startswith("a run-0 0  b run-1 1  c run-2 2")
        marked = {
            letter: y for letter in "abc" for y, line in enumerate(text[1:-2]) if letter in line
        }
        assert marked["c"] < marked["b"] < marked["a"], "each letter stands on its own line"


async def test_eight_runs_have_eight_colours_and_a_legend_at_80x24() -> None:
    app = PlotApp(*(_falling(f"calm-heron-{k}") for k in range(8)))
    async with app.run_test(size=(80, 24)):
        assert len({color.hex for color in app.plot.line_colors()}) == 8
        legend = " ".join(app.text()[:3])
        assert all(f"calm-heron-{k}" in legend for k in range(8))


async def test_nothing_yet_and_nothing_to_draw_are_said() -> None:
    app = PlotApp()
    async with app.run_test(size=(60, 12)) as pilot:
        assert "no points yet" in "\n".join(app.text())
        await pilot.press("right", "plus", "0", "Y", "x", "escape")
        app.plot.set_series([_line("loss", [math.nan] * 12)])
        assert "all 12 values are NaN" in "\n".join(app.text())
        app.plot.set_series([_line("loss", [-1.0, -2.0])])
        assert "no value above 0 for a log axis" in "\n".join(app.text())
        app.plot.set_series([_line("loss", [math.inf, math.inf])])
        assert "no finite value here" in "\n".join(app.text())


async def test_one_point_and_a_constant_are_drawn() -> None:
    app = PlotApp(_line("loss", [0.3]))
    async with app.run_test(size=(60, 12)):
        assert app.braille() == 1
        app.plot.set_series([_line("loss", [0.3] * 10)])
        assert app.braille() > 40


async def test_the_axis_of_a_single_point_shows_its_step_only() -> None:
    for step, text in ((0.0, "0"), (7.0, "7")):
        model = PlotModel([Series("rmse", array("d", [step]), array("d", [0.3]))])
        labels = "".join(part for part, _ in frame(model, 80, 14, "")[-1])
        assert labels.split() == [text, "step"]


async def test_values_that_cannot_be_drawn_are_told_and_break_the_line() -> None:
    values = [1.0] * 40 + [math.nan] * 20 + [1.0] * 38 + [math.inf, 2.0]
    app = PlotApp(_line("loss", values))
    async with app.run_test(size=(60, 12)) as pilot:
        assert app.text()[0].endswith("20 NaN · 1 infinite")
        bottom = max(line for line in app.text() if "⣀" in line or "⠤" in line or "⠒" in line)
        assert "   " in bottom.strip("│┤ ").split("│")[-1], "a gap where the values are not numbers"
        app.plot.set_series([_line("loss", [-1.0, 0.0, 1.0, 10.0])])
        await pilot.press("Y")
        assert app.text()[0].endswith("log axis · 2 not above 0")


async def test_zoom_and_reset() -> None:
    app = PlotApp(_falling("loss", 1000))
    async with app.run_test(size=(80, 24)) as pilot:
        whole = app.text()
        await pilot.press("plus", "plus")
        assert app.text()[0].endswith("zoomed")
        window = app.plot.model.window()
        assert window == pytest.approx((374.6, 624.4), abs=1)
        await pilot.press("minus", "minus")
        assert app.text() == whole
        app.plot.set_window(10, 20)
        await pilot.pause()
        assert "12" in app.text()[-1]
        with pytest.raises(ValueError, match="no range"):
            app.plot.set_window(3, 3)
        await pilot.press("escape")
        assert app.text() == whole


async def test_the_cursor_tells_step_and_values() -> None:
    app = PlotApp(_falling("train", 100), _line("val", [2.0] * 50))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("left")
        assert app.text()[0].startswith("step 99  a train 0.09174  b val -")
        assert any("│" in line[10:] for line in app.text()[1:-2])
        for _ in range(200):
            await pilot.press("left")
        assert app.text()[0].startswith("step 0  a train 1  b val 2")
        await pilot.press("right")
        assert [event.x for event in app.inspected][-1] == 1.0
        assert app.inspected[-1].values == pytest.approx([1 / 1.1, 2.0])
        await pilot.press("escape")
        assert [event.x for event in app.inspected][-1] is None
        assert "step" not in app.text()[0]


async def test_a_zoomed_window_moves_with_the_cursor() -> None:
    app = PlotApp(_falling("loss", 1000))
    async with app.run_test(size=(80, 24)) as pilot:
        app.plot.set_window(0, 50)
        await pilot.press("left")
        assert app.plot.model.cursor == 50
        await pilot.press("shift+right")
        window = app.plot.model.window()
        assert window and window[0] > 0 and window[1] == app.plot.model.cursor


async def test_x_by_step_by_time_since_start_and_by_time() -> None:
    app = PlotApp(_falling("loss", 120, timed=True))
    async with app.run_test(size=(80, 24)) as pilot:
        axes, ends = [], []
        for _ in range(3):
            await pilot.press("x")
            axes.append(app.plot.x_axis)
            ends.append(app.text()[-1])
        assert axes == [XAxis.RELATIVE, XAxis.WALL, XAxis.STEP]
        assert ends[0].endswith("time since start") and "1:00:00" in ends[0]
        assert ends[1].endswith(" time")
        app.plot.set_series([_falling("loss")])
        await pilot.press("x")
        assert app.text()[-1].endswith("step"), "without times there are only steps"


async def test_new_points_are_drawn_once_and_nothing_is_drawn_without_them() -> None:
    app = PlotApp(_falling("loss", 100))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.drawn = 0
        app.plot.append(0, [], [])
        await pilot.pause()
        assert app.drawn == 0
        for step in range(100, 110):
            app.plot.append(0, [float(step)], [5.0])
        await pilot.pause()
        assert app.drawn == 24
        assert app.text()[0].startswith("loss 5")
        assert len(app.plot.series[0].values) == 110
        with pytest.raises(ValueError, match="equally many"):
            app.plot.append(0, [1.0], [])


async def test_points_that_come_out_of_order_find_their_place() -> None:
    app = PlotApp(_line("loss", [1.0, 2.0, 3.0]))
    async with app.run_test(size=(80, 24)) as pilot:
        app.plot.append(0, [1.5], [9.0])
        await pilot.press("left", "left", "left")
        assert app.inspected[-1].x == 1.0
        assert app.inspected[-2].x == 1.5 and app.inspected[-2].values == [9.0]


async def test_a_label_from_elsewhere_is_harmless() -> None:
    app = PlotApp(_line("bad\x1b[2J\nname" + "x" * 300, [1.0, 2.0]))
    async with app.run_test(size=(80, 24)):
        assert app.text()[0].startswith("bad namexxx")
        assert "…" in app.text()[0]
