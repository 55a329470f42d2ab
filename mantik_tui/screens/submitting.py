"""Starting a new run from a list: from a saved configuration, or from an empty one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mantik_tui.workspace import configs, reads
from mantik_tui.workspace.config_start import new_config

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

_EMPTY = "empty"


def start_submit(screen: MantikScreen, project_id: int) -> None:
    """Open the form: on the project's saved configuration, after asking which if there are several, else empty."""
    saved = screen.session.read(reads.jobs.run_configs, project_id)
    if not saved:
        screen.mantik.open_config_form(new_config(screen.session, project_id), project_id)
        return
    from mantik_tui.widgets.dialogs import Choice, PickDialog

    choices = [
        Choice(str(n), config.name, f"{config.entry_point} on {config.site or '(no site yet)'}")
        for n, config in enumerate(saved)
    ]
    choices.append(Choice(_EMPTY, "a new configuration", "start with an empty form"))

    def picked(ids: tuple[str, ...] | None) -> None:
        if ids:
            config = (
                new_config(screen.session, project_id) if ids[0] == _EMPTY else saved[int(ids[0])]
            )
            screen.mantik.open_config_form(config, project_id)

    screen.app.push_screen(PickDialog("New run from", choices), picked)


def run_again(screen: MantikScreen, run_id: int) -> None:
    """Open the form, filled in as this run was started."""
    config = configs.from_run(screen.session, run_id)
    screen.mantik.open_config_form(config, config.project_id)
