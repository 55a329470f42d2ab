"""What a backend config says, typed. Names and rules are Mantik's; docs/backend-config.md has them for users."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

_MEMORY = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([kmgtp]?)(i?b)?\s*", re.IGNORECASE)
_TO_MB = {"": 1.0, "k": 1 / 1024, "m": 1.0, "g": 1024.0, "t": 1024.0**2, "p": 1024.0**3}


@dataclass(frozen=True, slots=True)
class UnicoreSite:
    """`UnicoreApiUrl`."""

    api_url: str


@dataclass(frozen=True, slots=True)
class FirecrestSite:
    """`Firecrest`."""

    api_url: str
    token_url: str
    machine: str


@dataclass(frozen=True, slots=True)
class SshSite:
    """`SSH`: a login node with Slurm behind it."""

    hostname: str
    port: int | None = None
    """None: what the SSH configuration says, else 22."""


SiteKeys = UnicoreSite | FirecrestSite | SshSite


class ImageType(StrEnum):
    LOCAL = "local"
    """The image lies in the project and is sent with it."""
    REMOTE = "remote"
    """The image lies on the site."""


@dataclass(frozen=True, slots=True)
class Apptainer:
    path: str
    """Absolute for a remote image; a local one may be relative to the project."""
    type: ImageType = ImageType.LOCAL
    options: tuple[str, ...] = ()
    """Each as written: `-B /a:/b` is one entry of two words."""


@dataclass(frozen=True, slots=True)
class Environment:
    """How the command is run. At most one of `apptainer` and `python` is set; neither means as it is."""

    apptainer: Apptainer | None = None
    python: str = ""
    """Absolute path of a virtual environment on the site."""
    variables: dict[str, str] = field(default_factory=dict)
    """Values as written; `$NAME` and `$(…)` in them are for the shell of the job."""
    modules: tuple[str, ...] = ()
    pre_run_login: tuple[str, ...] = ()
    pre_run_compute: tuple[str, ...] = ()
    post_run_compute: tuple[str, ...] = ()
    post_run_login: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resources:
    """What is asked of the batch system; None or empty means that nothing is asked."""

    queue: str = ""
    runtime: str = ""
    """One number and one unit of `s m h d`, or `0`."""
    runtime_s: int | None = None
    """`runtime` in seconds."""
    nodes: int | None = None
    total_cpus: int | None = None
    cpus_per_node: int | None = None
    gpus_per_node: int | None = None
    memory_per_node: str = ""
    """As written: MB where there is no unit; a negative number asks for nothing."""
    reservation: str = ""
    node_constraints: str = ""
    qos: str = ""

    @property
    def memory_mb(self) -> int | None:
        """`memory_per_node` in Slurm's MB (powers of 1024, rounded up); None if nothing is asked."""
        return memory_mb(self.memory_per_node)


@dataclass(frozen=True, slots=True)
class BackendConfig:
    site: SiteKeys | None = None
    """None when the file names no site, which is fine once a site was chosen."""
    resources: Resources = field(default_factory=Resources)
    environment: Environment = field(default_factory=Environment)
    exclude: tuple[str, ...] = ()

    def to_mantik(self) -> dict[str, object]:
        """The config under Mantik's names of today, numbers as numbers, without what is not set."""
        config: dict[str, object] = _site_keys(self.site)
        environment = _environment_keys(self.environment)
        if environment:
            config["Environment"] = environment
        config["Resources"] = _resource_keys(self.resources)
        if self.exclude:
            config["Exclude"] = list(self.exclude)
        return config


def memory_mb(text: str) -> int | None:
    """`16G`, `64000`, `1.5 GiB` in MB of 1024 kB, rounded up; None for what is no amount, or negative."""
    found = _MEMORY.fullmatch(text)
    if not found:
        return None
    exact = float(found.group(1)) * _TO_MB[found.group(2).lower()]
    return int(exact) + (exact > int(exact))


def _site_keys(site: SiteKeys | None) -> dict[str, object]:
    match site:
        case UnicoreSite():
            return {"UnicoreApiUrl": site.api_url}
        case FirecrestSite():
            keys = {"ApiUrl": site.api_url, "TokenUrl": site.token_url, "Machine": site.machine}
            return {"Firecrest": keys}
        case SshSite():
            return {"SSH": _set({"Hostname": site.hostname, "Port": site.port})}
        case None:
            return {}


def _environment_keys(environment: Environment) -> dict[str, object]:
    image = environment.apptainer
    return _set(
        {
            "Apptainer": _set(
                {"Path": image.path, "Type": str(image.type), "Options": list(image.options)}
            )
            if image
            else None,
            "Python": environment.python,
            "Variables": dict(environment.variables),
            "Modules": list(environment.modules),
            "PreRunCommandOnLoginNode": list(environment.pre_run_login),
            "PreRunCommandOnComputeNode": list(environment.pre_run_compute),
            "PostRunCommandOnComputeNode": list(environment.post_run_compute),
            "PostRunCommandOnLoginNode": list(environment.post_run_login),
        }
    )


def _resource_keys(resources: Resources) -> dict[str, object]:
    return _set(
        {
            "Queue": resources.queue,
            "Runtime": resources.runtime,
            "Nodes": resources.nodes,
            "TotalCPUs": resources.total_cpus,
            "CPUsPerNode": resources.cpus_per_node,
            "GPUsPerNode": resources.gpus_per_node,
            "MemoryPerNode": resources.memory_per_node,
            "Reservation": resources.reservation,
            "NodeConstraints": resources.node_constraints,
            "QoS": resources.qos,
        }
    )


def _set(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}
