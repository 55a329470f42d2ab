"""`mantik-tui config check` and `mantik-tui mlproject show`, as people and programs use them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from mantik_tui.cli.config_commands import config_group, mlproject_group

EXAMPLES = Path(__file__).parents[1] / "data" / "mantik-config-examples"
MLPROJECT = """\
name: wind
python_env: python_env.yaml
entry_points:
  main:
    parameters:
      lr: {type: float, default: 0.1}
      data: path
    command: python train.py --lr {lr} {data}
"""
APP = click.Group("mantik-tui", commands=[config_group, mlproject_group])


def run(*words: str | Path, **env: str) -> Result:
    result = CliRunner().invoke(APP, [str(word) for word in words], env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.acceptance("first-flight.8")
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*")), ids=lambda path: path.name)
def test_examples_as_json(path: Path) -> None:
    result = run("config", "check", path, "--json")
    shown = json.loads(result.stdout)
    valid = path.parent.name == "valid"
    assert list(shown) == ["ok", "problems", "config"]
    assert (shown["ok"], result.exit_code) == (valid, 0 if valid else 1)
    for problem in shown["problems"]:
        assert list(problem) == ["severity", "file", "line", "key", "message", "hint"]
        assert problem["file"] == str(path)
        assert problem["hint"]


def test_json_has_mantiks_names_and_typed_values() -> None:
    result = run("config", "check", EXAMPLES / "valid" / "06-unicore-no-environment.json", "--json")
    assert json.loads(result.stdout)["config"] == {
        "UnicoreApiUrl": "https://unicore.example-hpc.org:9112/ALPHA/rest/core",
        "Resources": {"Queue": "batch", "Runtime": "3600s", "Nodes": 2},
    }


def test_text_for_people_has_place_words_and_hint() -> None:
    path = EXAMPLES / "invalid" / "10-combined-runtime.yaml"
    result = run("config", "check", path)
    assert result.stdout.splitlines() == [
        f"{path}:9: error: Resources.Runtime: 1h30m is no time limit.",
        "    Write 90m: one whole number and one unit (s, m, h, d).",
        "1 error",
    ]
    assert result.exit_code == 1
    fine = run("config", "check", EXAMPLES / "valid" / "05-ssh-slurm.yaml")
    assert fine.stdout.endswith("05-ssh-slurm.yaml: no problems.\n")


def test_warnings_alone_exit_with_0(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("UnicoreApiUrl: https://u.org\nResources: {Queue: b}\nExclude: [data]\n")
    result = run("config", "check", path)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 warning")


def test_an_image_is_looked_for_only_in_a_project(tmp_path: Path) -> None:
    path = EXAMPLES / "valid" / "02-unicore-apptainer-local.yaml"
    assert run("config", "check", path).exit_code == 0
    missing = run("config", "check", path, "--project", tmp_path, "--json")
    assert missing.exit_code == 1
    assert json.loads(missing.stdout)["problems"][0]["key"] == "Environment.Apptainer.Path"
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "train.sif").write_bytes(b"x")
    assert run("config", "check", path, "--project", tmp_path).exit_code == 0


def test_with_a_site_the_file_need_not_name_one(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("Environment:\n  Python: /venv\n")
    assert run("config", "check", path).exit_code == 1
    assert run("config", "check", path, "--site", "this-machine").exit_code == 0
    unknown = run("config", "check", path, "--site", "nowhere")
    assert unknown.exit_code == 2
    assert "nowhere" in unknown.stderr


def test_wrong_use_exits_with_2(tmp_path: Path) -> None:
    assert run("config", "check").exit_code == 2
    assert run("config", "check", "x", "--project", tmp_path / "none").exit_code == 2
    assert run("mlproject", "show").exit_code == 2


@pytest.mark.parametrize(
    ("data", "line", "word"),
    [
        (b"a: 1\nb\x00c", 2, "binary"),
        (b"a: 1\nb: \xff\xfe", 2, "UTF-8"),
        (b"\xff\xfea\x00", 1, "UTF-16"),
        (b"a: 1\n" * 100_000, 1, "large"),
    ],
)
def test_files_that_are_no_text_are_a_problem(
    tmp_path: Path, data: bytes, line: int, word: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(data)
    result = run("config", "check", path, "--json")
    shown = json.loads(result.stdout)
    assert (result.exit_code, shown["ok"], shown["config"]) == (1, False, {})
    assert shown["problems"][0]["line"] == line
    assert word in shown["problems"][0]["message"]


def test_files_that_cannot_be_read_are_a_problem(tmp_path: Path) -> None:
    closed = tmp_path / "closed.yaml"
    closed.write_text("a: 1\n")
    closed.chmod(0)
    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / ("n" * 300), closed):
        if path == closed and os.access(path, os.R_OK):
            continue  # root reads everything
        result = run("config", "check", path, "--json")
        shown = json.loads(result.stdout)
        assert (result.exit_code, shown["ok"]) == (1, False)
        assert shown["problems"][0]["hint"]
    closed.chmod(stat.S_IRUSR)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbfUnicoreApiUrl: https://u.org\r\nResources: {Queue: b}\r\n")
    assert run("config", "check", path).exit_code == 0


def test_output_without_unicode_is_still_output(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "UnicoreApiUrl: https://u.org\nResources: {Queue: b, Nodes: 2, CPUsPerNode: 2, TotalCPUs: 3}\n"
    )
    result = CliRunner(charset="ascii").invoke(APP, ["config", "check", str(path)])
    assert result.exit_code == 0
    assert "2 ? 2" in result.stdout


def test_show_prints_entry_points(tmp_path: Path) -> None:
    (tmp_path / "mlproject").write_text(MLPROJECT)
    (tmp_path / "python_env.yaml").write_text("python: 3.11\n")
    result = run("mlproject", "show", tmp_path)
    assert result.stdout.splitlines() == [
        "wind",
        "python_env: python_env.yaml",
        "",
        "main",
        "  lr    float  default 0.1",
        "  data  path   required",
        "  $ python train.py --lr {lr} {data}",
    ]
    assert (result.exit_code, result.stderr) == (0, "")


def test_show_as_json(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(MLPROJECT)
    (tmp_path / "python_env.yaml").write_text("python: 3.11\n")
    result = run("mlproject", "show", tmp_path, "--json")
    assert json.loads(result.stdout) == {
        "ok": True,
        "problems": [],
        "name": "wind",
        "environment": {"python_env": "python_env.yaml"},
        "entry_points": {
            "main": {
                "parameters": {
                    "lr": {"type": "float", "default": 0.1},
                    "data": {"type": "path", "default": None},
                },
                "command": "python train.py --lr {lr} {data}",
            }
        },
    }
    assert run("mlproject", "show", tmp_path / "MLproject", "--json").stdout == result.stdout


def test_show_says_what_is_wrong_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(MLPROJECT)
    result = run("mlproject", "show", tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path / 'MLproject'}:2: error: python_env: " in result.stderr
    assert "main" in result.stdout


def test_a_folder_without_mlproject_is_a_problem(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        result = run("mlproject", "show", folder, "--json")
        shown = json.loads(result.stdout)
        assert (result.exit_code, shown["ok"], shown["entry_points"]) == (1, False, {})
        assert shown["problems"][0]["hint"]


@pytest.mark.parametrize(
    ("page", "name", "words"),
    [
        ("backend-config.md", "backend-config.yaml", ["config", "check", "backend-config.yaml"]),
        ("mlproject.md", "MLproject", ["mlproject", "show", "."]),
    ],
)
def test_the_example_in_the_docs_has_no_problems(
    page: str, name: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text()
    (tmp_path / name).write_text(text.partition("```yaml\n")[2].partition("```")[0])
    monkeypatch.chdir(tmp_path)
    assert json.loads(run(*words, "--json").stdout)["problems"] == []


def test_colours_only_on_a_terminal_and_without_no_color() -> None:
    path = EXAMPLES / "invalid" / "10-combined-runtime.yaml"
    program = (
        "import click\n"
        "from mantik_tui.cli.config_commands import config_group\n"
        f"config_group(['check', {str(path)!r}])\n"
    )

    def shown(**env: str) -> str:
        near, far = os.openpty()
        environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | env
        try:
            subprocess.run([sys.executable, "-c", program], stdout=far, env=environment, timeout=60)
            return os.read(near, 10_000).decode()
        finally:
            os.close(near)
            os.close(far)

    assert "\x1b[31merror\x1b[0m: Resources.Runtime" in shown()
    assert "\x1b" not in shown(NO_COLOR="1")
    assert "\x1b" not in run("config", "check", path).stdout
