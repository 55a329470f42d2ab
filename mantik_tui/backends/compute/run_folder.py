"""The run folder: its names, its guards, and the one way to submit it.

    <run id>/                 the code snapshot, as the MLproject sees it
      mantik.log              stdout and stderr of the job
      .mantik/
        spec.json manifest job.sh env
        claim/ job_id owner
        attempt-1/            waiting, started, stage, warned, cancel, ended

`prepare` fills it and `submit_once` submits it. Both may be killed at any moment and called again; at most one training
ever runs, because only who made `claim/` submits, because the site is asked by job name before anything is repeated, and
because a job that finds another owner ends at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from mantik_tui.backends.compute.job_spec import JobSpec
from mantik_tui.backends.compute.protocols import FileToPut, Scheduler, Sent, Transport
from mantik_tui.domain.errors import MantikError, NotFound, Offline, Refused, Unsure

CHECKPOINTS = (
    "prepare-begin",
    "folder-made",
    "files-sent",
    "manifest-written",
    "spec-written",
    "env-written",
    "script-written",
    "submit-begin",
    "state-read",
    "claimed",
    "claim-signed",
    "before-submit",
    "submitted",
    "job-id-written",
    "looked-up-once",
    "looked-up-twice",
    "before-resubmit",
    "found",
    "claim-released",
)
"""Moments between two steps of `prepare` and `submit_once`, told to the `checkpoint` hook in this order; those from
`looked-up-once` on only happen after an interruption or a refusal."""

Checkpoint = Callable[[str], None]


def no_checkpoint(name: str) -> None:
    """The hook of every day: does nothing."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Names inside a run folder. `path` is absolute, on the site."""

    path: str

    @property
    def log(self) -> str:
        return f"{self.path}/mantik.log"

    @property
    def ours(self) -> str:
        return f"{self.path}/.mantik"

    @property
    def spec(self) -> str:
        return f"{self.ours}/spec.json"

    @property
    def manifest(self) -> str:
        return f"{self.ours}/manifest"

    @property
    def script(self) -> str:
        return f"{self.ours}/job.sh"

    @property
    def env(self) -> str:
        return f"{self.ours}/env"

    @property
    def claim(self) -> str:
        return f"{self.ours}/claim"

    @property
    def claim_signature(self) -> str:
        return f"{self.claim}/by"

    @property
    def job_id(self) -> str:
        return f"{self.ours}/job_id"

    @property
    def owner(self) -> str:
        return f"{self.ours}/owner"

    def attempt(self, number: int) -> str:
        return f"{self.ours}/attempt-{number}"

    @classmethod
    def of(cls, run_root: str, run_id: str) -> RunFolder:
        """The folder of a run below the site's expanded run root."""
        return cls(f"{run_root.rstrip('/')}/{run_id}")


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Everything that `prepare` puts into a run folder."""

    snapshot: Sequence[FileToPut]
    """Paths lie inside the run folder."""
    script: str
    env: str
    """From `quoting.render_env`; written with mode 600."""
    manifest: bytes
    spec: bytes


async def prepare(
    transport: Transport,
    folder: RunFolder,
    files: RunFiles,
    *,
    store: str,
    checkpoint: Checkpoint = no_checkpoint,
) -> Sent:
    """Fills the run folder. Safe to repeat; once a submission has claimed the folder it is left as it is.

    `store` is the site's folder of contents sent before. Raises `Refused`, `Offline`, `Unsure`.
    """
    checkpoint("prepare-begin")
    if await transport.stat(folder.claim) is not None:
        return Sent(0, 0, len(files.snapshot))
    await transport.make_dirs(folder.ours)
    checkpoint("folder-made")
    for file in files.snapshot:
        if not file.path.startswith(folder.path + "/") or "/../" in file.path:
            raise Refused(
                f"{file.path} lies outside the run folder", f"The folder is {folder.path}."
            )
    sent = await transport.put_files(files.snapshot, store=store)
    checkpoint("files-sent")
    await transport.put_bytes(folder.manifest, files.manifest)
    checkpoint("manifest-written")
    await transport.put_bytes(folder.spec, files.spec)
    checkpoint("spec-written")
    await transport.put_bytes(folder.env, files.env.encode(), mode=0o600)
    checkpoint("env-written")
    await transport.put_bytes(folder.script, files.script.encode(), mode=0o755)
    checkpoint("script-written")
    return sent


@dataclass(frozen=True, slots=True)
class SubmitOutcome:
    """How a submission stands."""

    kind: Literal["submitted", "unsure", "refused"]
    job_id: str = ""
    words: str = ""
    """Why, in the site's words, if it was not submitted."""
    found: bool = False
    """The job was there already: an earlier call had submitted it."""


