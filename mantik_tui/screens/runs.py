"""The runs of all projects."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from mantik_tui.screens.run_list import RunList, Scope
from mantik_tui.screens.run_list_screen import RunListScreen
from mantik_tui.widgets.bindings import bindings_for

_EMPTY = "No runs yet. s starts one; what others ran comes with the first pull."


class RunsScreen(RunListScreen):
    """All runs of the workspace in one table; `filter_text` narrows it."""

    SCREEN_ID = "runs"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("runs")

    def __init__(self, filter_text: str | None = None) -> None:
        super().__init__()
        self._filter_text = filter_text

    def compose_body(self) -> ComposeResult:
        scope = Scope(workspace_id=self.session.workspace.id)
        self._list = RunList(self.session, scope, "runs", empty=_EMPTY)
        yield self._list

    @property
    def run_list(self) -> RunList | None:
        return self._list

    def set_filter(self, text: str) -> None:
        self._list.set_filter(text)

    def place(self) -> list[str]:
        return ["runs"]

    def on_mount(self) -> None:
        self._list.table.focus()
        if self._filter_text is not None:
            self._list.set_filter(self._filter_text)

    def why_not(self, action_id: str) -> str | None:
        if action_id == "submit" and self.is_mounted:
            row = self._list.row
            if row is None or row.project_id is None:
                return "Open a project to start a run, or r on a run to run it again"
            return None
        return super().why_not(action_id)

    def action_submit(self) -> None:
        from mantik_tui.screens.submitting import start_submit

        row = self._list.row
        if row is not None and row.project_id is not None:
            start_submit(self, row.project_id)
