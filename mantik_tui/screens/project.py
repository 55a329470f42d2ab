"""One project: what it is about, its code, data, models, runs and experiments, each on a tab."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from mantik_tui.domain.errors import MantikError
from mantik_tui.domain.project import Project, ProjectRow
from mantik_tui.screens.project_tabs import (
    CodePane,
    DataPane,
    ExperimentsPane,
    ModelsPane,
    OverviewPane,
    Pane,
)
from mantik_tui.screens.run_list import RunList, Scope
from mantik_tui.screens.run_list_screen import RunListScreen
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.one_line import short_name
from mantik_tui.widgets.tab_line import TabLine
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import projects, reads

TABS = ("Overview", "Code", "Data", "Models", "Runs", "Experiments")
OVERVIEW, CODE, DATA, MODELS, RUNS, EXPERIMENTS = range(len(TABS))
_PANES: dict[int, type[Pane]] = {
    OVERVIEW: OverviewPane,
    CODE: CodePane,
    DATA: DataPane,
    MODELS: ModelsPane,
    EXPERIMENTS: ExperimentsPane,
}
_NO_RUNS = "No runs in this project yet. s starts one."


class ProjectScreen(RunListScreen):
    """A project by its row id. Tabs are built when they are first shown."""

    SCREEN_ID = "project"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("project")

    def __init__(self, project_id: int, tab: int = OVERVIEW) -> None:
        super().__init__()
        self._project_id = project_id
        self._tab = tab
        self._shown: dict[int, Widget] = {}

    def compose_body(self) -> ComposeResult:
        self._read_project()
        self._tabs = TabLine(TABS, id="tabs")
        self._shown[self._tab] = self._build(self._tab)
        self._body = Vertical(self._shown[self._tab], id="project-body")
        yield self._tabs
        yield self._body

    def on_mount(self) -> None:
        self._tab_shown()

    @property
    def project_id(self) -> int:
        return self._project_id

    def place(self) -> list[str]:
        return [short_name(self.project.name), TABS[self._tab].lower()]

    # ------------------------------------------------------------ reading

    def _read_project(self) -> None:
        read = self.session.read
        self.project: Project = read(reads.projects.get_project, self._project_id)
        rows = read(reads.projects.project_rows, self.session.workspace.id)
        self.row: ProjectRow | None = next((r for r in rows if r.id == self._project_id), None)

    def store_changed(self, tables: frozenset[str]) -> None:
        try:
            self._read_project()
        except MantikError as problem:
            self.app.notify(str(problem), severity="warning")
            return
        self._show_counts()
        pane = self._shown.get(self._tab)
        if isinstance(pane, Pane):
            if "*" in tables or tables & pane.TABLES:
                pane.refresh_from_store()
        else:
            super().store_changed(tables)

    def _show_counts(self) -> None:
        counts = {"Runs": f"{self.row.runs:,}"} if self.row and self.row.runs else {}
        self._tabs.show(self._tab, counts)

    # ------------------------------------------------------------ tabs

    @property
    def run_list(self) -> RunList | None:
        """The list of runs, while its tab is shown."""
        shown = self._shown.get(RUNS)
        return shown if self._tab == RUNS and isinstance(shown, RunList) else None

    @property
    def pane(self) -> Pane | None:
        shown = self._shown.get(self._tab)
        return shown if isinstance(shown, Pane) else None

    async def show_tab(self, number: int) -> None:
        """Show a tab, from 0; build it if this is the first time."""
        if number >= len(TABS):
            return
        self._tab = number
        if number not in self._shown:
            self._shown[number] = self._build(number)
            await self._body.mount(self._shown[number])
        elif (runs := self.run_list) is not None:
            runs.load()
        for other, widget in self._shown.items():
            widget.display = other == number
        self._tab_shown()

    def _tab_shown(self) -> None:
        self._show_counts()
        if (pane := self.pane) is not None:
            pane.refresh_from_store()
            pane.target().focus()
        elif (runs := self.run_list) is not None:
            runs.table.focus()
        self.refresh_status()
        self.refresh_bindings()

    def _build(self, number: int) -> Widget:
        if number == RUNS:
            scope = Scope(project_id=self._project_id)
            return RunList(self.session, scope, f"runs:{self.project.uid}", empty=_NO_RUNS)
        return _PANES[number](self, id=f"pane-{TABS[number].lower()}")

    async def show_experiment(self, name: str) -> None:
        """The runs of one experiment."""
        await self.show_tab(RUNS)
        if (runs := self.run_list) is not None:
            runs.set_filter(f'experiment:"{name}"')

    # ------------------------------------------------------------ what happens

    @on(TabLine.Clicked)
    async def _tab_clicked(self, event: TabLine.Clicked) -> None:
        await self.show_tab(event.number)

    @on(VirtualTable.RowSelected, "#pane-experiments-table")
    async def _experiment_opened(self) -> None:
        pane = self.pane
        if isinstance(pane, ExperimentsPane) and pane.experiment is not None:
            await self.show_experiment(pane.experiment.name)

    @on(VirtualTable.RowSelected, "#pane-models-table")
    def _model_opened(self) -> None:
        pane = self.pane
        if not isinstance(pane, ModelsPane) or pane.model is None:
            return
        if pane.model.run_id is None:
            self.app.notify("The run that made this model is not known here", severity="warning")
        else:
            self.mantik.open_run(pane.model.run_id)

    # ------------------------------------------------------------ actions

    def why_not(self, action_id: str) -> str | None:
        if not self.is_mounted:
            return None
        if action_id.startswith("tab-") and int(action_id[4:]) > len(TABS):
            return f"There are {len(TABS)} tabs"
        if action_id == "edit" and self._tab not in (OVERVIEW, CODE):
            return "Here e has nothing to edit; on the Code tab it sets the folder on this machine"
        if action_id == "copy" and self.run_list is None:
            return None
        return super().why_not(action_id)

    def hides(self, action_id: str) -> bool:
        return action_id == "edit" or super().hides(action_id)

    def action_edit(self) -> None:
        """Set the folder on this machine that holds the MLproject."""
        from mantik_tui.widgets.dialogs import PromptDialog

        def entered(text: str | None) -> None:
            if text is not None:
                self.run_verb(
                    projects.set_project_folder, self._project_id, text, done=self._folder_set
                )

        dialog = PromptDialog(
            "Folder on this machine",
            text=self.project.folder,
            placeholder="~/code/wind-net",
            lines=["It should hold the MLproject. An empty line forgets it."],
        )
        self.app.push_screen(dialog, entered)

    def _folder_set(self, folder: str) -> None:
        if not folder:
            self.app.notify("The project has no folder on this machine any more")
        elif projects.has_mlproject(folder):
            self.app.notify(f"Runs are made from {folder}")
        else:
            self.app.notify(f"{folder} has no MLproject file yet", severity="warning")

    def action_submit(self) -> None:
        from mantik_tui.screens.submitting import start_submit

        start_submit(self, self._project_id)

    def action_copy(self) -> None:
        if self.run_list is not None:
            super().action_copy()
            return
        from mantik_tui.screens.copying import copy_one_of

        more = self.pane.copies() if self.pane else []
        copy_one_of(self, [*more, ("project", self.project.name), ("id", self.project.uid)])

    def action_web_page(self) -> None:
        if self.run_list is not None:
            super().action_web_page()
            return
        from mantik_tui.screens.copying import open_web_page

        open_web_page(self, projects.web_page(self.session, self._project_id))

    async def action_next_tab(self) -> None:
        await self.show_tab((self._tab + 1) % len(TABS))

    async def action_previous_tab(self) -> None:
        await self.show_tab((self._tab - 1) % len(TABS))

    async def action_tab_1(self) -> None:
        await self.show_tab(OVERVIEW)

    async def action_tab_2(self) -> None:
        await self.show_tab(CODE)

    async def action_tab_3(self) -> None:
        await self.show_tab(DATA)

    async def action_tab_4(self) -> None:
        await self.show_tab(MODELS)

    async def action_tab_5(self) -> None:
        await self.show_tab(RUNS)

    async def action_tab_6(self) -> None:
        await self.show_tab(EXPERIMENTS)
