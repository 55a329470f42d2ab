"""What the form's keys do: save, submit, show script and differences, edit elsewhere, leave."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mantik_tui.domain.config_diff import differences
from mantik_tui.domain.errors import MantikError, NotFound
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.text import clock
from mantik_tui.screens import config_form_fields as fields
from mantik_tui.screens.config_form_submit import submit_config, words_of
from mantik_tui.widgets.dialogs import Choice, PickDialog, PromptDialog, Verb, VerbDialog
from mantik_tui.widgets.script_view import ScriptView
from mantik_tui.workspace import configs, drafts, reads
from mantik_tui.workspace.plan import Plan
from mantik_tui.workspace.submit import Submitted, preview_script

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen
    from mantik_tui.screens.config_form import ConfigFormScreen

Then = Callable[[], None]


def _nothing() -> None:
    pass


# ---------------------------------------------------------------- saving


def save(screen: ConfigFormScreen, then: Then = _nothing) -> None:
    """Save under the name it has; ask for one, and for a project, where there is none."""
    config = screen.config
    if config.project_id is None:
        _ask_project(screen, then)
    elif config.id is not None and config.name:
        _store(screen, config, then)
    else:
        _ask_name(screen, config.name, then)


def _ask_project(screen: ConfigFormScreen, then: Then) -> None:
    def picked(project_id: int) -> None:
        screen.config = dataclasses.replace(screen.config, project_id=project_id)
        save(screen, then)

    ask_project(screen, "Save it with which project?", picked)


def ask_project(screen: MantikScreen, title: str, then: Callable[[int], None]) -> None:
    """Let the person pick a project; `then` gets its row id."""
    rows = screen.session.read(reads.projects.project_rows, screen.session.workspace.id)
    if not rows:
        screen.app.notify("There is no project yet; they come with the first pull")
        return

    def picked(ids: tuple[str, ...] | None) -> None:
        if ids:
            then(int(ids[0]))

    choices = [Choice(str(row.id), row.name, row.summary) for row in rows]
    screen.app.push_screen(PickDialog(title, choices), picked)


def _ask_name(screen: ConfigFormScreen, text: str, then: Then) -> None:
    def entered(answer: str | None) -> None:
        if answer is None:
            return
        name = answer.strip()
        config = dataclasses.replace(screen.config, id=None, name=name)
        taken = screen.session.read(reads.jobs.run_configs, config.project_id)
        same = next((one for one in taken if one.name == name), None)
        if same is None:
            _store(screen, config, then)
        else:
            _ask_overwrite(screen, config, same, then)

    def check(answer: str) -> str:
        return "" if answer.strip() else "It needs a name"

    screen.app.push_screen(PromptDialog("Save as", text=text, check=check), entered)


def _ask_overwrite(
    screen: ConfigFormScreen, config: RunConfig, same: RunConfig, then: Then
) -> None:
    def answered(answer: str | None) -> None:
        if answer == "overwrite":
            _store(screen, config, then)
        elif answer == "other":
            _ask_name(screen, config.name, then)

    changed = clock(same.updated_ms, screen.session.now_ms())
    lines = [f"{same.entry_point} on {same.site or '(no site)'}, changed {changed}"]
    verbs = (Verb("n", "another name", "other"), Verb("o", "overwrite it", "overwrite", True))
    title = f"There is a configuration called {same.name} already"
    screen.app.push_screen(VerbDialog(title, lines, verbs), answered)


def _store(screen: ConfigFormScreen, config: RunConfig, then: Then) -> None:
    assert config.project_id is not None
    opened = screen.opened
    screen.stop_drafts()

    def done(saved: RunConfig) -> None:
        _forget_draft(screen, opened)
        screen.saved_as(saved)
        screen.app.notify(f"Saved as {saved.name}", timeout=3)
        then()

    screen.run_verb(configs.save, config.project_id, config, done=done)


# ---------------------------------------------------------------- submitting


def submit(screen: ConfigFormScreen) -> None:
    """Submit what the form shows, and go to the run's screen."""
    config = screen.config
    screen.submitting = True
    screen.refresh_bindings()

    def ended() -> None:
        screen.submitting = False
        screen.refresh_bindings()

    def refused(plan: Plan) -> None:
        if plan.config == screen.config:
            screen.show_plan(plan)
        first = f": {screen.errors[0].message}" if screen.errors else ""
        screen.app.notify(f"Not submitted{first}", severity="warning")
        screen.action_problems()

    def done(made: Submitted) -> None:
        ended()
        screen.stop_drafts()
        _forget_draft(screen, screen.opened)
        screen.app.notify(words_of(screen, made, config.site))
        if screen.is_current:
            screen.app.pop_screen()
        screen.mantik.open_run(made.run_id)

    submit_config(screen, config, refused=refused, done=done, ended=ended)


# ---------------------------------------------------------------- looking


