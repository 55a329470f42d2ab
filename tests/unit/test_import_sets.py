"""What a command imports is what it costs: the sets are held here, the times by `make bench`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from mantik_tui import paths
from tests.support.store_fill import fill_store

HEAVY = {
    "textual", "rich", "httpx", "httpcore", "sqlmodel", "sqlalchemy", "pydantic", "mlflow", "numpy", "pandas", "msgspec",
    "asyncio", "ssl", "socket", "subprocess", "yaml", "tomlkit", "keyring", "pathspec", "platformdirs",
    "importlib.metadata", "http.client", "email", "logging", "multiprocessing", "getpass", "unittest",
}  # fmt: skip
_PROGRAM = """
import sys
from mantik_tui.main import main
code = main(sys.argv[1:])
sys.stdout.flush()
modules = sorted(sys.modules)
import json
print(json.dumps([code, modules]), file=sys.stderr)
"""


def imported(*words: str) -> set[str]:
    """Modules that are loaded when the command has ended well."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True, env=dict(os.environ),
    )  # fmt: skip
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("mantik_tui.")}


def test_importing_the_package_imports_nothing_else_of_ours() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, mantik_tui; print(sorted(sys.modules))"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "mantik_tui." not in done.stdout
    assert "sqlite3" not in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["runs", "--help"]], ids=" ".join)
def test_help_imports_no_command(words: list[str]) -> None:
    modules = imported(*words)
    assert modules & (HEAVY | {"sqlite3", "json", "dataclasses", "tomllib"}) == set()
    assert ours(modules) == {
        "mantik_tui.main", "mantik_tui.cli", "mantik_tui.cli.root", "mantik_tui.cli.lazy", "mantik_tui.cli.tree",
    }  # fmt: skip


def test_help_of_one_command_imports_that_command_only() -> None:
    modules = imported("runs", "list", "--help")
    assert modules & (HEAVY | {"sqlite3"}) == set()
    assert {name for name in ours(modules) if ".cli.runs_" in name} == {"mantik_tui.cli.runs_list"}
    assert not any(
        name.startswith(("mantik_tui.store", "mantik_tui.workspace")) for name in modules
    )


def test_a_cached_list_imports_the_store_and_nothing_that_is_heavy(isolated_home: Path) -> None:
    fill_store(isolated_home / "mantik.db", projects=2, runs=100)
    for words in (["runs", "list", "--json"], ["runs", "list"]):
        modules = imported(*words)
        assert modules & HEAVY == set()
        rooms = {name.split(".")[1] for name in ours(modules)}
        assert rooms <= {"main", "cli", "domain", "paths", "settings", "store", "workspace", "sync"}
        assert {name for name in ours(modules) if name.startswith("mantik_tui.sync.")} == {
            "mantik_tui.sync.client", "mantik_tui.sync.wire",
        }  # fmt: skip
        assert "mantik_tui.domain.project" not in modules


@pytest.mark.parametrize(
    "words",
    [["projects", "list"], ["experiments", "list"], ["outbox", "list"], ["sites", "list"]],
    ids=" ".join,
)
def test_no_list_imports_a_network_library(words: list[str], isolated_home: Path) -> None:
    fill_store(isolated_home / "mantik.db", projects=2, runs=10)
    assert imported(*words) & HEAVY == set()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs says where things are")
@pytest.mark.parametrize("moved", [False, True])
def test_folders_are_those_of_platformdirs_without_its_import(
    moved: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MANTIK_TUI_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("CONFIG", "DATA", "STATE"):
        monkeypatch.delenv(f"XDG_{kind}_HOME", raising=False)
        if moved:
            monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / "moved" / kind))
    assert paths.data_dir() == Path(platformdirs.user_data_dir("mantik-tui"))
    assert paths.config_file() == Path(platformdirs.user_config_dir("mantik-tui")) / "config.toml"
    assert paths.log_dir() == Path(platformdirs.user_log_dir("mantik-tui"))
    fill_store(paths.database(), projects=1, runs=3)
    assert imported("runs", "list") & HEAVY == set()
