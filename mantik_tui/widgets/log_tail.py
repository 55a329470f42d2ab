"""The last lines of a log, read anew from the file's end; for a look, where `LogView` is for reading."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from mantik_tui.widgets.log_paint import LogStyles, Piece, line_style, paint
from mantik_tui.widgets.log_text import display_text, wrap_cells

TAIL_BYTES = 65_536


def last_lines(path: Path, count: int) -> list[str]:
    """Up to `count` last lines of a log as they are shown; empty if there is no such file or nothing in it."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            data = file.read(TAIL_BYTES)
    except OSError:
        return []
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    if size > TAIL_BYTES and len(lines) > 1:
        lines = lines[1:]
    return [display_text(line) for line in lines[-count:]] if count > 0 else []


class LogTail(Widget):
    """The end of the log at `path`; `look` reads it again and repaints the lines that differ."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"log-tail--{p}" for p in ("error", "warning", "dim")}
    DEFAULT_CSS = "LogTail { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._path: Path | None = None
        self._lines: list[str] = []
        self._styles: LogStyles | None = None

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def show_file(self, path: Path | None) -> None:
        self._path = path
        self.look()

    def look(self) -> None:
        """Read the end again."""
        before, (width, height) = self._lines, self.size
        found = last_lines(self._path, height) if self._path is not None else []
        rows = [row for line in found for row in wrap_cells(line, width)]
        self._lines = rows[-height:] if height > 0 else []
        changed = [
            Region(0, y, self.size.width, 1)
            for y in range(height)
            if before[y : y + 1] != self._lines[y : y + 1]
        ]
        if changed:
            self.refresh(*changed)

    def on_resize(self) -> None:
        self.look()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = None

    def render_line(self, y: int) -> Strip:
        styles = self._style_set()
        if y >= len(self._lines):
            return Strip.blank(self.size.width, styles.base)
        text = self._lines[y]
        return paint(Piece(y, text), line_style(text, styles), (), 0, self.size.width, styles.dim)

    def _style_set(self) -> LogStyles:
        if self._styles is None:
            base, none = self.rich_style, Style.null()
            error, warning, dim = (
                self.get_component_rich_style(f"log-tail--{part}")
                for part in ("error", "warning", "dim")
            )
            self._styles = LogStyles(base, error, warning, dim, none, none, none)
        return self._styles
