"""What people install: the wheel, built and put into a clean environment of its own, without the extra `server`."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.pty_probe import Probe

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600

pytestmark = [pytest.mark.acceptance("first-flight.1"), pytest.mark.timeout(SECONDS)]


def call(*command: str | Path, cwd: Path | None = None) -> str:
    """Runs a command; what it printed. Fails with all that it said."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the files that Git knows: what a fresh clone has."""
    source = tmp_path_factory.mktemp("source")
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    call(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        source / "dist",
        source,
    )
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder `bin` of a clean environment with the wheel and what it needs, at the lock's versions."""
    place = tmp_path_factory.mktemp("clean")
    call(sys.executable, "-m", "venv", place / "venv")
    pins = place / "pins.txt"
    lines = (ROOT / "requirements" / "dev.lock").read_text().splitlines()
    pins.write_text(
        "\n".join(line.rstrip(" \\") for line in lines if "==" in line and "--hash" not in line)
    )
    python = place / "venv" / "bin" / "python"
    call(
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-compile",
        "-c",
        pins,
        wheel,
    )
    return python.parent


def test_the_wheel_has_styles_and_examples_and_nothing_that_was_made_on_the_way(
    wheel: Path,
) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "mantik_tui/styles/base.tcss",
        "mantik_tui/examples/wind-power-forecast/MLproject",
        "mantik_tui/examples/wind-power-forecast/data/wind.csv",
        "mantik_tui/examples/hail-nowcasting/backend-config.yaml",
        "mantik_tui/examples/station-clustering/README.md",
        "mantik_tui/store/migrations/0001_first.sql",
        "mantik_tui/py.typed",
    ):
        assert needed in names
    wanted = {f"mantik_tui/styles/{file.name}" for file in (ROOT / "styles").glob("*.tcss")}
    assert wanted <= set(names)
    assert not [
        name for name in names if name.endswith(".pyc") or name.startswith(("tests/", "styles/"))
    ]


def test_version_and_help_work_in_a_clean_environment(installed: Path, tmp_path: Path) -> None:
    command = installed / "mantik-tui"
    assert "0.1.0" in call(command, "--version", cwd=tmp_path)
    said = call(command, "--help", cwd=tmp_path)
    assert "runs" in said and "projects" in said and "demo" in said


def test_the_installed_program_finds_its_styles_and_examples(
    installed: Path, tmp_path: Path
) -> None:
    code = (
        "from mantik_tui.workspace.styles import package_folder, style_files\n"
        "print(len(style_files()), package_folder('examples'))"
    )
    count, folder = call(installed / "python", "-c", code, cwd=tmp_path).split()
    assert int(count) == len(list((ROOT / "styles").glob("*.tcss")))
    assert Path(folder).is_relative_to(installed.parent)


def test_the_base_installs_without_a_server_and_says_so(installed: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from mantik_tui.domain.errors import EngineProblem\n"
        "from mantik_tui.sync.demo_server import start_demo_server\n"
        "try: start_demo_server(Path('state'))\n"
        "except EngineProblem as problem: print(problem.hint)"
    )
    said = call(installed / "python", "-c", code, cwd=tmp_path)
    assert said.strip() == "install it with: pip install 'mantik-tui[server]'"


def test_the_installed_program_opens_with_the_welcome_screen(
    installed: Path, tmp_path: Path
) -> None:
    home = {"MANTIK_TUI_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    with Probe(
        [str(installed / "mantik-tui")], columns=80, lines=24, env=home, cwd=str(tmp_path)
    ) as probe:
        probe.wait_for("demo", timeout=30)
        probe.settle(timeout=30)
        shown = probe.text.lower()
        assert "connect" in shown and "demo" in shown
        probe.press("ctrl+q")
        assert probe.wait(20) == 0
