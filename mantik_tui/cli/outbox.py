"""`mantik-tui outbox`: what waits to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mantik_tui.cli.common import json_option, open_here, say_sender
from mantik_tui.cli.output import print_fields, print_json, print_table, say
from mantik_tui.domain.text import clean, clock, iso

if TYPE_CHECKING:
    from mantik_tui.domain.outbox import Entry

_COLOURS = {"blocked": "red", "unsure": "yellow", "sending": "cyan"}
_DAY_MS = 86_400_000


@click.command("list")
@click.option(
    "--all", "with_done", is_flag=True, help="Also what was sent or taken back within a day."
)
@json_option
def list_entries(with_done: bool, as_json: bool) -> None:
    """List what waits to be sent, oldest first."""
    from mantik_tui.workspace import reads

    session = open_here()
    entries = session.read(reads.jobs.open_entries)
    if with_done:
        done = session.read(reads.jobs.recent_entries, session.now_ms() - _DAY_MS)
        entries = [*done[::-1], *entries]
    say_sender(session)
    if as_json:
        print_json([entry_record(one) for one in entries])
        return
    if not entries:
        say("Nothing waits: everything is sent.")
        return
    now = session.now_ms()
    print_table(
        ["id", "state", "what", "since", "tries", "reason"],
        [
            [
                one.id[-12:],
                one.state.value,
                one.what,
                clock(one.created_ms, now),
                str(one.attempts),
                one.error,
            ]
            for one in entries
        ],
        right=["tries"],
        paints={"state": _COLOURS},
    )


def entry_record(entry: Entry) -> dict[str, Any]:
    """One entry, for programs."""
    return {
        "id": entry.id,
        "kind": str(entry.kind),
        "what": entry.what,
        "state": entry.state.value,
        "error": entry.error or None,
        "attempts": entry.attempts,
        "next_try": iso(entry.next_try_ms),
        "steps_done": list(entry.steps_done),
        "after": list(entry.after),
        "payload": dict(entry.payload),
        "base": dict(entry.base),
        "created": iso(entry.created_ms),
        "updated": iso(entry.updated_ms),
    }


@click.command("show")
@click.argument("entry", metavar="ID")
@json_option
def show(entry: str, as_json: bool) -> None:
    """Show one entry whole. The end of its id is enough."""
    from mantik_tui.workspace import reads

    session = open_here()
    record = entry_record(session.read(reads.jobs.get_entry, entry))
    if as_json:
        print_json(record)
        return
    for key in ("payload", "base"):
        record[key] = "\n".join(f"{name}: {value}" for name, value in record[key].items())
    for key in ("steps_done", "after"):
        record[key] = ", ".join(record[key])
    print_fields(
        (key.replace("_", " "), "" if value is None else str(value))
        for key, value in record.items()
    )


@click.command("retry")
@click.argument("entries", metavar="ID...", nargs=-1, required=True)
def retry(entries: tuple[str, ...]) -> None:
    """Try entries again at once, after what stopped them was mended."""
    from mantik_tui.workspace import outbox

    session = open_here()
    for text in entries:
        say(clean(f"{outbox.retry(session, text).what}: is tried again", keep_newlines=False))


@click.command("cancel")
@click.argument("entries", metavar="ID...", nargs=-1, required=True)
def cancel(entries: tuple[str, ...]) -> None:
    """Take entries back that were not sent; what they changed here is as it was before."""
    from mantik_tui.workspace import outbox

    session = open_here()
    for text in entries:
        say(clean(f"{outbox.take_back(session, text).what}: taken back", keep_newlines=False))


@click.command("resolve")
@click.argument("entry", metavar="ID")
@click.argument("choice", type=click.Choice(["mine", "theirs", "both", "again", "drop"]))
def resolve(entry: str, choice: str) -> None:
    """Settle what only a person can: a conflict, or a submission of which nobody knows whether it came through.

    A conflict: keep mine, theirs, or both texts joined; `outbox show ID` shows the values. A submission in doubt: submit
    it again, or drop it. Even if it had come through, one training runs at most.
    """
    from mantik_tui.workspace import outbox

    session = open_here()
    settle = outbox.decide if choice in ("again", "drop") else outbox.resolve
    say(clean(f"{settle(session, entry, choice).what}: settled, {choice}", keep_newlines=False))
