"""A real MLflow server for tests and for trying things by hand: SQLite, proxied artifacts, loopback.

With `auth`, MLflow's own users: `admin`, `alice` and `bob`, with passwords from `password_of`.
By hand: `python -m tests.support.mlflow_server --folder /tmp/x --port 5000 --runs 1000`.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

START_DEADLINE_S = 120.0
STOP_DEADLINE_S = 15.0
ADMIN = "admin"
USERS = ("alice", "bob")
_TETHER = Path(__file__).with_name("tether.py")
_SERVER_ENV = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "only-for-tests-on-loopback",
    "NO_PROXY": "127.0.0.1,localhost",
}


def password_of(user: str) -> str:
    """The password of a test user; MLflow wants 12 characters at least."""
    return f"{user}-of-the-tests"


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class MlflowServer:
    """One server and its folder. Start, stop and kill as often as needed; the port stays the same."""

    folder: Path
    port: int = field(default_factory=free_port)
    auth: bool = False
    default_permission: str = "NO_PERMISSIONS"
    template: Path | None = None
    """An SQLite file to begin with, as made by `save_template`; saves the making of the tables."""
    extra_args: tuple[str, ...] = ()
    _tether: subprocess.Popen[bytes] | None = None
    _group: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def db(self) -> Path:
        return self.folder / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    @property
    def log_file(self) -> Path:
        return self.folder / "server.log"

    @property
    def running(self) -> bool:
        return self._tether is not None and self._tether.poll() is None

    def start(self) -> Self:
        """Starts it and returns once it answers. Raises RuntimeError with the end of its log if it does not."""
        if self.running:
            return self
        self.artifacts.mkdir(parents=True, exist_ok=True)
        if self.template is not None and not self.db.exists():
            shutil.copyfile(self.template, self.db)
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("MLFLOW_", "MANTIK_"))
        }
        environment |= _SERVER_ENV
        if self.auth:
            environment["MLFLOW_AUTH_CONFIG_PATH"] = str(self._write_auth_config())
        with self.log_file.open("ab") as log:
            self._tether = subprocess.Popen(
                [sys.executable, str(_TETHER), *self._command()],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=self.folder,
            )  # fmt: skip
        assert self._tether.stdout is not None
        self._group = int(self._tether.stdout.readline())
        self._await_health()
        if self.auth:
            self._make_users()
        return self

    def stop(self) -> None:
        """Ends it politely: SIGTERM to the whole group, SIGKILL after five seconds."""
        if self._tether is not None:
            assert self._tether.stdin is not None
            self._tether.stdin.close()
            self._reap()

    def kill(self) -> None:
        """Ends it as kill -9 does."""
        if self._tether is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._group, signal.SIGKILL)
            self._reap()

    def restart(self) -> Self:
        """Stops it and starts it again on the same port with the same data."""
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, user: str = ""
    ) -> dict[str, Any]:
        """One REST call past the client under test; `path` as in `/api/2.0/mlflow/runs/get?run_id=...`.

        `user` is the one who asks, on a server with `auth` the admin by default. Raises urllib's HTTPError.
        """
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Content-Type", "application/json")
        if self.auth:
            who = user or ADMIN
            secret = base64.b64encode(f"{who}:{password_of(who)}".encode()).decode()
            request.add_header("Authorization", f"Basic {secret}")
        data = None if body is None else json.dumps(body).encode()
        with _DIRECT.open(request, data, timeout=60) as response:
            answer = response.read()
        return dict(json.loads(answer)) if answer.strip() else {}

    def grant(self, user: str, experiment_id: str, permission: str, *, by: str = ADMIN) -> None:
        """Gives a user a permission on an experiment. A grant replaces none: take the old one back first."""
        self._permission("grant", by, user, experiment_id, permission=permission)

    def revoke(self, user: str, experiment_id: str, *, by: str = ADMIN) -> None:
        """Takes a user's permission on an experiment back."""
        self._permission("revoke", by, user, experiment_id)

    def save_template(self, target: Path) -> Path:
        """Copies the database, the server may be running, as a template for other servers."""
        with (
            contextlib.closing(sqlite3.connect(self.db)) as source,
            contextlib.closing(sqlite3.connect(target)) as to,
        ):
            source.backup(to)
        return target

    def log_tail(self, lines: int = 30) -> str:
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _permission(self, verb: str, by: str, user: str, experiment_id: str, **more: str) -> None:
        body = {
            "username": user,
            "resource_type": "experiment",
            "resource_id": experiment_id,
            **more,
        }
        self.call("POST", f"/api/3.0/mlflow/users/permissions/{verb}", body, user=by)

    def _command(self) -> list[str]:
        return [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port),
            "--workers", "1", "--backend-store-uri", f"sqlite:///{self.db}", "--serve-artifacts",
            "--artifacts-destination", str(self.artifacts), "--default-artifact-root", "mlflow-artifacts:/",
            *(("--app-name", "basic-auth") if self.auth else ()), *self.extra_args,
        ]  # fmt: skip

    def _write_auth_config(self) -> Path:
        path = self.folder / "auth.ini"
        path.write_text(
            "[mlflow]\n"
            f"default_permission = {self.default_permission}\n"
            f"database_uri = sqlite:///{self.folder / 'auth.db'}\n"
            f"admin_username = {ADMIN}\n"
            f"admin_password = {password_of(ADMIN)}\n"
            "auth_cache_ttl_seconds = 60\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        path.chmod(0o600)
        return path

    def _await_health(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        pause = threading.Event()
        while True:
            with contextlib.suppress(OSError), _DIRECT.open(self.url + "/health", timeout=2):
                return
            if not self.running:
                self._reap()
                raise RuntimeError(f"the MLflow server ended at once:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(
                    f"the MLflow server did not answer in {START_DEADLINE_S:.0f} s:\n{self.log_tail()}"
                )
            pause.wait(0.05)

    def _make_users(self) -> None:
        for user in USERS:
            try:
                body = {"username": user, "password": password_of(user)}
                self.call("POST", "/api/2.0/mlflow/users/create", body)
            except urllib.error.HTTPError as error:
                if b"ALREADY_EXISTS" not in error.read():
                    raise

    def _reap(self) -> None:
        tether, self._tether = self._tether, None
        assert tether is not None
        try:
            tether.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._group, signal.SIGKILL)
            tether.wait(STOP_DEADLINE_S)
        for pipe in (tether.stdin, tether.stdout):
            _close(pipe)


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError):
            pipe.close()


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main(argv: list[str] | None = None) -> int:
    """Runs a server until Ctrl-C."""
    from tests.support.seed import SeedPlan, seed_database

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--folder", type=Path, required=True, help="where its data lie; used again if it is there"
    )
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--auth", action="store_true", help="with the users admin, alice and bob")
    parser.add_argument("--default-permission", default="NO_PERMISSIONS")
    parser.add_argument("--runs", type=int, default=0, help="fill it with so many made-up runs")
    options = parser.parse_args(argv)
    server = MlflowServer(options.folder, options.port, options.auth, options.default_permission)
    with server:
        if options.runs:
            seed_database(server.db, SeedPlan(runs=options.runs))
        print(f"{server.url}, data in {server.folder}; Ctrl-C ends it")
        if options.auth:
            print(*(f"{user} / {password_of(user)}" for user in (ADMIN, *USERS)), sep="\n")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
