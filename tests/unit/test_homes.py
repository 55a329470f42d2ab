"""Homes that can't be written, or that are none: words instead of tracebacks, and reading wherever that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mantik_tui import paths
from mantik_tui.domain.errors import EngineProblem, StoreProblem
from mantik_tui.settings import write_setting
from mantik_tui.store import connect
from mantik_tui.store.connect import Store
from mantik_tui.store.reads.runs import find_run
from mantik_tui.workspace import notices, runs, views
from mantik_tui.workspace.defects import defect
from mantik_tui.workspace.session import open_session
from tests.support.command import command
from tests.support.store_fill import fill_store

COMMANDS = [
    "runs list",
    "sync",
    "login http://127.0.0.1:9 --username x --password-stdin",
    "engine start",
]


@pytest.fixture
def read_only(isolated_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A filled home that looks closed to us (a superuser's tests could write it all the same)."""
    fill_store(isolated_home / "mantik.db", projects=2, runs=20)
    access = os.access

    def closed(path: str | Path, mode: int) -> bool:
        inside = str(path).startswith(str(isolated_home))
        return access(path, mode) and not (inside and mode & os.W_OK)

    monkeypatch.setattr(os, "access", closed)
    return isolated_home


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words.split()[0])
def test_a_home_that_is_a_file_is_told_in_words(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("MANTIK_TUI_HOME", str(file))
    done = command(*words.split(), stdin="secret\n")
    assert done.code == 8
    assert f"{file} is a file" in done.err
    assert "MANTIK_TUI_HOME" in done.err
    assert "Traceback" not in done.err


def test_doctor_and_engine_commands_work_without_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("MANTIK_TUI_HOME", str(file))
    told = command("doctor")
    assert told.code == 1
    assert f"{file} is a file" in told.out
    assert "encoding" in told.out
    assert command("engine", "status").out == "not running\n"
    assert command("engine", "stop").out == "not running\n"


def test_a_defect_is_told_also_where_no_log_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("MANTIK_TUI_HOME", str(file))
    error = defect(ZeroDivisionError("by zero"))
    assert error.cause == "ZeroDivisionError: by zero"
    assert "could not be written" in error.hint


def test_what_was_read_can_be_looked_at_where_nothing_can_be_written(read_only: Path) -> None:
    assert "wind power ensemble" in command("projects", "list").out
    before = (read_only / "mantik.db").read_bytes()
    session = open_session()
    try:
        run = session.store.connection.execute("SELECT id FROM run LIMIT 1").fetchone()[0]
        with pytest.raises(StoreProblem, match="read-only"):
            runs.set_tag(session, run, "a", "b")
        with pytest.raises(EngineProblem, match="read-only"):
            session.engine.ensure()
        views.remember(session, "projects", views.View(sort="name"))
        notices.mark_told(session, 1)
        assert views.recall(session, "projects").sort == ""
    finally:
        session.close()
    assert (read_only / "mantik.db").read_bytes() == before
    told = command("doctor")
    assert told.code == 1
    assert "read-only" in told.out


def test_an_older_database_that_can_not_be_updated_says_so(
    isolated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = isolated_home / "mantik.db"
    path.touch()
    monkeypatch.setattr(connect, "_only_readable", lambda _: True)
    with pytest.raises(StoreProblem, match="older version"):
        Store(path)


_MOUNTED = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 99
shift
exec "$@"
"""


@pytest.mark.parametrize("left", ["closed", "killed"])
def test_a_home_on_a_disk_mounted_read_only_opens(left: str, isolated_home: Path) -> None:
    """With SQLite's own files as a clean end leaves them, and as a crash does."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare here")
    path = isolated_home / "mantik.db"
    fill_store(path, projects=2, runs=20)
    change = "UPDATE run SET name = 'changed-last' WHERE id = 1"
    ending = "import os; os._exit(9)" if left == "killed" else "store.close()"
    program = f"from pathlib import Path\nfrom mantik_tui.store.connect import Store\nstore = Store(Path({str(path)!r}))"
    program += f"\nstore.connection.execute({change!r})\n{ending}"
    subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert (isolated_home / "mantik.db-wal").exists() == (left == "killed")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", _MOUNTED, "sh", str(isolated_home), sys.executable, "-m", "mantik_tui.main",
         "runs", "list", "-n", "0"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode in (1, 99) and "unshare" in done.stderr + str(done.returncode == 99):
        pytest.skip("no mount of one's own here")
    assert done.returncode == 0, done.stderr
    assert "changed-last" in done.stdout


def test_settings_that_can_not_be_written_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("MANTIK_TUI_HOME", str(file))
    with pytest.raises(StoreProblem, match="configuration file can't be written"):
        write_setting("theme", "x")


def test_a_place_for_the_socket_that_is_not_ours_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    with pytest.raises(EngineProblem, match="no safe place"):
        paths.socket_path()
    Path("/tmp/mantik-tui-4000000").rmdir()


def test_a_run_is_found_in_a_home_that_is_read_only(read_only: Path) -> None:
    store = Store(read_only / "mantik.db")
    name = store.connection.execute("SELECT name FROM run LIMIT 1").fetchone()[0]
    assert find_run(store.connection, name)
    store.close()
