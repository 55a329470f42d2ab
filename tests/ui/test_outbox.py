"""The outbox screen: what waits and why, conflicts, taking back, editing, retrying."""

from __future__ import annotations

import re

import pytest

from mantik_tui.domain.outbox import EntryKind, EntryState
from mantik_tui.screens.outbox import OutboxScreen
from mantik_tui.screens.outbox_words import brief_reason
from mantik_tui.screens.run import RunScreen
from mantik_tui.store.reads.jobs import get_entry, open_entries
from mantik_tui.store.reads.runs import get_run
from mantik_tui.store.writes import outbox
from mantik_tui.widgets.dialogs import ConfirmDialog, PromptDialog, VerbDialog
from tests.support.run_scene import Scene, make_scene
from tests.support.store_fill import NOW_MS
from tests.support.ui import make_app, said, screen_text, settle


@pytest.fixture
def scene() -> Scene:
    return make_scene()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_needs_a_person_comes_first_with_reason_and_keys(
    scene: Scene, size: tuple[int, int]
) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=size) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        text = screen_text(app)
        assert "1 needs you · 2 waiting" in text
        lines = [line for line in text.splitlines() if "label=" in line or "submit" in line]
        assert "set tag label=best" in lines[0]
        assert "conflict" in lines[0]
        for words in ("it was      final", "m mine      best", "t theirs    final-2"):
            assert words in text


@pytest.mark.parametrize(
    ("key", "value", "state"),
    [
        ("m", "best", EntryState.PENDING),
        ("t", "final-2", EntryState.CANCELLED),
        ("b", "final-2 best", EntryState.PENDING),
    ],
)
async def test_a_conflict_is_settled_by_one_key(
    scene: Scene, key: str, value: str, state: EntryState
) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        await pilot.press(key)
        await settle(pilot)
        connection = scene.session.store.connection
        assert get_run(connection, scene.foreign).tags["label"] == value
        assert get_entry(connection, scene.conflict).state is state