def show_script(screen: ConfigFormScreen) -> None:
    """The job script as it would be sent."""
    site = screen.config.site

    def done(text: str) -> None:
        screen.app.push_screen(ScriptView(f"Job script for {site}", text.splitlines()))

    screen.run_verb(preview_script, screen.config, done=done)


def show_differences(screen: ConfigFormScreen) -> None:
    """What differs from the saved version, or from what the form was opened with."""
    before, words = screen.origin, "as opened"
    if before.id is not None:
        try:
            before = screen.session.read(reads.jobs.get_run_config, before.id)
        except NotFound:
            words = "deleted meanwhile"
        else:
            words = f"saved {clock(before.updated_ms, screen.session.now_ms())}"
    elif before.name:
        words = f"{before.name}, as it was run"
    lines = differences(before, screen.config, old=words, new="as it stands here")
    if not lines:
        screen.app.notify(f"Nothing differs: {words}")
        return
    title = f"What differs: {screen.config.name or 'new configuration'}"
    screen.app.push_screen(ScriptView(title, lines, is_diff=True))


def copy(screen: ConfigFormScreen) -> None:
    """Copy a part of the configuration."""
    from mantik_tui.screens.copying import copy_one_of

    parts = [("backend config", screen.config.backend_config)]
    if screen.plan is not None:
        parts.append(("command", screen.plan.command))
    copy_one_of(screen, [*parts, ("code folder", screen.config.code), ("name", screen.config.name)])


def edit_in_editor(screen: ConfigFormScreen) -> None:
    """Open the backend config's text in the person's editor, and read it back."""
    from mantik_tui.screens.text_editing import can_suspend, edit_file

    if not can_suspend(screen):
        words = "This terminal can't be lent to an editor; F3 goes to the text here"
        screen.app.notify(words, severity="warning")
        return
    name = Path(fields.text_name(screen.config)).name
    with tempfile.TemporaryDirectory(prefix="mantik-tui-") as folder:
        path = Path(folder) / name
        with open(path, "x", opener=_private, encoding="utf-8") as file:
            file.write(screen.config.backend_config)
        if edit_file(screen, path):
            screen.take_text(path.read_text(encoding="utf-8", errors="replace"))


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


# ---------------------------------------------------------------- drafts and leaving


def offer_draft(screen: ConfigFormScreen) -> None:
    """Edits that were not saved last time: take them up or forget them."""
    try:
        draft = drafts.find(screen.session, screen.opened)
    except MantikError as error:
        screen.app.notify(str(error), severity="warning")
        return
    if draft is None or draft.config == screen.config:
        return
    found = draft.config

    def answered(answer: str | None) -> None:
        if answer == "take":
            screen.take_config(found)
        elif answer == "drop":
            _forget_draft(screen, screen.opened)

    since = clock(draft.at_ms, screen.session.now_ms())
    lines = _changed_lines(screen.config, found)
    verbs = (Verb("t", "take them up", "take"), Verb("f", "forget them", "drop", True))
    screen.app.push_screen(VerbDialog(f"There are unsaved edits from {since}", lines, verbs), answered)  # fmt: skip


def keep_draft(screen: ConfigFormScreen) -> None:
    """Keep what is not saved, in case the terminal closes; forget it where all is saved."""
    if screen.changed:
        keep = partial(drafts.keep, screen.session, screen.opened, screen.config)
        screen.app.run_worker(keep, thread=True, exit_on_error=False, group="drafts")
    else:
        _forget_draft(screen, screen.opened)


def leave(screen: ConfigFormScreen) -> None:
    """One layer out; asks where there is something unsaved."""
    if screen.submitting:
        screen.app.notify("It is being submitted; one moment")
        return
    if not screen.changed:
        if screen.draft_due:  # an edit was taken back a moment ago
            keep_draft(screen)
        _go(screen)
        return

    def answered(answer: str | None) -> None:
        if answer == "save":
            save(screen, lambda: _go(screen))
        elif answer == "discard":
            screen.stop_drafts()
            _forget_draft(screen, screen.opened)
            _go(screen)

    lines = _changed_lines(screen.origin, screen.config)
    verbs = (
        Verb("s", "save", "save"),
        Verb("d", "discard", "discard", True),
        Verb("t", "stay", "stay"),
    )
    screen.app.push_screen(VerbDialog("There are unsaved changes", lines, verbs), answered)


def _go(screen: ConfigFormScreen) -> None:
    screen.stop_drafts()
    if screen.is_current and len(screen.app.screen_stack) > 1:
        screen.app.pop_screen()


def _forget_draft(screen: ConfigFormScreen, opened: RunConfig) -> None:
    """In a worker of the app's, since the screen may be gone the next moment."""
    forget = partial(drafts.drop, screen.session, opened)
    screen.app.run_worker(forget, thread=True, exit_on_error=False, group="drafts")


def _changed_lines(before: RunConfig, after: RunConfig) -> list[str]:
    lines = differences(before, after, old="before", new="after")
    return [line for line in lines[2:] if line[:1] in "+-"]
