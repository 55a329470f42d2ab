"""The demo's real MLflow server: login needed, projects written and read back, one training logged to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mantik_tui.backends.tracking.address import Login
from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.domain.demo_plan import demo_plan
from mantik_tui.domain.errors import NeedsLogin
from mantik_tui.domain.project_tags import from_tags
from mantik_tui.sync.demo_seed import seed_projects
from mantik_tui.sync.demo_server import DemoServer, start_demo_server, stop_demo_server
from mantik_tui.workspace.demo import description, lay_out_projects

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    folder = tmp_path_factory.mktemp("demo") / "a folder, 100% odd"
    server = start_demo_server(folder)
    yield server
    server.stop()
    assert stop_demo_server(folder) is False


async def test_nobody_gets_in_without_the_password(demo: DemoServer) -> None:
    for login in (Login(), Login(demo.username, "a wrong password")):
        async with TrackingClient(demo.url, login) as client:
            with pytest.raises(NeedsLogin):
                await client.search_experiments()


async def test_projects_of_the_demo_lie_on_the_server_and_seeding_twice_is_seeding_once(
    demo: DemoServer, tmp_path: Path
) -> None:
    folders = lay_out_projects(tmp_path)
    projects = [
        (
            project.tagged(
                demo.username, str(folders[project.slug]), description(folders[project.slug])
            ),
            project.experiments,
        )
        for project in demo_plan()
    ]
    async with TrackingClient(demo.url, Login(demo.username, demo.password)) as client:
        ids = await seed_projects(client, projects)
        assert await seed_projects(client, projects) == ids
        there = await client.search_experiments()
    carried = [from_tags(record.tag_map, record.name) for record in there]
    found = {project.name: project for project in carried if project is not None}
    assert set(found) == {project.name for project in demo_plan()}
    wind = found["Wind power forecast"]
    assert set(wind.links) == {ids["wind-power"], ids["wind-power-baselines"]}
    assert "**Entry points**" in wind.description
    assert (wind.owner, wind.best_metric, wind.best_goal) == ("demo", "rmse", "min")


async def test_an_example_logs_its_curve_to_the_run_that_it_was_given(
    demo: DemoServer, tmp_path: Path
) -> None:
    folder = lay_out_projects(tmp_path)["wind-power-forecast"]
    async with TrackingClient(demo.url, Login(demo.username, demo.password)) as client:
        experiment = await client.create_experiment("one-training", adopt=True)
        run = await client.create_run(experiment, name="by hand", start_ms=1)
        await client.log_param(run.info.run_id, "pause", "0")
        environment = os.environ | {
            "MLFLOW_TRACKING_URI": demo.url,
            "MLFLOW_TRACKING_USERNAME": demo.username,
            "MLFLOW_TRACKING_PASSWORD": demo.password,
            "MLFLOW_RUN_ID": run.info.run_id,
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run(
            [sys.executable, "train.py", "--pause", "0"],
            cwd=folder,
            env=environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        ended = await client.get_run(run.info.run_id)
        curve = await client.history.whole(run.info.run_id, "rmse")
    assert ended.info.status == "FINISHED"
    assert [point.step for point in curve] == list(range(1, 26))
    assert (demo.state_dir / "artifacts").is_dir()
    assert list((demo.state_dir / "artifacts").rglob("forecast.png"))
