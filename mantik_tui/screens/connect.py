"""The form that connects a tracking server: it says what the server answers, and what works there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from mantik_tui.domain.errors import MantikError
from mantik_tui.domain.text import clean
from mantik_tui.workspace import reads, servers
from mantik_tui.workspace.servers import Offer
from mantik_tui.workspace.session import Session

WorkspaceRow = reads.projects.WorkspaceRow

_FIELDS = (
    ("address", "https://mlflow.example.org", False),
    ("user", "empty when the server asks for none, or for a token", False),
    ("password", "or the token", True),
    ("ca-file", "only for a server with a certificate of your own site", False),
)


class ConnectScreen(ModalScreen[bool]):
    """Asks for address, user and password. The result is whether a workspace was opened.

    `origin` fills the form in: an offer of the environment with its secret, or a workspace that is set up already.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, session: Session, origin: Offer | WorkspaceRow | None = None) -> None:
        super().__init__()
        self._session = session
        self._origin = origin
        self._busy = False
        self._done = False

    def compose(self) -> ComposeResult:
        values = _values(self._origin)
        with Vertical(classes="dialog", id="connect"):
            yield Static("Connect an MLflow server", classes="dialog-title")
            for name, placeholder, secret in _FIELDS:
                with Horizontal(classes="form-row"):
                    yield Static(name.replace("-", " "), classes="form-label")
                    field = Input(
                        values.get(name, ""),
                        placeholder=placeholder,
                        password=secret,
                        select_on_focus=False,
                        compact=True,
                        id=f"connect-{name}",
                    )
                    field.cursor_blink = False
                    yield field
            yield Static("", id="connect-answer")
            yield Static("enter connects, tab goes on, esc leaves", classes="dialog-hint")
            yield Button("open the projects", id="connect-open", compact=True)

    def on_mount(self) -> None:
        self.query_one("#connect-open").display = False
        empty = next((name for name, _, _ in _FIELDS[:3] if not self._value(name)), "address")
        self.query_one(f"#connect-{empty}", Input).focus()

    def _value(self, name: str) -> str:
        return self.query_one(f"#connect-{name}", Input).value.strip()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """Enter goes on to the next empty field that is needed, then connects."""
        event.stop()
        if event.input.id == "connect-address" and self._value("address"):
            self._take_login(self._value("address"))
        if event.input.id == "connect-address" and not self._value("user"):
            self.query_one("#connect-user", Input).focus()
        elif event.input.id == "connect-user" and event.value and not self._value("password"):
            self.query_one("#connect-password", Input).focus()
        else:
            self._connect()

    def _connect(self) -> None:
        if self._busy or self._done:
            return
        address = self._value("address")
        if "://" not in address and address:
            address = f"https://{address}"
        address = self._take_login(address)
        if fault := ca_file_fault(self._value("ca-file")):
            self._answer([f"There is no such CA file: {self._value('ca-file')}", fault], "-error")
            self.query_one("#connect-ca-file", Input).focus()
            return
        user, secret = self._value("user"), self.query_one("#connect-password", Input).value
        self._busy = True
        self._answer([f"Asking {urlsplit(address).hostname or address} …"], "")
        auth = "basic" if user else "token" if secret else "none"
        name = self._origin.name if isinstance(self._origin, WorkspaceRow) else None
        login = partial(
            servers.login,
            self._session,
            address,
            username=user,
            secret=secret,
            auth=auth,
            name=name,
            ca_file=_full_path(self._value("ca-file")),
        )
        self.run_worker(partial(self._ask, login), thread=True, exit_on_error=False, group="login")

    def _take_login(self, address: str) -> str:
        """A user name and password in the address go to their own fields, where nobody reads the password."""
        plain, user, secret = servers.split_login(address)
        if plain != address:
            self.query_one("#connect-address", Input).value = plain
            if user:
                self.query_one("#connect-user", Input).value = user
            if secret:
                self.query_one("#connect-password", Input).value = secret
        return plain

    def _ask(self, login: partial[dict[str, object]]) -> None:
        """In a thread: what the server answers."""
        try:
            told = login()
        except MantikError as problem:
            self.app.call_later(self._refused, problem)
        except Exception as error:  # noqa: BLE001 - a defect must not end the program
            from mantik_tui.workspace.defects import defect

            self.app.call_later(self._refused, defect(error))
        else:
            self.app.call_later(self._accepted, told)

    def _refused(self, problem: MantikError) -> None:
        self._busy = False
        lines = [problem.title, *(part for part in (problem.cause, problem.hint) if part)]
        self._answer(lines, "-error")

    def _accepted(self, told: dict[str, object]) -> None:
        self._busy, self._done = False, True
        what = told.get("what")
        lines = [str(line) for line in what] if isinstance(what, list) else []
        version, user = told.get("version"), told.get("user")
        head = f"Connected to MLflow {version}" if version else "Connected"
        self._answer([f"{head} as {user}" if user else head, *lines], "-good")
        button = self.query_one("#connect-open", Button)
        button.display = True
        button.focus()

    def _answer(self, lines: list[str], look: str) -> None:
        answer = self.query_one("#connect-answer", Static)
        answer.set_classes(look)
        answer.update(Content(clean("\n".join(lines))))

    @on(Button.Pressed)
    def _open(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(True)

    def action_leave(self) -> None:
        self.dismiss(self._done)


def _values(origin: Offer | WorkspaceRow | None) -> dict[str, str]:
    if origin is None:
        return {}
    address, user, secret = servers.split_login(origin.tracking_uri)
    values = {"address": address, "user": origin.username or user}
    if isinstance(origin, WorkspaceRow):
        values |= {"password": secret} if secret else {}
        return values | {"ca-file": origin.ca_file}
    return values | {"password": servers.secret_from_environment(origin)}


def ca_file_fault(text: str) -> str:
    """What is wrong with a CA file's path; empty for none given, and for one that is there."""
    if not text:
        return ""
    path = Path(_full_path(text))
    if path.is_dir():
        return "It is a folder: name the file in it, mostly called .pem or .crt"
    if not path.is_file():
        return "Ask the site for its certificate, or leave the line empty for a public one"
    return ""


def _full_path(text: str) -> str:
    return str(Path(text).expanduser().absolute()) if text else ""
