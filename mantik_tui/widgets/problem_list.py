"""What is wrong with what a person writes: one line a problem, the one under the cursor in full below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from mantik_tui.domain.problems import Problem, Severity
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.widgets.line_block import Line, LineBlock
from mantik_tui.widgets.one_line import STRONG
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.virtual_table import VirtualTable

MOST_LINES = 4
_BESIDE = 49
"""Cells of a row that are not the message's."""
MARKS = {Severity.ERROR: "!", Severity.WARNING: "~", Severity.NOTE: "·"}
_TONES = {Severity.ERROR: Tone.BAD, Severity.WARNING: Tone.WARN, Severity.NOTE: Tone.MUTED}


@dataclass(frozen=True, slots=True)
class Listed:
    """A problem as it is shown."""

    number: int
    """Its place in the list, which is its row id."""
    problem: Problem
    where: str
    """Line in the text, or file and line."""


class ProblemList(Vertical):
    """Problems, most pressing first. No line at all is taken where there is none but the one that says so."""

    @dataclass
    class Chosen(Message):
        """Enter on a problem: go to where it is mended."""

        problem: Problem

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._listed: tuple[Listed, ...] = ()
        self._fine = "Checking …"
        self._head = LineBlock(id="problem-head")
        self._table = VirtualTable[Listed](
            (
                Column("mark", "", _mark, 1, 0, tone=_tone),
                Column("where", "", lambda row: row.where, 4, 1, max_width=14, tone=_muted),
                Column("key", "", lambda row: row.problem.key, 10, 2, max_width=24),
                Column("message", "", lambda row: row.problem.message, 20, 0, fill=True),
            ),
            show_header=False,
            id="problem-table",
        )
        self._detail = LineBlock(id="problem-detail")

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._table
        yield self._detail

    def on_mount(self) -> None:
        self._show()

    def on_resize(self) -> None:
        self._show_lines()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """In the order in which they are shown."""
        return tuple(listed.problem for listed in self._listed)

    @property
    def detail(self) -> str:
        return self._detail.text

    def show(self, listed: Sequence[tuple[Problem, str]], fine: str) -> None:
        """Show problems, each with where it is; `fine` is said when there are none."""
        fresh = tuple(Listed(n, problem, where) for n, (problem, where) in enumerate(listed))
        if fresh != self._listed or fine != self._fine:
            self._listed, self._fine = fresh, fine
            self._show()

    def focus_list(self) -> bool:
        """Put the cursor on the first problem; False if there is none."""
        if not self._listed:
            return False
        self._table.focus()
        return True

    def _show(self) -> None:
        self._table.display = bool(self._listed)
        self._detail.display = bool(self._listed)
        self._table.styles.height = min(MOST_LINES, len(self._listed)) or 1
        source = ListSource(self._listed, _number)
        self._table.replace_source(source, keep_cursor=self._table.has_focus)
        self._show_lines()

    def _show_lines(self) -> None:
        width = max(20, self.size.width or self.app.size.width)
        self._head.show([self._title(width)])
        row = self._table.cursor_row
        if row is None:
            return
        problem = row.problem
        lines: list[Line] = []
        if len(problem.message) > width - _BESIDE:  # cut in its row
            lines.append(([(f"   {problem.message}", Tone.PLAIN)], ()))
        if problem.hint:
            lines.append(([("   → ", Tone.ACCENT), (problem.hint, Tone.PLAIN)], ()))
        self._detail.show(lines)

    def _title(self, width: int) -> Line:
        if not self._listed:
            return ([(" ─ ", Tone.MUTED), (self._fine, Tone.MUTED)], ())
        words = ", ".join(
            f"{count} {severity}{'s' * (count != 1)}"
            for severity in Severity
            if (count := sum(one.problem.severity is severity for one in self._listed))
        )
        tail = " " + "─" * max(2, width - len(words) - 5)
        return ([(" ─ ", Tone.MUTED), (words, STRONG), (tail, Tone.MUTED)], ())

    @on(VirtualTable.RowHighlighted)
    def _moved(self, event: VirtualTable.RowHighlighted) -> None:
        event.stop()
        self._show_lines()

    @on(VirtualTable.RowSelected)
    def _chosen(self, event: VirtualTable.RowSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self._listed[event.row_id].problem))


def _number(row: Listed) -> int:
    return row.number


def _mark(row: Listed) -> str:
    return MARKS[row.problem.severity]


def _tone(row: Listed) -> Tone:
    return _TONES[row.problem.severity]


def _muted(_row: Listed) -> Tone:
    return Tone.MUTED
