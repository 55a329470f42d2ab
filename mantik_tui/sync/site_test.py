"""A site's test: everything that a submission needs, tried for real, one line each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mantik_tui.domain.errors import MantikError

if TYPE_CHECKING:
    from mantik_tui.sync.context import Engine


async def test_site(engine: Engine, name: str) -> list[dict[str, Any]]:
    """Checks as `{"name", "ok", "words"}`. A check that can't be made since an earlier one failed is left out."""
    checks: list[dict[str, Any]] = []

    def add(what: str, ok: bool, words: str) -> None:
        checks.append({"name": what, "ok": ok, "words": words})

    await engine.sites.forget(name)
    try:
        session = await engine.sites.get(engine, name)
    except MantikError as error:
        add("connect", False, f"{error} {error.hint}".strip())
        return checks
    add(
        "connect",
        True,
        f"{session.site.transport} × {session.site.scheduler} on {session.transport.abilities.host}",
    )
    start = time.monotonic()
    try:
        answer = await session.transport.run("echo ready; uname -sr; nproc 2>/dev/null || true")
        took = (time.monotonic() - start) * 1000
        add("command", answer.code == 0, f"{' · '.join(answer.stdout.split())} in {took:.0f} ms")
        probe = f"{session.run_root}/.mantik-test"
        await session.transport.put_bytes(probe, b"test", mode=0o600)
        same = await session.transport.get_range(probe, 0, 10) == b"test"
        await session.transport.remove_tree(probe)
        add("run root", same, f"{session.run_root} can be written and read")
        space = await session.transport.run(f'df -Pk "{session.run_root}" | tail -1')
        fields = space.stdout.split()
        if len(fields) >= 4 and fields[3].isdigit():
            free = int(fields[3]) * 1024
            add("space", free > 1_000_000_000, f"{free / 1e9:.1f} GB free")
        python = session.site.settings.get("python", "")
        if python:
            found = await session.transport.run(f'"{python}/bin/python" --version')
            add(
                "python",
                found.code == 0,
                (found.stdout or found.stderr).strip() or f"{python}/bin/python is missing",
            )
        add("queue", True, _queue_words(session.site.settings.get("slots", "")))
    except MantikError as error:
        add("site", False, f"{error} {error.hint}".strip())
    return checks


def _queue_words(slots: str) -> str:
    return f"{slots} jobs at a time" if slots else "as many jobs at a time as half the cores"
