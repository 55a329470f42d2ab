"""The program as a whole: first layer, keys that say why, palette, command line, news, themes, leaving."""

from __future__ import annotations

import pytest

from mantik_tui.app import MantikApp
from mantik_tui.domain.errors import MantikError
from mantik_tui.screens.frame_lines import ENGINE_OFF, ENGINE_ON
from mantik_tui.screens.help import HelpScreen
from mantik_tui.screens.project import ProjectScreen
from mantik_tui.screens.projects import ProjectsScreen
from mantik_tui.screens.runs import RunsScreen
from mantik_tui.screens.welcome import WelcomeScreen
from mantik_tui.store.connect import Store
from mantik_tui.store.writes.jobs import add_notice
from mantik_tui.widgets.dialogs import ConfirmDialog, ErrorDialog
from mantik_tui.widgets.frame import StatusLine
from mantik_tui.workspace import notices, reads
from mantik_tui.workspace.session import Session
from tests.support.store_fill import NOW_MS
from tests.support.ui import FakeEngine, make_app, make_session, said, screen_text, settle, until

SIZES = [(80, 24), (120, 40), (200, 60), (60, 20)]


def shows(app: MantikApp, kind: type[object]) -> bool:
    """Whether a screen of this kind is in sight."""
    return isinstance(app.screen, kind)


async def type_text(pilot: object, text: str) -> None:
    names = {" ": "space", ":": "colon", "<": "less_than_sign", ".": "full_stop", "-": "minus"}
    await pilot.press(*(names.get(sign, sign) for sign in text))  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", SIZES)
async def test_the_first_layer_is_the_projects_and_escape_never_quits(
    size: tuple[int, int],
) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, ProjectsScreen)
        await pilot.press("escape", "escape")
        assert isinstance(app.screen, ProjectsScreen)
        text = screen_text(app)
        assert "wind power ensemble" in text
        assert "as of 14:04" in text
        assert "? help" in text


async def test_without_a_workspace_the_first_layer_is_welcome() -> None:
    app = make_app(filled=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, WelcomeScreen)
        await pilot.press("a")
        assert "start the demo first" in said(app)


async def test_a_key_that_can_not_be_used_says_why() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("n")
        await pilot.pause()
        assert "Projects are made on the server" in said(app)


async def test_help_lists_every_key_of_the_screen_and_narrows() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        whole = app.screen._text.text
        for words in ("filter", "columns", "outbox", "quit", "half down", ":projects"):
            assert words in whole
        await pilot.press("slash")
        await type_text(pilot, "outbox")
        await until(pilot, lambda: "half down" not in app.screen._text.text)  # type: ignore[attr-defined]
        assert "Show pending writes." in app.screen._text.text
        await pilot.press("enter", "escape")
        assert shows(app, ProjectsScreen)


async def test_the_command_line_opens_runs_with_a_filter_and_projects_by_name() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("colon")
        await type_text(pilot, "runs status:failed")
        await pilot.press("enter")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        assert screen.run_list is not None
        await until(pilot, lambda: screen.run_list.table.row_count == 67)  # type: ignore[union-attr]
        await pilot.press("escape", "colon")
        await type_text(pilot, "project hail")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, ProjectScreen)
        assert app.screen.project.name == "hail nowcasting"


async def test_the_command_line_completes_and_says_what_it_does_not_know() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("colon")
        await type_text(pilot, "outb")
        await pilot.press("tab")
        assert app.screen._input.value == "outbox "  # type: ignore[attr-defined]
        await pilot.press("escape", "colon")
        await type_text(pilot, "nonsense")
        await pilot.press("enter")
        await pilot.pause()
        assert "no command :nonsense" in said(app)


