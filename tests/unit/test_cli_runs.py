"""`mantik-tui runs …` on a filled database, without engine and server: lists, lookups, edits, all of them offline."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import yaml

from mantik_tui.store.connect import Store
from mantik_tui.store.writes.keys import key_number
from tests.support.command import command, no_engine
from tests.support.store_fill import fill_store

RUN_KEYS = [
    "id", "name", "status", "job_state", "cause", "user", "project", "experiment", "site", "start", "end", "pending",
    "metrics", "params",
]  # fmt: skip


@pytest.fixture(autouse=True)
def store(isolated_home: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    fill_store(isolated_home / "mantik.db", projects=3, runs=300)
    no_engine(monkeypatch)
    return Store(isolated_home / "mantik.db")


def test_list_is_json_with_documented_keys_and_all_values() -> None:
    done = command("runs", "list", "--json", "-n", 5)
    assert done.code == 0
    assert [list(one) for one in done.json] == [RUN_KEYS] * 5
    second = done.json[1]
    assert (second["status"], second["project"]) == ("RUNNING", "wind power ensemble")
    assert second["start"].endswith("Z")
    assert second["end"] is None
    assert set(second["metrics"]) == {"loss", "val_loss", "rmse"}
    assert second["params"]["lr"] == "0.001"


def test_what_json_has_no_number_for_is_text() -> None:
    done = command("runs", "list", "--json", "--filter", "loss=nan", "-n", 1)
    assert done.json[0]["metrics"]["loss"] == "nan"


def test_filter_sort_and_columns() -> None:
    done = command(
        "runs", "list", "--project", "wind", "--filter", "status:failed loss<0.3", "--sort", "loss",
        "--columns", "name,loss,params.lr,cause", "-n", 4, "--json",
    )  # fmt: skip
    losses = [one["metrics"]["loss"] for one in done.json]
    assert losses == sorted(losses)
    assert len(losses) == 4
    assert all(one["status"] == "FAILED" and one["metrics"]["loss"] < 0.3 for one in done.json)
    assert all(set(one["params"]) == {"lr"} for one in done.json)
    backwards = command("runs", "list", "--sort", "-metrics.loss", "-n", 3, "--json").json
    found = [one["metrics"]["loss"] for one in backwards]
    assert found == sorted(found, reverse=True)


def test_text_has_aligned_columns_and_a_dash_for_nothing() -> None:
    done = command("runs", "list", "-n", 3, "--columns", "name,status,rmse,cause")
    head, *rows = done.out.splitlines()
    assert head.split() == ["NAME", "STATUS", "RMSE", "CAUSE"]
    assert len(rows) == 3
    place = head.index("STATUS")
    assert all(row[place - 1] == " " and row[place] != " " for row in rows)
    queued = next(row for row in rows if "SCHEDULED" in row)
    assert queued.split()[2:] == ["-", "-"]
    assert "There are more" in done.err


def test_on_a_terminal_lines_are_cut_to_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    done = command("runs", "list", terminal=True)
    assert max(map(len, done.out.splitlines())) <= 40
    assert "…" in done.out
    assert "\x1b" not in done.out + done.err
    whole = command("runs", "list").out
    assert "…" not in whole


def test_colours_only_on_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    assert "\x1b[31mFAILED" in command("runs", "list", terminal=True).out
    assert "\x1b" not in command("runs", "list").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in command("runs", "list", terminal=True).out


def test_text_of_others_can_not_command_the_terminal(store: Store) -> None:
    evil = "\x1b]0;owned\x07night\u202e\x9b31m"
    store.connection.execute("UPDATE run SET name = ? WHERE id = 1", (evil,))
    shown = command("runs", "list", "-n", 1)
    assert "night" in shown.out
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(shown.out)
    as_json = command("runs", "list", "-n", 1, "--json")
    assert as_json.json[0]["name"] == evil
    assert not {"\x1b", "\u202e", "\x9b"} & set(as_json.out)
    as_yaml = command("runs", "info", "0" * 31 + "1")
    assert yaml.safe_load(as_yaml.out)["name"] == evil
    assert not {"\x1b", "\u202e", "\x9b"} & set(as_yaml.out)


def test_age_is_said_on_stderr_when_the_server_does_not_answer(store: Store) -> None:
    store.connection.execute("UPDATE workspace SET state = 'offline', reason = 'it is down'")
    done = command("runs", "list", "-n", 1)
    assert "offline (it is down)" in done.err
    assert "offline" not in done.out


def test_nothing_found_is_said_and_is_no_failure() -> None:
    done = command("runs", "list", "--filter", "name:zzz")
    assert (done.code, done.out) == (0, "")
    assert "No run fits" in done.err
    assert command("runs", "list", "--filter", "name:zzz", "--json").out == "[]\n"


def test_a_filter_that_can_not_be_read_is_told_with_its_word() -> None:
    done = command("runs", "list", "--filter", "rmse<much")
    assert (done.code, done.out) == (1, "")
    assert "filter:1: error: rmse<much" in done.err


def test_info_gives_every_field_as_yaml_and_json() -> None:
    name = "0" * 31 + "4"
    as_yaml = yaml.safe_load(command("runs", "info", name).out)
    as_json = command("runs", "info", name, "--json").json
    assert as_yaml == as_json == command("runs", "info", name, "-f", "json").json
    assert as_json["status"] == "FAILED"
    assert as_json["metrics"]["loss"]["step"] == 30
    documented = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    assert [key for key in as_json if f"`{key}`" not in documented] == []


def test_status_of_several_and_by_a_part_of_the_id() -> None:
    done = command("runs", "status", "0" * 31 + "1", "0" * 31 + "4", "--json")
    assert [one["status"] for one in done.json] == ["RUNNING", "FAILED"]
    assert "FAILED" in command("runs", "status", "0" * 31 + "4").out


def test_unknown_and_ambiguous_names_exit_with_3() -> None:
    unknown = command("runs", "info", "no-such-run")
    assert (unknown.code, unknown.out) == (3, "")
    assert "no-such-run" in unknown.err and "runs list" in unknown.err
    several = command("runs", "status", "00000000")
    assert several.code == 3
    assert "Several runs" in several.err


def test_edits_are_made_here_and_wait_in_the_outbox() -> None:
    run = "0" * 31 + "4"
    assert command("runs", "tag", run, "label=best", "n=1=2").code == 0
    assert command("runs", "note", run, "-", stdin="# good\n").code == 0
    assert command("runs", "rename", run, "fine-name").code == 0
    found = command("runs", "info", "fine-name", "--json").json
    assert (found["tags"]["label"], found["tags"]["n"], found["note"]) == (
        "best",
        "1=2",
        "# good\n",
    )
    assert [one["state"] for one in found["pending"]] == ["pending"] * 4
    assert command("runs", "note", "fine-name").out == "# good\n"
    waiting = command("outbox", "list", "--json").json
    assert [one["kind"] for one in waiting] == ["set-tag", "set-tag", "set-note", "rename-run"]
    assert command("outbox", "cancel", waiting[3]["id"][-12:]).code == 0
    assert command("runs", "info", "fine-name").code == 3
    assert command("runs", "tag", run, "--delete", "label").code == 0
    assert "label=" not in command("runs", "tag", run).out


def test_a_tag_that_the_server_would_cut_is_refused() -> None:
    done = command("runs", "tag", "0" * 31 + "4", "text=" + "x" * 8001)
    assert done.code == 6
    assert "too long" in done.err


def test_a_run_of_others_can_not_be_cancelled_and_has_no_log() -> None:
    assert command("runs", "cancel", "0" * 31 + "1").code == 6
    done = command("runs", "logs", "0" * 31 + "1")
    assert (done.code, done.out) == (3, "")


def test_wait_exits_by_how_the_runs_ended() -> None:
    assert command("runs", "wait", "0" * 31 + "6").code == 0
    done = command("runs", "wait", "0" * 31 + "6", "0" * 31 + "4", "--json")
    assert done.code == 1
    assert [one["status"] for one in done.json] == ["FINISHED", "FAILED"]


def test_wait_gives_up_after_its_time() -> None:
    done = command("runs", "wait", "0" * 31 + "1", "--timeout", "0.05")
    assert done.code == 1
    assert "Time is up" in done.err


def test_log_is_read_from_the_copy_with_its_age_when_nothing_else_can_be_reached(
    store: Store, isolated_home: Path
) -> None:
    path = isolated_home / "one.log"
    path.write_bytes(b"start\r\n10%\r50%\r100%\nred \x1b[31malert\x1b[0m\nlast without end")
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO log (run_id, path, size, as_of_ms) VALUES (1, ?, 99, 1)", (str(path),)
        )
        connection.execute(
            "INSERT INTO job (run_id, attempt, site, state, folder) VALUES (1, 1, 'this-machine', 'running', '/x')"
        )
    done = command("runs", "logs", "0" * 31 + "1")
    assert done.out.splitlines() == ["start", "100%", "red alert", "last without end"]
    assert "as of" in done.err
    assert command("runs", "logs", "0" * 31 + "1", "-n", 2).out.splitlines() == [
        "red alert",
        "last without end",
    ]
    assert command("runs", "logs", "0" * 31 + "1", "-n", 0).out == ""


def test_a_thousand_runs_are_listed_whole(store: Store) -> None:
    connection = store.connection
    key = key_number(connection, "metric", "extra")
    connection.execute(
        "INSERT INTO metric (run_id, key_id, value, is_nan) SELECT id, ?, 1e999, 0 FROM run", (key,)
    )
    done = command("runs", "list", "-n", 0, "--json")
    assert len(done.json) == 300
    assert {one["metrics"]["extra"] for one in done.json} == {"inf"}
    assert not any(
        isinstance(value, float) and math.isinf(value)
        for value in json.loads(done.out)[0]["metrics"].values()
    )
