"""The engine killed with -9 between any two steps of a submission: exactly one training, always."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mantik_tui.backends.compute.protocols import SchedulerAbilities, Transport
from mantik_tui.backends.compute.run_folder import (
    CHECKPOINTS,
    RunFolder,
    SubmitOutcome,
    run_login_commands,
    submit_once,
)
from mantik_tui.backends.compute.schedulers.process import ProcessScheduler
from mantik_tui.domain.errors import Offline, Refused, Unsure
from mantik_tui.domain.job import JobState
from tests.support.compute import JobOnSite, TestSite, a_site, now_ms

ENGINE = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.support.compute import TestSite
from mantik_tui.backends.compute.job_spec import JobSpec

root, run_id, name, folder, command, point, count = sys.argv[1:]
left = int(count)

def checkpoint(at):
    global left
    if at == point:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

async def main():
    site = TestSite(Path(root))
    spec = JobSpec(run_id, name, folder, command, 1, grace_s=1)
    await site.prepare(spec, checkpoint=checkpoint)
    print((await site.submit_once(spec, checkpoint)).job_id)

asyncio.run(main())
"""
FIRST_TIME = CHECKPOINTS[: CHECKPOINTS.index("looked-up-once")]
AFTER_A_CRASH = (
    "looked-up-once",
    "looked-up-twice",
    "before-resubmit",
    "before-submit",
    "submitted",
)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[TestSite]:
    async with a_site(tmp_path / "site") as found:
        yield found


async def engine(job: JobOnSite, point: str = "never") -> int:
    spec = job.spec
    arguments = [str(job.site.root), spec.run_id, spec.job_name, spec.folder, spec.command, point]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ENGINE, *arguments, "1", stdout=asyncio.subprocess.PIPE
    )
    stdout, _ = await process.communicate()
    job.job_id = stdout.decode().strip()
    assert process.returncode is not None
    return process.returncode


def a_job(site: TestSite, trained: Path) -> JobOnSite:
    job = JobOnSite(site, site.spec(f"echo once >>{trained}"))
    site.jobs.append(job)
    return job


async def one_training(job: JobOnSite, trained: Path) -> None:
    assert (await job.ends()).state is JobState.FINISHED
    assert trained.read_text() == "once\n"
    written = Path(job.spec.folder, ".mantik/job_id").read_text().strip()
    assert written == job.job_id


@pytest.mark.acceptance("first-flight.5")
@pytest.mark.parametrize("point", FIRST_TIME)
async def test_killed_once(site: TestSite, tmp_path: Path, point: str) -> None:
    trained = tmp_path / "trained"
    job = a_job(site, trained)
    assert await engine(job, point) == -signal.SIGKILL
    assert await engine(job) == 0
    await one_training(job, trained)


@pytest.mark.acceptance("first-flight.5")
@pytest.mark.parametrize("second", AFTER_A_CRASH)
async def test_killed_again_while_it_looks_what_became_of_the_first(
    site: TestSite, tmp_path: Path, second: str
) -> None:
    trained = tmp_path / "trained"
    job = a_job(site, trained)
    assert await engine(job, "claimed") == -signal.SIGKILL
    assert await engine(job, second) == -signal.SIGKILL
    assert await engine(job) == 0
    await one_training(job, trained)


@pytest.mark.acceptance("first-flight.5")
async def test_several_engines_at_once_start_one_training(site: TestSite, tmp_path: Path) -> None:
    trained = tmp_path / "trained"
    job = a_job(site, trained)
    await site.prepare(job.spec)
    outcomes = await asyncio.gather(*(site.submit_once(job.spec) for _ in range(5)))
    ids = {outcome.job_id for outcome in outcomes}
    assert len(ids) == 1
    job.job_id = ids.pop()
    await one_training(job, trained)


class SlowQueue(ProcessScheduler):
    """A queue that, like Slurm's, can't promise that what it does not show does not exist."""

    __slots__ = ()

    @property
    def abilities(self) -> SchedulerAbilities:
        return SchedulerAbilities(exact_lookup=False, queues=True)


class BrokenQueue(SlowQueue):
    """A queue that answers a submission with an error."""

    __slots__ = ("error",)
    error: Exception

    async def submit(self, transport: Transport, spec: object) -> str:
        raise self.error


