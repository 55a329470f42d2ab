"""Fixtures for all tests: a home of their own for each, and MLflow servers shared by a session."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mantik_tui.store.connect import Store
from tests.support.faulty_proxy import FaultyProxy
from tests.support.mlflow_server import MlflowServer

_CLEARED = ("MLFLOW_", "MANTIK_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def closed_stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every database that a test opened: the app freezes what is alive, so that nobody else would."""
    opened: list[Store] = []
    make = Store.__init__

    def remember(self: Store, *args: Any, **kwargs: Any) -> None:
        opened.append(self)
        make(self, *args, **kwargs)

    monkeypatch.setattr(Store, "__init__", remember)
    yield
    for store in opened:
        with contextlib.suppress(AttributeError):  # one that could not be opened
            store.close()


@pytest.fixture(autouse=True)
def isolated_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A home for this test alone; nothing of the person's own settings, keyring or proxies gets in."""
    for name in list(os.environ):
        if name.startswith(_CLEARED) or name in _PROXIES:
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("MANTIK_TUI_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return home


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A server without login, shared by the session: use names of your own, don't stop it."""
    with MlflowServer(tmp_path_factory.mktemp("mlflow")) as server:
        server.save_template(server.folder / "template.db")  # before any test writes to it
        yield server


@pytest.fixture(scope="session")
def auth_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A server with users admin, alice and bob, who see nothing of each other's unless granted; shared, don't stop it."""
    with MlflowServer(tmp_path_factory.mktemp("mlflow-auth"), auth=True) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_template(mlflow_server: MlflowServer) -> Path:
    """An SQLite file with MLflow's tables and nothing in them, for servers of a test's own."""
    return mlflow_server.folder / "template.db"


NewServer = Callable[..., MlflowServer]


@pytest.fixture
def new_mlflow_server(
    mlflow_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewServer]:
    """Makes servers that the test may stop, kill and start again: `server = new_mlflow_server()`. Costs 7 s each.

    Not started yet, so that its file can be filled before: it is a copy of the template already.
    """
    made: list[MlflowServer] = []

    def make(*, auth: bool = False, default_permission: str = "NO_PERMISSIONS") -> MlflowServer:
        folder = tmp_path_factory.mktemp("own-mlflow")
        (folder / "mlflow.db").write_bytes(mlflow_template.read_bytes())
        made.append(MlflowServer(folder, auth=auth, default_permission=default_permission))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def faulty_proxy(mlflow_server: MlflowServer) -> Iterator[FaultyProxy]:
    """A proxy before the shared server that can misbehave; its address is `faulty_proxy.url`."""
    with FaultyProxy("127.0.0.1", mlflow_server.port) as proxy:
        yield proxy
