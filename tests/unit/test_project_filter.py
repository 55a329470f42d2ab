"""The filter of the projects screen."""

from __future__ import annotations

import pytest

from mantik_tui.domain.errors import BadInput
from mantik_tui.domain.project import Label, ProjectRow
from mantik_tui.domain.project_filter import filter_projects, parse_project_filter


def project(name: str, **changes: object) -> ProjectRow:
    fields: dict[str, object] = {
        "id": hash(name), "uid": name, "name": name, "summary": "", "owner": "maria", "ownership": "shared",
        "problem_types": (), "labels": (), "people": 1, "runs": 0, "running": 0, "queued": 0, "best": None,
        "latest": None, "last_run_ms": None, "members": (),
    }  # fmt: skip
    return ProjectRow(**(fields | changes))  # type: ignore[arg-type]


WIND = project(
    "Wind power", summary="hub height", problem_types=("Regression",), running=2, members=("maria", "tom"),
    labels=(Label("problem-type", "Regression"), Label("", "ECMWF"), Label("data", "era5", "2020")),
)  # fmt: skip
HAIL = project("hail", summary="radar nowcasting", owner="ada", ownership="own")
OPEN = project("Sharedwater", ownership="public", owner="lin")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["Wind power", "hail", "Sharedwater"]),
        ("WIND", ["Wind power"]),
        ("nowcast", ["hail"]),
        ("regress", ["Wind power"]),
        ("type:regression author:tom", ["Wind power"]),
        ("author:ada", ["hail"]),
        ("by:lin", ["Sharedwater"]),
        ("label:era5", ["Wind power"]),
        ("label:era5=2020", ["Wind power"]),
        ("own", ["hail"]),
        ("shared", ["Wind power", "Sharedwater"]),
        ("is:public", ["Sharedwater"]),
        ("running", ["Wind power"]),
        ("not running", ["hail", "Sharedwater"]),
        ("-author:maria", ["hail", "Sharedwater"]),
        ("hail or type:regression", ["Wind power", "hail"]),
        ('"hub height"', ["Wind power"]),
        ("name=hail", ["hail"]),
        ("nonsense:x", []),
    ],
)  # fmt: skip
def test_words_and_fields_narrow_the_list_in_its_order(text: str, names: list[str]) -> None:
    assert [row.name for row in filter_projects([WIND, HAIL, OPEN], text)] == names


def test_half_typed_text_says_what_is_missing() -> None:
    with pytest.raises(BadInput) as caught:
        parse_project_filter("wind or")
    assert "or" in caught.value.cause
