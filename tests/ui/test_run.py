"""The screen of one run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mantik_tui.domain.errors import Offline
from mantik_tui.screens.run import RunScreen
from mantik_tui.screens.run_tabs import TABS
from mantik_tui.store.reads.jobs import open_entries
from mantik_tui.store.reads.runs import get_run
from mantik_tui.store.writes import history
from mantik_tui.widgets.dialogs import ConfirmDialog, PickDialog, PromptDialog
from tests.support.run_scene import Scene, make_scene
from tests.support.store_fill import NOW_MS
from tests.support.ui import make_app, said, screen_text, settle, until

SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def scene() -> Scene:
    return make_scene()


@pytest.mark.parametrize("size", SIZES)
async def test_a_running_run_shows_plot_job_and_params(scene: Scene, size: tuple[int, int]) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=size) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        text = screen_text(app)
        for words in ("quick-otter-31", "RUNNING on this-machine", "rmse 0.04083", "val_rmse", "4711021",
                      "resnet-12", "13:20"):  # fmt: skip
            assert words in text
        assert "as of 14:03" in text or "at 14:03" in text, "elapsed says when it was looked at"
        assert ("limit 15:20" in text) == (size[0] >= 100), "the panel stands where there is room"


@pytest.mark.parametrize("size", SIZES)
async def test_a_failed_run_opens_with_its_cause_and_the_tail_of_its_log(
    scene: Scene, size: tuple[int, int]
) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=size) as pilot:
        app.open_run(scene.failed)
        await settle(pilot)
        text = screen_text(app)
        assert "needed more memory than it was given" in text
        assert "oom_kill" in text, "the site's own words are kept"
        assert "MemoryError: can not allocate 12.4 GB" in text
        assert "100%|####|" in text, "progress bars are folded"
        assert "10%|#" not in text
        assert "server still says RUNNING" in text


async def test_an_unsent_run_says_why_and_what_helps(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.unsent)
        await settle(pilot)
        text = screen_text(app)
        assert "not sent yet, for uni" in text
        assert "stern-owl-9 has not been submitted yet: uni was not reached." in text
        assert "not submitted" in text
        assert "server   does not know it yet" in text


async def test_a_run_of_others_says_what_is_not_known(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.foreign)
        await settle(pilot)
        assert "not known: submitted elsewhere" in screen_text(app)
        await pilot.press("6")
        await settle(pilot)
        assert "Not recorded:" in screen_text(app)
        await pilot.press("X")
        await settle(pilot)
        assert "It was not submitted from here" in said(app)
        await pilot.press("v")
        await settle(pilot)
        assert "its job script is not known" in said(app)


async def test_it_asks_the_engine_to_follow_while_it_is_open(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test() as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        watched = [args for verb, args in scene.engine.told if verb == "watch"]
        assert watched[-1]["runs"] == [scene.running]
        assert ("fetch-histories", {"run_id": scene.running, "keys": None}) in scene.engine.asked
        await pilot.press("escape")
        await settle(pilot)
        watched = [args for verb, args in scene.engine.told if verb == "watch"]
        assert watched[-1]["runs"] == []


async def test_new_points_come_onto_the_plot(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, RunScreen)
        plot = screen._top.plots.plots[0]
        assert [len(series.values) for series in plot.series] == [80, 80]
        points = [(80, NOW_MS, 0.0311), (81, NOW_MS, 0.0309)]
        scene.session.write(history.append_points, scene.running, "rmse", points, NOW_MS)
        scene.engine.say("changed", tables=["run", "metric", "series"])
        await until(pilot, lambda: len(plot.series[0].values) == 82)
        assert plot.series[0].values[-1] == 0.0309
        assert len(plot.series[1].values) == 80


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (200, 60)])
async def test_every_tab_opens_at_any_size(scene: Scene, size: tuple[int, int]) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=size) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        for number, name in enumerate(TABS, 1):
            await pilot.press(str(number))
            await settle(pilot)
            assert f"[{name}" in screen_text(app)
        await pilot.press("tab")
        await settle(pilot)
        assert "[params" in screen_text(app), "after the last comes the first"
        await pilot.press("shift+tab")
        await settle(pilot)
        assert "[log]" in screen_text(app)
        assert "epoch  80/120" in screen_text(app)


async def test_metrics_show_their_course_and_enter_plots_one(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        assert re.search("█[▅-▇]+[▁-▄▅]+▁", screen_text(app)), "it falls from left to right"
        await pilot.press("enter")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, RunScreen)
        assert screen._top.plots.keys == ["lr"]
        await pilot.press("right")
        await settle(pilot)
        assert screen._top.plots.plots[0].model.cursor is not None
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert app.screen is screen, "Escape goes out of the plot first"
        assert app.focused is screen.query_one("#metrics")


async def test_chosen_metrics_are_remembered_for_the_project(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        await pilot.press("m")
        await settle(pilot)
        assert isinstance(app.screen, PickDialog)
        app.screen.dismiss(("lr",))
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        assert app.screen._top.plots.keys == ["lr"]
    again = make_app(scene.session)
    async with again.run_test(size=(120, 40)) as pilot:
        again.open_run(scene.running)
        await settle(pilot)
        assert isinstance(again.screen, RunScreen)
        assert again.screen._top.plots.keys == ["lr"]


async def test_a_tag_is_shown_at_once_and_says_that_it_waits(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        await pilot.press("3", "t")
        await settle(pilot)
        assert isinstance(app.screen, PromptDialog)
        app.screen.dismiss("stage=paper")
        await settle(pilot)
        line = next(line for line in screen_text(app).splitlines() if " stage " in line)
        assert "paper" in line
        assert "waits to be sent" in line


async def test_taking_back_restores_what_was_there(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        assert get_run(scene.session.store.connection, scene.running).tags["label"] == "candidate"
        await pilot.press("u")
        await settle(pilot)
        assert "label" not in get_run(scene.session.store.connection, scene.running).tags
        assert open_entries(scene.session.store.connection, scene.running) == []


async def test_cancelling_asks_first_and_names_run_site_job_and_owner(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        await pilot.press("X")
        await settle(pilot)
        assert isinstance(app.screen, ConfirmDialog)
        text = screen_text(app)
        for words in ("quick-otter-31", "this-machine", "4711021", "tom"):
            assert words in text
        await pilot.press("enter")
        await settle(pilot)
        assert not any(e.kind == "cancel" for e in open_entries(scene.session.store.connection))
        await pilot.press("X", "y")
        await settle(pilot)
        assert any(e.kind == "cancel" for e in open_entries(scene.session.store.connection))


async def test_script_and_changes_are_shown_from_the_local_copy(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        await pilot.press("v")
        await settle(pilot)
        assert "# job script of quick-otter-31" in screen_text(app)
        await pilot.press("escape", "d")
        await settle(pilot)
        assert "+lr = 1e-4" in screen_text(app)
        assert "preview-artifact" not in [verb for verb, _ in scene.engine.asked]


async def test_files_open_preview_and_download(scene: Scene, tmp_path: Path) -> None:
    copy = tmp_path / "metrics.csv"
    copy.write_text("epoch,rmse\n0,0.21\n1,0.1\n")
    scene.engine.answers["preview-artifact"] = {"path": str(copy)}
    scene.engine.answers["fetch-artifact"] = lambda **args: {
        "path": f"{args['destination']}/metrics.csv"
    }
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        await pilot.press("f", "j", "enter")
        await settle(pilot)
        assert "MLmodel" in screen_text(app), "a folder opens in place"
        await pilot.press("G", "k", "k", "k")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, RunScreen)
        screen._tabs.files.table.go_to(5)
        await settle(pilot)
        assert screen._tabs.files.node is not None
        assert screen._tabs.files.node.path == "metrics.csv"
        await pilot.press("enter")
        await settle(pilot)
        assert "CSV table" in screen_text(app)
        assert "0  0.21" in screen_text(app)
        await pilot.press("D")
        await settle(pilot)
        assert isinstance(app.screen, PromptDialog)
        app.screen.dismiss(str(tmp_path))
        await settle(pilot)
        assert f"Saved as {tmp_path}/metrics.csv" in said(app)
        fetched = [args for verb, args in scene.engine.asked if verb == "fetch-artifact"]
        assert fetched[-1]["path"] == "metrics.csv"


async def test_offline_everything_that_is_stored_is_shown_without_a_dialog(scene: Scene) -> None:
    for verb in (
        "fetch-histories",
        "fetch-log",
        "list-artifacts",
        "list-files",
        "preview-artifact",
    ):
        scene.engine.answers[verb] = Offline("mlflow.example.org was not reached", "no route")
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        assert "rmse 0.04083" in screen_text(app)
        await pilot.press("f", "j", "j", "j", "enter")
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        text = screen_text(app)
        assert "metrics.csv" in text
        assert "mlflow.example.org was not reached" in text


async def test_without_an_engine_it_opens_too() -> None:
    scene = make_scene()
    scene.engine.running = False
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.failed)
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        assert "MemoryError" in screen_text(app)


async def test_filtering_narrows_the_open_tab(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        await pilot.press("slash", *"arch")
        await until(pilot, lambda: "batch" not in screen_text(app))
        assert "resnet-12" in screen_text(app)
        assert "1 of 4" in screen_text(app)
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert "batch" in screen_text(app)
        assert isinstance(app.screen, RunScreen)


async def test_the_note_can_be_edited(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        assert isinstance(app.screen, PromptDialog)
        app.screen.dismiss("# Done\\n\\nBest so far.")
        await settle(pilot)
        assert (
            get_run(scene.session.store.connection, scene.running).note == "# Done\n\nBest so far."
        )


async def test_a_run_that_is_gone_says_so(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_run(999_999)
        await settle(pilot)
        assert "no longer there" in screen_text(app)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, RunScreen)


async def test_copying_offers_ids_folder_and_the_line_under_the_cursor(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        text = screen_text(app)
        for words in ("param arch", "name", "server's id", "job id", "run folder"):
            assert words in text


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_deleted_on_the_server_says_so_and_takes_no_edits(
    scene: Scene, size: tuple[int, int]
) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=size) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        with scene.session.store.transaction() as connection:
            connection.execute("UPDATE run SET deleted = 1 WHERE id = ?", (scene.running,))
        scene.engine.say("changed", tables=["run"])
        await until(pilot, lambda: "deleted on the server" in screen_text(app).splitlines()[0])
        assert "RUNNING" not in screen_text(app).splitlines()[0]
        below = "\n".join(screen_text(app).splitlines()[1:])
        assert "it was deleted there" in below or "deleted on the server" in below
        before = len(open_entries(scene.session.store.connection))
        for key in ("t", "e"):
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(app.screen, RunScreen), "no dialog opens"
        assert "It was deleted on the server: it can't be changed any more" in said(app)
        assert len(open_entries(scene.session.store.connection)) == before


async def test_a_name_of_any_length_stays_on_its_line(scene: Scene) -> None:
    name = "seven\tmoons\nrise " * 120
    with scene.session.store.transaction() as connection:
        connection.execute("UPDATE run SET name = ? WHERE id = ?", (name, scene.running))
    app = make_app(scene.session)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_project(scene.project_id)
        await settle(pilot)
        await until(pilot, lambda: "seven" in screen_text(app))
        text = screen_text(app)
        assert "\t" not in text
        lines = [line for line in text.splitlines() if "seven" in line]
        assert lines, "it is listed among the latest"
        assert all("RUNNING" in line and "13:0" in line for line in lines), "columns stand still"
        app.open_run(scene.running)
        await settle(pilot)
        top = screen_text(app).splitlines()[0]
        assert "seven" in top
        assert "RUNNING" in top
        await pilot.press("X")
        await settle(pilot)
        assert "4711021" in screen_text(app), "the dialog still shows which job"


async def test_a_screen_that_closes_leaves_what_the_next_one_watches(scene: Scene) -> None:
    """From a run to the form and back: its points still move."""
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.running)
        await settle(pilot)
        first = app.screen
        assert isinstance(first, RunScreen)
        await pilot.press("r")
        await settle(pilot)
        app.open_run(scene.queued)
        await settle(pilot)
        other = app.screen
        assert isinstance(other, RunScreen)
        await until(pilot, lambda: app.screen is other)
        for _ in range(4):
            if app.top_screen is not first:
                await pilot.press("escape")
                await settle(pilot)
        # Messages of two screens come in any order: the one that went may say so last.
        other.on_unmount()
        other.on_screen_suspend()
        watched = [args for verb, args in scene.engine.told if verb == "watch"]
        assert watched[-1]["runs"] == [scene.running]
        points = [(80, NOW_MS, 0.0311)]
        scene.session.write(history.append_points, scene.running, "rmse", points, NOW_MS)
        scene.engine.say("changed", tables=["run", "metric", "series"])
        plot = first._top.plots.plots[0]
        await until(pilot, lambda: len(plot.series[0].values) == 81)


async def test_courses_are_asked_for_once_the_first_metric_is_there(scene: Scene) -> None:
    app = make_app(scene.session)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_run(scene.queued)
        await settle(pilot)
        assert not [verb for verb, _ in scene.engine.asked if verb == "fetch-histories"]
        with scene.session.store.transaction() as connection:
            connection.execute(
                "INSERT INTO metric SELECT ?, key_id, value, is_nan, step, at_ms FROM metric WHERE run_id = ? LIMIT 1",
                (scene.queued, scene.running),
            )
            connection.execute("UPDATE run SET status = 'RUNNING' WHERE id = ?", (scene.queued,))
        for _ in range(2):
            scene.engine.say("changed", tables=["run", "metric"])
            await settle(pilot)
        asked = [args for verb, args in scene.engine.asked if verb == "fetch-histories"]
        assert asked == [{"run_id": scene.queued, "keys": None}], "once"
