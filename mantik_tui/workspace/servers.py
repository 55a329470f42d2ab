"""Connecting to tracking servers: log in, log out, what the environment offers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from mantik_tui import paths
from mantik_tui.domain.errors import BadInput
from mantik_tui.settings import write_profile, write_setting
from mantik_tui.store.reads.workspaces import workspaces
from mantik_tui.workspace.session import DEMO, Session, same_server


@dataclass(frozen=True, slots=True)
class Offer:
    """A server that environment variables name."""

    tracking_uri: str
    username: str
    auth: str
    has_secret: bool
    source: str
    """The variables' names, for people."""


def offers(environ: Mapping[str, str] | None = None) -> list[Offer]:
    """Servers named by `MLFLOW_TRACKING_*` and `MANTIK_*`."""
    environ = os.environ if environ is None else environ
    found: list[Offer] = []
    uri, own_name, own_secret = split_login(environ.get("MLFLOW_TRACKING_URI", ""))
    if uri.startswith(("http://", "https://")):
        if own_name:
            found.append(Offer(uri, own_name, "basic", bool(own_secret), "MLFLOW_TRACKING_URI"))
        elif environ.get("MLFLOW_TRACKING_TOKEN"):
            found.append(
                Offer(uri, "", "token", True, "MLFLOW_TRACKING_URI, MLFLOW_TRACKING_TOKEN")
            )
        elif environ.get("MLFLOW_TRACKING_USERNAME"):
            name, secret = (
                environ["MLFLOW_TRACKING_USERNAME"],
                bool(environ.get("MLFLOW_TRACKING_PASSWORD")),
            )
            found.append(
                Offer(uri, name, "basic", secret, "MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME")
            )
        else:
            found.append(Offer(uri, "", "none", False, "MLFLOW_TRACKING_URI"))
        if environ.get("MANTIK_USERNAME") and environ["MANTIK_USERNAME"] not in (
            own_name, environ.get("MLFLOW_TRACKING_USERNAME"),
        ):  # fmt: skip
            secret = bool(environ.get("MANTIK_PASSWORD"))
            found.append(
                Offer(
                    uri,
                    environ["MANTIK_USERNAME"],
                    "basic",
                    secret,
                    "MLFLOW_TRACKING_URI, MANTIK_USERNAME",
                )
            )
    return found


def split_login(address: str) -> tuple[str, str, str]:
    """An address without the login in it, the user name and the password: `http://u:p@host` has all three."""
    scheme, colon, rest = address.partition("://")
    place, slash, path = rest.partition("/")
    login, at, host = place.rpartition("@")
    if not (colon and at):
        return address, "", ""
    name, _, secret = login.partition(":")
    return f"{scheme}://{host}{slash}{path}", unquote(name), unquote(secret)


def without_login(address: str) -> str:
    """An address as it can be shown."""
    return split_login(address)[0]


def secret_from_environment(offer: Offer, environ: Mapping[str, str] | None = None) -> str:
    """The password or token that goes with an offer, empty if none is set."""
    environ = os.environ if environ is None else environ
    if offer.auth == "token":
        return environ.get("MLFLOW_TRACKING_TOKEN", "")
    _, own_name, own_secret = split_login(environ.get("MLFLOW_TRACKING_URI", ""))
    if own_name and own_name == offer.username and offer.source == "MLFLOW_TRACKING_URI":
        return own_secret
    variable = (
        "MANTIK_PASSWORD" if "MANTIK_USERNAME" in offer.source else "MLFLOW_TRACKING_PASSWORD"
    )
    return environ.get(variable, "")


def login(
    session: Session, tracking_uri: str, *, username: str = "", secret: str = "", auth: str | None = None,
    name: str | None = None, ca_file: str = "", make_default: bool = True,
) -> dict[str, object]:  # fmt: skip
    """Connect to a server: try the login, keep the secret, write the profile, open the workspace.

    Args:
        tracking_uri: address of the MLflow server, http or https, without a password in it.
        auth: `none`, `basic` or `token`; by default `basic` with a user name, else `none`.
        name: name of the workspace, by default the server's host name.

    Returns what the server told: `version`, `user`, and in words `what` can be done there.

    Raises:
        BadInput: the address is none, or the name is that of a workspace on another server.
        NeedsLogin, Refused, Offline: what the server answered; nothing is written then.
    """
    parts = urlsplit(tracking_uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(
            f"{tracking_uri!r} is not the address of a tracking server",
            "it must begin with http:// or https://",
            "For example https://mlflow.example.org",
        )
    if parts.username or parts.password:
        raise BadInput(
            "A user name or password in the address is not taken",
            "addresses end up in logs and histories",
            "Give the user name apart; the password is asked for",
        )
    auth = auth or ("basic" if username else "none")
    name = name or parts.hostname
    _check_name(session, name, tracking_uri)
    session.engine.ensure()
    told: dict[str, object] = session.engine.request(
        "login",
        name=name,
        tracking_uri=tracking_uri,
        username=username,
        secret=secret,
        auth=auth,
        ca_file=ca_file,
    )
    write_profile(
        "workspaces",
        name,
        {"tracking_uri": tracking_uri, "username": username, "auth": auth, "ca_file": ca_file},
    )
    if make_default:
        write_setting("workspace", name)
    session.reload(name)
    session.engine.notify("settings")
    return told


def _check_name(session: Session, name: str, tracking_uri: str) -> None:
    """A workspace's runs and pending writes belong to its server: another server needs another name."""
    rows = session.read(workspaces)
    there = next((row.tracking_uri for row in rows if row.name == name), None)
    if name != DEMO and there is not None and not same_server(there, tracking_uri):
        raise BadInput(
            f"A workspace called {name} is there already, for another server",
            f"it is at {there}; what was read and what waits to be sent belong there",
            "Choose another name: --name NAME. If the server itself has moved, change tracking_uri in"
            f" {paths.config_file()}",
        )


def logout(session: Session, name: str) -> None:
    """Forget the secret of a workspace. What was pulled stays readable."""
    session.engine.ensure()
    session.engine.request("logout", name=name)


def make_default(session: Session, name: str) -> None:
    """Let a workspace be the one that opens first, and open it. Raises NotFound for an unknown one."""
    session.reload(name)
    write_setting("workspace", name)
