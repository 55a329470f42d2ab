"""The two protocols that make a site: how bytes and commands travel there, and what its queue speaks.

A site is a transport times a scheduler; none knows the other's kind. Everything here is asynchronous and safe to repeat
unless its docstring says otherwise. Paths are absolute paths on the site. Errors, all from `domain.errors`:

- `Offline`: the site was not reached and nothing happened there;
- `NeedsLogin`: the site wants credentials that only a person has;
- `Unsure`: the command may or may not have run, since the answer was cut or did not come in time;
- `Refused`: the site answered no; its own words are the error's cause;
- `NotFound`: no such file or folder.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mantik_tui.backends.compute.job_spec import JobSpec
from mantik_tui.domain.job_states import Observation


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command on the site answered, without what login files printed around it."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class FileStat:
    size: int
    modified_ms: int
    is_dir: bool
    is_link: bool
    mode: int
    """Permission bits, for example 0o644."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One entry of a folder. `name` comes from the site: clean it to show it, check it before it becomes a path."""

    name: str
    stat: FileStat


@dataclass(frozen=True, slots=True)
class FileToPut:
    source: Path
    """File on this machine."""
    path: str
    """Where it goes on the site."""
    sha256: str
    """Of the content, hexadecimal. Content that the site's store holds already is not sent again."""
    size: int
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Sent:
    """What an upload cost."""

    files: int
    """Files whose content travelled."""
    bytes: int
    reused: int
    """Files whose content was on the site already."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a followed file: `data` starts at byte `offset`."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class TransportAbilities:
    same_machine: bool
    """Paths on the site are paths here too."""
    host: str
    """Host name that commands run on, as far as known."""


class Transport(Protocol):
    """How bytes and commands travel to a site."""

    @property
    def abilities(self) -> TransportAbilities: ...

    async def open(self) -> None:
        """Connects, if there is something to connect. Raises `Offline` or `NeedsLogin`."""

    async def close(self) -> None: ...

    async def run(self, script: str, *, timeout_s: float = 30.0) -> Completed:
        """Feeds `script` to `/bin/sh` on the site as a whole (cut text runs not at all) and returns its answer.

        A non-zero code is an answer, no error. Raises `Offline` when nothing ran, `Unsure` when it may have run.
        """

    async def expand(self, text: str) -> str:
        """`text` with a leading `~/` and `$VARIABLES` replaced by the site's values. Raises `Refused` for an unset one."""

    async def put_bytes(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Writes a file under a temporary name and renames it: readers see the old content or the new one.

        The file has `mode` before its first byte is written. The folder must exist.
        """

    async def put_files(self, files: Sequence[FileToPut], *, store: str) -> Sent:
        """Puts many files, making their folders. `store` is the site's folder of contents that were sent before."""

    async def get_range(self, path: str, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; empty behind the end. Raises `NotFound`."""

    async def stat(self, path: str) -> FileStat | None:
        """None when there is nothing at `path`. Links are followed; a dangling one counts as nothing."""

    async def listdir(self, path: str) -> list[FileEntry]:
        """Entries by name, links not followed. Raises `NotFound`."""

    async def mkdir(self, path: str) -> bool:
        """Makes one folder, atomically. True if this call made it, False if something was there. Raises `NotFound`
        without a parent folder."""

    async def make_dirs(self, path: str) -> None:
        """Makes a folder and its parents; what exists stays."""

    async def remove_tree(self, path: str) -> None:
        """Removes a file or a folder with all below; nothing there is fine. Links are removed, not followed."""

    def follow(self, path: str, offset: int = 0) -> AsyncIterator[Chunk]:
        """What a growing file gains from `offset` on, until the iterator is closed. Waits while there is no such file.

        A file that became shorter is followed from its new beginning: the chunk's offset is 0 again.
        """


@dataclass(frozen=True, slots=True)
class JobRef:
    """What is known of a job that is to be asked about."""

    name: str
    """Job name: the run id without dashes."""
    folder: str
    """Absolute path of the run folder on the site."""
    job_id: str = ""
    """Empty while it is not known."""


@dataclass(frozen=True, slots=True)
class SchedulerAbilities:
    exact_lookup: bool
    """A job that `find` does not find certainly does not exist, provided it was submitted from the transport's host."""
    queues: bool
    """Jobs may wait."""


class Scheduler(Protocol):
    """What a site's queue speaks. The words of the site are kept in `Observation.words`, unshortened."""

    @property
    def abilities(self) -> SchedulerAbilities: ...

    def render(self, spec: JobSpec, *, kill_at: str = "") -> str:
        """The job script, complete. `kill_at` names a point at which it kills itself with -9, for tests."""

    async def submit(self, transport: Transport, spec: JobSpec) -> str:
        """Submits `.mantik/job.sh` of the run folder and returns the job id. NOT safe to repeat: see `submit_once`.

        Raises `Refused` when the site certainly runs nothing, `Unsure` when it may, `Offline` when it was not reached.
        """

    async def query(self, transport: Transport, jobs: Sequence[JobRef]) -> list[list[Observation]]:
        """What can be seen of each job, in the order asked, by one command for all of them.

        Raises `Offline` or `Unsure` when the site gave no information; then nothing is known of any job.
        """

    async def find(self, transport: Transport, name: str, folder: str) -> str | None:
        """The id of the job of this name, alive or ended, or None."""

    async def cancel(self, transport: Transport, job: JobRef, *, force: bool = False) -> str:
        """Asks for the job's end and returns the site's words; the end itself shows in the states.

        An ended job is left alone. `force` kills at once instead of asking first. Safe to repeat.
        """
