"""The log's own screen: what is here at once, what is new as it comes, why there is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mantik_tui.domain.errors import Offline
from mantik_tui.screens.log import LogScreen
from mantik_tui.store.reads.jobs import get_log
from mantik_tui.store.writes import jobs
from mantik_tui.widgets.log_pane import log_name
from mantik_tui.workspace.session import Session
from tests.support.run_scene import Scene, make_scene
from tests.support.store_fill import NOW_MS
from tests.support.ui import make_app, said, screen_text, settle, until


@pytest.fixture
def scene() -> Scene:
    return make_scene()


def append(session: Session, run_id: int, text: str) -> None:
    """As the engine appends to the copy here."""
    log = get_log(session.store.connection, run_id)
    assert log is not None
    with Path(log.path).open("a") as file:
        file.write(text)
    session.write(jobs.note_log, run_id, log.path, log.size + len(text), False, NOW_MS)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_it_opens_at_the_end_with_state_and_age(scene: Scene, size: tuple[int, int]) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=size) as pilot:
        app.open_log(scene.running)
        await settle(pilot)
        text = screen_text(app)
        assert "epoch  80/120" in text
        assert "RUNNING on this-machine" in text
        assert "so far, as of 14:04" in text
        assert "following" in text


async def test_new_lines_come_in_while_it_is_open(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_log(scene.running)
        await settle(pilot)
        watched = [args for verb, args in scene.engine.told if verb == "watch"]
        assert watched[-1]["log"] == scene.running
        append(scene.session, scene.running, "epoch  81/120  loss 0.0410\n")
        scene.engine.say("changed", tables=["log"])
        await until(pilot, lambda: "epoch  81/120" in screen_text(app))
        await pilot.press("escape")
        await settle(pilot)
        watched = [args for verb, args in scene.engine.told if verb == "watch"]
        assert watched[-1]["log"] is None


async def test_a_paused_log_stays_where_it_is(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_log(scene.running)
        await settle(pilot)
        await pilot.press("g")
        await settle(pilot)
        assert "loading era5-2020" in screen_text(app)
        append(scene.session, scene.running, "epoch  81/120\n")
        scene.engine.say("changed", tables=["log"])
        await until(pilot, lambda: "1 new line" in screen_text(app))
        assert "loading era5-2020" in screen_text(app)
        await pilot.press("F")
        await until(pilot, lambda: "epoch  81/120" in screen_text(app))


async def test_of_a_failed_run_it_says_why_over_the_log(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_log(scene.failed)
        await settle(pilot)
        text = screen_text(app)
        assert "complete, as of" in text
        assert "needed more memory" in text
        assert "can not allocate 12.4 GB!" in text
        assert "\x1b" not in text
        assert "fetch-log" not in [verb for verb, _ in scene.engine.asked], "it is complete here"


async def test_offline_the_copy_is_readable_and_says_that_it_is_not_newer(scene: Scene) -> None:
    scene.engine.answers["fetch-log"] = Offline("this-machine was not reached", "no route")
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_log(scene.running)
        await settle(pilot)
        assert isinstance(app.screen, LogScreen)
        text = screen_text(app)
        assert "epoch  80/120" in text
        assert "not newer: this-machine was not reached. no route" in text


async def test_without_a_log_it_says_why_and_what_helps(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 30)) as pilot:
        for run_id, words in (
            (
                scene.queued,
                "The job waits in the queue of this-machine: waits for a free slot, 2 before it.",
            ),
            (scene.unsent, "stern-owl-9 has not been submitted yet"),
            (scene.foreign, "this run was not submitted from here"),
        ):
            app.open_log(run_id)
            await settle(pilot)
            assert words in screen_text(app)
            await pilot.press("escape")
            await settle(pilot)


async def test_the_log_appears_when_the_job_begins(scene: Scene, tmp_path: Path) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 30)) as pilot:
        app.open_log(scene.queued)
        await settle(pilot)
        log = tmp_path / "fresh.log"
        log.write_text("first line\n")
        scene.session.write(jobs.note_log, scene.queued, str(log), 11, False, NOW_MS)
        scene.engine.say("changed", tables=["log"])
        await until(pilot, lambda: "first line" in screen_text(app))


def test_the_name_that_is_offered_is_safe() -> None:
    assert log_name("quick-otter-31") == "quick-otter-31.log"
    assert log_name("../../etc/pass\nwd\x1b[31m") == "etc-pass-wd.log"
    assert log_name("\t/\n") == "run.log"
    assert len(log_name("x" * 2_000)) < 100


async def test_saving_offers_the_runs_name_and_says_why_not_without_a_log(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_log(scene.running)
        await settle(pilot)
        await pilot.press("D")
        await settle(pilot)
        assert "save as quick-otter-31.log" in screen_text(app)
        await pilot.press("escape", "escape")
        app.open_log(scene.queued)
        await settle(pilot)
        await pilot.press("D")
        await settle(pilot)
        assert "There is no log to save yet" in said(app)


async def test_it_is_searched_and_saved(scene: Scene, tmp_path: Path) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_log(scene.running)
        await settle(pilot)
        await pilot.press("slash", *"era5", "enter")
        await until(pilot, lambda: "loading era5-2020" in screen_text(app))
        target = tmp_path / "kept.log"
        await pilot.press("D")
        await pilot.press("ctrl+u", *str(target), "enter")
        await until(pilot, lambda: target.exists())
        await until(pilot, lambda: "Saved as" in said(app))
