"""How things stand: connection, age, jobs by state, pending writes. What every screen says at its edge."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from mantik_tui.store.holder import other_holder
from mantik_tui.store.reads.projects import pull_progress
from mantik_tui.store.reads.standing import job_counts, lease_host, outbox_counts
from mantik_tui.store.reads.workspaces import WorkspaceRow, workspaces
from mantik_tui.workspace.session import Session

LEASE_LASTS_MS = 60_000
"""A lease that was not renewed for so long has no holder that sends."""


@dataclass(frozen=True, slots=True)
class Status:
    """One look at the local database; takes well under a millisecond."""

    workspace: str
    """Name, empty when none is set up."""
    server: str
    """Host of the tracking server."""
    state: str
    """As stored by the engine: `new`, `pulling`, `live`, `offline`, `needs login`, `refused`, `not mlflow`.

    Empty for no workspace."""
    reason: str
    """Why, in words, where it is not live."""
    as_of_ms: int | None
    """When the last complete round ended."""
    jobs: dict[str, int]
    """Jobs by state that have not ended."""
    waiting: int
    """Writes that wait to be sent."""
    blocked: int
    """Writes that need a person."""
    pulled: tuple[int, int] | None
    """Runs stored and expected while a full pull is under way."""
    sender: str = ""
    """The host whose engine sends, where it is not this one: a home that several machines share."""

    @property
    def unsent(self) -> int:
        return self.waiting + self.blocked


def waiting_words(waiting: int, blocked: int) -> str:
    """How much waits to be sent, in words: `3 wait, 1 needs you`; `nothing` for nothing."""
    parts = [f"{waiting} wait{'s' * (waiting == 1)}"] if waiting else []
    parts += [f"{blocked} need{'s' * (blocked == 1)} you"] if blocked else []
    return ", ".join(parts) or "nothing"


def login_command(row: WorkspaceRow) -> str:
    """The command that logs in again at a workspace, as the same person."""
    how = {"token": " --token", "basic": f" --username {row.username}"}.get(row.auth, "")
    return f"mantik-tui login {row.tracking_uri} --name {row.name}{how}"


def sending_host(session: Session) -> str:
    """The host whose engine sends what waits, where a home is shared by several; empty if it is this one, or nobody."""
    return session.read(other_holder, session.now_ms())


def read_status(session: Session) -> Status:
    """Raises StoreProblem when the database can't be read now."""
    jobs = session.read(job_counts)
    outbox = session.read(outbox_counts, 0)
    if not session.has_workspace:
        return Status("", "", "", "", None, jobs, outbox.waiting, outbox.blocked, None)
    host = session.read(lease_host, session.now_ms() - LEASE_LASTS_MS)
    wanted = session.workspace.id
    row = next(
        (row for row in session.read(workspaces) if row.id == wanted),
        session.workspace,
    )
    pulling = row.state in ("new", "pulling")
    return Status(
        workspace=row.name,
        server=urlsplit(row.tracking_uri).netloc.rpartition("@")[2],
        state=row.state,
        reason=row.reason,
        as_of_ms=row.round_ms,
        jobs=jobs,
        waiting=outbox.waiting,
        blocked=outbox.blocked,
        pulled=session.read(pull_progress, wanted) if pulling else None,
        sender="" if host == os.uname().nodename else host,
    )