async def test_keys_that_arrive_at_once_go_where_the_ones_before_them_lead() -> None:
    """Over a slow line `/quick` comes in one piece: its q must not quit, nor may its c compare."""
    from textual import events

    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for sign in "/quick":
            app.post_message(events.Key("slash" if sign == "/" else sign, sign))
        await until(pilot, lambda: " / quick" in screen_text(app))
        assert shows(app, ProjectsScreen)
        await pilot.press("escape", "escape")
        await settle(pilot)
        for sign in ":project hail":
            name = {":": "colon", " ": "space"}.get(sign, sign)
            app.post_message(events.Key(name, sign))
        app.post_message(events.Key("enter", None))
        await until(pilot, lambda: "▸ hail nowcasting ▸ overview" in screen_text(app))


async def test_a_key_whose_widget_is_gone_holds_up_no_other() -> None:
    from textual import events

    from mantik_tui.screens.key_order import KeyHandled

    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        key = events.Key("x", "x")
        app._keys.passed(key)
        app._keys._under_way_since = key.time  # as if its sign had been lost on the way
        app.post_message(events.Key("question_mark", "?"))
        await until(pilot, lambda: shows(app, HelpScreen))
        assert KeyHandled.bubble


async def test_the_palette_offers_the_screens_actions_and_the_projects() -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+p")
        await settle(pilot)
        await type_text(pilot, "hail")
        await settle(pilot)
        await until(pilot, lambda: "project hail nowcasting" in screen_text(app))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, ProjectScreen))


async def test_news_from_the_engine_repaint_what_is_in_sight() -> None:
    engine = FakeEngine()
    session = make_session(engine=engine)
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        other = Store(session.store.path)
        with other.transaction() as connection:
            connection.execute("UPDATE project SET name = 'renamed by maria' WHERE id = 2")
        other.close()
        engine.say("changed", tables=["project"])
        await until(pilot, lambda: "renamed by maria" in screen_text(app))


async def test_a_lost_notice_leaves_no_stale_screen_on_focus() -> None:
    session = make_session()
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        other = Store(session.store.path)
        with other.transaction() as connection:
            connection.execute("UPDATE project SET name = 'renamed by maria' WHERE id = 2")
        other.close()
        app.on_app_focus()
        await until(pilot, lambda: "renamed by maria" in screen_text(app))


async def test_what_ended_meanwhile_is_said_once() -> None:
    session = make_session()
    with session.store.transaction() as connection:
        for name in ("calm-owl", "bold-fox", "keen-elk"):
            add_notice(connection, "ended", f"{name} FINISHED", NOW_MS)
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "3 runs ended while you were away" in said(app)
        assert notices.untold(session) == []
        assert len(session.read(reads.jobs.unseen_notices)) > 0, (
            "the active screen lists them still"
        )


async def test_what_ends_meanwhile_stands_on_the_status_line_and_rings_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mantik_tui.screens import notices

    rung: list[str] = []
    monkeypatch.setattr(notices, "to_terminal", lambda _app, text: rung.append(text))
    engine = FakeEngine()
    session = make_session(engine=engine)
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.has_focus = None
        with session.store.transaction() as connection:
            add_notice(connection, "ended", "calm-owl FAILED: out of memory", NOW_MS)
        engine.say("changed", tables=["run", "notice"])
        await until(pilot, lambda: "calm-owl FAILED: out of memory" in screen_text(app))
        engine.say("changed", tables=["run", "notice"])
        await settle(pilot)
        assert rung == ["calm-owl FAILED: out of memory"]


async def test_without_an_engine_everything_can_be_read_and_the_top_line_says_so() -> None:
    app = MantikApp(make_session(engine=FakeEngine(running=False)))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.engine_state == ENGINE_OFF)
        await settle(pilot)
        assert "engine is off" in screen_text(app)
        assert "wind power ensemble" in screen_text(app)


async def test_an_engine_that_died_is_started_again() -> None:
    engine = FakeEngine()
    app = MantikApp(make_session(engine=engine))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.engine_state == ENGINE_ON)
        engine.say("engine-lost")
        await until(pilot, lambda: app.engine_state == ENGINE_OFF)
        await until(pilot, lambda: app.engine_state == ENGINE_ON)


