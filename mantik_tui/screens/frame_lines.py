"""Words of the frame around every screen: connection, age of what is shown, jobs, pending writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mantik_tui.domain.text import clean
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.frame import Place, Status
from mantik_tui.workspace import status as stand

if TYPE_CHECKING:
    from mantik_tui.workspace import reads

NEWS_MS = 60_000
"""So long the status line says what happened last."""
ENGINE_STARTING = "starting"
ENGINE_ON = "on"
ENGINE_OFF = "off"

_STATES = {
    "live": ("live", Tone.GOOD),
    "pulling": ("reading", Tone.ACCENT),
    "new": ("connecting", Tone.MUTED),
    "offline": ("offline", Tone.WARN),
    "needs login": ("log in with L", Tone.BAD),
    "refused": ("refused", Tone.BAD),
    "not mlflow": ("not an MLflow server", Tone.BAD),
}
_NO_REASON = ("live", "pulling", "new")
_ODD_STATE = Tone.WARN
_JOB_ORDER = ("running", "queued", "finishing", "suspended", "unknown")


@dataclass(frozen=True, slots=True)
class News:
    """What just happened, in words."""

    text: str
    is_bad: bool
    at_ms: int
    notices: tuple[reads.jobs.Notice, ...] = ()
    """What it was made of."""


def connection(status: stand.Status, engine: str) -> tuple[str, Tone]:
    """The connection in a word or two, and its tone."""
    if not status.workspace:
        return "no server yet", Tone.MUTED
    if engine == ENGINE_STARTING:
        return "waking up", Tone.MUTED
    if engine == ENGINE_OFF:
        return "engine is off", Tone.WARN
    return _STATES.get(status.state, (status.state, _ODD_STATE))


def reason_of(status: stand.Status) -> str:
    """Why there is no connection, in words; empty while there is one, or one is being made."""
    return "" if status.state in _NO_REASON else clean(status.reason, keep_newlines=False)


def where_to(status: stand.Status) -> str:
    """Workspace and server: `hpc-group @ mlflow.example.org`, once if both are alike."""
    if status.workspace in ("", status.server) or status.server.startswith(f"{status.workspace}:"):
        return status.server
    return f"{status.workspace} @ {status.server}"


def place_line(path: Sequence[str], status: stand.Status, engine: str, detail: str) -> Place:
    """The top line. `detail` stands in the place of the workspace."""
    words, tone = connection(status, engine)
    names = tuple(clean(name, keep_newlines=False) for name in path)
    return Place(names, where_to(status), words, tone, detail, tone)


def status_line(
    status: stand.Status, now_ms: int, news: News | None, engine_off: str = ""
) -> Status:
    """The status line. At its right why there is no connection, else what happened last, for a minute.

    `engine_off` says what helps where no engine runs, which comes before all others.
    """
    progress = ""
    if status.pulled is not None and status.pulled[1]:
        progress = f"reading runs, {status.pulled[0]:,} of {status.pulled[1]:,}"
    notice, tone = engine_off or reason_of(status), _STATES.get(status.state, ("", _ODD_STATE))[1]
    if engine_off or tone is not Tone.BAD:
        tone = Tone.WARN
    if not notice and news is not None and now_ms - news.at_ms < NEWS_MS:
        notice, tone = news.text, Tone.WARN if news.is_bad else Tone.GOOD
    return Status(
        as_of_ms=status.as_of_ms,
        now_ms=now_ms,
        jobs=tuple((state, status.jobs.get(state, 0)) for state in _JOB_ORDER),
        pending_writes=status.unsent,
        need_person=status.blocked,
        sender=clean(status.sender, keep_newlines=False),
        progress=progress,
        notice=notice,
        notice_tone=tone,
    )
