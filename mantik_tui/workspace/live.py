"""What only the engine can fetch: refreshing, listings, files, histories. Answers arrive in the database.

Every function may raise `EngineProblem`, and what the server or site answered (`Offline`, `NeedsLogin`, `Refused`,
`NotFound`). None is called by a screen in its event loop: screens paint what is stored and ask in a worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mantik_tui.workspace.session import Session

LONG_S = 3600.0
"""Seconds that a download may take before its caller gives up waiting; the engine goes on."""


def refresh(session: Session, *, wait: bool = False, full: bool = False) -> None:
    """Ask the server and sites now, instead of at the next round.

    Args:
        wait: return only when the round, or the full pull if one is under way, is complete.
        full: read every run again, not only what changed.
    """
    session.engine.ensure()
    session.engine.request(
        "refresh", timeout_s=LONG_S, workspace=session.workspace.id, wait=wait, full=full
    )


def watch(
    session: Session, runs: Sequence[int] = (), log: int | None = None, visible: Sequence[int] = ()
) -> None:
    """Tell the engine what is being looked at: these runs' metrics are followed, this run's log is followed closely,
    these rows are kept fresh. Replaces what was watched before; never waits."""
    session.engine.notify("watch", runs=list(runs), log=log, visible=list(visible))


def list_artifacts(session: Session, run_id: int, folder: str = "") -> None:
    """List one folder of a run's artifacts; read it with `reads.history.artifacts`."""
    session.engine.ensure()
    session.engine.request("list-artifacts", run_id=run_id, folder=folder)


def fetch_artifact(
    session: Session, run_id: int, path: str, destination: Path | None = None
) -> Path:
    """Download an artifact (a file or a folder with all below), or all of them for an empty path. Without a destination it
    is kept for previews.

    Returns where it lies. A download that was cut goes on where it stopped.
    """
    session.engine.ensure()
    where = str(destination.absolute()) if destination else None
    answer = session.engine.request(
        "fetch-artifact", timeout_s=LONG_S, run_id=run_id, path=path, destination=where
    )
    return Path(answer["path"])


def preview_artifact(session: Session, run_id: int, path: str, limit: int = 262_144) -> bytes:
    """The first `limit` bytes of an artifact, from the copy kept here if there is one."""
    session.engine.ensure()
    answer = session.engine.request("preview-artifact", run_id=run_id, path=path, limit=limit)
    return Path(answer["path"]).read_bytes()[:limit]


def list_files(session: Session, run_id: int) -> None:
    """List the run folder on its site; read it with `reads.jobs.site_files`."""
    session.engine.ensure()
    session.engine.request("list-files", run_id=run_id)


def fetch_file(session: Session, run_id: int, path: str, destination: Path) -> Path:
    """Download a file or folder of the run folder; an empty path takes all of it. Returns where it lies."""
    session.engine.ensure()
    answer = session.engine.request(
        "fetch-file",
        timeout_s=LONG_S,
        run_id=run_id,
        path=path,
        destination=str(destination.absolute()),
    )
    return Path(answer["path"])


def fetch_log(session: Session, run_id: int) -> Path | None:
    """Bring the log up to date once. Returns the local copy, None if there is none yet."""
    session.engine.ensure()
    answer = session.engine.request("fetch-log", timeout_s=LONG_S, run_id=run_id)
    return Path(answer["path"]) if answer.get("path") else None


def fetch_histories(session: Session, run_id: int, keys: Sequence[str] | None = None) -> None:
    """Read metric histories from the last stored step on; all metrics of the run by default."""
    session.engine.ensure()
    session.engine.request(
        "fetch-histories", timeout_s=LONG_S, run_id=run_id, keys=list(keys) if keys else None
    )


def reread_run(session: Session, run_id: int) -> None:
    """Read one run from the server now: its tags, params, latest metrics."""
    session.engine.ensure()
    session.engine.request("reread-run", run_id=run_id)
