"""A run configuration from what a command or script gives: what is missing is taken from the code folder and the sites."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mantik_tui.domain.errors import BadInput
from mantik_tui.domain.problems import Problem, Severity
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.yaml_lines import decode
from mantik_tui.workspace.config_start import filled_in, read_config_file
from mantik_tui.workspace.session import Session


def read_backend_file(path: Path) -> str:
    """Text of a backend config.

    Raises:
        BadInput: it can't be read, or is no text.
    """
    try:
        data = path.expanduser().read_bytes()
    except OSError as error:
        problem = Problem(
            Severity.ERROR,
            str(path),
            1,
            "",
            f"the file can't be read: {error.strerror}",
            "Check the path",
        )
        raise BadInput(f"{path} can't be read", str(error.strerror), "Check the path", (problem,)) from error  # fmt: skip
    text, faults = decode(data, str(path))
    if text is None:
        problems = faults.in_order()
        raise BadInput(
            f"{path} is no backend config", problems[0].message, problems[0].hint, problems
        )
    return text


def complete(session: Session, config: RunConfig) -> RunConfig:
    """`config` with the folder's own backend config where none is given, and the usual site where none is."""
    if not config.backend_config and config.code and config.id is None:
        path, text = read_config_file(Path(config.code).expanduser())
        config = dataclasses.replace(config, backend_config=text, backend_config_path=path)
    if not config.site:
        site = filled_in(session, RunConfig(name="", code="")).site
        config = dataclasses.replace(config, site=site)
    return config
