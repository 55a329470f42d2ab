"""The scheduler of plain processes: detached sessions, a few of them at a time, no daemon.

A job is a session of processes led by the job script, so that it outlives the engine. Its id is the leader's process
number and start time. A job lives as long as any process of its session lives. Jobs beyond the number of slots wait in
line by themselves: the script waits for a file lock, which the system frees when its holder dies.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mantik_tui.backends.compute import job_script
from mantik_tui.backends.compute.job_spec import JobSpec
from mantik_tui.backends.compute.protocols import JobRef, SchedulerAbilities, Transport
from mantik_tui.backends.compute.schedulers import process_scripts as scripts
from mantik_tui.domain.errors import Refused, Unsure
from mantik_tui.domain.job_states import Observation, Source


def default_slots() -> int:
    """How many trainings this machine runs at a time unless the site says otherwise: half its cores, at least one."""
    return max(1, (os.cpu_count() or 1) // 2)


def _clock() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class ProcessScheduler:
    """Runs jobs as processes on the machine that the transport reaches."""

    slots_dir: str
    """Folder for the slots' locks, the same for all jobs of the site."""
    slots: int = field(default_factory=default_slots)
    grace_s: int = 10
    """Seconds between TERM and KILL for a job whose script is gone."""
    now_ms: Callable[[], int] = _clock
    proc: str = "/proc"
    """Where the process table lies; where there is none, `ps` is asked."""

    @property
    def abilities(self) -> SchedulerAbilities:
        return SchedulerAbilities(exact_lookup=True, queues=True)

    def render(self, spec: JobSpec, *, kill_at: str = "") -> str:
        flavor = job_script.ScriptFlavor(
            identity=scripts.IDENTITY.replace("@PROC@", self.proc),
            slots_dir=self.slots_dir,
            slots=self.slots,
            enforce_limit=True,
        )
        return job_script.render_job_script(spec, flavor, kill_at=kill_at)

    async def submit(self, transport: Transport, spec: JobSpec) -> str:
        script = scripts.launch(spec.folder, spec.job_name, self.slots_dir, self.slots, self.proc)
        answer = await transport.run(script)
        told = dict(line.split("=", 1) for line in answer.stdout.splitlines() if "=" in line)
        if answer.code != 0:
            raise Refused(
                "The job could not be started",
                answer.stderr.strip() or f"The shell ended with code {answer.code}.",
            )
        job_id = told.get("owner") or told.get("id")
        if not job_id:
            raise Unsure("The job was started, but its process is not known", answer.stderr.strip())
        return job_id

    async def query(self, transport: Transport, jobs: Sequence[JobRef]) -> list[list[Observation]]:
        if not jobs:
            return []
        answer = await transport.run(scripts.query(jobs, self.proc), timeout_s=60)
        if not answer.stdout.endswith("done\n"):
            raise Unsure("The process table could not be read", answer.stderr.strip())
        seen = _parse(answer.stdout)
        now = self.now_ms()
        return [_observe(job, seen, number, now) for number, job in enumerate(jobs)]

    async def find(self, transport: Transport, name: str, folder: str) -> str | None:
        answer = await transport.run(scripts.find(name, folder, self.proc))
        return answer.stdout.strip() or None

    async def cancel(self, transport: Transport, job: JobRef, *, force: bool = False) -> str:
        script = scripts.cancel(job, self.grace_s, self.proc, force=force)
        answer = await transport.run(script)
        words = (answer.stdout + answer.stderr).strip()
        if answer.code != 0:
            raise Refused("The job could not be cancelled", words)
        return words


@dataclass(frozen=True, slots=True)
class _Process:
    pid: str
    state: str
    start: str
    name: str | None
    """The job name in its environment; None if that was not looked at."""

    @property
    def lives(self) -> bool:
        return self.state[:1] not in ("Z", "X")


