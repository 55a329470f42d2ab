"""Where measurements live: stores that are filled once a machine, homes of their own, peers in a venv of their own."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from mantik_tui.store.connect import Store
from mantik_tui.store.writes import setup
from mantik_tui.sync.client import EngineLink
from tests.support import store_fill

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
OURS = str(BIN / "mantik-tui")
PEERS = Path(__file__).with_name("peers")
PEER_VENV = ROOT / ".venv-bench"
PEER_PACKAGES = {"wandb": "wandb", "tl": "toolong"}
"""Program to the package that brings it. Their dependencies contradict ours, hence an environment of their own."""
NOWHERE = "http://127.0.0.1:9"
"""A tracking server that is not there: refused at once, by this machine."""
_CLEARED = ("MLFLOW_", "MANTIK_", "WANDB_", "NO_COLOR")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@functools.cache
def cache() -> Path:
    """Folder that outlives a bench, in the system's temporary folder."""
    folder = Path(tempfile.gettempdir()) / f"mantik-tui-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder


def stamp_of(*files: Path) -> str:
    """Changes with the files' content."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


def drop_old(pattern: str, age_s: float = 86_400.0) -> None:
    """Remove what an older version of the bench kept. What is younger may be in use by another checkout."""
    for old in cache().glob(pattern):
        if time.time() - old.stat().st_mtime > age_s:
            shutil.rmtree(old, ignore_errors=True)


def keep(draft: Path, place: Path) -> None:
    """Put a finished draft in its place; another bench may have been quicker."""
    try:
        draft.rename(place)
    except OSError:
        if not place.exists():
            raise
        shutil.rmtree(draft, ignore_errors=True)


def filled_store(runs: int, projects: int) -> Path:
    """A store with so many runs, made on first use and again when the schema or the filling has changed."""
    schema = sorted((ROOT / "mantik_tui" / "store" / "migrations").glob("*.sql"))
    stamp = stamp_of(Path(store_fill.__file__), Path(__file__).with_name("labels.sql"), *schema)
    folder = cache() / f"store-{runs}-{projects}-{stamp}"
    if not folder.is_dir():
        drop_old(f"store-{runs}-{projects}-*")
        draft = Path(tempfile.mkdtemp(dir=cache(), prefix="draft-"))
        store_fill.fill_store(draft / "mantik.db", runs=runs, projects=projects)
        with contextlib.closing(sqlite3.connect(draft / "mantik.db")) as connection:
            connection.executescript(Path(__file__).with_name("labels.sql").read_text())
        keep(draft, folder)
    return folder / "mantik.db"


def environment(home: Path) -> dict[str, str]:
    """Environment of a program that lives in this home and knows nothing of the person's settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_CLEARED) and name not in _PROXIES
    }
    return {**kept, "MANTIK_TUI_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost"}


@dataclass
class Home:
    """A home of the program. `close` ends what was started in it, the engine above all, and removes it."""

    path: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.path / "mantik.db"

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.database, timeout=10, isolation_level=None)

    def processes(self) -> list[psutil.Process]:
        """Processes that were started in this home."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.uids().real != os.getuid() or process.pid == os.getpid():
                    continue
                if process.environ().get("MANTIK_TUI_HOME") == str(self.path):
                    found.append(process)
                elif any(str(self.path) in word for word in process.cmdline()):
                    found.append(process)  # a job of its: those have an environment of their own
        return found

    def engine(self, timeout: float = 20.0) -> psutil.Process:
        """The engine, as soon as it runs. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for process in self.processes():
                with contextlib.suppress(psutil.Error):
                    if process.cmdline()[-2:] == ["engine", "run"]:
                        return process
            time.sleep(0.05)
        raise TimeoutError("no engine runs")

    @contextlib.contextmanager
    def link(self) -> Iterator[EngineLink]:
        """A line to this home's engine, which must run."""
        before = os.environ.get("MANTIK_TUI_HOME")
        os.environ["MANTIK_TUI_HOME"] = str(self.path)
        link = EngineLink(lambda: None)
        try:
            if not link.connect():
                raise TimeoutError("the engine does not answer")
            yield link
        finally:
            link.close()
            if before is None:
                del os.environ["MANTIK_TUI_HOME"]
            else:
                os.environ["MANTIK_TUI_HOME"] = before

    def end_all(self) -> None:
        """End all programs of this home; an engine that is just being started too."""
        deadline = time.monotonic() + 8
        while alive := self.processes():
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    late = time.monotonic() > deadline - 4
                    process.send_signal(signal.SIGKILL if late else signal.SIGTERM)
            psutil.wait_procs(alive, timeout=2)
            if time.monotonic() > deadline:
                return

    def close(self) -> None:
        self.end_all()
        shutil.rmtree(self.path, ignore_errors=True)


@contextlib.contextmanager
def new_home(store: Path | None = None, server: str = NOWHERE) -> Iterator[Home]:
    """A home with a copy of a filled store, or an empty one, whose only workspace has this server's address."""
    path = Path(tempfile.mkdtemp(dir=cache(), prefix="home-"))
    home = Home(path, environment(path))
    try:
        if store is not None:
            subprocess.run(
                ["cp", "--reflink=auto", str(store), str(home.database)], check=True
            )  # a clone where the file system can
        else:
            Store(home.database).close()
        with contextlib.closing(home.connect()) as connection:
            if store is not None:
                connection.execute("UPDATE workspace SET tracking_uri = ?", (server,))
            else:
                setup.put_workspace(connection, "bench", server, "", "none")
        yield home
    finally:
        home.close()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that goes away."""
    path = Path(tempfile.mkdtemp(dir=cache(), prefix="scratch-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@functools.cache
def peer(program: str) -> str:
    """Path of a peer's program, installed on first use.

    Raises:
        LookupError: it can't be installed; the text says why.
    """
    found = PEER_VENV / "bin" / program
    if found.exists():
        return str(found)
    try:
        if not (PEER_VENV / "bin" / "python").exists():
            subprocess.run(
                [sys.executable, "-m", "venv", str(PEER_VENV)], check=True, capture_output=True
            )
        subprocess.run(
            [
                str(PEER_VENV / "bin" / "python"),
                "-m",
                "pip",
                "install",
                "-q",
                PEER_PACKAGES[program],
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
    except (subprocess.SubprocessError, OSError) as error:
        words = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise LookupError(
            f"{PEER_PACKAGES[program]} can't be installed here: {words[-1]}"
        ) from None
    if not found.exists():
        raise LookupError(f"{PEER_PACKAGES[program]} brings no program {program}")
    return str(found)


def free_of_noise(limit: float, wait_s: float) -> float:
    """Wait a little for a calm machine; returns the load that there is then."""
    deadline = time.monotonic() + wait_s
    while os.getloadavg()[0] > limit and time.monotonic() < deadline:
        time.sleep(2)
    return os.getloadavg()[0]
