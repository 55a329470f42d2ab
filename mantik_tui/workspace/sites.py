"""Sites: add, test, remove."""

from __future__ import annotations

from dataclasses import dataclass

from mantik_tui.domain.errors import BadInput
from mantik_tui.domain.site import Site
from mantik_tui.settings import write_profile
from mantik_tui.store.reads import jobs
from mantik_tui.workspace.session import Session


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a site's test."""

    name: str
    ok: bool
    words: str
    """What was found, and what helps if it is not ok."""


def add(session: Session, site: Site) -> None:
    """Write a site into the configuration file and the database.

    Raises:
        BadInput: its transport or scheduler is not known, or its name can't be used.
    """
    if not site.name or any(part in site.name for part in "/\\ .") or site.name.startswith("-"):
        raise BadInput(
            f"{site.name!r} can't be the name of a site",
            "blanks, dots and slashes don't go",
            "Try a-z, 0-9, -",
        )
    if site.transport != "local" or site.scheduler != "process":
        raise BadInput(
            f"Sites of the kind {site.transport} × {site.scheduler} are not there yet",
            "this release runs jobs on this machine (local × process)",
            "SSH with Slurm comes with the next one",
        )
    write_profile(
        "sites",
        site.name,
        {
            "transport": site.transport,
            "scheduler": site.scheduler,
            "address": site.address,
            "run_root": site.run_root,
            "account": site.account,
            "modules": list(site.modules),
            "extra_lines": list(site.extra_lines),
            "python": site.settings.get("python", ""),
            "slots": int(site.settings.get("slots", "0") or 0),
        },
    )
    session.reload()
    session.engine.notify("settings")


def remove(session: Session, name: str) -> None:
    """Take a site out of the configuration. Raises NotFound if there is none of that name."""
    session.read(jobs.get_site, name)
    write_profile("sites", name, None)
    session.reload()
    session.engine.notify("settings")


def test(session: Session, name: str) -> list[Check]:
    """Try everything that a submission needs on the site, one check a line. Raises NotFound for an unknown site."""
    session.read(jobs.get_site, name)
    session.engine.ensure()
    answer = session.engine.request("test-site", timeout_s=120, name=name)
    return [Check(**line) for line in answer]
