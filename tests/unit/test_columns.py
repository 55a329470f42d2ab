"""Which columns fit, and how text is brought into a cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mantik_tui.widgets.columns import GAP, GUTTER, Column, fit_columns, fit_text, max_first


def column(name: str, width: int, priority: int = 1, **more: int) -> Column[str]:
    return Column(name, name, lambda row: row, width, priority, **more)  # type: ignore[arg-type]


def names(columns: list[Column[str]], width: int, first: int = 0, keep: str = "") -> list[str]:
    return [placed.column.id for placed in fit_columns(columns, width, first, keep).placed]


FIVE = [column("a", 10, 0), column("b", 10, 3), column("c", 10, 1), column("d", 10, 2), column("e", 10, 0)]  # fmt: skip


def test_the_least_important_column_goes_first() -> None:
    assert names(FIVE, 200) == ["a", "b", "c", "d", "e"]
    assert names(FIVE, 60) == ["a", "c", "d", "e"]
    assert names(FIVE, 40) == ["a", "c", "e"]
    assert names(FIVE, 30) == ["a", "e"]


def test_the_sorted_column_outlives_all_but_the_first() -> None:
    assert names(FIVE, 30, keep="b") == ["a", "b"]


def test_scrolled_columns_come_in_their_order() -> None:
    assert names(FIVE, 40, 1) == ["a", "b", "c"]
    assert names(FIVE, 40, 99) == ["a", "d", "e"]
    assert fit_columns(FIVE, 40, 1).hidden == 2


def test_spare_width_goes_to_columns_that_may_grow() -> None:
    grown = fit_columns([column("a", 10, 0, max_width=14), column("b", 5, 0)], 40)
    assert [placed.width for placed in grown.placed] == [14, 5]


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5)), min_size=1, max_size=12),
    st.integers(1, 150),
)
def test_every_column_can_be_reached_and_none_is_too_wide(
    shapes: list[tuple[int, int]], width: int
) -> None:
    columns = [column(str(n), wide, priority) for n, (wide, priority) in enumerate(shapes)]
    reached: set[str] = set()
    for first in range(max_first(columns, width) + 1):
        layout = fit_columns(columns, width, first)
        total = sum(placed.width for placed in layout.placed) + GAP * (len(layout.placed) - 1)
        assert len(layout.placed) <= 2 or total <= width - GUTTER
        assert len(layout.placed) + layout.hidden == len(columns)
        reached |= {placed.column.id for placed in layout.placed}
    assert reached == {str(n) for n in range(len(columns))}


@given(st.text(max_size=60), st.integers(0, 40), st.booleans())
def test_a_cell_has_its_width_and_nothing_harmful(text: str, width: int, right: bool) -> None:
    cell = fit_text(text, width, right=right)
    assert cell_len(cell) == width
    assert "\x1b" not in cell
    assert "\n" not in cell


@pytest.mark.parametrize(
    ("text", "width", "right", "cell"),
    [
        ("0.0431", 8, True, "  0.0431"),
        ("run", 5, False, "run  "),
        ("calm-heron-12", 6, False, "calm-…"),
        ("\x1b[31mred\x1b[0m", 5, False, "red  "),
        ("a\nb\tc", 5, False, "a b c"),
    ],
)
def test_fit_text(text: str, width: int, right: bool, cell: str) -> None:
    assert fit_text(text, width, right=right) == cell
