"""What was kept of a submission: its job script, its uncommitted changes, its manifest."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mantik_tui import paths
from mantik_tui.domain.errors import NotFound
from mantik_tui.store.reads import runs
from mantik_tui.workspace import live
from mantik_tui.workspace.session import Session

SCRIPT = "job.sh"
CHANGES = "changes.diff"
MANIFEST = "manifest"
_LIMIT = 2_000_000


def read_record(session: Session, run_id: int, name: str) -> str:
    """The text of one of a submission's records, from this machine, else from the run's artifacts.

    Raises:
        NotFound: there is none.
        Offline, EngineProblem: it is on the server only, which can't be asked now.
    """
    run = session.read(runs.get_run, run_id)
    if run.doc:
        try:
            kept = paths.snapshots() / run.cid / name
            return kept.read_text(encoding="utf-8", errors="replace")[:_LIMIT]
        except FileNotFoundError:
            pass
    if run.server_id is None:
        raise NotFound(
            f"There is no {name} of {run.name} yet",
            "the job script is made when the run is submitted",
            "o shows what it waits for",
        )
    data = live.preview_artifact(session, run_id, f"mantik/{name}", _LIMIT)
    return data.decode("utf-8", errors="replace")


def preview_file(session: Session, run_id: int, path: str, limit: int) -> bytes:
    """The first `limit` bytes of a file in the run folder on its site, by way of a copy that is not kept.

    Raises what `live.fetch_file` raises.
    """
    with tempfile.TemporaryDirectory(prefix="mantik-tui-") as folder:
        target = live.fetch_file(session, run_id, path, Path(folder))
        with target.open("rb") as file:
            return file.read(limit)


def kept_artifact(local_path: str, limit: int) -> bytes | None:
    """The first bytes of an artifact's copy on this machine, None if it is gone."""
    try:
        with Path(local_path).open("rb") as file:
            return file.read(limit)
    except OSError:
        return None
