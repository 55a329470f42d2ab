"""Saved run configurations, of one project or of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from mantik_tui.domain.errors import MantikError, StoreProblem
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.text import clock
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.config_form_submit import submit_config, words_of
from mantik_tui.screens.config_form_verbs import ask_project
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Column, Tone, with_titles
from mantik_tui.widgets.dialogs import ConfirmDialog, Verb, VerbDialog
from mantik_tui.widgets.filter_bar import FilterBar, Hits
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import configs, reads, views
from mantik_tui.workspace.config_start import new_config
from mantik_tui.workspace.plan import Plan
from mantik_tui.workspace.submit import Submitted

VIEW = "configs"
_EMPTY = "Nothing saved yet. n makes one; r on a run starts from that run."
_TABLES = frozenset({"*", "run_config", "project"})


@dataclasses.dataclass(frozen=True, slots=True)
class ConfigRow:
    """A saved configuration with its project's name."""

    config: RunConfig
    project: str

    @property
    def id(self) -> int:
        return self.config.id or 0


class ConfigsScreen(MantikScreen):
    """The list of saved run configurations. `project_id` None shows those of all projects."""

    SCREEN_ID = "configs"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("configs")

    def __init__(self, project_id: int | None = None) -> None:
        super().__init__()
        self.project_id = project_id
        self._rows: list[ConfigRow] = []
        self._view = views.View()
        self._submitting = False

    def compose_body(self) -> ComposeResult:
        self._view = views.recall(self.session, VIEW)
        self._filter = FilterBar(placeholder="words of name, project, site, experiment")
        self._columns = config_columns(self.session.now_ms)
        self._table = VirtualTable[ConfigRow](
            self._chosen_columns(), id="configs", empty_text=_EMPTY
        )
        yield self._filter
        yield self._table

    def on_mount(self) -> None:
        super().on_mount()
        self._table.set_sort(self._view.sort, self._view.descending)
        self._read()
        self._table.focus()

    def place(self) -> list[str]:
        if self.project_id is None:
            return ["run configurations"]
        try:
            name = self.session.read(reads.projects.get_project, self.project_id).name
        except MantikError:
            name = "project"
        return [name, "run configurations"]

    def store_changed(self, tables: frozenset[str]) -> None:
        if tables & _TABLES:
            self._read()

    # ------------------------------------------------------------ reading

    def _read(self) -> None:
        try:
            rows = self.session.read(reads.projects.project_rows, self.session.workspace.id)
            saved = self.session.read(reads.jobs.run_configs, self.project_id)
        except StoreProblem as problem:
            self.app.notify(str(problem), severity="warning")
            return
        names = {row.id: row.name for row in rows}
        self._rows = [
            ConfigRow(config, names[config.project_id])
            for config in saved
            if config.project_id in names
        ]
        self._show()

    def _show(self) -> None:
        words = self._filter.text.casefold().split()
        shown = [row for row in self._rows if all(word in _searched(row) for word in words)]
        key = _SORT_KEYS.get(self._view.sort)
        if key is not None:
            shown.sort(key=key, reverse=self._view.descending)
        self._table.set_empty_text("Nothing fits; esc clears the filter." if self._rows else _EMPTY)
        self._table.replace_source(ListSource[ConfigRow](shown, _row_id))
        self._filter.show_hits(Hits(len(shown), len(self._rows), marks=len(self._table.marks)))
        self.refresh_bindings()

    def _read_again(self, _nothing: None) -> None:
        self._read()

    def _chosen_columns(self) -> tuple[Column[ConfigRow], ...]:
        by_id = {column.id: column for column in self._columns}
        chosen = tuple(by_id[name] for name in self._view.columns if name in by_id)
        return chosen or self._columns

    @property
    def _current(self) -> RunConfig | None:
        row = self._table.cursor_row if self.is_mounted else None
        return row.config if row is not None else None

    # ------------------------------------------------------------ what happens

    @on(VirtualTable.RowSelected)
    def _opened(self) -> None:
        self.action_edit()

    @on(VirtualTable.MarksChanged)
    def _marked(self) -> None:
        self._show()

    @on(VirtualTable.HeaderSelected)
    def _title_clicked(self, event: VirtualTable.HeaderSelected) -> None:
        self._sort_by(event.column_id)

    @on(FilterBar.FilterChanged)
    def _filter_changed(self) -> None:
        self._show()

    @on(FilterBar.FilterClosed)
    def _filter_closed(self) -> None:
        self._table.focus()

    def why_not(self, action_id: str) -> str | None:
        needs_row = action_id in ("edit", "duplicate", "rename", "delete", "submit", "copy")
        if needs_row and self._current is None:
            return "There is no configuration under the cursor; n makes one"
        if action_id == "submit" and self._submitting:
            return "One is being submitted"
        return None

    def _remember(self, **changes: Any) -> None:
        view = dataclasses.replace(self._view, **changes)
        if view != self._view:
            self._view = view
            self.run_verb(views.remember, VIEW, view)

    # ------------------------------------------------------------ actions

    def action_new(self) -> None:
        if self.project_id is None:
            ask_project(self, "A configuration for which project?", self._new)
        else:
            self._new(self.project_id)

    def _new(self, project_id: int) -> None:
        config = new_config(self.session, project_id)
        self.mantik.open_config_form(config, project_id)

    def action_edit(self) -> None:
        if (config := self._current) is not None:
            self.mantik.open_config_form(config, config.project_id)

    def action_duplicate(self) -> None:
        if (config := self._current) is not None:

            def done(copy: RunConfig) -> None:
                self._read()
                self._table.go_to_id(copy.id or 0)
                self.app.notify(f"Copied as {copy.name}", timeout=3)

            self.run_verb(configs.duplicate, config, done=done)

    def action_rename(self) -> None:
        from mantik_tui.screens.list_tools import ask_name

        if (config := self._current) is not None:

            def entered(name: str) -> None:
                if name != config.name:
                    words = f"Renamed to {name}"
                    self.run_verb(configs.rename, config, name, words=words, done=self._read_again)

            ask_name(self, f"Another name for {config.name}", entered, config.name)

    def action_delete(self) -> None:
        config = self._current
        if config is None:
            return
        row = self._table.cursor_row
        lines = [
            f"project  {row.project if row else '-'}",
            f"entry    {config.entry_point} on {config.site or '(no site)'}",
            "",
            "Runs that were made with it stay, and can be run again.",
        ]

        def answered(answer: str | None) -> None:
            if answer == ConfirmDialog.YES:
                words = f"{config.name} is deleted"
                self.run_verb(configs.delete, config, words=words, done=self._read_again)

        self.app.push_screen(ConfirmDialog(f"Delete {config.name}?", lines, yes="delete"), answered)

    def action_submit(self) -> None:
        config = self._current
        if config is None:
            return
        self._submitting = True

        def ended() -> None:
            self._submitting = False

        def done(made: Submitted) -> None:
            ended()
            self.app.notify(words_of(self, made, config.site))
            self.mantik.open_run(made.run_id)

        submit_config(self, config, refused=self._show_problems, done=done, ended=ended)

    def _show_problems(self, plan: Plan) -> None:
        config = plan.config
        lines: list[str] = []
        for problem in plan.problems:
            place = ":".join(part for part in (problem.key, problem.message) if part)
            lines += [f"{problem.severity} {place}", f"    {problem.hint}"]

        def answered(answer: str | None) -> None:
            if answer == "edit":
                self.mantik.open_config_form(config, config.project_id)

        verbs = (Verb("e", "edit it", "edit"), Verb("c", "close", "close"))
        title = f"{config.name} can't be submitted"
        self.app.push_screen(VerbDialog(title, lines, verbs, title_tone="-error"), answered)

    def action_copy(self) -> None:
        from mantik_tui.screens.copying import copy_one_of

        if (config := self._current) is not None:
            copy_one_of(
                self,
                [
                    ("name", config.name),
                    ("code folder", config.code),
                    ("backend config", config.backend_config),
                ],
            )

    def action_filter(self) -> None:
        self._filter.open()

    def set_filter(self, text: str) -> None:
        """Show what fits, as if the filter had been typed."""
        self._filter.set_text(text)

    def action_columns(self) -> None:
        from mantik_tui.screens.list_tools import choose_columns

        def take(ids: tuple[str, ...]) -> None:
            self._remember(columns=ids)
            self._table.set_columns(self._chosen_columns())

        chosen = [column.id for column in self._chosen_columns()]
        choose_columns(self, [(c.id, c.title, "") for c in self._columns], chosen, take)

    def action_sort(self) -> None:
        from mantik_tui.screens.list_tools import DEFAULT, choose_sort, sort_titles

        choices = [(DEFAULT, "by name"), *sort_titles(self._columns)]
        choose_sort(self, choices, self._view.sort or DEFAULT, self._sort_by)

    def _sort_by(self, column: str) -> None:
        if column not in _SORT_KEYS:
            self._remember(sort="", descending=False)
        elif column == self._view.sort:
            self._remember(descending=not self._view.descending)
        else:
            self._remember(sort=column, descending=column == "changed")
        self._table.set_sort(self._view.sort, self._view.descending)
        self._show()


