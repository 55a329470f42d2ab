"""The one table of what can be done: keys, palette, `:` commands, help and the docs page of keys are all made from it.

A key means one thing in the whole program; `SHARED_KEYS` names the few that follow an older habit instead. An action
belongs to a scope: the app, a screen, or a widget that several screens use. The method that does it is called
`action_` + id, with `-` as `_`, on the app, screen or widget of that scope. The id is also its name in a user's keymap.
"""

from __future__ import annotations

from functools import partial

from mantik_tui.actions.action import Action, Scope

SHARED_KEYS = {
    "/": "filters a list, searches a text",
    "n": "makes a new thing in a list, goes to the next match in a text",
    "N": "makes a copy in a list, goes to the previous match in a text",
}
"""Keys with two meanings, and why people expect both."""

_EVERYWHERE = "*"
_RUN_LISTS = "runs project active compare"
_WITH_RUNS = f"{_RUN_LISTS} run"
_TABLES = "projects project runs configs active sites outbox compare"


def _action(
    group: str,
    id: str,
    keys: str,
    words: str,
    help: str,
    screens: str = _EVERYWHERE,
    rank: int = 0,
    *,
    scope: Scope = Scope.SCREEN,
    command: str = "",
    palette: bool = True,
    destructive: bool = False,
    needs_network: bool = False,
) -> Action:
    """An `Action` with its keys and screens written as words between spaces."""
    return Action(
        id=id,
        keys=tuple(keys.split()),
        words=words,
        help=help,
        group=group,
        screens=tuple(screens.split()),
        destructive=destructive,
        needs_network=needs_network,
        palette=palette,
        command=command,
        scope=scope,
        rank=rank,
    )


_run = partial(_action, "Run")
_show = partial(_action, "Show")
_change = partial(_action, "Change")
_text = partial(_action, "Text")
_list = partial(_action, "List")
_mark = partial(_action, "List", screens=_TABLES, scope=Scope.TABLE)
_filter = partial(
    _action, "Filter", screens=f"{_TABLES} run settings help", scope=Scope.FILTER, palette=False
)
_log = partial(_action, "Log, while it has the focus", screens="log", scope=Scope.LOG)
_plot = partial(
    _action, "Plot, while it has the focus", screens="run compare", scope=Scope.PLOT, palette=False
)
_go = partial(_action, "Go", scope=Scope.APP)
_tab = partial(_action, "Go", screens="project run", palette=False)
_move = partial(_action, "Move", scope=Scope.MOVE, palette=False)
_program = partial(_action, "Program", scope=Scope.APP)

_RUNNING = (
    _run(
        "submit",
        "s f9",
        "submit",
        "Start a new run, or queue it while offline.",
        "projects project runs configs config",
        10,
        command="submit",
    ),
    _run(
        "run-again",
        "r",
        "run again",
        "Open the form, filled in as this run was started.",
        _WITH_RUNS,
        15,
        command="again",
    ),
    _run(
        "cancel",
        "X",
        "cancel",
        "Cancel the run's job; an unsent one is taken back.",
        f"{_WITH_RUNS} log",
        70,
        command="cancel",
        destructive=True,
    ),
)

_CHANGING = (
    _change(
        "edit",
        "e f4",
        "edit",
        "Edit this; files open in your $EDITOR.",
        "run project configs config sites outbox settings",
        30,
        command="edit",
    ),
    _change("save", "f2", "save", "Save the configuration.", "config", 12, command="save"),
    _change("new", "n", "new", "Make a new one.", "projects configs sites", 16, command="new"),
    _change(
        "duplicate",
        "N",
        "copy as new",
        "Make a new one from this.",
        "configs",
        31,
        command="duplicate",
    ),
    _change("rename", "", "rename", "Give it another name.", "run configs", command="rename"),
    _change("tag", "t", "tag", "Set or remove a tag.", "run runs project", 61, command="tag"),
    _change(
        "delete",
        "delete",
        "delete",
        "Delete the saved configuration or site.",
        "configs sites",
        71,
        command="delete",
        destructive=True,
    ),
    _change("retry", "R", "retry", "Try to send it now.", "outbox", 32, command="retry"),
    _change(
        "take-back",
        "u",
        "take back",
        "Take the write back; what was there returns.",
        "outbox run runs active",
        72,
        command="undo",
        destructive=True,
    ),
    _change("test-site", "T", "test", "Try the site.", "sites", 33, command="test"),
    _change(
        "login",
        "L",
        "log in",
        "Enter the login for the server or site.",
        "welcome projects sites settings outbox",
        command="login",
        needs_network=True,
    ),
    _change(
        "logout",
        "",
        "log out",
        "Forget the login for the server or site.",
        "projects sites settings",
        command="logout",
        destructive=True,
    ),
    _change(
        "connect",
        "",
        "connect",
        "Connect an MLflow server.",
        "welcome projects settings",
        command="connect",
    ),
    _change(
        "demo",
        "",
        "demo",
        "Try everything on this machine, without an account.",
        "welcome",
        command="demo",
    ),
)

