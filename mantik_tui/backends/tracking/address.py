"""A tracking server's address and the login for it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

from mantik_tui.domain.errors import BadInput


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are for the server: user and password, or a bearer token, or nobody. Secrets are not in its repr."""

    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    """Wins over user and password, as in MLflow's own client."""

    @property
    def given(self) -> bool:
        return bool(self.token or self.username)

    @property
    def kind(self) -> str:
        """`token`, `basic` or `none`."""
        return "token" if self.token else "basic" if self.username else "none"


NO_LOGIN = Login()


@dataclass(frozen=True, slots=True)
class Address:
    """A server's base URL, without credentials and without a slash at the end."""

    url: str
    host: str
    secure: bool
    """Whether it is https."""
    loopback: bool
    """Whether it names this machine; such an address is never reached through a proxy."""

    @property
    def shown(self) -> str:
        """Short form for people: `mlflow.example.org/team`."""
        return self.url.split("://", 1)[1]


def parse_address(url: str) -> tuple[Address, Login]:
    """The address, and the login if the URL carries one (`https://user:password@host/`).

    Raises BadInput for what is no http or https URL.
    """
    parts = urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise BadInput(
            "The tracking server's address can't be used",
            f"{_without_userinfo(url.strip())!r} is no http or https address",
            "Write it as https://mlflow.example.org or http://127.0.0.1:5000.",
        )
    login = Login(unquote(parts.username or ""), unquote(parts.password or ""))
    netloc = parts.netloc.rpartition("@")[2]
    base = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))
    return Address(
        base, parts.hostname, parts.scheme == "https", _is_loopback(parts.hostname)
    ), login


def sends_login_in_clear(address: Address, login: Login) -> bool:
    """Whether the login would cross a network unencrypted: worth a warning before it is stored."""
    return login.given and not address.secure and not address.loopback


def _without_userinfo(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return (
        f"{head.split('://')[0]}://***@{tail}"
        if at and "://" in head
        else url
        if not at
        else f"***@{tail}"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
