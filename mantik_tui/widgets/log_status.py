"""The state of a log view in words."""

from __future__ import annotations

from mantik_tui.widgets.log_finder import TOO_SLOW
from mantik_tui.widgets.log_view import LogView
from mantik_tui.widgets.one_line import short_name


def status_words(view: LogView) -> str:
    """`line 1,204 of 1,204 · following`, and what is searched, filtered and selected."""
    document = view.document
    if document.index is None or not document.lines:
        return view.nothing_to_show().rstrip(".").lower()
    parts = [_position(view), _follow(view), _filter(view), view.finder.words(), _selection(view)]
    if view.viewport.left:
        parts.insert(1, f"from column {view.viewport.left + 1}")
    return " · ".join(part for part in parts if part)


def _position(view: LogView) -> str:
    document = view.document
    line = document.line_of(view.viewport.last_row())
    about = "" if document.settled else "about "
    return f"line {about}{0 if line is None else line + 1:,} of {about}{document.lines:,}"


def _follow(view: LogView) -> str:
    if not view.live:
        return ""
    if view.following:
        return "following"
    new = view.new_lines
    return f"paused, {new:,} new line{'' if new == 1 else 's'}" if new else "paused"


def _filter(view: LogView) -> str:
    lines = view.document.filter
    if lines is None:
        return ""
    if lines.pattern.too_slow:
        return f"&{short_name(lines.pattern.text, 24)} {TOO_SLOW}"
    done = "" if lines.complete else f", {lines.done_percent} % looked at"
    return f"&{lines.pattern.text} {lines.count:,} lines{done}"


def _selection(view: LogView) -> str:
    if view.selected is None:
        return ""
    count = abs(view.selected[0] - view.selected[1]) + 1
    return f"{count:,} line{'' if count == 1 else 's'} selected, y copies"
