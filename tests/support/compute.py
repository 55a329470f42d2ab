"""A site on this machine for tests: a run root of its own, jobs that end with the test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from mantik_tui.backends.compute.job_spec import JobSpec
from mantik_tui.backends.compute.protocols import JobRef
from mantik_tui.backends.compute.quoting import render_env
from mantik_tui.backends.compute.run_folder import (
    Checkpoint,
    RunFiles,
    RunFolder,
    SubmitOutcome,
    no_checkpoint,
    prepare,
    submit_once,
)
from mantik_tui.backends.compute.schedulers.process import ProcessScheduler
from mantik_tui.backends.compute.transports.local import LocalTransport
from mantik_tui.domain.ids import job_name, new_id
from mantik_tui.domain.job import JobState
from mantik_tui.domain.job_states import JobView, unify

T = TypeVar("T")
STUBS = Path(__file__).parent / "stubs"
DEADLINE_S = 30.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def until(look: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """The first true answer of `look`; fails after the deadline."""
    end = time.monotonic() + deadline_s
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(f"did not happen within {deadline_s} s")
        await asyncio.sleep(0.02)
    return found


@dataclass
class JobOnSite:
    """A job and what is known of it."""

    site: TestSite
    spec: JobSpec
    job_id: str = ""
    view: JobView | None = None

    @property
    def ref(self) -> JobRef:
        return JobRef(self.spec.job_name, self.spec.folder, self.job_id)

    @property
    def log(self) -> str:
        path = Path(self.spec.folder, "mantik.log")
        return path.read_text() if path.exists() else ""

    @property
    def leader(self) -> int:
        return int(self.job_id.split(":")[0])

    def record(self, event: str, attempt: int = 1) -> dict[str, str]:
        path = Path(self.spec.folder, f".mantik/attempt-{attempt}/{event}")
        if not path.exists():
            return {}
        lines = path.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    async def look(self) -> JobView:
        (seen,) = await self.site.scheduler.query(self.site.transport, [self.ref])
        self.view = unify(seen, self.view, now_ms())
        return self.view

    async def reaches(self, *states: JobState, deadline_s: float = DEADLINE_S) -> JobView:
        end = time.monotonic() + deadline_s
        while (view := await self.look()).state not in states:
            if time.monotonic() > end or view.state.ended:
                raise AssertionError(f"wanted {states}, got {view}; log: {self.log}")
            await asyncio.sleep(0.05)
        return view

    async def ends(self, deadline_s: float = DEADLINE_S) -> JobView:
        return await self.reaches(*(s for s in JobState if s.ended), deadline_s=deadline_s)

    async def says(self, text: str) -> None:
        await until(lambda: text in self.log)

    async def cancel(self, *, force: bool = False) -> str:
        return await self.site.scheduler.cancel(self.site.transport, self.ref, force=force)

    def trainings(self) -> list[psutil.Process]:
        """Processes of the run that are no shells: what its command started."""
        return [
            p for p in processes_of(self.spec.job_name) if _name(p) not in ("bash", "sleep", "sh")
        ]


def processes_of(name: str) -> list[psutil.Process]:
    """Living processes that carry the job's name in their environment, clocks of the script aside."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE or "mantik-alarm" in process.cmdline():
                continue
            if process.environ().get("MANTIK_JOB_NAME") == name:
                found.append(process)
    return found


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "sh"


@dataclass
class TestSite:
    """Not a test: a place that runs jobs."""

    __test__ = False

    root: Path
    slots: int = 4
    proc: str = "/proc"
    jobs: list[JobOnSite] = field(default_factory=list)

    def __post_init__(self) -> None:
        path = f"{STUBS}:{os.environ.get('PATH', '')}"
        self.transport = LocalTransport(poll_s=0.02, environment={**os.environ, "PATH": path})
        self.scheduler = ProcessScheduler(
            str(self.root / "slots"), self.slots, grace_s=1, now_ms=now_ms, proc=self.proc
        )

    def spec(self, command: str, **more: object) -> JobSpec:
        run_id = new_id()
        values: dict[str, object] = {
            "run_id": run_id,
            "job_name": job_name(run_id),
            "folder": str(self.root / run_id),
            "command": command,
            "submitted_ms": now_ms(),
            "grace_s": 1,
            **more,
        }
        return JobSpec(**values)  # type: ignore[arg-type]

    async def prepare(
        self,
        spec: JobSpec,
        *,
        variables: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
        kill_at: str = "",
        checkpoint: Checkpoint = no_checkpoint,
    ) -> None:
        files = RunFiles(
            snapshot=[],
            script=self.scheduler.render(spec, kill_at=kill_at),
            env=render_env(variables or {}, secrets or {}),
            manifest=b"",
            spec=b"{}",
        )
        folder = RunFolder(spec.folder)
        await prepare(
            self.transport, folder, files, store=str(self.root / "store"), checkpoint=checkpoint
        )

    async def submit_once(
        self, spec: JobSpec, checkpoint: Checkpoint = no_checkpoint
    ) -> SubmitOutcome:
        return await submit_once(
            self.transport,
            self.scheduler,
            spec,
            now_ms=now_ms,
            look_again_s=0.2,
            checkpoint=checkpoint,
        )

    async def submit(
        self,
        command: str,
        *,
        variables: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
        kill_at: str = "",
        **more: object,
    ) -> JobOnSite:
        spec = self.spec(command, **more)
        await self.prepare(spec, variables=variables, secrets=secrets, kill_at=kill_at)
        job = JobOnSite(self, spec)
        self.jobs.append(job)
        outcome = await self.submit_once(spec)
        assert outcome.kind == "submitted", outcome
        job.job_id = outcome.job_id
        return job

    async def clean_up(self) -> None:
        for job in self.jobs:
            for process in processes_of(job.spec.job_name):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        for job in self.jobs:
            name = job.spec.job_name
            await until(lambda name=name: not processes_of(name))  # type: ignore[misc]


@contextlib.asynccontextmanager
async def a_site(root: Path, *, slots: int = 4, proc: str = "/proc") -> AsyncIterator[TestSite]:
    site = TestSite(root, slots, proc)
    root.mkdir(parents=True, exist_ok=True)
    try:
        yield site
    finally:
        await site.clean_up()
