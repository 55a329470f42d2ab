"""All that a run's screen shows, read at once from the local database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mantik_tui.domain.errors import NotFound
from mantik_tui.domain.job import Job
from mantik_tui.domain.outbox import Entry
from mantik_tui.domain.run import Artifact, HistoryInfo, Run
from mantik_tui.domain.site import Site
from mantik_tui.workspace.reads import history, runs
from mantik_tui.workspace.reads import jobs as job_reads
from mantik_tui.workspace.session import Session


@dataclass(frozen=True, slots=True)
class RunModel:
    run: Run
    jobs: tuple[Job, ...]
    """In order of attempts."""
    events: tuple[job_reads.JobEvent, ...]
    entries: tuple[Entry, ...]
    """What of this run waits in the outbox."""
    log: job_reads.LogInfo | None
    site: Site | None
    histories: tuple[HistoryInfo, ...]
    artifacts: tuple[Artifact, ...]
    artifacts_as_of_ms: int | None
    site_files: tuple[job_reads.SiteFile, ...]

    @property
    def job(self) -> Job | None:
        return self.jobs[-1] if self.jobs else None

    @property
    def log_path(self) -> Path | None:
        return Path(self.log.path) if self.log is not None else None

    @property
    def has_ended_badly(self) -> bool:
        return self.run.status in ("FAILED", "KILLED")


def read_run(session: Session, run_id: int) -> RunModel:
    """Raises NotFound when the run is gone, StoreProblem when the database can't be read now."""
    run = session.read(runs.get_run, run_id)
    found = tuple(session.read(job_reads.jobs_of_run, run_id))
    site: Site | None = None
    if found:
        try:
            site = session.read(job_reads.get_site, found[-1].site)
        except NotFound:
            site = None  # it was taken out of the configuration since
    return RunModel(
        run=run,
        jobs=found,
        events=tuple(session.read(job_reads.job_events, run_id)),
        entries=tuple(session.read(job_reads.open_entries, run_id)),
        log=session.read(job_reads.get_log, run_id),
        site=site,
        histories=tuple(session.read(history.histories, run_id)),
        artifacts=tuple(session.read(history.artifacts, run_id)),
        artifacts_as_of_ms=session.read(history.artifacts_as_of, run_id),
        site_files=tuple(session.read(job_reads.site_files, run_id)),
    )
