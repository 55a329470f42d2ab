"""The form of a run configuration, by keys: filling in, checks while typing, text beside it, saving, submitting."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from mantik_tui.app import MantikApp
from mantik_tui.domain import snapshot_rules
from mantik_tui.domain.errors import MantikError
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.site import Site
from mantik_tui.screens import text_editing
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.config_form import ConfigFormScreen
from mantik_tui.screens.config_form_pane import FoldLine
from mantik_tui.store.writes import setup
from mantik_tui.widgets.dialogs import PickDialog, PromptDialog, VerbDialog
from mantik_tui.widgets.param_field import complete_folder
from mantik_tui.widgets.script_view import ScriptView
from mantik_tui.workspace import configs, drafts, reads, submit
from mantik_tui.workspace.config_start import new_config
from mantik_tui.workspace.session import Session
from tests.support.config_form import (
    WIND,
    checked,
    fill,
    form_of,
    form_session,
    open_form,
    saved,
    type_text,
)
from tests.support.ui import FakeEngine, said, screen_text, settle, until

SMALL, LARGE = (80, 24), (120, 40)
LR = "param:learning_rate"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def session(tmp_path: Path, engine: FakeEngine) -> Session:
    return form_session(tmp_path, engine=engine)


@pytest.fixture
def opened_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ids of runs whose screen the form went to."""
    runs: list[int] = []
    monkeypatch.setattr(MantikApp, "open_run", lambda _app, run_id: runs.append(run_id))
    return runs


# ---------------------------------------------------------------- what stands there


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_form_shows_what_there_is_to_fill_in(
    session: Session, size: tuple[int, int]
) -> None:
    app = MantikApp(session)
    async with app.run_test(size=size) as pilot:
        form = await open_form(pilot, saved(session, params={"learning_rate": "0.01"}))
        text = screen_text(app)
        assert "wind power ensemble ▸ wind-small" in text
        assert "not in a Git reposi" in text
        for words in ("entry point", "learning_rate", "0.01", "float, default 0.0", "this-machine"):
            assert words in text
        assert form.focused is not None and form.focused.parent is form._form["entry_point"]
        assert ("OMP_NUM_THREADS" in text) is (size == LARGE)
        assert "No problems" in text


async def test_a_new_configuration_starts_from_the_projects_folder(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        plain = RunConfig("", session.read(reads.projects.get_project, WIND).folder)
        form = await open_form(pilot, dataclasses.replace(plain, project_id=WIND))
        assert "new configuration" in screen_text(app)
        assert form.config.site == "this-machine"
        assert "Runtime: 10m" in form.config.backend_config
        assert "10m, from the text" in screen_text(app)
        assert not form.changed


async def test_every_line_is_reached_by_tab_and_the_text_by_f3(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session))
        keys = []
        for _ in form._form.lines:
            field = form.focused.parent if form.focused else None
            keys.append(getattr(field, "key", ""))
            await pilot.press("tab")
        assert keys[:5] == ["entry_point", "param:data", "param:model", "param:optimizer", LR]
        assert keys[keys.index("site") :][:5] == ["site", "account", "experiment", "run_name", "time_limit"]  # fmt: skip
        assert not [key for key in keys if key.startswith("Resources.")], "folded: no effect here"
        await pilot.press("f3")
        assert "OMP_NUM_THREADS" in screen_text(app) and "learning_rate" not in screen_text(app)
        await pilot.press("escape")
        assert "learning_rate" in screen_text(app) and isinstance(app.screen, ConfigFormScreen)


