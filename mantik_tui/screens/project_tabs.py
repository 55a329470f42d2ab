"""The tabs of a project, besides its runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget

from mantik_tui.domain.project import Dataset, Model, Project
from mantik_tui.domain.run import Experiment, RunRow
from mantik_tui.domain.text import clean, clock
from mantik_tui.screens.project_lines import code_lines, data_lines, fact_lines, result_lines
from mantik_tui.screens.run_list import Scope, Sort
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Column, Tone, with_titles
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.styled_text import StyledLines, StyledText
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import reads
from mantik_tui.workspace.projects import has_mlproject

if TYPE_CHECKING:
    from mantik_tui.screens.project import ProjectScreen

_RESULTS = 5
_WIDE = 110


class Pane(Vertical):
    """One tab. `refresh_from_store` reads and paints; it is called when the tab is shown and when `TABLES` change."""

    TABLES: ClassVar[frozenset[str]] = frozenset({"project"})

    def __init__(self, screen: ProjectScreen, *, id: str) -> None:
        super().__init__(id=id)
        self.project_screen = screen

    @property
    def project(self) -> Project:
        return self.project_screen.project

    def refresh_from_store(self) -> None:
        raise NotImplementedError

    def target(self) -> Widget:
        """What takes the focus when the tab is shown."""
        return self

    def copies(self) -> list[tuple[str, str]]:
        """What `y` offers here besides the project's name and id."""
        return []


class ReadingPane(VerticalScroll, can_focus=True):
    """A column of text that scrolls by the keys of lists."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for("move")

    def action_cursor_down(self) -> None:
        self.scroll_relative(y=1, animate=False)

    def action_cursor_up(self) -> None:
        self.scroll_relative(y=-1, animate=False)

    def action_half_page_down(self) -> None:
        self.scroll_relative(y=self.size.height // 2, animate=False)

    def action_half_page_up(self) -> None:
        self.scroll_relative(y=-(self.size.height // 2), animate=False)

    def action_go_page_down(self) -> None:
        self.scroll_relative(y=self.size.height - 1, animate=False)

    def action_go_page_up(self) -> None:
        self.scroll_relative(y=1 - self.size.height, animate=False)

    def action_go_top(self) -> None:
        self.scroll_home(animate=False)

    def action_go_bottom(self) -> None:
        self.scroll_end(animate=False)

    def action_go_right(self) -> None:
        """Text is wrapped: there is nothing further right."""

    def action_go_left(self) -> None:
        """Text is wrapped: there is nothing further left."""


class OverviewPane(Pane):
    """Facts, best and latest results, and the description, which is Markdown."""

    TABLES = frozenset({"project", "project_stat", "run", "metric"})

    def compose(self) -> ComposeResult:
        self._scroll = ReadingPane(id="overview-scroll")
        self._facts = StyledLines(id="overview-facts")
        self._results = StyledLines(id="overview-results")
        self._about = Vertical(id="overview-about")
        self._described: str | None = None
        with self._scroll:
            with Vertical(id="overview-side"):
                yield self._facts
                yield self._results
            yield self._about

    def on_resize(self) -> None:
        self._scroll.set_class(self.size.width >= _WIDE, "-wide")

    def target(self) -> Widget:
        return self._scroll

    def refresh_from_store(self) -> None:
        screen = self.project_screen
        self._facts.show(fact_lines(self.project, screen.row, screen.session.now_ms()))
        screen.run_read(
            partial(_read_results, screen, self.project), self._show_results, group="overview"
        )
        if self._described != self.project.description:
            self._described = self.project.description
            self.call_after_refresh(self._describe)

    def _show_results(self, found: tuple[list[RunRow], list[RunRow]]) -> None:
        now_ms = self.project_screen.session.now_ms()
        self._results.show(result_lines(self.project, *found, now_ms))

    async def _describe(self) -> None:
        """After the first paint: the Markdown widget takes longer to load than all the rest of the screen."""
        await self._about.remove_children()
        text = without_title(clean(self._described or ""), self.project.name)
        if not text:
            from mantik_tui.widgets.styled_text import plain

            hint = "No description yet. It is the note of the project's experiment on the server."
            await self._about.mount(StyledLines([plain(hint, Tone.MUTED)]))
            return
        from textual.widgets import Markdown

        await self._about.mount(Markdown(text, open_links=False))


def without_title(text: str, name: str) -> str:
    """A description without a first heading that only repeats the project's name."""
    first, _, rest = text.strip().partition("\n")
    return rest.strip() if first.lstrip("# ").casefold() == name.casefold() else text.strip()


