"""The lines of the form, top to bottom: code, parameters, place, resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
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


class FormPane(VerticalScroll):
    """Finds a line by its key: `pane["site"]`, `pane["param:lr"]`, `pane["Resources.Queue"]`."""

    def __init__(self, specs: Specs, *, id: str | None = None) -> None:
        super().__init__(id=id, can_focus=False)
        self._specs = specs
        self._fields: dict[str, FormField] = {}
        self._params: tuple[FieldSpec, ...] = ()
        self._resources_head = _head("")
        self._params_box = Vertical(classes="config-part")

    def compose(self) -> ComposeResult:
        yield from self._make(self._specs.code)
        yield self._params_box
        yield _head("where it runs")
        yield from self._make(self._specs.place)
        yield self._resources_head
        yield from self._make(self._specs.resources)

    def __getitem__(self, key: str) -> FormField:
        return self._fields[key]

    @property
    def lines(self) -> tuple[str, ...]:
        """Keys of all lines."""
        return tuple(self._fields)

    def focus_field(self, key: str) -> None:
        """Put the focus on a line; on the entry point if there is no such line any more."""
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

    def show_effects(self, off: Mapping[str, str], site: str) -> None:
        """Mark lines that change nothing, with the reason; `site` is that of which this is said."""
        words = (
            f"resources: a batch system's, {site} has none" if off else "resources, as in the text"
        )
        self._resources_head.update(Content(clean(words, keep_newlines=False)))
        for key, field in self._fields.items():
            field.set_off(off.get(key, ""))

    def show_faults(self, faults: Mapping[str, str]) -> None:
        """Mark lines whose value is wrong, with what is wrong."""
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