async def test_lines_without_effect_on_this_machine_say_so(session: Session) -> None:
    slurm = Site("cluster", transport="ssh", scheduler="slurm", account="deepacf")
    with session.store.transaction() as connection:
        setup.put_site(connection, slurm)
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        form = await open_form(pilot, saved(session))
        assert form._form["Resources.Queue"].note == "no effect here"
        assert form._form["account"].note == "no effect here"
        text = screen_text(app)
        assert "resources of a batch system: none here, enter shows them" in text
        assert "GPUsPerNode      " not in text
        form._form.query_one(FoldLine).focus()
        await pilot.press("enter", "down")
        await pilot.pause()
        assert form._form["Resources.Queue"].editor.has_focus
        assert "no effect here" in screen_text(app)
        await pilot.press("up", "space")
        form._form["site"].focus_editor()
        await pilot.press("enter", "k", "enter")
        await checked(pilot)
        assert form.config.site == "cluster"
        assert form._form["Resources.Queue"].note == "queue or partition"
        assert form._form["Resources.Queue"].display
        assert form._form["account"].editor.query_ancestor(MantikScreen) is form
        editor = form._form["account"].editor
        assert isinstance(editor, Input) and editor.placeholder == "deepacf"


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_long_paths_show_their_end_and_long_lines_are_not_cut(
    session: Session, size: tuple[int, int]
) -> None:
    text = "# " + "a comment that is long " * 6 + "END-OF-COMMENT\nResources:\n  Nodes: 1\n"
    app = MantikApp(session)
    async with app.run_test(size=size) as pilot:
        config = saved(session, backend_config=text)
        form = await open_form(pilot, dataclasses.replace(config, code=f"/{'deep/' * 20}wind-net"))
        line = screen_text(app).split("\n")[1]
        assert "…/" in line and "/wind-net" in line
        form._form["code"].focus_editor()
        await pilot.pause()
        assert form._form["code"].value.startswith("/deep/")
        if size == SMALL:
            await pilot.press("f3")
            await pilot.pause()
        assert "END-OF-COMMENT" in screen_text(app)


async def test_an_empty_experiment_shows_which_one_is_taken(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        await open_form(pilot, saved(session, experiment=""))
        wanted = session.read(submit.default_experiment, WIND)
        assert wanted != "Default"
        row = next(line for line in screen_text(app).split("\n") if " experiment " in line)
        assert wanted[:8] in row and wanted[-5:] in row


async def test_run_again_takes_no_name_over(session: Session) -> None:
    config = saved(session, run_name="my-one-run", backend_config="Resources:\n  Nodes: 1\n")
    made = submit.submit(session, config, WIND)
    assert configs.from_run(session, made.run_id).run_name == ""


async def test_why_not_ends_with_one_full_stop(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        form = await open_form(pilot, saved(session))
        await fill(pilot, LR, "abc")
        await checked(pilot)
        assert ".." not in (form.why_not("submit") or "..")


# ---------------------------------------------------------------- checks while typing


async def test_a_wrong_value_is_marked_while_typing_and_stops_the_submission(
    session: Session, opened_runs: list[int]
) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session))
        await pilot.press("tab", "tab", "tab", "tab")
        await type_text(pilot, "fast")
        assert "is no number" in form._form[LR].query(".field-note").last().render_line(0).text
        await checked(pilot)
        assert "1 problem" in screen_text(app).splitlines()[0]
        assert "MLproject:9" in screen_text(app) and "for example 0.001" in screen_text(app)
        await pilot.press("f9")
        await settle(pilot)
        assert "fast is no number" in said(app) and opened_runs == []
        await fill(pilot, LR, "0.5")
        await checked(pilot)
        assert "problem" not in screen_text(app).splitlines()[0]
        assert form.config.params == {"learning_rate": "0.5"}


async def test_an_empty_value_is_the_default(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session, params={"learning_rate": "0.01"}))
        await fill(pilot, LR, "")
        await checked(pilot)
        assert form.config.params == {} and form.plan is not None
        assert form.plan.params["learning_rate"] == "0.003"


async def test_only_the_newest_check_is_shown(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session))
        old = form.plan
        assert old is not None
        await fill(pilot, LR, "0.2")
        form._checked(old)
        await checked(pilot)
        assert form.plan is not None and form.plan.config.params == {"learning_rate": "0.2"}


async def test_problems_of_the_line_with_the_focus_come_first_and_enter_goes_there(
    session: Session,
) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session, params={"epochs": "few", "seed": "x"}))
        assert [p.key for p in form._problems.problems] == ["epochs", "seed"]
        form.go_to_field("param:seed")
        await until(pilot, lambda: form._problems.problems[0].key == "seed")
        await pilot.press("f8", "j", "enter")
        await pilot.pause()
        assert form.focused is form._form["param:epochs"].editor


