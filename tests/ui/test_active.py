"""The active screen: everything that runs or waits, and what ended meanwhile."""

from __future__ import annotations

import pytest

from mantik_tui.domain.job import JobState
from mantik_tui.screens.active import ActiveScreen
from mantik_tui.screens.run import RunScreen
from mantik_tui.store.reads.jobs import open_entries, unseen_notices
from mantik_tui.store.writes import jobs
from tests.support.run_scene import MINUTE, Scene, Seen, make_scene
from tests.support.store_fill import NOW_MS
from tests.support.ui import make_app, said, screen_text, settle, until


@pytest.fixture
def scene() -> Scene:
    return make_scene()


def row_of(text: str, name: str) -> str:
    return next((line for line in text.splitlines() if f" {name} " in line), "")


async def test_each_line_says_state_time_metric_and_why(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(170, 30)) as pilot:
        app.action_go_active()
        await settle(pilot)
        text = screen_text(app)
        running = row_of(text, "quick-otter-31")
        assert "running" in running
        assert "45:00/2:00:00" in running
        assert "rmse 0.04083" in running
        assert "4711021" in running
        assert "waits for a free slot, 2 before it" in row_of(text, "bold-lynx-2")
        unsent = row_of(text, "stern-owl-9")
        assert "unsent" in unsent
        assert "uni was not reached. The network is unreachable" in unsent


async def test_what_ended_meanwhile_stands_on_top_until_it_was_seen(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 30)) as pilot:
        app.action_go_active()
        await settle(pilot)
        text = screen_text(app)
        assert "1 ended since you last looked here" in text
        assert "FAILED" in row_of(text, "stern-owl-8")
        assert text.index("stern-owl-8") < text.index("quick-otter-31")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        assert app.screen.run_id == scene.failed
        await pilot.press("escape")
        await settle(pilot)
        assert "1 ended since you last looked here" in screen_text(app), (
            "looking at one has not seen all"
        )
        await pilot.press("escape")
        await until(pilot, lambda: not unseen_notices(scene.session.store.connection))
        app.action_go_active()
        await settle(pilot)
        assert "since you last looked" not in screen_text(app)
        assert "stern-owl-8" not in screen_text(app)


async def test_80x24_shows_what_does_not_fit_below(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_go_active()
        await settle(pilot)
        await pilot.press("G")
        await settle(pilot)
        assert "uni was not reached. The network is unreachable; next try" in screen_text(app)


async def test_elapsed_grows_once_a_minute_and_only_while_something_runs(scene: Scene) -> None:
    now = [NOW_MS]
    scene.session.now_ms = lambda: now[0]
    app = make_app(scene.session)
    async with app.run_test(size=(120, 30)) as pilot:
        app.action_go_active()
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, ActiveScreen)
        assert screen._tick is not None
        now[0] += MINUTE
        screen._minute()
        await settle(pilot)
        assert "46:00/2:00:00" in screen_text(app)
        seen = Seen(JobState.FINISHED, started_ms=NOW_MS - 45 * MINUTE, ended_ms=now[0])
        scene.session.write(jobs.note_seen, scene.running, 1, seen, now[0])
        scene.engine.say("changed", tables=["job", "run", "notice"])
        await until(pilot, lambda: "2 ended since you last looked here" in screen_text(app))
        assert screen._tick is None, "nothing runs any more, so nothing is repainted"


async def test_cancelling_an_unsent_run_takes_it_back(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 30)) as pilot:
        app.action_go_active()
        await settle(pilot)
        await pilot.press("G", "X")
        await settle(pilot)
        assert "not submitted yet" in screen_text(app)
        await pilot.press("y")
        await settle(pilot)
        assert "stern-owl-9 was taken back" in said(app)
        await until(pilot, lambda: not row_of(screen_text(app), "stern-owl-9"))
        assert not any(e.kind == "submit" for e in open_entries(scene.session.store.connection))


async def test_an_ended_line_cannot_be_cancelled_and_says_so(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 30)) as pilot:
        app.action_go_active()
        await settle(pilot)
        await pilot.press("X")
        await settle(pilot)
        assert "Its job has ended: failed" in said(app)


async def test_nothing_active_says_how_to_start() -> None:
    scene = make_scene()
    with scene.session.store.transaction() as connection:
        connection.execute("UPDATE run SET status = 'FINISHED'")
        connection.execute("UPDATE outbox SET state = 'done'")
        connection.execute("UPDATE notice SET seen = 1")
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_go_active()
        await settle(pilot)
        assert "Nothing runs or waits" in screen_text(app)


async def test_many_news_leave_what_runs_in_sight(scene: Scene) -> None:
    with scene.session.store.transaction() as connection:
        for number in range(40):
            jobs.add_notice(connection, "ended", f"run {number} FINISHED", NOW_MS, scene.failed)
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_go_active()
        await settle(pilot)
        text = screen_text(app)
        assert "41 ended since you last looked here   the newest 5 here" in text
        assert row_of(text, "quick-otter-31")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_an_ended_line_begins_with_its_cause_and_keeps_project_and_time(
    scene: Scene, size: tuple[int, int]
) -> None:
    with scene.session.store.transaction() as connection:
        connection.execute("UPDATE run SET cause = 'exit code 1' WHERE id = ?", (scene.failed,))
    app = make_app(scene.session)
    async with app.run_test(size=size) as pilot:
        app.action_go_active()
        await settle(pilot)
        line = row_of(screen_text(app), "stern-owl-8")
        assert "exit code 1" in line
        assert "FAILED" in line
        assert "wind power" in line
        assert "13:00" in line, "how long it ran"
        assert ("rmse" in line) == (size[0] >= 120)
        running = row_of(screen_text(app), "quick-otter-31")
        assert "wind power" in running
        assert "45:00/2:00:00" in running


async def test_what_ended_before_the_eyes_is_not_told_again_but_older_news_stay(
    scene: Scene,
) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(pilot)
        app.open_run(scene.running)
        await settle(pilot)
        seen = Seen(JobState.FINISHED, started_ms=NOW_MS - 45 * MINUTE, ended_ms=NOW_MS)
        scene.session.write(jobs.note_seen, scene.running, 1, seen, NOW_MS)
        scene.engine.say("changed", tables=["job", "run", "notice"])
        await until(pilot, lambda: "FINISHED" in screen_text(app).splitlines()[0])
        await settle(pilot)
        left = unseen_notices(scene.session.store.connection)
        assert [notice.run_id for notice in left] == [scene.failed]
