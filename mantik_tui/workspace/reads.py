"""The named reads, for screens, commands and scripts: `session.read(reads.runs.run_rows, ids)`."""

from mantik_tui.store.reads import history, jobs, projects, runs

__all__ = ["history", "jobs", "projects", "runs"]
