"""One line of a form: a label, a value to type or to choose, and a word on what belongs there or what is wrong."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.suggester import Suggester, SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from mantik_tui.domain.text import clean
from mantik_tui.widgets.dialogs import Choice, PickDialog
from mantik_tui.widgets.one_line import path_tail, shorten

MAX_LINES = 5
"""Height to which a field of several lines grows."""


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """What a line of a form is for."""

    key: str
    label: str
    value: str = ""
    note: str = ""
    """At the right: type, default, what it means."""
    placeholder: str = ""
    choices: tuple[Choice, ...] = ()
    """Their ids are values."""
    free: bool = True
    """Any text goes; choices only help. Else one of the choices, and nothing is typed."""
    folders: bool = False
    """Folders of this machine are completed."""
    lines: bool = False
    """Several lines of text."""
    wide: bool = False
    check: Callable[[str], str] | None = None
    """What is wrong with a value, in words; empty if nothing is."""


class FormField(Horizontal):
    """A line of a form. Up and down go to its neighbours, enter opens the choices or goes on."""

    @dataclass
    class Changed(Message):
        """The person changed the value."""

        field: FormField
        value: str

        @property
        def control(self) -> FormField:
            return self.field

    def __init__(self, spec: FieldSpec) -> None:
        super().__init__(classes="config-field", id=None)
        self.spec = spec
        self._value = spec.value
        self._note = Static(classes="field-note")
        self._editor = self._make_editor()
        self._fault = ""
        self._off = ""
        self.set_class(spec.wide, "-wide")
        self.set_class(spec.lines, "-lines")

    def compose(self) -> ComposeResult:
        yield Static(Content(clean(self.spec.label, keep_newlines=False)), classes="field-label")
        yield self._editor
        yield self._note

    def on_mount(self) -> None:
        self._show_note()

    @property
    def key(self) -> str:
        return self.spec.key

    @property
    def value(self) -> str:
        return self._value

    @property
    def editor(self) -> Widget:
        """What takes the focus."""
        return self._editor

    @property
    def note(self) -> str:
        """What stands at the right now."""
        return self._fault or self._off or self.spec.note

    def set_spec(self, spec: FieldSpec) -> None:
        """Other notes, choices or value for the same key; nothing is said to have changed by the person."""
        self.spec = spec
        self.set_value(spec.value)
        if isinstance(self._editor, ChoiceEditor):
            self._editor.show(self._label_of(spec.value))
        elif isinstance(self._editor, Input):
            self._editor.placeholder = spec.placeholder
            self._editor.suggester = _suggester(spec)
        self._show_note()

    def set_value(self, value: str) -> None:
        """Show a value that came from elsewhere."""
        if value == self._value:
            return
        self._value = value
        with self.prevent(Input.Changed, TextArea.Changed):
            if isinstance(self._editor, Input):
                self._editor.value = value
            elif isinstance(self._editor, TextArea):
                self._editor.text = value
        if isinstance(self._editor, ChoiceEditor):
            self._editor.show(self._label_of(value))
        self._show_note()

    def set_note(self, note: str) -> None:
        """Other words at the right."""
        self.spec = dataclasses.replace(self.spec, note=note)
        self._show_note()

    def set_off(self, why: str) -> None:
        """Say that the value has no effect, and why; empty: it has."""
        self._off = why
        self._show_note()

    def show_fault(self, fault: str) -> None:
        """Mark the value as wrong, in words; empty takes the mark away."""
        self._fault = fault
        self._show_note()

    def focus_editor(self) -> None:
        self._editor.focus()

    # ------------------------------------------------------------ how it works

    def _make_editor(self) -> Widget:
        spec = self.spec
        if spec.lines:
            return _Lines(spec.value)
        if not spec.free:
            return ChoiceEditor(self._label_of(spec.value))
        kind = _FolderLine if spec.folders else _Line
        return kind(spec.value, spec.placeholder, _suggester(spec))

    def _label_of(self, value: str) -> str:
        return next((choice.words for choice in self.spec.choices if choice.id == value), value)

    def _show_note(self) -> None:
        if not self.is_attached:
            return
        wrong = self._fault or (self.spec.check(self._value) if self.spec.check else "")
        self.set_class(bool(wrong), "-wrong")
        self.set_class(bool(self._off) and not wrong, "-off")
        self._note.update(
            Content(clean(wrong or self._off or self.spec.note, keep_newlines=False)), layout=False
        )

    def _changed(self, value: str) -> None:
        if value != self._value:
            self._value = value
            self._fault = ""
            self._show_note()
            self.post_message(self.Changed(self, value))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._changed(event.value)

    @on(TextArea.Changed)
    def _lines_typed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._changed(event.text_area.text)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self.spec.choices:
            self.open_choices()
        else:
            self.screen.focus_next()

    def open_choices(self) -> None:
        """Let the person pick one of the choices."""

        def picked(ids: tuple[str, ...] | None) -> None:
            if ids:
                value = ids[0]
                if isinstance(self._editor, Input):
                    self._editor.value = value
                elif isinstance(self._editor, ChoiceEditor):
                    self._editor.show(self._label_of(value))
                    self._changed(value)

        if not self.spec.choices:
            self.app.notify(f"There is nothing to choose for {self.spec.label} yet")
            return
        self.app.push_screen(
            PickDialog(self.spec.label, self.spec.choices, picked=(self._value,)), picked
        )


def _suggester(spec: FieldSpec) -> Suggester | None:
    if spec.folders:
        return FolderSuggester()
    words = [choice.id for choice in spec.choices]
    return SuggestFromList(words, case_sensitive=False) if words else None


class ChoiceEditor(Widget, can_focus=True):
    """Shows what was chosen; enter or space opens the choices of the field around it."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "choose", "choose", show=False),
        Binding("down,j", "app.focus_next", show=False),
        Binding("up,k", "app.focus_previous", show=False),
    ]

    def __init__(self, words: str) -> None:
        super().__init__(classes="field-editor")
        self.words = words

    def show(self, words: str) -> None:
        if words != self.words:
            self.words = words
            self.refresh()

    def render(self) -> Content:
        words = clean(self.words, keep_newlines=False)
        room = max(1, self.size.width - 2)
        words = words if len(words) <= room else words[: room - 1] + "…"
        return Content(f"{words} ▾")

    def action_choose(self) -> None:
        if isinstance(self.parent, FormField):
            self.parent.open_choices()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.focus()
        self.action_choose()


