"""Words of the frame around every screen: connection, age of what is shown, jobs, pending writes."""

from __future__ import annotations

from mantik_tui.domain.text import clean, clock
from mantik_tui.workspace.status import Status

ENGINE_STARTING = "starting"
ENGINE_ON = "on"
ENGINE_OFF = "off"

_STATES = {
    "live": ("● live", "good"),
    "pulling": ("◐ reading", "accent"),
    "new": ("◐ connecting", "muted"),
    "offline": ("○ offline", "warn"),
    "needs login": ("! needs login", "bad"),
    "not mlflow": ("! not an MLflow server", "bad"),
}
_JOB_ORDER = ("running", "queued", "finishing", "suspended", "unknown")


def connection(status: Status, engine: str) -> tuple[str, str]:
    """The connection in a word or two, and its tone (`good`, `accent`, `muted`, `warn`, `bad`)."""
    if not status.workspace:
        return "no server", "muted"
    if engine == ENGINE_STARTING:
        return "○ waking up", "muted"
    if engine == ENGINE_OFF:
        return "○ engine is off", "warn"
    if status.pulled is not None and status.state in ("new", "pulling") and status.pulled[1]:
        done, total = status.pulled
        return f"◐ {done:,} of {total:,} runs", "accent"
    return _STATES.get(status.state, (f"○ {status.state}", "muted"))


def where_to(status: Status) -> str:
    """Workspace and server: `hpc-group @ mlflow.example.org`, once if both are alike."""
    if status.workspace in ("", status.server) or status.server.startswith(f"{status.workspace}:"):
        return status.server
    return f"{status.workspace} @ {status.server}"


def status_parts(status: Status, now_ms: int) -> list[tuple[str, str]]:
    """What the status line says, part by part, each with its tone."""
    parts: list[tuple[str, str]] = []
    if status.workspace:
        age = f"as of {clock(status.as_of_ms, now_ms)}" if status.as_of_ms else "not read yet"
        parts.append((age, "muted"))
    jobs = [f"{status.jobs[state]} {state}" for state in _JOB_ORDER if status.jobs.get(state)]
    if jobs:
        parts.append((" ".join(jobs), "accent"))
    if status.blocked:
        needs = "write needs" if status.blocked == 1 else "writes need"
        parts.append((f"{status.blocked} {needs} you", "bad"))
    if status.waiting:
        parts.append((f"{status.waiting} write{'s' * (status.waiting > 1)} pending", "warn"))
    if status.state in ("offline", "needs login", "not mlflow") and status.reason:
        parts.append((clean(status.reason, keep_newlines=False), "warn"))
    return parts
