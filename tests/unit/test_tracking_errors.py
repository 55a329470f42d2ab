"""What a person is told for every kind of wrong answer, without a server."""

from __future__ import annotations

import logging

import httpx
import pytest
import respx

from mantik_tui.backends.tracking.address import Login
from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.backends.tracking.errors import (
    AlreadyExists,
    Forbidden,
    NoSuchCall,
    NotMlflow,
    Rejected,
    TrackingOffline,
    redact,
    retry_after_s,
    words_of,
)
from mantik_tui.domain.errors import BadInput, MantikError, NeedsLogin, NotFound, Offline, Refused

URL = "https://mlflow.example.org/team"
SEARCH = f"{URL}/api/2.0/mlflow/runs/search"


def mlflow_error(status: int, code: str, message: str) -> httpx.Response:
    return httpx.Response(status, json={"error_code": code, "message": message})


async def outcome(answer: httpx.Response | Exception, login: Login | None = None) -> MantikError:
    """The error that a run search ends with when the server answers like this."""
    with respx.mock:
        route = respx.post(SEARCH)
        if isinstance(answer, Exception):
            route.mock(side_effect=answer)
        else:
            route.mock(return_value=answer)
        async with TrackingClient(URL, login or Login()) as client:
            with pytest.raises(MantikError) as raised:
                await client.search_runs(["1"])
    assert raised.value.title
    assert raised.value.cause
    return raised.value


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (httpx.Response(401, html="<h1>Log in</h1>"), NeedsLogin, "Log in"),
        (httpx.Response(403, text="Permission denied"), Forbidden, "Permission denied"),
        (mlflow_error(403, "PERMISSION_DENIED", "not yours"), Forbidden, "not yours"),
        (mlflow_error(404, "RESOURCE_DOES_NOT_EXIST", "No such run"), NotFound, "No such run"),
        (mlflow_error(400, "RESOURCE_ALREADY_EXISTS", "taken"), AlreadyExists, "taken"),
        (mlflow_error(400, "INVALID_PARAMETER_VALUE", "bad filter"), Rejected, "bad filter"),
        (mlflow_error(400, "BAD_REQUEST", ""), Rejected, "BAD_REQUEST"),
        (httpx.Response(413, html="<p>Too <b>large</b></p>"), Rejected, "Too large"),
        (httpx.Response(404, html="<title>404</title>"), NoSuchCall, "404"),
        (mlflow_error(404, "ENDPOINT_NOT_FOUND", "No API found"), NoSuchCall, "No API found"),
        (httpx.Response(501), NoSuchCall, "Not Implemented"),
        (httpx.Response(408), TrackingOffline, "Request Timeout"),
        (httpx.Response(429, text="slow down"), TrackingOffline, "slow down"),
        (mlflow_error(500, "INTERNAL_ERROR", "database is locked"), TrackingOffline, "locked"),
        (httpx.Response(503, text="maintenance"), TrackingOffline, "maintenance"),
        (httpx.Response(599), TrackingOffline, "599"),
        (httpx.Response(302, headers={"Location": "https://login.example.org/?x=secret"}), NotMlflow, "login.example"),
        (httpx.Response(200, html="<h1>Welcome</h1>"), NotMlflow, "Welcome"),
        (httpx.Response(200, text=""), NotMlflow, "empty"),
        (httpx.Response(200, json=["a", "list"]), NotMlflow, "JSON"),
        (httpx.Response(200, json={"runs": 5}), NotMlflow, "JSON"),
        (httpx.Response(200, content=b'{"runs": ["\xff"]}'), NotMlflow, "JSON"),
        (httpx.Response(403, text="Invalid Host header - possible attack"), TrackingOffline, "Invalid Host"),
        (httpx.ConnectError("[Errno 111] Connection refused"), TrackingOffline, "refused"),
        (httpx.ConnectTimeout(""), TrackingOffline, "no connection in time"),
        (httpx.ReadTimeout(""), TrackingOffline, "no answer in time"),
        (httpx.RemoteProtocolError("Server disconnected"), TrackingOffline, "disconnected"),
        (httpx.ProxyError("407 Proxy Authentication Required"), TrackingOffline, "407"),
        (httpx.DecodingError("bad gzip"), NotMlflow, "unpacked"),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), TrackingOffline, "self-signed"),
    ],
)  # fmt: skip
async def test_each_wrong_answer_has_its_own_error(
    answer: httpx.Response | Exception, kind: type[MantikError], words: str
) -> None:
    found = await outcome(answer)
    assert type(found) is kind
    assert words in f"{found.title} {found.cause}"
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (Login(), "mlflow.example.org/team asks for a login"),
        (Login("maria"), "no password is kept for maria"),
        (Login("maria", "s3cret"), "User or password is wrong: maria at mlflow.example.org/team"),
        (Login(token="s3cret"), "The token is wrong or has expired, says mlflow.example.org/team"),
    ],
)
async def test_a_login_that_is_wrong_is_told_from_one_that_is_missing(
    login: Login, words: str
) -> None:
    found = await outcome(httpx.Response(401, text="You are not authenticated"), login=login)
    assert type(found) is NeedsLogin
    assert words in f"{found.title}. {found.cause}"
    assert ("wrong" in found.title) == bool(login.password or login.token)
    assert "s3cret" not in str(found)


