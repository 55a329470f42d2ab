"""A field of the form changes one key of the text and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mantik_tui.domain.config_diff import describe, differences
from mantik_tui.domain.config_text import get_keys, set_key
from mantik_tui.domain.errors import BadInput
from mantik_tui.domain.run_config import RunConfig

QUEUE = ("Resources", "Queue")
NODES = ("Resources", "Nodes")

TEXT = """\
# Where it runs.
Environment:
  Variables:
    OMP_NUM_THREADS: 1   # one is enough
  Modules: [CUDA/12, "GCC"]
Resources:  # ask little
  Queue: "batch"  # the small one
  # how long
  Runtime: 10m

Exclude:
  - results/
"""


def get(text: str, path: tuple[str, ...], file: str = "") -> str:
    values = get_keys(text, [path], file)
    assert values is not None
    return values[path]


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        (QUEUE, "devel", '  Queue: "batch"  # the small one', '  Queue: "devel"  # the small one'),
        (("Resources", "Runtime"), "2h", "  Runtime: 10m", "  Runtime: 2h"),
        (NODES, "4", "  Runtime: 10m\n", "  Runtime: 10m\n  Nodes: 4\n"),
        (("Resources", "Runtime"), "", "  Runtime: 10m\n", ""),
        (("Resources", "QoS"), "yes", "  Runtime: 10m\n", '  Runtime: 10m\n  QoS: "yes"\n'),
        (("Top",), "x", "  - results/\n", "  - results/\nTop: x\n"),
        (
            ("Environment", "Variables", "OMP_NUM_THREADS"),
            "8",
            "    OMP_NUM_THREADS: 1   # one is enough",
            "    OMP_NUM_THREADS: 8   # one is enough",
        ),
    ],
)
def test_only_the_line_of_the_key_changes(
    path: tuple[str, ...], value: str, before: str, after: str
) -> None:
    assert set_key(TEXT, path, value) == TEXT.replace(before, after)


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        ("", QUEUE, "batch", "Resources:\n  Queue: batch\n"),
        ("# nothing yet", QUEUE, "batch", "# nothing yet\nResources:\n  Queue: batch\n"),
        ("Resources:\nExclude: [a]\n", NODES, "2", "Resources:\n  Nodes: 2\nExclude: [a]\n"),
        ("Resources: {}\n", NODES, "2", "Resources: {Nodes: 2}\n"),
        ("Resources: {Queue: a}\n", NODES, "2", "Resources: {Queue: a, Nodes: 2}\n"),
        ("Resources: {Queue: a, Nodes: 1}\n", QUEUE, "", "Resources: {Nodes: 1}\n"),
        ("Resources: {Queue: a, Nodes: 1}\n", NODES, "", "Resources: {Queue: a}\n"),
        ("A: 1\nResources:\n    Queue: a\n", QUEUE, "", "A: 1\n"),
        ("Resources:\n    Queue: a", NODES, "2", "Resources:\n    Queue: a\n    Nodes: 2\n"),
        ("Resources:\n  Queue:  # which?\n", QUEUE, "b", "Resources:\n  Queue: b  # which?\n"),
        ("Resources:\r\n  Queue: a\r\n", NODES, "2", "Resources:\r\n  Queue: a\r\n  Nodes: 2\r\n"),
        ("Resources:\n  Queue: >-\n    a\n  Nodes: 1\n", QUEUE, "b", "Resources:\n  Queue: b\n  Nodes: 1\n"),
        ("Resources:\n  Queue: &q a\nX: 1\n", QUEUE, "b", "Resources:\n  Queue: &q b\nX: 1\n"),
        ("Resources:\n  Queue: 'a'\n", QUEUE, "it's", "Resources:\n  Queue: 'it''s'\n"),
        ("Resources:\n  Queue: a\n  Queue: b\n", QUEUE, "c", "Resources:\n  Queue: a\n  Queue: c\n"),
    ],
)  # fmt: skip
def test_any_layout_is_kept(text: str, path: tuple[str, ...], value: str, expected: str) -> None:
    assert set_key(text, path, value) == expected


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        ("{}", NODES, "2", '{"Resources": {"Nodes": 2}}'),
        ("", NODES, "2", '{"Resources": {"Nodes": 2}}\n'),
        ('{"Resources": null}', QUEUE, "a", '{"Resources": {"Queue": "a"}}'),
        (
            '{\n\t"Resources": {\n\t\t"Queue": "a"\n\t}\n}\n',
            NODES,
            "2",
            '{\n\t"Resources": {\n\t\t"Queue": "a",\n\t\t"Nodes": 2\n\t}\n}\n',
        ),
        (
            '{\n  "Resources": {\n    "Queue": "a",\n    "Nodes": 2\n  }\n}\n',
            QUEUE,
            "",
            '{\n  "Resources": {\n    "Nodes": 2\n  }\n}\n',
        ),
        ('{"Resources": {"Queue": "a"}, "B": 1}', QUEUE, "true", '{"Resources": {"Queue": "true"}, "B": 1}'),
    ],
)  # fmt: skip
def test_json_stays_json(text: str, path: tuple[str, ...], value: str, expected: str) -> None:
    edited = set_key(text, path, value, "config.json")
    assert edited == expected
    json.loads(edited)


def test_what_is_the_same_stays_the_same_text() -> None:
    assert set_key(TEXT, QUEUE, "batch") == TEXT
    assert set_key(TEXT, NODES, "") == TEXT


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Resources: [a]\n", QUEUE),
        ("Resources:\n  Queue: [a, b]\n", QUEUE),
        ("Resources: &r\n  Queue: &q a\nOther: *q\n", QUEUE),
        ("Base: &b\n  Queue: a\nResources: *b\n", QUEUE),
        ("- a\n", QUEUE),
        ("just words\n", QUEUE),
    ],
)
def test_what_can_not_be_changed_alone_is_refused_with_the_way_out(
    text: str, path: tuple[str, ...]
) -> None:
    with pytest.raises(BadInput) as refused:
        set_key(text, path, "b")
    assert refused.value.hint == "Edit it in the text"


def test_a_broken_text_is_said_to_be_broken() -> None:
    assert get_keys("a: [1", [QUEUE]) is None
    with pytest.raises(BadInput, match="can't be read") as refused:
        set_key("a: [1", QUEUE, "b")
    assert "Mend line" in refused.value.hint


# ---------------------------------------------------------------- any text

_NAMES = st.sampled_from(["Queue", "Nodes", "Runtime", "QoS", "Other", "Modules", "GPUsPerNode"])
_WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")), max_size=8)
_SCALARS = st.one_of(st.integers(-5, 10**6), st.booleans(), st.none(), _WORDS, st.floats(0, 9))
_VALUES = st.one_of(_SCALARS, st.lists(_SCALARS, max_size=3))
_SECTIONS = st.dictionaries(_NAMES, _VALUES, max_size=4)
_DOCUMENTS = st.dictionaries(
    st.sampled_from(["Resources", "Environment", "Exclude", "SSH"]),
    st.one_of(_SECTIONS, _VALUES),
    max_size=4,
)
_FIELD_VALUES = st.one_of(
    st.integers(0, 10**6).map(str),
    st.sampled_from(["90m", "yes", "null", "~", "1e3", "1:30", "0x1F", "007", "a: b", "x #y", "- a", "*a"]),
    _WORDS,
)  # fmt: skip
_PATHS = st.tuples(st.sampled_from(["Resources", "Environment", "New"]), _NAMES)


def _commented(text: str, every: int) -> str:
    """Comments between lines and at their ends, where block YAML may have them."""
    lines = []
    for number, line in enumerate(text.split("\n")[:-1]):
        if number % every == 0:
            lines.append(f"# note {number}")
        plain = line.rstrip().endswith((":", "0", "1", "2"))
        lines.append(f"{line}  # end {number}" if plain and line.strip() else line)
    return "\n".join(lines) + "\n"


@st.composite
def _texts(draw: st.DrawFn) -> tuple[str, str]:
    """A text and the file name it goes by."""
    document: dict[str, Any] = draw(_DOCUMENTS)
    match draw(st.sampled_from(["block", "commented", "flow", "json", "json-lines"])):
        case "block":
            return yaml.safe_dump(document, allow_unicode=True), ""
        case "commented":
            text = yaml.safe_dump(document, allow_unicode=True, width=10_000)
            return (_commented(text, draw(st.integers(1, 3))) if document else "# none\n"), ""
        case "flow":
            return yaml.safe_dump(document, default_flow_style=True, allow_unicode=True), ""
        case "json":
            return json.dumps(document), "c.json"
        case _:
            return json.dumps(document, indent=draw(st.sampled_from(["\t", "  "]))), "c.json"


@given(_texts(), _PATHS, _FIELD_VALUES)
@example(("Resources:\n  Queue: |+\n    a\n\n\nExclude: [b]\n", ""), QUEUE, "c")
@example(("Resources:\n  Other: |+\n    a\n\n\nExclude: [b]\n", ""), QUEUE, "c")
def test_after_a_key_is_set_it_reads_so_and_all_else_is_as_it_was(
    source: tuple[str, str], path: tuple[str, str], value: str
) -> None:
    text, file = source
    before = get_keys(text, [path], file)
    assume(before is not None and "\ufeff" not in text + value)
    try:
        edited = set_key(text, path, value, file)
    except BadInput as refused:
        assert refused.hint
        return
    assert get(edited, path, file) == value
    kept = edited.splitlines()
    gone = [line for line in text.splitlines() if line not in kept]
    assert all("#" not in line or path[1] in line for line in gone), gone
    if file == "" and "{" not in text and "|" not in text:
        assert len([line for line in gone if line.strip()]) <= 2
    assert set_key(edited, path, value, file) == edited


@given(_DOCUMENTS, _NAMES, st.integers(0, 999).map(str))
def test_block_texts_are_not_refused(document: dict[str, Any], name: str, value: str) -> None:
    """Refusing is for what can't be done; a section in its usual form can."""
    section = document.get("Resources")
    assume(section is None or isinstance(section, dict))
    assume(not isinstance((section or {}).get(name), list))
    text = _commented(yaml.safe_dump(document, width=10_000), 2) if document else ""
    assume(get_keys(text, [QUEUE]) is not None)
    edited = set_key(text, ("Resources", name), value)
    assert get(edited, ("Resources", name)) == value


# ---------------------------------------------------------------- differences


def test_differences_name_what_changed_and_nothing_else() -> None:
    before = RunConfig("a", "/code", params={"lr": "0.1", "seed": "1"}, backend_config=TEXT)
    after = RunConfig("b", "/code", params={"lr": "0.2", "seed": "1"}, backend_config=set_key(TEXT, NODES, "2"))  # fmt: skip
    lines = differences(before, after, old="saved", new="now")
    changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ["-param lr: 0.1", "+param lr: 0.2", "+  Nodes: 2"]
    assert lines[:2] == ["--- saved", "+++ now"]
    assert differences(before, before, old="x", new="y") == []


def test_a_parameter_that_was_emptied_is_shown() -> None:
    assert "param verbose: \n" in describe(RunConfig("a", "", params={"verbose": ""}))
