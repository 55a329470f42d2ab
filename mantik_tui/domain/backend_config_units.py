"""Time limits and memory in a backend config: reading them, and finding the form that works."""

from __future__ import annotations

import math
import re

from mantik_tui.domain.backend_config_types import memory_mb

_RUNTIME = re.compile(r"([0-9]{1,9})([smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PARTS = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([a-z]*)\s*", re.IGNORECASE)
_CLOCK = re.compile(r"(?:([0-9]{1,5})-)?([0-9]{1,5}):([0-9]{1,2})(?::([0-9]{1,2}))?")
_WHOLE = re.compile(r"-?[0-9]{1,15}")


def runtime_seconds(text: str) -> int | None:
    """Seconds of a `Runtime`: one whole number and one of `s m h d`, or `0`. None if it is not in that form."""
    if text == "0":
        return 0
    found = _RUNTIME.fullmatch(text)
    return int(found.group(1)) * _UNIT_S[found.group(2)] if found else None


def runtime_hint(text: str) -> str:
    """What to write instead of a `Runtime` that does not work, as near as can be told to what was meant."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return (
            f"Write {text}m for minutes, {text}h for hours: one number and one unit (s, m, h, d)."
        )
    seconds = _meant(text)
    if seconds is None:
        return "Write one whole number and one unit (s, m, h, d), for example 90m."
    return f"Write {in_one_unit(seconds)}: one whole number and one unit (s, m, h, d)."


def in_one_unit(seconds: int) -> str:
    """Seconds in the largest unit that holds them as a whole number: 5400 as `90m`."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNIT_S[unit] == 0:
            return f"{seconds // _UNIT_S[unit]}{unit}"
    return f"{seconds}s"


def _meant(text: str) -> int | None:
    clock = _CLOCK.fullmatch(text.strip())
    if clock:
        days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + seconds
    total, at = 0.0, 0
    words = text.strip().lower()
    while at < len(words):
        part = _PARTS.match(words, at)
        if not part or part.group(2)[:1] not in _UNIT_S:
            return None
        total += float(part.group(1)) * _UNIT_S[part.group(2)[0]]
        at = part.end()
    return math.ceil(total) if at else None


def memory_problem(text: str, *, slurm: bool) -> tuple[str, str] | None:
    """What is wrong with a `MemoryPerNode`, and the form that works; None if nothing is.

    Mantik takes a bare whole number of MB on firecREST and SSH sites (`slurm`); UNICORE takes units.
    """
    if _WHOLE.fullmatch(text):
        if text.startswith("-") and not slurm:
            return "A negative amount can't be asked for.", "Take the line out to ask for nothing."
        return None
    amount = memory_mb(text)
    if amount is None:
        return f"{text!r} is no amount of memory.", "Write 16000 (MB)" + (
            "." if slurm else " or 16G."
        )
    if slurm:
        return (
            "On firecREST and SSH sites the memory is a bare whole number of MB.",
            f"Write {amount}.",
        )
    return None
