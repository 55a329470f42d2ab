"""What the settings screen changes and shows: preferences, the open workspace, where things lie, versions."""

from __future__ import annotations

import platform
import socket
import sqlite3
import sys
from dataclasses import dataclass
from importlib import metadata

from mantik_tui import __version__, paths
from mantik_tui.domain.errors import MantikError
from mantik_tui.settings import write_setting
from mantik_tui.store.reads import jobs
from mantik_tui.workspace.session import Session


def set_preference(session: Session, name: str, value: str | bool) -> None:
    """Write one plain preference into the configuration file and take it.

    Raises:
        BadInput: the file has faults, so that it could not be read again.
    """
    write_setting(name, value)
    session.reload()
    session.engine.notify("settings")


def switch_workspace(session: Session, name: str) -> None:
    """Open another workspace, now and at the next start.

    Raises:
        NotFound: none is called so.
    """
    session.reload(name)
    write_setting("workspace", name)
    session.reload(name)


def reload_settings(session: Session) -> None:
    """Take the configuration file as it is now. Raises BadInput with every fault in it; then nothing changes."""
    session.reload()
    session.engine.notify("settings")


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The engine of this home."""

    running: bool
    version: str = ""
    pid: int = 0
    sends: bool = False
    sender: str = ""
    """Host whose engine sends what waits."""


def engine_info(session: Session) -> EngineInfo:
    """What the engine says of itself; not running if it says nothing."""
    if not session.engine.connected:
        return EngineInfo(False)
    try:
        told = session.engine.request("status", timeout_s=5)
    except MantikError:
        return EngineInfo(False)
    if not isinstance(told, dict):
        return EngineInfo(True)
    lease = session.read(jobs.lease)
    sender = str(told.get("sender") or (lease.host if lease else ""))
    return EngineInfo(
        True, str(told.get("version", "")), int(told.get("pid", 0)), bool(told.get("sends")), sender
    )


def places() -> list[tuple[str, str]]:
    """Where the program keeps things, or would: what, and its path. Makes nothing."""
    data = paths.place("data")
    return [
        ("configuration file", str(paths.config_file())),
        ("database", str(data / "mantik.db")),
        ("logs of runs", str(data / "logs")),
        ("run folders, this machine", str(data / "runs")),
        ("downloads for previews", str(data / "artifacts")),
        ("snapshots", str(data / "snapshots")),
        ("the program's own logs", str(paths.place("log"))),
    ]


def versions(session: Session) -> list[tuple[str, str]]:
    """Versions that a report of a fault should name."""
    rows = [
        ("mantik-tui", __version__),
        ("Python", f"{platform.python_version()} ({sys.executable})"),
        ("Textual", metadata.version("textual")),
        ("SQLite", f"{sqlite3.sqlite_version}, journal {session.store.journal_mode()}"),
        ("machine", f"{socket.gethostname()}, {platform.system()} {platform.release()}"),
    ]
    if session.has_workspace and session.workspace.server_version:
        rows.insert(1, ("MLflow server", session.workspace.server_version))
    return rows
