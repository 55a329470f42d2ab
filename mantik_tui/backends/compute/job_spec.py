"""What a job consists of, in the terms that a script and a queue need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Container:
    """An Apptainer image that the command runs in."""

    image: str
    """Absolute path on the site, or a path inside the run folder. `$VARIABLES` are left to the shell."""
    options: tuple[str, ...] = ()
    """Options of `apptainer run`, shell text as the config has it."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One submission of one run. Everything in here may be shown; secrets go only into the run folder's env file."""

    run_id: str
    """Our id of the run, with dashes."""
    job_name: str
    """The run id without dashes, see `domain.ids.job_name`."""
    folder: str
    """Absolute path of the run folder on the site."""
    command: str
    """Shell text: the entry point's command with its parameters filled in."""
    submitted_ms: int
    """When the person pressed the key; orders the jobs that wait for a slot."""
    mlflow_run_id: str = ""
    tracking_uri: str = ""
    attempt: int = 1
    modules: tuple[str, ...] = ()
    python_venv: str = ""
    """Absolute path of a virtual environment on the site. `$VARIABLES` are left to the shell."""
    container: Container | None = None
    pre_commands: tuple[str, ...] = ()
    """Run on the compute node before the environment is entered; a failing one ends the job."""
    post_commands: tuple[str, ...] = ()
    """Run on the compute node, only after the command succeeded."""
    login_pre_commands: tuple[str, ...] = ()
    """Run once on the login node before the submission, see `run_folder.run_login_commands`."""
    login_post_commands: tuple[str, ...] = ()
    """Run once on the login node after the job has finished."""
    time_limit_s: int | None = None
    grace_s: int = 10
    """Seconds between TERM and KILL when the job is stopped."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """Mantik's resource names and values; plain processes use none of them but the time limit."""
    account: str = ""
    extra_lines: tuple[str, ...] = ()
    """Lines for the scheduler, for example `#SBATCH --hint=nomultithread`."""
