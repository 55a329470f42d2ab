"""The line in which a list is narrowed while typing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Tone, fit_text
from mantik_tui.widgets.one_line import OneLine, Part

DEBOUNCE_S = 0.06
HISTORY_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Hits:
    """What a filter found."""

    shown: int
    total: int
    complete: bool = True
    """False while more may be found."""
    marks: int = 0
    error: str = ""
    """Why the filter can't be read, in words; the list shows what it showed before."""


class FilterBar(Horizontal):
    """One line: `/`, the text, how many are shown. `open()` starts typing; Escape clears, then closes; Enter keeps."""

    DEFAULT_CSS = """
    FilterBar { height: 1; width: 1fr; }
    FilterBar #filter-sign { width: 3; }
    FilterBar Input { width: 1fr; }
    FilterBar #filter-hits { width: 50%; }
    """

    @dataclass
    class FilterChanged(Message):
        """The text changed, while typing or by clearing it."""

        bar: FilterBar
        text: str

        @property
        def control(self) -> FilterBar:
            return self.bar

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, FilterBar.FilterChanged) and message.bar is self.bar

    @dataclass
    class FilterClosed(Message):
        """Typing ended, by Enter or Escape; `text` stays in force. The list should take the focus."""

        bar: FilterBar
        text: str

        @property
        def control(self) -> FilterBar:
            return self.bar

    def __init__(
        self,
        text: str = "",
        *,
        placeholder: str = "filter",
        history: Sequence[str] = (),
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._input = FilterInput(
            text, placeholder=placeholder, select_on_focus=False, compact=True, id="filter-text"
        )
        self._input.cursor_blink = False
        self._hits = _HitsLine(id="filter-hits")
        self._history = list(dict.fromkeys(history))[-HISTORY_LIMIT:]
        self._history_at: int | None = None
        self._draft = ""
        self._announced = text

    def compose(self) -> ComposeResult:
        yield _Sign(id="filter-sign")
        yield self._input
        yield self._hits

    @property
    def text(self) -> str:
        return self._input.value

    @property
    def history(self) -> tuple[str, ...]:
        """Filters that were kept, the oldest first; store it to have it back next time."""
        return tuple(self._history)

    @property
    def is_open(self) -> bool:
        return self._input.has_focus

    def open(self) -> None:
        """Start typing, at the end of the text."""
        self._input.focus()
        self._input.action_end()

    def set_text(self, text: str) -> None:
        """Put a filter in, as if it had been typed."""
        self._input.value = text
        self._input.action_end()

    def show_hits(self, hits: Hits) -> None:
        self._hits.show(hits)

    def clear_or_close(self) -> None:
        """One layer out: take the text away, or stop typing if there is none."""
        if self.text:
            self._history_at = None
            self._input.value = ""
            self._announce("")
        else:
            self._close()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._announce_soon(event.value)

    @on(Input.Submitted)
    def _kept(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if text:
            self._history = [*(kept for kept in self._history if kept != text), text]
            del self._history[:-HISTORY_LIMIT]
        self._close()

    def _close(self) -> None:
        self._history_at = None
        self.workers.cancel_group(self, "filter")
        self._announce(self.text)
        self.post_message(self.FilterClosed(self, self.text))

    def on_descendant_focus(self) -> None:
        self.add_class("-open")

    def on_descendant_blur(self) -> None:
        self.remove_class("-open")

    @work(group="filter", exclusive=True)
    async def _announce_soon(self, text: str) -> None:
        await asyncio.sleep(DEBOUNCE_S)
        self._announce(text)

    def _announce(self, text: str) -> None:
        if text != self._announced:
            self._announced = text
            self.post_message(self.FilterChanged(self, text))

    def step_history(self, step: int) -> None:
        """Put an older (-1) or newer (+1) kept filter in place of the text."""
        if not self._history:
            return
        if self._history_at is None:
            if step > 0:
                return
            self._draft = self.text
            self._history_at = len(self._history)
        at = self._history_at + step
        if at >= len(self._history):
            self._history_at = None
            self.set_text(self._draft)
            return
        self._history_at = max(0, at)
        self.set_text(self._history[self._history_at])


class FilterInput(Input):
    """The text field of a filter bar, with the bar's keys."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for("filter")

    def action_filter_keep(self) -> None:
        self.post_message(Input.Submitted(self, self.value))

    def action_filter_clear(self) -> None:
        self._bar.clear_or_close()

    def action_filter_older(self) -> None:
        self._bar.step_history(-1)

    def action_filter_newer(self) -> None:
        self._bar.step_history(1)

    @property
    def _bar(self) -> FilterBar:
        bar = self.parent
        if not isinstance(bar, FilterBar):
            raise TypeError("a FilterInput belongs into a FilterBar")
        return bar


class _Sign(Widget):
    """The `/` before the text."""

    def render(self) -> str:
        return " /"


class _HitsLine(OneLine):
    """How many are shown, or what is wrong with the filter."""

    _hits: Hits | None = None

    def show(self, hits: Hits) -> None:
        self._hits = hits
        self.repaint_if_changed()

    def parts(self, width: int) -> tuple[Sequence[Part], Sequence[Part]]:
        if self._hits is None:
            return (), ()
        if self._hits.error:
            return (), [
                (
                    f" {fit_text(self._hits.error, max(1, min(width - 2, len(self._hits.error))))} ",
                    Tone.BAD,
                )
            ]
        return (), [(f" {hits_in_words(self._hits)} ", Tone.MUTED)]


def hits_in_words(hits: Hits) -> str:
    """`12 of 340`, `12… of 340` while more may be found, with the marks if there are any."""
    shown = f"{hits.shown:,}" + ("" if hits.complete else "…")
    count = shown if hits.complete and hits.shown == hits.total else f"{shown} of {hits.total:,}"
    return f"{count}  {hits.marks:,} marked" if hits.marks else count
