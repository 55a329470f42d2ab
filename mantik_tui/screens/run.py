"""One run: its metrics as they come, its job, params, tags, files, history, provenance, and the end of its log."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, partialmethod
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType

from mantik_tui.domain.errors import MantikError, NotFound, StoreProblem
from mantik_tui.domain.text import clock
from mantik_tui.screens import run_dialogs, run_records
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.copying import copy_one_of
from mantik_tui.screens.run_model import RunModel, read_run
from mantik_tui.screens.run_plots import MOST_METRICS, default_metrics, family
from mantik_tui.screens.run_tabs import LISTS, RunTabs
from mantik_tui.screens.run_top import Main, RunTop, main_part
from mantik_tui.screens.run_words import headline, run_tone, why_no_change
from mantik_tui.screens.text_editing import edit_text
from mantik_tui.screens.watching import unwatch, watch
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.line_plot import LinePlot
from mantik_tui.widgets.one_line import short_name
from mantik_tui.widgets.styled_text import StyledLines
from mantik_tui.workspace import live, runs, views
from mantik_tui.workspace.reads import history, projects

_POINTS = frozenset({"*", "series", "metric"})
_TABLES = _POINTS | {"run", "job", "outbox", "artifact", "site_file", "log", "site", "param"}
_WIDE = 100
"""From so many cells on the job's panel stands beside the plots."""