_SHOWING = (
    _show("log", "l", "log", "Show the log.", f"{_WITH_RUNS} outbox", 20, command="log"),
    _show("metrics", "m", "metrics", "Choose the metrics to show.", "run compare", 21),
    _show("files", "f", "files", "Show the run's files.", "run", 22, command="files"),
    _show(
        "other-side", "f3", "text", "Go to the config's text, or back to the form.", "config", 14
    ),
    _show("problems", "f8", "problems", "Go to the list of problems.", "config", 27),
    _show("script", "v f5", "script", "Show the job script.", "config run active", 23),
    _show(
        "differences",
        "d f6",
        "differences",
        "Show only what differs.",
        "compare config run",
        24,
    ),
    _show("compare", "c", "compare", "Compare the marked runs.", _WITH_RUNS, 25, command="compare"),
    _show("best-or-last", "b", "best/last", "Show best or last values.", _RUN_LISTS, 60),
    _show("log-axis", "Y", "log axis", "Plot values on a log axis.", "run compare", 62),
    _show(
        "web-page",
        "W",
        "web page",
        "Open the server's page of it in a browser.",
        f"{_WITH_RUNS} projects",
        command="web",
        needs_network=True,
    ),
)

_LISTING = (
    _mark("open-row", "enter", "open", "Open the line under the cursor.", rank=1, palette=False),
    _mark("mark", "space", "mark", "Mark the line, or take its mark away.", rank=50, palette=False),
    _mark("mark-down", "J shift+down", "mark down", "Mark the line, go down.", palette=False),
    _mark("mark-up", "K shift+up", "mark up", "Mark the line, go up.", palette=False),
    _mark("mark-all", "*", "mark all", "Mark every line of the list, up to 10,000."),
    _mark("clear-marks", "M", "clear marks", "Take all marks away.", command="unmark"),
    _list(
        "filter",
        "/",
        "filter",
        "Narrow the list while you type.",
        f"{_TABLES} run settings help",
        40,
    ),
    _list("columns", "C", "columns", "Choose the columns.", _TABLES, 91, command="columns"),
    _list("sort", "S", "sort", "Choose the column to sort by.", _TABLES, 92, command="sort"),
    _list(
        "save-view",
        "",
        "save view",
        "Keep filter, sort and columns by a name.",
        f"{_RUN_LISTS} projects",
        command="view",
    ),
    _list(
        "export",
        "",
        "export",
        "Write the list as CSV or JSON.",
        f"{_RUN_LISTS} projects",
        command="export",
    ),
)

_FILTERING = (
    _filter("filter-keep", "enter", "keep", "Keep the filter and go back to the list.", rank=2),
    _filter("filter-clear", "escape", "clear", "Clear the filter; again: leave it.", rank=3),
    _filter("filter-older", "up", "older", "Bring back an older filter.", rank=4),
    _filter("filter-newer", "down", "newer", "Go back to the newer filter."),
)

_TEXTS = (
    _text("search", "/", "search", "Search the text.", "log", 40),
    _text("next-match", "n", "next", "Go to the next match.", "log", 41, palette=False),
    _text("previous-match", "N", "previous", "Go to the match before.", "log", palette=False),
    _text("follow", "F", "follow", "Follow the log's end, or stay here.", "log run", 35),
    _text("wrap", "w", "wrap", "Break long lines, or cut them.", "log", 42),
    _text(
        "copy",
        "y",
        "copy",
        "Copy what is under the cursor to the clipboard.",
        f"{_WITH_RUNS} projects log configs config sites outbox",
        90,
    ),
    _text(
        "download",
        "D",
        "download",
        "Save the file or the log on this machine.",
        "run log",
        34,
        command="download",
    ),
)

