"""What happened while nobody looked: said once, in the program and through the terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mantik_tui.domain.errors import StoreProblem
from mantik_tui.domain.text import clean
from mantik_tui.screens.frame_lines import NEWS_MS, News
from mantik_tui.workspace import notices as news
from mantik_tui.workspace import reads

if TYPE_CHECKING:
    from mantik_tui.app import MantikApp
    from mantik_tui.screens.base import MantikScreen

Notice = reads.jobs.Notice


def tell(app: MantikApp, *, on_return: bool) -> None:
    """Say what has not been said yet. The active screen lists it until somebody looks, unless somebody looks right now."""
    try:
        notices = news.untold(app.session)
    except StoreProblem:
        return
    notices = [notice for notice in notices if notice.id > app.told_up_to]
    screen = app.top_screen
    if not notices or screen is None:
        return
    app.told_up_to = notices[-1].id
    text = in_words(notices, on_return=on_return)
    is_bad = any(notice.kind == "blocked" or "FAILED" in notice.text for notice in notices)
    if on_return:
        app.notify(text, severity="warning" if is_bad else "information", timeout=10)
    else:
        _say_now(app, notices, is_bad)
    if not on_return and all(_before_the_eyes(app, screen, notice) for notice in notices):
        screen.run_verb(news.mark_seen, notices[-1].id, first=notices[0].id)
    else:
        screen.run_verb(news.mark_told, notices[-1].id)


def _before_the_eyes(app: MantikApp, screen: MantikScreen, notice: Notice) -> bool:
    """Somebody looks: the window has the focus; or, where terminals don't tell, the run itself is open."""
    if app.has_focus is not None:
        return app.has_focus
    return notice.run_id is not None and getattr(screen, "run_id", None) == notice.run_id


def _say_now(app: MantikApp, notices: Sequence[Notice], is_bad: bool) -> None:
    """On the status line, where it hides nothing; and through the terminal, for who looks elsewhere.

    What came within a minute is said together, so that the last of many does not hide the others.
    """
    now, last = app.session.now_ms(), app.news
    if last is not None and now - last.at_ms < NEWS_MS:
        together = [*last.notices, *notices]
        is_any_bad = is_bad or last.is_bad
    else:
        together, is_any_bad = [*notices], is_bad
    words = in_words(together, on_return=False)
    app.news = News(words, is_any_bad, now, tuple(together))
    if (screen := app.top_screen) is not None:
        screen.refresh_status()
    if app.session.settings.notifications and app.has_focus is not True:
        to_terminal(app, in_words(notices, on_return=False))


def in_words(notices: Sequence[Notice], *, on_return: bool) -> str:
    """On one line: a single notice in its own words, several as `3 runs ended while you were away; a shows them`."""
    texts = [clean(notice.text, keep_newlines=False) for notice in notices]
    if len(texts) == 1:
        return texts[0]
    ended = sum(notice.kind == "ended" for notice in notices)
    if ended == len(notices):
        head = f"{ended} runs ended"
    elif ended:
        head = f"{ended} {'run' if ended == 1 else 'runs'} ended, {len(notices) - ended} other news"
    else:
        head = f"{len(notices)} news"
    return f"{head}{' while you were away' if on_return else f', last {texts[-1]}'}; a shows them"


def to_terminal(app: MantikApp, text: str) -> None:
    """A notice of the terminal itself, which reaches the desk also over SSH."""
    from mantik_tui.widgets.terminal_notice import notice_sequence

    driver = app._driver
    if driver is not None:
        driver.write(notice_sequence("mantik", text, os.environ))
        driver.flush()
