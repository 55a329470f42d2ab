"""The sites screen."""

from __future__ import annotations

import pytest

from mantik_tui.domain.errors import EngineProblem
from mantik_tui.screens.sites import SitesScreen
from mantik_tui.settings import load_settings
from mantik_tui.store.reads.jobs import sites
from mantik_tui.widgets.dialogs import ConfirmDialog, PromptDialog
from tests.support.run_scene import Scene, make_scene
from tests.support.ui import make_app, said, screen_text, settle, until


@pytest.fixture
def scene() -> Scene:
    return make_scene()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_each_site_says_its_state_and_age(scene: Scene, size: tuple[int, int]) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=size) as pilot:
        app.action_go_sites()
        await settle(pilot)
        text = screen_text(app)
        assert "this-machine" in text
        assert "14:03" in text
        await pilot.press("j")
        await settle(pilot)
        text = screen_text(app)
        assert "unreachable: the network is unreachable  as of 13:25" in text
        assert "$HOME/runs" in text
        assert "slots      4" in text


async def test_a_test_shows_one_line_a_check(scene: Scene) -> None:
    scene.engine.answers["test-site"] = [
        {"name": "reached", "ok": True, "words": "login01"},
        {"name": "python", "ok": False, "words": "no python3: load a module"},
    ]
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_go_sites()
        await settle(pilot)
        await pilot.press("T")
        await settle(pilot)
        text = screen_text(app)
        assert "✓ reached        login01" in text
        assert "✗ python         no python3: load a module" in text
        assert ("test-site", {"name": "this-machine"}) in scene.engine.asked


async def test_a_test_that_cannot_be_made_says_so_in_place(scene: Scene) -> None:
    scene.engine.answers["test-site"] = EngineProblem("The engine went away")
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_go_sites()
        await settle(pilot)
        await pilot.press("T")
        await settle(pilot)
        assert isinstance(app.screen, SitesScreen)
        assert "The test could not be made: The engine went away" in screen_text(app)


async def test_a_site_is_added_by_questions_and_removed_after_asking(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_go_sites()
        await settle(pilot)
        await pilot.press("n")
        await settle(pilot)
        await pilot.press(*"a b", "enter")
        await settle(pilot)
        assert "A name of a-z, 0-9 and -" in screen_text(app), "a bad answer is told at once"
        await pilot.press("backspace", "backspace", "backspace", *"lab", "enter")
        await settle(pilot)
        for answer in ("$HOME/lab", "3", "", "Stages/2024"):
            assert isinstance(app.screen, PromptDialog)
            await pilot.press(
                *[{"/": "slash", "$": "dollar_sign"}.get(c, c) for c in answer], "enter"
            )
            await settle(pilot)
        await until(pilot, lambda: "lab is added" in said(app))
        site = load_settings().sites["lab"]
        assert (site.run_root, site.slots, site.modules) == ("$HOME/lab", 3, ("Stages/2024",))
        screen = app.screen
        assert isinstance(screen, SitesScreen)
        assert "lab" in [found.name for found in sites(scene.session.store.connection)]
        screen._table.go_to(next(n for n, row in enumerate(screen._rows) if row.site.name == "lab"))
        await settle(pilot)
        await pilot.press("delete")
        await settle(pilot)
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("y")
        await until(pilot, lambda: "lab is removed" in said(app))
        assert "lab" not in load_settings().sites


async def test_this_machine_cannot_be_removed(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.action_go_sites()
        await settle(pilot)
        await pilot.press("delete")
        await settle(pilot)
        assert "This machine is always there" in said(app)