async def test_enter_on_a_problem_of_the_text_goes_to_its_line(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session, backend_config="Resources:\n  Runtime: 1h30m\n"))  # fmt: skip
        assert "Write 90m" in screen_text(app)
        await pilot.press("f8", "enter")
        await pilot.pause()
        assert form._text.has_focus and form._text.cursor_location[0] == 1


async def test_parameters_follow_the_entry_point(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session))
        await pilot.press("enter")
        assert isinstance(app.screen, PickDialog)
        await pilot.press("j", "enter")
        await checked(pilot)
        assert form.config.entry_point == "evaluate"
        params = [key for key in form._form.lines if key.startswith("param:")]
        assert params == ["param:data", "param:max_horizon"]
        assert "max_horizon" in screen_text(app) and "learning_rate" not in screen_text(app)


REAL = """\
entry_points:
  main:
    parameters:
      verbose: {type: string, default: --verbose}
      amp: {type: bool, default: false}
      limit: {type: int, default: None}
      layers: {type: "list[int]", default: 2 6}
      data: path
    command: python train.py {verbose} --amp {amp} --limit {limit} --layers {layers} {data}
"""


async def test_flags_bools_none_and_needed_values(session: Session, tmp_path: Path) -> None:
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / "MLproject").write_text(REAL)
    config = RunConfig("", str(folder), site="this-machine", project_id=WIND)
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        form = await open_form(pilot, config)
        assert "int, default None" in screen_text(app) and "path, needed" not in screen_text(app)
        assert "it has no default" in screen_text(app) or "has no value" in screen_text(app)
        form.go_to_field("param:verbose")
        await pilot.press("enter", "j", "enter")
        form.go_to_field("param:amp")
        await pilot.press("enter", "j", "enter")
        await fill(pilot, "param:layers", "4 8")
        await fill(pilot, "param:data", "d/x.nc")
        await checked(pilot)
        assert form.config.params == {"verbose": "", "amp": "True", "layers": "4 8", "data": "d/x.nc"}  # fmt: skip
        assert form.plan is not None and form.plan.ok
        assert form.plan.command == "python train.py  --amp True --limit None --layers '4 8' d/x.nc"


# ---------------------------------------------------------------- form and text in step


async def test_a_resource_changes_its_line_of_the_text_and_nothing_else(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        form = await open_form(pilot, saved(session))
        before = form.config.backend_config
        await fill(pilot, "Resources.Nodes", "4")
        assert form._text.text == before.replace("  Runtime: 10m\n", "  Runtime: 10m\n  Nodes: 4\n")
        await fill(pilot, "Resources.Nodes", "12")
        assert "  Nodes: 12\n" in form.config.backend_config
        await fill(pilot, "Resources.Nodes", "")
        assert form.config.backend_config == before == form._text.text


async def test_the_fields_follow_the_text(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        form = await open_form(pilot, saved(session, backend_config="Resources:\n  Queue: a\n"))
        assert form._form["Resources.Queue"].value == "a"
        form.go_to_line(2)
        await pilot.press("end", "b")
        assert form.config.backend_config == "Resources:\n  Queue: ab\n"
        assert form._form["Resources.Queue"].value == "ab"
        await checked(pilot)
        assert form.plan is not None and form.plan.backend.resources.queue == "ab"


async def test_a_broken_text_is_kept_and_the_field_says_where_to_mend_it(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        form = await open_form(pilot, saved(session, backend_config="Resources: [1\n"))
        await fill(pilot, "Resources.Queue", "b")
        assert form.config.backend_config == "Resources: [1\n"
        assert "Mend line" in form._form["Resources.Queue"].note


async def test_the_editor_of_the_person_gets_the_text_in_a_private_file(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int, str]] = []

    def edit(_screen: MantikScreen, path: Path) -> bool:
        seen.append((path.name, stat.S_IMODE(path.stat().st_mode), path.read_text()))
        path.write_text("Resources:\n  Queue: devel\n")
        return True

    monkeypatch.setattr(text_editing, "can_suspend", lambda _screen: True)
    monkeypatch.setattr(text_editing, "edit_file", edit)
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        form = await open_form(pilot, saved(session))
        before = form.config.backend_config
        await pilot.press("e")
        assert seen == [("backend-config.yaml", 0o600, before)]
        assert form._form["Resources.Queue"].value == "devel"
        assert "Queue: devel" in screen_text(app)


# ---------------------------------------------------------------- saving


@pytest.mark.acceptance("first-flight.2")
async def test_new_set_a_parameter_save_submit_by_keys_alone(
    session: Session, opened_runs: list[int]
) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        await open_form(pilot, new_config(session, WIND))
        await pilot.press("tab", "tab", "tab", "tab")
        await type_text(pilot, "0.02")
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, PromptDialog))
        await type_text(pilot, "by-keys")
        await pilot.press("enter")
        await until(pilot, lambda: "Saved as by-keys" in said(app))
        await pilot.press("f9")
        await until(pilot, lambda: bool(opened_runs))
        found = session.read(reads.jobs.run_configs, WIND)
        assert [(one.name, one.params) for one in found] == [("by-keys", {"learning_rate": "0.02"})]
        run = session.read(reads.runs.get_run, opened_runs[0])
        assert run.params["learning_rate"] == "0.02" and run.params["epochs"] == "25"
        assert not isinstance(app.screen, ConfigFormScreen)
        assert f"{run.name} goes to this-machine" in said(app)


