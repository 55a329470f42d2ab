"""Sites: places that run jobs."""

from __future__ import annotations

from dataclasses import dataclass, field

THIS_MACHINE = "this-machine"


@dataclass(frozen=True, slots=True)
class Site:
    """An address, how bytes and commands travel there, what its queue speaks, and its defaults."""

    name: str
    transport: str = "local"
    """`local`; `ssh` comes with the story that brings clusters."""
    scheduler: str = "process"
    """`process`; `slurm` comes with the story that brings clusters."""
    address: str = ""
    run_root: str = ""
    """Folder that holds run folders; `$VARIABLES` are expanded on the site."""
    account: str = ""
    modules: tuple[str, ...] = ()
    extra_lines: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    state: str = ""
    """What the last contact told: empty, `ok`, `unreachable`, `needs login`."""
    state_reason: str = ""
    as_of_ms: int | None = None