def broken(site: TestSite, error: Exception) -> BrokenQueue:
    queue = BrokenQueue(str(site.root / "slots"), 1)
    object.__setattr__(queue, "error", error)
    return queue


async def submit_to(site: TestSite, queue: ProcessScheduler, job: JobOnSite) -> SubmitOutcome:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    outcome = await submit_once(
        site.transport, queue, job.spec, now_ms=now_ms, look_again_s=60, sleep=pause
    )
    assert pauses in ([], [60])
    return outcome


async def test_a_queue_that_cannot_tell_leaves_the_choice_to_a_person(
    site: TestSite, tmp_path: Path
) -> None:
    job = a_job(site, tmp_path / "trained")
    await site.prepare(job.spec)
    lost = await submit_to(site, broken(site, Unsure("Time out", "Socket timed out")), job)
    assert (lost.kind, lost.words) == ("unsure", "Socket timed out")
    again = await submit_to(site, SlowQueue(str(site.root / "slots"), 1), job)
    assert again.kind == "unsure"
    assert not (tmp_path / "trained").exists()


async def test_a_refused_submission_may_be_sent_anew(site: TestSite, tmp_path: Path) -> None:
    job = a_job(site, tmp_path / "trained")
    await site.prepare(job.spec)
    refused = await submit_to(site, broken(site, Refused("No", "invalid partition")), job)
    assert (refused.kind, refused.words) == ("refused", "invalid partition")
    again = await submit_to(site, SlowQueue(str(site.root / "slots"), 1), job)
    assert again.kind == "submitted"
    job.job_id = again.job_id
    await one_training(job, tmp_path / "trained")


async def test_an_unreachable_site_keeps_the_submission_for_later(
    site: TestSite, tmp_path: Path
) -> None:
    job = a_job(site, tmp_path / "trained")
    await site.prepare(job.spec)
    with pytest.raises(Offline):
        await submit_to(site, broken(site, Offline("No network")), job)
    assert not Path(job.spec.folder, ".mantik/claim").exists()


async def test_a_claim_of_another_host_is_not_overruled(site: TestSite, tmp_path: Path) -> None:
    job = a_job(site, tmp_path / "trained")
    await site.prepare(job.spec)
    claim = Path(job.spec.folder, ".mantik/claim")
    claim.mkdir()
    (claim / "by").write_text("host=elsewhere\n")
    outcome = await submit_to(site, site.scheduler, job)
    assert outcome.kind == "unsure"
    assert "elsewhere" in outcome.words
    assert not (tmp_path / "trained").exists()


async def test_a_claimed_folder_is_not_written_to_again(site: TestSite, tmp_path: Path) -> None:
    job = a_job(site, tmp_path / "trained")
    await site.prepare(job.spec)
    job.job_id = (await site.submit_once(job.spec)).job_id
    await job.ends()
    script = Path(job.spec.folder, ".mantik/job.sh")
    script.write_text("changed by hand")
    await site.prepare(job.spec)
    assert script.read_text() == "changed by hand"


async def test_a_missing_run_folder_is_said(site: TestSite) -> None:
    with pytest.raises(Refused, match="run folder is missing"):
        await site.submit_once(site.spec("true"))


async def test_the_order_of_checkpoints_is_the_documented_one(site: TestSite) -> None:
    told: list[str] = []
    job = JobOnSite(site, site.spec("true"))
    site.jobs.append(job)
    await site.prepare(job.spec, checkpoint=told.append)
    await site.submit_once(job.spec, told.append)
    assert tuple(told) == FIRST_TIME


async def test_login_commands_run_once_in_order_and_failures_are_told(
    site: TestSite, tmp_path: Path
) -> None:
    spec = site.spec("true")
    await site.prepare(spec)
    folder = RunFolder(spec.folder)
    count = tmp_path / "count"
    commands = [f"echo 'it'\\''s' >>{count}", f"cat {count}; [[ -e {count} ]]"]
    for _ in range(2):
        told = await run_login_commands(site.transport, folder, commands, stage="pre")
        assert told.strip() == "it's"
    with pytest.raises(Refused) as error:
        await run_login_commands(site.transport, folder, ["echo why; exit 3"], stage="post")
    assert "why" in error.value.cause and "exit code 3" in error.value.cause
    assert count.read_text() == "it's\n"