async def test_a_saved_configuration_is_saved_under_its_name_at_once(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session))
        await fill(pilot, "time_limit", "2h")
        assert "wind-small *" in screen_text(app)
        await pilot.press("f2")
        await until(pilot, lambda: "Saved as wind-small" in said(app))
        assert [one.time_limit for one in session.read(reads.jobs.run_configs, WIND)] == ["2h"]
        assert not form.changed and "wind-small *" not in screen_text(app)


async def test_a_name_that_is_taken_is_asked_about(session: Session) -> None:
    saved(session, "taken", run_name="old")
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        await open_form(pilot, dataclasses.replace(new_config(session, WIND), name="taken"))
        await pilot.press("f2", "enter")
        await until(pilot, lambda: type(app.screen) is VerbDialog)
        assert "called taken already" in screen_text(app)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, PromptDialog))
        await pilot.press("end")
        await type_text(pilot, "2")
        await pilot.press("enter")
        await until(pilot, lambda: "Saved as taken2" in said(app))
        names = {one.name: one.run_name for one in session.read(reads.jobs.run_configs, WIND)}
        assert names == {"taken": "old", "taken2": ""}


async def test_what_belongs_to_no_project_is_asked_for_one(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        config = dataclasses.replace(new_config(session, WIND), project_id=None)
        await open_form(pilot, config)
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, PickDialog))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PromptDialog))
        await type_text(pilot, "mine")
        await pilot.press("enter")
        await until(pilot, lambda: "Saved as mine" in said(app))
        assert len(session.read(reads.jobs.run_configs)) == 1


# ---------------------------------------------------------------- submitting


@pytest.mark.acceptance("first-flight.4")
async def test_offline_the_form_queues_and_says_so(session: Session, opened_runs: list[int]) -> None:  # fmt: skip
    with session.store.transaction() as connection:
        setup.set_workspace_state(connection, session.workspace.id, "offline", "timed out")
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        await open_form(pilot, saved(session))
        assert "submit (queues: offline)" in screen_text(app).splitlines()[-1]
        await pilot.press("s")
        await until(pilot, lambda: bool(opened_runs))
        assert "waits in the outbox" in said(app)
        entries = session.read(reads.jobs.open_entries)
        assert [entry.kind for entry in entries] == ["submit"]


async def test_pressing_twice_submits_once(session: Session, opened_runs: list[int]) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        await open_form(pilot, saved(session))
        await pilot.press("f9", "f9")
        await until(pilot, lambda: bool(opened_runs))
        await settle(pilot)
        assert len(session.read(reads.jobs.open_entries)) == 1


