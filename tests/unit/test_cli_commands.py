"""The command's frame: help, errors, exit codes, completion; and the lists that are not about runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mantik_tui import __version__
from mantik_tui.cli import failure, lazy, tree
from mantik_tui.domain import errors
from mantik_tui.domain.errors import MantikError
from mantik_tui.store.connect import Store
from tests.support.command import command, no_engine
from tests.support.store_fill import fill_store

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "commands.md").read_text()


@pytest.fixture(autouse=True)
def without_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    no_engine(monkeypatch)


@pytest.fixture
def filled(isolated_home: Path) -> Store:
    fill_store(isolated_home / "mantik.db", projects=3, runs=40)
    return Store(isolated_home / "mantik.db")


def leaves(
    commands: tree.Tree, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, (_, place) in commands.items():
        if isinstance(place, str):
            yield (*before, name), place
        else:
            yield from leaves(place, (*before, name))


LEAVES = dict(leaves(tree.COMMANDS))


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_exists_explains_itself_and_is_in_the_docs(words: tuple[str, ...]) -> None:
    done = command(*words, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: mantik-tui {' '.join(words)}")
    found = lazy.load(LEAVES[words])
    assert found.help and found.help[0].isupper()
    if not isinstance(found, click.Group):
        assert "--workspace" in done.out
        named = re.findall(r"^  (?:(-\w), )?(--[a-z-]+)", done.out, re.MULTILINE)
        known = (*_EVERYWHERE, *_IN_HELP_ONLY)
        assert [
            long
            for short, long in named
            if long not in known and long not in DOCS and f"`{short}" not in DOCS
        ] == []
    assert words[-1] in DOCS


_EVERYWHERE = ("--workspace", "--help", "--json")
_IN_HELP_ONLY = ("--run-root", "--python", "--slots", "--module", "--artifacts", "--format")


def test_help_and_version() -> None:
    done = command("--help")
    assert done.code == 0
    for name, (words, _) in tree.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(words[:20])}", done.out, re.MULTILINE)
    assert command("--version").out == f"mantik-tui {__version__}\n"


def test_wrong_usage_exits_with_2_and_talks_on_stderr() -> None:
    for words in (
        ["nope"],
        ["runs", "list", "--nope"],
        ["runs", "submit"],
        ["runs", "tag", "x", "no-equals"],
        ["login"],
    ):
        done = command(*words)
        assert (done.code, done.out) == (2, ""), words
        assert "Error:" in done.err


def test_without_a_workspace_it_says_how_to_get_one() -> None:
    for words in (["runs", "list"], ["projects", "list"], ["sync"]):
        done = command(*words)
        assert (done.code, done.out) == (3, ""), words
        assert "mantik-tui login URL" in done.err
        assert "mantik-tui demo" in done.err
    done = command("runs", "list", "--workspace", "nowhere")
    assert done.code == 3
    assert "nowhere" in done.err


def test_workspace_may_stand_before_or_after(filled: Store) -> None:
    assert command("--workspace", "hpc-group", "runs", "list").code == 0
    assert command("runs", "list", "--workspace", "hpc-group").code == 0
    assert command("runs", "list", "--workspace", "other").code == 3


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (MantikError, 1), (errors.BadInput, 1), (errors.NotFound, 3), (errors.Ambiguous, 3), (errors.Offline, 4),
        (errors.NeedsLogin, 5), (errors.Refused, 6), (errors.Conflict, 6), (errors.Unsure, 7),
        (errors.EngineProblem, 8), (errors.StoreProblem, 8),
    ],
)  # fmt: skip
def test_each_kind_of_failure_has_its_exit_code_and_its_words(
    kind: type[MantikError], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise kind("It failed", "since \x1b[31mthis", "do that")

    monkeypatch.setattr("mantik_tui.workspace.session.open_session", fail)
    done = command("runs", "list")
    assert (done.code, done.out) == (code, "")
    assert done.err == "error: It failed\n  since this\n  do that\n"
    assert f"| {code} |" in DOCS


def test_a_defect_is_logged_and_named_without_a_traceback(
    isolated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("mantik_tui.workspace.session.open_session", fail)
    done = command("runs", "list")
    assert done.code == 1
    assert "Traceback" not in done.err
    log = isolated_home / "log" / "defects.log"
    assert str(log) in done.err
    assert "ZeroDivisionError: oops" in log.read_text()


def test_ctrl_c_is_130_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mantik_tui.workspace.session.open_session", interrupt)
    done = command("runs", "wait", "x")
    assert (done.code, done.out, done.err.strip()) == (130, "", "")


def test_an_engine_that_can_not_be_started_is_exit_code_8(filled: Store) -> None:
    done = command("sync")
    assert (done.code, done.out) == (8, "")
    assert "doctor" in done.err
    assert command("engine", "start").code == 8


def test_engine_status_when_none_runs() -> None:
    done = command("engine", "status", "--json")
    assert done.code == 1
    assert done.json["running"] is False
    assert command("engine", "stop").out == "not running\n"


def test_a_reader_that_goes_away_is_no_failure_to_talk_of(isolated_home: Path) -> None:
    fill_store(isolated_home / "mantik.db", projects=2, runs=3000)
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m mantik_tui.main runs list -n 0 | head -n 1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, timeout=60, check=True, cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )  # fmt: skip
    head, code = done.stdout.splitlines()
    assert head.startswith("NAME")
    assert int(code) == 141
    # The age of what is shown may have been told before the reader went; of its going nothing is said.
    assert all(line.startswith("As of ") for line in done.stderr.splitlines())


def test_projects_as_text_and_json(filled: Store) -> None:
    listed = command("projects", "list", "--json").json
    assert {one["name"] for one in listed} == {
        "wind power ensemble",
        "hail nowcasting",
        "station clustering",
    }
    assert listed[0]["best"]["metric"] in ("rmse", "f1", "silhouette")
    assert [
        one["name"] for one in command("projects", "list", "--filter", "type:clus", "--json").json
    ] == ["station clustering"]
    shown = command("projects", "show", "wind", "--json").json
    assert shown["members"][0] == {"name": "maria", "role": "Owner"}
    text = command("projects", "show", "wind").out
    assert "maria (Owner)" in text
    assert "## Data" in text
    assert command("projects", "show", "nothing").code == 3
    for record in (listed[0], shown):
        assert [key for key in record if f"`{key}`" not in DOCS] == []


def test_experiments(filled: Store) -> None:
    found = command("experiments", "list", "--project", "hail", "--json").json
    assert [one["name"] for one in found] == ["hail-nowcasting-main"]
    assert found[0]["project"] == "hail nowcasting"
    assert "hail-nowcasting-main" in command("experiments", "list").out


def test_configs_are_saved_shown_changed_copied_deleted(filled: Store, tmp_path: Path) -> None:
    code = ROOT / "examples" / "wind-power-forecast"
    saved = command(
        "configs", "save", "nightly", "--project", "wind", "--code", code, "-P", "pause=0"
    )
    assert (saved.code, saved.err) == (0, "")
    assert (
        command(
            "configs",
            "save",
            "nightly",
            "--project",
            "wind",
            "-P",
            "epochs=3",
            "--time-limit",
            "2h",
        ).code
        == 0
    )
    shown = command("configs", "show", "night", "--json").json
    assert (shown["params"], shown["time_limit"]) == ({"pause": "0", "epochs": "3"}, "2h")
    assert (shown["site"], shown["project"]) == ("this-machine", "wind power ensemble")
    assert shown["backend_config"] == (code / "backend-config.yaml").read_text()
    assert [key for key in shown if f"`{key}`" not in DOCS] == []
    assert command("configs", "duplicate", "nightly").out == "nightly-2\n"
    assert command("configs", "duplicate", "nightly", "nightly-2").code == 6
    assert command("configs", "delete", "nightl").code == 3
    assert command("configs", "delete", "nightly-2").code == 0
    assert [one["name"] for one in command("configs", "list", "--json").json] == ["nightly"]
    assert command("configs", "save", "x", "--code", code).code == 2


def test_problems_of_a_submission_come_all_at_once_with_their_places(
    filled: Store, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "MLproject").write_text(
        "name: x\nentry_points:\n  main:\n    parameters:\n      lr: float\n    command: python t.py {lr}\n"
    )
    backend = tmp_path / "bad.yaml"
    backend.write_text("Resources:\n  Nodes: none\n")
    done = command(
        "runs", "submit", code, "--backend-config", backend, "-P", "lr=fast", "-P", "more=1", "--time-limit", "soon"
    )  # fmt: skip
    assert (done.code, done.out) == (1, "")
    assert f"{backend}:2: error: Resources.Nodes" in done.err
    for word in ("lr", "more", "'soon' is no time limit"):
        assert word in done.err
    assert command("outbox", "list", "--json").json == []


def test_offline_a_submission_is_queued_and_can_be_taken_back(filled: Store) -> None:
    code = ROOT / "examples" / "wind-power-forecast"
    done = command(
        "runs", "submit", code, "--project", "wind", "--name", "mine", "-P", "pause=0", "--json"
    )
    assert done.code == 0
    assert "Queued" in done.err
    assert (done.json["name"], done.json["status"], done.json["outbox_state"]) == (
        "mine",
        "SCHEDULED",
        "pending",
    )
    assert done.json["mlflow_run_id"] is None
    assert command("runs", "status", "mine", "--json").json[0]["pending"] == 1
    again = command("runs", "again", "mine", "-P", "epochs=2", "--name", "second")
    assert again.out.startswith("second  ")
    assert command("runs", "info", "second", "--json").json["params"]["epochs"] == "2"
    assert command("runs", "cancel", "mine").out == "mine: taken back, it was not sent yet\n"
    assert command("runs", "status", "mine").code == 3


def test_a_large_folder_is_asked_about_and_not_sent_by_a_script_that_did_not_say_yes(
    filled: Store, tmp_path: Path
) -> None:
    (tmp_path / "MLproject").write_text("entry_points:\n  main:\n    command: 'true'\n")
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(101_000_000)
    done = command("runs", "submit", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "weights.bin (101 MB)" in done.err
    assert command("runs", "submit", tmp_path, "--yes", "--json").json["status"] == "SCHEDULED"


def test_sites_are_added_listed_removed(filled: Store) -> None:
    assert (
        command(
            "sites", "add", "big", "--slots", 4, "--run-root", "$SCRATCH/runs", "--module", "GCC"
        ).code
        == 0
    )
    sites = {one["name"]: one for one in command("sites", "list", "--json").json}
    assert sites["big"]["settings"] == {"slots": "4"}
    assert (sites["big"]["run_root"], sites["big"]["modules"]) == ("$SCRATCH/runs", ["GCC"])
    assert command("sites", "remove", "big").code == 0
    assert "big" not in command("sites", "list").out
    assert command("sites", "remove", "big").code == 3


def test_workspaces_are_listed_and_chosen(filled: Store) -> None:
    found = command("workspaces", "list", "--json").json
    assert [(one["name"], one["open"]) for one in found] == [("hpc-group", True)]
    assert command("workspaces", "use", "nowhere").code == 3


def test_login_wants_a_password_that_is_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    done = command("login", "https://mlflow.example.org", "--username", "maria")
    assert done.code == 5
    assert "--password-stdin" in done.err
    assert "--password " not in command("login", "--help").out
    assert command("login", "ftp://mlflow.example.org").code == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.org")
    assert command("login").code == 8  # the server is known; the engine is what is missing


def test_doctor_names_what_is_wrong_and_what_helps(filled: Store, isolated_home: Path) -> None:
    (isolated_home / "mantik.db").chmod(0o600)
    isolated_home.chmod(0o700)
    good = command("doctor", "--json")
    assert good.json["ok"] is (good.code == 0)
    (isolated_home / "mantik.db").chmod(0o644)
    done = command("doctor", "--json")
    assert done.code == 1
    bad = [one for one in done.json["findings"] if one["ok"] is False]
    assert ["database", f"Others can read it: chmod 600 {isolated_home / 'mantik.db'}"] in [
        [one["name"], one["help"]] for one in bad
    ]
    assert "chmod 600" in command("doctor").out
    assert command("doctor").out.count("\n") > 20


def test_doctor_survives_a_database_that_can_not_be_opened(isolated_home: Path) -> None:
    (isolated_home / "mantik.db").write_bytes(
        b"this is no database at all, but long enough to be looked at" * 20
    )
    done = command("doctor")
    assert done.code == 1
    assert "database" in done.out


@pytest.mark.parametrize(
    ("shell", "word"),
    [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --no-files")],
)
def test_completion_scripts(shell: str, word: str) -> None:
    done = command("completion", shell)
    assert done.code == 0
    assert word in done.out
    assert "_MANTIK_TUI_COMPLETE" in done.out


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("runs su", {"submit"}),
        ("engine st", {"start", "status", "stop"}),
        ("runs list --fil", {"--filter"}),
        ("projects show wi", {"wind power ensemble"}),
        ("runs list --project ha", {"hail nowcasting"}),
        ("sites test th", {"this-machine"}),
    ],
)
def test_the_shell_gets_words_to_complete(filled: Store, typed: str, words: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mantik_tui.main"],
        env={**os.environ, "_MANTIK_TUI_COMPLETE": "fish_complete", "COMP_WORDS": f"mantik-tui {typed}",
             "COMP_CWORD": typed.split(" ")[-1]},
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.stderr == ""
    found = {line.partition(",")[2].partition("\t")[0] for line in done.stdout.splitlines()}
    assert found == words


def test_problems_are_painted_only_where_colours_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[31merror:" in command("runs", "info", "x", terminal=True).err
    assert failure.tell(errors.NotFound("x")) == 3
