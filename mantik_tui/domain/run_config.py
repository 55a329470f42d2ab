"""A run configuration: everything needed to submit."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What the form shows and a submission is made from."""

    name: str
    code: str
    """Folder on this machine that holds the MLproject."""
    entry_point: str = "main"
    params: dict[str, str] = field(default_factory=dict)
    """Only what differs from the MLproject's defaults; values as text, as MLflow has them."""
    site: str = ""
    account: str = ""
    experiment: str = ""
    """Name of the MLflow experiment; made on the server when it is missing."""
    run_name: str = ""
    """Empty: a free name is made at submission."""
    backend_config: str = ""
    """Text of the backend config (YAML or JSON), kept as the person wrote it."""
    backend_config_path: str = ""
    """Where that text was read from, for messages; empty when it was typed in the form."""
    time_limit: str = ""
    """Overrides `Resources.Runtime`; empty leaves the config's."""
    extra_lines: tuple[str, ...] = ()
    """Further lines for the scheduler, for example `#SBATCH --hint=nomultithread`."""
    id: int | None = None
    project_id: int | None = None
    updated_ms: int | None = None
