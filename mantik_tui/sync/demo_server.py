"""The demo's own MLflow server: a child of the engine, on a loopback port, with users, SQLite and artifacts beside it.

Everything lies in one folder (`state_dir`), mode 0700:

    mlflow.db, auth.db   SQLite: tracking data, users
    artifacts/           what runs logged
    password, flask.key  random, mode 0600, made at the first start
    auth.ini             settings of MLflow's basic-auth app; holds no secret
    server.json          port, process id and its start mark of the running server
    server.log           what it said

The functions block for seconds: call them from a thread. The login cache is on, since an uncached basic-auth check costs
half a second a request.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import importlib.metadata
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mantik_tui.domain.errors import EngineProblem, Offline

USER = "demo"
HOST = "127.0.0.1"
START_S = 120.0
"""Longest wait for the first answer: the first start makes two databases, which a busy machine takes its time for."""
_LOG_KEPT = 2_000_000
_CACHE_S = 60

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A running demo server. It lives until `stop`, or until the process that started it ends."""

    url: str
    username: str
    password: str = field(repr=False)
    state_dir: Path
    pid: int
    taken_over: bool
    """Whether it was running before and only found again."""
    child: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    """The server's keeper, for the process that started it; closing its stdin ends the server."""

    def stop(self, timeout_s: float = 15.0) -> None:
        """End the server and everything that it has started. Does nothing if it is gone already."""
        stop_demo_server(self.state_dir, timeout_s)
        if self.child is not None:
            if self.child.stdin is not None:
                self.child.stdin.close()
            self.child.wait(timeout_s)


def start_demo_server(
    state_dir: Path, progress: Progress = lambda _: None, timeout_s: float = START_S
) -> DemoServer:
    """Start the demo's MLflow server, or find the one that runs already.

    Args:
        state_dir: folder of everything that the server keeps; made when missing.
        progress: told what goes on, in short lines for people.
        timeout_s: longest wait for the server's first answer.

    Raises:
        EngineProblem: the extra `server` is not installed, or the server ended at once; its own words are the cause.
        Offline: no answer in time.
    """
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _only_one(state_dir, timeout_s):
        running = find_demo_server(state_dir)
        if running is not None:
            progress(f"MLflow server is running already: {running.url}")
            return running
        check_installed()
        fresh = not (state_dir / "mlflow.db").exists()
        progress(
            "starting a local MLflow server"
            + (", its first start takes a little longer" if fresh else "")
        )
        password = _prepare(state_dir)
        port = _free_port(_remembered_port(state_dir))
        server = _spawn(state_dir, port, password)
        try:
            _await_health(server, timeout_s)
        except BaseException:
            server.stop()
            raise
        progress(f"MLflow server answers: {server.url}")
        return server


def find_demo_server(state_dir: Path) -> DemoServer | None:
    """The server that was started in this folder, if that very process still runs and answers."""
    record = _read_record(state_dir)
    if record is None or not _alive(record) or not _healthy(record["port"], 5.0):
        return None
    password = (state_dir / "password").read_text().strip()
    return DemoServer(
        _url(record["port"]), USER, password, state_dir, record["pid"], taken_over=True
    )


def stop_demo_server(state_dir: Path, timeout_s: float = 15.0) -> bool:
    """End the server that runs in this folder, whoever started it. Whether there was one."""
    record = _read_record(state_dir)
    if record is None or not _alive(record):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(record["pid"], signal.SIGTERM)
    if not _ended(record, timeout_s):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(record["pid"], signal.SIGKILL)
        _ended(record, 5.0)
    return True


def check_installed() -> None:
    """Raise EngineProblem, with the command that helps, where MLflow's server is not installed."""
    for name in ("mlflow", "flask-wtf"):
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise EngineProblem(
                "The demo can't start its MLflow server",
                f"the package {name} is not installed: mantik-tui was installed without its extra 'server'",
                "install it with: pip install 'mantik-tui[server]'",
            ) from None


@contextlib.contextmanager
def _only_one(state_dir: Path, timeout_s: float) -> Iterator[None]:
    """Two starts at the same time end up with one server."""
    with (state_dir / "start.lock").open("w") as lock:
        end = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Offline(
                        "The demo server is being started by another process",
                        f"{state_dir / 'start.lock'} has been held for {timeout_s:.0f} s",
                        "try again in a minute",
                    ) from None
                time.sleep(0.1)
        yield


