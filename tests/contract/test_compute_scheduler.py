"""What every scheduler owes: the same tests for each kind of queue."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mantik_tui.backends.compute.protocols import Completed, JobRef
from mantik_tui.backends.compute.run_folder import RunFolder, read_owner, read_records
from mantik_tui.backends.compute.transports.local import LocalTransport
from mantik_tui.domain.errors import Refused
from mantik_tui.domain.job import JobState
from mantik_tui.domain.job_states import unify
from tests.support.compute import STUBS, TestSite, a_site, now_ms, until


@pytest.fixture(params=["process"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TestSite]:
    async with a_site(tmp_path / "site with 'blanks'") as found:
        yield found


async def test_a_job_runs_to_its_end(site: TestSite) -> None:
    job = await site.submit(f"{sys.executable} -c 'print(\"metric 0.5\")'")
    view = await job.ends()
    assert (view.state, view.cause, view.exit_code) == (JobState.FINISHED, "", 0)
    assert job.log == "metric 0.5\n"
    assert view.started_ms and view.ended_ms
    assert now_ms() - 60_000 < view.started_ms <= view.ended_ms <= now_ms()
    assert view.job_id == job.job_id
    folder = RunFolder(job.spec.folder)
    owner = await read_owner(site.transport, folder)
    assert (owner["id"], owner["name"]) == (job.job_id, job.spec.job_name)
    records = await read_records(site.transport, folder)
    assert records["started"]["id"] == job.job_id
    assert records["ended"]["code"] == "0"


async def test_all_jobs_are_asked_about_by_one_command(site: TestSite) -> None:
    class Counting(LocalTransport):
        commands = 0

        async def run(self, script: str, *, timeout_s: float = 30.0) -> Completed:
            self.commands += 1
            return await super().run(script, timeout_s=timeout_s)

    jobs = [await site.submit(f"exit {code}") for code in range(4)]
    for job in jobs:
        await job.ends()
    transport = Counting()
    refs = [job.ref for job in jobs] + [JobRef("none", str(site.root / "none"), "")]
    seen = await site.scheduler.query(transport, refs)
    assert transport.commands == 1
    views = [unify(observations, None, now_ms()) for observations in seen]
    assert [view.exit_code for view in views] == [0, 1, 2, 3, None]
    assert views[4].state is JobState.UNKNOWN
    assert await site.scheduler.query(transport, []) == []


async def test_a_job_is_found_by_its_name(site: TestSite) -> None:
    job = await site.submit("sleep 300")
    await job.reaches(JobState.RUNNING)
    name, folder = job.spec.job_name, job.spec.folder
    assert await site.scheduler.find(site.transport, name, folder) == job.job_id
    # The guards in the folder are one way to find it, the queue's own list another.
    Path(folder, ".mantik/owner").rename(Path(folder, ".mantik/hidden"))
    assert await site.scheduler.find(site.transport, name, folder) == job.job_id
    Path(folder, ".mantik/hidden").rename(Path(folder, ".mantik/owner"))
    await job.cancel()
    await job.ends()
    assert await site.scheduler.find(site.transport, name, folder) == job.job_id
    assert await site.scheduler.find(site.transport, "other", str(site.root / "other")) is None


async def test_what_cannot_be_submitted_is_refused_in_words(site: TestSite) -> None:
    with pytest.raises(Refused) as told:
        await site.scheduler.submit(site.transport, site.spec("true"))
    assert told.value.cause


async def test_cancelling_twice_or_too_late_does_no_harm(site: TestSite) -> None:
    job = await site.submit("sleep 300")
    await job.reaches(JobState.RUNNING)
    await job.cancel()
    await job.cancel()
    assert (await job.ends()).state is JobState.CANCELLED
    await job.cancel(force=True)
    assert (await job.look()).state is JobState.CANCELLED


async def test_the_environment_reaches_the_job(site: TestSite) -> None:
    job = await site.submit(
        'echo "$GREETING|$TOKEN|$MLFLOW_RUN_ID"; module list; apptainer run i.sif echo in',
        variables={"GREETING": "good ${DAY:-day}", "PATH": f"{STUBS}:$PATH"},
        secrets={"TOKEN": "a'b$c"},
        mlflow_run_id="abc",
    )
    assert (await job.ends()).state is JobState.FINISHED
    assert job.log == "good day|a'b$c|abc\nin\n"
    script = Path(job.spec.folder, ".mantik/job.sh").read_text()
    assert "a'b$c" not in script and "TOKEN" not in script.replace('"$GREETING|$TOKEN', "")
    assert Path(job.spec.folder, ".mantik/env").stat().st_mode & 0o777 == 0o600


async def test_the_log_is_unbuffered(site: TestSite) -> None:
    command = f"{sys.executable} -c 'import time; print(\"first\"); time.sleep(300)'"
    job = await site.submit(command)
    await until(lambda: job.log == "first\n")
