"""From values to the command line: typed checks, and the same words as MLflow's."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mantik_tui.domain.commands import build_command, check_params
from mantik_tui.domain.errors import BadInput, NotFound
from mantik_tui.domain.mlproject import MLproject, parse_mlproject
from mantik_tui.domain.problems import Severity


def project(command: str, **parameters: str) -> MLproject:
    """An MLproject with one entry point; parameters as YAML."""
    lines = [f"      {name}: {kind}" for name, kind in parameters.items()]
    text = (
        "entry_points:\n  main:\n    parameters:\n"
        + "\n".join(lines)
        + f"\n    command: {command}\n"
    )
    found, problems = parse_mlproject(text)
    assert found is not None, problems
    return found


def command(mlproject: MLproject, **given: str) -> str:
    values, problems = check_params(mlproject.entry_points["main"], given)
    assert not [one for one in problems if one.severity is Severity.ERROR], problems
    return build_command(mlproject, "main", values)


def errors(mlproject: MLproject, **given: str) -> list[tuple[str, int]]:
    _, problems = check_params(mlproject.entry_points["main"], given)
    assert all(one.hint for one in problems)
    return [(one.key, one.line) for one in problems if one.severity is Severity.ERROR]


def test_values_are_filled_in_and_quoted_for_the_shell() -> None:
    one = project(
        "python t.py --lr {lr} --name {name}", lr="{type: float, default: 0.1}", name="string"
    )
    assert (
        command(one, name="a b; rm -rf $HOME") == "python t.py --lr 0.1 --name 'a b; rm -rf $HOME'"
    )


def test_the_text_none_is_a_default_and_null_is_not() -> None:
    one = project("run --level {level}", level="{type: int, default: None}")
    assert command(one) == "run --level None"
    assert command(one, level="None") == "run --level None"
    assert errors(project("run {level}", level="{type: int, default: null}")) == [("level", 4)]


def test_missing_values_are_named_with_their_lines() -> None:
    one = project("run {a} {b} {c}", a="int", b="{type: int, default: 1}", c="string")
    assert errors(one) == [("a", 4), ("c", 6)]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", "-3", "3.5"),
        ("int", "12", "1e3"),
        ("float", "1e-4", "fast"),
        ("float", "nan", ""),
        ("bool", "False", "maybe"),
        ("list[int]", "2 6", "2 x"),
        ("list[int]", "[2, 6]", "2.5"),
        ("list[float]", "0.1,1", "a"),
        ("uri", "s3://bucket/x", "bucket/x"),
        ("path", "data/x.nc", " "),
        ("string", "anything", "with\x07bell"),
    ],
)
def test_values_are_checked_by_type(kind: str, good: str, bad: str) -> None:
    one = project("run {a}", a=kind)
    assert errors(one, a=good) == []
    assert errors(one, a=bad) == [("a", 4)]


def test_a_flag_stays_a_flag_and_can_be_switched_off() -> None:
    one = project("run {verbose} -x", verbose="{type: string, default: --verbose}")
    assert command(one) == "run --verbose -x"
    assert command(one, verbose="--no-verbose") == "run --no-verbose -x"
    assert command(one, verbose="").split() == ["run", "-x"]
    flag = project("run {verbose}", verbose="{type: bool, default: --verbose}")
    assert command(flag, verbose="--quiet") == "run --quiet"


def test_undeclared_values_go_to_the_end_with_a_note() -> None:
    one = project("run {lr}", lr="float")
    values, problems = check_params(one.entry_points["main"], {"epochs": "3 4", "lr": "1"})
    assert [(found.severity, found.key) for found in problems] == [(Severity.NOTE, "epochs")]
    assert build_command(one, "main", values) == "run 1 --epochs '3 4'"
    _, problems = check_params(one.entry_points["main"], {"LR": "1", "lr": "1"})
    assert problems[0].hint == "Did you mean lr?"
    assert errors(one, lr="1", **{" ": "x"}) == [("", 2)]


def test_folded_commands_become_one_line() -> None:
    text = ">\n      python t.py\n        --a {a}\n        --b"
    assert command(project(text, a="int"), a="1") == "python t.py --a 1 --b"
    backslashes = "|\n      python t.py \\\n        --a {a} \\\n        --b"
    assert command(project(backslashes, a="int"), a="1") == "python t.py --a 1 --b"


def test_braces_and_shell_variables_stay() -> None:
    one = project("\"awk '{{print $1}}' ${{HOME}}/{a}\"", a="string")
    assert command(one, a="x") == "awk '{print $1}' ${HOME}/x"


def test_unknown_entry_points_and_missing_values_are_said() -> None:
    one = project("run {a}", a="int")
    with pytest.raises(NotFound, match="other"):
        build_command(one, "other", {})
    with pytest.raises(BadInput, match="-P a=VALUE"):
        build_command(one, "main", {})


_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")), max_size=12
)
_NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True)


@settings(deadline=None, max_examples=60)
@given(
    declared=st.dictionaries(_NAMES, st.one_of(st.none(), _WORDS), max_size=4),
    chosen=st.dictionaries(_NAMES, _WORDS, max_size=4),
)
def test_the_shell_gets_the_same_words_as_from_mlflow(
    declared: dict[str, str | None], chosen: dict[str, str]
) -> None:
    import json
    import tempfile

    from mlflow.projects._project_spec import load_project

    chosen = {**{name: "v" for name, default in declared.items() if default is None}, **chosen}
    places = " ".join(f"--{name}={{{name}}}" for name in declared)
    parameters = {
        name: {"type": "string", "default": default} for name, default in declared.items()
    }
    entry = {"parameters": parameters, "command": f"python t.py {places} {{{{x}}}}"}
    text = json.dumps({"entry_points": {"main": entry}}, ensure_ascii=False)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "MLproject").write_text(text)
        point = load_project(folder).get_entry_point("main")  # type: ignore[no-untyped-call]
        theirs = point.compute_command(dict(chosen), None)
    ours, problems = parse_mlproject(text)
    assert ours is not None, problems
    values, _ = check_params(ours.entry_points["main"], chosen)
    assert shlex.split(build_command(ours, "main", values)) == shlex.split(theirs)


@given(st.text(max_size=60), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_any_command_is_filled_or_refused_in_words(template: str, values: dict[str, str]) -> None:
    from mantik_tui.domain.mlproject import EntryPoint, Parameter

    entry = EntryPoint("main", {name: Parameter(name) for name in list(values)[:2]}, template)
    checked, _ = check_params(entry, values)
    try:
        line = build_command(MLproject(entry_points={"main": entry}), "main", checked)
    except BadInput as error:
        assert error.cause
        assert error.hint
    else:
        assert isinstance(line, str)
