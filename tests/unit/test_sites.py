"""From a site's settings to something that runs jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mantik_tui.backends.compute.sites import open_site, slots_of
from mantik_tui.domain.errors import BadInput, Refused
from mantik_tui.domain.site import Site


async def test_this_machine_is_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SCRATCH", str(tmp_path))
    session = await open_site(Site("here", run_root="$MY_SCRATCH/runs/"))
    assert session.run_root == f"{tmp_path}/runs"
    assert (tmp_path / "runs").is_dir()
    assert session.folder("abc").script == f"{tmp_path}/runs/abc/.mantik/job.sh"
    assert session.store.startswith(session.run_root)
    await session.close()


@pytest.mark.parametrize(
    "site",
    [
        Site("later", transport="ssh", run_root="/tmp"),
        Site("later", scheduler="slurm", run_root="/tmp"),
        Site("relative", run_root="runs"),
        Site("none"),
        Site("slots", run_root="/tmp", settings={"slots": "many"}),
        Site("slots", run_root="/tmp", settings={"slots": "0"}),
    ],
)
async def test_settings_that_fit_nothing_are_said(site: Site) -> None:
    with pytest.raises(BadInput) as told:
        await open_site(site)
    assert site.name in told.value.title and told.value.hint


async def test_an_unset_variable_in_the_run_root_is_named() -> None:
    with pytest.raises(Refused, match="NOT_SET_ANYWHERE"):
        await open_site(Site("here", run_root="$NOT_SET_ANYWHERE/runs"))


def test_slots_are_a_setting_with_a_default_of_at_least_one() -> None:
    assert slots_of(Site("here", settings={"slots": "3"})) == 3
    assert slots_of(Site("here")) >= 1