class RunScreen(MantikScreen):
    """Everything of one run, from the local database; what is missing is asked for meanwhile."""

    SCREEN_ID = "run"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("run")

    def __init__(self, run_id: int) -> None:
        super().__init__()
        self.run_id = run_id
        self._model: RunModel | None = None
        self._gone = ""
        self._plots_wanted = False
        self._plotted: list[str] = []
        """What was plotted for a look, from the metrics tab; not remembered."""
        self._problem = ""
        self._course = "reading the course …"
        self._asked = False
        """The engine was asked for the courses of the metrics."""

    def compose_body(self) -> ComposeResult:
        self._read()
        self._top = RunTop(id="run-top")
        self._line = StyledLines(id="run-line")
        self._tabs = RunTabs(self, self.run_id, id="run-lower")
        yield self._top
        yield self._line
        yield self._tabs

    def on_mount(self) -> None:
        self._place_parts(self.app.size.width)
        self._show(series=True)
        self._open_tab(0)
        self._fetch()

    def place(self) -> list[str]:
        run = self._model.run if self._model else None
        if run is None:
            return ["run"]
        name = short_name(run.name)
        return [short_name(run.project_name), name] if run.project_name else [name]

    def place_note(self) -> str:
        model = self._model
        return headline(model.run, model.job, model.entries) if model else self._gone

    def note_tone(self) -> Tone | None:
        return run_tone(self._model.run) if self._model else Tone.WARN

    # ------------------------------------------------------------ reading and painting

    def _read(self) -> None:
        try:
            self._model = read_run(self.session, self.run_id)
        except NotFound:
            self._gone = "this run is no longer there"
        except StoreProblem:
            pass  # the database is busy: what is shown stays

    def store_changed(self, tables: frozenset[str]) -> None:
        if tables & _TABLES:
            self._read()
            self._fetch_histories()
            self.refresh_bindings()
            self._show(series=bool(tables & _POINTS))
            if tables & {"log", "*"}:
                self._top.tail.look()
                self._tabs.log_changed()

    def _show(self, *, series: bool = False) -> None:
        model = self._model
        if model is None or not self.is_mounted:
            return
        now_ms = self.session.now_ms()
        part = main_part(model, self._plots_wanted)
        self._top.show(model, part, now_ms)
        if part is Main.PLOTS:
            self._show_plots(model, now_ms, series=series)
        self._line.show(RunTop.summary(model, now_ms))
        wide = self.size.width >= _WIDE
        self._tabs.show(model, self._top.plots.keys, wide=wide, series=series)

    def _show_plots(self, model: RunModel, now_ms: int, *, series: bool) -> None:
        chosen = self._chosen_metrics(model)
        empty = self._problem or (self._course if chosen else "no metrics yet")
        ages = [found.as_of_ms for found in model.histories if found.key in chosen]
        if ages and self._problem:
            empty = f"as of {clock(min(ages), now_ms)}: {self._problem}"
        before = self._top.plots.keys
        self._top.plots.choose(chosen, empty)
        if series or before != chosen:
            self._top.plots.show(self._points)

    def _points(self, key: str) -> history.Points:
        return self.session.read(history.points, self.run_id, key)

    def _chosen_metrics(self, model: RunModel) -> list[str]:
        if self._plotted:
            return [key for key in self._plotted if key in model.run.metrics]
        chosen = views.recall(self.session, self._metrics_place(model)).columns
        there = [key for key in chosen if key in model.run.metrics]
        if there:
            return there[:MOST_METRICS]
        best = ""
        if model.run.project_id is not None:
            best = self.session.read(projects.get_project, model.run.project_id).best_metric
        return default_metrics(model.run, best)

    @staticmethod
    def _metrics_place(model: RunModel) -> str:
        return f"run-metrics:{model.run.project_id}"

    # ------------------------------------------------------------ asking for what is missing

    def _fetch(self) -> None:
        """Histories of this run's metrics, and its log if that is not complete here. The rest is asked for when it
        comes into sight."""
        model = self._model
        if model is None:
            return
        self._fetch_histories()
        if model.job is not None and model.job.job_id and not (model.log and model.log.complete):
            self.run_verb(live.fetch_log, self.run_id, done=self._log_fetched, failed=self._offline)

    def _fetch_histories(self) -> None:
        """Once there is something to fetch: a run that was opened before it began has no metrics yet."""
        run = self._model.run if self._model else None
        if self._asked or run is None or run.server_id is None or not run.metrics:
            return
        self._asked = True
        self.run_verb(live.fetch_histories, self.run_id, done=self._fetched, failed=self._offline)

    def _fetched(self, _: None) -> None:
        self._problem, self._course = "", "the server has no course of it"
        self.store_changed(frozenset({"series"}))

    def _log_fetched(self, _: object) -> None:
        self.store_changed(frozenset({"log"}))

    def _offline(self, error: MantikError) -> None:
        """Not reached: what is stored is shown, and the plot says as of when if it has nothing to draw."""
        self._problem = error.title[:1].lower() + error.title[1:]
        self._show()

    def on_screen_resume(self) -> None:
        watch(self, self.session, runs=[self.run_id])

    def on_screen_suspend(self) -> None:
        unwatch(self, self.session)

    def on_unmount(self) -> None:
        unwatch(self, self.session)

    # ------------------------------------------------------------ tabs

    def _open_tab(self, number: int) -> None:
        self._tabs.open(number)

    @on(RunTabs.TabOpened)
    def _tab_opened(self) -> None:
        self.refresh_bindings()

    def action_next_tab(self) -> None:
        self._tabs.step(1)

    def action_previous_tab(self) -> None:
        self._tabs.step(-1)

    action_tab_1 = partialmethod(_open_tab, 0)
    action_tab_2 = partialmethod(_open_tab, 1)
    action_tab_3 = partialmethod(_open_tab, 2)
    action_tab_4 = partialmethod(_open_tab, 3)
    action_tab_5 = partialmethod(_open_tab, 4)
    action_tab_6 = partialmethod(_open_tab, 5)
    action_tab_7 = partialmethod(_open_tab, 6)
    action_files = partialmethod(_open_tab, 3)

    def on_resize(self, event: events.Resize) -> None:
        self._place_parts(event.size.width)
        self._show()

    def _place_parts(self, width: int) -> None:
        wide = width >= _WIDE
        self._top.panel.display = wide
        self._line.display = not wide

    # ------------------------------------------------------------ plots

    @on(RunTabs.MetricChosen)
    def _metric_chosen(self, event: RunTabs.MetricChosen) -> None:
        """Plot the metric with its kin, and give the keys to the plot."""
        model = self._model
        if model is None:
            return
        self._plots_wanted = True
        if event.key not in self._top.plots.keys:
            kin = [key for key in model.run.metrics if family(key) == family(event.key)]
            self._plotted = [event.key, *(key for key in kin if key != event.key)][:MOST_METRICS]
        self._show(series=True)
        self.call_after_refresh(self._focus_plot, event.key)

    def _focus_plot(self, key: str) -> None:
        for plot in self._top.plots.plots:
            if any(series.label == key for series in plot.series):
                plot.focus()
                self.app.notify(
                    "← → inspect, + − zoom, x the axis, 0 the whole, esc back", timeout=4
                )

    def action_back(self) -> None:
        if isinstance(self.focused, LinePlot):
            self._tabs.take_focus()
        else:
            super().action_back()

    # ------------------------------------------------------------ actions

    def why_not(self, action_id: str) -> str | None:
        model = self._model
        if model is None:
            return None if action_id == "back" else "This run is no longer there"
        reasons: dict[str, Callable[[], str | None]] = {
            "edit": lambda: why_no_change(model.run),
            "tag": lambda: why_no_change(model.run),
            "rename": lambda: why_no_change(model.run),
            "cancel": lambda: run_dialogs.why_not_cancel(model.job),
            "script": lambda: run_records.why_no_script(model.run),
            "differences": lambda: run_records.why_no_changes(model.run),
            "web-page": lambda: run_records.why_no_page(model.run),
            "take-back": lambda: None if model.entries else "Nothing of this run waits to be sent",
            "metrics": lambda: None if model.run.metrics else "No metrics were logged yet",
            "log-axis": lambda: None if model.run.metrics else "No metrics were logged yet",
            "filter": lambda: None if self._tabs.open_tab in LISTS else "There is no list on this tab",
            "download": lambda: None if self._tabs.open_tab == "files" else "Choose a file first: f shows them",
            "follow": lambda: None if self._tabs.open_tab == "log" else "7 shows the log, l the whole of it",
        }  # fmt: skip
        reason = reasons.get(action_id)
        return reason() if reason else None

    def hides(self, action_id: str) -> bool:
        """Keys that belong to one tab are not on the others' key line."""
        return action_id in ("follow", "download", "filter", "open-row")

    def action_filter(self) -> None:
        self._tabs.open_filter()

    def set_filter(self, text: str) -> None:
        """Narrow the open tab, as if it had been typed."""
        self._tabs.set_filter(text)

    def action_log(self) -> None:
        self.mantik.open_log(self.run_id)

    def action_follow(self) -> None:
        self._tabs.log_view.toggle_follow()

    def action_log_axis(self) -> None:
        is_log = self._top.plots.toggle_log_axis()
        self.app.notify(f"Values are plotted on a {'log' if is_log else 'linear'} axis", timeout=2)

    def action_metrics(self) -> None:
        from mantik_tui.widgets.dialogs import Choice, PickDialog

        model = self._model
        if model is None:
            return

        def picked(ids: tuple[str, ...] | None) -> None:
            if ids is None:
                return
            self._plots_wanted, self._plotted = True, []
            place = self._metrics_place(model)
            self.run_verb(views.remember, place, views.View(ids[:MOST_METRICS]), done=self._fetched)
            if len(ids) > MOST_METRICS:
                self.app.notify(f"The first {MOST_METRICS} are shown", severity="warning")

        names = sorted(model.run.metrics, key=lambda key: (key.startswith("system/"), key))
        choices = [Choice(key, key, f"step {model.run.metrics[key].step:,}") for key in names]
        chosen = self._top.plots.keys or self._chosen_metrics(model)
        title = f"Metrics to plot, up to {MOST_METRICS}"
        self.app.push_screen(PickDialog(title, choices, picked=chosen, several=True), picked)

    def action_run_again(self) -> None:
        from mantik_tui.screens.submitting import run_again

        run_again(self, self.run_id)

    def action_compare(self) -> None:
        from mantik_tui.screens.run_compare import choose_other

        if self._model is not None:
            choose_other(self, self._model.run)

    def action_cancel(self) -> None:
        if self._model is not None and self._model.job is not None:
            run_dialogs.ask_cancel(self, self._model.run, self._model.job)

    def action_script(self) -> None:
        if self._model is not None:
            run_records.show_script(self, self._model.run)

    def action_differences(self) -> None:
        if self._model is not None:
            run_records.show_changes(self, self._model.run)

    def action_web_page(self) -> None:
        if self._model is not None:
            run_records.open_run_page(self, self._model.run)

    def action_download(self) -> None:
        self._tabs.files.download()

    def action_take_back(self) -> None:
        if self._model is not None:
            run_dialogs.ask_take_back(self, self._model.entries)

    def action_rename(self) -> None:
        if self._model is not None:
            run_dialogs.ask_rename(self, self._model.run)

    def action_tag(self) -> None:
        if self._model is not None:
            run_dialogs.ask_tag(self, self._model.run, self._tabs.tag_key)

    def action_edit(self) -> None:
        """Edit the note."""
        model = self._model
        if model is not None:
            then = partial(self.run_verb, runs.set_note, self.run_id)
            edit_text(self, f"Note of {short_name(model.run.name)}", model.run.note, then)

    def action_copy(self) -> None:
        model = self._model
        if model is None:
            return
        run, job = model.run, model.job
        parts = [("name", run.name), ("id", run.cid), ("server's id", run.server_id or "")]
        parts += [("job id", job.job_id if job else ""), ("run folder", job.folder if job else "")]
        parts.append(("artifacts", run.artifact_uri))
        copy_one_of(self, [*self._tabs.copyable(), *parts])