async def test_an_engine_that_keeps_dying_is_tried_again_less_and_less_often() -> None:
    engine = FakeEngine()
    app = MantikApp(make_session(engine=engine))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.engine_state == ENGINE_ON)
        pauses: list[float] = []
        for _ in range(8):
            app._engine_lost()
            assert app._wake_timer is not None
            pauses.append(app._wake_timer._interval)
        assert pauses[:4] == [1, 2, 4, 8]
        assert pauses[-1] == 60
        await settle(pilot)
        assert "ctrl+r starts the engine" in screen_text(app)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: app.engine_state == ENGINE_ON)
        await settle(pilot)
        assert "engine is off" not in screen_text(app)
        assert app._wake_timer is None


async def test_a_screen_opened_before_the_first_paint_has_its_styles_and_an_engine() -> None:
    engine = FakeEngine()
    app = MantikApp(make_session(engine=engine))
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_log(1)
        await until(pilot, lambda: app.engine_state == ENGINE_ON)
        await settle(pilot)
        assert app.screen.query_one("#log-head").styles.max_height is not None


@pytest.mark.parametrize("state", ["refused", "not mlflow", "offline", "needs login", "odd"])
async def test_a_server_that_gives_nothing_says_why(state: str) -> None:
    session = make_session()
    with session.store.transaction() as connection:
        connection.execute(
            "UPDATE workspace SET state = ?, reason = '403 from mlflow.example'", (state,)
        )
        connection.execute("DELETE FROM project_stat")
        connection.execute("UPDATE experiment SET project_id = NULL")
        connection.execute("UPDATE run SET project_id = NULL")
        connection.execute("DELETE FROM project")
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "No projects yet: 403 from mlflow.example" in text
        assert text.split("\n")[-2].rstrip().endswith("403 from mlflow.example")


async def test_another_host_that_sends_is_named() -> None:
    session = make_session()
    with session.store.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO lease (id, host, boot_id, pid, epoch, renewed_ms)"
            " VALUES (1, 'jwlogin08', 'x', 7, 3, ?)",
            (NOW_MS - 5_000,),
        )
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "jwlogin08 sends" in screen_text(app)
        session.now_ms = lambda: NOW_MS + 600_000
        app.screen.refresh_status()  # type: ignore[attr-defined]
        await pilot.pause()
        assert "jwlogin08" not in screen_text(app)


async def test_leaving_says_what_is_unsent() -> None:
    session = make_session()
    from mantik_tui.workspace import runs

    runs.set_tag(session, 4, "label", "best")
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "1 write pending" in screen_text(app)
        await pilot.press("q")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmDialog)
        assert "set tag label=best" in screen_text(app)
        await pilot.press("escape")
        assert app.is_running
        await pilot.press("q", "y")
        await until(pilot, lambda: app._exit)


async def test_leaving_promises_nothing_for_what_needs_a_person() -> None:
    session = make_session()
    from mantik_tui.workspace import runs

    runs.set_tag(session, 4, "label", "best")
    runs.set_tag(session, 5, "label", "worst")
    with session.store.transaction() as connection:
        connection.execute(
            "UPDATE outbox SET state = 'blocked', error = 'refused' WHERE what LIKE '%worst%'"
        )
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("q")
        await pilot.pause()
        text = " ".join(screen_text(app).split())
        assert "2 writes are not sent yet" in text
        going, _, stuck = text.partition("goes on sending")
        assert "label=best" in going and "label=worst" not in going
        assert "label=worst" in stuck
        assert "This one needs you and is not sent before" in stuck


async def test_many_that_end_within_a_minute_are_said_together() -> None:
    engine = FakeEngine()
    session = make_session(engine=engine)
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        for name in ("calm-owl", "bold-fox", "keen-elk"):
            with session.store.transaction() as connection:
                add_notice(connection, "ended", f"{name} FINISHED", NOW_MS)
            engine.say("changed", tables=["run", "notice"])
            await until(pilot, lambda name=name: f"{name} FINISHED" in screen_text(app))  # type: ignore[misc]
            await settle(pilot)
        assert "3 runs ended, last keen-elk FINISHED; a shows them" in screen_text(app)
        assert said(app) == ""


