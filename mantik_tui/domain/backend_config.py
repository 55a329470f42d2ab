"""Backend configs: the YAML or JSON file that says site, resources, environment and what is not sent.

    config, problems = parse_backend_config(text, "backend-config.yaml")

All faults come at once, each with line, key and a hint. Nothing here touches files: what must be looked up in the
project comes in as callables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mantik_tui.domain.backend_config_legacy import with_todays_keys
from mantik_tui.domain.backend_config_read import (
    elsewhere_at_top,
    read_environment,
    read_exclude,
    read_resources,
)
from mantik_tui.domain.backend_config_sites import read_site
from mantik_tui.domain.backend_config_types import (
    Apptainer,
    BackendConfig,
    Environment,
    FirecrestSite,
    ImageType,
    Resources,
    SiteKeys,
    SshSite,
    UnicoreSite,
    memory_mb,
)
from mantik_tui.domain.backend_config_units import runtime_seconds
from mantik_tui.domain.excludes import excluded
from mantik_tui.domain.faults import Faults, has_errors, shown
from mantik_tui.domain.fields import Keys
from mantik_tui.domain.nodes import Node, Scalar, Section
from mantik_tui.domain.problems import Problem
from mantik_tui.domain.text import size
from mantik_tui.domain.yaml_lines import read_nodes

__all__ = [
    "UPLOAD_LIMIT",
    "Apptainer",
    "BackendConfig",
    "Environment",
    "FirecrestSite",
    "ImageType",
    "ProjectFiles",
    "Resources",
    "SiteKeys",
    "SshSite",
    "UnicoreSite",
    "check_config_text",
    "memory_mb",
    "parse_backend_config",
    "read_backend_config",
    "runtime_seconds",
]

SUFFIXES = (".json", ".yml", ".yaml")
UPLOAD_LIMIT = 104_857_600
"""Mantik's limit for all that is uploaded, in bytes."""


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """The project folder, as far as a config is checked against it."""

    folder: Path
    size_of: Callable[[Path], int | None]
    """Size of a file in bytes; None if there is no file of that path."""


def parse_backend_config(
    text: str,
    file: str,
    *,
    project: ProjectFiles | None = None,
    site_chosen: bool = False,
    site_kind: str | None = None,
) -> tuple[BackendConfig | None, list[Problem]]:
    """Read a backend config; None if there is an error among the problems.

    `file` is the name for messages, and `.json` at its end means JSON; it may be empty for text that was typed.
    With `site_chosen` the file need not name a site nor a queue; `site_kind` is then that site's kind (`unicore`,
    `firecrest`, `ssh`, anything else). With `project` a local image must be there.
    """
    config, problems = read_backend_config(
        text, file, project=project, site_chosen=site_chosen, site_kind=site_kind
    )
    return (None if has_errors(problems) else config), problems


def check_config_text(
    text: str, file: str = "", *, site_chosen: bool = False, site_kind: str | None = None
) -> list[Problem]:
    """The problems alone, for a check while the text is typed."""
    return read_backend_config(text, file, site_chosen=site_chosen, site_kind=site_kind)[1]


def read_backend_config(
    text: str,
    file: str,
    *,
    project: ProjectFiles | None = None,
    site_chosen: bool = False,
    site_kind: str | None = None,
) -> tuple[BackendConfig, list[Problem]]:
    """As `parse_backend_config`, but gives what could be read even when there are errors (a form shows it)."""
    node, faults = read_nodes(text, file)
    _check_suffix(file, faults)
    top = _top(node, faults, site_chosen=site_chosen)
    if top is None:
        return BackendConfig(), faults.in_order()
    site = read_site(top, site_chosen=site_chosen)
    kind = _kind(site) or (site_kind or "")
    slurm = isinstance(site, FirecrestSite | SshSite)
    resources = read_resources(top, site_chosen=site_chosen, slurm=slurm)
    environment = read_environment(top, kind=kind)
    config = BackendConfig(site, resources, environment, read_exclude(top))
    top.warn_of_others(elsewhere_at_top())
    _check_against_exclude(config, top, file)
    if project is not None:
        _check_image_file(config, top, project)
    return config, faults.in_order()


def _check_suffix(file: str, faults: Faults) -> None:
    suffix = PurePosixPath(file).suffix.lower()
    if file and suffix not in SUFFIXES:
        named = (
            f"The file type {shown(suffix)} is not known."
            if suffix
            else "The file's name has no type."
        )
        faults.error(1, "", named, "Name it .yaml, .yml or .json.")


def _top(node: Node | None, faults: Faults, *, site_chosen: bool) -> Keys | None:
    if node is None:
        return None
    if isinstance(node, Scalar) and node.kind == "null":
        if not site_chosen:
            faults.error(
                1, "", "The file is empty.", "It needs at least a site and Resources with Queue."
            )
            return None
        node = Section({}, 1)
    if not isinstance(node, Section):
        faults.error(
            node.line,
            "",
            "The file holds no `Key: value` pairs.",
            "It starts for example with Resources:",
        )
        return None
    return Keys(with_todays_keys(node, faults), "", 1, faults)


def _kind(site: SiteKeys | None) -> str:
    match site:
        case UnicoreSite():
            return "unicore"
        case FirecrestSite():
            return "firecrest"
        case SshSite():
            return "ssh"
        case None:
            return ""


def _check_against_exclude(config: BackendConfig, top: Keys, file: str) -> None:
    line = _line(top, "Exclude")
    name = PurePosixPath(file).name
    narrow = [entry for entry in config.exclude if entry not in ("*", "**")]
    if name and excluded(name, narrow):
        message = f"Exclude leaves out this file itself, {shown(name)}."
        top.faults.warning(
            line, "Exclude", message, "Mantik's full check refuses that; narrow the pattern."
        )
    image = config.environment.apptainer
    if image is None or image.type is not ImageType.LOCAL or image.path.startswith("/"):
        return
    if excluded(image.path, config.exclude):
        top.faults.error(
            _line(top, "Environment", "Apptainer", "Path"),
            "Environment.Apptainer.Path",
            f"Exclude leaves out the image {shown(image.path)}, so it is not sent.",
            "Narrow Exclude, or keep the image on the site with Type: remote.",
        )


def _check_image_file(config: BackendConfig, top: Keys, project: ProjectFiles) -> None:
    image = config.environment.apptainer
    if image is None or image.type is not ImageType.LOCAL or not image.path:
        return
    line = _line(top, "Environment", "Apptainer", "Path")
    key = "Environment.Apptainer.Path"
    count = project.size_of(project.folder / image.path)
    if count is None:
        hint = "Put it there, or write Type: remote if it lies on the site."
        top.faults.error(line, key, f"The project has no image {shown(image.path)}.", hint)
    elif count > UPLOAD_LIMIT:
        hint = "Copy it to the site once and use Type: remote."
        top.faults.warning(
            line, key, f"The image has {size(count)}; Mantik takes 100 MB in all.", hint
        )


def _line(top: Keys, *path: str) -> int:
    """Line of the value at `path`, or of the innermost key above it that is there."""
    section, line = top.section, top.line
    for key in path:
        entry = section.entries.get(key)
        if entry is None:
            break
        line = entry.value_line
        if not isinstance(entry.value, Section):
            break
        section = entry.value
    return line
