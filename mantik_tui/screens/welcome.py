"""First steps: try the demo, connect a server, or open a workspace that is set up already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from mantik_tui.domain.errors import MantikError
from mantik_tui.screens.base import EngineEvent, MantikScreen
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Column, Tone
from mantik_tui.widgets.one_line import STRONG, short_name
from mantik_tui.widgets.row_source import ListSource
from mantik_tui.widgets.styled_text import BLANK, Line, StyledLines, StyledText, lines_of, plain
from mantik_tui.widgets.virtual_table import VirtualTable
from mantik_tui.workspace import reads, servers
from mantik_tui.workspace.session import Session

DEMO = "demo"
_DEMO_DETAIL = "no account: projects and trainings on this machine"
CONNECT = "connect"
OFFER = "offer"
OPEN = "open"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do from here."""

    id: int
    kind: str
    words: str
    detail: str
    value: Any = None


class WelcomeScreen(MantikScreen):
    """What can be done first. With `start_demo` the demo starts at once."""

    SCREEN_ID = "welcome"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("welcome")
    NO_KEYS = frozenset({"mark", "go-active", "go-outbox", "go-configs"})

    def __init__(self, start_demo: bool = False) -> None:
        super().__init__()
        self._start_demo = start_demo
        self._demo_runs = False
        self._lines: list[Line] = []

    def compose_body(self) -> ComposeResult:
        self._steps = first_steps(self.session)
        widest = max(len(step.words) for step in self._steps)
        self._head = StyledLines(_HEAD, id="welcome-head")
        self._table: VirtualTable[Step] = VirtualTable(
            (
                Column("words", "", lambda step: step.words, min(widest, 30), 0),
                Column("detail", "", lambda step: step.detail, 20, 1, fill=True, tone=_muted),
            ),
            id="steps",
            classes="-no-title",
        )
        self._talk = StyledText(id="welcome-talk")
        yield self._head
        yield self._table
        yield self._talk

    def on_mount(self) -> None:
        source: ListSource[Step] = ListSource(self._steps, _step_id)
        self._table.replace_source(source)
        self._table.styles.height = len(self._steps) + 1
        self._table.focus()
        if self._start_demo:
            self.action_demo()

    def place(self) -> list[str]:
        return ["welcome"]

    # ------------------------------------------------------------ what happens

    @on(VirtualTable.RowSelected, "#steps")
    def _step_chosen(self) -> None:
        step = self._table.cursor_row
        if step is None:
            return
        if step.kind == DEMO:
            self.action_demo()
        elif step.kind == OPEN:
            self.run_verb(Session.reload, step.value.name, done=self._opened)
        elif step.kind == OFFER:
            self.mantik.open_connect(step.value)
        else:
            self.mantik.open_connect(None)

    def _opened(self, _nothing: None) -> None:
        self.mantik.workspace_opened()

    def on_engine_event(self, message: EngineEvent) -> None:
        event = message.event
        if self._demo_runs and event.get("event") == "progress" and event.get("kind") == "demo":
            self._say(str(event.get("text", "")))

    def _say(self, text: str, tone: str = Tone.MUTED) -> None:
        for line in lines_of(text, tone):
            self._lines.append(line)
        self._talk.show(self._lines)
        self._talk.action_go_bottom()

    # ------------------------------------------------------------ actions

    def why_not(self, action_id: str) -> str | None:
        if action_id == "demo" and self._demo_runs:
            return "The demo is being set up"
        return None

    def action_demo(self) -> None:
        from mantik_tui.workspace.demo_start import start_demo

        if self._demo_runs:
            return
        self._demo_runs = True
        self._lines = [
            Line((("Setting up the demo. The first time takes half a minute.", STRONG),))
        ]
        self._say("An MLflow server on this machine, three projects, a few trainings.")

        def progress(text: str) -> None:
            self.app.call_later(self._say, text)

        self.run_verb(start_demo, progress, done=self._demo_ready, failed=self._demo_failed)

    def _demo_ready(self, lines: list[str]) -> None:
        self._demo_runs = False
        self.mantik.workspace_opened()
        self.app.notify("\n".join(lines), title="The demo is ready", timeout=12)

    def _demo_failed(self, problem: MantikError) -> None:
        self._demo_runs = False
        self._lines.append(BLANK)
        self._say(problem.title, Tone.BAD)
        for part in (problem.cause, problem.hint):
            if part:
                self._say(part)

    def action_connect(self) -> None:
        self.mantik.open_connect(None)

    def action_login(self) -> None:
        self.mantik.open_connect(self.session.workspace if self.session.has_workspace else None)


def first_steps(session: Session) -> list[Step]:
    """What is offered: servers that the environment names, the demo, a new connection, known workspaces."""
    found: list[tuple[str, str, str, Any]] = []
    known = session.read(reads.projects.workspaces)
    addresses = {row.tracking_uri.rstrip("/") for row in known}
    for row in known:
        who = f" as {row.username}" if row.username else ""
        shown = servers.without_login(row.tracking_uri)
        found.append((OPEN, f"Open {short_name(row.name, 24)}", f"{shown}{who}", row))
    offered = [o for o in servers.offers() if o.tracking_uri.rstrip("/") not in addresses]
    for offer in offered:
        who = f" as {offer.username}" if offer.username else ""
        words = f"Connect{who}" if who and len(offered) > 1 else "Connect this server"
        detail = f"{offer.tracking_uri}{who} (environment)"
        found.append((OFFER, short_name(words, 30), detail, offer))
    found.append((DEMO, "Try the demo", _DEMO_DETAIL, None))
    found.append((CONNECT, "Connect a server", "by its address and your login", None))
    return [Step(number, *parts) for number, parts in enumerate(found)]


_HEAD = [
    BLANK,
    Line((("mantik", Tone.ACCENT), ("  machine learning on supercomputers, from your terminal", STRONG))),
    BLANK,
    plain(
        "Browse, search and compare runs, read logs and edit configurations, all of it offline too. Submit trainings"
        " and watch them. Projects live on the MLflow server that you have; what was read is kept on this machine.",
        Tone.MUTED,
    ),
    BLANK,
]  # fmt: skip


def _step_id(step: Step) -> int:
    return step.id


def _muted(_step: Step) -> Tone:
    return Tone.MUTED
