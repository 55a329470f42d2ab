"""`Exclude` of a backend config: which files of a project are not sent.

Mantik has two rules, both tried on each file below the project folder:

1. A pattern is matched against the file's name alone (the original globs from the file's own folder), so `*.nc`
   hits at any depth, and a pattern with a folder in it, `src/b.nc` or `data/*`, hits nothing.
2. A folder's bare name with a slash at its end, `data/`, drops everything below every folder of that name, at any
   depth. `data` without the slash names a file; `data/sub/` hits nothing.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_DIRECT = re.compile(r"(?:\./+|\*\*/+)+")
"""Beginnings that leave a pattern in the file's own folder."""
_LONGEST = 1000
_WILD = re.compile(r"[*?\[]")
_FILE_NAMES = (
    "authors changelog changes citation containerfile contributing copying dockerfile jenkinsfile justfile license "
    "licence makefile mlproject notice pipfile procfile rakefile readme singularity snakefile todo version"
)
_FILES_WITHOUT_SUFFIX = frozenset(_FILE_NAMES.split())
_FOLDER_NAMES = (
    ".cache .checkpoints .dvc .git .github .gitlab .hg .idea .ipynb_checkpoints .mypy_cache .nox .pytest_cache "
    ".ruff_cache .svn .tox .venv .vscode"
)
_HIDDEN_FOLDERS = frozenset(_FOLDER_NAMES.split())


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an entry does not do what it seems to say, and what would."""

    message: str
    hint: str
    unusable: bool = False
    """The original stops with an error at such an entry."""


def excluded(path: str, entries: Iterable[str]) -> bool:
    """Whether the file at `path` (relative to the project, `/` between folders) is left out by `entries`."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts:
        return False
    *folders, name = parts
    for entry in entries:
        if entry.endswith("/"):
            if entry[:-1] in folders:
                return True
        elif _matches(name, entry):
            return True
    return False


def doubt(entry: str) -> Doubt | None:
    """What is doubtful about an entry of `Exclude`, looking at the entry alone; None if nothing is."""
    if not entry.strip():
        return Doubt("An empty entry can't be used.", "Take it out.", unusable=True)
    if len(entry) > _LONGEST:
        return Doubt(
            "This is too long for a pattern.", "Give a file name or pattern.", unusable=True
        )
    if entry.startswith("/"):
        return Doubt(
            "An absolute path can't be used.",
            f'Give a file name or pattern, or a folder\'s name as "{_last(entry)}/".',
            unusable=True,
        )
    if entry.endswith("/"):
        return _doubt_folder(entry)
    pattern = _direct(entry)
    if "/" in pattern:
        folder, _, last = pattern.rpartition("/")
        top = folder.rpartition("/")[2]
        better = f"{top}/" if last in ("*", "**", "") and top not in ("**", "*", "") else last
        return Doubt(
            "This can match nothing: patterns are tried on the file's name alone, without folders.",
            f'Write "{better}"; it counts at any depth.',
        )
    if pattern in ("*", "**"):
        return Doubt("This leaves out every file.", "Name what should not be sent.")
    if _names_folder(pattern):
        return Doubt(
            f"This leaves out files named {pattern}; a folder of that name is sent all the same.",
            f'For the folder write "{pattern}/".',
        )
    return None


def _doubt_folder(entry: str) -> Doubt | None:
    name = entry[:-1]
    if not name.strip("/."):
        return Doubt("This can match nothing.", 'Write a folder\'s name as "data/".')
    if "/" in name:
        return Doubt(
            "This can match nothing: a folder is named without those above it.",
            f'Write "{_last(name)}/"; it counts at any depth.',
        )
    if _WILD.search(name):
        return Doubt(
            "This matches only a folder of literally that name: folders take no pattern.",
            "Name each folder.",
        )
    return None


def _names_folder(pattern: str) -> bool:
    if _WILD.search(pattern):
        return False
    if pattern.startswith("."):
        return pattern in _HIDDEN_FOLDERS
    return "." not in pattern and pattern.lower() not in _FILES_WITHOUT_SUFFIX


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2] or "data"


def _direct(entry: str) -> str:
    begin = _DIRECT.match(entry)
    return entry[begin.end() :] if begin else entry


def _matches(name: str, entry: str) -> bool:
    pattern = _direct(entry)
    if not pattern or "/" in pattern or len(pattern) > _LONGEST:
        return False
    return _compiled(pattern).match(name) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))
