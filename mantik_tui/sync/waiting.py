"""Waiting for an event or for a while, in a way that can be cancelled."""

from __future__ import annotations

import asyncio


async def pause(event: asyncio.Event, seconds: float | None) -> None:
    """Return when `event` is set, or after `seconds`; None waits for as long as it takes.

    Not by `asyncio.wait_for`, which in Python 3.11 swallows a cancellation that comes together with the event: the duty
    that waits would go on for ever.
    """
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
