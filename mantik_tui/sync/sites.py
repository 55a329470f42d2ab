"""Open sessions with sites, one each, shared by every duty and client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlmodel import select

from mantik_tui import paths
from mantik_tui.domain.errors import MantikError, NeedsLogin
from mantik_tui.domain.site import THIS_MACHINE, Site
from mantik_tui.store.reads import jobs as reads
from mantik_tui.store.tables import SiteTable, rows

if TYPE_CHECKING:
    from mantik_tui.backends.compute.sites import SiteSession
    from mantik_tui.sync.context import Engine


class Sites:
    """Opens a site when it is first needed. A site that fails says so in its row and is tried again at the next need."""

    def __init__(self) -> None:
        self._open: dict[str, SiteSession] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, engine: Engine, name: str) -> SiteSession:
        """The open session with a site.

        Raises:
            NotFound: it is not configured.
            Offline, NeedsLogin, BadInput, Refused: it can't be opened.
        """
        async with self._locks.setdefault(name, asyncio.Lock()):
            found = self._open.get(name)
            if found is None:
                from mantik_tui.backends.compute.sites import open_site

                site = with_defaults(reads.get_site(engine.store.connection, name))
                try:
                    found = await open_site(site)
                except MantikError as error:
                    state = "needs login" if isinstance(error, NeedsLogin) else "unreachable"
                    self._note(engine, name, state, str(error))
                    raise
                self._open[name] = found
                self._note(engine, name, "ok", "")
            return found

    def _note(self, engine: Engine, name: str, state: str, reason: str) -> None:
        with rows(engine.store.path) as session:
            site = session.exec(select(SiteTable).where(SiteTable.name == name)).one_or_none()
            if site is not None:
                site.state, site.reason, site.as_of_ms = state, reason, engine.now_ms()
        engine.hub.publish("site")

    async def forget(self, name: str | None = None) -> None:
        """Close one session or all, so that changed settings count."""
        for key in [name] if name else list(self._open):
            session = self._open.pop(key, None)
            if session is not None:
                await session.close()


def with_defaults(site: Site) -> Site:
    """A site whose run root is not set keeps its runs in our own folder on this machine."""
    if site.run_root or site.transport != "local":
        return site
    root = paths.local_runs() if site.name == THIS_MACHINE else paths.local_runs() / site.name
    return Site(
        **{**{f: getattr(site, f) for f in site.__dataclass_fields__}, "run_root": str(root)}
    )
