"""Dialogs: the safe answer is the default, Escape changes nothing, everything fits 80x24 and works by keys alone."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.screen import ModalScreen

from mantik_tui.domain.errors import Offline
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.dialogs import (
    Choice,
    ConfirmDialog,
    ErrorDialog,
    PickDialog,
    PromptDialog,
    Verb,
    VerbDialog,
)
from tests.support.table_app import BASE_STYLES

UNANSWERED = object()


class DialogApp(App[None]):
    CSS_PATH = [BASE_STYLES]
    BINDINGS = bindings_for("app")

    def __init__(self) -> None:
        super().__init__()
        self.answer: object = UNANSWERED

    def ask(self, dialog: ModalScreen[Any]) -> None:
        def answered(answer: object) -> None:
            self.answer = answer

        self.push_screen(dialog, answered)

    def text(self) -> str:
        return "\n".join(strip.text for strip in self.screen._compositor.render_strips())


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.pause()
    await pilot.press(*keys)
    await pilot.pause()


def cancel_dialog() -> ConfirmDialog:
    return ConfirmDialog(
        "Cancel quick-otter-31?",
        ["job 4711021 on juwels, queue booster", "submitted by maria"],
        yes="cancel the job",
        no="leave it running",
    )


def columns_dialog(**more: Any) -> PickDialog:
    choices = [Choice(f"m{n}", f"metric {n}", "metric" if n % 2 else "param") for n in range(40)]
    return PickDialog("Columns", choices, **more)


async def test_the_verbs_stay_in_sight_in_a_tiny_window() -> None:
    app = DialogApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.ask(ConfirmDialog("Leave?", [f"line {n}" for n in range(20)], yes="leave", no="stay"))
        await pilot.pause()
        await pilot.pause()
        assert "n stay" in app.text() and "y leave" in app.text()
        assert "line 0" in app.text()


@pytest.mark.parametrize("width", [80, 120])
async def test_what_is_said_about_a_choice_gets_the_rest_of_the_width(width: int) -> None:
    detail = "a server in the basement of the institute, with GPUs"
    app = DialogApp()
    async with app.run_test(size=(width, 24)) as pilot:
        app.ask(PickDialog("Site", [Choice("a", "juwels", detail), Choice("b", "uni", "small")]))
        await pilot.pause()
        assert detail[:40] in app.text()
        assert (detail in app.text()) == (width == 120)


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (("enter",), "no"),
        (("n",), "no"),
        (("y",), "yes"),
        (("escape",), None),
        (("right", "enter"), "yes"),
        (("j", "enter"), "yes"),
        (("tab", "shift+tab", "enter"), "no"),
    ],
)
async def test_confirm_needs_a_deliberate_yes(keys: tuple[str, ...], answer: object) -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(cancel_dialog())
        await press(pilot, *keys)
        assert app.answer == answer


async def test_confirm_names_what_where_and_whose_it_is() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(cancel_dialog())
        await pilot.pause()
        text = app.text()
        for words in (
            "quick-otter-31",
            "juwels",
            "maria",
            "n leave it running",
            "y cancel the job",
        ):
            assert words in text


async def test_keys_of_the_program_do_nothing_behind_a_dialog() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(cancel_dialog())
        await press(pilot, "q", "a", "o", "X", ":")
        assert app.answer is UNANSWERED
        assert isinstance(app.screen, ConfirmDialog)


async def test_more_than_two_verbs_have_their_own_keys() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        verbs = [
            Verb("m", "mine", "mine"),
            Verb("t", "theirs", "theirs"),
            Verb("b", "both", "both"),
        ]
        app.ask(VerbDialog("Which value?", ["maria set final, you set best"], verbs))
        await press(pilot, "t")
        assert app.answer == "theirs"


async def test_long_explanations_scroll_and_the_verbs_stay_in_sight() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(ConfirmDialog("Send?", [f"file {n}" for n in range(100)], yes="send", no="no"))
        await pilot.pause()
        assert "y send" in app.text()


async def test_an_error_says_what_why_and_what_helps_and_can_be_copied() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        error = Offline("The server did not answer", "timed out after 10 s", "ctrl+r tries again")
        app.ask(ErrorDialog(error, details="GET /api/2.0/mlflow"))
        await pilot.pause()
        for words in ("The server did not answer", "timed out after 10 s", "→ ctrl+r tries again"):
            assert words in app.text()
        await press(pilot, "y")
        assert app.clipboard == (
            "The server did not answer\ntimed out after 10 s\nctrl+r tries again\nGET /api/2.0/mlflow"
        )
        assert "copied" in app.text()
        assert app.answer is UNANSWERED
        await press(pilot, "escape")
        assert app.answer is None


async def test_hostile_and_marked_up_text_is_shown_as_it_is() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(ErrorDialog(Offline("No \x1b[31m[bold]answer[/]", "[red]x", "")))
        await pilot.pause()
        assert "No [bold]answer[/]" in app.text()
        assert "[red]x" in app.text()


async def test_pick_one_by_cursor() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(columns_dialog(picked=["m3"]))
        await press(pilot, "j", "enter")
        assert app.answer == ("m4",)


async def test_pick_one_by_typing() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(columns_dialog())
        await press(pilot, "slash", *"tric 17", "enter")
        assert app.answer == ("m17",)


async def test_pick_several_keeps_what_was_picked_and_what_a_filter_hides() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(columns_dialog(picked=["m1", "m30"], several=True))
        await press(pilot, "space", "slash", *"20", "enter", "space", "enter")
        assert app.answer == ("m0", "m1", "m20", "m30")


async def test_escape_leaves_a_picker_one_layer_at_a_time() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(columns_dialog())
        await press(pilot, "slash", *"17", "escape")
        assert app.answer is UNANSWERED
        assert "metric 18" in app.text()
        await press(pilot, "escape")
        assert app.answer is None


async def test_a_prompt_gives_its_text_and_says_what_is_wrong_with_it() -> None:
    def check(text: str) -> str:
        return "" if text != "taken" else "There is one of that name."

    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(PromptDialog("Name", text="take", check=check))
        await press(pilot, "n", "enter")
        assert app.answer is UNANSWERED
        assert "There is one of that name." in app.text()
        await press(pilot, "2", "enter")
        assert app.answer == "taken2"


async def test_a_secret_is_not_shown() -> None:
    app = DialogApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(PromptDialog("Password of maria", secret=True))
        await press(pilot, *"hunter2")
        assert "hunter2" not in app.text()
        await press(pilot, "enter")
        assert app.answer == "hunter2"


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12), (200, 60)])
async def test_dialogs_fit_small_and_large_terminals(size: tuple[int, int]) -> None:
    for dialog in (
        cancel_dialog(),
        columns_dialog(several=True),
        PromptDialog("Name", lines=["of it"]),
    ):
        app = DialogApp()
        async with app.run_test(size=size) as pilot:
            app.ask(dialog)
            await pilot.pause()
            box = app.screen.query_one(".dialog").region
            assert box.right <= size[0]
            assert box.bottom <= size[1]
            await press(pilot, "escape")
            assert app.answer is None
