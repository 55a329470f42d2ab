"""What the tests of the run configuration screens share: example projects on disk, a session that knows them, keys."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import cast

from textual.pilot import Pilot

from mantik_tui.domain.run_config import RunConfig
from mantik_tui.screens.config_form import ConfigFormScreen
from mantik_tui.workspace import configs, projects
from mantik_tui.workspace.config_start import new_config
from mantik_tui.workspace.session import Session
from tests.support.ui import FakeEngine, make_session, settle, until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WIND = 1
"""Row id of the project that has the wind example as its folder."""
HAIL = 2


def example(tmp_path: Path, name: str = "wind-power-forecast") -> Path:
    """A copy of an example, outside any Git repository and without its finished runs."""
    target = tmp_path / name
    shutil.copytree(EXAMPLES / name, target, ignore=shutil.ignore_patterns("mlruns"))
    return target


def form_session(tmp_path: Path, *, engine: FakeEngine | None = None) -> Session:
    """A session with some projects; the first has a copy of the wind example as its folder."""
    session = make_session(projects=3, runs=12, engine=engine)
    projects.set_project_folder(session, WIND, str(example(tmp_path)))
    return session


def saved(session: Session, name: str = "wind-small", **changes: object) -> RunConfig:
    """A saved configuration of the wind example."""
    fresh = dataclasses.replace(new_config(session, WIND), name=name)
    return configs.save(session, WIND, dataclasses.replace(fresh, **changes))  # type: ignore[arg-type]


def form_of(pilot: Pilot[None]) -> ConfigFormScreen:
    for screen in reversed(pilot.app.screen_stack):
        if isinstance(screen, ConfigFormScreen):
            return screen
    raise AssertionError("the form is not open")


async def open_form(pilot: Pilot[None], config: RunConfig) -> ConfigFormScreen:
    """Open the form and wait until its first check is shown."""
    from mantik_tui.app import MantikApp

    await settle(pilot)
    cast(MantikApp, pilot.app).open_config_form(config, config.project_id)
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfigFormScreen))
    await checked(pilot)
    return form_of(pilot)


async def checked(pilot: Pilot[None]) -> None:
    """Wait until what the form holds now has been checked, and the check is shown."""
    form = form_of(pilot)
    await until(pilot, lambda: form.plan is not None and form.plan.config == form.config)
    await settle(pilot)


async def type_text(pilot: Pilot[None], text: str) -> None:
    names = {" ": "space", "-": "minus", ".": "full_stop", "_": "underscore", "/": "slash"}
    for char in text:
        await pilot.press(names.get(char, char))


async def fill(pilot: Pilot[None], key: str, text: str) -> None:
    """Go to a line of the form and type a value in place of the one that is there."""
    form = form_of(pilot)
    form.go_to_field(key)
    await pilot.pause()
    await pilot.press("end", "ctrl+u")
    await type_text(pilot, text)
    await pilot.pause()
