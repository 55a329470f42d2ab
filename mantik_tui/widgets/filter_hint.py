"""Stands where a filter line will be, until somebody types: it costs one widget in place of four."""

from __future__ import annotations

from collections.abc import Sequence

from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.filter_bar import Hits, hits_in_words
from mantik_tui.widgets.one_line import OneLine, Part, shorten


class FilterHint(OneLine):
    """` / what can be typed                 6`."""

    def __init__(self, placeholder: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._placeholder = placeholder
        self.hits = Hits(0, 0)

    def show_hits(self, hits: Hits) -> None:
        self.hits = hits
        self.repaint_if_changed()

    def parts(self, width: int) -> tuple[Sequence[Part], Sequence[Part]]:
        words = f" {hits_in_words(self.hits)} "
        room = max(1, width - len(words) - 4)
        text = (
            self._placeholder
            if len(self._placeholder) <= room
            else shorten(self._placeholder, room)
        )
        return [(" / ", Tone.MUTED), (text, "disabled")], [(words, Tone.MUTED)]

    async def on_click(self) -> None:
        await self.screen.run_action("filter")
