"""Opening the database: journal mode by file system, file mode, migrations, one connection a thread.

A database that can't be written, on a disk that was mounted read-only for example, opens for reading.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from mantik_tui.domain.errors import StoreProblem

OLDEST_SQLITE = (3, 35, 0)
_NETWORK_FILE_SYSTEMS = {
    *(
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "lustre",
        "gpfs",
        "beegfs",
        "ceph",
        "afs",
        "9p",
        "panfs",
    ),
    *("fuse.sshfs", "glusterfs", "fuse.glusterfs"),
}


def file_system_of(path: Path) -> str:
    """Type of the file system that holds `path`, by /proc/self/mounts; empty where that can't be told."""
    try:
        lines = Path("/proc/self/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    real = str(path.absolute().resolve())
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount = fields[1].replace("\\040", " ")
        inside = real == mount or real.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fields[2]
    return kind


def on_network(path: Path) -> bool:
    """Whether `path` lies on a network file system, where SQLite's WAL does not work."""
    return file_system_of(path) in _NETWORK_FILE_SYSTEMS


def _migrations() -> list[tuple[int, str]]:
    folder = Path(__file__).parent / "migrations"
    files = sorted(folder.glob("[0-9]*.sql"))
    return [(int(file.name.split("_")[0]), file.read_text()) for file in files]


LATEST_SCHEMA = 1
"""Number of the newest migration; a test holds it equal to the files, so that opening need not list them."""


class Store:
    """The database file. Connections are made on first use, one for each thread, and closed by `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read_only = _only_readable(path)
        """Whether nothing can be written: the file, or the folder in which SQLite keeps its journal, is closed to us."""
        self._immutable = False
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            wanted = ".".join(map(str, OLDEST_SQLITE))
            raise StoreProblem(
                f"SQLite {sqlite3.sqlite_version} is too old",
                f"mantik-tui needs SQLite {wanted} or newer for partial indices and RETURNING",
                "Use a Python that brings a newer SQLite, for example from conda-forge",
            )
        self._prepare()

    def _prepare(self) -> None:
        try:
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            version = self._version()
            if version < LATEST_SCHEMA and self.read_only:
                raise StoreProblem(
                    "The local database is of an older version, and can't be written",
                    f"{self.path} is read-only",
                    "Make it writable once, or set MANTIK_TUI_HOME to another folder",
                )
            if version < LATEST_SCHEMA:
                self._migrate()
            elif version > LATEST_SCHEMA:
                raise StoreProblem(
                    "The database was written by a newer mantik-tui",
                    f"it has schema {version}, this program knows {LATEST_SCHEMA}",
                    "Update mantik-tui, or set MANTIK_TUI_HOME to another folder",
                )
        except (sqlite3.Error, OSError) as error:
            raise StoreProblem(
                "The local database can't be opened",
                f"{self.path}: {getattr(error, 'strerror', None) or error}",
                "mantik-tui doctor says what is wrong with it; MANTIK_TUI_HOME chooses another folder",
            ) from error

    def _version(self) -> int:
        """The schema's number, by which it also shows whether the file can be read at all."""
        try:
            return int(self.connection.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.OperationalError:
            if not self.read_only:
                raise
        # SQLite wants to make its -shm file beside a database in WAL mode, and can't.
        self.close()
        self._immutable = True
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])

    def _migrate(self) -> None:
        connection = self.connection
        mode = "DELETE" if on_network(self.path) else "WAL"
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("BEGIN EXCLUSIVE")
        try:
            have = connection.execute("PRAGMA user_version").fetchone()[0]
            for number, script in _migrations():
                if number > have:
                    for statement in _statements(script):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit; use `transaction` to write."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(
                self._address() if self.read_only else self.path,
                isolation_level=None, check_same_thread=False, timeout=10.0, uri=self.read_only,
            )  # fmt: skip
            found.execute("PRAGMA synchronous = NORMAL")
            found.execute("PRAGMA temp_store = MEMORY")
            self._local.connection = found
            with self._lock:
                self._all.append(found)
        return found

    def _address(self) -> str:
        return f"{self.path.absolute().as_uri()}?mode=ro{'&immutable=1' * self._immutable}"

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One `BEGIN IMMEDIATE` … `COMMIT`; rolled back when the body raises.

        Raises:
            StoreProblem: the database can only be read.
        """
        if self.read_only:
            raise StoreProblem(
                "The local database is read-only",
                f"{self.path} can't be written; nothing has changed",
                "Make the folder writable, or set MANTIK_TUI_HOME to another one",
            )
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # A full disk ends a transaction by itself; one whose COMMIT failed is still open.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def data_version(self) -> int:
        """Changes when another connection has written; a lost notice can't leave a stale screen."""
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    def journal_mode(self) -> str:
        return str(self.connection.execute("PRAGMA journal_mode").fetchone()[0])

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()


def _only_readable(path: Path) -> bool:
    return path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _statements(script: str) -> Iterator[str]:
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            if part.strip():
                yield part
            part = ""
