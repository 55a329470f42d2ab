"""First steps: the demo, connecting a server, offers of the environment."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mantik_tui.app import MantikApp
from mantik_tui.domain.errors import NeedsLogin, Offline
from mantik_tui.screens.connect import ConnectScreen
from mantik_tui.screens.projects import ProjectsScreen
from mantik_tui.screens.welcome import WelcomeScreen
from mantik_tui.settings import load_settings, write_profile
from mantik_tui.workspace import demo_start
from mantik_tui.workspace.session import Session
from tests.support.ui import FakeEngine, make_session, screen_text, settle, until
from tests.ui.test_app import type_text


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def session(engine: FakeEngine) -> Session:
    return make_session(filled=False, engine=engine)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 20)])
async def test_it_offers_the_demo_and_a_server(session: Session, size: tuple[int, int]) -> None:
    app = MantikApp(session)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "Try the demo" in text
        assert "Connect a server" in text


async def test_a_server_is_connected_and_says_what_works(
    session: Session, engine: FakeEngine
) -> None:
    engine.answers["login"] = {
        "version": "3.17.2", "user": "maria", "what": ["4 experiments can be read, 2 of them are projects"],
    }  # fmt: skip
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "enter")
        assert isinstance(app.screen, ConnectScreen)
        await type_text(pilot, "https://mlflow.example.org")
        await pilot.press("enter")
        await type_text(pilot, "maria")
        await pilot.press("enter")
        await type_text(pilot, "secret")
        assert "secret" not in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "Connected to MLflow 3.17.2 as maria" in screen_text(app))
        assert "2 of them are projects" in screen_text(app)
        asked = next(args for verb, args in engine.asked if verb == "login")
        assert (asked["tracking_uri"], asked["username"], asked["secret"], asked["auth"]) == (
            "https://mlflow.example.org", "maria", "secret", "basic",
        )  # fmt: skip
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, ProjectsScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, ProjectsScreen)
    profile = load_settings().workspaces["mlflow.example.org"]
    assert profile.username == "maria"


@pytest.mark.parametrize(
    "problem",
    [
        NeedsLogin(
            "The server refused the login", "401 from mlflow.example.org", "Check the password"
        ),
        Offline("mlflow.example.org does not answer", "timed out", "Is a VPN needed?"),
    ],
)
async def test_what_the_server_answers_is_said_and_the_form_stays(
    session: Session, engine: FakeEngine, problem: Exception
) -> None:
    engine.answers["login"] = problem
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "enter")
        await type_text(pilot, "mlflow.example.org")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: getattr(problem, "cause", "?") in screen_text(app))
        assert "mlflow.example.org" in screen_text(app)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, WelcomeScreen)
    assert load_settings().workspaces == {}


async def test_an_address_that_is_none_is_refused_without_asking(
    session: Session, engine: FakeEngine
) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "enter")
        await type_text(pilot, "ftp://x")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "is not the address" in screen_text(app))
    assert not [verb for verb, _ in engine.asked if verb == "login"]


async def test_a_server_named_by_the_environment_is_offered_with_its_login(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.hpc.example")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "tom")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "geheim")
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "https://mlflow.hpc.example as tom" in screen_text(app)
        await pilot.press("enter")
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, ConnectScreen)
        assert screen._value("user") == "tom"
        assert screen._value("password") == "geheim"
        assert "geheim" not in screen_text(app)


async def test_a_password_in_the_address_is_never_shown_but_taken_over(
    session: Session, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tom:ge%2Fheim@mlflow.hpc.example:5000/x")
    monkeypatch.setenv("MANTIK_USERNAME", "tom")
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "http://mlflow.hpc.example:5000/x as tom" in text
        assert text.count("Connect this server") == 1
        await pilot.press("enter")
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, ConnectScreen)
        assert [screen._value(name) for name in ("address", "user", "password")] == [
            "http://mlflow.hpc.example:5000/x", "tom", "ge/heim",
        ]  # fmt: skip
        assert "heim" not in screen_text(app)


async def test_a_login_typed_into_the_address_goes_to_its_own_fields(
    session: Session, engine: FakeEngine
) -> None:
    engine.answers["login"] = {"version": "3.17.2"}
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "enter")
        screen = app.screen
        assert isinstance(screen, ConnectScreen)
        from textual.widgets import Input

        screen.query_one("#connect-address", Input).value = "https://maria:secret@mlflow.example"
        await pilot.press("enter")
        await until(pilot, lambda: "Connected to MLflow" in screen_text(app))
        asked = next(args for verb, args in engine.asked if verb == "login")
        assert (asked["tracking_uri"], asked["username"], asked["secret"]) == (
            "https://mlflow.example", "maria", "secret",
        )  # fmt: skip
        assert screen._value("address") == "https://mlflow.example"
        assert screen._value("user") == "maria"
        assert "secret" not in screen_text(app)


async def test_a_ca_file_that_is_not_there_is_said_before_anything_is_asked(
    session: Session, engine: FakeEngine
) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "enter")
        await type_text(pilot, "https://mlflow.example.org")
        await pilot.press("down", "down", "down")
        await type_text(pilot, "~/no-such.pem")
        await pilot.press("enter")
        await until(pilot, lambda: "There is no such CA file: ~/no-such.pem" in screen_text(app))
    assert not [verb for verb, _ in engine.asked if verb == "login"]


async def test_the_key_line_offers_what_helps_here(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        keys = screen_text(app).split("\n")[-1]
        assert "q quit" in keys
        for words in ("mark", "active", "outbox", "configs"):
            assert words not in keys
        assert "…" not in screen_text(app)


async def test_the_demo_shows_its_progress_and_ends_at_the_projects(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def start(session: Session, progress: Any) -> list[str]:
        progress("laying out the projects")
        go_on.wait(10)
        write_profile("workspaces", "demo", {"tracking_uri": "http://127.0.0.1:1"})
        session.reload("demo")
        return ["MLflow server   http://127.0.0.1:1"]

    monkeypatch.setattr(demo_start, "start_demo", start)
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: "laying out the projects" in screen_text(app))
        engine = session.engine
        assert isinstance(engine, FakeEngine)
        engine.say("progress", kind="demo", text="the server listens")
        await until(pilot, lambda: "the server listens" in screen_text(app))
        go_on.set()
        await until(pilot, lambda: isinstance(app.screen, ProjectsScreen))


async def test_a_demo_that_can_not_start_says_why_and_what_helps(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(session: Session, progress: Any) -> list[str]:
        raise Offline(
            "The demo's server does not start",
            "mlflow is missing",
            "pip install mantik-tui[server]",
        )

    monkeypatch.setattr(demo_start, "start_demo", start)
    app = MantikApp(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "pip install mantik-tui[server]" in screen_text(app))
        assert isinstance(app.screen, WelcomeScreen)


async def test_a_workspace_that_is_set_up_is_opened_from_here(engine: FakeEngine) -> None:
    session = make_session(engine=engine)
    with session.store.transaction() as connection:
        connection.execute(
            "INSERT INTO workspace (name, tracking_uri) VALUES ('other', 'https://other.example')"
        )
    app = MantikApp(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.action_go_welcome()
        await settle(pilot)
        await pilot.press("j", "enter")
        await until(pilot, lambda: session.workspace.name == "other")
        await until(pilot, lambda: "No projects yet" in screen_text(app))
