"""Whatever stands in a file: it is read, or refused with lines and hints; nothing else comes out."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mantik_tui.cli.config_commands import config_group, mlproject_group
from mantik_tui.domain.backend_config import BackendConfig, parse_backend_config
from mantik_tui.domain.commands import build_command, check_params
from mantik_tui.domain.errors import MantikError
from mantik_tui.domain.mlproject import MLproject, parse_mlproject
from mantik_tui.domain.problems import Problem, Severity

pytestmark = pytest.mark.acceptance("first-flight.8")
MANY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.sampled_from(
        ["", "0", "-1", "2.7", "two", "1h30m", "90m", "16G", "64000", "/a/venv", "a/b", "data/", "*.nc", "$USER",
         "$(hostname -s)", "--verbose", "None", "{a}", "{", "}}", "{a.b}", "{a!r:>9}", "https://u.org/rest", "local"]
    ),
    st.lists(st.text(max_size=4), max_size=3),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)  # fmt: skip


def _mostly(
    good: st.SearchStrategy[Any], odd: st.SearchStrategy[Any] = _ODD
) -> st.SearchStrategy[Any]:
    """`good`, and one time in twenty something else."""
    return st.integers(0, 19).flatmap(lambda roll: odd if roll == 13 else good)


def _keyed(
    optional: dict[str, st.SearchStrategy[Any]],
    required: dict[str, st.SearchStrategy[Any]] | None = None,
) -> st.SearchStrategy[dict[Any, Any]]:
    """Maps with these keys, nearly all values of their kind; now and then a key is odd, or a required one missing."""
    whole = st.fixed_dictionaries(
        {key: _mostly(good) for key, good in (required or {}).items()},
        optional={key: _mostly(good) for key, good in optional.items()},
    )
    few = st.fixed_dictionaries({}, optional={key: _mostly(good) for key, good in optional.items()})
    odd = st.dictionaries(st.one_of(st.text(max_size=6), st.integers()), _ODD, max_size=1)
    return _mostly(
        whole, st.builds(lambda first, second: {**first, **second}, st.one_of(whole, few), odd)
    )


_WORD = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("Cc", "Cf")),
    min_size=1,
    max_size=8,
)
_TEXTS = st.one_of(_WORD, st.lists(_WORD, max_size=3))
_COUNT = st.one_of(st.integers(1, 100), st.integers(1, 9).map(str))
_OLD_COMMAND = _keyed({"ExecuteOnLoginNode": st.booleans()}, {"Command": _TEXTS})
_IMAGE = st.one_of(
    _keyed(
        {"Type": st.just("Local"), "Options": _TEXTS},
        {"Path": st.sampled_from(["a.sif", "/a.sif", "images/a.sif"])},
    ),
    _keyed({"Options": _TEXTS}, {"Path": st.just("/p/a.sif"), "Type": st.just("remote")}),
)
_VARIABLES = st.dictionaries(
    st.from_regex(r"[A-Z_][A-Z0-9_]{0,5}", fullmatch=True), _mostly(_WORD), max_size=3
)
_INSIDE: dict[str, st.SearchStrategy[Any]] = {
    "Variables": _VARIABLES,
    "Modules": st.lists(_WORD, max_size=3),
    "PreRunCommand": st.one_of(_TEXTS, _OLD_COMMAND),
    "PostRunCommandOnComputeNode": _TEXTS,
}
_ENVIRONMENT = st.one_of(
    _keyed({**_INSIDE, "Apptainer": _IMAGE}),
    _keyed({**_INSIDE, "Singularity": _IMAGE}),
    _keyed(
        {**_INSIDE, "PreRunCommandOnLoginNode": _TEXTS},
        {"Python": st.one_of(st.just("/v"), st.just({"Path": "/v"}))},
    ),
    _VARIABLES,
)
_RESOURCES = _keyed(
    {
        "Runtime": st.from_regex(r"[0-9]{1,3}[smhd]", fullmatch=True),
        "MemoryPerNode": st.from_regex(r"[0-9]{1,3}", fullmatch=True),
        "QoS": st.just("high"),
        **dict.fromkeys(
            ("Nodes", "TotalCPUs", "CPUsPerNode", "GPUsPerNode", "CPUs", "Memory"), _COUNT
        ),
    },
    {"Queue": st.just("batch")},
)
_URL = st.just("https://f.example.org")
_REST: dict[str, st.SearchStrategy[Any]] = {
    "Environment": _ENVIRONMENT,
    "Exclude": st.lists(
        _mostly(st.sampled_from(["*.nc", "data/", "data", "a/b", "**"])), max_size=3
    ),
}
_OLD: dict[str, st.SearchStrategy[Any]] = {
    "SingularityImage": st.one_of(st.just("a.sif"), _IMAGE),
    "CPUs": _COUNT,
}
CONFIGS = st.one_of(
    _keyed({**_REST, **_OLD}, {"UnicoreApiUrl": _URL, "Resources": _RESOURCES}),
    _keyed(
        _REST,
        {
            "SSH": _keyed({"Port": st.integers(1, 70000)}, {"Hostname": st.just("h.org")}),
            "Resources": _RESOURCES,
        },
    ),
    _keyed(
        _REST,
        {
            "Firecrest": _keyed({}, {"ApiUrl": _URL, "TokenUrl": _URL, "Machine": _WORD}),
            "Resources": _RESOURCES,
        },
    ),
    _keyed({**_REST, **_OLD, "UnicoreApiUrl": _URL, "SSH": _ODD, "Resources": _RESOURCES}),
)
_NAMES = ("a", "lr", "x-y")
_PARAMETER = st.one_of(
    st.sampled_from(["string", "float", "int", "list[int]", "path", "uri", "flaot"]),
    _keyed(
        {"default": st.one_of(_WORD, st.floats(), st.integers(), st.booleans(), st.just("--flag"))},
        {"type": st.just("str")},
    ),
)
_COMMAND = _mostly(
    st.lists(
        st.sampled_from(
            [
                "python t.py",
                "{a}",
                "--lr {lr}",
                "--x={x-y}",
                "{{",
                "}}",
                "$HOME",
                "\n  ",
                "\\\n  ",
                "\n",
            ]
        ),
        max_size=6,
    ).map(lambda words: " ".join(["run", *words])),
    st.sampled_from(["{", "}", "{}", "{b}", "{a!r}", "{a:>9}", "${HOME}", "", "{a.b}", "{a[0]}"]),
)
_PARAMETERS = st.fixed_dictionaries({name: _mostly(_PARAMETER) for name in _NAMES})
_MORE = st.dictionaries(st.sampled_from(["b", "a b", "a.b", "1", ""]), _PARAMETER, max_size=1)
_POINT = _keyed(
    {},
    {
        "parameters": _mostly(
            _PARAMETERS, st.builds(lambda one, two: {**one, **two}, _PARAMETERS, _MORE)
        ),
        "command": _COMMAND,
    },
)
_DOCKER = _keyed({"volumes": st.lists(_WORD, max_size=2)}, {"image": _WORD})
_POINTS = st.dictionaries(st.sampled_from(["main", "test", "a b"]), _mostly(_POINT), max_size=2)
MLPROJECTS = st.one_of(
    _keyed({"name": _WORD, "docker_env": _DOCKER}, {"entry_points": _POINTS}),
    _keyed({"name": _WORD, "conda_env": st.just("conda.yaml")}, {"entry_points": _POINTS}),
)
_PIECES = st.sampled_from(
    ["Resources", "Queue", "Environment", "entry_points", "main", "command", "parameters", ":", ": ", "\n", "\n  ",
     "\n\t", "- ", "[", "]", "{", "}", ",", "'", '"', "&a ", "*a", "<<", "!!python/object:os.system ", "!x ", "| ", ">",
     "---", "...", "%YAML 1.1", "# c", "\r\n", "\ufeff", "\x00", "\x85", "\u2028", "\x1b[2J", "@", "`", "0o7", "1:30:00",
     "1e999", ".nan", "~", "null", "yes", "2024-13-45", "=", "\\ud800", "ü", "😀"]
)  # fmt: skip
SOUP = st.one_of(
    st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=30).map("".join),
    st.text(max_size=80),
)


def _mutated(text: str, seed: int) -> str:
    """`text` with a few characters cut, doubled or replaced."""
    chance = random.Random(seed)
    for _ in range(chance.randrange(4)):
        if not text:
            break
        at = chance.randrange(len(text))
        cut = at + chance.randrange(1, 6)
        text = (
            text[:at]
            + chance.choice(["", text[at:cut] * 2, "\t", ":", "'", "{", "\n", "*", "\x00"])
            + text[cut:]
        )
    return text


def _as_text(document: object, style: str, seed: int) -> str:
    text = (
        json.dumps(document, default=str)
        if style == "json"
        else str(
            yaml.safe_dump(
                document, default_flow_style=style == "flow", allow_unicode=True, sort_keys=False
            )
        )
    )
    return _mutated(text, seed) if seed % 3 == 0 else text


def _check(text: str, file: str, read: object, problems: list[Problem]) -> None:
    lines = max(len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")), 1)
    errors = [one for one in problems if one.severity is Severity.ERROR]
    assert (read is None) == bool(errors)
    for one in problems:
        assert 1 <= one.line <= lines
        assert one.file == file
        assert one.message.strip()
        assert one.hint.strip()
        assert "\x1b" not in one.message + one.hint + one.key
        assert "\n" not in one.message + one.hint


def _config(text: str, file: str, site_chosen: bool) -> None:
    config, problems = parse_backend_config(text, file, site_chosen=site_chosen)
    _check(text, file, config, problems)
    if config is not None:
        _stays_the_same(config)


def _stays_the_same(config: BackendConfig) -> None:
    """What was accepted can be written as JSON in Mantik's names and is then read as the same."""
    again, problems = parse_backend_config(
        json.dumps(config.to_mantik()), "c.json", site_chosen=True
    )
    assert again == config, problems