def _read_results(screen: ProjectScreen, project: Project) -> tuple[list[RunRow], list[RunRow]]:
    """In a thread: the best finished runs, and the latest ones."""
    from mantik_tui.domain.filters import parse_filter

    scope = Scope(project_id=project.id)
    metrics = (project.best_metric,) if project.best_metric else ()
    read = screen.session.read
    latest = read(reads.runs.run_ids, scope, limit=_RESULTS)
    best: Sequence[int] = ()
    if project.best_metric:
        order = Sort(f"metric:{project.best_metric}", project.best_goal == "max")
        # A diverged run is never the best: MLflow stores infinity as the largest double.
        key = f"`metrics.{project.best_metric}`"
        finished = parse_filter(f"status:finished {key}>-1.797e308 {key}<1.797e308")
        best = read(reads.runs.run_ids, scope, finished, order, 0, _RESULTS)
    return (
        read(reads.runs.run_rows, best, metrics),
        read(reads.runs.run_rows, latest, metrics),
    )


class CodePane(Pane):
    """Code repositories and the folder on this machine."""

    def compose(self) -> ComposeResult:
        self._text = StyledText(id="code-text")
        yield self._text

    def target(self) -> Widget:
        return self._text

    def refresh_from_store(self) -> None:
        self._text.show(code_lines(self.project, has_mlproject(self.project.folder)))

    def copies(self) -> list[tuple[str, str]]:
        found = [("folder", self.project.folder)]
        return found + [(item.name, item.uri) for item in self.project.code]


class DataPane(Pane):
    """Data repositories and the datasets that runs used."""

    TABLES = frozenset({"project", "run"})

    def compose(self) -> ComposeResult:
        self._text = StyledText(id="data-text")
        yield self._text

    def target(self) -> Widget:
        return self._text

    def refresh_from_store(self) -> None:
        screen = self.project_screen
        workspace = screen.session.workspace.id
        screen.run_read(
            partial(screen.session.read, reads.projects.datasets, workspace, self.project.id),
            self._show,
            group="datasets",
        )

    def _show(self, found: list[Dataset]) -> None:
        self._text.show(data_lines(self.project, found))

    def copies(self) -> list[tuple[str, str]]:
        return [(item.name, item.uri) for item in self.project.data]


class TablePane(Pane):
    """A tab that is one table over a list, read in a thread."""

    EMPTY = ""

    def compose(self) -> ComposeResult:
        self.table: VirtualTable[Any] = VirtualTable(
            self.columns(), id=f"{self.id}-table", empty_text=self.EMPTY
        )
        yield self.table

    def columns(self) -> tuple[Column[Any], ...]:
        raise NotImplementedError

    def target(self) -> Widget:
        return self.table