async def test_much_to_send_is_asked_about_by_naming_the_biggest(
    session: Session, opened_runs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_rules, "ASK_ABOVE_BYTES", 10_000)
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session))
        await pilot.press("f9")
        await until(pilot, lambda: type(app.screen) is VerbDialog)
        assert "data/wind.csv" in screen_text(app) and "kB" in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert opened_runs == [] and not form.submitting
        await pilot.press("f9")
        await until(pilot, lambda: type(app.screen) is VerbDialog)
        await pilot.press("s")
        await until(pilot, lambda: bool(opened_runs))


async def test_what_fails_is_said_and_the_form_stays(
    session: Session, opened_runs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_kwargs: object) -> None:
        raise MantikError("The snapshot could not be kept", "no space left", "Free some disk space")

    monkeypatch.setattr(submit, "take_snapshot", full)
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session))
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(app.screen, VerbDialog))
        assert "could not be kept" in screen_text(app)
        await pilot.press("escape")
        assert app.screen is form and not form.submitting and opened_runs == []


async def test_the_form_repeats_a_run(session: Session, opened_runs: list[int]) -> None:
    config = saved(session, params={"learning_rate": "0.01"})
    made = submit.submit(session, config)
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, configs.from_run(session, made.run_id))
        assert "new run from wind-small" in screen_text(app)
        await fill(pilot, LR, "0.02")
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(app.screen, ScriptView))
        assert "-param learning_rate: 0.01" in screen_text(app)
        await pilot.press("escape", "f9")
        await until(pilot, lambda: bool(opened_runs))
        again = session.read(reads.runs.get_run, opened_runs[0])
        assert again.params == {**session.read(reads.runs.get_run, made.run_id).params, "learning_rate": "0.02"}  # fmt: skip
        assert form.config.id is None


# ---------------------------------------------------------------- script, differences


async def test_the_script_is_shown_and_copied(session: Session, engine: FakeEngine) -> None:
    engine.answers["render-script"] = "#!/bin/sh\necho train\n"
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        await open_form(pilot, saved(session, params={"seed": "7"}))
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, ScriptView))
        assert "echo train" in screen_text(app)
        await pilot.press("y", "escape")
        assert app.clipboard == "#!/bin/sh\necho train\n"
        _verb, args = next(one for one in engine.asked if one[0] == "render-script")
        assert args["site"] == "this-machine" and "--seed 7" in args["spec"]["command"]


async def test_differences_to_the_saved_version(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        await open_form(pilot, saved(session))
        await pilot.press("d")
        assert "Nothing differs" in said(app)
        await fill(pilot, "Resources.Queue", "devel")
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(app.screen, ScriptView))
        assert "+  Queue: devel" in screen_text(app)


# ---------------------------------------------------------------- leaving, drafts


@pytest.mark.parametrize("key", ["s", "d", "t"])
async def test_leaving_with_unsaved_changes_asks(session: Session, key: str) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session))
        await fill(pilot, LR, "0.5")
        await pilot.press("escape")
        await until(pilot, lambda: type(app.screen) is VerbDialog)
        assert "+param learning_rate: 0.5" in screen_text(app)
        await pilot.press(key)
        await settle(pilot)
        assert (app.screen is form) is (key == "t")
        kept = session.read(reads.jobs.run_configs, WIND)[0].params
        assert kept == ({"learning_rate": "0.5"} if key == "s" else {})
        if key != "t":
            assert drafts.find(session, form.opened) is None


async def test_leaving_without_changes_asks_nothing(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session))
        await pilot.press("escape")
        assert app.screen is not form


@pytest.mark.parametrize("new", [False, True])
async def test_edits_survive_a_crash(session: Session, new: bool, tmp_path: Path) -> None:
    config = new_config(session, WIND) if new else saved(session)
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, config)
        await fill(pilot, LR, "0.5")
        opened = form.opened
        await until(pilot, lambda: drafts.find(session, opened) is not None)
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        await open_form(pilot, config)
        await until(pilot, lambda: type(app.screen) is VerbDialog)
        assert "unsaved edits from" in screen_text(app)
        await pilot.press("t")
        await checked(pilot)
        form = form_of(pilot)
        assert form.config.params == {"learning_rate": "0.5"} and form.changed
        assert form._form[LR].value == "0.5"


