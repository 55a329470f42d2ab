"""The settings: workspaces, looks, habits, keys, where things lie, versions. Enter changes a line in place."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from mantik_tui.domain.errors import StoreProblem
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.config_file import edit_config
from mantik_tui.screens.copying import copy_text
from mantik_tui.screens.run_tables import Numbers, fits
from mantik_tui.screens.settings_rows import (
    Does,
    SettingRow,
    columns,
    keymap_rows,
    place_rows,
    preference_rows,
    version_rows,
    workspace_rows,
)
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.filter_bar import FilterBar, Hits
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.styled_text import StyledText, fact
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import settings_verbs
from mantik_tui.workspace.reads import projects
from mantik_tui.workspace.settings_verbs import EngineInfo

_TABLES = frozenset({"*", "workspace"})


class SettingsScreen(MantikScreen):
    """One list of everything that can be set or looked up."""

    SCREEN_ID = "settings"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("settings")

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[SettingRow] = []
        self._numbers = Numbers()
        self._engine = EngineInfo(False)

    def compose_body(self) -> ComposeResult:
        self._filter = FilterBar(placeholder="words", id="settings-filter")
        self._table = VirtualTable[SettingRow](columns(), id="settings")
        self._foot = StyledText(id="settings-foot")
        self._foot.can_focus = False
        self._engine = EngineInfo(self.session.engine.connected)
        self._read()
        yield self._filter
        yield self._table
        yield self._foot

    def on_mount(self) -> None:
        self._filter.display = False
        self._table.focus()
        self.watch(self.app, "theme", self._read, init=False)
        self.run_read(
            partial(settings_verbs.engine_info, self.session),
            self._engine_told,
            group="engine-info",
        )

    def place(self) -> list[str]:
        return ["settings"]

    # ------------------------------------------------------------ reading

    def _engine_told(self, engine: EngineInfo) -> None:
        self._engine = engine
        self._read()

    def store_changed(self, tables: frozenset[str]) -> None:
        if tables & _TABLES:
            self._read()

    def _read(self) -> None:
        session = self.session
        try:
            found = session.read(projects.workspaces)
        except StoreProblem:
            return
        opened = session.workspace.name if session.has_workspace else ""
        self._rows = [
            *workspace_rows(found, opened, session.now_ms()),
            *preference_rows(session.settings, self.app.theme),
            *keymap_rows(session.settings),
            *place_rows(settings_verbs.places()),
            *version_rows(settings_verbs.versions(session), self._engine),
        ]
        self._show()

    def _show(self) -> None:
        text = self._filter.text if self._filter.is_mounted else ""
        rows = [row for row in self._rows if fits(text, row.group, row.name, row.value, row.about)]
        shown, group = [], ""
        for row in rows:
            shown.append(dataclasses.replace(row, group="") if row.group == group else row)
            group = row.group
        self._table.replace_source(ListSource[SettingRow](shown, self._number))
        self._filter.show_hits(Hits(len(rows), len(self._rows)))
        self._show_foot()

    def _number(self, row: SettingRow) -> int:
        return self._numbers.of((row.does, row.name))

    def _show_foot(self) -> None:
        """The line under the cursor in full."""
        row = self._table.cursor_row
        if row is None:
            self._foot.show([])
            return
        verbs = {
            Does.SWITCH: "enter opens this workspace, L logs in, :logout forgets the login",
            Does.COPY: "enter copies it",
            Does.TOGGLE: "enter turns it on or off",
            Does.TYPE: "enter changes it",
            Does.EDIT_FILE: "enter opens the configuration file",
            Does.PICK_THEME: "enter chooses",
        }
        lines = [fact(row.name, row.value, width=18)]
        if row.about:
            lines.append(fact("", row.about, Tone.MUTED, width=18))
        self._foot.show([*lines, fact("", verbs[row.does], Tone.MUTED, width=18)])

    # ------------------------------------------------------------ what happens

    @on(VirtualTable.RowHighlighted)
    def _moved(self) -> None:
        self._show_foot()

    @on(FilterBar.FilterChanged)
    def _filtered(self) -> None:
        self._show()

    @on(FilterBar.FilterClosed)
    def _filter_closed(self, event: FilterBar.FilterClosed) -> None:
        self._filter.display = bool(event.text)
        self._table.focus()

    @on(VirtualTable.RowSelected)
    def _chosen(self) -> None:
        row = self._table.cursor_row
        if row is None:
            return
        if row.does is Does.SWITCH:
            self._switch(row.key)
        elif row.does is Does.PICK_THEME:
            from mantik_tui.screens.themes import choose_theme

            choose_theme(self)
        elif row.does is Does.TOGGLE:
            is_on = bool(getattr(self.session.settings, row.key))
            self._set(row.key, not is_on)
        elif row.does is Does.TYPE:
            self._type(row.key)
        elif row.does is Does.EDIT_FILE:
            self.action_edit()
        else:
            copy_text(self, row.value, row.name)

    def _switch(self, name: str) -> None:
        if self.session.has_workspace and name == self.session.workspace.name:
            self.app.notify(f"{name} is open already")
            return
        self.run_verb(
            settings_verbs.switch_workspace,
            name,
            done=self._switched,
            words=f"{name} is open, also next time",
        )

    def _switched(self, _: None) -> None:
        """Screens of the other workspace's projects make no sense any more."""
        self._read()
        self.mantik.action_go_projects()
        if (screen := self.mantik.top_screen) is not None:
            screen.store_changed(frozenset({"*"}))
            screen.refresh_status()

    def _set(self, name: str, value: str | bool) -> None:
        self.run_verb(settings_verbs.set_preference, name, value, done=lambda _: self._read())

    def _type(self, name: str) -> None:
        from mantik_tui.widgets.dialogs import PromptDialog

        before = str(getattr(self.session.settings, name))

        def entered(text: str | None) -> None:
            if text is not None and text.strip() != before:
                self._set(name, text.strip())

        self.app.push_screen(PromptDialog(name, text=before), entered)

    # ------------------------------------------------------------ actions

    def why_not(self, action_id: str) -> str | None:
        if action_id in ("login", "logout") and not self.session.has_workspace:
            return "No workspace is set up yet: :connect connects a server"
        return None

    def action_filter(self) -> None:
        self._filter.display = True
        self._filter.open()

    def set_filter(self, text: str) -> None:
        self._filter.display = bool(text)
        self._filter.set_text(text)

    def action_edit(self) -> None:
        edit_config(self, self._taken)

    def _taken(self) -> None:
        """A changed file: theme and keys count at once."""
        settings = self.session.settings
        if settings.theme in self.app.available_themes:
            self.app.theme = settings.theme
        self.app.set_keymap(settings.keys)
        self._read()

    def action_login(self) -> None:
        self.mantik.open_connect(self.session.workspace)

    def action_connect(self) -> None:
        self.mantik.open_connect(None)

    def action_logout(self) -> None:
        from mantik_tui.screens.logging_out import ask_logout

        ask_logout(self)
