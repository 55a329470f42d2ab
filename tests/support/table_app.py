"""A small app around one table of made-up runs, for Pilot and, run as a program, for a pseudo-terminal.

`python -m tests.support.table_app ROWS [sqlite PATH | stock] [freeze]`: our table over made-up rows or over a database,
or Textual's own table; `freeze` sets the garbage collector as the program does after its first paint.
"""

from __future__ import annotations

import gc
import sqlite3
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import DataTable

from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.widgets.frame import KeyLine, Place, StatusLine, TopLine
from mantik_tui.widgets.row_source import IdSource
from mantik_tui.widgets.virtual_table import VirtualTable

BASE_STYLES = Path(__file__).parents[2] / "styles" / "base.tcss"
_STATUS = ("FINISHED",) * 7 + ("RUNNING  61 %", "FAILED  oom", "KILLED")
_TONES = {"RUNNING": Tone.ACCENT, "FAILED": Tone.BAD}


@dataclass(frozen=True, slots=True)
class FakeRun:
    id: int
    name: str
    status: str
    site: str
    took: str
    rmse: str
    lr: str
    who: str


def fake_run(number: int) -> FakeRun:
    """The same run for the same number, always."""
    mixed = number * 2_654_435_761 % 4_294_967_296
    return FakeRun(
        id=number,
        name=f"{('calm', 'quick', 'stern')[mixed % 3]}-{('heron', 'otter')[mixed % 2]}-{number}",
        status=_STATUS[mixed // 7 % 10],
        site=("juwels", "uni", "local")[mixed // 11 % 3],
        took=f"{mixed % 9}:{mixed % 60:02}:{mixed // 60 % 60:02}",
        rmse=f"0.{mixed % 10_000:04}",
        lr="1e-4",
        who=("tom", "me", "maria")[mixed // 13 % 3],
    )


def _tone(run: FakeRun) -> Tone:
    return _TONES.get(run.status.split(" ")[0], Tone.PLAIN)


COLUMNS: tuple[Column[FakeRun], ...] = (
    Column("name", "run", lambda run: run.name, 18, 0, max_width=32),
    Column("status", "status", lambda run: run.status, 14, 0, tone=_tone),
    Column("site", "site", lambda run: run.site, 8, 4),
    Column("took", "took", lambda run: run.took, 8, 5, numeric=True),
    Column("rmse", "rmse", lambda run: run.rmse, 8, 1, numeric=True),
    Column("lr", "lr", lambda run: run.lr, 6, 2, numeric=True),
    Column("who", "who", lambda run: run.who, 8, 6),
)


class CountingSource(IdSource[FakeRun]):
    """A source over made-up runs that notes which ids were read."""

    def __init__(self, ids: Iterable[int], *, complete: bool = True) -> None:
        self.reads: list[tuple[int, ...]] = []
        self.changed: dict[int, FakeRun] = {}
        super().__init__(array("q", ids), self._read_runs, lambda run: run.id, complete=complete)

    def _read_runs(self, ids: Sequence[int]) -> list[FakeRun]:
        self.reads.append(tuple(ids))
        return [self.changed.get(row_id, fake_run(row_id)) for row_id in ids]


def database_source(path: Path, rows: int) -> IdSource[FakeRun]:
    """A source over an SQLite file with `rows` made-up runs, written first if it is not there."""
    if not path.exists():
        with sqlite3.connect(path) as writer:
            writer.execute("create table run (id integer primary key, a, b, c, d, e, f, g)")
            some = [astuple(fake_run(number))[1:] for number in range(5_000)]
            writer.executemany(
                "insert into run values (?, ?, ?, ?, ?, ?, ?, ?)",
                ((number, *some[number % 5_000]) for number in range(rows)),
            )
    reader = sqlite3.connect(path)

    def read(ids: Sequence[int]) -> list[FakeRun]:
        places = ",".join("?" * len(ids))
        found = reader.execute(f"select * from run where id in ({places})", list(ids))
        return [FakeRun(*row) for row in found]

    ids = array("q", (row[0] for row in reader.execute("select id from run order by id")))
    return IdSource(ids, read, lambda run: run.id)


class TableApp(App[None]):
    """One table, with everything that it said in `said`."""

    CSS_PATH = [BASE_STYLES]
    BINDINGS = bindings_for("app")

    def __init__(
        self,
        source: IdSource[FakeRun] | None = None,
        *,
        columns: Sequence[Column[FakeRun]] = COLUMNS,
        empty_text: str = "No runs yet. s submits one.",
    ) -> None:
        super().__init__()
        self.table = VirtualTable[FakeRun](columns, source, empty_text=empty_text)
        self.said: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        self.said.append(("highlighted", event.row_id))

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        self.said.append(("selected", event.row_id))

    def on_virtual_table_marks_changed(self, event: VirtualTable.MarksChanged) -> None:
        self.said.append(("marks", event.count))

    def on_virtual_table_header_selected(self, event: VirtualTable.HeaderSelected) -> None:
        self.said.append(("header", event.column_id))

    def on_virtual_table_read_failed(self, event: VirtualTable.ReadFailed) -> None:
        self.said.append(("failed", event.error.title))

    def lines(self) -> list[str]:
        """What the table shows, line by line, without blanks at the end."""
        table = self.table
        return [table.render_line(y).text.rstrip() for y in range(table.size.height)]


class StockTableApp(App[None]):
    """Textual's own table with the same rows, to compare with."""

    BINDINGS = [("q", "quit", "quit")]

    def __init__(self, rows: int) -> None:
        super().__init__()
        self._rows = rows

    def compose(self) -> ComposeResult:
        yield DataTable[str](cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns(*[column.title for column in COLUMNS])
        runs = (fake_run(number) for number in range(self._rows))
        table.add_rows([[column.cell(run) for column in COLUMNS] for run in runs])
        table.focus()


class _Program(TableApp):
    """The table in a frame of one line above and two below, as a screen has it."""

    def compose(self) -> ComposeResult:
        yield TopLine(Place(("wind power ensemble", "runs"), "group @ mlflow.example", "live"))
        yield self.table
        yield StatusLine()
        yield KeyLine()

    def on_ready(self) -> None:
        if "freeze" in sys.argv:
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)


def main(argv: Sequence[str]) -> None:
    rows = int(argv[0])
    if "stock" in argv:
        StockTableApp(rows).run()
    elif "sqlite" in argv:
        _Program(database_source(Path(argv[argv.index("sqlite") + 1]), rows)).run()
    else:
        _Program(CountingSource(range(rows))).run()


if __name__ == "__main__":
    main(sys.argv[1:])