async def test_a_folder_is_completed_while_typing(tmp_path: Path) -> None:
    (tmp_path / "wind").mkdir()
    (tmp_path / "wind.txt").touch()
    (tmp_path / ".hidden").mkdir()
    assert complete_folder(f"{tmp_path}/w") == f"{tmp_path}/wind/"
    assert complete_folder(f"{tmp_path}/") == f"{tmp_path}/wind/"
    assert complete_folder(f"{tmp_path}/x") is None
    assert complete_folder(f"{tmp_path}/no/such") is None


async def test_another_code_folder_brings_its_entry_points_and_backend_config(
    session: Session, tmp_path: Path
) -> None:
    from tests.support.config_form import example

    hail = example(tmp_path, "hail-nowcasting")
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, RunConfig("", "", project_id=WIND))
        assert "no code folder is given" in screen_text(app)
        form._form["code"].focus_editor()
        editor = form._form["code"].editor
        assert isinstance(editor, Input)
        editor.value = str(hail)
        await until(pilot, lambda: bool(form.config.backend_config))
        await checked(pilot)
        assert form.plan is not None and form.plan.ok
        assert "max_depth" in screen_text(app)


async def test_keys_that_arrive_in_one_go_reach_the_right_line(session: Session) -> None:
    """A slow connection hands over several keys at once."""
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, saved(session))
        for key, character in [*[("tab", "\t")] * 4, ("7", "7"), ("tab", "\t"), ("8", "8")]:
            app.post_message(events.Key(key, character))
        await until(pilot, lambda: form.config.params == {"learning_rate": "7", "hidden": "8"})


async def test_quitting_in_mid_typing_keeps_the_edits(session: Session) -> None:
    config = saved(session)
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        await open_form(pilot, config)
        await fill(pilot, LR, "0.5")
    draft = drafts.find(session, config)
    assert draft is not None and draft.config.params == {"learning_rate": "0.5"}


async def test_an_edit_that_was_taken_back_leaves_no_draft(session: Session) -> None:
    config = saved(session)
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        form = await open_form(pilot, config)
        await fill(pilot, LR, "0.5")
        await until(pilot, lambda: drafts.find(session, config) is not None)
        await fill(pilot, LR, "")
        assert not form.changed
        await pilot.press("escape")
        await until(pilot, lambda: drafts.find(session, config) is None)


async def test_without_an_engine_the_form_queues_and_says_why(
    tmp_path: Path, opened_runs: list[int]
) -> None:
    session = form_session(tmp_path, engine=FakeEngine(running=False))
    app = MantikApp(session)
    async with app.run_test(size=SMALL) as pilot:
        await open_form(pilot, saved(session))
        await pilot.press("f9")
        await until(pilot, lambda: bool(opened_runs))
        assert "waits in the outbox" in said(app) and "the engine is off" in said(app)


async def test_experiment_from_the_list_and_lines_for_the_scheduler(session: Session) -> None:
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        form = await open_form(pilot, saved(session, experiment=""))
        form.go_to_field("experiment")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PickDialog))
        await pilot.press("enter")
        await pilot.pause()
        assert form.config.experiment == "wind-power-ensemble-main"
        form.go_to_field("extra_lines")
        await pilot.pause()
        await type_text(pilot, "a b")
        await pilot.press("enter")
        await type_text(pilot, "c")
        await pilot.pause()
        assert form.config.extra_lines == ("a b", "c")
        await fill(pilot, "time_limit", "soon")
        await checked(pilot)
        assert "is no time limit" in form._form["time_limit"].note


async def test_a_json_config_is_edited_as_json(session: Session) -> None:
    config = saved(
        session,
        backend_config='{\n  "Resources": {\n    "Queue": "a"\n  }\n}\n',
        backend_config_path="/x/backend-config.json",
    )
    app = MantikApp(session)
    async with app.run_test(size=LARGE) as pilot:
        form = await open_form(pilot, config)
        await fill(pilot, "Resources.Nodes", "2")
        assert '"Queue": "a",\n    "Nodes": 2\n' in form.config.backend_config
        await checked(pilot)
        assert form.plan is not None and form.plan.backend.resources.nodes == 2
