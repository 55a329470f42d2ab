"""From a run configuration to everything that a submission needs, with all problems at once. Sends nothing."""

from __future__ import annotations

import dataclasses
import getpass
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mantik_tui import __version__
from mantik_tui.domain.backend_config import BackendConfig, ProjectFiles, read_backend_config
from mantik_tui.domain.backend_config_types import ImageType
from mantik_tui.domain.backend_config_units import runtime_seconds
from mantik_tui.domain.commands import build_command, check_params
from mantik_tui.domain.errors import BadInput, MantikError
from mantik_tui.domain.mlproject import MLproject
from mantik_tui.domain.problems import Problem, Severity
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.site import Site
from mantik_tui.domain.snapshot_rules import Selection
from mantik_tui.store.reads import jobs
from mantik_tui.workspace.code import GitState, git_state, list_snapshot, read_code
from mantik_tui.workspace.session import Session


@dataclass(frozen=True, slots=True)
class Plan:
    """A submission before it is made."""

    config: RunConfig
    problems: tuple[Problem, ...]
    mlproject: MLproject | None
    backend: BackendConfig
    site: Site | None
    params: dict[str, str]
    """Values of all parameters, defaults included."""
    command: str
    time_limit_s: int | None
    selection: Selection | None
    """What the snapshot would take; None when only the texts were checked."""
    git: GitState

    @property
    def ok(self) -> bool:
        return not any(problem.severity is Severity.ERROR for problem in self.problems)

    @property
    def question(self) -> str:
        """What a person should confirm before so much is sent; empty if nothing."""
        if self.selection is None or not self.selection.needs_question:
            return ""
        biggest = ", ".join(
            f"{file.path} ({file.size / 1e6:.0f} MB)" for file in self.selection.biggest()
        )
        size = self.selection.size / 1e6
        return f"The snapshot has {len(self.selection.kept)} files and {size:.0f} MB. The biggest: {biggest}"


def make_plan(session: Session, config: RunConfig, *, files: bool = True) -> Plan:
    """Check a configuration and work out what it would submit.

    Args:
        files: also list the code folder and ask Git; leave it out while a person types.
    """
    problems: list[Problem] = []
    folder = Path(config.code).expanduser()
    site = _site(session, config, problems)
    backend = _backend(config, folder, site, problems)
    mlproject, found = read_code(folder) if config.code else (None, [_missing_code()])
    problems += found
    params, command = _command(config, mlproject, problems)
    limit = _limit(config, backend, problems)
    selection, git = None, GitState()
    if files and folder.is_dir():
        image = backend.environment.apptainer
        keep = [mlproject.file] if mlproject else []
        # A .gitignore names images, for they are large; the one that the config names is needed there.
        keep += [image.path] if image is not None and image.type is ImageType.LOCAL else []
        selection = list_snapshot(folder, backend.exclude, keep)
        git = git_state(folder)
    return Plan(
        config, tuple(problems), mlproject, backend, site, params, command, limit, selection, git
    )


def _missing_code() -> Problem:
    return Problem(
        Severity.ERROR,
        "",
        1,
        "code",
        "no code folder is given",
        "Choose the folder that holds the MLproject",
    )


def _site(session: Session, config: RunConfig, problems: list[Problem]) -> Site | None:
    if not config.site:
        problems.append(
            Problem(
                Severity.ERROR,
                "",
                1,
                "site",
                "no site is chosen",
                "mantik-tui sites list shows them",
            )
        )
        return None
    try:
        return session.read(jobs.get_site, config.site)
    except MantikError as error:
        problems.append(Problem(Severity.ERROR, "", 1, "site", str(error), error.hint))
        return None


def _backend(
    config: RunConfig, folder: Path, site: Site | None, problems: list[Problem]
) -> BackendConfig:
    name = config.backend_config_path or "backend-config.yaml"
    if not config.backend_config.strip():
        return BackendConfig()

    def size_of(path: Path) -> int | None:
        try:
            return path.stat().st_size if path.is_file() else None
        except OSError:
            return None

    files = ProjectFiles(folder, size_of) if folder.is_dir() else None
    kind = "ssh" if site and site.scheduler == "slurm" else "local"
    backend, found = read_backend_config(
        config.backend_config, name, project=files, site_chosen=bool(config.site), site_kind=kind
    )
    problems += found
    return backend


