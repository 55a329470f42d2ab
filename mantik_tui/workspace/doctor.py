"""What this installation is and whether it is well: facts, each with a verdict and what helps. Changes nothing."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mantik_tui import __version__, paths
from mantik_tui.domain.errors import BadInput, MantikError, StoreProblem
from mantik_tui.domain.problems import Problem
from mantik_tui.domain.text import clock, size
from mantik_tui.settings import Settings, lines_of_keys, load_settings
from mantik_tui.store.connect import OLDEST_SQLITE, file_system_of, on_network
from mantik_tui.workspace import reads
from mantik_tui.workspace.session import Session, open_session
from mantik_tui.workspace.status import login_command, read_status, waiting_words

_LITTLE_SPACE = 500_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    group: str
    name: str
    ok: bool | None
    """None for a fact that is neither good nor bad."""
    value: str
    help: str = ""
    """What helps, if it is not ok."""


KeysCheck = Callable[[Mapping[str, str], str, Callable[[str], int]], Sequence[Problem]]
"""Says what is wrong with a user's keys: (keys by action, file, line of an action's keys there)."""


def examine(workspace: str | None = None, check_keys: KeysCheck | None = None) -> list[Finding]:
    """Look at everything. A part that can't be looked at is a finding of its own, never an exception."""
    found = [*_versions(), *_places()]
    settings, words = _configuration(check_keys)
    found += words
    try:
        session = open_session(workspace, settings=settings)
    except MantikError as error:
        found.append(_failed("database", error))
        return [*found, *_keyring(), *_terminal()]
    try:
        found += [_problem(one) for one in session.warnings]
        for part in (_database, _engine, _server):
            try:
                found += part(session)
            except MantikError as error:
                found.append(_failed(part.__name__.strip("_"), error))
    finally:
        session.close()
    return [*found, *_keyring(), *_terminal()]


def _failed(group: str, error: MantikError) -> Finding:
    words = ": ".join(part for part in (error.title, error.cause) if part)
    return Finding(group, group, False, words, error.hint)


def _configuration(check_keys: KeysCheck | None) -> tuple[Settings | None, list[Finding]]:
    """What is wrong with the configuration file, and the settings to go on with: None for those of the file."""
    file = paths.config_file()
    try:
        settings = load_settings()
    except BadInput as error:
        return Settings(), [_problem(one) for one in error.problems]
    if not file.exists():
        return None, [Finding("places", "configuration", None, f"{file} (none yet)")]
    problems = check_keys(settings.keys, str(file), lines_of_keys()) if check_keys else ()
    if problems:
        return None, [_problem(one) for one in problems]
    return None, [Finding("places", "configuration", True, str(file))]


def _problem(one: Problem) -> Finding:
    return Finding(
        "places", "configuration", False, f"{one.file}:{one.line}: {one.key}: {one.message}".replace(": : ", ": "),
        one.hint,
    )  # fmt: skip


def _versions() -> Iterator[Finding]:
    from importlib import metadata

    yield Finding("versions", "mantik-tui", None, __version__)
    yield Finding("versions", "python", None, f"{platform.python_version()} at {sys.executable}")
    wanted = ".".join(map(str, OLDEST_SQLITE))
    yield Finding(
        "versions", "sqlite", sqlite3.sqlite_version_info >= OLDEST_SQLITE, sqlite3.sqlite_version,
        f"{wanted} or newer is needed: use a Python that brings it",
    )  # fmt: skip
    for name in ("textual", "click", "httpx", "mlflow-skinny", "mlflow"):
        try:
            yield Finding("versions", name, None, metadata.version(name))
        except metadata.PackageNotFoundError:
            words = (
                "not installed; the demo needs it: pip install 'mantik-tui[server]'"
                if name == "mlflow"
                else "missing"
            )
            yield Finding(
                "versions",
                name,
                None if name == "mlflow" else False,
                words,
                "Install mantik-tui again",
            )
    yield Finding(
        "versions",
        "system",
        None,
        f"{platform.system()} {platform.release()}, {platform.machine()}",
    )
    git = shutil.which("git")
    yield Finding(
        "versions", "git", git is not None, git or "not found", "Without Git, runs record no commit"
    )


def _places() -> Iterator[Finding]:
    moved = os.environ.get(paths.VARIABLE)
    yield Finding("places", paths.VARIABLE, None, moved or "not set")
    try:
        data = paths.data_dir()
    except StoreProblem as error:
        yield _failed("data", error)
        return
    yield _private("data", data, 0o700)
    if not os.access(data, os.W_OK):
        yield Finding(
            "places", "read-only", False, f"{data} can't be written: what was read can be looked at, nothing changed",
            f"Make it writable, or set {paths.VARIABLE} to another folder",
        )  # fmt: skip
    yield Finding("places", "logs", None, str(paths.place("log")))
    secrets = paths.secrets_file()
    if secrets.exists():
        yield _private("secrets", secrets, 0o600)
    free = shutil.disk_usage(data).free
    yield Finding(
        "places", "free space", free > _LITTLE_SPACE, size(free), "Free some disk space or quota"
    )
    for name in ("logs", "snapshots", "artifacts", "runs", "demo"):
        folder = data / name
        if folder.is_dir():
            files, total = _weigh(folder)
            yield Finding("places", f"size of {name}", None, f"{size(total)} in {files} files")


