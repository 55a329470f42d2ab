"""The log's pure parts: index, text of a line, search and filter, checked against reading the whole file."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mantik_tui.domain.errors import BadInput
from mantik_tui.widgets.log_document import Change, LogDocument
from mantik_tui.widgets.log_finder import Finder
from mantik_tui.widgets.log_index import BLOCK, INLINE, MAX_LINE, SEED_BLOCKS, LineIndex, LogFile
from mantik_tui.widgets.log_regex import LINE_S
from mantik_tui.widgets.log_search import PENDING, LineFilter, Search, compile_pattern
from mantik_tui.widgets.log_text import display_text, width_of, wrap_cells
from mantik_tui.widgets.log_viewport import Viewport

_BIG = b"".join(b"line %d of the log\n" % n for n in range(60_000))


def _never() -> bool:
    return False


def _built(path: Path) -> LineIndex:
    index = LineIndex(LogFile(path))
    index.build(LogFile(path), _never, lambda: None)
    index.finish()
    return index


def _lines(index: LineIndex) -> list[bytes]:
    spans = [index.span(n) for n in range(index.count)]
    return [index.file.read(s[0], s[1] - s[0]) for s in spans if s is not None]


def _expected(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"a", b"a\n", b"a\nb", b"\n\n\n", b"x" * BLOCK + b"\ny", b"\n" * BLOCK * 2]
)
def test_lines_are_those_of_the_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(data)
    index = LineIndex(LogFile(path))
    assert index.complete
    assert _lines(index) == _expected(data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(parts=st.lists(st.binary(max_size=50).map(lambda b: b.replace(b"a", b"\n")), max_size=8))
def test_a_growing_file_has_the_lines_of_a_whole_one(tmp_path: Path, parts: list[bytes]) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"")
    index = LineIndex(LogFile(path))
    written = b""
    for part in parts:
        with path.open("ab") as file:
            file.write(part)
        written += part
        assert index.grow()
        assert _lines(index) == _expected(written)


def test_both_ends_are_known_before_the_rest_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(_BIG)
    index = LineIndex(LogFile(path))
    assert not index.complete
    assert len(_BIG) > 2 * SEED_BLOCKS * BLOCK
    first, last = index.span(0), index.span(index.count - 1)
    assert first and index.file.read(first[0], first[1]) == b"line 0 of the log"
    assert last and index.file.read(last[0], last[1] - last[0]) == b"line 59999 of the log"
    assert index.span(index.count // 2) is None
    assert abs(index.count - 60_000) < 6_000
    index.build(LogFile(path), _never, lambda: None)
    index.finish()
    assert index.count == 60_000
    span = index.span(31_234)
    assert span and index.file.read(span[0], span[1] - span[0]) == b"line 31234 of the log"
    assert index.line_at(span[0]) == index.line_at(span[1]) == 31_234


def test_growth_while_the_rest_is_counted_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(_BIG)
    index = LineIndex(LogFile(path))
    index.building = True
    with path.open("ab") as file:
        file.write(b"one more\nand a last")
    assert index.grow()
    last = index.span(index.count - 1)
    assert last and index.file.read(last[0], last[1] - last[0]) == b"and a last"
    index.build(LogFile(path), _never, lambda: None)
    index.finish()
    assert index.complete and index.count == 60_002


def test_a_big_gain_is_left_to_a_thread_but_its_end_is_known(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"start\n")
    index = LineIndex(LogFile(path))
    with path.open("ab") as file:
        file.write(b"0123456789abcde\n" * (INLINE // 16 + 100_000) + b"end")
    assert index.grow()
    assert not index.complete
    last = index.span(index.count - 1)
    assert last and index.file.read(last[0], 3) == b"end"
    index.build(LogFile(path), _never, lambda: None)
    index.finish()
    assert index.count == INLINE // 16 + 100_002


def test_a_cancelled_count_can_be_taken_up_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(_BIG)
    index = LineIndex(LogFile(path))
    index.build(LogFile(path), lambda: True, lambda: None)
    assert not index.complete
    index.build(LogFile(path), _never, lambda: None)
    index.finish()
    assert index.count == 60_000


def test_a_smaller_or_another_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    document = LogDocument(path)
    assert document.look() is Change.NONE
    path.write_bytes(b"new\n")
    assert document.look() is Change.RESTARTED
    assert [document.text(row) for row in range(document.rows)] == ["new"]
    other = tmp_path / "other"
    other.write_bytes(b"entirely\ndifferent\nthings\n")
    other.rename(path)
    assert document.look() is Change.RESTARTED
    assert document.text(2) == "things"
    path.unlink()
    assert document.look() is Change.RESTARTED
    assert document.rows == 0
    path.write_bytes(b"back\n")
    assert document.look() is Change.RESTARTED
    assert document.text(0) == "back"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain", "plain"),
        (b"windows line\r", "windows line"),
        (b" 10%|#  |\r 50%|## |\r100%|###|", "100%|###|"),
        (b" 10%|#  |\r 50%|## |\r\r", " 50%|## |"),
        (b"1/9 [.]\x08\x08\x08\x08\x08\x08\x082/9 [=]", "2/9 [=]"),
        (b"\x08\x08ok", "ok"),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07text\x1b[2J", "red text"),
        (b"nul\x00bell\x07", "nulbell"),
        (b"caf\xe9", "caf�"),
        ("Grüße 風".encode(), "Grüße 風"),
        (b"a\tb", "a       b"),
        ("left\u202eright".encode(), "leftright"),
        (b"\r\r\r", ""),
    ],
)
def test_a_line_is_shown_as_a_terminal_would_have_left_it(raw: bytes, shown: str) -> None:
    assert display_text(raw) == shown


@given(raw=st.binary(max_size=300))
def test_nothing_shown_can_control_the_terminal(raw: bytes) -> None:
    text = display_text(raw)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", text)


@given(text=st.text(alphabet="ab é風力", max_size=120), width=st.integers(2, 30))
def test_wrapping_keeps_all_text(text: str, width: int) -> None:
    pieces = wrap_cells(text, width)
    assert "".join(pieces) == text
    assert all(width_of(piece) <= width for piece in pieces)


def test_a_huge_line_is_cut_and_says_so_and_a_bar_keeps_its_last_state(tmp_path: Path) -> None:
    path = tmp_path / "log"
    bar = b"\r".join(b"%7d/200000" % n for n in range(0, 200_000, 7))
    path.write_bytes(b"x" * 1_000_000 + b"\n" + bar + b"\n")
    document = LogDocument(path)
    document.index = _built(path)
    huge, last = document.text(0), document.text(1)
    assert huge and huge.endswith("984 kB more") and len(huge) < MAX_LINE + 50
    assert last == " 199997/200000"


# -- search and filter ------------------------------------------------------------------------------

_WORDS = st.lists(
    st.sampled_from(
        ["loss", "Loss", "epoch 3", "\r", "\n", "\n", "ERROR", " ", "x" * 9, "ll", "é"]
    ),
    max_size=60,
).map("".join)


def _shown_hits(data: str, matches: Callable[[str], int]) -> int:
    return sum(matches(display_text(line)) for line in _expected(data.encode()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(data=_WORDS, pattern=st.sampled_from(["loss", "Loss", "error", "re:l+", "re:^epoch", "é"]))
def test_the_count_is_that_of_the_lines_as_shown(tmp_path: Path, data: str, pattern: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(data.encode())
    compiled = compile_pattern(pattern)
    search = Search(LogFile(path), compiled, path.stat().st_size)
    search.scan(0, LogFile(path), _never)
    assert search.total == _shown_hits(data, lambda text: len(compiled.in_text.findall(text)))


@pytest.mark.parametrize("pattern", ["needle", "Needle", "re:need.e", "re:^needle"])
def test_hits_on_the_edges_of_blocks_are_found_once(tmp_path: Path, pattern: str) -> None:
    path = tmp_path / "log"
    word = b"Needle" if pattern == "Needle" else b"needle"
    data = bytearray(b"." * (BLOCK * 9))
    places = [BLOCK - 3, 4 * BLOCK - 1, 4 * BLOCK + 10, 8 * BLOCK]
    for at in places:
        data[at - 1 : at + len(word)] = b"\n" + word
    path.write_bytes(data)
    search = Search(LogFile(path), compile_pattern(pattern), len(data))
    search.scan(5, LogFile(path), _never)
    assert search.total == len(places)
    jumps = []
    at = 0
    for _ in range(len(places) + 1):
        jump = search.after(at)
        assert jump is not None
        jumps.append((jump.offset, jump.wrapped))
        at = jump.offset + 1
    assert jumps == [*((place, False) for place in places), (places[0], True)]
    back = search.before(places[2])
    assert back and back.offset == places[1]
    round_the_start = search.before(places[0])
    assert round_the_start and (round_the_start.offset, round_the_start.wrapped) == (
        places[-1],
        True,
    )
    assert [search.place(place) for place in places] == [1, 2, 3, 4]


def test_a_search_says_when_it_does_not_know_yet(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(_BIG)
    search = Search(LogFile(path), compile_pattern("line 7 "), len(_BIG))
    assert search.after(0) is PENDING
    search.scan(0, LogFile(path), _never)
    assert search.after(0) not in (PENDING, None)
    nothing = Search(LogFile(path), compile_pattern("absent"), len(_BIG))
    nothing.scan(0, LogFile(path), _never)
    assert nothing.after(0) is None and nothing.complete


def test_what_is_appended_is_searched_and_filtered_too(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"alpha\nbe")
    file = LogFile(path)
    search, lines = (kind(file, compile_pattern("beta"), 8) for kind in (Search, LineFilter))
    assert isinstance(search, Search) and isinstance(lines, LineFilter)
    search.scan(0, file, _never)
    lines.scan(file, _never)
    assert (search.total, lines.count) == (0, 0)
    with path.open("ab") as out:
        out.write(b"ta\ngamma\nbeta\n")
    for part in (search, lines):
        part.grow(path.stat().st_size)
        assert part.complete
    assert (search.total, lines.count) == (2, 2)


def test_growth_under_a_running_scan_is_searched_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"beta\n")
    search = Search(LogFile(path), compile_pattern("beta"), 5)
    search.scanning = True
    search.scan(0, LogFile(path), _never)
    with path.open("ab") as out:
        out.write(b"beta\n")
    search.grow(10)
    search.finish()
    assert not search.complete
    search.scan(0, LogFile(path), _never)
    assert search.total == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(data=_WORDS, context=st.integers(0, 3))
def test_a_filter_keeps_the_matching_lines_and_their_neighbours(
    tmp_path: Path, data: str, context: int
) -> None:
    path = tmp_path / "log"
    path.write_bytes(data.encode())
    document = LogDocument(path)
    document.start_filter("loss", context)
    assert document.filter is not None
    document.filter.scan(LogFile(path), _never)
    shown = [display_text(line) for line in _expected(data.encode())]
    hits = {n for n, text in enumerate(shown) if "loss" in text.lower()}
    wanted = [
        text
        for n, text in enumerate(shown)
        if any(near in hits for near in range(n - context, n + context + 1))
    ]
    assert [document.text(row) for row in range(document.rows)] == wanted


def test_a_filter_over_many_blocks_finds_each_line_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(_BIG)
    index = _built(path)
    document = LogDocument(path)
    document.index = index
    document.start_filter("re:line \\d*99 ", 1)
    assert document.filter is not None
    document.filter.scan(LogFile(path), _never)
    numbers = [n for n in range(60_000) if any(near % 100 == 99 for near in (abs(n - 1), n, n + 1))]
    assert document.rows == len(numbers)
    for row in (0, 1, 500, 1_000, document.rows - 1):
        assert document.line_of(row) == numbers[row]
        assert document.row_of(document.start_of(row) or 0) == row


@pytest.mark.parametrize("text", ["re:(", "re:", "", "re:[z-a]"])
def test_a_pattern_that_cannot_be_read_says_why(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        compile_pattern(text)
    assert caught.value.cause and caught.value.hint


def test_case_counts_only_with_a_capital() -> None:
    assert compile_pattern("error").in_text.search("An ERROR")
    assert not compile_pattern("Error").in_text.search("An ERROR")


# -- viewport ---------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    lengths=st.lists(st.integers(0, 60), max_size=25),
    width=st.integers(1, 25),
    height=st.integers(1, 12),
    wrap=st.booleans(),
    moves=st.lists(st.integers(-40, 40), max_size=12),
)
def test_moving_never_leaves_the_log(
    tmp_path: Path, lengths: list[int], width: int, height: int, wrap: bool, moves: list[int]
) -> None:
    path = tmp_path / "log"
    path.write_text("".join("x" * length + "\n" for length in lengths))
    view = Viewport(LogDocument(path))
    view.width, view.height, view.wrap = width, height, wrap
    tall = sum(len(view.wrapped(row)) for row in range(len(lengths)))
    for move in moves:
        before = view.place
        view.move(move)
        assert len(view.pieces()) == min(height, tall)
        if move > 0 and view.place < view.end():
            view.move(-move)
            assert view.place == before
    view.move(10_000)
    assert view.at_end
    assert view.last_row() == len(lengths) - 1
    view.move(-10_000)
    assert view.place == (0, 0)


def test_an_expression_that_never_ends_is_stopped_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a" * 40 + b"!\nloss 0.3\n")
    document = LogDocument(path)
    try:
        document.start_filter("re:(a+)+$")
        document.start_search("re:(a+)+$")
        assert document.search is not None
        assert document.filter is not None
        pattern = document.search.pattern
        began = time.monotonic()
        assert pattern.spans("a" * 40 + "!") == [], "a line in sight is not marked"
        assert time.monotonic() - began < 2.0 + LINE_S
        assert pattern.too_slow
        for job in document.jobs():
            job.run(path, lambda: False, lambda: None)
            document.ended(job.subject)
        assert document.search.complete, "it comes to an end"
        assert "stopped: it needs more than 2 s for 256 kB" in Finder(document).words()
        assert document.filter.complete
    finally:
        document.close()


def test_expressions_with_repeats_find_what_python_finds(tmp_path: Path) -> None:
    path = tmp_path / "log"
    text = "loss 0.3\né loss 1e-4 loss\n" * 2_000
    path.write_text(text)
    pattern = compile_pattern("re:loss \\d\\S*")
    search = Search(LogFile(path), pattern, path.stat().st_size)
    search.scan(0, search.file, lambda: False)
    assert search.total == 4_000
    assert pattern.spans("é loss 1e-4 loss") == [(2, 11)], "counted in characters"
    search.file.close()
