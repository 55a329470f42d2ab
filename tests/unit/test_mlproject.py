"""What a person gets told about an MLproject, and that it is read as MLflow reads it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from mantik_tui.domain.mlproject import (
    MLproject,
    Parameter,
    find_mlproject,
    parse_mlproject,
    read_mlproject,
)
from mantik_tui.domain.problems import Problem, Severity

REAL = textwrap.dedent("""\
    name: forecast

    docker_env:
      image: forecast:latest
      volumes: ["${PWD}:/project"]
      environment: ["MLFLOW_TRACKING_TOKEN", ["A", "b"]]

    entry_points:
      main:
        parameters:
          data: path
          level:
            type: int
            default: None
          shuffle: {type: bool, default: False}
          crops:
            type: list[int]
            default: '2 6'
          scales:
            type: list[float]
            default: '0.14 1.0'
          rate: {type: float, default: 0.000001}
          pattern: {type: str, default: "*.nc"}
          tracking:
            type: string
            default: --enable-tracking
          seed:
            type: int
            default:
        command: >
          python train.py {data}
            --level {level}
            --shuffle {shuffle}
            --crops {crops} --scales {scales}
            --rate {rate} --pattern {pattern} --seed {seed}
            {tracking}
      test:
        command: python -m pytest
    """)


def problems_of(text: str) -> list[Problem]:
    return parse_mlproject(text)[1]


def only(text: str) -> Problem:
    found = problems_of(text)
    assert len(found) == 1, found
    assert found[0].hint
    return found[0]


def accepted(text: str) -> MLproject:
    project, problems = parse_mlproject(text)
    assert project is not None, problems
    return project


def entry(parameters: str, command: str = "run {a}") -> str:
    return f"entry_points:\n  main:\n    parameters:\n      {parameters}\n    command: {command}\n"


def test_a_project_as_people_have_them_is_read_without_a_word() -> None:
    project = accepted(REAL)
    assert problems_of(REAL) == []
    assert project.name == "forecast"
    parameters = project.entry_points["main"].parameters
    assert list(parameters) == [
        "data", "level", "shuffle", "crops", "scales", "rate", "pattern", "tracking", "seed",
    ]  # fmt: skip
    assert parameters["level"] == Parameter("level", "int", "None", "None", line=12)
    assert parameters["shuffle"].default == "False"
    assert parameters["rate"].default == "1e-06"
    assert project.entry_points["main"].required == ("data", "seed")


def test_json_has_types_defaults_and_commands() -> None:
    shown = accepted(REAL).to_json()
    assert shown["name"] == "forecast"
    assert shown["environment"] == {
        "docker_env": {
            "image": "forecast:latest",
            "volumes": ["${PWD}:/project"],
            "environment": ["MLFLOW_TRACKING_TOKEN", ["A", "b"]],
        }
    }
    points = shown["entry_points"]
    assert isinstance(points, dict)
    assert points["test"] == {"parameters": {}, "command": "python -m pytest"}
    parameters = points["main"]["parameters"]
    assert parameters["level"] == {"type": "int", "default": "None"}
    assert parameters["seed"] == {"type": "int", "default": None}
    assert parameters["shuffle"] == {"type": "bool", "default": False}
    assert parameters["data"] == {"type": "path", "default": None}


def test_mlflow_reads_the_same(tmp_path: Path) -> None:
    from mlflow.projects._project_spec import load_project

    (tmp_path / "mlPROJECT").write_text(REAL)
    theirs = load_project(str(tmp_path))  # type: ignore[no-untyped-call]
    ours = accepted(REAL)
    assert theirs.name == ours.name
    for name, point in ours.entry_points.items():
        other = theirs.get_entry_point(name)
        assert other.command == point.command
        assert {one: (p.type, p.default) for one, p in other.parameters.items()} == {
            one: (p.type, p.default_value) for one, p in point.parameters.items()
        }


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a", "MLproject"], "MLproject"),
        (["mlproject", "MLproject"], "MLproject"),
        (["MLPROJECT", "x"], "MLPROJECT"),
        (["MLproject.yaml"], None),
        ([], None),
    ],
)
def test_the_file_is_found_in_any_case(names: list[str], found: str | None) -> None:
    assert find_mlproject(names) == found


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("", 1, ""),
        ("- a\n", 1, ""),
        ("name: [a]\nentry_points: {m: {command: x}}\n", 1, "name"),
        ("entry_points: [a]\n", 1, "entry_points"),
        ("entry_points:\n  main: python x.py\n", 2, "entry_points.main"),
        ("entry_points:\n  main:\n    parameters: {}\n", 2, "entry_points.main.command"),
        ("entry_points:\n  main:\n    command:\n", 3, "entry_points.main.command"),
        ("entry_points:\n  main:\n    command: [a, b]\n", 3, "entry_points.main.command"),
        ("entry_points:\n  main:\n    command: run {a}\n", 3, "entry_points.main.command"),
        ("entry_points:\n  main:\n    command: awk '{ x'\n", 3, "entry_points.main.command"),
        ("entry_points:\n  main:\n    command: run {}\n", 3, "entry_points.main.command"),
        (entry("a: int", "run ${{A}} {a:>99999999999}"), 5, "entry_points.main.command"),
        (entry("a: int", "run {a.b}"), 5, "entry_points.main.command"),
        (entry("[a]", "run"), 3, "entry_points.main.parameters"),
        (entry("a:"), 4, "entry_points.main.parameters.a"),
        (entry("a: [int]"), 4, "entry_points.main.parameters.a"),
        (entry("a: {type: [int]}"), 4, "entry_points.main.parameters.a.type"),
        (entry("'a b': int", "run"), 4, "entry_points.main.parameters.a b"),
        ("docker_env: {}\nentry_points: {m: {command: x}}\n", 1, "docker_env.image"),
        ("docker_env: a\nentry_points: {m: {command: x}}\n", 1, "docker_env"),
        (
            "docker_env:\n  image: a\n  volumes: b\nentry_points: {m: {command: x}}\n",
            3,
            "docker_env.volumes",
        ),
        ("conda_env: a\npython_env: b\nentry_points: {m: {command: x}}\n", 2, "python_env"),
        ("conda_env: [a]\nentry_points: {m: {command: x}}\n", 1, "conda_env"),
        ("a: b: c\n", 1, ""),
    ],
)
def test_what_cannot_work_is_an_error_with_line_and_hint(text: str, line: int, key: str) -> None:
    found = [one for one in problems_of(text) if one.severity is Severity.ERROR]
    assert [(one.line, one.key) for one in found] == [(line, key)]
    assert found[0].hint
    assert parse_mlproject(text)[0] is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("nam: x\nentry_points: {m: {command: x}}\n", 1),
        ("name: x\n", 1),
        ("name: x\nentry_points:\n", 2),
        (entry("a: flaot"), 4),
        (entry("a: {type: int, default: many}"), 4),
        (entry("a: {type: int, default: 1:30}"), 4),
        (entry("a: {type: string, default: {b: c}}"), 4),
        (entry("a: {type: int, defualt: 2}"), 4),
        (entry("a: int", "run"), 4),
        ("entry_points:\n  main:\n    command: |\n      cd x\n      python y\n", 3),
        ("name: x\nname: y\nentry_points: {m: {command: x}}\n", 2),
        ("databricks_spark_job: {}\nentry_points: {m: {command: x}}\n", 1),
    ],
)
def test_what_surprises_is_a_warning(text: str, line: int) -> None:
    found = only(text)
    assert (found.severity, found.line) == (Severity.WARNING, line)


def test_a_shell_variable_in_braces_is_told_apart() -> None:
    assert "${{HOME}}".strip("$") in only("entry_points:\n  main:\n    command: ls ${HOME}\n").hint
    assert problems_of("entry_points:\n  main:\n    command: ls ${{HOME}} $HOME\n") == []


@pytest.mark.parametrize(
    "kind", ["str", "bool", "int", "list[int]", "list[float]", "list[str]", "uri", "path"]
)
def test_types_of_real_projects_are_known(kind: str) -> None:
    assert problems_of(entry(f"a: {kind}")) == []


def test_environment_files_are_looked_for_only_when_asked() -> None:
    text = "conda_env: env/conda.yaml\nentry_points: {m: {command: x}}\n"
    assert accepted(text).environment == {"conda_env": "env/conda.yaml"}
    project, problems = read_mlproject(text, exists=lambda _: False)
    assert [(one.severity, one.line, one.key) for one in problems] == [
        (Severity.ERROR, 1, "conda_env")
    ]
    bare, _ = read_mlproject(
        "entry_points: {m: {command: x}}\n", exists=lambda path: path == "conda.yaml"
    )
    assert bare.environment == {"conda_env": "conda.yaml"}
    assert project.environment == {"conda_env": "env/conda.yaml"}


def test_infinite_defaults_stay_json() -> None:
    import json

    shown = accepted(entry("a: {type: float, default: .inf}")).to_json()
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