class _Line(Input):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, value: str, placeholder: str, suggester: Suggester | None) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            suggester=suggester,
            compact=True,
            classes="field-editor",
        )
        self.cursor_blink = False

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y or self.value or self.has_focus or cell_len(self.placeholder) <= width:
            return super().render_line(y)
        shown = shorten(clean(self.placeholder, keep_newlines=False), width)
        style = self.get_component_rich_style("input--placeholder")
        return Strip([Segment(shown, style)]).adjust_cell_length(width, self.rich_style)


class _FolderLine(_Line):
    """While nobody types in it, it shows the end of a long path: that is where paths differ."""

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y or self.has_focus or cell_len(self.value) <= width:
            return super().render_line(y)
        style = self.rich_style
        shown = path_tail(clean(self.value, keep_newlines=False), width)
        return Strip([Segment(shown, style)]).adjust_cell_length(width, style)


class _Lines(TextArea):
    def __init__(self, value: str) -> None:
        super().__init__(value, compact=True, soft_wrap=False, highlight_cursor_line=False)
        self.add_class("field-editor")
        self.cursor_blink = False
        self.styles.max_height = MAX_LINES


class FolderSuggester(Suggester):
    """Completes a folder's path by what lies on this machine."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(complete_folder, value)


def complete_folder(value: str) -> str | None:
    """The first folder whose path begins with `value`; None if there is none, or if it can't be read."""
    if "/" not in value:
        return None
    head, _, start = value.rpartition("/")
    try:
        names = sorted(
            path.name
            for path in Path(head or "/").expanduser().iterdir()
            if path.name.startswith(start)
            and (start.startswith(".") or not path.name.startswith("."))
            and path.is_dir()
        )
    except (OSError, RuntimeError):
        return None
    return f"{head}/{names[0]}/" if names else None
