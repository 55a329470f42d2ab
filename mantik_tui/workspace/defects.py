"""Defects of our own: the traceback goes into a log file, the person gets words."""

from __future__ import annotations

import os
import time
import traceback

from mantik_tui import paths
from mantik_tui.domain.errors import MantikError


def defect(error: BaseException) -> MantikError:
    """An error for people made from one that is none; its traceback is appended to `defects.log`."""
    log = paths.place("log") / "defects.log"
    try:
        paths.log_dir()
        with open(log, "a", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(time.strftime("\n%Y-%m-%d %H:%M:%S\n"))
            file.write("".join(traceback.format_exception(error)))
        where = f"The details are in {log}"
    except (OSError, MantikError) as problem:
        where = f"The details could not be written to {log}: {problem}"
    return MantikError(
        "Something went wrong inside mantik-tui", f"{type(error).__name__}: {error}", where
    )