async def submit_once(
    transport: Transport,
    scheduler: Scheduler,
    spec: JobSpec,
    *,
    now_ms: Callable[[], int],
    look_again_s: float = 60.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    checkpoint: Checkpoint = no_checkpoint,
) -> SubmitOutcome:
    """Submits the prepared run folder `spec.folder`, or finds the job that an earlier call submitted.

    May be called any number of times, also after a crash in any earlier call. `unsure` means that the site can't tell
    whether a job exists: a person decides, or the same call later finds it. `refused` means that nothing runs and the
    submission may be changed and sent anew. Raises `Offline` or `NeedsLogin` when the site was not reached.
    """
    folder = RunFolder(spec.folder)
    checkpoint("submit-begin")
    known = await _known_id(transport, folder)
    checkpoint("state-read")
    if known:
        return await _found(transport, folder, known, checkpoint)
    try:
        if await transport.mkdir(folder.claim):
            checkpoint("claimed")
            await _sign_claim(transport, folder, now_ms())
            checkpoint("claim-signed")
            return await _submit(transport, scheduler, spec, folder, checkpoint)
    except NotFound as error:
        raise Refused(
            "The run folder is missing on the site",
            error.cause,
            "Submit the run again; its files are sent anew.",
        ) from error
    return await _look_up(
        transport,
        scheduler,
        spec,
        folder,
        pause=lambda: sleep(look_again_s),
        checkpoint=checkpoint,
    )


async def _look_up(
    transport: Transport,
    scheduler: Scheduler,
    spec: JobSpec,
    folder: RunFolder,
    *,
    pause: Callable[[], Awaitable[None]],
    checkpoint: Checkpoint,
) -> SubmitOutcome:
    """Somebody claimed the folder and left no job id: the site is asked by name, twice, before anything is repeated."""
    for turn in ("looked-up-once", "looked-up-twice"):
        job_id = await _known_id(transport, folder) or await scheduler.find(
            transport, spec.job_name, spec.folder
        )
        checkpoint(turn)
        if job_id:
            return await _found(transport, folder, job_id, checkpoint)
        if turn == "looked-up-once":
            await pause()
    signer = await _claimed_on(transport, folder)
    if not scheduler.abilities.exact_lookup or signer not in ("", transport.abilities.host):
        where = f" on {signer}" if signer else ""
        return SubmitOutcome(
            "unsure", words=f"The submission was begun{where}, and the site shows no job of it."
        )
    checkpoint("before-resubmit")
    return await _submit(transport, scheduler, spec, folder, checkpoint)


async def _submit(
    transport: Transport,
    scheduler: Scheduler,
    spec: JobSpec,
    folder: RunFolder,
    checkpoint: Checkpoint,
) -> SubmitOutcome:
    checkpoint("before-submit")
    try:
        job_id = await scheduler.submit(transport, spec)
    except Unsure as error:
        return SubmitOutcome("unsure", words=error.cause or error.title)
    except (Refused, Offline) as error:
        # Nothing runs, which is the only ground on which a claim is given back.
        await transport.remove_tree(folder.claim)
        checkpoint("claim-released")
        if isinstance(error, Offline):
            raise
        return SubmitOutcome("refused", words=error.cause or error.title)
    checkpoint("submitted")
    # The job exists: that its id can't be written (a cut link, a full disk) must not look like a failed submission.
    with contextlib.suppress(MantikError):
        await transport.put_bytes(folder.job_id, f"{job_id}\n".encode())
        checkpoint("job-id-written")
    return SubmitOutcome("submitted", job_id)


