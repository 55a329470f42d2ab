"""Dialogs over a screen: confirm, choose, type a text, read an error. Each gives its answer as the screen's result.

Escape always means "nothing happens". All of them work in 80x24 and with the keys of lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from mantik_tui.domain.errors import MantikError
from mantik_tui.domain.text import clean
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.virtual_table import VirtualTable


@dataclass(frozen=True, slots=True)
class Verb:
    """One button of a dialog: its word says what happens."""

    key: str
    """A single character that presses it."""
    words: str
    result: str
    destructive: bool = False


_MOST_LINES = 12
_BESIDE_LINES = 7
"""Lines of a dialog that are not its text: edges, title, verbs, blanks."""


class VerbDialog(ModalScreen[str | None]):
    """A question with verbs as buttons. The result is the verb's, or None for Escape. The first verb is the default."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss_nothing", "nothing", show=False),
        Binding("left,shift+tab,up,k", "app.focus_previous", show=False),
        Binding("right,tab,down,j", "app.focus_next", show=False),
    ]

    def __init__(
        self, title: str, lines: Iterable[str], verbs: Sequence[Verb], *, title_tone: str = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = tuple(lines)
        self._verbs = tuple(verbs)
        self._title_tone = title_tone

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(_plain(self._title), classes=f"dialog-title {self._title_tone}")
            with VerticalScroll(classes="dialog-lines", can_focus=False):
                yield Static(_plain("\n".join(self._lines)))
            with Horizontal(classes="dialog-verbs"):
                for index, verb in enumerate(self._verbs):
                    label = Content(f"{verb.key} {clean(verb.words)}")
                    danger = "-destructive" if verb.destructive else ""
                    yield Button(label, id=f"verb-{index}", compact=True, classes=danger)

    def on_mount(self) -> None:
        self.query_one("#verb-0", Button).focus()

    def on_resize(self, event: events.Resize) -> None:
        """The verbs stay in sight in the smallest window; the lines scroll."""
        most = max(1, min(_MOST_LINES, event.size.height * 9 // 10 - _BESIDE_LINES))
        self.query_one(".dialog-lines").styles.max_height = most

    def on_key(self, event: events.Key) -> None:
        for verb in self._verbs:
            if event.character == verb.key:
                event.stop()
                self.answer(verb.result)
                return

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        index = int((event.button.id or "verb-0").removeprefix("verb-"))
        self.answer(self._verbs[index].result)

    def answer(self, result: str) -> None:
        """Close with a verb's result; a subclass may do something and stay open."""
        self.dismiss(result)

    def action_dismiss_nothing(self) -> None:
        self.dismiss(None)


class ConfirmDialog(VerbDialog):
    """Asks before something that can't be undone. Its result is `YES`, or anything else for no.

    `lines` name what, where and whose it is. The safe answer has the focus: Enter alone changes nothing.
    """

    YES = "yes"
    NO = "no"

    def __init__(self, title: str, lines: Iterable[str], *, yes: str, no: str = "leave it") -> None:
        super().__init__(
            title,
            lines,
            (Verb("n", no, self.NO), Verb("y", yes, self.YES, destructive=True)),
        )


class ErrorDialog(VerbDialog):
    """Says what failed, why, and what helps. `y` copies all of it."""

    def __init__(self, error: MantikError, *, details: str = "") -> None:
        self._details = "\n".join(
            part for part in (error.title, error.cause, error.hint, details) if part
        )
        lines = [part for part in (error.cause, error.hint and f"→ {error.hint}") if part]
        verbs = (Verb("o", "ok", "ok"), Verb("y", "copy details", "copy"))
        super().__init__(error.title, "\n\n".join(lines).split("\n"), verbs, title_tone="-error")

    def answer(self, result: str) -> None:
        if result == "copy":
            self.app.copy_to_clipboard(clean(self._details))
            button = self.query_one("#verb-1", Button)
            button.label = Content("y copied")
            return
        super().answer(result)


_LEAST_WORDS, _MOST_WORDS = 8, 48
"""Cells of what is picked; what is said about it gets the rest."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a `PickDialog`."""

    id: str
    words: str
    detail: str = ""


class PickDialog(ModalScreen[tuple[str, ...] | None]):
    """A list to pick from, narrowed by typing after `/`. The result is the ids picked, or None for Escape.

    With `several`, space marks and Enter takes the marked ones (also none of them); else Enter takes the one under the
    cursor.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "out", "out", show=False),
        Binding("slash", "type", "filter", show=False),
    ]

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        *,
        picked: Iterable[str] = (),
        several: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__()
        self._title = title
        self._choices = tuple(choices)
        self._several = several
        wanted = set(picked)
        self._picked = {n for n, choice in enumerate(choices) if choice.id in wanted}
        default = "space marks, enter takes the marked" if several else "enter takes it"
        self._hint = hint or f"/ narrows, {default}, esc leaves"
        self._input = Input(placeholder="/ to narrow", select_on_focus=False, compact=True)
        self._input.cursor_blink = False
        widest = max((cell_len(choice.words) for choice in self._choices), default=0)
        self._table = VirtualTable[int](
            (
                Column("words", "", self._words, min(max(_LEAST_WORDS, widest), _MOST_WORDS), 0),
                Column("detail", "", self._detail, 8, 1, fill=True, tone=lambda _n: Tone.MUTED),
            ),
            self._source(""),
            empty_text="Nothing fits.",
            show_header=False,
        )

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -list"):
            yield Static(_plain(self._title), classes="dialog-title")
            yield self._input
            yield self._table
            yield Static(_plain(self._hint), classes="dialog-hint")

    def on_mount(self) -> None:
        self._table.styles.height = min(max(1, len(self._choices)), 12)
        self._table.set_marks(self._picked)
        if not self._several and self._picked:
            self._table.go_to_id(min(self._picked))
        self._table.focus()

    def action_type(self) -> None:
        self._input.focus()

    def action_out(self) -> None:
        """One layer out: from typing to the list, from a narrowed list to the whole, then out."""
        if self._input.value:
            self._input.value = ""
            self._table.focus()
        elif self._input.has_focus:
            self._table.focus()
        else:
            self.dismiss(None)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._table.replace_source(self._source(event.value))

    @on(Input.Submitted)
    def _typing_done(self, event: Input.Submitted) -> None:
        event.stop()
        self._table.focus()
        if not self._several:
            self._table.action_open_row()

    @on(VirtualTable.RowSelected)
    def _chosen(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        numbers = sorted(self._table.marks) if self._several else [event.row_id]
        self.dismiss(tuple(self._choices[number].id for number in numbers))

    def _source(self, text: str) -> ListSource[int]:
        words = text.casefold().split()
        fitting = [
            number
            for number, choice in enumerate(self._choices)
            if all(word in f"{choice.words} {choice.detail}".casefold() for word in words)
        ]
        return ListSource(fitting, lambda number: number)

    def _words(self, number: int) -> str:
        return self._choices[number].words

    def _detail(self, number: int) -> str:
        return self._choices[number].detail


class PromptDialog(ModalScreen[str | None]):
    """Asks for one line of text. The result is the text, or None for Escape. `check` says in words what is wrong."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss_nothing", "nothing", show=False)
    ]

    def __init__(
        self,
        title: str,
        *,
        text: str = "",
        lines: Iterable[str] = (),
        placeholder: str = "",
        secret: bool = False,
        check: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = tuple(lines)
        self._check = check
        self._input = Input(
            text, placeholder=placeholder, password=secret, select_on_focus=False, compact=True
        )
        self._input.cursor_blink = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(_plain(self._title), classes="dialog-title")
            if self._lines:
                yield Static(_plain("\n".join(self._lines)), classes="dialog-lines")
            yield self._input
            yield Static("enter takes it, esc leaves", classes="dialog-hint")

    def on_mount(self) -> None:
        self._input.focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        fault = self._check(event.value) if self._check else ""
        if not fault:
            self.dismiss(event.value)
            return
        hint = self.query_one(".dialog-hint", Static)
        hint.update(_plain(fault))
        hint.add_class("-error")

    def action_dismiss_nothing(self) -> None:
        self.dismiss(None)


def _plain(text: str) -> Content:
    """Text from anywhere, safe to show, with no markup in it."""
    return Content(clean(text))
