"""Who we are for the server, what it is, and what we may do, as far as it tells."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from mantik_tui.backends.tracking.errors import (
    Forbidden,
    NotMlflow,
    TrackingOffline,
    not_mlflow,
    words_of,
)
from mantik_tui.backends.tracking.records import ServerInfo
from mantik_tui.backends.tracking.wire import API_3, Wire
from mantik_tui.domain.errors import NeedsLogin, NotFound


@dataclass(frozen=True, slots=True)
class Identity:
    """The answer to an authenticated request that went through."""

    username: str
    """The server's name for us; empty if it tells none (no login, a proxy's token, an older server)."""
    is_admin: bool | None
    """None if not told."""
    auth: str
    """`basic` (MLflow's own users), `other` (a login of ours was accepted, or ignored), `none`."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """What we may do: READ, USE, EDIT, MANAGE, NO_PERMISSIONS, DENY. Grants only; the server's default adds to them."""

    known: bool
    """False if the server does not tell; then nothing is to be concluded from the rest."""
    is_admin: bool = False
    by_experiment: dict[str, str] = field(default_factory=dict)
    every_experiment: str = ""
    """A grant on all experiments; empty for none."""

    def of_experiment(self, experiment_id: str) -> str:
        """Our grant on an experiment, empty if unknown or none."""
        if self.is_admin:
            return "MANAGE"
        return self.by_experiment.get(experiment_id, self.every_experiment)


class _User(msgspec.Struct, gc=False):
    username: str = ""
    is_admin: bool | None = None


class _CurrentUser(msgspec.Struct, gc=False):
    user: _User = msgspec.field(default_factory=_User)
    is_basic_auth: bool | None = None


class _Grant(msgspec.Struct, gc=False):
    resource_type: str = ""
    resource_pattern: str = ""
    permission: str = ""


class _Grants(msgspec.Struct, gc=False):
    is_admin: bool = False
    permissions: list[_Grant] = []


_CURRENT_USER = msgspec.json.Decoder(_CurrentUser)
_GRANTS = msgspec.json.Decoder(_Grants)
_SERVER_INFO = msgspec.json.Decoder(ServerInfo)
_ANY_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RANK = {"": 0, "READ": 1, "USE": 2, "EDIT": 3, "MANAGE": 4, "NO_PERMISSIONS": 5, "DENY": 6}


class AccessCalls:
    """The part of a tracking client that asks about the server and ourselves."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def health(self) -> None:
        """Returns if an MLflow server answers; open to everybody. Raises NotMlflow, TrackingOffline."""
        answer = await self._wire.send("GET", "/health")
        if answer.content.strip() != b"OK":
            said = words_of(answer.content, answer.headers.get("content-type", ""))
            raise not_mlflow(self._wire.where, answer.what, f"instead of OK came: {said}")

    async def version(self) -> str:
        """MLflow's version on the server, for example `3.17.2`; needs the login where there is one."""
        answer = await self._wire.send("GET", "/version")
        text = answer.content.strip()
        if not text[:1].isdigit() or len(text) > 40:
            said = words_of(answer.content, answer.headers.get("content-type", ""))
            raise not_mlflow(self._wire.where, answer.what, f"instead of a version came: {said}")
        return text.decode("utf-8", "replace")

    async def server_info(self) -> ServerInfo:
        """How the server is set up; all unknown (None) where it does not tell."""
        try:
            answer = await self._wire.get("server-info", api=API_3)
            return self._wire.decode(answer, _SERVER_INFO)
        except (NotMlflow, Forbidden, NotFound):
            return ServerInfo()

    async def whoami(self) -> Identity:
        """One request that tells a good login from a wrong one; two where the server has no users of its own.

        Raises NeedsLogin (401: wrong or missing login), Forbidden (403: right login, no permission at all).
        """
        try:
            answer = await self._wire.get("users/current")
            found = self._wire.decode(answer, _CURRENT_USER)
            if found.user.username:
                auth = "other" if found.is_basic_auth is False else "basic"
                return Identity(found.user.username, found.user.is_admin, auth)
        except (NotMlflow, Forbidden, NotFound):
            pass  # no users of its own, or an older server; the next request tells whether it is MLflow at all
        except TrackingOffline as error:
            raise self._token_hint(error) from error
        answer = await self._wire.post("experiments/search", {"max_results": 1})
        self._wire.decode(answer, _ANY_OBJECT)
        return Identity("", None, "other" if self._wire.login.given else "none")

    async def permissions(self) -> Permissions:
        """Our own grants; `known` is False where the server does not tell (no users, or before MLflow 3.14)."""
        try:
            answer = await self._wire.get("users/current/permissions", api=API_3)
            found = self._wire.decode(answer, _GRANTS)
        except (NotMlflow, Forbidden, NotFound):
            return Permissions(known=False)
        by_experiment: dict[str, str] = {}
        everywhere = ""
        for grant in found.permissions:
            if grant.resource_type != "experiment":
                continue
            if grant.resource_pattern == "*":
                everywhere = _stronger(everywhere, grant.permission)
            else:
                held = by_experiment.get(grant.resource_pattern, "")
                by_experiment[grant.resource_pattern] = _stronger(held, grant.permission)
        return Permissions(True, found.is_admin, by_experiment, everywhere)

    def _token_hint(self, error: TrackingOffline) -> Exception:
        """MLflow's own login breaks (HTTP 500) on a bearer token, which it does not know."""
        if not self._wire.login.token or "HTTP 500" not in error.title:
            return error
        return NeedsLogin(
            f"{self._wire.where} does not take this token",
            error.cause,
            "MLflow's own login wants user and password; tokens need a proxy before the server.",
        )


def _stronger(one: str, other: str) -> str:
    return one if _RANK.get(one, 0) >= _RANK.get(other, 0) else other
