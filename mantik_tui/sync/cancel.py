"""The handler of cancellations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mantik_tui.backends.compute.protocols import JobRef
from mantik_tui.domain.ids import job_name
from mantik_tui.domain.job import JobState
from mantik_tui.domain.job_states import JobView
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.store.reads import jobs as job_reads
from mantik_tui.store.writes import jobs as job_writes
from mantik_tui.store.writes import outbox as outbox_writes
from mantik_tui.store.writes.local import take_back
from mantik_tui.sync.outbox import Handler, Wait

if TYPE_CHECKING:
    from mantik_tui.sync.context import Engine


async def cancel(engine: Engine, entry: Entry) -> None:
    """Ask the site to end a run's job. Its end shows in the states; asking twice does no harm."""
    assert entry.run_id is not None
    job = job_reads.latest_job(engine.store.connection, entry.run_id)
    if job is None or job.state.ended:
        return
    if not job.job_id:
        _cancel_before_job(engine, entry)
        return
    session = await engine.sites.get(engine, job.site)
    cid = engine.store.connection.execute(
        "SELECT cid FROM run WHERE id = ?", (entry.run_id,)
    ).fetchone()[0]
    await session.scheduler.cancel(session.transport, JobRef(job_name(cid), job.folder, job.job_id))
    engine.wakes.jobs.set()


def _cancel_before_job(engine: Engine, entry: Entry) -> None:
    """A cancellation that overtook its submission: wait for the job id, or, if the submission was refused, end here."""
    assert entry.run_id is not None
    row = engine.store.connection.execute(
        "SELECT id FROM outbox WHERE run_id = ? AND kind = 'submit' ORDER BY id DESC LIMIT 1",
        (entry.run_id,),
    ).fetchone()
    found = job_reads.get_entry(engine.store.connection, row[0]) if row else None
    if found is not None and found.state.open:
        if found.state is not EntryState.BLOCKED or outbox_writes.in_doubt(found):
            raise Wait("waits for the job id of its submission", 1)
        with engine.store.transaction() as connection:
            take_back(connection, found.id, engine.now_ms())
        return
    with engine.store.transaction() as connection:
        now = engine.now_ms()
        view = JobView(JobState.CANCELLED, words="cancelled before it was submitted", ended_ms=now)
        job_writes.note_seen(connection, entry.run_id, 1, view, now)


HANDLERS: dict[str, Handler] = {EntryKind.CANCEL: cancel}
