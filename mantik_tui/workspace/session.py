"""A session: one person at one workspace, with the local database and a line to the engine."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from mantik_tui import paths
from mantik_tui.domain.errors import EngineProblem, NotFound, StoreProblem
from mantik_tui.domain.problems import Problem, Severity
from mantik_tui.settings import Settings, SiteProfile, load_settings
from mantik_tui.store.connect import Store
from mantik_tui.store.reads.workspaces import WorkspaceRow, workspaces
from mantik_tui.store.writes import setup
from mantik_tui.sync.client import EngineLink, Spawn, spawn_process

if TYPE_CHECKING:
    from mantik_tui.domain.site import Site

DEMO = "demo"
"""Workspace of the demo, whose server takes whatever port is free."""

P = ParamSpec("P")
R = TypeVar("R")


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Session:
    """What every verb works on. Reads and writes may come from any thread; each thread has its own connection."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        workspace: WorkspaceRow | None,
        link: EngineLink,
        now_ms: Callable[[], int] = clock_ms,
        warnings: Sequence[Problem] = (),
    ) -> None:
        self.store = store
        self.settings = settings
        self.warnings = tuple(warnings)
        """What was found odd about the configuration while it was taken; the program goes on."""
        self._workspace = workspace
        self.engine = link
        self.now_ms = now_ms

    @property
    def workspace(self) -> WorkspaceRow:
        """The open workspace.

        Raises:
            NotFound: none is set up yet.
        """
        if self._workspace is None:
            raise NotFound(
                "No workspace is set up yet",
                "a workspace is one MLflow tracking server and your login there",
                "mantik-tui login URL connects one; mantik-tui demo tries it without any server",
            )
        return self._workspace

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written here, for example since the home lies on a disk mounted so."""
        return self.store.read_only

    @property
    def has_workspace(self) -> bool:
        return self._workspace is not None

    def read(
        self,
        query: Callable[Concatenate[sqlite3.Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run a named read.

        Raises:
            StoreProblem: the database can't be read now.
        """
        try:
            return query(self.store.connection, *args, **kwargs)
        except sqlite3.Error as error:
            raise StoreProblem(
                "The local database can't be read", str(error), "mantik-tui doctor says more"
            ) from error

    def write(
        self,
        change: Callable[Concatenate[sqlite3.Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run a named write in a transaction of its own, and tell the engine that there is something to do.

        Raises:
            StoreProblem: the database can't be written, since it is read-only, or the disk is full. Nothing has changed.
        """
        try:
            with self.store.transaction() as connection:
                result = change(connection, *args, **kwargs)
        except sqlite3.Error as error:
            raise StoreProblem(
                "The local database can't be written",
                f"{error}; nothing has changed",
                "Free some disk space or quota and try again; mantik-tui doctor says more",
            ) from error
        self.engine.notify("written")
        return result

    def wake_engine(self) -> None:
        """Make sure that an engine runs which sends what waits. Its absence loses nothing, so that failure is no error."""
        with contextlib.suppress(EngineProblem):
            self.engine.ensure()
            self.engine.notify("written")

    def reload(self, workspace: str | None = None) -> None:
        """Read the configuration and the workspace's row again; with a name, switch to that workspace."""
        self.settings = load_settings()
        warnings = apply_settings(self.store, self.settings)
        wanted = workspace or (self._workspace.name if self._workspace else None)
        self._workspace = choose_workspace(self.store, self.settings, wanted)
        self.warnings = (*warnings, *_gone(self.store, self.settings))

    def close(self) -> None:
        self.engine.close()
        self.store.close()


def open_session(
    workspace: str | None = None,
    *,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    spawn: Spawn = spawn_process,
    now_ms: Callable[[], int] = clock_ms,
    settings: Settings | None = None,
) -> Session:
    """Open the local database and the workspace of this name, else the configured one, else the only one.

    Reads the configuration file, unless `settings` are given, and takes it into the database when it has changed since.
    No engine is started and no network touched. A home that can't be written opens for reading.

    Raises:
        NotFound: a workspace was named and is not set up.
        StoreProblem: the database can't be opened.
        BadInput: the configuration file has faults.
    """
    store = Store(paths.database())
    try:
        warnings: list[Problem] = []
        if settings is None:
            settings = load_settings()
            warnings = apply_settings(store, settings)
        row = choose_workspace(store, settings, workspace)
        warnings += _gone(store, settings)
    except BaseException:
        store.close()
        raise
    link = EngineLink(_no_engine if store.read_only else spawn, on_event)
    return Session(store, settings, row, link, now_ms, warnings)


def engine_line() -> EngineLink:
    """A line to the engine of this home, for what needs neither its database nor the configuration. It starts none."""
    return EngineLink(_no_engine)


def _no_engine() -> None:
    raise OSError(f"{paths.place('data')} is read-only, so that no engine can work there")


def _gone(store: Store, settings: Settings) -> list[Problem]:
    """The workspace that is to open first is not there, so that another one has opened."""
    known = tuple(row.name for row in workspaces(store.connection))
    if not settings.workspace or settings.workspace in known:
        return []
    from mantik_tui.settings_check import gone_workspace

    return [_warning(("workspace",), *gone_workspace(settings.workspace, known))]


def _warning(key: tuple[str, ...], message: str, hint: str) -> Problem:
    from mantik_tui.settings_check import key_lines, line_of

    file = paths.config_file()
    try:
        lines = key_lines(file.read_text())
    except (OSError, UnicodeDecodeError):
        lines = {}
    return Problem(Severity.WARNING, str(file), line_of(lines, key), ".".join(key), message, hint)


def choose_workspace(store: Store, settings: Settings, name: str | None) -> WorkspaceRow | None:
    rows = workspaces(store.connection)
    wanted = name or settings.workspace
    for row in rows:
        if row.name == wanted:
            return row
    if name:
        known = ", ".join(row.name for row in rows) or "none yet"
        raise NotFound(
            f"No workspace is called {name!r}",
            f"known are: {known}",
            "mantik-tui login URL --name NAME",
        )
    return rows[0] if rows else None


def apply_settings(store: Store, settings: Settings) -> list[Problem]:
    """Mirror workspaces and sites of the configuration file into the database, if the file is newer than the mirror.

    Returns what was not taken and why, as warnings: a workspace with writes that wait keeps its server.
    """
    try:
        stamp = str(paths.config_file().stat().st_mtime_ns)
    except OSError:
        stamp = "none"
    if store.read_only or setup.get_meta(store.connection, "settings") == stamp:
        return []
    from mantik_tui.domain.site import THIS_MACHINE

    with store.transaction() as connection:
        kept = _mirror_workspaces(connection, settings)
        profiles = {THIS_MACHINE: SiteProfile(), **settings.sites}
        for name, site in profiles.items():
            setup.put_site(connection, site_of(name, site))
        for (name,) in connection.execute("SELECT name FROM site").fetchall():
            if name not in profiles:
                setup.remove_site(connection, name)
        # What was not taken is looked at again until it can be.
        setup.set_meta(connection, "settings", "" if kept else stamp)
    return [_kept_server(row, waiting) for row, waiting in kept]


def _mirror_workspaces(
    connection: sqlite3.Connection, settings: Settings
) -> list[tuple[WorkspaceRow, int]]:
    """Returns the workspaces that keep their server, and how many writes wait for it there."""
    known = {row.name: row for row in workspaces(connection)}
    kept: list[tuple[WorkspaceRow, int]] = []
    for name, profile in settings.workspaces.items():
        row = known.get(name)
        uri = profile.tracking_uri
        if row and not same_server(row.tracking_uri, uri) and name != DEMO:
            waiting = setup.count_waiting(connection, row.id)
            if waiting:
                kept.append((row, waiting))
                continue
        if row is None or (row.tracking_uri, row.username, row.auth, row.ca_file) != (
            uri, profile.username, profile.auth, profile.ca_file
        ):  # fmt: skip
            setup.put_workspace(
                connection, name, uri, profile.username, profile.auth, profile.ca_file
            )
    return kept


def same_server(one: str, other: str) -> bool:
    """Whether two addresses are the same but for a slash at the end."""
    return one.rstrip("/") == other.rstrip("/")


def _kept_server(row: WorkspaceRow, waiting: int) -> Problem:
    writes = "1 write waits" if waiting == 1 else f"{waiting} writes wait"
    return _warning(
        ("workspaces", row.name, "tracking_uri"),
        f"the workspace stays at {row.tracking_uri}: {writes} to be sent there",
        "Send them or take them back (mantik-tui outbox list); the new address is taken then",
    )


def site_of(name: str, profile: SiteProfile) -> Site:
    """A site as configured."""
    from mantik_tui.domain.site import Site

    values = asdict(profile)
    settings = {key: str(values.pop(key)) for key in ("python", "slots") if values[key]} | {}
    for key in ("python", "slots"):
        values.pop(key, None)
    return Site(name=name, settings=settings, **values)
