"""The three lines around every screen: place and connection on top, how things stand and the keys at the bottom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from mantik_tui.actions.lookup import by_id, key_words
from mantik_tui.widgets.columns import fit_text

Part = tuple[str, str]
"""A piece of text and its tone: `plain`, `muted`, `accent`, `good`, `warn`, `bad`, `strong`, `key`."""

TONES = ("plain", "muted", "accent", "good", "warn", "bad", "strong", "key")


class BarLine(Widget):
    """One line of styled text, repainted only when it changes."""

    COMPONENT_CLASSES = {f"bar--{tone}" for tone in TONES}
    DEFAULT_CSS = "BarLine { height: 1; }"
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._left: tuple[Part, ...] = ()
        self._right: tuple[Part, ...] = ()

    def show_parts(self, left: Iterable[Part], right: Iterable[Part] = ()) -> None:
        parts = (tuple(left), tuple(right))
        if parts != (self._left, self._right):
            self._left, self._right = parts
            self.refresh()

    @property
    def text(self) -> str:
        """What stands there, for tests and screen readers."""
        return "".join(part[0] for part in (*self._left, *self._right))

    def render_line(self, y: int) -> Strip:
        del y
        base = self.rich_style
        width = self.size.width
        right = [(text, tone) for text, tone in self._right if text]
        room = max(0, width - sum(cell_len(text) for text, _ in right) - 2)
        segments = [Segment(" ", base)]
        used = 1
        for text, tone in self._left:
            text = text if cell_len(text) <= room - used else fit_text(text, max(0, room - used))
            segments.append(Segment(text, self._tone(tone, base)))
            used += cell_len(text)
        if right:
            gap = max(1, width - used - sum(cell_len(text) for text, _ in right) - 1)
            segments.append(Segment(" " * gap, base))
            segments += [Segment(text, self._tone(tone, base)) for text, tone in right]
        return Strip(segments).adjust_cell_length(width, base)

    def _tone(self, tone: str, base: Style) -> Style:
        if tone == "plain":
            return base
        return base + self.get_component_rich_style(f"bar--{tone}", partial=True)


class TopLine(BarLine):
    """` mantik ▸ place ▸ place            group @ server  ● live`."""

    def show(self, place: Sequence[str], where: str, state: str, tone: str) -> None:
        left: list[Part] = [("mantik", "accent")]
        for number, name in enumerate(place, 1):
            left.append((" ▸ ", "muted"))
            left.append((name, "strong" if number == len(place) else "plain"))
        right: list[Part] = [
            (where, "muted"),
            ("  " if where and state else "", "plain"),
            (state, tone),
        ]
        self.show_parts(left, right)


class StatusLine(BarLine):
    """` as of 14:05 · 2 running 1 queued · 1 write pending`."""

    def show(self, parts: Sequence[Part]) -> None:
        joined: list[Part] = []
        for part in parts:
            if joined:
                joined.append((" · ", "muted"))
            joined.append(part)
        self.show_parts(joined)


class KeyLine(BarLine):
    """The keys of what has the focus, from the table of actions; greyed where they can't be used now."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[tuple[str, str, bool], ...] = ()
        self._ends: tuple[tuple[int, str], ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.read_keys())
        self.call_after_refresh(self.read_keys)

    def read_keys(self) -> None:
        if not self.is_attached or self.app.screen is not self.screen:
            return
        found: dict[str, tuple[int, str, str, bool]] = {}
        for key, active in self.screen.active_bindings.items():
            binding = active.binding
            if not binding.show or not binding.id or binding.id in found:
                continue
            rank = by_id(binding.id).rank
            found[binding.id] = (
                rank,
                key_words(_character(key)),
                binding.description,
                active.enabled,
            )
        shown = tuple((key, words, on) for _, key, words, on in sorted(found.values()))
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    @property
    def text(self) -> str:
        return "  ".join(f"{key} {words}" for key, words, _ in self._shown)

    def render_line(self, y: int) -> Strip:
        del y
        base = self.rich_style
        key_style = base + self.get_component_rich_style("bar--key", partial=True)
        muted = base + self.get_component_rich_style("bar--muted", partial=True)
        width = self.size.width
        segments, at, ends = [Segment(" ", base)], 1, list[tuple[int, str]]()
        for key, words, enabled in self._fitting(width - 2):
            segments.append(Segment(key, key_style if enabled else muted))
            segments.append(Segment(f" {words}  ", base if enabled else muted))
            at += cell_len(key) + cell_len(words) + 3
            ends.append((at, key))
        self._ends = tuple(ends)
        return Strip(segments).adjust_cell_length(width, base)

    def _fitting(self, room: int) -> list[tuple[str, str, bool]]:
        """As many keys as fit; help and command line stay, whatever goes."""
        last = [item for item in self._shown if item[0] in ("?", ":")]
        rest = [item for item in self._shown if item not in last]
        room -= sum(cell_len(key) + cell_len(words) + 3 for key, words, _ in last)
        taken: list[tuple[str, str, bool]] = []
        for key, words, enabled in rest:
            need = cell_len(key) + cell_len(words) + 3
            if need > room:
                break
            room -= need
            taken.append((key, words, enabled))
        return taken + last

    def on_click(self, event: events.Click) -> None:
        for end, key in self._ends:
            if event.x < end:
                self.app.simulate_key(_key_name(key))
                return


_CHARACTERS = {"question_mark": "?", "colon": ":", "slash": "/", "comma": ",", "asterisk": "*"}
_NAMES = {text: name for name, text in _CHARACTERS.items()}


def _character(key: str) -> str:
    return _CHARACTERS.get(key, key)


def _key_name(words: str) -> str:
    return _NAMES.get(words, words)
