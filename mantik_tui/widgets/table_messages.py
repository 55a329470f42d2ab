"""What a `VirtualTable` tells its screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from mantik_tui.domain.errors import MantikError

if TYPE_CHECKING:
    from mantik_tui.widgets.virtual_table import VirtualTable


@dataclass
class TableMessage(Message):
    """Base of a table's messages; `on(VirtualTable.RowSelected, "#runs")` picks one table by its id."""

    table: VirtualTable[Any]

    @property
    def control(self) -> VirtualTable[Any]:
        return self.table


@dataclass
class RowHighlighted(TableMessage, namespace="virtual_table"):
    """The cursor went to another row; `row_id` is None when there are no rows."""

    row_id: int | None

    def can_replace(self, message: Message) -> bool:
        """Only the last of several moves in a row is of interest."""
        return isinstance(message, RowHighlighted) and message.table is self.table


@dataclass
class RowSelected(TableMessage, namespace="virtual_table"):
    """A row was opened, by enter or double click."""

    row_id: int


@dataclass
class MarksChanged(TableMessage, namespace="virtual_table"):
    """Rows were marked or unmarked; `count` are marked now."""

    count: int


@dataclass
class HeaderSelected(TableMessage, namespace="virtual_table"):
    """A column's title was clicked."""

    column_id: str


@dataclass
class ReadFailed(TableMessage, namespace="virtual_table"):
    """Rows could not be read; what was there stays in sight until `retry_read`."""

    error: MantikError
