"""`mantik-tui runs status` and `mantik-tui runs wait`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from mantik_tui.cli.common import find_run, json_option, open_here, say_age
from mantik_tui.cli.output import print_json, print_table, say
from mantik_tui.cli.runs_list import STATUS_COLOURS, Columns, run_records
from mantik_tui.domain.text import clean, duration, iso

if TYPE_CHECKING:
    from mantik_tui.workspace.session import Session
    from mantik_tui.workspace.waiting import Bell

TIMED_OUT = 1
ENDED = ("FINISHED", "FAILED", "KILLED")


@click.command("status")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--now", "ask", is_flag=True, help="Ask the server and the site first.")
@json_option
def status(runs: tuple[str, ...], ask: bool, as_json: bool) -> None:
    """Status of runs, and state of their jobs."""
    session = open_here()
    ids = [find_run(session, text) for text in runs]
    if ask:
        from mantik_tui.workspace import live

        live.refresh(session, wait=True)
    records = status_records(session, ids)
    if as_json:
        print_json(records)
        return
    say_age(session)
    print_status(session, records)


def status_records(session: Session, ids: list[int]) -> list[dict[str, Any]]:
    """Runs with their latest jobs, for programs."""
    from mantik_tui.workspace import reads

    keys = ("id", "name", "status", "job_state", "cause", "site", "start", "end", "pending")
    records = []
    for record, run_id in zip(run_records(session, ids, Columns(())), ids, strict=True):
        job = session.read(reads.jobs.latest_job, run_id)
        shown = {key: record[key] for key in keys}
        shown["job"] = None if job is None else {
            "id": job.job_id or None,
            "state": job.state.value,
            "words": job.words or None,
            "submitted": iso(job.submitted_ms),
            "started": iso(job.started_ms),
            "ended": iso(job.ended_ms),
            "limit_s": job.limit_ms // 1000 if job.limit_ms else None,
            "exit_code": job.exit_code,
            "seen": iso(job.seen_ms),
        }  # fmt: skip
        records.append(shown)
    return records


def print_status(session: Session, records: list[dict[str, Any]]) -> None:
    rows = []
    for one in records:
        job = one["job"] or {}
        rows.append(
            [
                one["name"],
                one["status"],
                one["job_state"] or "",
                one["cause"] or ("" if one["status"] in ENDED else job.get("words") or ""),
                one["site"] or "",
            ]
        )
    print_table(["name", "status", "job", "cause", "site"], rows, paints={"status": STATUS_COLOURS})


@click.command("wait")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up after so long.")
@json_option
@click.pass_context
def wait(ctx: click.Context, runs: tuple[str, ...], timeout: float | None, as_json: bool) -> None:
    """Wait until all these runs have ended. Exits with 0 if all are FINISHED, else with 1, also when time is up."""
    from mantik_tui.workspace.waiting import Bell

    bell = Bell()
    session = open_here(bell)
    ids = [find_run(session, text) for text in runs]
    ctx.exit(wait_for(session, bell, ids, timeout, as_json=as_json))


def wait_for(
    session: Session, bell: Bell, ids: list[int], timeout: float | None, *, as_json: bool = False
) -> int:
    """Wait for runs, telling of each change on stderr. Returns the exit code."""
    from mantik_tui.domain.errors import EngineProblem
    from mantik_tui.workspace import live, reads
    from mantik_tui.workspace.waiting import read_ends, until

    told: dict[int, str] = {}

    def ended() -> bool:
        rows = session.read(reads.runs.run_rows, ids)
        for row in rows:
            words = " ".join(part for part in (row.status, row.cause) if part)
            if told.get(row.id) != words:
                told[row.id] = words
                say(clean(f"{row.name}: {words}", keep_newlines=False))
        return len(rows) < len(ids) or all(row.status in ENDED for row in rows)

    with contextlib.suppress(EngineProblem):
        session.engine.ensure()
        live.watch(session, visible=ids)
    in_time = until(session, bell, ended, timeout)
    if in_time and session.engine.connected:
        read_ends(session, ids)
    records = status_records(session, [row.id for row in session.read(reads.runs.run_rows, ids)])
    if as_json:
        print_json(records)
    if not in_time:
        say(f"Time is up after {duration(int((timeout or 0) * 1000))}; what has not ended goes on.")
    good = len(records) == len(ids) and all(one["status"] == "FINISHED" for one in records)
    return 0 if good else TIMED_OUT
