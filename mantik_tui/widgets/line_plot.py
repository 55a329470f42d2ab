"""A line plot of metric histories in braille, drawn only when its data or its view changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.color import Color, ColorParseError
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mantik_tui.actions import Scope, by_id
from mantik_tui.widgets.bindings import binding_of, bindings_for
from mantik_tui.widgets.plot_colors import TOKENS, distinct_colors
from mantik_tui.widgets.plot_data import Series, XAxis
from mantik_tui.widgets.plot_frame import AXIS, CURSOR, LABEL, NOTE, Row, frame
from mantik_tui.widgets.plot_model import PlotModel

_ZOOM = 2.0
_FAR = 10
_PARTS = {AXIS: "axis", LABEL: "label", CURSOR: "cursor", NOTE: "note"}


class LinePlot(Widget, can_focus=True):
    """Several lines over one x axis. Give data by `series` and `append`.

    Lines are told apart by letters on them and in the legend, by colour only besides.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"line-plot--{part}" for part in _PARTS.values()}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for(Scope.PLOT),
        binding_of(by_id("log-axis")),
        Binding("escape", "leave_layer", "back", show=False),
    ]

    class Inspected(Message):
        """The cursor moved: where it is (None: gone), and each line's value there (None: no point near)."""

        def __init__(self, plot: LinePlot, x: float | None, values: list[float | None]) -> None:
            super().__init__()
            self.plot = plot
            self.x = x
            self.values = values

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LinePlot.Inspected) and message.plot is self.plot

    def __init__(
        self,
        series: Sequence[Series] = (),
        *,
        empty_text: str = "no points yet",
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.model = PlotModel(series)
        self.empty_text = empty_text
        self._rows: list[Row] | None = None
        self._drawn_size = (0, 0)
        self._styles_by_role: dict[int, Style] | None = None

    # -- data -------------------------------------------------------------------------------------

    @property
    def series(self) -> tuple[Series, ...]:
        return tuple(self.model.series)

    def set_series(self, series: Sequence[Series]) -> None:
        """Show other lines. Raises ValueError where steps, values and times are not equally many."""
        self.model.replace(series)
        self._styles_by_role = None
        self._redraw()

    def append(
        self,
        index: int,
        steps: Sequence[float],
        values: Sequence[float],
        times: Sequence[float] | None = None,
    ) -> None:
        """Add points to line `index`; the arrays of its `Series` grow. Nothing is drawn for no points."""
        if len(values) or len(steps):
            self.model.append(index, steps, values, times)
            self._redraw()

    # -- view -------------------------------------------------------------------------------------

    def set_window(self, low: float, high: float) -> None:
        """Zoom to a range of the x axis. Raises ValueError for an empty one."""
        self.model.set_window(low, high)
        self._redraw()

    def action_plot_zoom_in(self) -> None:
        self.model.zoom(_ZOOM)
        self._redraw()

    def action_plot_zoom_out(self) -> None:
        self.model.zoom(1 / _ZOOM)
        self._redraw()

    def action_plot_reset(self) -> None:
        self.model.reset()
        self._inspected()

    def action_log_axis(self) -> None:
        """Switch the y axis between linear and logarithmic."""
        self.model.log = not self.model.log
        self._redraw()

    def action_plot_x_axis(self) -> None:
        """Step, time since the start, time of day: the next one that the data has."""
        if len(self.model.axes) == 1:
            self.notify("Only steps are known for these lines.", severity="warning")
            return
        self.model.next_axis()
        self._inspected()

    @property
    def x_axis(self) -> XAxis:
        return self.model.axis

    def action_cursor(self, steps: int) -> None:
        """Inspect the next or the previous point."""
        self.model.move_cursor(steps, self.size.width)
        self._inspected()

    def action_plot_left(self) -> None:
        self.action_cursor(-1)

    def action_plot_right(self) -> None:
        self.action_cursor(1)

    def action_plot_far_left(self) -> None:
        self.action_cursor(-_FAR)

    def action_plot_far_right(self) -> None:
        self.action_cursor(_FAR)

    def action_leave_layer(self) -> None:
        """Escape: take the cursor away, else end the zoom."""
        if self.model.cursor is not None:
            self.model.cursor = None
        else:
            self.model.reset()
        self._inspected()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "leave_layer":
            return self.model.cursor is not None or self.model.zoomed is not None
        return super().check_action(action, parameters)

    def _inspected(self) -> None:
        x = self.model.cursor
        values = self.model.values_at(x, self.size.width) if x is not None else []
        self.post_message(self.Inspected(self, x, values))
        self._redraw()

    # -- drawing ----------------------------------------------------------------------------------

    def _redraw(self) -> None:
        self._rows = None
        self.refresh()

    def notify_style_update(self) -> None:
        self._styles_by_role = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if self._rows is None or self._drawn_size != (width, height):
            self._drawn_size = (width, height)
            self._rows = frame(self.model, width, height, self.empty_text)
        styles = self._role_styles()
        base = self.rich_style
        if y >= len(self._rows):
            return Strip.blank(width, base)
        segments = [Segment(text, styles.get(role, base)) for text, role in self._rows[y]]
        return Strip(segments).adjust_cell_length(width, base)

    def _role_styles(self) -> dict[int, Style]:
        if self._styles_by_role is None:
            base = self.rich_style
            found = {
                role: self.get_component_rich_style(f"line-plot--{part}")
                for role, part in _PARTS.items()
            }
            for index, color in enumerate(self.line_colors()):
                found[index] = base + Style(color=color.rich_color)
            self._styles_by_role = found
        return self._styles_by_role

    def line_colors(self) -> list[Color]:
        """One colour for each line, from the theme, all different and apart from the background."""
        variables = self.app.theme_variables
        wanted = []
        for token in TOKENS:
            try:
                wanted.append(Color.parse(variables[token]))
            except (KeyError, ColorParseError):
                continue  # a theme need not have every token
        return distinct_colors(wanted, self.background_colors[1], len(self.model.series))
