"""The demo server's life, with a quick stand-in for MLflow; `tests/e2e/test_demo_server.py` starts the real one."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from mantik_tui.domain.demo_plan import demo_plan
from mantik_tui.domain.errors import EngineProblem, Offline
from mantik_tui.domain.project_tags import from_tags
from mantik_tui.sync import demo_server
from mantik_tui.sync.demo_seed import seed_projects

STAND_IN = """
import http.server, subprocess, sys
helper = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
open("helper.pid", "w").write(str(helper.pid))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"OK")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder whose server is a stand-in with a helper process of its own."""
    monkeypatch.setattr(
        demo_server, "server_command", lambda port: [sys.executable, "-c", STAND_IN, str(port)]
    )
    folder = tmp_path / "demo home"
    yield folder
    demo_server.stop_demo_server(folder)


def wait_for(condition: Callable[[], bool], what: str, deadline_s: float = 15.0) -> None:
    pause = threading.Event()
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        pause.wait(0.02)


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_starts_keeps_its_secrets_to_itself_and_ends_with_all_that_it_started(
    state: Path,
) -> None:
    said: list[str] = []
    server = demo_server.start_demo_server(state, said.append)
    assert not server.taken_over and server.url.startswith("http://127.0.0.1:")
    assert len(server.password) >= 16 and server.password not in repr(server)
    for name in ("password", "flask.key", "server.log"):
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o600, name
    assert server.password not in (state / "auth.ini").read_text()
    assert not any(server.password in word for word in psutil.Process(server.pid).cmdline())
    assert "auth_cache_ttl_seconds = 60" in (state / "auth.ini").read_text()
    assert said[-1] == f"MLflow server answers: {server.url}"
    helper = int((state / "helper.pid").read_text())
    server.stop()
    assert not runs(server.pid)
    wait_for(lambda: not runs(helper), "the server's helper ended too")
    assert demo_server.find_demo_server(state) is None
    server.stop()


def test_a_second_start_takes_over_what_is_there(state: Path) -> None:
    first = demo_server.start_demo_server(state)
    second = demo_server.start_demo_server(state)
    assert second.taken_over
    assert (second.pid, second.url, second.password) == (first.pid, first.url, first.password)
    second.stop()
    assert not runs(first.pid)
    first.stop()


def test_two_starts_at_once_end_up_with_one_server(state: Path) -> None:
    found: list[demo_server.DemoServer] = []
    threads = [
        threading.Thread(target=lambda: found.append(demo_server.start_demo_server(state)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len({server.pid for server in found}) == 1 and len(found) == 3
    assert sum(server.taken_over for server in found) == 2
    found[0].stop()


def test_port_and_password_stay_the_same_over_a_restart(state: Path) -> None:
    first = demo_server.start_demo_server(state)
    first.stop()
    again = demo_server.start_demo_server(state)
    again.stop()
    assert (again.url, again.password) == (first.url, first.password)
    assert again.pid != first.pid and not again.taken_over


def test_a_port_that_somebody_else_took_is_replaced(state: Path) -> None:
    first = demo_server.start_demo_server(state)
    first.stop()
    port = first.url.rpartition(":")[2]
    squatter = subprocess.Popen([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", port])
    try:
        wait_for(
            lambda: any(
                c.laddr.port == int(port) for c in psutil.Process(squatter.pid).net_connections()
            ),
            "the port is taken",
        )
        again = demo_server.start_demo_server(state)
        again.stop()
        assert again.url != first.url
    finally:
        squatter.kill()
        squatter.wait()


def test_it_ends_when_its_starter_is_killed(state: Path) -> None:
    code = (
        "import signal, sys; from pathlib import Path; from mantik_tui.sync import demo_server as d\n"
        f"d.server_command = lambda port: [sys.executable, '-c', {STAND_IN!r}, str(port)]\n"
        "server = d.start_demo_server(Path(sys.argv[1])); print(server.pid, flush=True); signal.pause()"
    )
    starter = subprocess.Popen([sys.executable, "-c", code, str(state)], stdout=subprocess.PIPE)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    helper = int((state / "helper.pid").read_text())
    assert runs(pid) and runs(helper)
    starter.kill()
    starter.wait()
    starter.stdout.close()
    wait_for(lambda: not runs(pid) and not runs(helper), "server and helper ended")


def test_a_record_of_another_process_with_the_same_id_is_no_server(state: Path) -> None:
    first = demo_server.start_demo_server(state)
    first.stop()
    (state / "server.json").write_text(f'{{"pid": {os.getpid()}, "mark": 1, "port": 1}}')
    assert demo_server.find_demo_server(state) is None
    assert demo_server.stop_demo_server(state) is False


def test_a_server_that_ends_at_once_is_told_with_its_last_words(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no room for a database')"]
    monkeypatch.setattr(demo_server, "server_command", lambda _: command)
    with pytest.raises(EngineProblem) as caught:
        demo_server.start_demo_server(state)
    assert caught.value.cause == "no room for a database"
    assert "server.log" in caught.value.hint


def test_a_server_that_never_answers_is_ended(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    monkeypatch.setattr(demo_server, "server_command", lambda _: command)
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(Offline):
        demo_server.start_demo_server(state, timeout_s=0.5)
    left = set(psutil.Process().children(recursive=True)) - before
    assert not left


def test_without_the_extra_it_says_what_to_install(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "mlflow":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(EngineProblem, match="extra 'server'") as caught:
        demo_server.start_demo_server(state)
    assert caught.value.hint == "install it with: pip install 'mantik-tui[server]'"


def test_variables_of_another_tracking_server_stay_out(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere.example")
    server = demo_server.start_demo_server(state)
    environment = psutil.Process(server.pid).environ()
    server.stop()
    assert "MLFLOW_TRACKING_URI" not in environment
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_the_keeper_passes_a_term_on_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mantik_tui.sync.demo_child", sys.executable, "-c"]
    code = "import pathlib, signal; pathlib.Path('up').touch(); signal.pause()"
    keeper = subprocess.Popen(
        [*command, code], cwd=tmp_path, stdin=subprocess.PIPE, start_new_session=True
    )
    wait_for((tmp_path / "up").exists, "the command runs")
    children = psutil.Process(keeper.pid).children()
    keeper.send_signal(signal.SIGTERM)
    keeper.wait(10)
    assert keeper.stdin is not None
    keeper.stdin.close()
    assert len(children) == 1 and not runs(children[0].pid)


@dataclass
class Record:
    tag_map: dict[str, str]
    creation_time: int | None


@dataclass
class FakeServer:
    """Experiments as MLflow keeps them; counts what is written."""

    experiments: dict[str, tuple[str, Record]] = field(default_factory=dict)
    writes: int = 0

    async def create_experiment(
        self,
        name: str,
        tags: Mapping[str, str] | None = None,
        *,
        adopt: bool = False,
        same_tag: str = "",
    ) -> str:
        if name not in self.experiments:
            self.writes += 1
            number = len(self.experiments) + 1
            self.experiments[name] = (str(number), Record(dict(tags or {}), 1000 + number))
        return self.experiments[name][0]

    async def get_experiment(self, experiment_id: str) -> Record:
        return next(
            record for number, record in self.experiments.values() if number == experiment_id
        )

    async def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None:
        self.writes += 1
        (await self.get_experiment(experiment_id)).tag_map[key] = value


async def test_projects_are_seeded_once_and_can_be_read_back() -> None:
    server = FakeServer()
    projects = [
        (project.tagged("demo", f"/demo/{project.slug}", "Some *words*."), project.experiments)
        for project in demo_plan()
    ]
    ids = await seed_projects(server, projects)
    written = server.writes
    assert await seed_projects(server, projects) == ids and server.writes == written
    carriers = [name for name in server.experiments if name.startswith("mantik-project/")]
    assert len(carriers) == 3 and len(ids) == len(server.experiments) == 8
    read = [from_tags(server.experiments[name][1].tag_map, name) for name in carriers]
    assert [project.name for project in read if project] == [
        "Wind power forecast",
        "Hail nowcasting",
        "Climate groups of stations",
    ]
    wind = read[0]
    assert wind is not None
    assert wind.description == "Some *words*."
    assert wind.links == {ids["wind-power"]: 1001, ids["wind-power-baselines"]: 1002}
    assert ("problem-type", "Regression") in [(label.scope, label.name) for label in wind.labels]
    assert (wind.members[0].name, wind.members[0].role) == ("demo", "Owner")
    assert wind.code[0].uri == "/demo/wind-power-forecast"


async def test_seeding_leaves_alone_what_a_person_edited_and_adds_missing_links() -> None:
    server = FakeServer()
    project = demo_plan()[0]
    seed = [(project.tagged("demo", "/demo", ""), project.experiments)]
    ids = await seed_projects(server, seed)
    carrier = next(
        record for name, (_, record) in server.experiments.items() if name.startswith("mantik-")
    )
    carrier.tag_map["mantik.project.summary"] = "my own words"
    link = f"mantik.link.{ids['wind-power']}"
    del carrier.tag_map[link]
    await seed_projects(server, seed)
    assert carrier.tag_map["mantik.project.summary"] == "my own words"
    assert carrier.tag_map[link] == "1001"
