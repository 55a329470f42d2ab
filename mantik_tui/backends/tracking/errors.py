"""What a tracking server's answer means, as errors for people.

The HTTP status decides first, since 401, 403 and unknown routes answer with text or HTML; a JSON body
`{"error_code": ..., "message": ...}` then says more, and its message is kept as the error's cause.
"""

from __future__ import annotations

import email.utils
import re
import time
from http import HTTPStatus

import httpx
import msgspec

from mantik_tui.backends.tracking.address import NO_LOGIN, Login
from mantik_tui.domain.errors import (
    BadInput,
    Conflict,
    MantikError,
    NeedsLogin,
    NotFound,
    Offline,
    Refused,
)
from mantik_tui.domain.text import clean

_MAX_WORDS = 400
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/?#\s@]*@")
_BUSY = frozenset({408, 425, 429})


class TrackingOffline(Offline):
    """The tracking server did not answer, or said that it can't at the moment."""

    def __init__(
        self,
        title: str,
        cause: str = "",
        hint: str = "",
        *,
        maybe_sent: bool = True,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(title, cause, hint)
        self.maybe_sent = maybe_sent
        """False if nothing of the request can have reached the server, so that a write had no effect."""
        self.retry_after_s = retry_after_s
        """Seconds that the server asked us to wait; None if it did not say."""


class NotMlflow(TrackingOffline):
    """Something answered, but not in the way of an MLflow server: a login page, a hotel's portal, a wrong address.

    It counts as offline, since it may pass, and since no such answer says anything about what is stored.
    """


class NoSuchCall(NotMlflow):
    """The address has no such route: another kind of server, or an MLflow version that lacks the call."""


class Forbidden(Refused):
    """The login is right, but may not do this (HTTP 403)."""


class Rejected(Refused):
    """The server understood the request and refuses it; the same again will be refused too."""

    def __init__(
        self, title: str, cause: str = "", hint: str = "", *, status: int = 400, code: str = ""
    ) -> None:
        super().__init__(title, cause, hint)
        self.status = status
        self.code = code
        """MLflow's `error_code`, for example `INVALID_PARAMETER_VALUE`; empty if there was none."""


class AlreadyExists(Conflict):
    """What was to be created is there already; names of deleted things stay taken."""


class _ErrorBody(msgspec.Struct, gc=False):
    error_code: str | int | None = None
    message: str | None = None


_ERROR_BODY = msgspec.json.Decoder(_ErrorBody)


def redact(text: str) -> str:
    """`text` with the user and password of every URL in it replaced by `***`."""
    return _USERINFO.sub("***@", text)


def words_of(content: bytes, content_type: str = "") -> str:
    """A body as one short line for people: without markup, control characters and credentials."""
    text = content[:20_000].decode("utf-8", "replace")
    if "html" in content_type or text.lstrip()[:1] == "<":
        text = _TAGS.sub(" ", text)
    text = redact(" ".join(clean(text).split()))
    return text if len(text) <= _MAX_WORDS else text[: _MAX_WORDS - 1] + "…"


def retry_after_s(value: str | None) -> float | None:
    """Seconds named by a `Retry-After` header: a number or an HTTP date (RFC 9110 section 10.2.3)."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    moment = date_ms(value)
    return None if moment is None else max(0.0, moment / 1000 - time.time())


def date_ms(value: str | None) -> int | None:
    """An HTTP date as milliseconds since 1970, None if absent or unreadable."""
    if not value:
        return None
    try:
        return int(email.utils.parsedate_to_datetime(value).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def from_response(
    status: int,
    headers: httpx.Headers,
    content: bytes,
    where: str,
    what: str,
    login: Login = NO_LOGIN,
) -> MantikError:
    """The error that an answer with a status of 300 or more stands for.

    `where` is the server's address without credentials, `what` the call in words, for example `POST runs/search`, `login`
    what was sent with it.
    """
    code, words = _read_body(content, headers.get("content-type", ""))
    words = words or _reason(status)
    if status < 400:
        return _redirect(status, headers.get("location", ""), where, what)
    if status == 401:
        return _unauthorized(words, where, login)
    if status == 403:
        return _forbidden(words, where, what)
    if (status >= 500 and status != 501) or status in _BUSY:
        return TrackingOffline(
            f"{where} can't answer at the moment (HTTP {status})",
            f"{what}: {words}",
            "It is tried again by itself; the server's log says more.",
            retry_after_s=retry_after_s(headers.get("retry-after")),
        )
    if code == "RESOURCE_ALREADY_EXISTS":
        return AlreadyExists("The name is taken on the server", words, "Choose another name.")
    if code == "RESOURCE_DOES_NOT_EXIST":
        return NotFound(
            "The server does not have it",
            words,
            "It may have been deleted there; refresh and look again.",
        )
    if (not code and status in (404, 405, 501)) or code == "ENDPOINT_NOT_FOUND":
        return no_such_call(status, words, where, what)
    return Rejected(
        f"The server refuses {what}",
        words,
        "Change what is sent, or take it back.",
        status=status,
        code=code,
    )


def _unauthorized(words: str, where: str, login: Login) -> NeedsLogin:
    """HTTP 401 says that the login is wrong only if one was sent whole."""
    if login.token:
        return NeedsLogin(
            f"The token is wrong or has expired, says {where}", words, "Log in with a new one."
        )
    if login.username and login.password:
        return NeedsLogin(
            f"User or password is wrong: {login.username} at {where}",
            words,
            "Check both, and log in again.",
        )
    if login.username:
        words = f"no password is kept for {login.username}; {words}"
    return NeedsLogin(f"{where} asks for a login", words, "Log in with `mantik-tui login`.")


def no_such_call(status: int, words: str, where: str, what: str) -> NoSuchCall:
    """The error for a route that the address does not have."""
    return NoSuchCall(
        f"{where} does not answer like an MLflow server",
        f"{what}: HTTP {status}, {words}",
        "Check the address, a path behind the host name included; very old MLflow servers lack some calls.",
    )


def not_mlflow(where: str, what: str, cause: str) -> NotMlflow:
    """The error for a good status with a body that no MLflow server sends."""
    return NotMlflow(
        f"{where} does not answer like an MLflow server",
        f"{what}: {cause}",
        "Open the address in a browser: a login page or a network portal may stand before it. "
        "What is stored here stays.",
    )


def from_transport(error: httpx.TransportError, where: str, what: str) -> MantikError:
    """The error for a request that got no complete answer."""
    words = redact(clean(str(error), keep_newlines=False)) or type(error).__name__
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return BadInput(
            f"{what} can't be sent to {where}", words, "Check the address and the login."
        )
    if "CERTIFICATE_VERIFY_FAILED" in words or "certificate verify failed" in words:
        return TrackingOffline(
            f"The certificate of {where} is not trusted",
            words,
            "Give the file of your site's own CA in the workspace's settings (`ca_file`).",
            maybe_sent=False,
        )
    unsent = isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
    )
    if isinstance(error, httpx.TimeoutException):
        words = "no answer in time" if not unsent else "no connection in time"
    return TrackingOffline(
        f"{where} does not answer",
        f"{what}: {words}",
        "Reading goes on from what is stored here; what you do waits in the outbox.",
        maybe_sent=not unsent,
    )


def _read_body(content: bytes, content_type: str) -> tuple[str, str]:
    """(error_code, words) of a body; the code is empty if it is not MLflow's JSON."""
    try:
        body = _ERROR_BODY.decode(content)
    except msgspec.DecodeError:
        return "", words_of(content, content_type)
    code = "" if body.error_code is None else str(body.error_code)
    return code, words_of((body.message or code).encode())


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP {status}"


def _redirect(status: int, location: str, where: str, what: str) -> MantikError:
    target = words_of(location.split("?")[0].encode()) or "nowhere"
    return NotMlflow(
        f"{where} does not answer like an MLflow server",
        f"{what}: HTTP {status}, it sends us on to {target}",
        "If that is the same server under a better address, use that one; "
        "if it is a login page, the server needs a token that works without a browser.",
    )


def _forbidden(words: str, where: str, what: str) -> MantikError:
    if words.startswith("Invalid Host header"):
        return TrackingOffline(
            f"{where} does not know itself by this name",
            words,
            "Whoever runs the server has to name it: `mlflow server --allowed-hosts NAME`.",
        )
    return Forbidden(
        f"{where} does not let you do this",
        f"{what}: {words}",
        "Ask the owner for the permission on the server.",
    )
