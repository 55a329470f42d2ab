"""Text from elsewhere, made safe to show, and plain ways to write numbers and times."""

from __future__ import annotations

import math
import re
import time

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)"  # OSC, DCS, SOS, PM, APC up to their end
    r"|\x1b[ -/]*[0-~]?"  # two-character sequences
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069"
    r"\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]"  # what joins or varies signs
)


def clean(text: str, *, keep_newlines: bool = True) -> str:
    """`text` without terminal escape sequences, control characters and direction overrides.

    Tabs stay. What joins several signs to one emoji, or varies one, goes as well: terminals don't agree how many cells
    such a sign takes, and a wrong count cuts the line. Everything that came from a server, a site or a log passes
    through here before it is shown.
    """
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPES.sub("", text)
    text = _CONTROLS.sub("", text.replace("\r\n", "\n"))
    return text if keep_newlines else text.replace("\n", " ")


def duration(ms: int | None) -> str:
    """A span of milliseconds as `1:52:10` or `0:43`; hours are not folded into days below 100 h."""
    if ms is None or ms < 0:
        return "-"
    seconds = ms // 1000
    hours, rest = divmod(seconds, 3600)
    minutes, secs = divmod(rest, 60)
    if hours >= 100:
        return f"{hours // 24}d {hours % 24}h"
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def number(value: float | None, *, digits: int = 4) -> str:
    """A metric's value, short: `0.0431`, `1.2e-07`, `nan`, `inf`, `-inf`, `-` for none."""
    if value is None:
        return "-"
    if math.isnan(value):
        return "nan"
    if abs(value) >= 1.797e308:
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.{digits}g}"


def size(count: int | None) -> str:
    """Bytes as `812 B`, `3.1 kB`, `2.4 GB` (powers of 1000, as `ls --si`)."""
    if count is None:
        return "-"
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"


def clock(ms: int | None, now_ms: int) -> str:
    """A moment as people write it: `14:03` today, `Mon 14:03` this week, `12 Nov` this year, `12 Nov 2025` before."""
    if not ms:
        return "-"
    then, now = time.localtime(ms / 1000), time.localtime(now_ms / 1000)
    if then[:3] == now[:3]:
        return time.strftime("%H:%M", then)
    if 0 <= now_ms - ms < 6 * 86_400_000:
        return time.strftime("%a %H:%M", then)
    day = f"{then.tm_mday} {time.strftime('%b', then)}"
    return day if then.tm_year == now.tm_year else f"{day} {then.tm_year}"


def stamp(ms: int | None) -> str:
    """A moment in full, ISO 8601 with the local offset, for exports and detail views."""
    if not ms:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(ms / 1000))


def iso(ms: int | None) -> str | None:
    """A moment for programs: ISO 8601 in UTC with milliseconds; None if it is not known."""
    if not ms:
        return None
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ms / 1000))}.{ms % 1000:03}Z"
