"""The named reads, for screens, commands and scripts: `session.read(reads.runs.run_rows, ids)`.

Each is imported on first use, so that a command that only lists runs does not pay for the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mantik_tui.store.reads import history, jobs, listing, projects, runs

__all__ = ["history", "jobs", "listing", "projects", "runs"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        import importlib

        return importlib.import_module(f"mantik_tui.store.reads.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
