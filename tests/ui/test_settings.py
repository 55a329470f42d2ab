"""The settings screen."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from mantik_tui import paths
from mantik_tui.screens.config_file import take_config
from mantik_tui.screens.run_records import TextDialog
from mantik_tui.screens.settings import SettingsScreen
from mantik_tui.screens.text_editing import editor_command
from mantik_tui.settings import load_settings, write_profile
from mantik_tui.store.writes.setup import put_workspace
from tests.support.run_scene import Scene, make_scene
from tests.support.ui import make_app, said, screen_text, settle, until


@pytest.fixture
def scene() -> Scene:
    return make_scene()


def go_to(screen: SettingsScreen, name: str) -> None:
    table = screen._table
    for position in range(table.row_count):
        table.go_to(position)
        row = table.cursor_row
        if row is not None and row.name == name:
            return
    raise AssertionError(f"no setting {name}")


async def test_it_shows_workspace_preferences_places_and_versions(scene: Scene) -> None:
    scene.engine.answers["status"] = {
        "version": "0.1.0",
        "pid": 4242,
        "sends": True,
        "sender": "login01",
    }
    app = make_app(scene.session)
    async with app.run_test(size=(220, 40)) as pilot:
        app.action_go_settings()
        await until(pilot, lambda: "0.1.0, process 4242" in screen_text(app))
        text = screen_text(app)
        for words in ("https://mlflow.example.org, tom (none)", "textual-dark", str(paths.config_file())[:40],
                      str(paths.database())[:40], "MLflow server"):  # fmt: skip
            assert words in text


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_it_fits_small_terminals(scene: Scene, size: tuple[int, int]) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=size) as pilot:
        app.action_go_settings()
        await settle(pilot)
        assert "mouse" in screen_text(app)


async def test_a_switch_is_turned_in_place_and_kept_in_the_file(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_settings()
        await settle(pilot)
        assert isinstance(app.screen, SettingsScreen)
        go_to(app.screen, "notifications")
        await pilot.press("enter")
        await settle(pilot)
        assert load_settings().notifications is False
        assert scene.session.settings.notifications is False
        row = app.screen._table.cursor_row
        assert row is not None
        assert (row.name, row.value) == ("notifications", "off")


async def test_the_editor_is_typed(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_settings()
        await settle(pilot)
        assert isinstance(app.screen, SettingsScreen)
        go_to(app.screen, "editor")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("ctrl+u", *"nano", "space", "minus", "w", "enter")
        await settle(pilot)
        assert load_settings().editor == "nano -w"
        assert editor_command(load_settings().editor) == ["nano", "-w"]


async def test_another_workspace_is_opened_and_stays_the_one_that_opens(scene: Scene) -> None:
    write_profile(
        "workspaces", "hpc-group", {"tracking_uri": "https://mlflow.example.org", "username": "tom"}
    )
    write_profile("workspaces", "other", {"tracking_uri": "https://other.example.org"})
    scene.session.write(put_workspace, "other", "https://other.example.org", "", "none")
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_settings()
        await settle(pilot)
        assert isinstance(app.screen, SettingsScreen)
        go_to(app.screen, "other")
        await pilot.press("enter")
        await settle(pilot)
        assert scene.session.workspace.name == "other"
        assert load_settings().workspace == "other"
        assert "other.example.org" in screen_text(app)


async def test_faults_of_the_file_are_shown_and_the_old_settings_stay(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_settings()
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, SettingsScreen)
        paths.config_file().parent.mkdir(parents=True, exist_ok=True)
        paths.config_file().write_text('mouse = "yes"\nthema = "x"\n')
        take_config(screen, screen._taken)
        await settle(pilot)
        assert isinstance(app.screen, TextDialog)
        text = screen_text(app)
        assert "2 faults" in text
        assert "mouse" in text
        assert "thema" in text
        assert scene.session.settings.mouse is True
        await pilot.press("escape")
        paths.config_file().write_text('theme = "textual-light"\n')
        take_config(screen, screen._taken)
        await settle(pilot)
        assert app.theme == "textual-light"
        assert "The configuration file is read" in said(app)


async def test_a_place_is_copied_by_enter(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.action_go_settings()
        await settle(pilot)
        assert isinstance(app.screen, SettingsScreen)
        go_to(app.screen, "database")
        await pilot.press("enter")
        await settle(pilot)
        assert app.clipboard == str(paths.database())


def test_the_editor_comes_from_settings_then_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} -c pass")
    assert editor_command("") == [sys.executable, "-c", "pass"]
    assert editor_command("hx") == ["hx"]
    monkeypatch.delenv("EDITOR")
    assert editor_command("") == ["vi"]
    assert Path(sys.executable).exists()


async def test_the_line_below_says_as_of_when_in_small_terminals(scene: Scene) -> None:
    reason = "mlflow.example.org does not answer: no connection in time, three tries"
    with scene.session.store.transaction() as connection:
        connection.execute("UPDATE workspace SET state = 'offline', reason = ?", (reason,))
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.action_go_settings()
        await settle(pilot)
        below = screen_text(app).split("─")[-1]
        assert re.search(r"as of\s+\d\d:\d\d", below.replace("\n", " ")), below
        assert "enter opens" in below
