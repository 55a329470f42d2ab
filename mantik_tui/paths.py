"""Where the program keeps things. `MANTIK_TUI_HOME` moves everything that it writes, the socket aside."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

VARIABLE = "MANTIK_TUI_HOME"
_LINUX = sys.platform == "linux"


def place(kind: str) -> Path:
    """Where the `data`, `config` or `log` folder is, or would be: nothing is made."""
    moved = os.environ.get(VARIABLE)
    if moved:
        home = Path(moved).expanduser().absolute()
        return home if kind == "data" else home / kind
    if _LINUX:
        return _xdg(kind)
    import platformdirs

    if kind == "config":
        return Path(platformdirs.user_config_dir("mantik-tui"))
    if kind == "log":
        return Path(platformdirs.user_log_dir("mantik-tui"))
    return Path(platformdirs.user_data_dir("mantik-tui"))


def _xdg(kind: str) -> Path:
    """The same folders as platformdirs gives, whose import would be a fifth of a short command's time."""
    variable, usual = {
        "config": ("XDG_CONFIG_HOME", ".config"),
        "log": ("XDG_STATE_HOME", ".local/state"),
        "data": ("XDG_DATA_HOME", ".local/share"),
    }[kind]
    chosen = os.environ.get(variable, "").strip()
    base = Path(chosen) if chosen else Path.home() / usual
    return base / "mantik-tui" / "log" if kind == "log" else base / "mantik-tui"


def data_dir() -> Path:
    """Folder of the database, logs of runs, snapshots and downloads; made with mode 0700.

    Raises StoreProblem when it can't be made, as all functions here do that give a folder.
    """
    return _private(place("data"))


def config_file() -> Path:
    """The configuration file, TOML; it need not exist."""
    return place("config") / "config.toml"


def log_dir() -> Path:
    """Folder of the program's own log files."""
    return _private(place("log"))


def database() -> Path:
    return data_dir() / "mantik.db"


def secrets_file() -> Path:
    """Fallback for machines without a keyring; mode 0600."""
    return data_dir() / "secrets.toml"


def run_logs() -> Path:
    """Folder of the jobs' logs, one file a run, readable offline."""
    return _private(data_dir() / "logs")


def snapshots() -> Path:
    """Folder of submissions' snapshots and the content they share."""
    return _private(data_dir() / "snapshots")


def downloads() -> Path:
    """Folder of artifacts fetched for previews."""
    return _private(data_dir() / "artifacts")


def local_runs() -> Path:
    """Default run root of this machine as a site."""
    return _private(data_dir() / "runs")


def demo_dir() -> Path:
    return _private(data_dir() / "demo")


def socket_path() -> Path:
    """The engine's socket, named by a hash of the home, since socket paths must be short.

    Lies in `$XDG_RUNTIME_DIR`, else in `/tmp/mantik-tui-<uid>`, which must be ours and closed to others.

    Raises:
        EngineProblem: the folder can't be made, belongs to somebody else, or is open to others.
    """
    import hashlib

    name = hashlib.sha256(str(place("data")).encode()).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir() and os.access(runtime, os.W_OK):
        folder = Path(runtime)
    else:
        folder = Path("/tmp") / f"mantik-tui-{os.getuid()}"
        _check_socket_folder(folder)
    return folder / f"mantik-tui-{name}.sock"


def _check_socket_folder(folder: Path) -> None:
    from mantik_tui.domain.errors import EngineProblem

    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        info = folder.lstat()
        fault = ""
        if info.st_uid != os.getuid() or not stat.S_ISDIR(info.st_mode) or info.st_mode & 0o077:
            fault = f"{folder} belongs to somebody else or is open to others"
    except OSError as error:
        fault = f"{folder}: {error.strerror or error}"
    if fault:
        raise EngineProblem(
            "There is no safe place for the engine's socket",
            fault,
            "Set XDG_RUNTIME_DIR to a folder that only you can enter",
        )


def _private(folder: Path) -> Path:
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        from mantik_tui.domain.errors import StoreProblem

        raise StoreProblem(
            f"The folder {folder} can't be made",
            _why(folder, error),
            f"Set {VARIABLE} to a folder on a disk that you can write to",
        ) from error
    return folder


def _why(folder: Path, error: OSError) -> str:
    """The reason, with the file named that stands where a folder should be."""
    for part in (folder, *folder.parents):
        if part.exists():
            return (
                f"{part} is a file" if not part.is_dir() else f"{part}: {error.strerror or error}"
            )
    return error.strerror or str(error)