async def _found(
    transport: Transport, folder: RunFolder, job_id: str, checkpoint: Checkpoint
) -> SubmitOutcome:
    checkpoint("found")
    with contextlib.suppress(MantikError):
        if await _read_text(transport, folder.job_id) != job_id:
            await transport.put_bytes(folder.job_id, f"{job_id}\n".encode())
            checkpoint("job-id-written")
    return SubmitOutcome("submitted", job_id, found=True)


async def _known_id(transport: Transport, folder: RunFolder) -> str:
    """The job that owns the folder; before it began, the one that was submitted. The owner is the one that trains."""
    return (await read_owner(transport, folder)).get("id", "") or await _read_text(
        transport, folder.job_id
    )


async def _sign_claim(transport: Transport, folder: RunFolder, now_ms: int) -> None:
    text = f"host={transport.abilities.host}\ntime_ms={now_ms}\n"
    await transport.put_bytes(folder.claim_signature, text.encode())


async def _claimed_on(transport: Transport, folder: RunFolder) -> str:
    return (await read_record(transport, folder.claim_signature)).get("host", "")


async def read_owner(transport: Transport, folder: RunFolder) -> dict[str, str]:
    """`id`, `name`, `host`, `time_ms` of the job that owns the folder; empty while none does."""
    return await read_record(transport, folder.owner)


async def read_record(transport: Transport, path: str) -> dict[str, str]:
    """Keys and values of one event file; empty if there is none."""
    text = await _read_text(transport, path)
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


async def read_records(
    transport: Transport, folder: RunFolder, attempt: int = 1
) -> dict[str, dict[str, str]]:
    """All events of an attempt by name."""
    try:
        entries = await transport.listdir(folder.attempt(attempt))
    except NotFound:
        return {}
    names = [e.name for e in entries if not e.name.startswith(".") and not e.stat.is_dir]
    return {
        name: await read_record(transport, f"{folder.attempt(attempt)}/{name}") for name in names
    }


async def _read_text(transport: Transport, path: str) -> str:
    try:
        return (await transport.get_range(path, 0, 4096)).decode("utf-8", "replace").strip()
    except NotFound:
        return ""


async def remove_secrets(transport: Transport, folder: RunFolder) -> None:
    """Removes the env file; called once the job's end is known. Safe to repeat."""
    await transport.remove_tree(folder.env)


async def run_login_commands(
    transport: Transport,
    folder: RunFolder,
    commands: Sequence[str],
    *,
    stage: Literal["pre", "post"],
    timeout_s: float = 600.0,
) -> str:
    """Runs the config's login-node commands in the run folder, once, and returns what they printed.

    Each must succeed; what was printed is kept as `.mantik/login-<stage>`, which also marks that they ran. Raises
    `Refused` with their output when one fails, `Unsure` when they took too long.
    """
    mark = f"{folder.ours}/login-{stage}"
    if not commands:
        return ""
    if await transport.stat(mark) is not None:
        return await _read_text(transport, mark)
    lines = [f"cd {shlex.quote(folder.path)} || exit 1"]
    for number, text in enumerate(commands, 1):
        # A shell of its own: what it sets must not depend on which shell the site gives us.
        lines.append(
            f"bash -c {shlex.quote(text)} 2>&1 || "
            f"{{ code=$?; echo '{stage} command {number} on the login node ended with exit code' $code; exit 1; }}"
        )
    answer = await transport.run("\n".join(lines), timeout_s=timeout_s)
    if answer.code != 0:
        raise Refused(
            "A command on the login node failed",
            (answer.stdout + answer.stderr).strip()[-2000:],
            "See PreRunCommandOnLoginNode and PostRunCommandOnLoginNode in the backend config.",
        )
    await transport.put_bytes(mark, answer.stdout.encode())
    return answer.stdout
