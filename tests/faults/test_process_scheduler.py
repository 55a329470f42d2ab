"""What becomes of a training on this machine when something kills, stops, or breaks it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from mantik_tui.backends.compute.job_script import KILL_POINTS
from mantik_tui.domain.job import JobState
from tests.support.compute import JobOnSite, TestSite, a_site, processes_of, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

TRAINING = f"{sys.executable} -u -c 'import time; print(\"trains\"); time.sleep(300)'"
STUBBORN = (
    f"{sys.executable} -u -c 'import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    'print("trains"); time.sleep(300)\''
)
POLITE = (
    f"{sys.executable} -u -c 'import signal, sys, time\n"
    'signal.signal(signal.SIGTERM, lambda *_: (print("saved"), sys.exit(0)))\n'
    'print("trains"); time.sleep(300)\''
)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[TestSite]:
    async with a_site(tmp_path / "site") as found:
        yield found


@pytest.fixture
async def one_slot(tmp_path: Path) -> AsyncIterator[TestSite]:
    async with a_site(tmp_path / "site", slots=1) as found:
        yield found


async def in_training(site: TestSite, command: str = TRAINING) -> JobOnSite:
    job = await site.submit(command)
    await job.says("trains")
    await job.reaches(JobState.RUNNING)
    return job


async def nothing_left(job: JobOnSite) -> None:
    await until(lambda: not processes_of(job.spec.job_name))


@pytest.mark.acceptance("first-flight.5")
async def test_a_killed_script_leaves_a_running_training_then_a_failed_job(site: TestSite) -> None:
    job = await in_training(site)
    os.kill(job.leader, signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(job.leader) or _is_zombie(job.leader))
    view = await job.look()
    assert view.state is JobState.RUNNING
    assert "script is gone" in view.cause
    (training,) = job.trainings()
    training.kill()
    view = await job.ends()
    assert (view.state, view.cause) == (JobState.FAILED, "the job script was killed")


def _is_zombie(pid: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


@pytest.mark.acceptance("first-flight.5")
async def test_a_killed_training_ends_failed_with_its_signal(site: TestSite) -> None:
    job = await in_training(site)
    (training,) = job.trainings()
    training.kill()
    view = await job.ends()
    assert (view.state, view.cause) == (JobState.FAILED, "killed by signal 9 (KILL)")
    assert (view.exit_code, view.signal) == (137, 9)


@pytest.mark.acceptance("first-flight.5")
async def test_an_exception_ends_failed_with_its_code(site: TestSite) -> None:
    job = await site.submit(f"{sys.executable} -c 'raise ValueError(\"no data\")'")
    view = await job.ends()
    assert (view.state, view.cause, view.exit_code) == (JobState.FAILED, "exit code 1", 1)
    assert "ValueError: no data" in job.log


@pytest.mark.acceptance("first-flight.5")
async def test_term_to_the_script_ends_the_training_and_is_no_success(site: TestSite) -> None:
    job = await in_training(site, POLITE)
    os.kill(job.leader, signal.SIGTERM)
    view = await job.ends()
    assert (view.state, view.cause) == (JobState.CANCELLED, "stopped by signal 15 (TERM)")
    assert job.record("ended")["code"] == "143"
    assert "saved" in job.log
    await nothing_left(job)


async def test_int_to_the_script_ends_the_training(site: TestSite) -> None:
    job = await in_training(site)
    os.kill(job.leader, signal.SIGINT)
    view = await job.ends()
    assert (view.state, view.signal) == (JobState.CANCELLED, 2)
    await nothing_left(job)


async def test_usr1_is_noted_and_disturbs_nothing(site: TestSite) -> None:
    job = await in_training(site)
    os.kill(job.leader, signal.SIGUSR1)
    await until(lambda: job.record("warned"))
    assert (await job.look()).state is JobState.RUNNING
    assert job.trainings()


async def test_a_cancel_in_mid_command_ends_cancelled(site: TestSite) -> None:
    job = await in_training(site)
    assert "asked process" in await job.cancel()
    view = await job.ends()
    assert (view.state, view.cause, view.exit_code) == (JobState.CANCELLED, "cancelled", 143)
    await nothing_left(job)
    assert "ended already" in await job.cancel()


async def test_a_stubborn_training_is_killed_after_the_grace_time(site: TestSite) -> None:
    job = await in_training(site, STUBBORN)
    await job.cancel()
    view = await job.ends()
    assert (view.state, view.cause) == (JobState.CANCELLED, "cancelled")
    await nothing_left(job)


async def test_a_cancel_reaches_a_training_whose_script_was_killed(site: TestSite) -> None:
    job = await in_training(site, STUBBORN)
    os.kill(job.leader, signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(job.leader) or _is_zombie(job.leader))
    assert "sent a signal" in await job.cancel()
    view = await job.ends()
    assert (view.state, view.cause) == (JobState.CANCELLED, "cancelled")
    await nothing_left(job)


async def test_force_kills_at_once(site: TestSite) -> None:
    job = await in_training(site, STUBBORN)
    await job.cancel(force=True)
    view = await job.ends()
    assert view.state is JobState.CANCELLED
    await nothing_left(job)


async def test_a_stopped_job_is_suspended_and_can_be_cancelled(site: TestSite) -> None:
    job = await in_training(site)
    for process in processes_of(job.spec.job_name):
        process.suspend()
    assert (await job.reaches(JobState.SUSPENDED)).state is JobState.SUSPENDED
    await job.cancel()
    assert (await job.ends()).state is JobState.CANCELLED
    await nothing_left(job)


async def test_the_time_limit_ends_the_job_with_its_cause(site: TestSite) -> None:
    job = await site.submit(POLITE, time_limit_s=1)
    view = await job.ends()
    assert (view.state, view.cause) == (JobState.FAILED, "timeout")
    assert "saved" in job.log
    await nothing_left(job)


async def test_the_time_limit_holds_for_a_stubborn_training(site: TestSite) -> None:
    job = await site.submit(STUBBORN, time_limit_s=1)
    view = await job.ends()
    assert (view.state, view.cause) == (JobState.FAILED, "timeout")
    await nothing_left(job)


async def test_what_a_training_leaves_behind_ends_with_it(site: TestSite) -> None:
    job = await site.submit("sleep 300 & echo done")
    view = await job.ends()
    assert view.state is JobState.FINISHED
    await nothing_left(job)


async def test_jobs_wait_in_line_and_a_waiting_one_can_be_cancelled(one_slot: TestSite) -> None:
    first = await in_training(one_slot)
    second = await one_slot.submit("echo second")
    third = await one_slot.submit("echo third")
    await until(lambda: second.record("waiting") and third.record("waiting"))
    view = await second.look()
    assert (view.state, view.reason) == (JobState.QUEUED, "waits for a slot; 1 at a time run here")
    await second.cancel()
    view = await second.ends()
    assert (view.state, view.cause) == (JobState.CANCELLED, "cancelled")
    assert second.record("started") == {}
    assert (await third.look()).state is JobState.QUEUED
    await first.cancel()
    assert (await third.ends()).state is JobState.FINISHED
    assert "second" not in second.log


async def test_a_slot_held_by_a_killed_script_is_free_when_its_training_ends(
    one_slot: TestSite,
) -> None:
    first = await in_training(one_slot)
    second = await one_slot.submit("echo second")
    await until(lambda: second.record("waiting"))
    (training,) = first.trainings()
    os.kill(first.leader, signal.SIGKILL)
    await until(lambda: _is_zombie(first.leader))
    assert (await second.look()).state is JobState.QUEUED
    training.kill()
    assert (await second.ends()).state is JobState.FINISHED


async def test_a_job_killed_while_it_waits_holds_up_nobody(one_slot: TestSite) -> None:
    first = await in_training(one_slot)
    second = await one_slot.submit("echo second")
    await until(lambda: second.record("waiting"))
    third = await one_slot.submit("echo third")
    await until(lambda: third.record("waiting"))
    os.kill(second.leader, signal.SIGKILL)
    view = await second.ends()
    assert view.cause == "the job script was killed before the training began"
    await first.cancel()
    assert (await third.ends()).state is JobState.FINISHED


async def test_more_slots_let_waiting_jobs_go(tmp_path: Path) -> None:
    async with a_site(tmp_path / "site", slots=1) as narrow:
        await in_training(narrow)
        waiting = await narrow.submit("echo goes on")
        await until(lambda: waiting.record("waiting"))
        async with a_site(tmp_path / "site", slots=3) as wide:
            await wide.submit("echo more")
            assert (await waiting.ends()).state is JobState.FINISHED


@pytest.mark.acceptance("first-flight.5")
@pytest.mark.parametrize("point", KILL_POINTS)
async def test_a_script_killed_at_any_point_has_a_known_end(tmp_path: Path, point: str) -> None:
    async with a_site(tmp_path / "site", slots=1) as site:
        if point == "waiting":
            await in_training(site)
        trained = tmp_path / "trained"
        job = await site.submit(f"echo once >>{trained}; sleep 0.2", kill_at=point)
        view = await job.ends()
        lines = trained.read_text().splitlines() if trained.exists() else []
        if point == "ended":
            assert view.state is JobState.FINISHED
        else:
            assert view.state is JobState.FAILED
            assert view.cause.startswith("the job script was killed")
        # Asking again, as after a lost answer, starts no second one.
        again = await site.submit_once(job.spec)
        assert again.kind == "submitted"
        if point != "born":
            assert again.job_id == job.job_id
        await job.ends()
        expected = {"born": 0, "owned": 0, "waiting": 0, "slot": 0, "started": 0}.get(point, 1)
        assert len(lines) == expected
        assert (trained.read_text().splitlines() if trained.exists() else []) == lines


async def test_a_second_job_of_the_run_ends_at_once(site: TestSite, tmp_path: Path) -> None:
    trained = tmp_path / "trained"
    job = await in_training(site, f"echo once >>{trained}; echo trains; sleep 300")
    # Both guards before the owner are gone, as if two engines had raced.
    found = await site.scheduler.submit(site.transport, job.spec)
    assert found == job.job_id
    turned_away = await until(lambda: list(Path(job.spec.folder, ".mantik").glob("turned-away-*")))
    assert f"owner={job.job_id}" in turned_away[0].read_text()
    assert trained.read_text() == "once\n"
    assert (await job.look()).state is JobState.RUNNING
    assert job.record("ended") == {}


async def test_the_job_outlives_the_engine(site: TestSite, tmp_path: Path) -> None:
    spec = site.spec("echo trains; sleep 0.5; echo through")
    await site.prepare(spec)
    job = JobOnSite(site, spec)
    site.jobs.append(job)
    engine = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.support.compute import TestSite\n"
        "from mantik_tui.backends.compute.job_spec import JobSpec\n"
        "root, run_id, name, folder = sys.argv[1:]\n"
        "spec = JobSpec(run_id, name, folder, '', 0)\n"
        "out = asyncio.run(TestSite(Path(root)).submit_once(spec))\n"
        "print(out.job_id, flush=True)\n"
        "os.killpg(0, signal.SIGKILL)\n",
        str(site.root),
        spec.run_id,
        spec.job_name,
        spec.folder,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    stdout, _ = await engine.communicate()
    job.job_id = stdout.decode().strip()
    assert engine.returncode == -signal.SIGKILL
    assert (await job.ends()).state is JobState.FINISHED
    assert "through" in job.log


async def test_a_reused_process_number_is_not_taken_for_the_job(site: TestSite) -> None:
    job = await site.submit("echo over")
    await job.ends()
    job.view = None
    Path(job.spec.folder, ".mantik/attempt-1/ended").unlink()
    Path(job.spec.folder, ".mantik/owner").unlink()
    job.job_id = f"{os.getpid()}:1"
    view = await job.look()
    assert view.state is JobState.FAILED
    assert await job.cancel()
    assert psutil.pid_exists(os.getpid())


async def test_a_job_of_another_host_is_unknown_not_failed(site: TestSite) -> None:
    job = await site.submit("echo over")
    await job.ends()
    job.view = None
    Path(job.spec.folder, ".mantik/attempt-1/ended").unlink()
    owner = Path(job.spec.folder, ".mantik/owner")
    owner.write_text(owner.read_text().replace("host=", "host=other-"))
    view = await job.look()
    assert view.state is JobState.UNKNOWN
    assert "can't be seen from" in view.words


async def test_without_proc_the_process_list_is_asked(tmp_path: Path) -> None:
    async with a_site(tmp_path / "site", slots=1, proc="/nowhere") as site:
        job = await in_training(site)
        assert (await job.look()).state is JobState.RUNNING
        waiting = await site.submit("echo second")
        await until(lambda: waiting.record("waiting"))
        await job.cancel()
        assert (await job.ends()).state is JobState.CANCELLED
        assert (await waiting.ends()).state is JobState.FINISHED
