"""The demo's folders: copies of the examples that a person may change, each a Git repository of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from mantik_tui.domain.demo_plan import DemoProject, DemoRun, demo_plan
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.workspace.styles import package_folder

_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "results", "mlruns", ".git")


def lay_out_projects(
    target: Path, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Path]:
    """Copies of the examples below `target`, by project slug. A copy that is there is left as it is.

    Raises:
        FileNotFoundError: the installation lacks the examples.
    """
    source = package_folder("examples")
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    folders = {}
    for project in demo_plan():
        folder = folders[project.slug] = target / project.slug
        if folder.exists():
            continue
        progress(f"laying out {folder}")
        draft = target / f".{project.slug}.new"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(source / project.slug, draft, ignore=_LEFT_OUT)
        _make_repository(draft)
        draft.rename(folder)
    return folders


def description(folder: Path) -> str:
    """A project's README without its first heading, which would repeat the project's name."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    first, _, rest = text.partition("\n")
    return rest.strip() if first.startswith("# ") else text.strip()


def run_config(project: DemoProject, run: DemoRun, folder: Path) -> RunConfig:
    """One of the demo's saved configurations or first runs, ready to be saved or submitted."""
    text = (folder / "backend-config.yaml").read_text(encoding="utf-8")
    return project.run_config(run, str(folder), text)


def own_environment() -> str:
    """The virtual environment that runs this program, for jobs on this machine that name none; empty without one."""
    return sys.prefix if (Path(sys.prefix) / "bin" / "activate").is_file() else ""


def _make_repository(folder: Path) -> None:
    """A Git repository with one commit, so that runs record their code's commit. Without Git the folder stays plain.

    The person's own Git settings (signing, hooks, templates) stay out of it.
    """
    git = shutil.which("git")
    if git is None:
        return
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        quiet |= {f"GIT_{role}_NAME": "mantik-tui demo", f"GIT_{role}_EMAIL": "demo@localhost"}
    for words in (
        ("-c", "init.defaultBranch=main", "init", "-q", "--template="),
        ("add", "-A"),
        ("-c", "commit.gpgSign=false", "commit", "-q", "-m", "Example as it ships"),
    ):
        done = subprocess.run(
            [git, *words],
            cwd=folder,
            env=quiet,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(folder / ".git", ignore_errors=True)
            return