async def test_only_a_failed_connection_proves_that_nothing_was_sent() -> None:
    sent = {
        type(cause).__name__: (await outcome(cause)).maybe_sent  # type: ignore[attr-defined]
        for cause in (
            httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x"), httpx.ProxyError("x"),
            httpx.ReadError("x"), httpx.WriteError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"),
        )
    }  # fmt: skip
    assert [name for name, maybe in sent.items() if not maybe] == [
        "ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"
    ]  # fmt: skip


async def test_an_untrusted_certificate_names_the_setting() -> None:
    found = await outcome(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"))
    assert "ca_file" in found.hint


async def test_a_missing_call_of_an_older_server_is_unknown_and_no_error() -> None:
    with respx.mock:
        respx.get(f"{URL}/api/3.0/mlflow/server-info").mock(
            return_value=httpx.Response(404, html="no")
        )
        respx.get(f"{URL}/api/3.0/mlflow/users/current/permissions").mock(
            return_value=httpx.Response(403, text="no")
        )
        respx.get(f"{URL}/api/2.0/mlflow/users/current").mock(
            return_value=httpx.Response(403, text="no")
        )
        respx.post(f"{URL}/api/2.0/mlflow/experiments/search").mock(
            return_value=httpx.Response(200, json={})
        )
        async with TrackingClient(URL, Login("me", "pw")) as client:
            assert (await client.access.server_info()).store_type is None
            assert (await client.access.permissions()).known is False
            identity = await client.access.whoami()
    assert (identity.username, identity.auth) == ("", "other")


async def test_a_created_run_without_an_id_is_no_mlflow_server() -> None:
    with respx.mock:
        respx.post(f"{URL}/api/2.0/mlflow/runs/create").mock(
            return_value=httpx.Response(200, json={"ok": True})
        )
        respx.post(f"{URL}/api/2.0/mlflow/experiments/create").mock(
            return_value=httpx.Response(200, json={})
        )
        async with TrackingClient(URL) as client:
            with pytest.raises(NotMlflow):
                await client.create_run("1", start_ms=1)
            with pytest.raises(NotMlflow):
                await client.create_experiment("x")


@pytest.mark.parametrize(
    ("login", "header"),
    [
        (Login("ada", "p:ä"), "Basic YWRhOnA6w6Q="),
        (Login("ada", "x", token="t0ken"), "Bearer t0ken"),
        (Login(), None),
    ],
)
async def test_each_kind_of_login_is_sent_as_such(login: Login, header: str | None) -> None:
    with respx.mock:
        route = respx.post(SEARCH).mock(return_value=httpx.Response(200, json={}))
        async with TrackingClient(URL, login, user_agent="mantik-tui/1") as client:
            await client.search_runs(["1"], offset=500)
        request = route.calls.last.request
    assert request.headers.get("authorization") == header
    assert request.headers["content-type"] == "application/json"
    assert "gzip" in request.headers["accept-encoding"]
    assert request.headers["user-agent"] == "mantik-tui/1"
    assert b'"page_token":"eyJvZmZzZXQiOiA1MDB9"' in request.content


async def test_no_secret_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with respx.mock:
        respx.post(SEARCH).mock(
            side_effect=httpx.ConnectError("https://ada:topsecret@mlflow.example.org refused")
        )
        async with TrackingClient("https://ada:topsecret@mlflow.example.org/team") as client:
            with pytest.raises(TrackingOffline) as raised:
                await client.search_runs(["1"])
        respx.post(SEARCH).mock(return_value=httpx.Response(200, json={}))
        async with TrackingClient("https://ada:topsecret@mlflow.example.org/team") as client:
            await client.search_runs(["1"])
            shown = repr(client.wire.login) + client.address.url
    assert "topsecret" not in caplog.text + str(raised.value) + shown


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ü"])
def test_a_token_that_can_t_be_sent_is_said_before(token: str) -> None:
    with pytest.raises(BadInput, match="token"):
        TrackingClient(URL, Login(token=token))


def test_words_are_short_and_harmless() -> None:
    hostile = b"<style>x</style><h1>Hi\x1b[31m</h1>\r\n see http://u:p@host/ " + b"x" * 900
    words = words_of(hostile, "text/html")
    assert words.startswith("Hi see http://***@host/ xxx")
    assert len(words) == 400


def test_urls_are_redacted() -> None:
    assert redact("a https://u:p@h/x?y=z@w b") == "a https://***@h/x?y=z@w b"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        ("rubbish", None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str | None, seconds: float | None) -> None:
    assert retry_after_s(text) == seconds


def test_the_errors_stand_where_callers_look_for_them() -> None:
    assert issubclass(NotMlflow, Offline)
    assert issubclass(Forbidden, Refused)
    assert issubclass(Rejected, Refused)
