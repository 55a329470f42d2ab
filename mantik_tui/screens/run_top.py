"""The upper part of a run's screen: plots, or why the run failed and the end of its log, or why it waits; and its job."""

from __future__ import annotations

from enum import StrEnum

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import ContentSwitcher

from mantik_tui.screens.run_model import RunModel
from mantik_tui.screens.run_plots import RunPlots
from mantik_tui.screens.run_words import disagreement, unsent, why_it_ended, why_no_log
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.job_panel import JobPanel, job_lines, one_line
from mantik_tui.widgets.log_tail import LogTail
from mantik_tui.widgets.one_line import STRONG
from mantik_tui.widgets.styled_text import BLANK, Line, StyledLines, StyledText, plain


class Main(StrEnum):
    """What stands in the main place."""

    PLOTS = "run-plots"
    FAILURE = "run-failure"
    WAITING = "run-waiting"


def main_part(model: RunModel, plots_wanted: bool) -> Main:
    """A failed run opens with its cause and the end of its log, one that somebody cancelled with its plots; one that has not
    begun says why it waits."""
    run = model.run
    was_asked_for = model.job is not None and model.job.cause in ("cancelled", "taken back")
    if run.metrics and (plots_wanted or was_asked_for):
        return Main.PLOTS
    if model.has_ended_badly:
        return Main.FAILURE
    return Main.WAITING if run.status == "SCHEDULED" and not run.metrics else Main.PLOTS


def failure_lines(model: RunModel) -> list[Line]:
    """Why it ended as it did, the site's words, and what helps."""
    told = why_it_ended(model.run, model.job)
    tone = Tone.BAD if model.run.status == "FAILED" else Tone.WARN
    lines = [Line(((f"{model.run.status}  ", tone), (told.why, STRONG)), len(model.run.status) + 2)]
    if model.job is not None and model.job.words:
        lines.append(Line((("the site says  ", Tone.MUTED), (model.job.words, Tone.PLAIN)), 15))
    other = disagreement(model.run)
    if other:
        lines.append(plain(other[:1].upper() + other[1:], Tone.WARN))
    if told.helps:
        lines.append(plain(f"→ {told.helps}", Tone.ACCENT, 2))
    if model.log is not None and model.log.size:
        lines.append(plain("─ the end of its log " + "─" * 20, Tone.MUTED))
    return lines


def waiting_lines(model: RunModel, now_ms: int) -> list[Line]:
    """Why a run has not begun."""
    told = why_no_log(model.run, model.job, model.entries, model.site, now_ms)
    lines = [BLANK, plain(told.why, STRONG)]
    if told.helps:
        lines.append(plain(f"→ {told.helps}", Tone.ACCENT, 2))
    entry = unsent(model.entries)
    if entry is not None and entry.attempts:
        lines.append(
            plain(f"Tried {entry.attempts} times; it goes out once, whatever happens.", Tone.MUTED)
        )
    return lines


class RunTop(Horizontal):
    """Plots or words at the left, the job's panel at the right, or one line of it where there is no room."""

    def compose(self) -> ComposeResult:
        self.plots = RunPlots(id=Main.PLOTS.value)
        self.cause = StyledLines(id="run-cause")
        self.tail = LogTail(id="run-tail")
        self.waiting = StyledText(id=Main.WAITING.value)
        self.waiting.can_focus = False
        self.switcher = ContentSwitcher(initial=Main.PLOTS.value, id="run-main")
        self.panel = JobPanel(id="run-job")
        with self.switcher:
            yield self.plots
            with Vertical(id=Main.FAILURE.value):
                yield self.cause
                yield self.tail
            yield self.waiting
        yield self.panel

    def show(self, model: RunModel, part: Main, now_ms: int) -> None:
        """Paint what the database says now; the plots' points apart."""
        if self.switcher.current != part.value:
            self.switcher.current = part.value
        if part is Main.FAILURE:
            self.cause.show(failure_lines(model))
            self.tail.show_file(model.log_path)
        elif part is Main.WAITING:
            self.waiting.show(waiting_lines(model, now_ms))
        self.panel.show(job_lines(model.run, model.job, len(model.jobs), model.entries, now_ms))

    @staticmethod
    def summary(model: RunModel, now_ms: int) -> list[Line]:
        """The panel in one line."""
        return [
            Line(((" ", Tone.PLAIN), *one_line(model.run, model.job, model.entries, now_ms)), 1)
        ]
