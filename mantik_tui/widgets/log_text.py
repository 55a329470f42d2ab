"""From the bytes of one log line to the text that is shown. Pure functions.

A log holds what a program wrote to a terminal: progress bars that are redrawn with carriage returns or backspaces,
colours, broken encodings. What is shown is the last state of the line, as a terminal would have left it, without any
control sequence.
"""

from __future__ import annotations

import re

from rich.cells import cell_len, get_character_cell_size

from mantik_tui.domain.text import clean

TAB = 8

_BACKSPACES = re.compile("\x08+")


def last_state(raw: bytes) -> bytes:
    """What is left of a line that was redrawn with carriage returns: the text after the last redraw that wrote any.

    >>> last_state(b"10%|#   |\\r20%|##  |\\r")
    b'20%|##  |'
    """
    if b"\r" not in raw:
        return raw
    raw = raw.rstrip(b"\r")
    return raw[raw.rfind(b"\r") + 1 :]


def state_start(data: bytes | bytearray, start: int, end: int) -> int:
    """Offset in `data` at which the shown part of the line `data[start:end]` begins."""
    while end > start and data[end - 1] == 13:
        end -= 1
    return data.rfind(b"\r", start, end) + 1 or start


def display_text(raw: bytes) -> str:
    """One line of a log (without its newline) as harmless text: last state, decoded, no control characters."""
    text = last_state(raw).decode("utf-8", "replace")
    if "\x08" in text:
        text = _erase(text)
    text = clean(text, keep_newlines=False)
    return text.expandtabs(TAB) if "\t" in text else text


def _erase(text: str) -> str:
    """Apply backspaces: each takes back one character that was written before it."""
    kept = ""
    at = 0
    for match in _BACKSPACES.finditer(text):
        kept += text[at : match.start()]
        kept = kept[: max(0, len(kept) - len(match.group()))]
        at = match.end()
    return kept + text[at:]


def wrap_cells(text: str, width: int) -> list[str]:
    """`text` cut into pieces of at most `width` terminal cells; one empty piece for an empty text."""
    if width < 1 or not text:
        return [text]
    if text.isascii():
        return [text[at : at + width] for at in range(0, len(text), width)]
    pieces, start, used = [], 0, 0
    for at, char in enumerate(text):
        cells = get_character_cell_size(char)
        if used + cells > width and at > start:
            pieces.append(text[start:at])
            start, used = at, 0
        used += cells
    return [*pieces, text[start:]]


def width_of(text: str) -> int:
    """Terminal cells that `text` takes."""
    return len(text) if text.isascii() else cell_len(text)
