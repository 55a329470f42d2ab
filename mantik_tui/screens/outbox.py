"""What waits to be written to servers and sites: why, since when, and what helps."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from mantik_tui.domain.errors import NotFound, StoreProblem
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.domain.text import clean, clock
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.copying import copy_one_of
from mantik_tui.screens.list_tools import choose_columns, choose_sort
from mantik_tui.screens.outbox_words import (
    DECISION,
    EntryRow,
    detail_lines,
    empty_lines,
    fold,
    in_conflict,
    in_doubt,
    needs_person,
    row_what,
    row_why,
    sign,
    sort_key,
    state_tone,
    state_words,
    title_words,
    what_words,
)
from mantik_tui.screens.run_dialogs import ask_take_back
from mantik_tui.screens.run_tables import Numbers, fits
from mantik_tui.screens.text_editing import edit_text
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.widgets.filter_bar import FilterBar, Hits
from mantik_tui.widgets.one_line import short_name
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.styled_text import StyledText
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import outbox, views
from mantik_tui.workspace.reads import jobs, runs

VIEW = "outbox"
_TABLES = frozenset({"*", "outbox", "run", "job"})
_SETTLE = {"m": "mine", "t": "theirs", "b": "both"}


class OutboxScreen(MantikScreen):
    """Pending writes: those that need a person first, then what waits, then what was done today."""

    SCREEN_ID = "outbox"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for("outbox"),
        *(
            Binding(key, f"settle('{choice}')", choice, show=False, id=f"conflict-{choice}")
            for key, choice in _SETTLE.items()
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[EntryRow] = []
        self._numbers = Numbers()
        self._view = views.View()
        self._all_done_shown = False

    def compose_body(self) -> ComposeResult:
        self._view = views.recall(self.session, VIEW)
        self._filter = FilterBar(placeholder="words: what, target, state", id="outbox-filter")
        self._columns = columns()
        self._table = VirtualTable[EntryRow](
            self._chosen(), id="outbox", empty_text="Nothing waits, and nothing was sent today."
        )
        self._details = StyledText(id="outbox-details")
        self._details.can_focus = False
        self._read()
        yield self._filter
        yield self._table
        yield self._details

    def on_mount(self) -> None:
        self._filter.display = False
        self._table.focus()

    def place(self) -> list[str]:
        return ["outbox"]

    def place_note(self) -> str:
        entries = [row.entry for row in self._rows]
        blocked = sum(needs_person(entry) for entry in entries)
        waiting = sum(entry.state.open for entry in entries) - blocked
        return title_words(waiting, blocked, sum(e.state is EntryState.DONE for e in entries))

    def note_tone(self) -> Tone | None:
        return Tone.WARN if any(needs_person(row.entry) for row in self._rows) else Tone.MUTED

    # ------------------------------------------------------------ reading

    def store_changed(self, tables: frozenset[str]) -> None:
        if tables & _TABLES:
            self._read()

    def _read(self) -> None:
        now_ms = self.session.now_ms()
        try:
            found = [
                *self.session.read(jobs.open_entries),
                *self.session.read(jobs.recent_entries, midnight_ms(now_ms)),
            ]
            names: dict[int, str] = {}
            for entry in found:
                if entry.run_id is not None and entry.run_id not in names:
                    names[entry.run_id] = self._run_name(entry.run_id)
        except StoreProblem:
            return
        found.sort(key=sort_key)
        self._rows = [EntryRow(entry, _target(entry, names), now_ms) for entry in found]
        self._show()

    def _run_name(self, run_id: int) -> str:
        rows = self.session.read(runs.run_rows, [run_id])
        return rows[0].name if rows else "a run that is gone"

    def _show(self) -> None:
        text = self._filter.text if self._filter.is_mounted else ""
        rows = [
            row
            for row in self._rows
            if fits(
                text, what_words(row.entry), row.target, state_words(row.entry), row.entry.error
            )
        ]
        column = next((c for c in self._columns if c.id == self._view.sort), None)
        if column is not None:
            rows.sort(key=column.cell, reverse=self._view.descending)
        elif not text:
            rows = fold(rows, is_open=self._all_done_shown)
        self._table.replace_source(ListSource[EntryRow](rows, self._number))
        self._filter.show_hits(Hits(len(rows), len(self._rows)))
        self._show_details()

    def _number(self, row: EntryRow) -> int:
        return self._numbers.of("folded" if row.folded else row.entry.id)

    @property
    def entry(self) -> Entry | None:
        """The entry under the cursor."""
        row = self._table.cursor_row
        return row.entry if row is not None and not row.folded else None

    def _show_details(self) -> None:
        row = self._table.cursor_row
        self._details.show(detail_lines(row) if row is not None else empty_lines())

    # ------------------------------------------------------------ what happens

    @on(VirtualTable.RowHighlighted)
    def _moved(self) -> None:
        self._show_details()
        self.refresh_bindings()

    @on(VirtualTable.RowSelected)
    def _opened(self) -> None:
        """The run that the write is about; on the line of finished writes, these."""
        row = self._table.cursor_row
        if row is not None and row.folded:
            self._all_done_shown = not self._all_done_shown
            self._show()
            return
        entry = self.entry
        if entry is not None and entry.run_id is not None and not self._is_gone(entry.run_id):
            self.mantik.open_run(entry.run_id)

    def _is_gone(self, run_id: int) -> bool:
        try:
            self.session.read(runs.get_run, run_id)
        except NotFound:
            self.app.notify("This run is no longer there", severity="warning")
            return True
        return False

    @on(FilterBar.FilterChanged)
    def _filtered(self) -> None:
        self._show()

    @on(FilterBar.FilterClosed)
    def _filter_closed(self, event: FilterBar.FilterClosed) -> None:
        self._filter.display = bool(event.text)
        self._table.focus()

    @on(VirtualTable.HeaderSelected)
    def _title_clicked(self, event: VirtualTable.HeaderSelected) -> None:
        self._sort_by(event.column_id)

    def on_resize(self, event: events.Resize) -> None:
        self._details.styles.height = 6 if event.size.height < 30 else 9

    # ------------------------------------------------------------ actions

    def why_not(self, action_id: str) -> str | None:
        if not self.is_mounted:
            return None
        entry = self.entry
        about_entry = ("retry", "take-back", "edit", "log", "copy")
        if action_id in about_entry and entry is None:
            row = self._table.cursor_row
            return (
                "There is no write under the cursor" if row is None else "enter shows these writes"
            )
        if entry is None or action_id not in about_entry:
            return None
        if action_id == "log":
            return None if entry.run_id is not None else "This write is not about a run"
        if action_id == "copy":
            return None
        if not entry.state.open:
            return f"It is {state_words(entry)}"
        if entry.state is EntryState.SENDING:
            return "It is being sent right now"
        if action_id == "take-back" and in_doubt(entry):
            return "It may have been submitted; e decides, R asks the site first"
        if action_id == "take-back" and entry.state is EntryState.UNSURE:
            return "It may have been sent; R asks the other side first"
        if action_id == "edit" and in_doubt(entry):
            return None
        if action_id == "edit" and entry.kind not in outbox.EDITABLE:
            return "Only tags, notes and names can be edited; u takes others back"
        return None

    def hides(self, action_id: str) -> bool:
        """Keys that change a write are not on the line of one that is finished."""
        entry = self.entry
        if entry is None:
            return action_id in ("retry", "take-back", "edit", "log", "copy")
        return not entry.state.open and action_id in ("retry", "take-back", "edit")

    def key_labels(self) -> dict[str, str]:
        entry = self.entry if self.is_mounted else None
        return {"edit": "decide"} if entry is not None and in_doubt(entry) else {}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "settle":
            entry = self.entry if self.is_mounted else None
            return entry is not None and in_conflict(entry)
        return super().check_action(action, parameters)

    def action_filter(self) -> None:
        self._filter.display = True
        self._filter.open()

    def set_filter(self, text: str) -> None:
        self._filter.display = bool(text)
        self._filter.set_text(text)

    def action_retry(self) -> None:
        if (entry := self.entry) is not None:
            self.run_verb(outbox.retry, entry.id, words=f"Tried again: {what_words(entry)}")

    def action_take_back(self) -> None:
        if (entry := self.entry) is not None:
            ask_take_back(self, [entry])

    def action_settle(self, choice: str) -> None:
        """Settle a conflict by `mine`, `theirs` or `both`."""
        entry = self.entry
        if entry is not None and in_conflict(entry):
            words = {"mine": "Yours is kept", "theirs": "Theirs is kept", "both": "Both are kept"}
            self.run_verb(outbox.resolve, entry.id, choice, words=words[choice])

    def action_edit(self) -> None:
        entry = self.entry
        if entry is None:
            return
        if in_doubt(entry):
            self._decide(entry)
            return
        value = outbox.value_of(entry)

        def entered(text: str) -> None:
            self.run_verb(outbox.edit, entry.id, text)

        if entry.kind == EntryKind.SET_NOTE:
            edit_text(self, "Note", value, entered)
            return
        from mantik_tui.widgets.dialogs import PromptDialog

        def answered(text: str | None) -> None:
            if text is not None and text != value:
                entered(text)

        title = f"Value of {clean(str(entry.payload.get('key') or 'name'), keep_newlines=False)}"
        self.app.push_screen(PromptDialog(title, text=value), answered)

    def _decide(self, entry: Entry) -> None:
        """Ask whether a submission in doubt is sent again or dropped."""
        from mantik_tui.widgets.dialogs import Verb, VerbDialog

        said = {"again": "Submitted again", "drop": "Dropped"}

        def answered(choice: str | None) -> None:
            if choice in said:
                words = f"{said[choice]}: {what_words(entry)}"
                self.run_verb(outbox.decide, entry.id, choice, words=words)

        site = clean(str(entry.payload.get("site") or "the site"), keep_newlines=False)
        lines = [f"site  {site}", *(["", entry.error] if entry.error else []), "", *DECISION]
        verbs = (
            Verb("l", "leave it", "leave"),
            Verb("a", "submit it again", "again"),
            Verb("d", "drop it", "drop", destructive=True),
        )
        self.app.push_screen(VerbDialog(what_words(entry), lines, verbs), answered)

    def action_login(self) -> None:
        self.mantik.open_connect(self.session.workspace)

    def action_log(self) -> None:
        entry = self.entry
        if entry is not None and entry.run_id is not None and not self._is_gone(entry.run_id):
            self.mantik.open_log(entry.run_id)

    def action_copy(self) -> None:
        entry = self.entry
        if entry is not None:
            parts = [("what", entry.what), ("why", entry.error), ("entry's id", entry.id)]
            copy_one_of(self, [*parts, ("all of it", self._details.text)])

    def action_columns(self) -> None:
        def take(ids: tuple[str, ...]) -> None:
            self._remember(views.View(ids, self._view.sort, self._view.descending))
            self._table.set_columns(self._chosen())

        chosen = [column.id for column in self._chosen()]
        choose_columns(self, [(c.id, c.title or "sign", "") for c in self._columns], chosen, take)

    def action_sort(self) -> None:
        choices = [("", "what needs you first"), *((c.id, c.title) for c in self._columns[1:])]
        choose_sort(self, choices, self._view.sort, self._sort_by)

    def _sort_by(self, column: str) -> None:
        again = column == self._view.sort
        descending = not self._view.descending if again else False
        self._remember(views.View(self._view.columns, column, descending))
        self._table.set_sort(column, descending)
        self._show()

    def _chosen(self) -> tuple[Column[EntryRow], ...]:
        by_id = {column.id: column for column in self._columns}
        chosen = [by_id[name] for name in self._view.columns if name in by_id]
        return tuple(chosen) or self._columns

    def _remember(self, view: views.View) -> None:
        self._view = view
        self.run_verb(views.remember, VIEW, view)


def midnight_ms(now_ms: int) -> int:
    """When today began, local time."""
    now = time.localtime(now_ms / 1000)
    return int(time.mktime((*now[:3], 0, 0, 0, 0, 0, -1)) * 1000)


def _target(entry: Entry, names: dict[int, str]) -> str:
    name = short_name(names.get(entry.run_id, "")) if entry.run_id is not None else ""
    site = entry.payload.get("site")
    if entry.kind == EntryKind.SUBMIT:
        return clean(str(site or name), keep_newlines=False)
    if entry.kind == EntryKind.CANCEL and site:
        return clean(f"{name} on {site}", keep_newlines=False)
    return name or entry.target.partition(":")[2][-12:] or entry.target


def columns() -> tuple[Column[EntryRow], ...]:
    """All columns of the outbox."""

    def tone(row: EntryRow) -> Tone:
        return state_tone(row.entry)

    def quiet(row: EntryRow) -> Tone:
        return Tone.PLAIN if row.entry.state.open else Tone.MUTED

    def muted(_row: EntryRow) -> Tone:
        return Tone.MUTED

    return (
        Column("sign", "", lambda row: sign(row.entry), 1, 0, tone=tone),
        Column("what", "what", row_what, 22, 0, max_width=30, tone=quiet),
        Column("target", "target", lambda row: row.target, 14, 2, max_width=20, tone=quiet),
        Column("state", "state", lambda row: state_words(row.entry), 11, 0, tone=tone),
        Column(
            "since", "since", lambda row: clock(row.entry.created_ms, row.now_ms), 9, 3, tone=muted
        ),
        Column("why", "why, and what helps", row_why, 19, 1, fill=True),
    )
