"""Adding a site, question by question."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from mantik_tui.domain.site import Site
from mantik_tui.workspace import sites

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen

_QUESTIONS = (
    ("name", "Name of the site", "a-z, 0-9, -"),
    (
        "run_root",
        "Folder for run folders",
        "$VARIABLES are expanded there; empty takes the program's own",
    ),
    ("slots", "Jobs at a time", "a number; empty takes half of the processors"),
    ("python", "Virtual environment for jobs that name none", "absolute path; may stay empty"),
    ("modules", "Modules to load", "with blanks between; may stay empty"),
)


def ask_new_site(screen: MantikScreen, taken: Collection[str], then: Callable[[], None]) -> None:
    """Ask for a site of this machine, one question after another, and add it. Escape at any of them adds nothing."""
    _ask(screen, taken, then, {})


def _ask(
    screen: MantikScreen, taken: Collection[str], then: Callable[[], None], answers: dict[str, str]
) -> None:
    from mantik_tui.widgets.dialogs import PromptDialog

    if len(answers) == len(_QUESTIONS):
        screen.run_verb(
            sites.add,
            _site(answers),
            done=lambda _: then(),
            words=f"{answers['name']} is added; T tests it",
        )
        return
    key, title, hint = _QUESTIONS[len(answers)]

    def fault(text: str) -> str:
        return check(key, text.strip(), taken)

    def entered(text: str | None) -> None:
        if text is not None:
            _ask(screen, taken, then, answers | {key: text.strip()})

    number = f"{len(answers) + 1} of {len(_QUESTIONS)}"
    screen.app.push_screen(
        PromptDialog(f"New site, {number}: {title}", lines=[hint], check=fault), entered
    )


def check(key: str, text: str, taken: Collection[str] = ()) -> str:
    """What is wrong with an answer, in words; empty if nothing is."""
    if key == "name":
        if not text or any(sign in text for sign in "/\\ .") or text.startswith("-"):
            return "A name of a-z, 0-9 and -"
        return f"There is a site called {text} already" if text in taken else ""
    if key == "slots" and text and not (text.isdecimal() and int(text) > 0):
        return "A number of 1 or more, or nothing"
    return ""


def _site(answers: dict[str, str]) -> Site:
    settings = {name: answers[name] for name in ("slots", "python") if answers[name]}
    return Site(
        answers["name"],
        run_root=answers["run_root"],
        modules=tuple(answers["modules"].split()),
        settings=settings,
    )
