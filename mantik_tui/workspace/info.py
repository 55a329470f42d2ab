"""Everything that is known of one run, as plain values: what `runs info` prints and `Workspace.info` returns."""

from __future__ import annotations

from typing import Any

from mantik_tui.domain.job import Job
from mantik_tui.domain.text import iso
from mantik_tui.workspace import reads
from mantik_tui.workspace.runs import web_page
from mantik_tui.workspace.session import Session


def run_info(session: Session, run_id: int) -> dict[str, Any]:
    """One run whole; docs/commands.md says what each key is. Reads the local copy only.

    Raises:
        NotFound: there is no such row.
    """
    run = session.read(reads.runs.get_run, run_id)
    jobs = session.read(reads.jobs.jobs_of_run, run_id)
    return {
        "id": run.cid,
        "mlflow_run_id": run.server_id,
        "name": run.name,
        "status": run.status,
        "server_status": run.server_status or None,
        "lifecycle": "deleted" if run.deleted_remotely else run.lifecycle,
        "user": run.user or None,
        "workspace": session.workspace.name,
        "project": run.project_name or None,
        "experiment": run.experiment_name or None,
        "start": iso(run.start_ms),
        "end": iso(run.end_ms),
        "page": web_page(session, run_id) if run.server_id else None,
        "note": run.note or None,
        "params": dict(run.params),
        "metrics": {
            key: {"value": metric.value, "step": metric.step, "at": iso(metric.timestamp_ms)}
            for key, metric in run.metrics.items()
        },
        "tags": dict(run.tags),
        "job": _job(jobs[-1]) if jobs else None,
        "earlier_jobs": [_job(job) for job in jobs[:-1]],
        "history": [
            {"at": iso(one.at_ms), "attempt": one.attempt, "state": one.state, "cause": one.cause or None,
             "words": one.words or None}
            for one in session.read(reads.jobs.job_events, run_id)
        ],
        "log": _log(session, run_id),
        "artifacts": _artifacts(session, run_id),
        "submission": dict(run.doc) or None,
        "pending": [
            {"id": entry.id, "what": entry.what, "state": entry.state.value, "error": entry.error or None}
            for entry in session.read(reads.jobs.open_entries, run_id)
        ],
        "as_of": iso(run.as_of_ms),
    }  # fmt: skip


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.job_id or None,
        "attempt": job.attempt,
        "site": job.site,
        "state": job.state.value,
        "cause": job.cause or None,
        "words": job.words or None,
        "exit_code": job.exit_code,
        "signal": job.signal,
        "node": job.node or None,
        "folder": job.folder or None,
        "submitted": iso(job.submitted_ms),
        "started": iso(job.started_ms),
        "ended": iso(job.ended_ms),
        "limit_s": job.limit_ms // 1000 if job.limit_ms else None,
        "seen": iso(job.seen_ms),
    }


def _log(session: Session, run_id: int) -> dict[str, Any] | None:
    log = session.read(reads.jobs.get_log, run_id)
    if log is None:
        return None
    return {
        "path": log.path,
        "size": log.size,
        "complete": log.complete,
        "as_of": iso(log.as_of_ms),
    }


def _artifacts(session: Session, run_id: int) -> list[dict[str, Any]] | None:
    """None if they were never listed."""
    if session.read(reads.history.artifacts_as_of, run_id) is None:
        return None
    return [
        {"path": one.path, "folder": one.is_dir, "size": one.size, "copy": one.local_path}
        for one in session.read(reads.history.artifacts, run_id)
    ]