def _command(
    config: RunConfig, mlproject: MLproject | None, problems: list[Problem]
) -> tuple[dict[str, str], str]:
    if mlproject is None:
        return dict(config.params), ""
    entry = mlproject.entry_points.get(config.entry_point)
    if entry is None:
        known = ", ".join(mlproject.entry_points) or "none"
        message = f"the MLproject has no entry point {config.entry_point!r}"
        problems.append(
            Problem(Severity.ERROR, mlproject.file, 1, "entry_point", message, f"It has: {known}")
        )
        return dict(config.params), ""
    values, found = check_params(entry, config.params, file=mlproject.file)
    problems += found
    if any(problem.severity is Severity.ERROR for problem in found):
        return values, ""
    try:
        return values, build_command(mlproject, config.entry_point, values)
    except BadInput as error:
        problems += error.problems or (
            Problem(Severity.ERROR, mlproject.file, entry.line, "command", error.title, error.hint),
        )
        return values, ""


def _limit(config: RunConfig, backend: BackendConfig, problems: list[Problem]) -> int | None:
    if not config.time_limit:
        return backend.resources.runtime_s
    seconds = _clock_seconds(config.time_limit)
    if seconds is None:
        try:
            seconds = runtime_seconds(config.time_limit)
        except (ValueError, MantikError):
            seconds = None
    if not seconds or seconds <= 0:
        message = f"{config.time_limit!r} is no time limit"
        problems.append(
            Problem(Severity.ERROR, "", 1, "time_limit", message, "Write 90m, 2h or 1:30:00")
        )
        return None
    return seconds


def _clock_seconds(text: str) -> int | None:
    match = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d{2})", text.strip())
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def spec_of(session: Session, plan: Plan, cid: str, now_ms: int) -> dict[str, Any]:
    """The full record of a submission, kept with the run and sent as `.mantik/spec.json`. Holds no secret."""
    config = plan.config
    environment = plan.backend.environment
    python = environment.python
    if not python and environment.apptainer is None and plan.site is not None:
        python = plan.site.settings.get("python", "")
    container = environment.apptainer
    return {
        "version": 1,
        "run_id": cid,
        "run_config": {**dataclasses.asdict(config), "id": None, "updated_ms": None},
        "entry_point": config.entry_point,
        "params": plan.params,
        "command": plan.command,
        "backend_config": plan.backend.to_mantik(),
        "environment": {
            "python": python,
            "container": {
                "image": container.path,
                "type": container.type.value,
                "options": list(container.options),
            }
            if container
            else None,
            "modules": [*(plan.site.modules if plan.site else ()), *environment.modules],
            "variables": dict(environment.variables),
            "pre_login": list(environment.pre_run_login),
            "pre": list(environment.pre_run_compute),
            "post": list(environment.post_run_compute),
            "post_login": list(environment.post_run_login),
        },
        "time_limit_s": plan.time_limit_s,
        "site": config.site,
        "account": config.account or (plan.site.account if plan.site else ""),
        "extra_lines": [*(plan.site.extra_lines if plan.site else ()), *config.extra_lines],
        "code": {
            "folder": str(Path(config.code).expanduser().absolute()),
            "repository": plan.git.repository,
            "commit": plan.git.commit,
            "branch": plan.git.branch,
            "subfolder": plan.git.subfolder,
            "changed": plan.git.changed,
        },
        "submitted_ms": now_ms,
        "submitted_by": user_name(session),
        "submitted_from": socket.gethostname(),
        "mantik_tui": __version__,
    }


def user_name(session: Session) -> str:
    """Who submits, for the run's `mlflow.user`: the login on the server, else the account on this machine."""
    if session.workspace.username:
        return session.workspace.username
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
