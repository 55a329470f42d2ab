"""Which files `Exclude` leaves out: Mantik's two rules, and what is doubtful about an entry."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mantik_tui.domain.excludes import doubt, excluded


@pytest.mark.parametrize(
    ("path", "entry", "gone"),
    [
        ("b.nc", "*.nc", True),
        ("src/deep/b.nc", "*.nc", True),
        ("src/b.nc", "**/*.nc", True),
        ("src/b.nc", "./*.nc", True),
        (".hidden.nc", "*.nc", True),
        ("src/b.nc", "src/b.nc", False),
        ("src/b.nc", "src/*.nc", False),
        ("src/b.nc", "b.nc", True),
        ("b.NC", "*.nc", False),
        ("b1.nc", "b[0-9].nc", True),
        ("data/a.csv", "data/", True),
        ("x/data/y/a.csv", "data/", True),
        ("data", "data/", False),
        ("data/a.csv", "data", False),
        ("data", "data", True),
        ("data/sub/a.csv", "data/sub/", False),
        ("database/a.csv", "data/", False),
        (".git/config", ".git/", True),
        ("data/a.csv", "d*/", False),
        ("data/a.csv", "/", False),
        ("data/a.csv", "", False),
        ("./data/a.csv", "data/", True),
        ("", "*", False),
        ("a[.txt", "a[.txt", True),
    ],
)
def test_the_two_rules(path: str, entry: str, gone: bool) -> None:
    assert excluded(path, [entry]) is gone


@pytest.mark.parametrize(
    "entry", ["*.nc", "data/", ".git/", "README.md", "LICENSE", "Dockerfile", "**/*.csv", "a?c.x"]
)
def test_entries_without_doubt(entry: str) -> None:
    assert doubt(entry) is None


@pytest.mark.parametrize(
    ("entry", "better"),
    [
        ("data", '"data/"'),
        (".venv", '".venv/"'),
        ("data/sub/", '"sub/"'),
        ("src/b.nc", '"b.nc"'),
        ("data/*", '"data/"'),
        ("a/data/**", '"data/"'),
        ("/p/data/", '"data/"'),
        ("/", '"data/"'),
    ],
)
def test_doubtful_entries_come_with_what_works(entry: str, better: str) -> None:
    found = doubt(entry)
    assert found is not None
    assert better in found.hint


@given(st.text(max_size=30), st.text(max_size=20))
def test_any_path_and_entry_can_be_asked_for(path: str, entry: str) -> None:
    assert excluded(path, [entry]) in (True, False)
    found = doubt(entry)
    assert found is None or (found.message and found.hint)


@given(st.sampled_from(["*.nc", "b*", "?.py", "[ab].txt", "a.py", "*"]), st.data())
def test_a_pattern_in_the_files_own_folder_is_what_pathlib_matches(
    pattern: str, data: st.DataObject
) -> None:
    name = data.draw(
        st.text("ab.npyctx", min_size=1, max_size=6).filter(lambda name: name.strip("."))
    )
    assert excluded(f"some/folder/{name}", [pattern]) == Path(name).match(pattern)