class ModelsPane(TablePane):
    """Registered models and logged models that the project's runs made."""

    TABLES = frozenset({"model", "run"})
    EMPTY = "No models yet. A training logs one with mlflow.<flavour>.log_model(…, registered_model_name=…)."

    def columns(self) -> tuple[Column[Any], ...]:
        now_ms = self.project_screen.session.now_ms
        return with_titles(
            (
                Column("name", "name", lambda pair: pair[1].name, 20, 0, max_width=40),
                Column("version", "version", lambda pair: pair[1].version or "-", 7, 1, numeric=True),
                Column("kind", "kind", lambda pair: pair[1].kind, 10, 3, tone=_muted),
                Column("aliases", "aliases", _aliases, 12, 2, max_width=24, tone=_accent),
                Column("status", "status", lambda pair: pair[1].status or "-", 8, 4, tone=_muted),
                Column("made", "made", lambda p: clock(p[1].created_ms, now_ms()), 9, 2, tone=_muted),
                Column("about", "about", _about, 10, 5, fill=True, tone=_muted),
            )
        )  # fmt: skip

    def refresh_from_store(self) -> None:
        screen = self.project_screen
        workspace = screen.session.workspace.id
        screen.run_read(
            partial(screen.session.read, reads.projects.models, workspace, self.project.id),
            self._show,
            group="models",
        )

    def _show(self, found: list[Model]) -> None:
        rows: list[tuple[int, Model]] = list(enumerate(found))
        source: ListSource[tuple[int, Model]] = ListSource(rows, _number)
        self.table.replace_source(source)

    @property
    def model(self) -> Model | None:
        row = self.table.cursor_row
        return row[1] if row else None

    def copies(self) -> list[tuple[str, str]]:
        model = self.model
        if model is None:
            return []
        address = f"models:/{model.name}/{model.version}" if model.version else model.source
        return [("model", model.name), ("address", address), ("source", model.source)]


class ExperimentsPane(TablePane):
    """The project's experiments, and how much of each has been read."""

    TABLES = frozenset({"experiment", "run"})
    EMPTY = "No experiments yet. The first run of the project makes one."

    def columns(self) -> tuple[Column[Any], ...]:
        now_ms = self.project_screen.session.now_ms
        return with_titles(
            (
                Column("name", "experiment", lambda row: row.name, 20, 0, max_width=48),
                Column("runs", "runs", lambda row: f"{row.run_count:,}", 8, 1, numeric=True),
                Column("read", "read", _read_words, 16, 2, max_width=24, tone=_read_tone),
                Column("id", "id", lambda row: row.server_id, 8, 4, max_width=20, tone=_muted),
                Column("asof", "as of", lambda row: clock(row.as_of_ms, now_ms()), 9, 3, tone=_muted),
            )
        )  # fmt: skip

    def refresh_from_store(self) -> None:
        screen = self.project_screen
        workspace = screen.session.workspace.id
        screen.run_read(
            partial(screen.session.read, reads.projects.experiments, workspace, self.project.id),
            self._show,
            group="experiments",
        )

    def _show(self, found: list[Experiment]) -> None:
        source: ListSource[Experiment] = ListSource(found, _experiment_id)
        self.table.replace_source(source)

    @property
    def experiment(self) -> Experiment | None:
        row: Experiment | None = self.table.cursor_row
        return row

    def copies(self) -> list[tuple[str, str]]:
        row = self.experiment
        return [] if row is None else [("experiment", row.name), ("id of it", row.server_id)]


def _number(pair: tuple[int, Model]) -> int:
    return pair[0]


def _experiment_id(row: Experiment) -> int:
    return row.id


def _muted(_row: object) -> Tone:
    return Tone.MUTED


def _accent(_row: object) -> Tone:
    return Tone.ACCENT


def _aliases(pair: tuple[int, Model]) -> str:
    return ", ".join(f"@{alias}" for alias in pair[1].aliases) or "-"


def _about(pair: tuple[int, Model]) -> str:
    return pair[1].description or pair[1].source


def _read_words(row: Experiment) -> str:
    """How far the first pull of an experiment is."""
    if row.access != "ok":
        return "no longer readable"
    if row.lifecycle == "deleted":
        return "deleted"
    if row.pull_total is not None and row.pulled < row.pull_total:
        return f"{row.pulled:,} of {row.pull_total:,}"
    return "all" if row.as_of_ms else "not yet"


def _read_tone(row: Experiment) -> Tone:
    if row.access != "ok":
        return Tone.BAD
    is_partial = row.pull_total is not None and row.pulled < row.pull_total
    return Tone.ACCENT if is_partial else Tone.MUTED
