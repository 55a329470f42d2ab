"""A view over a log file of any size that may grow while it is shown.

The view reads only what it draws. Counting lines, searching and filtering run in threads that report by message. It has
no timer that repeats: whoever appends to the file calls `notify_grown`, and what comes faster than ten times a second is
drawn together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeAlias

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import get_current_worker

from mantik_tui.widgets import log_messages
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.log_document import Change, Job, LogDocument
from mantik_tui.widgets.log_drawing import LogDrawing, Look
from mantik_tui.widgets.log_finder import TOO_SLOW, Finder
from mantik_tui.widgets.log_index import LineIndex
from mantik_tui.widgets.log_messages import ThreadProgress
from mantik_tui.widgets.log_paint import LogStyles
from mantik_tui.widgets.log_viewport import Viewport

BATCH_SECONDS = 0.1
"""Least time between two looks at a growing file."""
MAX_COPY = 75_000
"""Characters handed to the terminal's clipboard; common terminals drop what is longer than about this."""
_SIDE_STEP = 16
_THREADS_AFTER = 0.05


class LogView(ScrollView, can_focus=True):
    """Shows the log at `path`, from its end; `notify_grown` tells it that the file changed or came to be.

    `live` says whether more may come: only then the status speaks of following.
    """

    DEFAULT_CSS = "LogView { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"log-view--{part}" for part in ("error", "warning", "dim", "match", "current", "selected")
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for("move"),
        Binding("escape", "leave_layer", "back", show=False),
    ]

    FollowChanged: TypeAlias = log_messages.FollowChanged
    SearchChanged: TypeAlias = log_messages.SearchChanged
    PositionChanged: TypeAlias = log_messages.PositionChanged

    def __init__(
        self,
        path: Path | None = None,
        *,
        live: bool = True,
        empty_text: str = "The log is empty.",
        absent_text: str = "No log yet.",
        clock: Callable[[], float] = time.monotonic,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.live = live
        self.empty_text = empty_text
        self.absent_text = absent_text
        self.following = True
        self.document = LogDocument(None)
        self.viewport = Viewport(self.document)
        self.finder = Finder(self.document)
        self.selected: tuple[int, int] | None = None
        """Rows selected by key: where it began, and the other end."""
        self._path = path
        self._clock = clock
        self._held = False
        """Paused by key: coming to the end does not resume following."""
        self._seen_lines = 0
        self._next_look = 0.0
        self._look_timer: Timer | None = None
        self._settling = False
        """The scroll position is being set by the view itself."""
        self._style_set: LogStyles | None = None
        self._drawing = LogDrawing(self.document, self.viewport, self.finder)

    # -- the file ---------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.load(self._path)

    def on_unmount(self) -> None:
        self.document.close()

    def load(self, path: Path | None) -> None:
        """Show another file, from its end."""
        wrap = self.viewport.wrap
        self.document.close()
        self.document = LogDocument(path)
        self.viewport = Viewport(self.document)
        self.viewport.wrap = wrap
        self.finder = Finder(self.document)
        self._drawing = LogDrawing(self.document, self.viewport, self.finder)
        self.selected = None
        self._held = False
        self._set_following(True)
        self._resized()
        # Not before the first paint is out: a thread at work would slow it down.
        self.set_timer(_THREADS_AFTER, self._start_threads)

    def notify_grown(self) -> None:
        """Say that the file may have changed: grown, shrunk, been replaced, come to be."""
        if self._look_timer is not None:
            return
        wait = self._next_look - self._clock()
        if wait <= 0:
            self._look()
        else:
            self._look_timer = self.set_timer(wait, self._look)

    def _look(self) -> None:
        self._look_timer = None
        self._next_look = self._clock() + BATCH_SECONDS
        end_was_in_sight = self.viewport.row + self.viewport.height > self.document.rows
        change = self.document.look()
        if change is Change.NONE:
            return
        if change is Change.RESTARTED:
            self.finder.hit = self.selected = None
            self._seen_lines = 0
            self.viewport.go(0)
        self._start_threads()
        if self.following or end_was_in_sight or change is Change.RESTARTED:
            self._settle()
        self._tell_position()
        if self.document.search:
            self._tell_search()

    def _start_threads(self) -> None:
        path = self.document.path
        if path is None or not self.is_attached:
            return
        for job in self.document.jobs(self.finder.wanted or 0):
            work = partial(self._run, job, path)
            self.run_worker(work, thread=True, group=job.group, exclusive=True)

    def _run(self, job: Job, path: Path) -> None:
        worker = get_current_worker()
        subject = job.subject

        def tell() -> None:
            self.post_message(ThreadProgress(subject, False))

        job.run(path, lambda: worker.is_cancelled, tell)
        if not worker.is_cancelled:
            self.post_message(ThreadProgress(subject, True))

    def on_log_view_thread_progress(self, event: ThreadProgress) -> None:
        if not self.document.owns(event.subject):
            return
        if event.done:
            self.document.ended(event.subject)
            self._start_threads()
        elif isinstance(event.subject, LineIndex):
            event.subject.estimate()
        self.viewport.follow_estimate()
        self._settle()
        self._jump_if_found()
        self._tell_position()
        if event.subject is self.document.search:
            self._tell_search()

    # -- place ------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self._resized()

    def _resized(self) -> None:
        self._fit()
        self._settle()
        self._tell_position()

    def _fit(self) -> None:
        """Take over the size of the view, and stay at the end if following."""
        self.viewport.width, self.viewport.height = self.scrollable_content_region.size
        self.viewport.go(*(self.viewport.end() if self.following else self.viewport.place))
        self._drawing.forget()

    def _settle(self) -> None:
        """Draw anew, at the end if following; and let the scroll bar know."""
        if self.following:
            self.viewport.go(*self.viewport.end())
        else:
            self.viewport.go(*self.viewport.place)
        self._settling = True
        end_row, end_sub = self.viewport.end()
        height = end_row + self.viewport.height + (1 if end_sub else 0)
        if self.virtual_size.height != height:
            # Not by assignment: that would lay out the whole screen for each line of a growing log.
            self.set_reactive(Widget.virtual_size, Size(self.viewport.width, height))
            self._scroll_update(self.virtual_size)
        if self.scroll_offset.y != self.viewport.row:
            self.scroll_to(y=self.viewport.row, animate=False)
        self._settling = False
        self._redraw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        row = round(new_value)
        if row != self.viewport.row and not self._settling:  # by wheel or scroll bar
            end = self.viewport.end()
            self.viewport.go(*(end if row >= end[0] else (row, 0)))
            self._moved()

    def _moved(self) -> None:
        """The person moved: away from the end pauses, back to it resumes."""
        at_end = self.viewport.at_end
        if not at_end or not self._held:
            self._set_following(at_end)
        self._settle()
        self._tell_position()

    def _set_following(self, following: bool) -> None:
        if following == self.following:
            return
        self.following = following
        self._seen_lines = self.document.lines
        self.post_message(self.FollowChanged(self, following))

    def _step(self, rows: int) -> None:
        if self.selected is not None:
            anchor, row = self.selected
            row = max(0, min(row + rows, self.document.rows - 1))
            self.selected = (anchor, row)
            self._set_following(False)
            self.viewport.show(row)
        else:
            self.viewport.move(rows)
        self._moved()

    def action_cursor_down(self) -> None:
        self._step(1)

    def action_cursor_up(self) -> None:
        self._step(-1)

    def action_half_page_down(self) -> None:
        self._step(max(1, self.viewport.height // 2))

    def action_half_page_up(self) -> None:
        self._step(-max(1, self.viewport.height // 2))

    def action_go_page_down(self) -> None:
        self._step(max(1, self.viewport.height - 1))

    def action_go_page_up(self) -> None:
        self._step(-max(1, self.viewport.height - 1))

    def action_go_top(self) -> None:
        self._step(-self.document.rows) if self.selected else self._go(0)

    def action_go_bottom(self) -> None:
        if self.selected:
            self._step(self.document.rows)
        else:
            self._held = False
            self._go(*self.viewport.end())

    def _go(self, row: int, sub: int = 0) -> None:
        self.viewport.go(row, sub)
        self._moved()

    def action_go_right(self) -> None:
        self._shift(_SIDE_STEP)

    def action_go_left(self) -> None:
        self._shift(-_SIDE_STEP)

    def _shift(self, cells: int) -> None:
        if not self.viewport.wrap:
            most = max(0, self.viewport.widest() - self.viewport.width)
            left = max(0, min(self.viewport.left + cells, max(most, self.viewport.left)))
            if left != self.viewport.left:
                self.viewport.left = left
                self._redraw()
                self._tell_position()

    # -- what a person can do ---------------------------------------------------------------------

    def toggle_follow(self) -> None:
        """Follow the end from now on, or stay where the view is."""
        if self.following:
            self._held = True
            self._set_following(False)
            self._tell_position()
        else:
            self.action_go_bottom()

    def toggle_wrap(self) -> None:
        """Break long lines, or cut them at the edge."""
        self.viewport.wrap = not self.viewport.wrap
        self.viewport.left = self.viewport.sub = 0
        self._settle()
        self._tell_position()

    def search(self, text: str) -> None:
        """Go to the first match at or below the top of the view; an empty text ends the search.

        Raises BadInput for a regular expression that can't be read.
        """
        if text:
            self.document.start_search(text)
        else:
            self.document.search = None
        self.finder.hit = self.finder.wanted = None
        if text:
            self.finder.want(self.document.start_of(self.viewport.row) or 0, forward=True)
            self._start_threads()
            self._jump_if_found()
        self._redraw()
        self._tell_search()

    def next_match(self) -> None:
        self._next(forward=True)

    def previous_match(self) -> None:
        self._next(forward=False)

    def _next(self, *, forward: bool) -> None:
        hit = self.finder.hit
        row = self.document.row_of(hit.offset) if hit else None
        if (
            hit is not None
            and row is not None
            and self.viewport.row <= row <= self.viewport.last_row()
        ):
            origin = hit.offset + (1 if forward else 0)
        else:
            origin = self.document.start_of(self.viewport.row) or 0
        self.finder.want(origin, forward=forward)
        self._jump_if_found()
        self._tell_search()

    def _jump_if_found(self) -> None:
        row = self.finder.advance()
        search = self.document.search
        if row is None or search is None:
            return
        matches = search.pattern.spans(self.document.text(row) or "")
        self._held = self._held or not self.viewport.at_end
        self._set_following(False)
        self.viewport.show(row, matches[0][0] if matches else 0)
        self._settle()
        self._tell_position()

    def filter(self, text: str, context: int = 0) -> None:
        """Show only lines with a match, and `context` lines around each; an empty text shows all again.

        Raises BadInput for a regular expression that can't be read.
        """
        here = self.document.start_of(self.viewport.row)
        if text:
            self.document.start_filter(text, context)
            self._start_threads()
        else:
            self.document.filter = None
        self.selected = None
        if not self.following:
            self.viewport.go((self.document.row_of(here) if here is not None else None) or 0)
        self._settle()
        self._tell_position()

    def toggle_select(self) -> None:
        """Begin to select lines from the last one in sight (or the match in sight), or stop."""
        if self.selected is not None or not self.document.rows:
            self.selected = None
        else:
            row = self.viewport.last_row()
            hit = self.document.row_of(self.finder.hit.offset) if self.finder.hit else None
            if hit is not None and self.viewport.row <= hit <= row:
                row = hit
            self.selected = (row, row)
            self._held = True
            self._set_following(False)
        self._settle()
        self._tell_position()

    def copy_text(self) -> tuple[str, int]:
        """(text, lines): what is selected by key or mouse, else what is in sight."""
        if self.selected is None and (selection := self.text_selection) is not None:
            found = self.get_selection(selection)
            return (found[0], found[0].count("\n") + 1) if found else ("", 0)
        if self.selected is not None:
            first, last = min(self.selected), max(self.selected)
        else:
            first, last = self.viewport.row, self.viewport.last_row()
        texts = self._texts(first, last)
        return "\n".join(texts), len(texts)

    def _texts(self, first: int, last: int) -> list[str]:
        texts: list[str] = []
        length = 0
        for row in range(first, last + 1):
            texts.append(self.document.text(row) or "")
            length += len(texts[-1]) + 1
            if length > MAX_COPY + 1:
                break
        return texts

    def action_leave_layer(self) -> None:
        """Escape: give up the selection, else the search, else the filter."""
        if self.selected is not None:
            self.toggle_select()
        elif self.document.search is not None:
            self.search("")
        else:
            self.filter("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "leave_layer":
            return any((self.selected, self.document.search, self.document.filter))
        return super().check_action(action, parameters)

    # -- telling ----------------------------------------------------------------------------------

    @property
    def new_lines(self) -> int:
        """Lines that came since the view was paused; 0 while following."""
        if self.following or not self.document.settled:
            return 0
        return max(0, self.document.lines - self._seen_lines)

    def _tell_position(self) -> None:
        line = self.document.line_of(self.viewport.last_row())
        total = self.document.lines
        self.post_message(self.PositionChanged(self, 0 if line is None else line + 1, total))

    def _tell_search(self) -> None:
        self.post_message(self.SearchChanged(self, self.finder.count, self.finder.at))

    # -- drawing ----------------------------------------------------------------------------------

    def nothing_to_show(self) -> str:
        """Why there are no lines, in words; empty where there are some."""
        document = self.document
        if document.problem or document.rows:
            return document.problem
        if document.index is None:
            return self.absent_text
        if document.filter is not None:
            if document.filter.pattern.too_slow:
                return f"The expression was {TOO_SLOW}. esc shows all lines."
            return "No line matches." if document.filter.complete else "Looking for lines …"
        return self.empty_text

    def notify_style_update(self) -> None:
        self._style_set = None
        self._drawing.forget()
        super().notify_style_update()

    def _styles(self) -> LogStyles:
        if self._style_set is not None:
            return self._style_set
        part = {
            name.removeprefix("log-view--"): self.get_component_rich_style(name, partial=True)
            for name in self.COMPONENT_CLASSES
        }
        base = self.rich_style
        self._style_set = LogStyles(
            base=base,
            error=base + part["error"],
            warning=base + part["warning"],
            dim=part["dim"],
            match=part["match"],
            current=part["current"],
            selected=part["selected"],
        )
        return self._style_set

    def render_line(self, y: int) -> Strip:
        if self.viewport.height != self.scrollable_content_region.height:
            self._fit()  # the first paint comes before the first resize event
        mouse_style = self.screen.get_component_rich_style("screen--selection")
        look = Look(self._styles(), self.selected, self.text_selection, mouse_style)
        strip = self._drawing.strip(y, look)
        if strip is None:
            return self._drawing.words(self.nothing_to_show() if y == 0 else "", look)
        return strip

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that was selected by mouse; rows are counted as in the log, not as on the screen."""
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self.document.rows - 1
        texts = self._texts(first, min(last, self.document.rows - 1))
        if not texts:
            return None
        if selection.end and len(texts) == last - first + 1:
            texts[-1] = texts[-1][: selection.end.x]
        if selection.start:
            texts[0] = texts[0][selection.start.x :]
        return "\n".join(texts), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self._redraw()

    def _redraw(self) -> None:
        self._drawing.forget()
        self.refresh()
