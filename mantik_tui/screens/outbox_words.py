"""The outbox in words: what a write is, how it stands, why, and what helps. No widgets, no reading."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from mantik_tui.domain.outbox import SUBMIT_STEPS, Entry, EntryKind, EntryState
from mantik_tui.domain.text import clean, clock, stamp
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import STRONG
from mantik_tui.widgets.styled_text import BLANK, Line, fact, heading, plain

_LABEL = 11


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One line of the outbox."""

    entry: Entry
    target: str
    """Name of the run, and the site for what goes to a site."""
    now_ms: int


def needs_person(entry: Entry) -> bool:
    return entry.state in (EntryState.BLOCKED, EntryState.UNSURE)


def in_conflict(entry: Entry) -> bool:
    return entry.state is EntryState.BLOCKED and "theirs" in entry.payload


def sort_key(entry: Entry) -> tuple[int, str]:
    """Needs you first, then what waits in order, then what is done, newest first."""
    if entry.state is EntryState.BLOCKED:
        return 0, entry.id
    if entry.state is EntryState.UNSURE:
        return 1, entry.id
    if entry.state.open:
        return 2, entry.id
    return 3, f"{10**15 - entry.updated_ms:016}"


def state_words(entry: Entry) -> str:
    """One word or two: `conflict`, `needs login`, `refused`, `waiting`, `next`, `sending`, `checking`, `done`."""
    if entry.state is EntryState.BLOCKED:
        if in_conflict(entry):
            return "conflict"
        return "needs login" if _wants_login(entry) else "refused"
    if entry.state is EntryState.PENDING:
        return "waiting" if entry.error or entry.attempts else "next"
    if entry.state is EntryState.UNSURE:
        return "checking"
    return {EntryState.CANCELLED: "taken back"}.get(entry.state, entry.state.value)


def _wants_login(entry: Entry) -> bool:
    return re.search(r"\b(log ?in|login|password|401|credentials)\b", entry.error, re.I) is not None


def state_tone(entry: Entry) -> Tone:
    if entry.state is EntryState.BLOCKED:
        return Tone.BAD
    if entry.state is EntryState.UNSURE:
        return Tone.WARN
    if entry.state is EntryState.SENDING:
        return Tone.ACCENT
    return Tone.WARN if entry.state is EntryState.PENDING else Tone.MUTED


def sign(entry: Entry) -> str:
    if entry.state is EntryState.BLOCKED:
        return "!"
    return {EntryState.UNSURE: "?", EntryState.SENDING: "›", EntryState.DONE: "✓"}.get(
        entry.state, " "
    )


def what_words(entry: Entry) -> str:
    return clean(entry.what, keep_newlines=False)


def why_words(entry: Entry, now_ms: int) -> str:
    """Why it stands so and what helps, on one line."""
    if in_conflict(entry):
        theirs = entry.payload.get("theirs")
        other = f"somebody set “{_short(theirs)}”" if theirs is not None else "somebody removed it"
        return f"{other}: m mine, t theirs, b both"
    error = clean(entry.error, keep_newlines=False).rstrip(".")
    if entry.state is EntryState.BLOCKED:
        helps = "L logs in, R retries" if _wants_login(entry) else _blocked_help(entry)
        return f"{error}; {helps}" if error else helps
    if entry.state is EntryState.UNSURE:
        lead = error or "it may have been sent"
        return f"{lead}; the other side is asked {_when(entry, now_ms)}"
    if entry.state is EntryState.SENDING:
        return f"step {_next_step(entry)}" if entry.kind == EntryKind.SUBMIT else ""
    if entry.state is EntryState.PENDING:
        return f"{error}; next try {_when(entry, now_ms)}" if error else _turn(entry)
    return error


def _short(value: object, length: int = 40) -> str:
    text = clean(str(value), keep_newlines=False)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _blocked_help(entry: Entry) -> str:
    if entry.kind in (EntryKind.SET_TAG, EntryKind.SET_NOTE, EntryKind.RENAME_RUN):
        return "e edits, R retries, u takes it back"
    return "R retries, u takes it back"


def _when(entry: Entry, now_ms: int) -> str:
    if entry.next_try_ms <= now_ms:
        return "now"
    if entry.next_try_ms - now_ms < 60_000:
        return "within a minute"
    return f"at {clock(entry.next_try_ms, now_ms)}"


def _turn(entry: Entry) -> str:
    if entry.after:
        return "waits for the writes before it"
    return "goes out as soon as the engine gets to it"