@dataclass(slots=True)
class _Seen:
    """One answer to a query, taken apart."""

    host: str = ""
    sessions: dict[str, list[_Process]] = field(default_factory=dict)
    files: dict[int, dict[str, dict[str, str]]] = field(default_factory=dict)
    """Of each job: `owner` or `<attempt>/<event>` to the keys and values in that file."""


def _parse(text: str) -> _Seen:
    seen = _Seen()
    job: dict[str, dict[str, str]] = {}
    file: dict[str, str] = {}
    names: dict[str, str] = {}
    found: list[tuple[str, str, str, str]] = []
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if line.startswith("|"):
            key, equals, value = line[1:].partition("=")
            file[key if equals else "text"] = value if equals else key
        elif kind == "H":
            seen.host = rest
        elif kind == "P" and len(parts := rest.split(" ", 3)) == 4:
            found.append((parts[0], parts[1], parts[2], parts[3]))
        elif kind == "E":
            pid, _, name = rest.partition(" ")
            names[pid] = name
        elif kind == "J":
            job = seen.files.setdefault(int(rest), {})
        elif kind == "F":
            file = job.setdefault(rest, {})
        elif kind == "X":
            job["no folder"] = {}
    for session, pid, state, start in found:
        process = _Process(pid, state, start, names.get(pid))
        seen.sessions.setdefault(session, []).append(process)
    return seen


def _observe(job: JobRef, seen: _Seen, number: int, now: int) -> list[Observation]:
    files = seen.files.get(number, {})
    owner = files.get("owner", {})
    job_id = owner.get("id") or job.job_id
    observations = list(_records(files, job_id, now))
    host = owner.get("host", "")
    if host and host != seen.host:
        words = f"the job was started on {host}, whose processes can't be seen from {seen.host}"
        observations.append(Observation(Source.PROCESS, "elsewhere", now, job_id, words=words))
        return observations
    word, words = _life(job_id, job.name, seen)
    if "no folder" in files:
        words = f"the run folder is gone; {words}"
    return [*observations, Observation(Source.PROCESS, word, now, job_id, words=words)]


def _life(job_id: str, name: str, seen: _Seen) -> tuple[str, str]:
    """The word and the words for what the process table shows of a job."""
    if not job_id:
        return "", "no job of this name is known"
    pid, _, start = job_id.partition(":")
    processes = seen.sessions.get(pid, [])
    leader = next((p for p in processes if p.pid == pid), None)
    if leader is not None and leader.start != start:
        return "gone", f"process {pid} is another one by now"
    others = [p for p in processes if p.pid != pid and p.lives]
    if leader is not None and leader.lives:
        stopped = [p for p in others or [leader] if p.state.startswith("T")]
        if len(stopped) == len(others or [leader]):
            return "stopped", f"process {pid} is stopped"
        return "alive", f"process {pid} is alive"
    ours = [p for p in others if p.name is None or p.name == name]
    if ours:
        pids = ", ".join(p.pid for p in ours)
        return "script-gone", f"the job script {pid} is gone; still alive: {pids}"
    return "gone", f"no process of session {pid} is left"


def _records(files: dict[str, dict[str, str]], job_id: str, now: int) -> Iterator[Observation]:
    for tag, values in files.items():
        attempt, slash, event = tag.partition("/")
        if not slash or not attempt.isdigit() or event == "stage":
            continue
        at = _number(values.get("time_ms"))
        reason = ""
        if event == "waiting":
            reason = f"waits for a slot; {values.get('slots', '?')} at a time run here"
        yield Observation(
            Source.RECORD,
            event,
            now,
            job_id,
            attempt=int(attempt),
            exit_code=_number(values.get("code")),
            signal=_number(values.get("signal")),
            cause=values.get("cause", ""),
            stage=_stage(values.get("stage", "")),
            reason=reason,
            started_ms=at if event == "started" else None,
            ended_ms=at if event == "ended" else None,
            node=values.get("host", ""),
        )


def _stage(text: str) -> str:
    return "" if text == "done" else text


def _number(text: str | None) -> int | None:
    return int(text) if text and text.lstrip("-").isdigit() else None
