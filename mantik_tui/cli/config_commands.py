"""`mantik-tui config check` and `mantik-tui mlproject show`: what a file says, and all that is wrong with it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

if TYPE_CHECKING:
    from mantik_tui.domain.backend_config import ProjectFiles
    from mantik_tui.domain.mlproject import EntryPoint, MLproject
    from mantik_tui.domain.problems import Problem

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
_READ_AT_MOST = 1_000_000
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("config")
def config_group() -> None:
    """Look at backend configs."""


@config_group.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--project", type=_FOLDER, help="Folder of the MLproject; a local image must be in it."
)
@click.option(
    "--site", metavar="NAME", help="Check for this site: the file need name no site nor queue."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def config_check(file: Path, project: Path | None, site: str | None, as_json: bool) -> None:
    """Check a backend config (YAML or JSON): all faults at once, with lines and hints.

    Exits with 0 if there is no error, else with 1.
    """
    from mantik_tui.domain.backend_config import read_backend_config

    kind = _site_kind(site) if site is not None else None
    text, problems = _read(file)
    config: dict[str, object] = {}
    if text is not None:
        read, problems = read_backend_config(
            text,
            click.format_filename(file),
            project=_project_files(project) if project is not None else None,
            site_chosen=site is not None,
            site_kind=kind,
        )
        config = read.to_mantik()
    if as_json:
        _print_json({**_outcome(problems), "config": config})
    else:
        _print_problems(problems, sys.stdout)
        click.echo(_summary(problems, file))
    _exit(problems)


@click.group("mlproject")
def mlproject_group() -> None:
    """Look at MLprojects."""


@mlproject_group.command("show")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def mlproject_show(folder: Path, as_json: bool) -> None:
    """Show the entry points of the MLproject in DIR, with their parameters and commands.

    Exits with 0 if there is no error, else with 1.
    """
    from mantik_tui.domain.mlproject import MLproject, read_mlproject

    project = MLproject()
    file, problems = _find_mlproject(folder)
    if file is not None:
        text, problems = _read(file)
        if text is not None:
            project, problems = read_mlproject(
                text, click.format_filename(file), exists=_exists_below(file.parent)
            )
    if as_json:
        _print_json({**_outcome(problems), **project.to_json()})
    else:
        _print_problems(problems, sys.stderr)
        _print_mlproject(project)
    _exit(problems)


def _site_kind(name: str) -> str:
    """The kind of a known site, as `read_backend_config` takes it."""
    from mantik_tui.domain.site import THIS_MACHINE

    if name == THIS_MACHINE:
        return "local"
    from mantik_tui.domain.errors import MantikError
    from mantik_tui.settings import load_settings

    try:
        sites = load_settings().sites
    except MantikError as error:
        raise click.BadParameter(str(error), param_hint="--site") from error
    if name not in sites:
        raise click.BadParameter(
            f"there is no site {name!r}; {THIS_MACHINE} is always there.", param_hint="--site"
        )
    return "ssh" if sites[name].scheduler == "slurm" else "local"


def _read(file: Path) -> tuple[str | None, list[Problem]]:
    """The text of `file`, or the problem why there is none."""
    from mantik_tui.domain.problems import Problem, Severity
    from mantik_tui.domain.yaml_lines import decode

    try:
        with file.open("rb") as stream:
            data = stream.read(_READ_AT_MOST)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = (
            "Check the path."
            if isinstance(error, FileNotFoundError)
            else "Give a text file that you can read."
        )
        return None, [
            Problem(
                Severity.ERROR,
                click.format_filename(file),
                1,
                "",
                f"The file can't be read: {reason}.",
                hint,
            )
        ]
    text, faults = decode(data, click.format_filename(file))
    return text, faults.in_order()


def _find_mlproject(folder: Path) -> tuple[Path | None, list[Problem]]:
    from mantik_tui.domain.mlproject import find_mlproject
    from mantik_tui.domain.problems import Problem, Severity

    if folder.is_file() and find_mlproject([folder.name]):
        return folder, []
    try:
        name = find_mlproject(path.name for path in folder.iterdir())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message, hint = (
            f"The folder can't be read: {reason}.",
            "Give the folder that holds the MLproject.",
        )
        return None, [Problem(Severity.ERROR, click.format_filename(folder), 1, "", message, hint)]
    if name is not None:
        return folder / name, []
    message, hint = (
        "There is no MLproject in this folder.",
        "Give the folder that holds the file MLproject.",
    )
    return None, [Problem(Severity.ERROR, click.format_filename(folder), 1, "", message, hint)]


def _project_files(folder: Path) -> ProjectFiles:
    from mantik_tui.domain.backend_config import ProjectFiles

    def size_of(path: Path) -> int | None:
        try:
            return path.stat().st_size if path.is_file() else None
        except (OSError, ValueError):
            return None

    return ProjectFiles(folder, size_of)


def _exists_below(folder: Path) -> Callable[[str], bool]:
    def exists(path: str) -> bool:
        try:
            return (folder / path).exists()
        except (OSError, ValueError):
            return False

    return exists


def _outcome(problems: Sequence[Problem]) -> dict[str, object]:
    from mantik_tui.domain.faults import has_errors

    rows = [
        {
            "severity": str(one.severity),
            "file": one.file,
            "line": one.line,
            "key": one.key,
            "message": one.message,
            "hint": one.hint,
        }
        for one in problems
    ]
    return {"ok": not has_errors(problems), "problems": rows}


def _print_json(value: dict[str, object]) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=not _takes_unicode(sys.stdout)))


def _takes_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def _print_problems(problems: Sequence[Problem], stream: TextIO) -> None:
    """One problem a line, `file:line: severity: key: message`, and its hint below."""
    from mantik_tui.domain.text import clean

    colours = stream.isatty() and not os.environ.get("NO_COLOR")
    for one in problems:
        word = (
            click.style(one.severity, fg=_COLOURS[one.severity]) if colours else str(one.severity)
        )
        key = f"{one.key}: " if one.key else ""
        file = clean(one.file, keep_newlines=False)
        _say(f"{file}:{one.line}: {word}: {key}{one.message}", stream, colours)
        if one.hint:
            _say(f"    {one.hint}", stream, colours)


def _say(line: str, stream: TextIO, colours: bool = False) -> None:
    if not _takes_unicode(stream):
        line = line.encode("ascii", "replace").decode("ascii")
    click.echo(line, file=stream, color=colours)


def _summary(problems: Sequence[Problem], file: Path) -> str:
    counts = [
        f"{count} {word}{'s' if count > 1 else ''}"
        for word in ("error", "warning", "note")
        if (count := sum(one.severity == word for one in problems))
    ]
    from mantik_tui.domain.text import clean

    return (
        ", ".join(counts)
        if counts
        else f"{clean(click.format_filename(file), keep_newlines=False)}: no problems."
    )


def _print_mlproject(project: MLproject) -> None:
    from mantik_tui.domain.text import clean

    def line(text: str) -> None:
        _say(clean(text, keep_newlines=False), sys.stdout)

    if project.name:
        line(project.name)
    for kind, value in project.environment.items():
        line(
            f"{kind}: {json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value}"
        )
    for entry in project.entry_points.values():
        _print_entry(entry, line)


def _print_entry(entry: EntryPoint, line: Callable[[str], None]) -> None:
    from mantik_tui.domain.commands import one_line

    line("")
    line(entry.name)
    width = min(max((len(name) for name in entry.parameters), default=0), 32)
    types = min(max((len(one.type) for one in entry.parameters.values()), default=0), 16)
    for one in entry.parameters.values():
        default = "required" if one.default is None else f"default {one.default}"
        line(f"  {one.name:<{width}}  {one.type:<{types}}  {default}")
    line(f"  $ {one_line(entry.command)}")


def _exit(problems: Sequence[Problem]) -> NoReturn:
    from mantik_tui.domain.faults import has_errors

    raise click.exceptions.Exit(1 if has_errors(problems) else 0)
