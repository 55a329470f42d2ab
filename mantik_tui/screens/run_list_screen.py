"""What can be done with runs in a list: open, log, run again, compare, tag, cancel, copy, write to a file."""

from __future__ import annotations

from functools import partial

from textual import on

from mantik_tui.domain.run import RunRow, RunStatus
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.run_list import RunList
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import reads, runs
from mantik_tui.workspace.session import Session

NEEDS_ROW = frozenset({"run-again", "log", "tag", "copy", "cancel", "take-back", "web-page"})
OF_RUNS = NEEDS_ROW | {
    "compare",
    "best-or-last",
    "columns",
    "sort",
    "filter",
    "save-view",
    "export",
}
"""Actions that mean the list of runs."""


class RunListScreen(MantikScreen):
    """A screen that shows a `RunList`, all the time or on one of its tabs. `run_list` is None while it does not."""

    @property
    def run_list(self) -> RunList | None:
        return None

    def why_not(self, action_id: str) -> str | None:
        if action_id not in OF_RUNS or not self.is_mounted:
            return None
        runs_shown = self.run_list
        if runs_shown is None:
            return "Show the runs first: they have a tab of their own"
        if action_id == "best-or-last":
            return "The list shows last values; c compares marked runs, with best values"
        if action_id == "compare":
            few = len(runs_shown.table.marks) < 2
            return "Mark two runs or more with space, then compare them" if few else None
        if action_id not in NEEDS_ROW:
            return None
        row = runs_shown.row
        return "There is no run under the cursor" if row is None else _why_not_row(action_id, row)

    def hides(self, action_id: str) -> bool:
        return action_id == "best-or-last" or (action_id in OF_RUNS and self.run_list is None)

    # ------------------------------------------------------------ what happens

    def on_screen_resume(self) -> None:
        if self.run_list is not None:
            self.run_list.watch_rows()

    def on_screen_suspend(self) -> None:
        if self.run_list is not None:
            self.run_list.leave_rows()

    def on_unmount(self) -> None:
        if self.run_list is not None:
            self.run_list.leave_rows()

    @on(VirtualTable.RowSelected, "#runs")
    def _run_opened(self, event: VirtualTable.RowSelected) -> None:
        self.mantik.open_run(event.row_id)

    @on(RunList.RowChanged)
    def _row_changed(self) -> None:
        self.refresh_bindings()

    @on(VirtualTable.MarksChanged, "#runs")
    def _marks_changed(self) -> None:
        self.refresh_bindings()

    def store_changed(self, tables: frozenset[str]) -> None:
        if (shown := self.run_list) is not None:
            shown.store_changed(tables)

    # ------------------------------------------------------------ actions

    def action_filter(self) -> None:
        if (shown := self.run_list) is not None:
            shown.filter_bar.open()

    def action_columns(self) -> None:
        from mantik_tui.screens.list_tools import choose_columns

        if (shown := self.run_list) is not None:
            choose_columns(self, shown.column_choices(), shown.columns.ids, shown.take_columns)

    def action_sort(self) -> None:
        from mantik_tui.screens.list_tools import choose_sort

        if (shown := self.run_list) is not None:
            choices = [(id, title) for id, title, _kind in shown.column_choices() if id != "id"]
            choose_sort(self, choices, shown.sort.key, shown.sort_by)

    def action_save_view(self) -> None:
        from mantik_tui.screens.list_tools import named_filters

        if (shown := self.run_list) is not None:
            text = shown.filter_bar.text
            named_filters(self, shown.view, text, shown.set_filter, shown.remember)

    def action_compare(self) -> None:
        if (shown := self.run_list) is not None:
            self.mantik.open_compare(shown.marks_in_order())

    def action_log(self) -> None:
        if (row := self._row()) is not None:
            self.mantik.open_log(row.id)

    def action_run_again(self) -> None:
        from mantik_tui.screens.submitting import run_again

        if (row := self._row()) is not None:
            run_again(self, row.id)

    def action_cancel(self) -> None:
        from mantik_tui.screens.cancelling import ask_cancel

        if (row := self._row()) is not None:
            ask_cancel(self, self._chosen(row))

    def action_take_back(self) -> None:
        from mantik_tui.screens.cancelling import ask_take_back

        if (row := self._row()) is not None:
            ask_take_back(self, row)

    def action_tag(self) -> None:
        """Set or remove a tag of the marked runs, or of the one under the cursor."""
        from mantik_tui.widgets.dialogs import PromptDialog

        row = self._row()
        if row is None:
            return
        ids = [chosen.id for chosen in self._chosen(row)]
        whose = row.name if len(ids) == 1 else f"{len(ids)} runs"

        def entered(text: str | None) -> None:
            if text:
                key, equals, value = text.partition("=")
                what = "set" if equals else "removed"
                words = f"Tag {key.strip()} {what}; it goes out through the outbox"
                self.run_verb(
                    _tag_all, ids, key.strip(), value.strip() if equals else None, words=words
                )

        dialog = PromptDialog(
            f"Tag of {whose}",
            placeholder="label=best",
            lines=["key=value sets it, the key alone removes it"],
            check=lambda text: "" if text.partition("=")[0].strip() else "Begin with a key",
        )
        self.app.push_screen(dialog, entered)

    def action_copy(self) -> None:
        from mantik_tui.screens.copying import copy_one_of

        if (row := self._row()) is None:
            return
        run = self.session.read(reads.runs.get_run, row.id)
        params = "\n".join(f"{key}={value}" for key, value in run.params.items())
        copy_one_of(
            self,
            [
                ("name", run.name),
                ("id", run.cid),
                ("id on the server", run.server_id or ""),
                ("params", params),
                ("artifact address", run.artifact_uri),
            ],
        )

    def action_web_page(self) -> None:
        from mantik_tui.screens.copying import open_web_page

        if (row := self._row()) is not None:
            open_web_page(self, runs.web_page(self.session, row.id))

    def action_export(self) -> None:
        from mantik_tui.screens.exporting import export_list
        from mantik_tui.workspace.exports import run_table

        if (shown := self.run_list) is not None:
            columns = shown.columns
            ids = shown.marks_in_order() or shown.ids_in_order()
            table = partial(run_table, ids, columns.metrics, columns.params)
            export_list(self, f"runs-{self.place()[0]}", table)

    def _row(self) -> RunRow | None:
        return self.run_list.row if self.run_list is not None else None

    def _chosen(self, row: RunRow) -> list[RunRow]:
        """What an action on several runs means: the marked ones, else the one under the cursor."""
        shown = self.run_list
        if shown is None or not shown.table.marks:
            return [row]
        return shown.rows_of(shown.marks_in_order())


def _why_not_row(action_id: str, row: RunRow) -> str | None:
    if action_id == "cancel":
        if RunStatus(row.status).ended:
            return f"{row.name} has ended: {row.status}"
        if not row.job_state and not row.pending:
            return f"{row.name} was not submitted from here, so its job is not known"
    if action_id == "take-back" and not row.pending:
        return f"Nothing of {row.name} waits to be sent"
    return None


def _tag_all(session: Session, ids: list[int], key: str, value: str | None) -> None:
    for run_id in ids:
        if value is None:
            runs.delete_tag(session, run_id, key)
        else:
            runs.set_tag(session, run_id, key, value)
