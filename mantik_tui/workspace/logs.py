"""A run's log line by line: from the copy kept here, followed while the job writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mantik_tui.domain.errors import MantikError, NotFound
from mantik_tui.domain.text import clean, clock
from mantik_tui.workspace import live, reads
from mantik_tui.workspace.session import Session
from mantik_tui.workspace.waiting import Bell, until

_BLOCK = 1 << 16
ENDED = ("FINISHED", "FAILED", "KILLED")


class LogReader:
    """Reads one run's log. Lines come without control sequences, progress bars as they ended."""

    def __init__(self, session: Session, bell: Bell, run_id: int) -> None:
        self._session = session
        self._bell = bell
        self._run_id = run_id
        self._offset = 0
        self._rest = b""

    def refresh(self) -> MantikError | None:
        """Bring the copy up to date, if the log can still have news. Returns why that did not work, if so.

        Raises:
            NotFound: the run has no job of ours, and so no log.
        """
        log = self._session.read(reads.jobs.get_log, self._run_id)
        job = self._session.read(reads.jobs.latest_job, self._run_id)
        if job is None and log is None:
            raise NotFound(
                "This run has no log here",
                "it was not submitted from here, so its job is not known",
                "mantik-tui runs info RUN shows what is known of it",
            )
        if log is not None and log.complete:
            return None
        try:
            live.fetch_log(self._session, self._run_id)
        except MantikError as error:
            return error
        return None

    @property
    def ended(self) -> bool:
        """Whether the job has ended and its whole log is here."""
        job = self._session.read(reads.jobs.latest_job, self._run_id)
        log = self._session.read(reads.jobs.get_log, self._run_id)
        if job is not None and job.state.ended:
            return log is None or log.complete or job.state.value in ("cancelled", "lost")
        return job is None

    @property
    def empty(self) -> bool:
        """Whether no log is here yet."""
        return self._path() is None

    def age(self) -> str:
        """When the copy was read last, for people."""
        log = self._session.read(reads.jobs.get_log, self._run_id)
        return clock(log.as_of_ms, self._session.now_ms()) if log else "-"

    def read(self, lines: int | None = None) -> Iterator[str]:
        """All lines that are here, or the last `lines`; also the last one if the job has not ended it yet."""
        yield from self._begin(lines)
        yield from self._news()
        if self._rest:
            yield shown(self._rest)
            self._rest = b""

    def follow(self, lines: int | None = None) -> Iterator[str]:
        """As `read`, then every line as it comes, until the job has ended."""
        live.watch(self._session, log=self._run_id)
        yield from self._begin(lines)
        while True:
            over = self.ended
            yield from self._news()
            if over:
                break
            until(self._session, self._bell, self._has_news)
        if self._rest:
            yield shown(self._rest)
            self._rest = b""

    def _has_news(self) -> bool:
        path = self._path()
        return self.ended or (path is not None and path.stat().st_size > self._offset)

    def _path(self) -> Path | None:
        log = self._session.read(reads.jobs.get_log, self._run_id)
        path = Path(log.path) if log else None
        return path if path is not None and path.is_file() else None

    def _begin(self, lines: int | None) -> Iterator[str]:
        path = self._path()
        if lines is not None and path is not None:
            self._offset = tail_offset(path, lines)
        yield from ()

    def _news(self) -> Iterator[str]:
        path = self._path()
        if path is None:
            return
        with path.open("rb") as file:
            file.seek(self._offset)
            while block := file.read(_BLOCK):
                self._offset += len(block)
                *whole, self._rest = (self._rest + block).split(b"\n")
                for line in whole:
                    yield shown(line)


def shown(line: bytes) -> str:
    """A line as a terminal would have ended up showing it: after carriage returns, only the last state of it."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    return clean(text.rpartition("\r")[2], keep_newlines=False)


def tail_offset(path: Path, lines: int) -> int:
    """Byte at which the last `lines` lines of a file begin."""
    with path.open("rb") as file:
        position = file.seek(0, 2)
        if lines == 0:
            return position
        found = 0
        first = True
        while position > 0:
            size = min(_BLOCK, position)
            position -= size
            file.seek(position)
            block = file.read(size)
            end = len(block)
            if first and block.endswith(b"\n"):
                end -= 1
            first = False
            while (at := block.rfind(b"\n", 0, end)) >= 0:
                found += 1
                if found == lines:
                    return position + at + 1
                end = at
    return 0
