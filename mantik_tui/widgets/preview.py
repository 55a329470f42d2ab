"""What a file looks like, from its first bytes: text, tables, pictures' sizes. Nothing of it is executed or trusted."""

from __future__ import annotations

import csv
import io
import json
import struct
from dataclasses import dataclass

from rich.cells import cell_len

from mantik_tui.domain.text import clean, size
from mantik_tui.widgets.columns import Tone, fit_text
from mantik_tui.widgets.one_line import STRONG
from mantik_tui.widgets.styled_text import BLANK, Line, lines_of, plain

PREVIEW_BYTES = 65_536
"""Read for a preview; the widget says when there is more."""
MAX_LINES = 2_000
_TABLE_ROWS = 200
_TABLE_COLUMNS = 12
_CELL = 24

_KINDS = {
    "pkl": "Python pickle",
    "pth": "PyTorch weights",
    "pt": "PyTorch weights",
    "ckpt": "checkpoint",
    "onnx": "ONNX model",
    "h5": "HDF5",
    "nc": "NetCDF",
    "grib": "GRIB",
    "zarr": "Zarr",
    "npy": "NumPy array",
    "npz": "NumPy arrays",
    "joblib": "joblib pickle",
    "parquet": "Parquet",
    "zip": "zip archive",
    "gz": "gzip",
    "pdf": "PDF",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """Lines to show, and in a word or two what the file is."""

    kind: str
    lines: tuple[Line, ...]


def make_preview(name: str, data: bytes, total: int | None = None) -> Preview:
    """A preview from a file's first bytes; `total` is its whole size, None if that is not known."""
    cut = len(data) >= PREVIEW_BYTES or (total is not None and total > len(data))
    ending = name.rpartition(".")[2].lower()
    if not data:
        return Preview("empty", (plain("The file is empty.", Tone.MUTED),))
    picture = _picture(data)
    if picture:
        return Preview(picture, _say(picture, total, "D saves it on this machine."))
    if b"\x00" in data[:8192] or not _is_text(data):
        kind = _KINDS.get(ending, "binary")
        return Preview(
            kind, _say(kind, total, "It can't be shown as text. D saves it on this machine.")
        )
    text = data.decode("utf-8", errors="replace")
    kind, lines = _text_lines(ending, text, cut)
    shown = list(lines[:MAX_LINES])
    if cut or len(lines) > MAX_LINES:
        whole = f" of {size(total)}" if total else ""
        note = f"… the first {size(len(data))}{whole}; D saves all of it"
        shown += [BLANK, plain(note, Tone.MUTED)]
    return Preview(kind, tuple(shown))


def _say(kind: str, total: int | None, hint: str) -> tuple[Line, ...]:
    amount = f", {size(total)}" if total is not None else ""
    return (plain(f"{kind}{amount}", STRONG), plain(hint, Tone.MUTED))


def _is_text(data: bytes) -> bool:
    try:
        data[:-4].decode("utf-8") if len(data) > 4 else data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(data) - 8
    return True


def _picture(data: bytes) -> str:
    """`PNG picture, 640 × 480`; empty for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return f"PNG picture, {width} × {height}"
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        return f"GIF picture, {width} × {height}"
    if data.startswith(b"\xff\xd8\xff"):
        found = _jpeg_size(data)
        return f"JPEG picture, {found[0]} × {found[1]}" if found else "JPEG picture"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP picture"
    return ""


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return None


def _text_lines(ending: str, text: str, cut: bool) -> tuple[str, list[Line]]:
    if ending in ("csv", "tsv"):
        table = _table(text, "\t" if ending == "tsv" else ",", cut)
        if table:
            return f"{ending.upper()} table", table
    if ending == "json" and not cut:
        try:
            pretty = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except ValueError:
            return "JSON with a fault", lines_of(text)
        return "JSON", [_keyed(line) for line in pretty.split("\n")]
    if ending in ("yaml", "yml") or text.startswith("artifact_path:"):
        return "YAML", [_keyed(line) for line in text.split("\n")]
    if ending in ("diff", "patch"):
        return "changes", [_changed(line) for line in clean(text).split("\n")]
    if ending == "svg":
        return "SVG picture", lines_of(text)
    kind = {"md": "Markdown", "py": "Python", "sh": "script", "html": "HTML"}.get(ending, "text")
    return kind, lines_of(text)


def _keyed(text: str) -> Line:
    """A line of YAML or JSON with its key set apart."""
    text = clean(text, keep_newlines=False).expandtabs(4)
    key, colon, rest = text.partition(":")
    if text.lstrip().startswith("#"):
        return plain(text, Tone.MUTED)
    if colon and len(key) < 60 and (not rest or rest[0] == " "):
        return Line(
            ((key + colon, Tone.ACCENT), (rest, Tone.PLAIN)), len(key) - len(key.lstrip()) + 2
        )
    return plain(text, indent=2)


def _changed(text: str) -> Line:
    if text.startswith(("+++", "---", "diff ", "index ")):
        return plain(text, STRONG)
    tone = {"+": Tone.GOOD, "-": Tone.BAD, "@": Tone.ACCENT}.get(text[:1], Tone.PLAIN)
    return plain(text.expandtabs(4), tone)


def diff_lines(text: str) -> list[Line]:
    """A patch, its added and removed lines set apart; the signs say it too."""
    return [_changed(line) for line in clean(text).split("\n")]


def _table(text: str, separator: str, cut: bool) -> list[Line]:
    """The head of a table, in columns; empty if the text is none."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            rows.append(row)
            if len(rows) > _TABLE_ROWS:
                break
    except csv.Error:
        return []
    if cut and len(rows) <= _TABLE_ROWS:
        rows = rows[:-1]
    if len(rows) < 1 or len(rows[0]) < 2:
        return []
    columns = min(len(rows[0]), _TABLE_COLUMNS)
    cells = [[clean(cell, keep_newlines=False) for cell in row[:columns]] for row in rows]
    widths = [
        min(_CELL, max((cell_len(row[n]) for row in cells if n < len(row)), default=1))
        for n in range(columns)
    ]
    numeric = [all(_number(row[n]) for row in cells[1:] if n < len(row)) for n in range(columns)]
    lines = []
    for number, row in enumerate(cells):
        padded = [
            fit_text(row[n] if n < len(row) else "", widths[n], right=numeric[n])
            for n in range(columns)
        ]
        lines.append(plain("  ".join(padded).rstrip(), STRONG if number == 0 else Tone.PLAIN))
    total = text.count("\n") + (0 if text.endswith("\n") else 1) - 1
    left = len(rows[0]) - columns
    note = f"{'at least ' if cut else ''}{total:,} rows, {len(rows[0])} columns"
    note += f", {left} of them not shown" if left else ""
    return [*lines, BLANK, plain(note, Tone.MUTED)]


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == ""
    return True
