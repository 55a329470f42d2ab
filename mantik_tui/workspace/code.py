"""A code folder on this machine: its MLproject, its Git state, the files that a snapshot would take."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mantik_tui.domain.mlproject import MLproject, find_mlproject, read_mlproject
from mantik_tui.domain.problems import Problem, Severity
from mantik_tui.domain.snapshot_rules import ListedFile, Selection, select, skip_folder

MAX_DIFF = 2_000_000
"""Bytes of uncommitted changes that are kept as an artifact; a larger diff is cut there, and says so."""


@dataclass(frozen=True, slots=True)
class GitState:
    """Empty fields where the folder is in no Git repository."""

    commit: str = ""
    branch: str = ""
    repository: str = ""
    """Address of the remote, without credentials; the local path if there is no remote."""
    changed: int = 0
    """Files with uncommitted changes, untracked ones included."""
    subfolder: str = ""
    """The code folder below the repository's top."""


def read_code(folder: Path) -> tuple[MLproject | None, list[Problem]]:
    """Read the MLproject of a folder, with all faults."""
    try:
        name = find_mlproject(path.name for path in folder.iterdir())
    except OSError as error:
        return None, [
            _fault(
                str(folder),
                f"the code folder can't be read: {error.strerror}",
                "Choose another folder",
            )
        ]
    if name is None:
        hint = "An MLproject names the entry points; see docs/mlproject.md"
        return None, [
            _fault(str(folder), "there is no file named MLproject in the code folder", hint)
        ]
    try:
        text = (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return None, [
            _fault(name, f"the MLproject can't be read: {error}", "It must be a text file in UTF-8")
        ]
    return read_mlproject(text, name, exists=lambda path: (folder / path).exists())


def _fault(file: str, message: str, hint: str) -> Problem:
    return Problem(Severity.ERROR, file, 1, "code", message, hint)


def list_snapshot(
    folder: Path, exclude: Sequence[str] = (), always: Sequence[str] = ()
) -> Selection:
    """What a snapshot of the folder would take: everything after Exclude and .gitignore, untracked files included.

    Links to files are followed, links to folders are not, so that a loop can't catch the walk.
    """
    files: list[ListedFile] = []
    ignores: dict[str, str] = {}
    for top, folders, names in os.walk(folder):
        below = Path(top).relative_to(folder).as_posix()
        prefix = "" if below == "." else f"{below}/"
        folders[:] = sorted(name for name in folders if not skip_folder(prefix + name))
        for name in names:
            path = Path(top) / name
            try:
                if not path.is_file():
                    continue
                files.append(ListedFile(prefix + name, path.stat().st_size))
                if name == ".gitignore":
                    ignores[prefix.rstrip("/")] = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
    return select(files, exclude, ignores, always)


def git_state(folder: Path) -> GitState:
    """The Git state of a folder; empty when it is in no repository or Git is not installed."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return GitState()
    status = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    remote = _git(folder, "config", "--get", "remote.origin.url")
    return GitState(
        commit=commit,
        branch=_git(folder, "rev-parse", "--abbrev-ref", "HEAD"),
        repository=without_credentials(remote) or _git(folder, "rev-parse", "--show-toplevel"),
        changed=len(status.splitlines()),
        subfolder=_git(folder, "rev-parse", "--show-prefix").rstrip("/"),
    )


def git_diff(folder: Path) -> str:
    """Uncommitted changes of tracked files, as a patch; empty if there are none."""
    text = _git(folder, "diff", "HEAD", "--", ".", strip=False)
    if len(text) > MAX_DIFF:
        return f"{text[:MAX_DIFF]}\n# cut here: the diff has {len(text)} characters\n"
    return text


def without_credentials(address: str) -> str:
    """A Git address without `user:password@`; the user of an SSH address stays."""
    return re.sub(r"^(https?://)[^/@]*@", r"\1", address)


def _git(folder: Path, *words: str, strip: bool = True) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            [git, *words],
            cwd=folder,
            env=quiet,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    text = done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
    return text.strip() if strip else text
