"""What commands print: aligned columns for people, JSON for programs; on stderr what is no data."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import IO, Any

from mantik_tui.domain.text import clean

_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36, "dim": 2, "bold": 1}
_UNSAFE_IN_JSON = re.compile(r"[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NOTHING = "-"
NARROWEST = 6
"""A column is cut to no less than so many cells."""


def say(text: str) -> None:
    """One line of talk, on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is how the command line talks


def write(text: str) -> None:
    """Data, on stdout."""
    sys.stdout.write(text)


def count(number: int, word: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{number} {word}{'s' * (number != 1)}"


def print_json(value: Any) -> None:
    """`value` as indented JSON. Not-a-number and infinite values become the texts `nan`, `inf`, `-inf`."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(plain(value), indent=2, ensure_ascii=not unicode, allow_nan=False)
    # Control characters of a server's text must not reach the terminal; as escapes they are the same JSON.
    text = _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    write(text + "\n")


def plain(value: Any) -> Any:
    """`value` with what JSON and YAML have no word for as text."""
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if abs(value) >= 1.797e308:
            return "inf" if value > 0 else "-inf"
        return value
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def colours(stream: IO[str]) -> bool:
    """Whether `stream` is a terminal that shows colours and whose user wants them."""
    return (
        stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"
    )


def paint(text: str, colour: str, stream: IO[str] | None = None) -> str:
    """`text` in a colour, where colours are shown."""
    if not colour or not colours(stream or sys.stdout):
        return text
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"


def line_width() -> int | None:
    """Cells of a line on the terminal; None when stdout goes elsewhere, where nothing is cut."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def print_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    paints: dict[str, dict[str, str]] | None = None,
) -> None:
    """Aligned columns under a head.

    Args:
        right: heads of the columns of numbers.
        paints: for a head, colours by a cell's first word.
    """
    cells = [[tidy(cell) for cell in row] for row in rows]
    widths = [
        max(len_cells(name), *(len_cells(row[i]) for row in cells), 0)
        for i, name in enumerate(head)
    ]
    shown = _narrow(widths, line_width())
    head, cells, widths = head[:shown], [row[:shown] for row in cells], widths[:shown]
    to_right = [name in right for name in head]
    out = [_line([name.upper() for name in head], widths, to_right, [""] * len(head))]
    for row in cells:
        tints = [_tint(paints, name, cell) for name, cell in zip(head, row, strict=True)]
        out.append(_line(row, widths, to_right, tints))
    write("\n".join(out) + "\n")


def tidy(text: str) -> str:
    """A cell's text: one line, harmless, `-` for nothing."""
    return clean(text, keep_newlines=False).replace("\t", " ").strip() or NOTHING


def _tint(paints: dict[str, dict[str, str]] | None, head: str, cell: str) -> str:
    if not paints or head not in paints or not colours(sys.stdout):
        return ""
    return paints[head].get(cell.split(" ", 1)[0], "")


def _narrow(widths: list[int], room: int | None) -> int:
    """Take from the widest columns until the line fits. Returns how many columns there is room for."""
    if room is None:
        return len(widths)
    while sum(widths) + 2 * (len(widths) - 1) > room and max(widths) > NARROWEST:
        widths[max(range(len(widths)), key=widths.__getitem__)] -= 1
    shown = len(widths)
    while shown > 1 and sum(widths[:shown]) + 2 * (shown - 1) > room:
        shown -= 1
    return shown


def _line(
    row: Sequence[str], widths: Sequence[int], right: Sequence[bool], tints: Sequence[str]
) -> str:
    parts = []
    for text, width, to_right, tint in zip(row, widths, right, tints, strict=True):
        shown = fit(text, width)
        gap = " " * (width - len_cells(shown))
        shown = paint(shown, tint)
        parts.append(gap + shown if to_right else shown + gap)
    return "  ".join(parts).rstrip()


def fit(text: str, width: int) -> str:
    """`text` cut to `width` cells, with an ellipsis where something was cut."""
    if len_cells(text) <= width:
        return text
    while text and len_cells(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def len_cells(text: str) -> int:
    """How many cells a terminal takes for `text`."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Names and values below each other; the lines of a longer text are indented alike."""
    pairs = [(name, clean(value).strip() or NOTHING) for name, value in fields]
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        first, *others = value.splitlines()
        write(f"{name:<{width}}  {first}\n")
        for line in others:
            write(f"{'':<{width}}  {line}\n")