def _mlproject(text: str) -> None:
    project, problems = parse_mlproject(text)
    _check(text, "MLproject", project, problems)
    if project is not None:
        json.dumps(project.to_json(), allow_nan=False)
        _commands(project)


def _commands(project: MLproject) -> None:
    for name, entry in project.entry_points.items():
        values, problems = check_params(entry, {"a": "1", "extra": "x y"})
        if any(one.severity is Severity.ERROR for one in problems):
            continue
        try:
            assert build_command(project, name, values)
        except MantikError as error:
            raise AssertionError(f"an accepted command could not be filled: {error}") from error


@MANY
@given(CONFIGS, st.sampled_from(["block", "flow", "json"]), st.integers(0, 10**6), st.booleans())
def test_generated_configs_are_read_or_refused(
    document: object, style: str, seed: int, chosen: bool
) -> None:
    _config(_as_text(document, style, seed), "c.json" if style == "json" else "c.yaml", chosen)


@MANY
@given(MLPROJECTS, st.sampled_from(["block", "flow", "json"]), st.integers(0, 10**6))
def test_generated_mlprojects_are_read_or_refused(document: object, style: str, seed: int) -> None:
    _mlproject(_as_text(document, style, seed))


@MANY
@given(SOUP, st.sampled_from(["c.yaml", "c.json", ""]))
def test_any_text_is_read_or_refused(text: str, file: str) -> None:
    _config(text, file, False)
    _config(text, file, True)
    _mlproject(text)


@SOME
@given(
    st.one_of(
        st.builds(_as_text, CONFIGS, st.sampled_from(["block", "json"]), st.integers(0, 99)).map(
            lambda text: text.encode("utf-8", "replace")
        ),
        SOUP.map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.binary(max_size=60),
    ),
    st.sampled_from(["c.yaml", "c.json", "MLproject"]),
    st.booleans(),
)
def test_the_commands_print_json_and_exit_with_0_or_1(
    data: bytes, name: str, as_json: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        group, words = (
            (mlproject_group, ["show", folder])
            if name == "MLproject"
            else (config_group, ["check", str(path)])
        )
        result = CliRunner().invoke(group, words + ["--json"] * as_json)
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code in (0, 1)
    if as_json:
        shown = json.loads(result.stdout)
        assert shown["ok"] is (result.exit_code == 0)
        assert all(one["line"] >= 1 and one["hint"] for one in shown["problems"])
