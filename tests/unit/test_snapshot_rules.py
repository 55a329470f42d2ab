"""Which files of a project are sent with a run."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mantik_tui.domain.snapshot_rules import ListedFile, Selection, select, skip_folder


def choose(
    *paths: str,
    exclude: tuple[str, ...] = (),
    always: tuple[str, ...] = (),
    ignores: dict[str, str] | None = None,
) -> Selection:
    return select([ListedFile(path, 1) for path in paths], exclude, ignores, always)


def paths(selection: Selection) -> list[str]:
    return [file.path for file in selection.kept]


def reasons(selection: Selection) -> dict[str, str]:
    return {item.path: item.rule for item in selection.left_out}


def test_untracked_files_go_along_and_what_never_belongs_stays() -> None:
    chosen = choose(
        "MLproject",
        "notes.txt",
        ".git/config",
        "src/__pycache__/a.pyc",
        "mantik.log",
        "src/mantik.log",
        ".mantik/job.sh",
        "env/pyvenv.cfg",
        "env/lib/big.so",
        "environment.yaml",
    )
    assert paths(chosen) == ["MLproject", "environment.yaml", "notes.txt", "src/mantik.log"]
    assert reasons(chosen)["env/lib/big.so"] == "virtual environment"
    assert reasons(chosen)[".git/config"] == "never sent: .git"
    assert skip_folder("src/.git") and not skip_folder("src/git")


def test_exclude_says_which_entry_hit_and_which_hit_nothing() -> None:
    chosen = choose("a.nc", "src/b.nc", "data/c", "d", exclude=("*.nc", "data/", "x/*", "data"))
    assert paths(chosen) == ["d"]
    assert reasons(chosen) == {
        "a.nc": "Exclude: *.nc",
        "src/b.nc": "Exclude: *.nc",
        "data/c": "Exclude: data/",
    }
    assert chosen.unused == ("x/*", "data")


def test_gitignore_of_every_folder_counts_and_a_deeper_one_overrides() -> None:
    chosen = choose(
        "a.log",
        "src/b.log",
        "src/keep/c.log",
        "out/d",
        "out/keep/e.log",
        ignores={"": "*.log\nout/\n", "src/keep": "!c.log\n", "out/keep": "!e.log\n"},
    )
    assert paths(chosen) == ["src/keep/c.log"]
    assert reasons(chosen)["a.log"] == ".gitignore"


def test_named_files_are_kept_whatever_the_rules_say() -> None:
    chosen = choose("image.sif", "other.sif", ignores={"": "*.sif\n"}, always=("image.sif",))
    assert paths(chosen) == ["image.sif"]


def test_a_big_snapshot_asks_and_names_the_biggest() -> None:
    many = select([ListedFile(f"f{number}", 1) for number in range(5001)])
    assert many.needs_question
    big = select([ListedFile("small", 1), ListedFile("big", 100_000_000)])
    assert big.needs_question
    assert big.biggest(1) == (ListedFile("big", 100_000_000),)
    assert not select([ListedFile("big", 100_000_000)]).needs_question


def test_what_brings_a_folder_back_does_not_bring_back_what_is_ignored_in_it() -> None:
    chosen = choose("b.log/build/a", "b.log/c", ignores={"": "build/\n!b.log\n"})
    assert paths(chosen) == ["b.log/c"]


def test_a_line_that_is_no_pattern_stops_nothing() -> None:
    chosen = choose("a", "b", ignores={"": "\\\na\n"})
    assert paths(chosen) == ["b"]


names = st.sampled_from(["a", "b.log", "c.nc", "build", "keep", ".hidden"])
trees = st.lists(st.lists(names, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8)
lines = st.sampled_from(
    [
        "*.log",
        "build/",
        "build",
        "/a",
        "!keep",
        "a/*",
        "**/keep",
        "!b.log",
        "",
        "# x",
        "*.nc",
        "a/b.log",
    ]
)


@given(trees, st.lists(lines, max_size=4), st.lists(lines, max_size=3))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_gitignore_as_git_itself_reads_it(
    tmp_path_factory: pytest.TempPathFactory, tree: list[str], top: list[str], inner: list[str]
) -> None:
    root = tmp_path_factory.mktemp("repo")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for path in tree:
        target = root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        except OSError:
            continue  # a folder of that name is there already, or a file where a folder should be
    (root / ".gitignore").write_text("\n".join(top))
    gitignores = {"": "\n".join(top)}
    if (root / "a").is_dir():
        (root / "a/.gitignore").write_text("\n".join(inner))
        gitignores["a"] = "\n".join(inner)
    found = [p for p in root.rglob("*") if p.is_file() and ".git" not in p.relative_to(root).parts]
    listed = [ListedFile(str(p.relative_to(root)), 0) for p in found]
    git = ["git", "-C", str(root), "ls-files", "-z", "--others", "--exclude-standard"]
    told = subprocess.run(git, check=True, capture_output=True).stdout.decode().split("\0")
    assert paths(select(listed, (), gitignores)) == sorted(path for path in told if path)


@given(
    st.lists(st.text(min_size=1, max_size=20), max_size=6),
    st.lists(st.text(max_size=8), max_size=4),
    st.text(max_size=30),
)
def test_no_listing_and_no_rules_break_it(tree: list[str], exclude: list[str], ignore: str) -> None:
    files = [ListedFile(path, 1) for path in set(tree)]
    chosen = select(files, exclude, {"": ignore, "x": ignore})
    assert len(chosen.kept) + len(chosen.left_out) == len(files)
