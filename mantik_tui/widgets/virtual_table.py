"""A table over any number of rows that reads and paints only what is in sight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mantik_tui.domain.errors import MantikError
from mantik_tui.widgets import table_messages
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import GUTTER, Column, Layout, Sight, fit_columns, max_first
from mantik_tui.widgets.row_paint import RowPainter
from mantik_tui.widgets.row_source import ListSource, PageCache, RowSource

RowT = TypeVar("RowT")

MARK_ALL_LIMIT = 10_000
"""So many rows can be marked with one key."""


class VirtualTable(ScrollView, Generic[RowT], can_focus=True):
    """A table with a cursor and marks, over a `RowSource`.

    Lines are repainted only where something changed: a move inside the window costs two lines, a source that is
    replaced by an equal one costs none. At the edge the window jumps by half its height, since a scroll repaints all.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("move"), *bindings_for("table")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-table--row",
        "virtual-table--cursor",
        "virtual-table--header",
        "virtual-table--sorted",
        "virtual-table--mark",
        "virtual-table--muted",
        "virtual-table--accent",
        "virtual-table--good",
        "virtual-table--warn",
        "virtual-table--bad",
    }
    DEFAULT_CSS = """
    VirtualTable { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    RowHighlighted: TypeAlias = table_messages.RowHighlighted
    RowSelected: TypeAlias = table_messages.RowSelected
    MarksChanged: TypeAlias = table_messages.MarksChanged
    HeaderSelected: TypeAlias = table_messages.HeaderSelected
    ReadFailed: TypeAlias = table_messages.ReadFailed

    def __init__(
        self,
        columns: Sequence[Column[RowT]],
        source: RowSource[RowT] | None = None,
        *,
        empty_text: str = "",
        show_header: bool = True,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._cache: PageCache[RowT] = PageCache(source if source is not None else _nothing())
        self._painter: RowPainter[RowT] = RowPainter(self._component_style)
        self._empty_text = empty_text
        self._header = 1 if show_header else 0
        self._cursor = 0
        self._cursor_id: int | None = None
        self._lost_id: int | None = None
        self._marks: set[int] = set()
        self._sort = ("", False)
        self._first_column = 0
        self._layout_at: tuple[int, Layout[RowT]] | None = None
        self._sight: Sight[RowT] = Sight()
        self._had_rows = False
        self._title_ends: tuple[tuple[int, str], ...] = ()
        self._painted: dict[int, object] = {}
        self._failure: MantikError | None = None
        self._fit_height()
        self._note_cursor()

    # ------------------------------------------------------------ what others ask and tell

    @property
    def source(self) -> RowSource[RowT]:
        return self._cache.source

    @property
    def columns(self) -> tuple[Column[RowT], ...]:
        return self._columns

    @property
    def row_count(self) -> int:
        return len(self._cache.source)

    @property
    def cursor_position(self) -> int:
        """Position of the cursor, 0 when there are no rows."""
        return self._cursor

    @property
    def cursor_id(self) -> int | None:
        """Row id under the cursor."""
        return self._cursor_id

    @property
    def cursor_row(self) -> RowT | None:
        """The row under the cursor, None if there is none or it is gone."""
        return self._cache.at(self._cursor)[1] if self.row_count else None

    @property
    def marks(self) -> frozenset[int]:
        return frozenset(self._marks)

    @property
    def chosen_ids(self) -> tuple[int, ...]:
        """What an action on several rows means: the marked rows, else the one under the cursor."""
        if self._marks:
            return tuple(sorted(self._marks))
        return () if self._cursor_id is None else (self._cursor_id,)

    @property
    def visible_ids(self) -> tuple[int, ...]:
        """Row ids in sight, top to bottom."""
        top = self.scroll_offset.y
        return tuple(self._cache.source.ids(top, top + self.window))

    @property
    def window(self) -> int:
        """How many rows the window holds, at least 1."""
        return max(1, self.size.height - self._header)

    def set_columns(self, columns: Sequence[Column[RowT]]) -> None:
        self._columns = tuple(columns)
        self._first_column = 0
        self._sight = Sight()
        self._look_at_rows()
        self._repaint_all()

    def set_sort(self, column_id: str, descending: bool) -> None:
        """Show the sort sign; the order itself is the source's."""
        if self._sort != (column_id, descending):
            self._sort = (column_id, descending)
            self._layout_at = None
            self._repaint_all()

    def set_empty_text(self, text: str) -> None:
        """What stands in the place of rows when there are none, with the key that helps."""
        if text != self._empty_text:
            self._empty_text = text
            self._repaint_changed()

    def set_marks(self, ids: Iterable[int]) -> None:
        marks = set(ids)
        if marks != self._marks:
            self._marks = marks
            self._repaint_changed()
            self.post_message(self.MarksChanged(self, len(marks)))

    def replace_source(self, source: RowSource[RowT], *, keep_cursor: bool = True) -> None:
        """Show other rows, or the same ones in another order.

        With `keep_cursor` the cursor stays on its row, at the same height, if that row is still there, else at the
        same position. Lines that look as before are not repainted.
        """
        height = self._cursor - self.scroll_offset.y
        wanted = self._lost_id if self._lost_id is not None else self._cursor_id
        self._cache = PageCache(source)
        self._lost_id = None
        position = self._cursor if keep_cursor else 0
        if keep_cursor and wanted is not None:
            found = source.position(wanted, self._cursor)
            if found is not None:
                position = found
            elif not source.complete:
                self._lost_id = wanted
        self._put_cursor(position, height)
        self._look_at_rows()

    def source_grew(self) -> None:
        """The source has more rows than before, or is complete now. A row that the cursor lost may be there again."""
        if self._lost_id is not None:
            found = self._cache.source.position(self._lost_id, self._cursor)
            if found is not None:
                self._lost_id = None
                self._put_cursor(found, self._cursor - self.scroll_offset.y)
                return
        self._fit_height()
        self._repaint_changed()
        self._note_cursor()

    def refresh_rows(self, ids: Iterable[int]) -> None:
        """Read these rows again; those in sight are repainted if they differ."""
        self._cache.drop(set(ids))
        self._repaint_changed()

    def retry_read(self) -> None:
        """Read all rows in sight again; repaints what differs."""
        self._failure = None
        self._cache.retry()
        self._repaint_changed()

    def go_to(self, position: int) -> None:
        """Move the cursor to a position, which is brought within the rows there are."""
        position = max(0, min(position, self.row_count - 1))
        self._lost_id = None
        if position == self._cursor:
            return
        self._cursor = position
        self._keep_in_sight()
        self._repaint_changed()
        self._note_cursor()

    def go_to_id(self, row_id: int) -> bool:
        """Move the cursor to a row; False if it is not in the table."""
        position = self._cache.source.position(row_id, self._cursor)
        if position is None:
            return False
        self.go_to(position)
        return True

    # ------------------------------------------------------------ actions

    def action_cursor_down(self) -> None:
        self.go_to(self._cursor + 1)

    def action_cursor_up(self) -> None:
        self.go_to(self._cursor - 1)

    def action_go_top(self) -> None:
        self.go_to(0)

    def action_go_bottom(self) -> None:
        self.go_to(self.row_count - 1)

    def action_half_page_down(self) -> None:
        self._move_window(self.window // 2)

    def action_half_page_up(self) -> None:
        self._move_window(-(self.window // 2))

    def action_go_page_down(self) -> None:
        self._move_window(self.window)

    def action_go_page_up(self) -> None:
        self._move_window(-self.window)

    def action_go_right(self) -> None:
        self._scroll_columns(1)

    def action_go_left(self) -> None:
        self._scroll_columns(-1)

    def action_open_row(self) -> None:
        if self._cursor_id is not None:
            self.post_message(self.RowSelected(self, self._cursor_id))

    def action_mark(self) -> None:
        if self._cursor_id is not None:
            self.set_marks(self._marks ^ {self._cursor_id})

    def action_mark_down(self) -> None:
        self._mark_and_move(1)

    def action_mark_up(self) -> None:
        self._mark_and_move(-1)

    def action_mark_all(self) -> None:
        self.set_marks(self._marks | set(self._cache.source.ids(0, MARK_ALL_LIMIT)))

    def action_clear_marks(self) -> None:
        self.set_marks(())

    # ------------------------------------------------------------ painting

    def render_line(self, y: int) -> Strip:
        width = self._width
        if y < self._header:
            strip, self._title_ends = self._painter.header(
                self._layout(), width, *self._sort, has_rows=bool(self.row_count)
            )
            return strip
        position = self.scroll_offset.y + y - self._header
        self._painted[y] = self._look(position)
        if position < self.row_count:
            row_id, row = self._row_at(position)
            return self._painter.row(
                row,
                self._layout(),
                width,
                cursor=position == self._cursor,
                marked=row_id in self._marks,
            )
        return self._painter.line(self._empty_line(position), width)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scroll; the scrollbar, which repaints all of itself, is told only when its thumb would look different."""
        if self.show_vertical_scrollbar:
            step = max(1, self.virtual_size.height // (8 * max(1, self.size.height)))
            at_end = new_value >= self.max_scroll_y
            self.vertical_scrollbar.position = new_value if at_end else new_value // step * step
        if round(old_value) != round(new_value):
            self.refresh(Region(0, self._header, self._width, self.window))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._painter.forget_styles()

    @property
    def _width(self) -> int:
        """Cells of a line, the scrollbar excluded."""
        return self.size.width - self.scrollbar_size_vertical

    def _look(self, position: int) -> object:
        """All that decides how the line of `position` looks, column layout and styles aside."""
        if position < self.row_count:
            row_id, row = self._row_at(position)
            return (row_id, row, position == self._cursor, row_id in self._marks)
        return self._empty_line(position)

    def _repaint_changed(self) -> None:
        """Repaint the lines that look different from what was painted last."""
        top = self.scroll_offset.y
        changed = [
            Region(0, y, self._width, 1)
            for y in range(self._header, self.size.height)
            if self._painted.get(y) != self._look(top + y - self._header)
        ]
        if changed:
            self.refresh(*changed)

    def _repaint_all(self) -> None:
        self._layout_at = None
        self._painted.clear()
        self.refresh()

    def _row_at(self, position: int) -> tuple[int, RowT | None]:
        row = self._cache.at(position)
        if self._cache.error is not self._failure:
            self._failure = self._cache.error
            if self._failure is not None:
                self.post_message(self.ReadFailed(self, self._failure))
        return row

    def _empty_line(self, position: int) -> str:
        shows = position == self._header and not self.row_count and self._cache.source.complete
        return self._empty_text if shows else ""

    def _layout(self) -> Layout[RowT]:
        width = self._width
        if self._layout_at is None or self._layout_at[0] != width:
            self._layout_at = (width, self._fit(self._first_column))
        return self._layout_at[1]

    def _fit(self, first: int) -> Layout[RowT]:
        return fit_columns(self._columns, self._width, first, self._sort[0], self._sight)

    def _look_at_rows(self) -> None:
        """Lay the columns out anew if what is in sight now needs other widths. What was wide once keeps its room."""
        if not self._columns or self._width <= 0:
            return
        top = self.scroll_offset.y
        last = min(self.row_count, top + self.window)
        rows = [row for at in range(top, last) if (row := self._row_at(at)[1]) is not None]
        self._sight.look(self._columns, rows)
        if self._layout_at is not None and self._fit(self._first_column) != self._layout_at[1]:
            self._repaint_all()
        elif bool(rows) != self._had_rows and self._header:
            self.refresh(Region(0, 0, self.size.width, 1))
        self._had_rows = bool(rows)

    def _component_style(self, name: str) -> Style:
        return self.get_component_rich_style(f"virtual-table--{name}")

    # ------------------------------------------------------------ moving

    def _put_cursor(self, position: int, height: int) -> None:
        """Set the cursor to a position, `height` lines below the top of the window."""
        self._cursor = max(0, min(position, self.row_count - 1))
        self._fit_height()
        self._scroll_rows(self._cursor - height)
        self._keep_in_sight()
        self._repaint_changed()
        self._note_cursor()

    def _move_window(self, lines: int) -> None:
        """Move cursor and window together, so that the cursor keeps its height."""
        self._lost_id = None
        self._put_cursor(self._cursor + lines, self._cursor - self.scroll_offset.y)

    def _keep_in_sight(self) -> None:
        top, window = self.scroll_offset.y, self.window
        if not top <= self._cursor < top + window:
            self._scroll_rows(self._cursor - window // 2)

    def _scroll_rows(self, top: int) -> None:
        if top != self.scroll_offset.y:
            self.scroll_to(y=max(0, top), animate=False, force=True)

    def _scroll_columns(self, step: int) -> None:
        """Show columns further right or left, past offsets at which nothing would look different."""
        before = self._layout().placed
        last = max_first(self._columns, self._width)
        first = self._first_column + step
        while 0 <= first <= last:
            layout = self._fit(first)
            if layout.placed != before:
                self._first_column = first
                self._repaint_all()
                return
            first += step

    def _mark_and_move(self, lines: int) -> None:
        if self._cursor_id is not None:
            marks = self._marks | {self._cursor_id}
            self.go_to(self._cursor + lines)
            self.set_marks(marks)

    def _fit_height(self) -> None:
        size = Size(0, self.row_count + self._header)
        if size != self.virtual_size:
            self.virtual_size = size

    def _note_cursor(self) -> None:
        ids = self._cache.source.ids(self._cursor, self._cursor + 1)
        row_id = ids[0] if len(ids) else None
        if row_id != self._cursor_id:
            self._cursor_id = row_id
            self.post_message(self.RowHighlighted(self, row_id))

    # ------------------------------------------------------------ mouse and size

    def on_resize(self) -> None:
        self._first_column = min(self._first_column, max_first(self._columns, self._width))
        self._look_at_rows()
        self._layout_at = None
        self._keep_in_sight()

    def on_click(self, event: events.Click) -> None:
        if event.y < self._header:
            self._click_title(event.x)
            return
        position = self.scroll_offset.y + event.y - self._header
        if position >= self.row_count:
            return
        self.go_to(position)
        if event.x < GUTTER:
            self.action_mark()
        elif event.chain == 2:
            self.action_open_row()

    def _click_title(self, x: int) -> None:
        for end, column_id in self._title_ends:
            if GUTTER <= x < end:
                self.post_message(self.HeaderSelected(self, column_id))
                return


def _nothing() -> ListSource[Any]:
    def no_id(_row: object) -> int:
        return 0

    return ListSource((), no_id)