def _private(name: str, path: Path, wanted: int) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    return Finding(
        "places",
        name,
        not mode & 0o077,
        f"{path} ({mode:04o})",
        f"Others can read it: chmod {wanted:o} {path}",
    )


def _weigh(folder: Path) -> tuple[int, int]:
    files = total = 0
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(top) / name).lstat().st_size
                files += 1
            except OSError:
                continue
    return files, total


def _database(session: Session) -> Iterator[Finding]:
    path = paths.database()
    yield _private("database", path, 0o600)
    yield Finding("database", "database size", None, size(path.stat().st_size))
    if not session.read_only:
        yield _journal(session)
    check = session.read(
        lambda connection: connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    )
    yield Finding(
        "database",
        "integrity",
        check == "ok",
        str(check),
        "Move the database away and log in again; the server has the runs",
    )
    runs = session.read(reads.runs.count_runs, reads.runs.Scope())
    yield Finding("database", "runs stored", None, str(runs))


def _journal(session: Session) -> Finding:
    path = session.store.path
    mode, remote = session.store.journal_mode(), on_network(path)
    return Finding(
        "database",
        "journal mode",
        mode != "wal" or not remote,
        f"{mode} on {file_system_of(path) or 'an unknown file system'}",
        "WAL does not work on network file systems: set MANTIK_TUI_HOME to a local disk",
    )


def _engine(session: Session) -> Iterator[Finding]:
    running = session.engine.connect()
    lease = session.read(reads.jobs.lease)
    yield Finding("engine", "socket", None, str(paths.socket_path()))
    if running:
        told = session.engine.request("status")
        yield Finding("engine", "engine", True, f"process {told['pid']}, version {told['version']}")
        yield Finding("engine", "secrets kept in", None, str(told["secrets"]))
    else:
        yield Finding("engine", "engine", None, "not running; commands start it when they need it")
    if lease is not None:
        holder = f"{lease.host}, process {lease.pid}, renewed {clock(lease.renewed_ms, session.now_ms())}"
        yield Finding("engine", "sends", None, holder)


def _server(session: Session) -> Iterator[Finding]:
    if not session.has_workspace:
        yield Finding(
            "server", "workspace", None, "none yet: mantik-tui login URL, or mantik-tui demo"
        )
        return
    status = read_status(session)
    row = session.workspace
    yield Finding("server", "workspace", None, f"{row.name}: {row.tracking_uri}")
    state = f"{status.state} as of {clock(status.as_of_ms, session.now_ms())}"
    words = f"{state}: {status.reason}" if status.reason else state
    help_ = login_command(row) if status.state == "needs login" else "mantik-tui sync asks now"
    yield Finding("server", "server", status.state in ("live", "new", "pulling"), words, help_)
    yield Finding("server", "MLflow", None, row.server_version or "not known yet")
    yield Finding(
        "server",
        "outbox",
        not status.blocked,
        waiting_words(status.waiting, status.blocked),
        "mantik-tui outbox list",
    )


def _keyring() -> Iterator[Finding]:
    """Named, not asked: only the engine reads secrets, and a keyring may hang for ever."""
    try:
        from importlib import metadata

        names = metadata.version("keyring")
    except ImportError:
        names = "missing"
    backend = os.environ.get("PYTHON_KEYRING_BACKEND", "")
    bus = (
        "a desktop session is there"
        if os.environ.get("DBUS_SESSION_BUS_ADDRESS")
        else "no desktop session: a mode-600 file is used"
    )
    yield Finding("keyring", "keyring", None, f"{names}, {backend or bus}")


def _terminal() -> Iterator[Finding]:
    columns, lines = shutil.get_terminal_size()
    facts = [f"{columns}x{lines}", os.environ.get("TERM", "TERM is not set")]
    facts += [
        f"{name}={os.environ[name]}"
        for name in ("COLORTERM", "TERM_PROGRAM", "NO_COLOR")
        if os.environ.get(name)
    ]
    facts += ["tmux" for _ in range(1) if os.environ.get("TMUX")]
    facts += ["over SSH" for _ in range(1) if os.environ.get("SSH_CONNECTION")]
    yield Finding("terminal", "terminal", None, ", ".join(facts))
    encoding = sys.stdout.encoding or ""
    yield Finding(
        "terminal",
        "encoding",
        encoding.lower().replace("-", "") == "utf8",
        encoding,
        "Set LANG to a UTF-8 locale, for example C.UTF-8",
    )