async def test_the_keys_of_a_conflict_do_nothing_elsewhere(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        await pilot.press("j", "t")
        await settle(pilot)
        assert isinstance(app.screen, OutboxScreen)
        assert len(open_entries(scene.session.store.connection)) == 3


async def test_a_tag_is_taken_back_at_once_and_a_submission_after_asking(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        await pilot.press("j", "u")
        await settle(pilot)
        assert "Taken back: set tag label=candidate" in said(app)
        assert "label" not in get_run(scene.session.store.connection, scene.running).tags
        await pilot.press("g", "j", "u")
        await settle(pilot)
        assert isinstance(app.screen, ConfirmDialog)
        assert "submit stern-owl-9" in screen_text(app)
        await pilot.press("n")
        await settle(pilot)
        assert any(e.kind == "submit" for e in open_entries(scene.session.store.connection))
        await pilot.press("u", "y")
        await settle(pilot)
        assert not any(e.kind == "submit" for e in open_entries(scene.session.store.connection))


async def test_a_pending_value_can_be_edited(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        await pilot.press("j", "e")
        await settle(pilot)
        assert isinstance(app.screen, PromptDialog)
        app.screen.dismiss("shipped")
        await settle(pilot)
        connection = scene.session.store.connection
        assert get_run(connection, scene.running).tags["label"] == "shipped"
        mine = [e for e in open_entries(connection, scene.running) if e.kind == "set-tag"]
        assert [entry.payload["value"] for entry in mine] == ["shipped"]
        assert mine[0].base["value"] is None, "what the server had is still what it was"


async def test_a_submission_cannot_be_edited_and_says_what_helps(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        await pilot.press("j", "j", "e")
        await settle(pilot)
        assert "Only tags, notes and names can be edited" in said(app)


async def test_retrying_lets_it_go_at_once(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        await pilot.press("j", "j")
        await settle(pilot)
        assert "tried 3 times, next try at" in screen_text(app)
        await pilot.press("R")
        await settle(pilot)
        entry = next(e for e in open_entries(scene.session.store.connection) if e.kind == "submit")
        assert (entry.next_try_ms, entry.error) == (0, "")
        assert "Tried again: submit stern-owl-9" in said(app)


async def test_enter_opens_the_run_and_l_its_log(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        await pilot.press("j", "enter")
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        assert app.screen.run_id == scene.running


async def test_what_the_engine_sends_leaves_the_list(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        with scene.session.store.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET state = 'done', updated_ms = ? WHERE kind = 'set-tag'",
                (scene.session.now_ms(),),
            )
        scene.engine.say("changed", tables=["outbox", "run"])
        await settle(pilot)
        assert "1 waiting · 8 done today" in screen_text(app)


async def test_an_empty_outbox_says_what_it_is_for() -> None:
    scene = make_scene(empty_outbox=True)
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        text = screen_text(app)
        assert "Nothing waits" in text
        assert "It goes out once, in order" in text


def _finish(scene: Scene, count: int) -> None:
    """As after a day's work: statuses that were written to the server."""
    for number in range(count):
        with scene.session.store.transaction() as connection:
            entry = outbox.add_entry(
                connection, workspace_id=scene.session.workspace.id, kind=EntryKind.RUN_STATUS, target=f"run:{number}",
                run_id=scene.running, what="status FINISHED", now_ms=NOW_MS - 60_000,
                payload={"status": "FINISHED", "end_ms": NOW_MS - 120_000},
            )  # fmt: skip
            connection.execute(
                "UPDATE outbox SET state = 'done', updated_ms = ? WHERE id = ?", (NOW_MS, entry)
            )


async def test_finished_writes_of_the_program_share_one_line(scene: Scene) -> None:
    _finish(scene, 12)
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        text = screen_text(app)
        assert re.search(r"1\d statuses and files .* done .*enter shows them", text)
        assert "status FINISHED" not in text
        assert "target" in text, "each line names what it is about at any width"
        await pilot.press("j", "j", "j", "enter")
        await settle(pilot)
        lines = [line for line in screen_text(app).splitlines() if "status FINISHED" in line]
        assert len(lines) > 5
        assert all("quick-otter-31" in line for line in lines)
        await pilot.press("j")
        await settle(pilot)
        keys = screen_text(app).splitlines()[-1]
        for word in ("edit", "retry", "take back"):
            assert word not in keys, "a finished write can't be changed"
        details = app.screen._details.text  # type: ignore[attr-defined]
        assert "end         14:0" in details, "times are clock times"
        assert str(NOW_MS - 120_000) not in details
        await pilot.press("R")
        await settle(pilot)
        assert "It is done" in said(app)


@pytest.mark.parametrize(("key", "state"), [("a", EntryState.PENDING), ("d", EntryState.CANCELLED)])
async def test_a_person_settles_a_submission_in_doubt(
    scene: Scene, key: str, state: EntryState
) -> None:
    entry = next(e for e in open_entries(scene.session.store.connection) if e.kind == "submit")
    with scene.session.store.transaction() as connection:
        connection.execute(
            "UPDATE outbox SET state = 'unsure', attempts = 2,"
            " payload = json_set(payload, '$.in_doubt', json('true')) WHERE id = ?",
            (entry.id,),
        )
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_go_outbox()
        await settle(pilot)
        await pilot.press("j")
        await settle(pilot)
        text = screen_text(app)
        assert "unsure" in text
        assert "nobody can tell" in text
        assert "at most one training runs" in text
        assert "e decide" in text.splitlines()[-1]
        await pilot.press("u")
        await settle(pilot)
        assert "It may have been submitted" in said(app)
        await pilot.press("e")
        await settle(pilot)
        assert isinstance(app.screen, VerbDialog)
        assert "submit it again" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        connection = scene.session.store.connection
        assert get_entry(connection, entry.id).state is EntryState.UNSURE, (
            "enter alone decides nothing"
        )
        await pilot.press("e", key)
        await settle(pilot)
        assert get_entry(connection, entry.id).state is state


def test_reasons_are_said_in_words_of_people() -> None:
    call = "mlflow.example does not answer. GET users/current: "
    after = ". Reading goes on from what is stored here; what you do waits in the outbox"
    for words, brief in (
        ("[Errno 111] Connection refused", "connection refused"),
        ("All connection attempts failed", "no connection"),
        ("[Errno -2] Name or service not known", "name not found"),
        ("no answer in time", "no answer in time"),
    ):
        assert brief_reason(call + words + after) == f"mlflow.example does not answer ({brief})"
    assert brief_reason("The server refuses POST runs/set-tag. Too long") == (
        "The server refuses it. Too long"
    )
    assert brief_reason("uni was not reached. No route") == "uni was not reached. No route"
