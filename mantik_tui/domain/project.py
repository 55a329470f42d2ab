"""Projects and what they tie together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

UNSORTED = "Unsorted"
"""Name of the project that holds the experiments which belong to none."""


class Role(StrEnum):
    """Mantik's five roles, from least to most."""

    GUEST = "Guest"
    REPORTER = "Reporter"
    RESEARCHER = "Researcher"
    MAINTAINER = "Maintainer"
    OWNER = "Owner"


@dataclass(frozen=True, slots=True)
class Label:
    scope: str
    """For example `problem-type`; empty for a free label."""
    name: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A code or data repository: a Git address, or a path on a site."""

    uid: str
    name: str
    uri: str
    description: str = ""
    dvc: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """A run with the value that makes it the best or the latest."""

    run_id: int
    cid: str
    name: str
    user: str
    status: str
    metric: str
    value: float | None
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """What the projects screen shows of a project."""

    id: int
    uid: str
    name: str
    summary: str
    owner: str
    ownership: str
    """`own`, `shared`, `public` or `unknown`, as far as the server tells."""
    problem_types: tuple[str, ...]
    labels: tuple[Label, ...]
    people: int
    runs: int
    running: int
    queued: int
    best: Result | None
    latest: Result | None
    last_run_ms: int | None
    members: tuple[str, ...] = ()
    """Names of the people, the owner among them if the tags say so."""


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    uid: str
    name: str
    summary: str
    description: str
    """Markdown."""
    owner: str
    visibility: str
    """The wanted one (`PRIVATE`, `SHARED`, `PUBLIC` or empty); what the server enforces is another thing."""
    labels: tuple[Label, ...]
    members: tuple[Member, ...]
    code: tuple[Repository, ...]
    data: tuple[Repository, ...]
    experiments: tuple[int, ...]
    folder: str
    """Folder on this machine that holds the MLproject, empty if none is known."""
    best_metric: str
    """Metric by which runs are ranked, empty if none was chosen or guessed."""
    best_goal: str
    """`min` or `max`."""
    as_of_ms: int | None


@dataclass(frozen=True, slots=True)
class Model:
    """A registered model's version, or a logged model that is in no registry."""

    name: str
    version: str
    """Empty for a logged model."""
    kind: str
    """`registered` or `logged`."""
    status: str
    aliases: tuple[str, ...]
    source: str
    run_server_id: str
    run_id: int | None
    created_ms: int | None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that runs logged as their input."""

    name: str
    digest: str
    source: str
    context: str
    runs: int
