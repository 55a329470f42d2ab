"""The places that run jobs: how they are reached, what they allow, whether they answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from mantik_tui.domain.errors import MantikError, StoreProblem
from mantik_tui.domain.site import THIS_MACHINE, Site
from mantik_tui.domain.text import clean, clock
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.config_file import edit_config
from mantik_tui.screens.copying import copy_one_of
from mantik_tui.screens.list_tools import choose_columns, choose_sort
from mantik_tui.screens.run_tables import Numbers, fits
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.widgets.filter_bar import FilterBar, Hits
from mantik_tui.widgets.one_line import STRONG
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.styled_text import BLANK, Line, StyledText, fact, heading, plain
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import sites, views
from mantik_tui.workspace.reads import jobs

VIEW = "sites"
_TABLES = frozenset({"*", "site", "job"})


@dataclass(frozen=True, slots=True)
class SiteRow:
    site: Site
    running: int
    queued: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class Tested:
    """What the last test of a site found."""

    at_ms: int
    checks: tuple[sites.Check, ...] = ()
    problem: str = ""
    running: bool = False


class SitesScreen(MantikScreen):
    """All sites; below, everything about the one under the cursor and what its last test found."""

    SCREEN_ID = "sites"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("sites")

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[SiteRow] = []
        self._tests: dict[str, Tested] = {}
        self._numbers = Numbers()
        self._view = views.View()

    def compose_body(self) -> ComposeResult:
        self._view = views.recall(self.session, VIEW)
        self._filter = FilterBar(placeholder="words", id="sites-filter")
        self._columns = columns()
        self._table = VirtualTable[SiteRow](
            self._chosen(), id="sites", empty_text="No sites. n adds one."
        )
        self._details = StyledText(id="site-details")
        self._details.can_focus = False
        self._read()
        yield self._filter
        yield self._table
        yield self._details

    def on_mount(self) -> None:
        self._filter.display = False
        self._table.focus()

    def place(self) -> list[str]:
        return ["sites"]

    # ------------------------------------------------------------ reading

    def store_changed(self, tables: frozenset[str]) -> None:
        if tables & _TABLES:
            self._read()

    def _read(self) -> None:
        now_ms = self.session.now_ms()
        try:
            found = self.session.read(jobs.sites)
            active = self.session.read(jobs.open_jobs)
        except StoreProblem:
            return
        self._rows = []
        for site in found:
            states = [job.state.value for job in active if job.site == site.name]
            running, queued = states.count("running"), states.count("queued")
            self._rows.append(SiteRow(site, running, queued, now_ms))
        self._show()

    def _show(self) -> None:
        text = self._filter.text if self._filter.is_mounted else ""
        rows = [
            row
            for row in self._rows
            if fits(text, row.site.name, state_words(row.site), kind(row.site))
        ]
        column = next((c for c in self._columns if c.id == self._view.sort), None)
        if column is not None:
            rows.sort(key=column.cell, reverse=self._view.descending)
        self._table.replace_source(ListSource[SiteRow](rows, self._number))
        self._filter.show_hits(Hits(len(rows), len(self._rows)))
        self._show_details()

    def _number(self, row: SiteRow) -> int:
        return self._numbers.of(row.site.name)

    @property
    def site(self) -> Site | None:
        """The site under the cursor."""
        row = self._table.cursor_row
        return row.site if row is not None else None

    def _show_details(self) -> None:
        row = self._table.cursor_row
        tested = self._tests.get(row.site.name) if row is not None else None
        self._details.show(site_lines(row, tested) if row is not None else [])

    # ------------------------------------------------------------ what happens

    @on(VirtualTable.RowHighlighted)
    def _moved(self) -> None:
        self._show_details()
        self.refresh_bindings()

    @on(VirtualTable.RowSelected)
    def _opened(self) -> None:
        self.action_test_site()

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

    # ------------------------------------------------------------ actions

    def why_not(self, action_id: str) -> str | None:
        if not self.is_mounted:
            return None
        if action_id in ("login", "logout"):
            return "Sites of this release need no login: they are this machine"
        if action_id in ("test-site", "delete", "copy") and self.site is None:
            return "There is no site under the cursor"
        if action_id == "delete" and self.site is not None and self.site.name == THIS_MACHINE:
            return "This machine is always there"
        return None

    def action_filter(self) -> None:
        self._filter.display = True
        self._filter.open()

    def set_filter(self, text: str) -> None:
        self._filter.display = bool(text)
        self._filter.set_text(text)

    def action_test_site(self) -> None:
        """Try everything that a submission needs."""
        site = self.site
        if site is None:
            return
        now_ms = self.session.now_ms()
        self._tests[site.name] = Tested(now_ms, running=True)
        self._show_details()
        self.run_verb(
            sites.test,
            site.name,
            done=partial(self._tested, site.name),
            failed=partial(self._not_tested, site.name),
        )

    def _tested(self, name: str, checks: list[sites.Check]) -> None:
        self._tests[name] = Tested(self.session.now_ms(), tuple(checks))
        self._read()

    def _not_tested(self, name: str, error: MantikError) -> None:
        self._tests[name] = Tested(self.session.now_ms(), problem=str(error))
        self._show_details()

    def action_edit(self) -> None:
        edit_config(self, self._read)

    def action_new(self) -> None:
        from mantik_tui.screens.site_form import ask_new_site

        ask_new_site(self, {row.site.name for row in self._rows}, self._read)

    def action_delete(self) -> None:
        from mantik_tui.widgets.dialogs import ConfirmDialog

        site = self.site
        if site is None:
            return
        row = self._table.cursor_row
        active = row.running + row.queued if row is not None else 0
        lines = [f"site      {site.name}", f"run root  {site.run_root or '(default)'}", ""]
        lines.append(
            f"{active} of its jobs are active: they go on, but their state can't be followed any more."
            if active
            else "Its run folders and the runs here stay as they are."
        )

        def answered(answer: str | None) -> None:
            if answer == ConfirmDialog.YES:
                done = lambda _: self._read()  # noqa: E731
                self.run_verb(sites.remove, site.name, done=done, words=f"{site.name} is removed")

        self.app.push_screen(
            ConfirmDialog(f"Remove {site.name}?", lines, yes="remove it"), answered
        )

    def action_copy(self) -> None:
        site = self.site
        if site is not None:
            parts = [("name", site.name), ("run root", site.run_root), ("why", site.state_reason)]
            copy_one_of(self, [*parts, ("all of it", self._details.text)])

    def action_columns(self) -> None:
        def take(ids: tuple[str, ...]) -> None:
            self._remember(views.View(ids, self._view.sort, self._view.descending))
            self._table.set_columns(self._chosen())

        chosen = [column.id for column in self._chosen()]
        choose_columns(self, [(c.id, c.title, "") for c in self._columns], chosen, take)

    def action_sort(self) -> None:
        choices = [("", "by name"), *((c.id, c.title) for c in self._columns[1:])]
        choose_sort(self, choices, self._view.sort, self._sort_by)

    def _sort_by(self, column: str) -> None:
        again = column == self._view.sort
        descending = not self._view.descending if again else False
        self._remember(views.View(self._view.columns, column, descending))
        self._table.set_sort(column, descending)
        self._show()

    def _chosen(self) -> tuple[Column[SiteRow], ...]:
        by_id = {column.id: column for column in self._columns}
        chosen = [by_id[name] for name in self._view.columns if name in by_id]
        return tuple(chosen) or self._columns

    def _remember(self, view: views.View) -> None:
        self._view = view
        self.run_verb(views.remember, VIEW, view)


# -------------------------------------------------------------------------------- words


def kind(site: Site) -> str:
    """`this machine × processes`."""
    transport = {"local": "this machine"}.get(site.transport, site.transport)
    scheduler = {"process": "processes"}.get(site.scheduler, site.scheduler)
    return f"{transport} × {scheduler}"


def state_words(site: Site) -> str:
    return site.state or "not tried yet"


def state_tone(site: Site) -> Tone:
    if not site.state:
        return Tone.MUTED
    return Tone.GOOD if site.state == "ok" else Tone.BAD


def site_lines(row: SiteRow, tested: Tested | None) -> list[Line]:
    """Everything about a site, and its last test, one check a line."""
    site = row.site
    reason = f": {clean(site.state_reason, keep_newlines=False)}" if site.state_reason else ""
    as_of = f"  as of {clock(site.as_of_ms, row.now_ms)}" if site.as_of_ms else ""
    lines = [
        Line(
            (
                (f"{site.name}  ", STRONG),
                (f"{state_words(site)}{reason}", state_tone(site)),
                (as_of, Tone.MUTED),
            )
        ),
        fact("kind", f"{kind(site)}{f', {site.address}' if site.address else ''}"),
        fact("run root", site.run_root or "the program's own folder"),
        fact("slots", site.settings.get("slots", "as many as there are processors, halved")),
        fact("python", site.settings.get("python", "the shell's own")),
        fact("modules", ", ".join(site.modules) or "none"),
    ]
    if site.account:
        lines.append(fact("account", site.account))
    lines += [fact("adds", line) for line in site.extra_lines]
    return [*lines, BLANK, *_test_lines(tested, row.now_ms)]


def _test_lines(tested: Tested | None, now_ms: int) -> list[Line]:
    if tested is None:
        return [plain("T tries everything that a submission needs.", Tone.MUTED)]
    if tested.running:
        return [plain("testing …", Tone.ACCENT)]
    if tested.problem:
        return [plain(f"The test could not be made: {tested.problem}", Tone.WARN)]
    lines = [heading(f"Test at {clock(tested.at_ms, now_ms)}")]
    for check in tested.checks:
        sign, tone = ("✓", Tone.GOOD) if check.ok else ("✗", Tone.BAD)
        words = clean(check.words, keep_newlines=False)
        lines.append(Line(((f"{sign} {check.name:<14} ", tone), (words, Tone.PLAIN)), 17))
    return lines


def columns() -> tuple[Column[SiteRow], ...]:
    """All columns of the sites."""

    def muted(_row: SiteRow) -> Tone:
        return Tone.MUTED

    def age(row: SiteRow) -> str:
        return clock(row.site.as_of_ms, row.now_ms)

    return (
        Column("name", "site", lambda row: row.site.name, 18, 0),
        Column(
            "state",
            "state",
            lambda row: state_words(row.site),
            14,
            0,
            tone=lambda r: state_tone(r.site),
        ),
        Column("as_of", "as of", age, 10, 1, tone=muted),
        Column("running", "running", lambda row: str(row.running or "-"), 8, 2, numeric=True),
        Column("queued", "queued", lambda row: str(row.queued or "-"), 7, 3, numeric=True),
        Column("kind", "kind", lambda row: kind(row.site), 24, 4, tone=muted),
        Column(
            "root", "run root", lambda row: row.site.run_root or "-", 14, 5, fill=True, tone=muted
        ),
    )
