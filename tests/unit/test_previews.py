"""Previews of files, the tree of files, wrapping of styled lines."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mantik_tui.domain.run import Artifact
from mantik_tui.widgets.artifact_tree import ARTIFACTS, Root, tree_nodes
from mantik_tui.widgets.log_tail import last_lines
from mantik_tui.widgets.preview import make_preview
from mantik_tui.widgets.styled_text import Line, as_text, fact, plain, wrap

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + struct.pack(">II", 640, 480) + b"\x00" * 40


def text_of(name: str, data: bytes, total: int | None = None) -> str:
    return as_text(make_preview(name, data, total).lines)


class TestPreviews:
    def test_a_table_stands_in_columns_with_its_size(self) -> None:
        text = text_of("m.csv", b"epoch,rmse\n0,0.21\n10,0.1\n")
        assert text.splitlines()[:3] == ["epoch  rmse", "    0  0.21", "   10   0.1"]
        assert "2 rows, 2 columns" in text

    def test_a_cut_table_says_so_and_drops_the_torn_row(self) -> None:
        text = text_of("m.csv", b"epoch,rmse\n0,0.21\n1,0.", total=90_000)
        assert "1,0." not in text
        assert "at least" in text
        assert "D saves all of it" in text

    def test_json_is_laid_out(self) -> None:
        assert '  "b": 1' in text_of("a.json", b'{"a": {}, "b": 1}')

    def test_broken_json_is_shown_as_it_is(self) -> None:
        preview = make_preview("a.json", b"{oops")
        assert preview.kind == "JSON with a fault"
        assert as_text(preview.lines) == "{oops"

    def test_a_picture_says_type_and_size(self) -> None:
        assert "PNG picture, 640 × 480, 2.0 kB" in text_of("p.png", PNG, 2_000)
        jpeg = (
            b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08"
            + struct.pack(">HH", 48, 64)
            + b"\x00" * 9
        )
        assert "JPEG picture, 64 × 48" in text_of("p.jpg", jpeg)
        assert "GIF picture, 3 × 2" in text_of("p.gif", b"GIF89a\x03\x00\x02\x00\x00")

    def test_binary_is_named_and_not_shown(self) -> None:
        text = text_of("model.pkl", b"\x80\x04\x95\x00\x00\x00", 2_411_024)
        assert text.startswith("Python pickle, 2.4 MB")
        assert "can't be shown" in text

    def test_control_sequences_are_harmless(self) -> None:
        text = text_of("a.txt", b"\x1b[2Jhello\x1b]0;title\x07\n")
        assert text.strip() == "hello"

    def test_an_empty_file_says_so(self) -> None:
        assert text_of("a.txt", b"") == "The file is empty."

    @given(
        st.binary(max_size=400),
        st.sampled_from(["a.csv", "a.json", "a.yaml", "a.png", "a.bin", "a"]),
    )
    def test_nothing_breaks_it(self, data: bytes, name: str) -> None:
        preview = make_preview(name, data)
        assert preview.lines
        assert all("\x1b" not in text for line in preview.lines for text, _ in wrapped(line))


def wrapped(line: Line) -> list[tuple[str, str]]:
    return [part for row in wrap(line, 40) for part in row]


class TestTree:
    FILES = (
        Artifact("model", True, None, 1, None),
        Artifact("model/MLmodel", False, 611, 1, None),
        Artifact("metrics.csv", False, 4_310, 1, "/tmp/copy"),
    )

    def names(self, opened: set[tuple[str, str]], filter: str = "") -> list[str]:
        nodes = tree_nodes([Root(ARTIFACTS, self.FILES, 1, "")], frozenset(opened), 2, filter)
        return [node.words for node in nodes]

    def test_folders_open_one_by_one(self) -> None:
        assert self.names(set()) == ["▸ artifacts on the server"]
        assert self.names({(ARTIFACTS, "")}) == [
            "▾ artifacts on the server",
            "  ▸ model/",
            "    metrics.csv",
        ]
        assert "      MLmodel" in self.names({(ARTIFACTS, ""), (ARTIFACTS, "model")})

    def test_a_filter_reaches_into_closed_folders(self) -> None:
        names = self.names({(ARTIFACTS, "")}, "mlmodel")
        assert names[1:] == ["  ▾ model/", "      MLmodel"]

    def test_never_listed_is_told_from_empty(self) -> None:
        never = tree_nodes([Root(ARTIFACTS, (), None, "")], frozenset(), 2)
        empty = tree_nodes([Root(ARTIFACTS, (), 1, "none")], frozenset(), 2)
        assert never[0].note == "not read yet"
        assert empty[0].note.startswith("none, as of ")


class TestWrapping:
    def test_goes_on_under_its_value(self) -> None:
        rows = wrap(fact("times", "queued 13:02 started 13:20 limit 15:20", width=8), 30)
        assert ["".join(text for text, _ in row) for row in rows] == [
            "times    queued 13:02 started ",
            "         13:20 limit 15:20",
        ]

    def test_breaks_a_word_that_is_longer_than_the_line(self) -> None:
        rows = wrap(plain("a" * 25), 10)
        assert ["".join(text for text, _ in row) for row in rows] == ["a" * 10, "a" * 10, "a" * 5]

    @given(st.text(max_size=120), st.integers(1, 30), st.integers(0, 20))
    def test_every_row_fits_and_no_word_is_lost(self, text: str, width: int, indent: int) -> None:
        rows = wrap(plain(text, indent=indent), width)
        lines = ["".join(part for part, _ in row) for row in rows]
        assert all(cell_len(line) <= max(width, 2) for line in lines)
        from mantik_tui.domain.text import clean

        kept = "".join("".join(lines).split())
        assert kept == "".join(clean(text, keep_newlines=False).split())


def test_the_tail_of_a_log_folds_progress_bars(tmp_path) -> None:  # type: ignore[no-untyped-def]
    log = tmp_path / "a.log"
    log.write_bytes(b"one\n 10%\r100%\nthree\x1b[31m!\n")
    assert last_lines(log, 2) == ["100%", "three!"]
    assert last_lines(tmp_path / "none", 5) == []