_LOGS = (
    _log(
        "log-filter", "ampersand", "only lines", "Show only lines with a text; ,2 adds two around."
    ),
    _log("log-select", "v", "select", "Select lines; y copies them."),
    _log("log-pause", "f p", "pause", "Follow the log's end, or stay here; as F does."),
)

_PLOTS = (
    _plot("plot-left", "left", "cursor", "Move the cursor over the points."),
    _plot("plot-right", "right", "cursor", "Move the cursor over the points."),
    _plot("plot-far-left", "shift+left", "far", "Move the cursor by ten points."),
    _plot("plot-far-right", "shift+right", "far", "Move the cursor by ten points."),
    _plot("plot-zoom-in", "plus equals_sign", "zoom in", "Show less of the x axis, larger."),
    _plot("plot-zoom-out", "minus", "zoom out", "Show more of the x axis."),
    _plot("plot-reset", "0", "whole", "Show all of the x axis again."),
    _plot("plot-x-axis", "x", "x axis", "Step, time since the start, or time of day."),
)

_GOING = (
    _go("back", "escape", "back", "Go one layer out.", scope=Scope.SCREEN, palette=False),
    _go("go-projects", "", "projects", "Show all projects.", command="projects"),
    _go("go-runs", "", "runs", "Show the runs of all projects.", command="runs"),
    _go(
        "go-configs",
        "i",
        "configs",
        "Show saved run configurations; in a project its own.",
        rank=82,
        command="configs",
    ),
    _go("go-active", "a", "active", "Show what runs or waits.", rank=80, command="active"),
    _go("go-outbox", "o", "outbox", "Show pending writes.", rank=81, command="outbox"),
    _go("go-sites", "", "sites", "Show the places that run jobs.", command="sites"),
    _go("go-settings", ",", "settings", "Show the settings.", command="settings"),
    _go("go-welcome", "", "welcome", "Show the first steps again.", command="welcome"),
    _tab("next-tab", "tab", "next tab", "Show the next tab."),
    _tab("previous-tab", "shift+tab", "previous tab", "Show the tab before."),
    *(_tab(f"tab-{n}", f"{n}", "tab", "Show the tab with that number.") for n in range(1, 8)),
)

_MOVING = (
    _move("cursor-down", "j down", "down", "Go one line down."),
    _move("cursor-up", "k up", "up", "Go one line up."),
    _move("go-top", "g home", "top", "Go to the first line."),
    _move("go-bottom", "G end", "bottom", "Go to the last line."),
    _move("half-page-down", "ctrl+d", "half down", "Go half a window down."),
    _move("half-page-up", "ctrl+u", "half up", "Go half a window up."),
    _move("go-page-down", "pagedown", "page down", "Go a window down."),
    _move("go-page-up", "pageup", "page up", "Go a window up."),
    _move("go-right", "right", "right", "Show columns or text further right."),
    _move("go-left", "left", "left", "Show columns or text further left."),
)

_ABOUT = (
    _program("help", "? f1", "help", "Show all keys of this screen.", rank=99, command="help"),
    _program("command", ":", "command", "Type a command.", rank=98, palette=False),
    _program("command-palette", "ctrl+p", "palette", "Find a command by typing.", palette=False),
    _program(
        "refresh",
        "ctrl+r",
        "refresh now",
        "Ask server and sites for news now.",
        command="sync",
        needs_network=True,
    ),
    _program("theme", "", "theme", "Choose the colours.", command="theme"),
    _program(
        "suspend-process",
        "ctrl+z",
        "suspend",
        "Go to the shell; fg comes back.",
        palette=False,
    ),
    _program(
        "quit", "q ctrl+q", "quit", "Leave; says first what is not sent.", rank=97, command="quit"
    ),
)

ACTIONS: tuple[Action, ...] = (
    *_RUNNING,
    *_CHANGING,
    *_SHOWING,
    *_LISTING,
    *_FILTERING,
    *_TEXTS,
    *_LOGS,
    *_PLOTS,
    *_GOING,
    *_MOVING,
    *_ABOUT,
)
"""All actions, in the order in which help shows them."""