async def test_the_news_at_the_start_take_one_line_and_leave_the_card_in_sight() -> None:
    session = make_session()
    with session.store.transaction() as connection:
        for number in range(10):
            add_notice(connection, "ended", f"calm-owl-{number} FINISHED", NOW_MS)
    app = MantikApp(session)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.pause()
        text = screen_text(app)
        assert "10 runs ended while you were away; a shows them" in text
        assert text.count("runs ended") == 1
        assert "best " in text and "latest " in text


async def test_keys_that_can_not_be_taken_are_said_once_at_the_start() -> None:
    from mantik_tui import paths

    paths.config_file().parent.mkdir(parents=True, exist_ok=True)
    paths.config_file().write_text('[keys]\ngo-outboks = "f12"\nhelp = "ctrl+nonsense"\n')
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "keys.go-outboks: no action has this id (and 1 more" in said(app)
        assert "Did you mean go-outbox?" in said(app)


async def test_a_projects_configurations_are_one_key_away() -> None:
    from mantik_tui.screens.configs import ConfigsScreen

    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.open_project(2)
        await settle(pilot)
        await pilot.press("i")
        await settle(pilot)
        assert isinstance(app.screen, ConfigsScreen)
        assert app.screen.project_id == 2
        await pilot.press("escape", "escape", "i")
        await settle(pilot)
        assert isinstance(app.screen, ConfigsScreen)
        assert app.screen.project_id is None


async def test_the_palette_tells_what_is_of_this_screen() -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: "here · " in screen_text(app))
        await type_text(pilot, "outbox")
        await until(pilot, lambda: "everywhere · Show pending writes." in screen_text(app))


async def test_a_theme_is_kept_for_next_time() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("colon")
        await type_text(pilot, "theme high-contrast")
        await pilot.press("enter")
        await settle(pilot)
        assert app.theme == "high-contrast"
    again = MantikApp(make_session_again())
    async with again.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert again.theme == "high-contrast"


def make_session_again() -> Session:
    return make_session(filled=False)


@pytest.mark.parametrize(
    "theme", ["ansi-dark", "ansi-light", "high-contrast", "textual-light", "gone"]
)
async def test_every_theme_paints_and_an_unknown_one_is_said(theme: str) -> None:
    from mantik_tui.settings import write_setting

    write_setting("theme", theme)
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "wind power ensemble" in screen_text(app)
        assert (app.theme == theme) != ("no theme called" in said(app))


async def test_a_users_keymap_changes_keys_and_what_is_shown() -> None:
    from mantik_tui import paths

    paths.config_file().parent.mkdir(parents=True, exist_ok=True)
    paths.config_file().write_text('[keys]\ngo-outbox = "f12"\nhelp = "f3,?"\n')
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "f12 outbox" in screen_text(app)
        await pilot.press("f3")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        assert "f12" in app.screen._text.text


async def test_a_verb_that_fails_is_a_dialog_and_a_defect_leaves_a_trace() -> None:
    from mantik_tui import paths

    def fails(_session: Session) -> None:
        raise MantikError("It failed", "because", "try later")

    def breaks(_session: Session) -> None:
        raise ValueError("a defect")

    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        screen = app.top_screen
        assert screen is not None
        screen.run_verb(fails)
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await pilot.pause()
        assert "try later" in screen_text(app)
        await pilot.press("escape")
        screen.run_verb(breaks)
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
    assert "ValueError: a defect" in (paths.log_dir() / "defects.log").read_text()


async def test_the_status_line_names_what_needs_a_person() -> None:
    session = make_session()
    from mantik_tui.workspace import runs

    entry = runs.set_tag(session, 4, "label", "best")
    with session.store.transaction() as connection:
        connection.execute("UPDATE outbox SET state = 'blocked' WHERE id = ?", (entry,))
        connection.execute("UPDATE workspace SET state = 'offline', reason = 'timed out'")
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        status = app.screen.query_one(StatusLine).status
        assert (status.pending_writes, status.need_person) == (1, 1)
        assert status.notice == "timed out"
        assert "offline" in screen_text(app)
