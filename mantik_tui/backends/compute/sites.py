"""From a site's settings to a transport and a scheduler that work together."""

from __future__ import annotations

from dataclasses import dataclass

from mantik_tui.backends.compute.protocols import Scheduler, Transport
from mantik_tui.backends.compute.run_folder import RunFolder
from mantik_tui.backends.compute.schedulers.process import ProcessScheduler, default_slots
from mantik_tui.backends.compute.transports.local import LocalTransport
from mantik_tui.domain.errors import BadInput
from mantik_tui.domain.site import Site

STORE = ".mantik-store"
"""Folder below the run root for contents that were sent; shared by all runs of the site."""
SLOTS = ".mantik-slots"
"""Folder below the run root for the locks of plain processes."""


@dataclass(frozen=True, slots=True)
class SiteSession:
    """An open connection to a site. `run_root` is expanded and exists."""

    site: Site
    transport: Transport
    scheduler: Scheduler
    run_root: str

    @property
    def store(self) -> str:
        return f"{self.run_root}/{STORE}"

    def folder(self, run_id: str) -> RunFolder:
        return RunFolder.of(self.run_root, run_id)

    async def close(self) -> None:
        await self.transport.close()


async def open_site(site: Site) -> SiteSession:
    """Connects to a site. Raises `BadInput` for settings that fit nothing, `Offline`, `NeedsLogin`, `Refused`."""
    if site.transport != "local":
        raise _not_yet(site, "transport", site.transport)
    transport = LocalTransport()
    await transport.open()
    run_root = (await transport.expand(site.run_root)).rstrip("/")
    if not run_root.startswith("/"):
        raise BadInput(
            f"The run root of {site.name} is no absolute path",
            f"It is {site.run_root!r}.",
            "Set it with: mantik-tui sites add",
        )
    await transport.make_dirs(run_root)
    return SiteSession(site, transport, _scheduler(site, run_root), run_root)


def _scheduler(site: Site, run_root: str) -> Scheduler:
    if site.scheduler != "process":
        raise _not_yet(site, "scheduler", site.scheduler)
    return ProcessScheduler(slots_dir=f"{run_root}/{SLOTS}", slots=slots_of(site))


def slots_of(site: Site) -> int:
    """How many jobs of a plain-process site run at a time: its setting `slots`, or half this machine's cores."""
    text = site.settings.get("slots", "").strip()
    if not text:
        return default_slots()
    if not text.isdigit() or int(text) < 1:
        raise BadInput(
            f"The setting slots of {site.name} is no number of jobs",
            f"It is {text!r}.",
            "Use a whole number from 1 on.",
        )
    return int(text)


def _not_yet(site: Site, what: str, value: str) -> BadInput:
    return BadInput(
        f"The site {site.name} can't be used by this version",
        f"Its {what} is {value!r}; this version knows this machine with plain processes.",
        "Other sites come with a later release.",
    )
