"""What happened while nobody looked: said once, in the program and through the terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mantik_tui.domain.errors import StoreProblem
from mantik_tui.domain.text import clean
from mantik_tui.screens.frame_lines import News
from mantik_tui.workspace import notices as news
from mantik_tui.workspace import reads

if TYPE_CHECKING:
    from mantik_tui.app import MantikApp
    from mantik_tui.screens.base import MantikScreen

Notice = reads.jobs.Notice
_NAMED = 3


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
        _say_now(app, text.replace("\n", ", "), is_bad)
    if not on_return and all(_before_the_eyes(app, screen, notice) for notice in notices):
        screen.run_verb(news.mark_seen, notices[-1].id, first=notices[0].id)
    else:
        screen.run_verb(news.mark_told, notices[-1].id)


def _before_the_eyes(app: MantikApp, screen: MantikScreen, notice: Notice) -> bool:
    """Somebody looks: the window has the focus; or, where terminals don't tell, the run itself is open."""
    if app.has_focus is not None:
        return app.has_focus
    return notice.run_id is not None and getattr(screen, "run_id", None) == notice.run_id


def _say_now(app: MantikApp, text: str, is_bad: bool) -> None:
    """On the status line, where it hides nothing; and through the terminal, for who looks elsewhere."""
    app.news = News(text, is_bad, app.session.now_ms())
    if (screen := app.top_screen) is not None:
        screen.refresh_status()
    if app.session.settings.notifications and app.has_focus is not True:
        to_terminal(app, text)


def in_words(notices: Sequence[Notice], *, on_return: bool) -> str:
    """`3 runs ended while you were away: …`; a single notice in its own words."""
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
    away = " while you were away" if on_return else ""
    more = (
        [f"and {len(texts) - _NAMED} more; a shows what is active"] if len(texts) > _NAMED else []
    )
    return "\n".join([f"{head}{away}", *texts[:_NAMED], *more])


def to_terminal(app: MantikApp, text: str) -> None:
    """A notice of the terminal itself, which reaches the desk also over SSH."""
    from mantik_tui.widgets.terminal_notice import notice_sequence

    driver = app._driver
    if driver is not None:
        driver.write(notice_sequence("mantik", text, os.environ))
        driver.flush()