def config_columns(now_ms: Callable[[], int]) -> tuple[Column[ConfigRow], ...]:
    """All columns of the list."""

    def changed(row: ConfigRow) -> str:
        return clock(row.config.updated_ms, now_ms())

    return with_titles(
        (
            Column("name", "name", lambda row: row.config.name, 18, 0, max_width=36),
            Column(
                "project",
                "project",
                lambda row: row.project,
                14,
                2,
                max_width=30,
                tone=_muted,
                unless_same=True,
            ),
            Column("entry", "entry", lambda row: row.config.entry_point, 8, 3, max_width=16),
            Column(
                "site",
                "site",
                lambda row: row.config.site or "-",
                12,
                1,
                max_width=18,
                unless_same=True,
            ),
            Column("experiment", "experiment", _experiment, 12, 5, max_width=30, tone=_muted),
            Column("changed", "changed", changed, 9, 4, max_width=12, tone=_muted),
        )
    )


_SORT_KEYS: dict[str, Callable[[ConfigRow], Any]] = {
    "name": lambda row: row.config.name.casefold(),
    "project": lambda row: row.project.casefold(),
    "entry": lambda row: row.config.entry_point,
    "site": lambda row: row.config.site,
    "experiment": lambda row: row.config.experiment.casefold(),
    "changed": lambda row: row.config.updated_ms or 0,
}


def _row_id(row: ConfigRow) -> int:
    return row.id


def _searched(row: ConfigRow) -> str:
    config = row.config
    parts = (config.name, row.project, config.entry_point, config.site, config.experiment)
    return " ".join(parts).casefold()


def _experiment(row: ConfigRow) -> str:
    return row.config.experiment or "-"


def _muted(_row: ConfigRow) -> Tone:
    return Tone.MUTED
