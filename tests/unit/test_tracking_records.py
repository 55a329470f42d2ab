"""Records from bytes, rows from records, addresses and small pieces of MLflow's query language."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mantik_tui.backends.tracking.address import Login, parse_address, sends_login_in_clear
from mantik_tui.backends.tracking.flat import flatten, point_rows
from mantik_tui.backends.tracking.query import id_in, offset_of, page_token, tag_is, text
from mantik_tui.backends.tracking.records import Metric, RunRecord, to_float
from mantik_tui.domain.errors import BadInput


def decode(document: dict[str, Any]) -> RunRecord:
    return msgspec.json.decode(msgspec.json.encode(document), type=RunRecord)


def test_an_empty_run_has_defaults_everywhere() -> None:
    flat = flatten(decode({}))
    assert (flat.server_id, flat.name, flat.status, flat.lifecycle) == ("", "", "RUNNING", "active")
    assert (flat.start_ms, flat.end_ms, flat.tags, flat.params, flat.metrics, flat.datasets) == (
        None, None, {}, [], [], []
    )  # fmt: skip


def test_null_is_as_good_as_absent() -> None:
    run = decode(
        {
            "info": {
                "run_id": "r",
                "run_name": None,
                "end_time": None,
                "user_id": None,
                "new_field": [1],
            },
            "data": {
                "metrics": [{"key": "m", "value": None, "step": None}],
                "params": [{"key": "p", "value": None}],
            },
            "inputs": None,
        }
    )
    flat = flatten(run)
    assert flat.params == [("p", "")]
    assert flat.metrics == [("m", None, 1, 0, 0)]


def test_name_and_user_fall_back_to_the_tags_of_old_clients() -> None:
    tags = [{"key": "mlflow.runName", "value": "old"}, {"key": "mlflow.user", "value": "ada"}]
    flat = flatten(decode({"info": {"user_id": ""}, "data": {"tags": tags}}))
    assert (flat.name, flat.user) == ("old", "ada")


@pytest.mark.parametrize(
    ("sent", "row"),
    [
        ("NaN", (None, 1)),
        ("Infinity", (math.inf, 0)),
        ("-Infinity", (-math.inf, 0)),
        (1.7976931348623157e308, (1.7976931348623157e308, 0)),
        (-1.7976931348623157e308, (-1.7976931348623157e308, 0)),
        (3, (3.0, 0)),
        (0.0, (0.0, 0)),
        ("rubbish", (None, 1)),
    ],
)
def test_every_way_to_write_a_number_is_read(
    sent: float | str, row: tuple[float | None, int]
) -> None:
    flat = flatten(
        decode({"data": {"metrics": [{"key": "m", "value": sent, "step": 2, "timestamp": 9}]}})
    )
    assert flat.metrics == [("m", *row, 2, 9)]
    assert point_rows([Metric("m", sent, 9, 2)]) == [(2, 9, *row)]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_comes_through_unchanged(value: float) -> None:
    flat = flatten(decode({"data": {"metrics": [{"key": "m", "value": value}]}}))
    assert flat.metrics[0][1] == value
    assert to_float(value) == value


@given(st.integers(min_value=1, max_value=10**12))
def test_a_page_token_points_where_it_was_made_for(offset: int) -> None:
    token = page_token(offset)
    assert token is not None
    assert offset_of(token) == offset


@pytest.mark.parametrize("token", [None, "", "!!!", "bm8=", "e30=", "eyJvZmZzZXQiOiAieCJ9"])
def test_a_token_of_another_form_points_nowhere(token: str | None) -> None:
    assert offset_of(token) is None
    assert page_token(0) is None


def test_filters_quote_what_they_are_given() -> None:
    assert tag_is("mantik.cid", "a") == "tags.`mantik.cid` = 'a'"
    assert id_in(["a", "b"]) == "run_id IN ('a', 'b')"
    assert text("it's") == '"it\'s"'
    with pytest.raises(BadInput):
        text("both ' and \"")


@pytest.mark.parametrize(
    ("given_url", "url", "login", "loopback"),
    [
        ("https://mlflow.example.org", "https://mlflow.example.org", Login(), False),
        (" https://mlflow.example.org/a/b/ ", "https://mlflow.example.org/a/b", Login(), False),
        ("http://ada:p%40ss@127.0.0.1:5000/", "http://127.0.0.1:5000", Login("ada", "p@ss"), True),
        ("http://[::1]:5000", "http://[::1]:5000", Login(), True),
        ("http://localhost:5000?x=1#y", "http://localhost:5000", Login(), True),
    ],
)
def test_addresses_are_taken_apart(given_url: str, url: str, login: Login, loopback: bool) -> None:
    address, found = parse_address(given_url)
    assert (address.url, found, address.loopback) == (url, login, loopback)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mlflow.example.org",
        "ftp://x",
        "file:///tmp/mlruns",
        "http://",
        "http://h:99999",
        "https://u:pw@:x",
    ],
)
def test_what_is_no_address_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(BadInput, match="address") as refused:
        parse_address(url)
    assert "pw" not in str(refused.value)


def test_a_login_over_plain_http_is_worth_a_warning_except_on_this_machine() -> None:
    login = Login("ada", "x")
    told = [
        sends_login_in_clear(parse_address(url)[0], who)
        for url, who in (
            ("http://far.example.org", login), ("https://far.example.org", login), ("http://127.0.0.1", login),
            ("http://far.example.org", Login()),
        )
    ]  # fmt: skip
    assert told == [True, False, False, False]