def _next_step(entry: Entry) -> str:
    done = len([step for step in SUBMIT_STEPS if step in entry.steps_done])
    step = SUBMIT_STEPS[min(done, len(SUBMIT_STEPS) - 1)]
    return f"{done + 1} of {len(SUBMIT_STEPS)}, {step}"


def title_words(waiting: int, blocked: int, done: int) -> str:
    """`1 needs you · 2 waiting · 14 done today`."""
    parts = []
    if blocked:
        parts.append(f"{blocked} need{'s' * (blocked == 1)} you")
    if waiting:
        parts.append(f"{waiting} waiting")
    parts.append(f"{done} done today")
    return " · ".join(parts)


# -------------------------------------------------------------------------------- details


def detail_lines(row: EntryRow) -> list[Line]:
    """Everything about an entry."""
    entry, now_ms = row.entry, row.now_ms
    head = Line(
        (
            (what_words(entry), STRONG),
            (f"  {row.target}  ", Tone.MUTED),
            (state_words(entry), state_tone(entry)),
        )
    )
    lines = [head]
    if in_conflict(entry):
        lines += _conflict_lines(entry)
    elif entry.error:
        lines.append(fact("why", clean(entry.error, keep_newlines=False), width=_LABEL))
    lines.append(
        fact("since", f"{clock(entry.created_ms, now_ms)}{_tries(entry, now_ms)}", width=_LABEL)
    )
    if entry.kind == EntryKind.SUBMIT:
        lines.append(_steps_line(entry))
    elif not in_conflict(entry):
        lines += _change_lines(entry)
    if entry.after:
        lines.append(fact("waits for", f"{len(entry.after)} earlier write(s)", width=_LABEL))
    lines.append(
        fact("entry", f"{entry.id}, made {stamp(entry.created_ms)}", Tone.MUTED, width=_LABEL)
    )
    return lines


def _tries(entry: Entry, now_ms: int) -> str:
    if not entry.attempts:
        return ", not tried yet" if entry.state.open else ""
    times = f"tried {entry.attempts} time{'s' * (entry.attempts > 1)}"
    if entry.state in (EntryState.PENDING, EntryState.UNSURE):
        return f", {times}, next try {_when(entry, now_ms)}"
    return f", {times}"


def _steps_line(entry: Entry) -> Line:
    parts: list[tuple[str, str]] = [(f"{'steps':<{_LABEL}} ", Tone.MUTED)]
    for step in SUBMIT_STEPS:
        done = step in entry.steps_done
        parts.append((f"{'✓' if done else '·'} {step}  ", Tone.GOOD if done else Tone.MUTED))
    return Line(tuple(parts), _LABEL + 1)


def _conflict_lines(entry: Entry) -> list[Line]:
    mine = entry.payload.get("name" if entry.kind == EntryKind.RENAME_RUN else "value")
    return [
        fact("it was", _value(entry.base.get("value")), Tone.MUTED, width=_LABEL),
        fact("m mine", _value(mine), Tone.ACCENT, width=_LABEL),
        fact("t theirs", _value(entry.payload.get("theirs")), Tone.WARN, width=_LABEL),
        fact("b both", _both(entry, mine), width=_LABEL),
    ]


def _both(entry: Entry, mine: object) -> str:
    if mine is None:
        return "nothing to join: mine removes it"
    between = " / " if entry.kind == EntryKind.SET_NOTE else " "
    return _value(f"{entry.payload.get('theirs') or ''}{between}{mine}")


def _value(value: object) -> str:
    if value is None:
        return "(nothing)"
    return _short(value, 400) if value != "" else "(empty)"


def _change_lines(entry: Entry) -> list[Line]:
    lines = []
    if "value" in entry.base:
        lines.append(fact("it was", _value(entry.base["value"]), Tone.MUTED, width=_LABEL))
    for name, value in entry.payload.items():
        if name == "key" and entry.kind != EntryKind.SET_NOTE:
            lines.append(fact("tag", _value(value), width=_LABEL))
        elif name in ("value", "name"):
            lines.append(fact("becomes", _value(value), width=_LABEL))
        elif name not in ("key", "theirs"):
            text = value if isinstance(value, str) else json.dumps(value)
            lines.append(fact(name.replace("_", " "), _short(text, 200), width=_LABEL))
    return lines


def empty_lines() -> list[Line]:
    """What stands beside an empty outbox."""
    return [
        heading("Nothing waits to be sent."),
        BLANK,
        plain("What you do offline is kept here until the server or site can be reached:"),
        plain("submissions, cancellations, tags, notes, names. It goes out once, in order."),
    ]
