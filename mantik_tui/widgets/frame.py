"""The three lines that frame every screen: where you are, how things stand, which keys help.

No clock and no spinner: what is idle sends nothing to the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.screen import Screen

from mantik_tui.actions import by_id, key_words
from mantik_tui.domain.text import clock
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import (
    ACCENT_KEY,
    STRONG,
    OneLine,
    Part,
    clip,
    parts_width,
    shorten,
)

CRUMB = " ▸ "
DOT = " · "
_PROGRAM = " mantik"
_APART = "  "
_NARROW = 24
"""A path in fewer cells is its last name alone."""
_LEAST_PATH = 16
_LEAST_STATE = 6
_LEAST_NOTICE = 30
"""Cells that a notice needs to be of use; where they are not there, less pressing things make room."""
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
    """What stands at the right in place of the workspace, before the connection: say a run's state."""
    detail_tone: Tone = Tone.PLAIN


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
    sender: str = ""
    """The host that sends, where it is another one."""
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
        """The workspace goes first where space is short, then the path's outer names, then the end of the detail."""
        needed = sum(cell_len(name) + len(CRUMB) for name in self._place.path) + len(_PROGRAM) + 1
        right = self._right(with_workspace=True)
        if needed + parts_width(right) > width:
            right = self._right(with_workspace=False)
        most = width - 1 - min(needed, max(_LEAST_PATH, width // 2))
        if parts_width(right) > most:
            right = self._right(with_workspace=False, room=most)
        return self._path(max(0, width - parts_width(right) - 1)), right

    def _right(self, *, with_workspace: bool, room: int | None = None) -> list[Part]:
        place = self._place
        connection = f"● {place.connection} " if place.connection else ""
        parts: list[Part] = []
        detail = place.detail
        if detail and room is not None:
            left = room - cell_len(connection) - len(_APART)
            detail = clip(detail, left) if left >= _LEAST_STATE else ""
        if detail:
            parts += [(detail, place.detail_tone), (_APART if connection else " ", Tone.PLAIN)]
        if with_workspace and place.workspace and not place.detail:
            parts += [(place.workspace, Tone.MUTED), (_APART, Tone.PLAIN)]
        if connection and room is not None:
            connection = clip(connection, max(_LEAST_STATE, room - parts_width(parts)))
        parts.append((connection, place.tone))
        return parts

    def _path(self, width: int) -> list[Part]:
        """The path in at most `width` cells; the last name stays longest, and loses its middle, not its ends."""
        names = list(self._place.path)
        program = _PROGRAM
        room = width - len(program) - len(CRUMB) * len(names)
        if width < _NARROW and names and _cells(names) > room:
            program, names = "", names[-1:]
            room = width - 1
        while len(names) > 2 and _cells(names) > room:
            names.pop(0)
            names[0] = "…"
            room = width - len(program) - len(CRUMB) * len(names)
        if _cells(names) > room:
            names = _shares(names, room)
        parts: list[Part] = [(program, Tone.ACCENT)]
        for index, name in enumerate(names):
            parts.append((CRUMB if program or index else " ", Tone.MUTED))
            parts.append((name, STRONG if index == len(names) - 1 else Tone.PLAIN))
        return parts


def _cells(names: Sequence[str]) -> int:
    return sum(map(cell_len, names))


def _shares(names: Sequence[str], room: int) -> list[str]:
    """Names in `room` cells together: short ones as they are, the long ones share what is left."""
    left, widths = room, dict.fromkeys(range(len(names)), 0)
    for count, index in enumerate(sorted(widths, key=lambda n: cell_len(names[n]))):
        widths[index] = min(cell_len(names[index]), max(1, left // (len(names) - count)))
        left -= widths[index]
    return [shorten(name, widths[index]) for index, name in enumerate(names)]


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
        """What needs a person and what is unsent stay whole; the notice gets what is left and is cut at its end."""
        notice = self._status.notice
        wanted = min(cell_len(notice), _LEAST_NOTICE) + 2 if notice else 0
        for detail in (3, 2, 1, 0):
            left = self._left(detail)
            if parts_width(left) + wanted <= width:
                break
        room = width - parts_width(left) - 3
        if not notice or room < 2:
            return left, ()
        return left, [(f"{clip(notice, room)} ", self._status.notice_tone)]

    def _left(self, detail: int) -> list[Part]:
        """`detail` 3 says all, 2 not what goes on in the background, 1 no jobs either, 0 only what waits."""
        status = self._status
        as_of = status.as_of_ms
        said: list[Part] = []
        if detail or not status.pending_writes:
            words = f"as of {clock(as_of, status.now_ms)}" if as_of else "not read yet"
            said.append((words, Tone.MUTED))
        jobs = " ".join(f"{count:,} {state}" for state, count in status.jobs if count)
        if jobs and detail > 1:
            said.append((jobs, Tone.PLAIN))
        if status.pending_writes:
            words = "write" if status.pending_writes == 1 else "writes"
            said.append((f"{status.pending_writes:,} {words} pending", Tone.PLAIN))
        if status.need_person:
            verb = "needs" if status.need_person == 1 else "need"
            said.append((f"{status.need_person:,} {verb} you", Tone.WARN))
        if status.sender and detail > 1:
            said.append((f"{status.sender} sends", Tone.MUTED))
        if status.progress and detail > 2:
            said.append((status.progress, Tone.MUTED))
        parts: list[Part] = []
        for index, part in enumerate(said):
            parts += [(DOT if index else " ", Tone.MUTED), part]
        return parts


class KeyLine(OneLine):
    """The most useful keys of what has the focus; the last of them is always help.

    A screen may have `key_labels()`: labels in place of the table's, by action id; and `NO_KEYS`: ids of actions that
    help nobody there.
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
    best: dict[str, tuple[int, int, KeyHint]] = {}
    """Rank on the line, place among the action's keys."""
    focused = screen.focused
    unwanted: Collection[str] = getattr(screen, "NO_KEYS", ())
    for key, active in screen.active_bindings.items():
        action_id = active.binding.id
        if action_id is None or action_id in unwanted or not active.binding.show:
            continue
        character = "" if key in _ARROWS else key_words(key)
        if focused and len(character) == 1 and focused.check_consume_key(key, character):
            continue  # it would be typed
        try:
            action = by_id(action_id)
        except KeyError:
            continue
        label = (words or {}).get(action_id, action.words)
        keys = [key_words(one) for one in action.keys]
        place = keys.index(key_words(key)) if key_words(key) in keys else 0
        hint = KeyHint(key_words(key), label, active.enabled)
        if action_id not in best or place < best[action_id][1]:
            best[action_id] = (action.rank, place, hint)
    return [hint for _rank, _place, hint in sorted(best.values(), key=lambda one: one[0])]


def _hint_parts(hint: KeyHint) -> list[Part]:
    if not hint.words:
        return []
    if not hint.enabled:
        return [(f" {hint.key} {hint.words} ", "disabled")]
    return [(f" {hint.key}", ACCENT_KEY), (f" {hint.words} ", Tone.MUTED)]
