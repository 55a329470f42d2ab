"""Registered and logged models: read newest first until known ones come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mantik_tui.domain.errors import Offline, Refused

if TYPE_CHECKING:
    from mantik_tui.backends.tracking.client import TrackingClient
    from mantik_tui.sync.context import Engine

_PUT = (
    "INSERT INTO model (workspace_id, kind, name, version, status, aliases, source, run_server_id, experiment_server_id,"
    " created_ms, updated_ms, description, as_of_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
    " status = excluded.status, aliases = excluded.aliases, source = excluded.source, updated_ms = excluded.updated_ms,"
    " description = excluded.description, as_of_ms = excluded.as_of_ms"
)


async def pull_models(
    engine: Engine, workspace_id: int, client: TrackingClient, experiment_ids: list[str]
) -> None:
    """Read model versions, their aliases, and logged models. Servers without a registry have none."""
    rows: list[tuple[object, ...]] = []
    now = engine.now_ms()
    try:
        aliases: dict[tuple[str, str], list[str]] = {}
        for model in await client.registry.registered_models():
            for alias in model.aliases:
                aliases.setdefault((model.name, alias.version), []).append(alias.alias)
        for version in await client.registry.model_versions():
            names = sorted(aliases.get((version.name, version.version), []))
            rows.append(
                (workspace_id, "registered", version.name, version.version, version.status or "", json.dumps(names),
                 version.source or "", version.run_id or "", "", version.creation_timestamp,
                 version.last_updated_timestamp, version.description or "", now)
            )  # fmt: skip
        for logged in await client.registry.logged_models(experiment_ids):
            info = logged.info
            rows.append(
                (workspace_id, "logged", info.name or info.model_id, info.model_id, info.status or "", "[]",
                 info.artifact_uri or "", info.source_run_id or "", info.experiment_id, info.creation_timestamp_ms,
                 info.last_updated_timestamp_ms, "", now)
            )  # fmt: skip
    except (Offline, Refused):
        if not rows:
            return
    with engine.store.transaction() as connection:
        connection.executemany(_PUT, rows)
    engine.hub.publish("model")
