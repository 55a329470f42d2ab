"""Workspaces, sites, run configurations, remembered views."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mantik_tui.domain.run_config import RunConfig
    from mantik_tui.domain.site import Site


def put_workspace(
    connection: sqlite3.Connection,
    name: str,
    tracking_uri: str,
    username: str,
    auth: str,
    ca_file: str = "",
) -> int:
    """Insert or update a workspace by name. Another server or user starts its pull anew. Returns the row id."""
    row = connection.execute(
        "SELECT id, tracking_uri, username FROM workspace WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        made = connection.execute(
            "INSERT INTO workspace (name, tracking_uri, username, auth, ca_file) VALUES (?,?,?,?,?) RETURNING id",
            (name, tracking_uri, username, auth, ca_file),
        ).fetchone()
        return int(made[0])
    connection.execute(
        "UPDATE workspace SET tracking_uri = ?, username = ?, auth = ?, ca_file = ?, state = 'new', reason = ''"
        " WHERE id = ?",
        (tracking_uri, username, auth, ca_file, row[0]),
    )
    return int(row[0])


def count_waiting(connection: sqlite3.Connection, workspace_id: int) -> int:
    """Entries of the outbox that are to go to this workspace's server and sites and have not ended."""
    row = connection.execute(
        "SELECT count(*) FROM outbox WHERE workspace_id = ? AND state NOT IN ('done', 'cancelled')",
        (workspace_id,),
    ).fetchone()
    return int(row[0])


def set_workspace_state(
    connection: sqlite3.Connection, workspace_id: int, state: str, reason: str = ""
) -> bool:
    """Returns whether it changed."""
    done = connection.execute(
        "UPDATE workspace SET state = ?1, reason = ?2 WHERE id = ?3 AND (state <> ?1 OR reason <> ?2)",
        (state, reason, workspace_id),
    )
    return done.rowcount > 0


def set_server_version(connection: sqlite3.Connection, workspace_id: int, version: str) -> None:
    connection.execute(
        "UPDATE workspace SET server_version = ? WHERE id = ?", (version, workspace_id)
    )


def put_site(connection: sqlite3.Connection, site: Site) -> None:
    """Insert or update a site by name."""
    settings = {
        **site.settings,
        "modules": list(site.modules),
        "extra_lines": list(site.extra_lines),
    }
    connection.execute(
        "INSERT INTO site (name, transport, scheduler, address, run_root, account, settings) VALUES (?,?,?,?,?,?,?)"
        " ON CONFLICT (name) DO UPDATE SET transport = excluded.transport, scheduler = excluded.scheduler,"
        " address = excluded.address, run_root = excluded.run_root, account = excluded.account,"
        " settings = excluded.settings",
        (
            site.name,
            site.transport,
            site.scheduler,
            site.address,
            site.run_root,
            site.account,
            json.dumps(settings),
        ),
    )


def remove_site(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("DELETE FROM site WHERE name = ?", (name,))


def save_run_config(
    connection: sqlite3.Connection, project_id: int, config: RunConfig, now_ms: int
) -> int:
    """Insert, or update by project and name. Returns the row id."""
    doc = asdict(config)
    for name in ("id", "project_id", "name", "updated_ms"):
        doc.pop(name)
    row = connection.execute(
        "INSERT INTO run_config (project_id, name, doc, updated_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (project_id, name) DO UPDATE SET doc = excluded.doc, updated_ms = excluded.updated_ms RETURNING id",
        (project_id, config.name, json.dumps(doc, ensure_ascii=False), now_ms),
    ).fetchone()
    return int(row[0])


def rename_run_config(
    connection: sqlite3.Connection, config_id: int, name: str, now_ms: int
) -> None:
    connection.execute(
        "UPDATE run_config SET name = ?, updated_ms = ? WHERE id = ?", (name, now_ms, config_id)
    )


def delete_run_config(connection: sqlite3.Connection, config_id: int) -> None:
    connection.execute("DELETE FROM run_config WHERE id = ?", (config_id,))


def remember_view(connection: sqlite3.Connection, place: str, value: Mapping[str, object]) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO view_state VALUES (?, ?)", (place, json.dumps(dict(value)))
    )


def set_project_folder(connection: sqlite3.Connection, project_id: int, folder: str) -> None:
    """Where the project's MLproject lies on this machine."""
    connection.execute("UPDATE project SET folder = ? WHERE id = ?", (folder, project_id))


def set_project_metric(
    connection: sqlite3.Connection, project_id: int, metric: str, goal: str
) -> None:
    connection.execute(
        "UPDATE project SET best_metric = ?, best_goal = ? WHERE id = ?", (metric, goal, project_id)
    )


def get_meta(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
