"""The configuration file: every fault at once with its line, and a file with faults stops only what needs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mantik_tui import settings
from mantik_tui.actions import ACTIONS, keymap_problems
from mantik_tui.actions.keymap import normal
from mantik_tui.domain.errors import BadInput
from mantik_tui.domain.problems import Severity
from mantik_tui.settings import Settings, SiteProfile, WorkspaceProfile, load_settings
from mantik_tui.settings_check import key_lines
from mantik_tui.store.connect import Store
from mantik_tui.store.reads.workspaces import workspaces
from mantik_tui.store.writes import local
from mantik_tui.workspace.servers import login
from mantik_tui.workspace.session import open_session
from tests.support.command import command, no_engine
from tests.support.store_fill import fill_store

FAULTY = """\
theme = 3
workspace = "gone"
mous = true

[workspaces.a]
tracking_uri = 5
auth = "magic"
usrname = "x"

[workspaces.b]
username = "u"

[workspaces.c]
tracking_uri = "https://maria:secret@example.org"

[workspaces]
d = 4

[sites.x]
extra_lines = [
  "a = b",
  3,
]
modules = 3
slots = "two"
run_root = 5
python.path = "x"

[keys]
cancel = 3
"""

EXPECTED = {
    (1, "theme", "text"), (2, "workspace", "'gone'"), (3, "mous", "mouse?"), (6, "workspaces.a.tracking_uri", "http"),
    (7, "workspaces.a.auth", "basic"), (8, "workspaces.a.usrname", "username?"),
    (10, "workspaces.b", "tracking_uri is missing"), (14, "workspaces.c.tracking_uri", "without user name"),
    (17, "workspaces.d", "table"), (20, "sites.x.extra_lines", "list"), (24, "sites.x.modules", "list"),
    (25, "sites.x.slots", "whole number"), (26, "sites.x.run_root", "text"), (27, "sites.x.python", "text"),
    (30, "keys.cancel", "text"),
}  # fmt: skip


@pytest.fixture
def config(isolated_home: Path) -> Path:
    (isolated_home / "config").mkdir()
    return isolated_home / "config" / "config.toml"


def test_all_faults_come_at_once_each_with_its_line_and_what_is_right(config: Path) -> None:
    text = FAULTY.replace("[workspaces]\nd = 4\n", "[workspaces_]\nd = 4\n")
    config.write_text(text)
    with pytest.raises(BadInput) as told:
        load_settings()
    found = {(one.line, one.key): f"{one.message} {one.hint}" for one in told.value.problems}
    expected = {(line, key): words for line, key, words in EXPECTED if key != "workspaces.d"}
    expected[16, "workspaces_"] = "workspaces?"
    assert set(found) == set(expected)
    assert [key for key, words in expected.items() if words not in found[key]] == []
    assert "secret" not in str(told.value) + "".join(found.values())


@pytest.mark.parametrize("text", ["keys = 3", "workspaces = 3", "sites = [1]", "workspaces.a = 3"])
def test_what_must_be_a_table_says_so(config: Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(BadInput, match="must be a table"):
        load_settings()


def test_a_file_that_is_no_toml_names_its_line(config: Path) -> None:
    config.write_text('theme = "x"\nmouse = yes\n')
    with pytest.raises(BadInput) as told:
        load_settings()
    assert told.value.problems[0].line == 2


def test_the_example_of_the_docstring_and_of_the_docs_are_right(config: Path) -> None:
    assert settings.__doc__
    config.write_text("\n".join(settings.__doc__.splitlines()[2:]))
    read = load_settings()
    assert read.workspaces == {
        "group": WorkspaceProfile("https://mlflow.example.org", "maria", "basic")
    }
    assert keymap_problems(read.keys) == []
    docs = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    config.write_text(docs.split("```toml\n")[1].split("```")[0])
    read = load_settings()
    assert read.sites["this-machine"].slots == 2
    assert keymap_problems(read.keys) == []


def test_lists_and_dotted_names_are_taken(config: Path) -> None:
    config.write_text('sites.x.modules = ["a", "b"]\n[keys]\na.b = "k"\n')
    assert load_settings() == Settings(
        sites={"x": SiteProfile(modules=("a", "b"))}, keys={"a.b": "k"}
    )


def test_lines_are_those_of_statements_whatever_their_form() -> None:
    lines = key_lines('a = """\nb = 1\n"""\nc.d = 1\n[[e]]\nf = 1\n["g h".i]\nj = { k = 1 }\n')
    assert lines == {
        ("a",): 1, ("c",): 4, ("c", "d"): 4, ("e",): 5, ("e", "f"): 6, ("g h",): 7, ("g h", "i"): 7,
        ("g h", "i", "j"): 8, ("g h", "i", "j", "k"): 8,
    }  # fmt: skip


def test_only_what_needs_the_configuration_stops_at_its_faults(config: Path) -> None:
    config.write_text("mouse = 3\nthem = 1\n")
    assert command("engine", "status").out == "not running\n"
    assert command("engine", "stop").code == 0
    listed = command("runs", "list")
    assert listed.code == 1
    assert f"{config}:1: error: mouse: must be true or false" in listed.err
    assert "Did you mean theme?" in listed.err
    told = command("doctor")
    assert told.code == 1
    assert f"{config}:1: mouse: must be true or false" in told.out
    assert f"{config}:2: them: this key is not known" in told.out
    assert "integrity" in told.out  # it went on


def test_a_workspace_that_is_gone_is_told_and_the_other_one_opens(
    config: Path, isolated_home: Path
) -> None:
    fill_store(isolated_home / "mantik.db", projects=1, runs=3)
    config.write_text('\nworkspace = "hpc-grup"\n')
    done = command("runs", "list")
    assert done.code == 0
    assert f"{config}:2: warning: workspace: no workspace is called 'hpc-grup'" in done.err
    assert "Did you mean hpc-group?" in done.err


def test_keys_of_no_action_no_key_and_clashes_are_warned_of() -> None:
    keys = {
        "canel": "x", "log": "s", "filter": "shift+p, ctlr+x, kk", "save": "ctrl+plus", "help": "f12", "filter-keep": "up",
    }  # fmt: skip
    problems = keymap_problems(keys, "config.toml", lambda action: list(keys).index(action) + 1)
    assert all(one.severity is Severity.WARNING and one.file == "config.toml" for one in problems)
    words = {(one.line, one.message): one.hint for one in problems}
    assert words[1, "no action has this id"] == "Did you mean cancel?"
    assert words[2, "s means 'submit' too, on the screens project, runs"].startswith(
        "Choose another key"
    )
    assert words[3, "'shift+p' is no key"] == "Terminals send a capital: write P"
    assert {(3, "'ctlr+x' is no key"), (3, "'kk' is no key")} < set(words)
    assert [line for line, _ in words if line in (4, 5)] == []
    # Lines of filters have keys of their own: `up` brings back an older one there.
    assert any(line == 6 and "older" in message for line, message in words)


def test_the_table_of_actions_itself_has_no_problems() -> None:
    assert (
        keymap_problems({one.id: ",".join(map(normal, one.keys)) for one in ACTIONS if one.keys})
        == []
    )


def test_doctor_names_keys_that_can_not_work(config: Path) -> None:
    config.write_text('[keys]\nlog = "ctrl+l"\ncanel = "x"\n')
    told = command("doctor")
    assert f"{config}:3: keys.canel: no action has this id" in told.out


# Workspaces keep their server


def test_pending_writes_are_never_sent_to_another_server(config: Path) -> None:
    config.write_text('[workspaces.w]\ntracking_uri = "http://old.example.org"\n')
    session = open_session()
    workspace_id = session.workspace.id
    with session.store.transaction() as connection:
        connection.execute(
            "INSERT INTO run (id, workspace_id, experiment_id, server_id, status) VALUES (1, ?, 1, 's', 'FINISHED')",
            (workspace_id,),
        )
        entry = local.edit_tag(connection, 1, "a", "b", 1)
    session.close()
    config.write_text('[workspaces.w]\ntracking_uri = "http://new.example.org"\nusername = "me"\n')
    for _ in range(2):
        session = open_session()
        assert session.workspace.tracking_uri == "http://old.example.org"
        (warning,) = session.warnings
        assert warning.line == 2
        assert "http://old.example.org: 1 write waits" in warning.message
        session.close()
    assert "1 write waits" in command("outbox", "list").err
    with Store(config.parents[1] / "mantik.db").transaction() as connection:
        local.take_back(connection, entry, 2)
    session = open_session()
    assert session.workspace.tracking_uri == "http://new.example.org"
    assert session.warnings == ()
    session.close()


def test_a_login_with_the_name_of_another_servers_workspace_is_refused(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_engine(monkeypatch)
    config.write_text('[workspaces.w]\ntracking_uri = "http://old.example.org"\n')
    session = open_session()
    with pytest.raises(BadInput, match=r"for another server") as told:
        login(session, "http://new.example.org", name="w")
    assert "--name" in told.value.hint
    assert [row.tracking_uri for row in session.read(workspaces)] == ["http://old.example.org"]
    session.close()
    done = command("login", "http://old.example.org/", "--name", "w")
    assert done.code == 8  # the same server: only the engine is missing