def _prepare(state_dir: Path) -> str:
    """Secrets and settings, made once; the password."""
    (state_dir / "artifacts").mkdir(exist_ok=True, mode=0o700)
    password = _secret(state_dir / "password", 18)
    _secret(state_dir / "flask.key", 32)
    (state_dir / "auth.ini").write_text(
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        "database_uri = sqlite:///auth.db\n"
        f"admin_username = {USER}\n"
        f"auth_cache_ttl_seconds = {_CACHE_S}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    log = state_dir / "server.log"
    if log.exists() and log.stat().st_size > _LOG_KEPT:
        log.unlink()
    return password


def _secret(path: Path, size: int) -> str:
    """The text in `path`, made of `size` random bytes when the file is not there."""
    if not path.exists():
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(size))
        draft.rename(path)
    return path.read_text().strip()


def server_command(port: int) -> list[str]:
    """What is run in the state folder."""
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"]
    # Relative addresses: a folder's name may have characters that mean something in a database address.
    command += ["--backend-store-uri", "sqlite:///mlflow.db", "--serve-artifacts"]
    command += [
        "--artifacts-destination",
        "artifacts",
        "--default-artifact-root",
        "mlflow-artifacts:/",
    ]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    return [*command, "--uvicorn-opts", "--log-level warning"]


def _spawn(state_dir: Path, port: int, password: str) -> DemoServer:
    with os.fdopen(
        os.open(state_dir / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab"
    ) as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "mantik_tui.sync.demo_child", *server_command(port)],
            cwd=state_dir,
            env=_environment(state_dir, password),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    record = {"pid": child.pid, "mark": _start_mark(child.pid), "port": port}
    draft = state_dir / "server.json.new"
    draft.write_text(json.dumps(record))
    draft.rename(state_dir / "server.json")
    return DemoServer(
        _url(port), USER, password, state_dir, child.pid, taken_over=False, child=child
    )


def _environment(state_dir: Path, password: str) -> dict[str, str]:
    """Ours, less what would make the server something else (`MLFLOW_TRACKING_URI` and the like)."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "_MLFLOW_"))
    }
    return kept | {
        "MLFLOW_AUTH_CONFIG_PATH": str((state_dir / "auth.ini").absolute()),
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": (state_dir / "flask.key").read_text().strip(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        "PYTHONSAFEPATH": "1",
    }


def _await_health(server: DemoServer, timeout_s: float) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    end = time.monotonic() + timeout_s
    while not _healthy(port, 2.0):
        if server.child is not None and server.child.poll() is not None:
            raise EngineProblem(
                "The demo's MLflow server ended right after its start",
                _last_words(server.state_dir / "server.log"),
                f"all that it said is in {server.state_dir / 'server.log'}",
            )
        if time.monotonic() > end:
            raise Offline(
                "The demo's MLflow server does not answer",
                f"nothing within {timeout_s:.0f} s on {server.url}",
                f"what it said is in {server.state_dir / 'server.log'}",
            )
        time.sleep(0.1)


def _healthy(port: int, timeout_s: float) -> bool:
    """Whether a server says OK there. Asked directly: a proxy from the environment can't reach the loopback."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return answer.status == 200 and answer.read(16).strip() == b"OK"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def _free_port(wanted: int | None) -> int:
    """`wanted` if nobody has it, so that addresses written down stay right, else any free one."""
    for port in (wanted, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise EngineProblem(
        "The demo can't start its MLflow server", "no free port on the loopback address"
    )


def _remembered_port(state_dir: Path) -> int | None:
    record = _read_record(state_dir)
    return None if record is None else record["port"]


def _read_record(state_dir: Path) -> dict[str, int] | None:
    try:
        record = json.loads((state_dir / "server.json").read_text())
        return {name: int(record[name]) for name in ("pid", "mark", "port")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _start_mark(pid: int) -> int:
    """A number that tells this process from a later one with the same id; 0 when it is gone or only a zombie."""
    try:
        with Path(f"/proc/{pid}/stat").open() as file:
            fields = file.read().rpartition(")")[2].split()
        return 0 if fields[0] in "ZX" else int(fields[19])
    except OSError:
        if Path("/proc/self/stat").exists():
            return 0
    said = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return int.from_bytes(said.strip().encode(), "big")


def _alive(record: dict[str, int]) -> bool:
    return record["mark"] != 0 and _start_mark(record["pid"]) == record["mark"]


def _ended(record: dict[str, int], timeout_s: float) -> bool:
    end = time.monotonic() + timeout_s
    while _alive(record):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"
