"""The three lines that frame every screen: where you are, how things stand, which keys help.

No clock and no spinner: what is idle sends nothing to the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from textual.screen import Screen

from mantik_tui.actions import by_id, key_words
from mantik_tui.domain.text import clock
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import ACCENT_KEY, STRONG, OneLine, Part, parts_width, shorten

CRUMB = " ▸ "
DOT = " · "
_ARROWS = ("up", "down", "left", "right")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the screen is, and how it is connected."""

    path: tuple[str, ...]
    """Names from the outside in, without the program's own: `("projects",)`."""
    workspace: str = ""
    """For example `hpc-group @ mlflow.example`."""
    connection: str = ""
    """In words: `live`, `offline since 14:03`, `log in with L`."""
    tone: Tone = Tone.PLAIN
    detail: str = ""
    """What stands at the right in place of workspace and connection, say a run's state."""


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand. `now_ms` only decides whether a time is written as a clock time or a date."""

    as_of_ms: int | None = None
    now_ms: int = 0
    jobs: tuple[tuple[str, int], ...] = ()
    """Job states with how many are in them, in the order to show them."""
    pending_writes: int = 0
    need_person: int = 0
    """Of the pending writes, how many wait for a person."""
    progress: str = ""
    """What is going on in the background, in words: `reading runs, 4,500 of 10,000`."""
    notice: str = ""
    """What just happened, at the right."""
    notice_tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class KeyHint:
    """One key on the key line."""

    key: str
    words: str
    enabled: bool = True


class TopLine(OneLine):
    """The place as a path, the workspace and the connection."""

    def __init__(self, place: Place | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._place = place or Place(())

    @property
    def place(self) -> Place:
        return self._place

    def show(self, place: Place) -> None:
        """Show a place; repaints only if it looks different."""
        self._place = place
        self.repaint_if_changed()

    def parts(self, width: int) -> tuple[Sequence[Part], Sequence[Part]]:
        place = self._place
        right = self._right(with_workspace=True)
        needed = sum(len(name) + len(CRUMB) for name in place.path) + len(" mantik") + 2
        if needed + parts_width(right) > width:
            right = self._right(with_workspace=False)
        return self._path(max(8, width - parts_width(right) - 1)), right

    def _right(self, *, with_workspace: bool) -> list[Part]:
        place = self._place
        if place.detail:
            return [(f"{place.detail} ", place.tone)]
        parts: list[Part] = []
        if with_workspace and place.workspace:
            parts.append((place.workspace, Tone.MUTED))
            parts.append(("  ", Tone.PLAIN))
        if place.connection:
            parts.append((f"● {place.connection} ", place.tone))
        return parts

    def _path(self, width: int) -> list[Part]:
        names = list(self._place.path)
        room = width - len(" mantik") - len(CRUMB) * len(names)
        while len(names) > 2 and sum(map(len, names)) > room:
            names.pop(0)
            names[0] = "…"
        if names and sum(map(len, names)) > room:
            share = max(3, room // len(names))
            names = [shorten(name, share) for name in names]
        parts: list[Part] = [(" mantik", Tone.ACCENT)]
        for index, name in enumerate(names):
            parts.append((CRUMB, Tone.MUTED))
            parts.append((name, STRONG if index == len(names) - 1 else Tone.PLAIN))
        return parts


class StatusLine(OneLine):
    """As of when, jobs by state, pending writes, and at the right what just happened."""

    def __init__(self, status: Status | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._status = status or Status()

    @property
    def status(self) -> Status:
        return self._status

    def show(self, status: Status) -> None:
        """Show a status; repaints only if it looks different."""
        self._status = status
        self.repaint_if_changed()

    def parts(self, width: int) -> tuple[Sequence[Part], Sequence[Part]]:
        left = self._left()
        notice = self._status.notice
        if not notice:
            return left, ()
        room = max(width // 2, width - parts_width(left) - 3)
        return left, [(f"{shorten(notice, room)} ", self._status.notice_tone)]

    def _left(self) -> list[Part]:
        status = self._status
        as_of = status.as_of_ms
        parts: list[Part] = [
            (f" as of {clock(as_of, status.now_ms)}" if as_of else " not read yet", Tone.MUTED)
        ]
        jobs = " ".join(f"{count:,} {state}" for state, count in status.jobs if count)
        if jobs:
            parts += [(DOT, Tone.MUTED), (jobs, Tone.PLAIN)]
        if status.pending_writes:
            words = "write" if status.pending_writes == 1 else "writes"
            parts += [(DOT, Tone.MUTED), (f"{status.pending_writes:,} {words} pending", Tone.PLAIN)]
        if status.need_person:
            verb = "needs" if status.need_person == 1 else "need"
            parts += [(DOT, Tone.MUTED), (f"{status.need_person:,} {verb} you", Tone.WARN)]
        if status.progress:
            parts += [(DOT, Tone.MUTED), (status.progress, Tone.MUTED)]
        return parts


class KeyLine(OneLine):
    """The most useful keys of what has the focus; the last of them is always help.

    A screen may have `key_labels()`: labels in place of the table's, by action id.
    """

    def __init__(self, hints: Sequence[KeyHint] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hints = tuple(hints)

    @property
    def hints(self) -> tuple[KeyHint, ...]:
        return self._hints

    def show(self, hints: Sequence[KeyHint]) -> None:
        """Show keys, the most important first; repaints only if they look different."""
        self._hints = tuple(hints)
        self.repaint_if_changed()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)
        self._bindings_changed(self.screen)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen:
            words: Callable[[], Mapping[str, str]] = getattr(screen, "key_labels", dict)
            self.show(key_hints(screen, words()))

    def parts(self, width: int) -> tuple[Sequence[Part], Sequence[Part]]:
        parts: list[Part] = []
        *hints, last = self._hints or (KeyHint("", ""),)
        last_width = parts_width(_hint_parts(last))
        for hint in hints:
            shown = _hint_parts(hint)
            if parts_width(parts) + parts_width(shown) + last_width > width:
                break
            parts += shown
        return [*parts, *_hint_parts(last)], ()


def key_hints(screen: Screen[object], words: Mapping[str, str] | None = None) -> list[KeyHint]:
    """The keys that work now on a screen, from the table of actions, with the keys that the user chose.

    What `check_action` answers None for is shown greyed. `words` replaces labels, by action id.
    """
    best: dict[str, tuple[int, KeyHint]] = {}
    focused = screen.focused
    for key, active in screen.active_bindings.items():
        action_id = active.binding.id
        if action_id is None or action_id in best or not active.binding.show:
            continue
        character = "" if key in _ARROWS else key_words(key)
        if focused and len(character) == 1 and focused.check_consume_key(key, character):
            continue  # it would be typed
        try:
            action = by_id(action_id)
        except KeyError:
            continue
        label = (words or {}).get(action_id, action.words)
        best[action_id] = (action.rank, KeyHint(key_words(key), label, active.enabled))
    return [hint for _rank, hint in sorted(best.values(), key=lambda pair: pair[0])]


def _hint_parts(hint: KeyHint) -> list[Part]:
    if not hint.words:
        return []
    if not hint.enabled:
        return [(f" {hint.key} {hint.words} ", "disabled")]
    return [(f" {hint.key}", ACCENT_KEY), (f" {hint.words} ", Tone.MUTED)]
