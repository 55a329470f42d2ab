"""Write projects with their experiments to a tracking server, as often as needed with the effect of once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from mantik_tui.domain.project_tags import ID_TAG, TaggedProject, experiment_name, to_tags


class _Experiment(Protocol):
    @property
    def creation_time(self) -> int | None: ...

    @property
    def tag_map(self) -> dict[str, str]: ...


class ExperimentClient(Protocol):
    """What is needed of `backends.tracking.client.TrackingClient`."""

    async def create_experiment(
        self,
        name: str,
        tags: Mapping[str, str] | None = None,
        *,
        adopt: bool = False,
        same_tag: str = "",
    ) -> str: ...

    async def get_experiment(self, experiment_id: str) -> _Experiment: ...

    async def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None: ...


async def seed_projects(
    client: ExperimentClient,
    projects: Iterable[tuple[TaggedProject, Sequence[str]]],
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """Make each project, given with the names of its experiments, where it is not there yet.

    What is on the server and differs was edited by a person: it stays. Only what is missing is written.

    Returns:
        Experiment ids by name, those that carry the projects included.

    Raises:
        MantikError: what the client raises; `AlreadyExists` when a name is taken by a deleted experiment or by
            another project.
    """
    ids: dict[str, str] = {}
    for project, experiments in projects:
        links: dict[str, int] = {}
        for name in experiments:
            ids[name] = await client.create_experiment(name, adopt=True)
            links[ids[name]] = (await client.get_experiment(ids[name])).creation_time or 0
        tags = to_tags(replace(project, links=links))
        carrier = experiment_name(project)
        ids[carrier] = await client.create_experiment(carrier, tags, adopt=True, same_tag=ID_TAG)
        there = (await client.get_experiment(ids[carrier])).tag_map
        for key in sorted(tags.keys() - there.keys()):
            if key.startswith("mantik.link."):
                await client.set_experiment_tag(ids[carrier], key, tags[key])
        progress(f"project {project.name}")
    return ids
