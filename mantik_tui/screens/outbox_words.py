"""The outbox in words: what a write is, how it stands, why, and what helps. No widgets, no reading."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mantik_tui.domain.outbox import SUBMIT_STEPS, Entry, EntryKind, EntryState
from mantik_tui.domain.text import clean, clock, stamp
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.one_line import STRONG, short_name
from mantik_tui.widgets.styled_text import BLANK, Line, fact, heading, plain

_LABEL = 11


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One line of the outbox."""

    entry: Entry
    target: str
    """Name of the run, and the site for what goes to a site."""
    now_ms: int
    folded: int = 0
    """So many finished writes of little interest stand behind this line; `entry` is the newest of them."""
    is_open: bool = False
    """What is folded is listed below."""


FOLDED = (EntryKind.RUN_STATUS, EntryKind.UPLOAD_ARTIFACT)
"""Finished writes of these kinds share one line: the program made them, nobody asks for them."""
FOLD_FROM = 3


def folds(entry: Entry) -> bool:
    return entry.state is EntryState.DONE and entry.kind in FOLDED


def fold(rows: Sequence[EntryRow], *, is_open: bool) -> list[EntryRow]:
    """Rows with the finished writes that nobody asked for behind one line, which stands where the first of them was."""
    within = [row for row in rows if folds(row.entry)]
    if len(within) < FOLD_FROM:
        return list(rows)
    others = [row for row in rows if not folds(row.entry)]
    newest = within[0]
    at = next((n for n, row in enumerate(others) if not row.entry.state.open), len(others))
    line = dataclasses.replace(newest, target="", folded=len(within), is_open=is_open)
    return [*others[:at], line, *(within if is_open else ()), *others[at:]]


def needs_person(entry: Entry) -> bool:
    return entry.state in (EntryState.BLOCKED, EntryState.UNSURE)


def in_conflict(entry: Entry) -> bool:
    return entry.state is EntryState.BLOCKED and "theirs" in entry.payload


def in_doubt(entry: Entry) -> bool:
    """A submission that may have come through: a person can decide, while the site is asked on."""
    waits = entry.state in (EntryState.UNSURE, EntryState.BLOCKED)
    doubt = entry.state is EntryState.UNSURE or bool(entry.payload.get("in_doubt"))
    return entry.kind == EntryKind.SUBMIT and waits and doubt


def nobody_can_tell(entry: Entry) -> bool:
    """In doubt, and the site was asked in vain."""
    return in_doubt(entry) and entry.state is EntryState.UNSURE and entry.attempts > 1


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
    """One word or two: `conflict`, `needs login`, `refused`, `waiting`, `next`, `sending`, `checking`, `unsure`, `done`."""
    if entry.state is EntryState.BLOCKED:
        if in_conflict(entry):
            return "conflict"
        return "needs login" if _wants_login(entry) else "refused"
    if entry.state is EntryState.PENDING:
        return "waiting" if entry.error or entry.attempts else "next"
    if entry.state is EntryState.UNSURE:
        return "unsure" if nobody_can_tell(entry) else "checking"
    return {EntryState.CANCELLED: "taken back"}.get(entry.state, entry.state.value)


def _wants_login(entry: Entry) -> bool:
    return re.search(r"\b(log ?in|login|password|401|credentials)\b", entry.error, re.I) is not None


def state_tone(entry: Entry) -> Tone:
    if entry.state is EntryState.BLOCKED:
        return Tone.BAD
    if entry.state is EntryState.UNSURE:
        return Tone.BAD if nobody_can_tell(entry) else Tone.WARN
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
    return short_name(entry.what, 80)


def row_what(row: EntryRow) -> str:
    return f"{row.folded:,} statuses and files" if row.folded else what_words(row.entry)


def row_why(row: EntryRow) -> str:
    if row.folded:
        return f"enter {'hides' if row.is_open else 'shows'} them"
    return why_words(row.entry, row.now_ms)


_CALL = re.compile(r"^(?P<title>.+?)\. (?:GET|POST|PUT|PATCH|DELETE|HEAD) \S+: (?P<why>.+)$")
_KNOWN = (
    (r"connection refused|errno 111", "connection refused"),
    (r"connection attempts failed|network is unreachable|no route", "no connection"),
    (r"name or service not known|name resolution|nodename nor servname|getaddrinfo", "name not found"),
    (r"in time|timed? ?out", "no answer in time"),
    (r"disconnected|reset by peer|broken pipe|incomplete", "the connection broke"),
)  # fmt: skip


def brief_reason(error: str) -> str:
    """Why something failed, for one line of a list: without the call and the libraries' own words."""
    text = clean(error, keep_newlines=False).strip().rstrip(".")
    text = re.sub(r"\brefuses (?:GET|POST|PUT|PATCH|DELETE) \S+?(?=\.|$)", "refuses it", text)
    match = _CALL.match(text)
    if match is None:
        return text
    why = match["why"]
    known = next((words for pattern, words in _KNOWN if re.search(pattern, why, re.I)), "")
    if match["title"].endswith(")"):  # says it already: (HTTP 503)
        return match["title"]
    return f"{match['title']} ({known or _short(why.partition('. ')[0], 60)})"


def why_words(entry: Entry, now_ms: int) -> str:
    """Why it stands so and what helps, on one line."""
    if in_conflict(entry):
        theirs = entry.payload.get("theirs")
        other = f"somebody set “{_short(theirs)}”" if theirs is not None else "somebody removed it"
        return f"{other}: m mine, t theirs, b both"
    error = brief_reason(entry.error)
    if nobody_can_tell(entry):
        return "nobody can tell whether it was submitted: e decides, R asks again"
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


DECISION = (
    "It may have been submitted; nobody can tell so far.",
    "a submits it again: even if it was, at most one training runs.",
    "d drops it: the run is not started from here.",
)


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
    if row.folded:
        return [heading(row_what(row)), plain(row_why(row))]
    head = Line(
        (
            (what_words(entry), STRONG),
            (f"  {row.target}  ", Tone.MUTED),
            (state_words(entry), state_tone(entry)),
        )
    )
    lines = [head]
    if in_doubt(entry):
        for number, words in enumerate(DECISION):
            lines.append(fact("" if number else "e decides", words, width=_LABEL))
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
        lines += _change_lines(entry, now_ms)
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


_OUR_NOTES = ("maybe_sent", "needs_login", "in_doubt", "send_anew")
"""What the engine notes for itself beside what is sent."""


def _change_lines(entry: Entry, now_ms: int) -> list[Line]:
    lines = []
    if "value" in entry.base:
        lines.append(fact("it was", _value(entry.base["value"]), Tone.MUTED, width=_LABEL))
    for name, value in entry.payload.items():
        if name == "key" and entry.kind != EntryKind.SET_NOTE:
            lines.append(fact("tag", _value(value), width=_LABEL))
        elif name in ("value", "name"):
            lines.append(fact("becomes", _value(value), width=_LABEL))
        elif name.endswith("_ms") and isinstance(value, int):
            label = name.removesuffix("_ms").replace("_", " ")
            lines.append(fact(label, clock(value, now_ms), width=_LABEL))
        elif name not in ("key", "theirs", *_OUR_NOTES):
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
