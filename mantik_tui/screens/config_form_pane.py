"""The lines of the form, top to bottom: code, parameters, place, resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from mantik_tui.domain.text import clean
from mantik_tui.widgets.param_field import FieldSpec, FormField


@dataclass(frozen=True, slots=True)
class Specs:
    """The lines that are always there; those of the parameters come and go."""

    code: Sequence[FieldSpec]
    place: Sequence[FieldSpec]
    resources: Sequence[FieldSpec]


class FoldLine(Static, can_focus=True):
    """Stands for lines that are folded away; enter shows or hides them."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "unfold", "show", show=False),
        Binding("down,j", "app.focus_next", show=False),
        Binding("up,k", "app.focus_previous", show=False),
    ]

    class Toggled(Message):
        """Show or hide them."""

    def action_unfold(self) -> None:
        self.post_message(self.Toggled())

    def on_click(self) -> None:
        self.action_unfold()


class FormPane(VerticalScroll):
    """Finds a line by its key: `pane["site"]`, `pane["param:lr"]`, `pane["Resources.Queue"]`."""

    def __init__(self, specs: Specs, *, id: str | None = None) -> None:
        super().__init__(id=id, can_focus=False)
        self._specs = specs
        self._fields: dict[str, FormField] = {}
        self._params: tuple[FieldSpec, ...] = ()
        self._resources_head = _head("resources, as in the text")
        self._fold = FoldLine(classes="config-head")
        self._off: Mapping[str, str] = {}
        self._unfolded = False
        self._params_box = Vertical(classes="config-part")

    def compose(self) -> ComposeResult:
        yield from self._make(self._specs.code)
        yield self._params_box
        yield _head("where it runs")
        yield from self._make(self._specs.place)
        yield self._resources_head
        yield self._fold
        yield from self._make(self._specs.resources)

    def __getitem__(self, key: str) -> FormField:
        return self._fields[key]

    @property
    def lines(self) -> tuple[str, ...]:
        """Keys of all lines."""
        return tuple(self._fields)

    def focus_field(self, key: str) -> None:
        """Put the focus on a line; on the entry point if there is no such line any more."""
        if key in self._folded_keys:
            self._unfolded = True
            self._show_fold()
        self._fields.get(key, self._fields["entry_point"]).focus_editor()

    def show_specs(self, specs: Specs) -> None:
        """Other values, notes and choices for the lines that are always there."""
        for spec in (*specs.code, *specs.place, *specs.resources):
            self._fields[spec.key].set_spec(spec)

    def show_params(self, title: str, specs: Sequence[FieldSpec]) -> None:
        """Show one line a parameter. Lines that stay keep focus and cursor."""
        before, self._params = self._params, tuple(specs)
        if [_shape(spec) for spec in before] == [_shape(spec) for spec in specs]:
            for old, new in zip(before, specs, strict=True):
                field = self._fields[new.key]
                if new != old and not field.editor.has_focus:
                    field.set_spec(new)
            return
        for spec in before:
            del self._fields[spec.key]
        lines = [_head(title), *self._make(specs)] if specs else []
        self.run_worker(self._swap(lines), exclusive=True, group="params")

    async def _swap(self, lines: Sequence[Widget]) -> None:
        await self._params_box.remove_children()
        await self._params_box.mount_all(lines)

    def show_effects(self, off: Mapping[str, str]) -> None:
        """Mark lines that change nothing, with the reason.

        Resources of which none has an effect are folded into one line.
        """
        self._off = off
        for key, field in self._fields.items():
            field.set_off(off.get(key, ""))
        self._show_fold()

    @property
    def _folded_keys(self) -> frozenset[str]:
        """Keys of the lines that are folded away."""
        keys = frozenset(spec.key for spec in self._specs.resources)
        return keys if keys <= self._off.keys() and not self._unfolded else frozenset()

    def _show_fold(self) -> None:
        folded = self._folded_keys
        verb = "hides" if self._unfolded else "shows"
        words = f"resources of a batch system: none here, enter {verb} them"
        self._fold.update(Content(clean(words, keep_newlines=False)))
        self._fold.display = bool(folded) or (self._unfolded and bool(self._off))
        self._resources_head.display = not self._fold.display
        for spec in self._specs.resources:
            self._fields[spec.key].display = spec.key not in folded

    @on(FoldLine.Toggled)
    def _toggled(self, event: FoldLine.Toggled) -> None:
        event.stop()
        self._unfolded = not self._unfolded
        self._show_fold()

    def show_faults(self, faults: Mapping[str, str]) -> None:
        """Mark lines whose value is wrong, with what is wrong. None of them stays folded away."""
        if self._folded_keys & {key for key, fault in faults.items() if fault}:
            self._unfolded = True
            self._show_fold()
        for key, field in self._fields.items():
            field.show_fault(faults.get(key, ""))

    def _make(self, specs: Sequence[FieldSpec]) -> list[FormField]:
        made = [FormField(spec) for spec in specs]
        self._fields |= {field.key: field for field in made}
        return made


def _shape(spec: FieldSpec) -> tuple[object, ...]:
    """What can't be changed in a line that is there."""
    return (spec.key, spec.free)


def _head(title: str) -> Static:
    return Static(Content(clean(title, keep_newlines=False)), classes="config-head")
