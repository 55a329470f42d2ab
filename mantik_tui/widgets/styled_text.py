"""A text of styled lines that wraps to its width and scrolls; only lines that look different are repainted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mantik_tui.domain.text import clean
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import STRONG, STYLES, Part


@dataclass(frozen=True, slots=True)
class Line:
    """One line before wrapping."""

    parts: tuple[Part, ...]
    indent: int = 0
    """Cells that its continuation lines are indented by."""


def plain(text: str, tone: str = Tone.PLAIN, indent: int = 0) -> Line:
    return Line(((text, tone),), indent)


def heading(text: str) -> Line:
    return Line(((text, STRONG),))


BLANK = Line(())


def fact(label: str, text: str, tone: str = Tone.PLAIN, width: int = 10) -> Line:
    """A label in a column of `width` cells, and what is known under it."""
    return Line(((f"{label:<{width}} ", Tone.MUTED), (text, tone)), width + 1)


def lines_of(text: str, tone: str = Tone.PLAIN) -> list[Line]:
    """A text with line breaks, cleaned, tabs as four blanks."""
    return [plain(line.expandtabs(4), tone) for line in clean(text).split("\n")]


def as_text(lines: Iterable[Line]) -> str:
    """The words alone, for the clipboard and tests."""
    return "\n".join("".join(text for text, _ in line.parts).rstrip() for line in lines)


def wrap(line: Line, width: int) -> list[tuple[Part, ...]]:
    """The rows of a line in `width` cells: broken between words, long words where they must be."""
    width = max(1, width)
    parts = [(_on_one_line(text), tone) for text, tone in line.parts]
    if sum(cell_len(text) for text, _ in parts) <= width:
        return [tuple(parts)]
    indent = line.indent if line.indent < width // 2 else 0
    rows: list[list[Part]] = [[]]
    used = 0
    for text, tone in parts:
        for word in _words(text):
            while word:
                room = width - used
                length = cell_len(word)
                if length <= room:
                    rows[-1].append((word, tone))
                    used += length
                    break
                at_start = used <= (indent if len(rows) > 1 else 0)
                if at_start:
                    head = set_cell_size(word, room).rstrip() if room > 1 else word[:1]
                    head = head or word[:1]
                    rows[-1].append((head, tone))
                    word = word[len(head) :]
                elif word.isspace():
                    break
                rows.append([(" " * indent, Tone.PLAIN)] if indent else [])
                used = indent
                word = word.lstrip() if not at_start else word
    return [tuple(row) for row in rows]


def _on_one_line(text: str) -> str:
    """Terminals jump at tabs, which would shift what stands to the right."""
    return clean(text, keep_newlines=False).replace("\t", " ")


def _words(text: str) -> list[str]:
    """Words and the blanks between them, in turn."""
    found: list[str] = []
    for character in text:
        if found and found[-1][-1].isspace() == character.isspace():
            found[-1] += character
        else:
            found.append(character)
    return found


class StyledText(ScrollView, can_focus=True):
    """Lines of text with tones. `show` replaces them and keeps the place."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("move")
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"one-line--{name}" for name in STYLES}
    DEFAULT_CSS = """
    StyledText { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; height: 1fr; }
    """

    def __init__(
        self, lines: Sequence[Line] = (), *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._lines = tuple(lines)
        self._rows: list[tuple[Part, ...]] = []
        self._wrapped_at = -1
        self._styles: dict[str, Style] = {}

    @property
    def lines(self) -> tuple[Line, ...]:
        return self._lines

    @property
    def text(self) -> str:
        """The words that are shown, for the clipboard and tests."""
        return as_text(self._lines)

    def show(self, lines: Iterable[Line], *, from_top: bool = False) -> None:
        """Show other lines; `from_top` for another text, not a newer one of the same."""
        fresh = tuple(lines)
        if fresh != self._lines:
            self._lines = fresh
            before = self._rows
            self._wrap()
            self._repaint(before)
        if from_top and self.scroll_offset.y:
            self.scroll_to(y=0, animate=False, force=True)

    def _wrap(self) -> None:
        width = self.scrollable_content_region.width
        self._wrapped_at = width
        self._rows = [row for line in self._lines for row in wrap(line, width)] if width else []
        size = Size(0, len(self._rows))
        if size != self.virtual_size:
            self.virtual_size = size

    def _repaint(self, before: Sequence[tuple[Part, ...]]) -> None:
        top = self.scroll_offset.y
        changed = [
            Region(0, y, self.size.width, 1)
            for y in range(self.size.height)
            if before[top + y : top + y + 1] != self._rows[top + y : top + y + 1]
        ]
        if changed:
            self.refresh(*changed)

    def on_resize(self) -> None:
        if self.scrollable_content_region.width != self._wrapped_at:
            self._wrap()
            self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        width = self.scrollable_content_region.width
        row = self.scroll_offset.y + y
        parts = self._rows[row] if row < len(self._rows) else ()
        strip = Strip([Segment(text, self._style(tone, base)) for text, tone in parts if text])
        return strip.adjust_cell_length(width, base)

    def _style(self, tone: str, base: Style) -> Style:
        if tone == Tone.PLAIN:
            return base
        found = self._styles.get(tone)
        if found is None:
            found = self._styles[tone] = self.get_component_rich_style(f"one-line--{tone}")
        return found

    # ------------------------------------------------------------ moving

    def _move(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False)

    def action_cursor_down(self) -> None:
        self._move(1)

    def action_cursor_up(self) -> None:
        self._move(-1)

    def action_half_page_down(self) -> None:
        self._move(max(1, self.size.height // 2))

    def action_half_page_up(self) -> None:
        self._move(-max(1, self.size.height // 2))

    def action_go_page_down(self) -> None:
        self._move(max(1, self.size.height - 1))

    def action_go_page_up(self) -> None:
        self._move(-max(1, self.size.height - 1))

    def action_go_top(self) -> None:
        self.scroll_to(y=0, animate=False)

    def action_go_bottom(self) -> None:
        self.scroll_to(y=len(self._rows), animate=False)

    def action_go_right(self) -> None:
        """Lines are wrapped: there is nothing further right."""

    def action_go_left(self) -> None:
        """Lines are wrapped: there is nothing further left."""


class StyledLines(StyledText, can_focus=False):
    """Styled lines that take as much height as they need, and no keys."""

    DEFAULT_CSS = "StyledLines { height: auto; overflow-y: hidden; }"

    def show(self, lines: Iterable[Line], *, from_top: bool = False) -> None:
        before = len(self._rows)
        super().show(lines, from_top=from_top)
        if len(self._rows) != before or self._wrapped_at <= 0:
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport
        return sum(len(wrap(line, width)) for line in self._lines)
