"""Ids made on this side: UUIDv7 (RFC 9562), so that they sort by the time they were made."""

from __future__ import annotations

import os
import re
import time

_CID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_id(now_ms: int | None = None) -> str:
    """A fresh UUIDv7 as text with dashes. `now_ms` is milliseconds since 1970, by default the clock's."""
    stamp = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (stamp & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | ((random_bits >> 62) & 0xFFF) << 64
    value |= 0b10 << 62 | (random_bits & 0x3FFF_FFFF_FFFF_FFFF)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_id(text: str) -> bool:
    """Whether `text` has the form of an id made by `new_id`."""
    return _CID.fullmatch(text) is not None


def job_name(run_id: str) -> str:
    """The name of a run's job: the run id without dashes, since UNICORE rewrites names that have them."""
    return run_id.replace("-", "")
