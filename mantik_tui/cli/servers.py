"""`mantik-tui login`, `logout`, `workspaces`: tracking servers and who one is there."""

from __future__ import annotations

import sys

import click

from mantik_tui.cli.common import json_option, open_here
from mantik_tui.cli.output import print_json, print_table, say, write
from mantik_tui.domain.text import clean, clock, iso


@click.command("login")
@click.argument("url", required=False)
@click.option(
    "--name", metavar="NAME", help="Name of the workspace; by default the server's host name."
)
@click.option(
    "--username", metavar="NAME", help="Your name on the server; a password is asked for."
)
@click.option("--token", is_flag=True, help="Log in by a token, which is asked for.")
@click.option("--password-stdin", is_flag=True, help="Read the password or token from stdin.")
@click.option(
    "--ca-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Certificates to trust, PEM.",
)
@click.option("--no-default", is_flag=True, help="Leave the workspace that opens first as it is.")
def login(
    url: str | None,
    name: str | None,
    username: str | None,
    token: bool,
    password_stdin: bool,
    ca_file: str | None,
    no_default: bool,
) -> None:
    """Connect the MLflow server at URL, and keep the login in the keyring.

    Without URL, the server that MLFLOW_TRACKING_URI names. The password or token is asked for, read from stdin, or
    taken from MLFLOW_TRACKING_PASSWORD, MANTIK_PASSWORD or MLFLOW_TRACKING_TOKEN; it is never part of the command.
    """
    from mantik_tui.workspace import servers

    offers = servers.offers()
    offer = next((one for one in offers if url in (None, one.tracking_uri)), None)
    if url is None:
        if offer is None:
            raise click.UsageError("Give the address of the server: mantik-tui login URL.")
        url = offer.tracking_uri
    if offer is not None and username is None and not token:
        username, token = offer.username or None, offer.auth == "token"
    auth = "token" if token else "basic" if username else "none"
    secret = ""
    if auth != "none":
        known = servers.secret_from_environment(offer) if offer and offer.auth == auth else ""
        secret = _secret(username, url, password_stdin, known)
    session = open_here()
    told = servers.login(
        session, url, username=username or "", secret=secret, auth=auth, name=name, ca_file=ca_file or "",
        make_default=not no_default,
    )  # fmt: skip
    version = f", MLflow {told['version']}" if told.get("version") else ""
    write(clean(f"{session.workspace.name}: {url}{version}", keep_newlines=False) + "\n")
    if told.get("user"):
        say(clean(f"Logged in as {told['user']}", keep_newlines=False))
    what = told.get("what")
    for line in what if isinstance(what, list) else ():
        say(clean(str(line), keep_newlines=False))


def _secret(username: str | None, url: str, from_stdin: bool, known: str) -> str:
    """The password or token.

    Raises:
        NeedsLogin: there is none, and nobody to ask.
    """
    from mantik_tui.domain.errors import NeedsLogin

    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if known:
        return known
    what = f"Password of {username}" if username else "Token"
    if not sys.stdin.isatty():
        raise NeedsLogin(
            f"{what.partition(' ')[0]} needed", f"for {url}", "--password-stdin reads it from stdin"
        )
    import getpass

    return getpass.getpass(f"{what} at {url}: ")


@click.command("logout")
@click.argument("name", metavar="[WORKSPACE]", required=False)
def logout(name: str | None) -> None:
    """Forget the password or token of a workspace, by default the open one. What was read stays readable."""
    from mantik_tui.workspace import servers
    from mantik_tui.workspace.session import choose_workspace

    session = open_here()
    row = choose_workspace(session.store, session.settings, name) if name else session.workspace
    assert row is not None
    servers.logout(session, row.name)
    say(
        clean(
            f"The login of {row.name} is forgotten; what was read stays here.", keep_newlines=False
        )
    )


@click.command("list")
@json_option
def list_workspaces(as_json: bool) -> None:
    """List workspaces: tracking servers and who one is there."""
    from mantik_tui.workspace import reads

    session = open_here()
    rows = session.read(reads.projects.workspaces)
    open_one = session.workspace.name if session.has_workspace else ""
    if as_json:
        print_json(
            [
                {
                    "name": row.name,
                    "tracking_uri": row.tracking_uri,
                    "username": row.username or None,
                    "auth": row.auth,
                    "open": row.name == open_one,
                    "state": row.state,
                    "reason": row.reason or None,
                    "server_version": row.server_version or None,
                    "as_of": iso(row.round_ms),
                }
                for row in rows
            ]
        )
        return
    if not rows:
        say("No workspace is set up yet: mantik-tui login URL, or mantik-tui demo.")
        return
    now = session.now_ms()
    print_table(
        ["name", "server", "user", "state", "as of", "opens first"],
        [
            [
                row.name, row.tracking_uri, row.username, row.state, clock(row.round_ms, now),
                "yes" if row.name == open_one else "",
            ]
            for row in rows
        ],
    )  # fmt: skip


@click.command("use")
@click.argument("name", metavar="WORKSPACE")
def use(name: str) -> None:
    """Make a workspace the one that opens first."""
    from mantik_tui.workspace import servers
    from mantik_tui.workspace.session import choose_workspace

    session = open_here()
    row = choose_workspace(session.store, session.settings, name)
    assert row is not None
    servers.make_default(session, row.name)
