"""What all screens share: frame, session, the action table's bindings, news from the store, verbs in workers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.worker import get_current_worker

from mantik_tui.actions import Scope, actions_for
from mantik_tui.domain.errors import MantikError, StoreProblem
from mantik_tui.screens.frame_lines import place_line, status_line
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.frame import KeyLine, StatusLine, TopLine
from mantik_tui.workspace.session import Session
from mantik_tui.workspace.status import read_status

if TYPE_CHECKING:
    from mantik_tui.app import MantikApp

R = TypeVar("R")

ALL_TABLES = frozenset({"*"})
"""Given to `store_changed` when it is not known which tables changed."""


@dataclass
class StoreChanged(Message):
    """Tables of the local database have changed. Only the newest of several is kept in the queue, with all tables."""

    tables: frozenset[str]

    def can_replace(self, message: Message) -> bool:
        if isinstance(message, StoreChanged):
            self.tables = self.tables | message.tables
            return True
        return False


@dataclass
class EngineEvent(Message):
    """Something else that the engine said: `progress`, `ask`, `engine-lost`."""

    event: dict[str, Any]


class MantikScreen(Screen[None]):
    """Base of all screens.

    A subclass sets `SCREEN_ID` and `BINDINGS = bindings_for(SCREEN_ID)`, and overrides `compose_body`, `place`,
    `store_changed`, and where it is needed `why_not`. Its actions are methods called `action_` + the action's method
    name. It paints from `self.session.read(...)` and changes things by `run_verb`.
    """

    SCREEN_ID: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.subject: tuple[Any, ...] | None = None
        """What the app opened this screen with, so that it can return here instead of opening it twice."""
        self._seen_version = -1

    # ------------------------------------------------------------ what subclasses fill in

    def compose_body(self) -> ComposeResult:
        """The widgets between the top line and the status line."""
        yield from ()

    def place(self) -> list[str]:
        """Where this is, as a path of names without the program's own."""
        return [self.SCREEN_ID]

    def place_note(self) -> str:
        """Words on the top line's right in place of the workspace, before the connection; empty for the workspace."""
        return ""

    def note_tone(self) -> Tone | None:
        """How `place_note` looks; None takes the connection's look."""
        return None

    def store_changed(self, tables: frozenset[str]) -> None:
        """Read anew what is shown, if it comes from one of `tables`; `"*"` among them stands for any."""

    def why_not(self, action_id: str) -> str | None:
        """Why an action can't be done now, in words for people; None when it can."""
        del action_id
        return None

    def hides(self, action_id: str) -> bool:
        """Whether an action that can't be done here now is left off the key line, instead of greyed."""
        del action_id
        return False

    # ------------------------------------------------------------ what subclasses use

    @property
    def mantik(self) -> MantikApp:
        """The app, with its navigation: `open_run`, `open_log`, `go_active`, ..."""
        return cast("MantikApp", self.app)

    @property
    def session(self) -> Session:
        return self.mantik.session

    def refresh_status(self) -> None:
        """Read and paint again what the top line and the status line say. Nothing is sent when nothing changed."""
        top = self.query(TopLine)
        if not self.is_mounted or not top:  # not there yet, or being taken down
            return
        try:
            status = read_status(self.session)
        except StoreProblem:
            return
        engine = self.mantik.engine_state
        place = place_line(self.place(), status, engine, self.place_note())
        if place.detail and (tone := self.note_tone()) is not None:
            place = dataclasses.replace(place, detail_tone=tone)
        top.first().show(place)
        line = status_line(
            status, self.session.now_ms(), self.mantik.news, self.mantik.engine_words()
        )
        self.query_one(StatusLine).show(line)

    def run_verb(
        self,
        fn: Callable[..., R],
        *args: Any,
        done: Callable[[R], None] | None = None,
        words: str = "",
        failed: Callable[[MantikError], None] | None = None,
        **kwargs: Any,
    ) -> None:
        """Run a verb of the workspace in a thread: `fn(session, *args, **kwargs)`.

        Args:
            done: called in the UI with the result, if this screen is still there.
            words: said when it succeeded.
            failed: called in the UI with what went wrong, instead of the dialog that says so.

        Verbs don't supersede each other: what a person asked for is done, in whatever order the threads run.
        """
        self.run_worker(
            partial(self._do_verb, fn, args, kwargs, done, words, failed),
            thread=True,
            exit_on_error=False,
            group="verbs",
            name=getattr(fn, "__name__", "verb"),
        )

    def run_read(
        self,
        read: Callable[[], R],
        done: Callable[[R], None],
        *,
        group: str,
        failed: Callable[[MantikError], None] | None = None,
    ) -> None:
        """Run a long read in a thread; a newer one of the same group supersedes it, whose answer is then dropped."""
        self.run_worker(
            partial(self._do_read, read, done, failed),
            thread=True,
            exclusive=True,
            exit_on_error=False,
            group=group,
        )

    def show_error(self, error: MantikError) -> None:
        """What went wrong, in a dialog."""
        from mantik_tui.widgets.dialogs import ErrorDialog

        self.app.push_screen(ErrorDialog(error))

    def look_again(self) -> None:
        """Repaint if another connection has written to the database since the last look."""
        try:
            version = self.session.store.data_version()
        except Exception as error:  # noqa: BLE001 - the next look will tell
            self.log.warning(error)
            return
        if version != self._seen_version:
            first, self._seen_version = self._seen_version == -1, version
            if not first:
                self.store_changed(ALL_TABLES)
        self.refresh_status()

    # ------------------------------------------------------------ how it works

    def compose(self) -> ComposeResult:
        yield TopLine()
        yield from self.compose_body()
        yield StatusLine()
        yield KeyLine()

    def on_mount(self) -> None:
        self.refresh_status()

    def on_screen_resume(self) -> None:
        self.mantik.after_first_paint()
        self.look_again()

    def on_store_changed(self, message: StoreChanged) -> None:
        self._seen_version = self.session.store.data_version()
        self.store_changed(message.tables)
        self.refresh_status()

    def action_back(self) -> None:
        """Go one layer out; on the first layer there is nothing to leave."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.reason_against(action):
            return super().check_action(action, parameters)
        return False if self.hides(_own_actions(self.SCREEN_ID)[action]) else None

    def reason_against(self, method: str) -> str | None:
        """Why the action with this method name is greyed here; None if it is not, or is none of this screen's."""
        action = _own_actions(self.SCREEN_ID).get(method)
        if action is None:
            return None
        reason = self.why_not(action)
        if reason is None and not hasattr(self, f"action_{method}"):
            return f"{action} is not there yet; it comes with a later release"
        return reason

    def _do_verb(
        self,
        fn: Callable[..., R],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        done: Callable[[R], None] | None,
        words: str,
        failed: Callable[[MantikError], None] | None,
    ) -> None:
        result, error = _attempt(partial(fn, self.session, *args, **kwargs))
        self.app.call_later(self._verb_ended, result, error, done, words, failed)

    def _verb_ended(
        self,
        result: Any,
        error: MantikError | None,
        done: Callable[[Any], None] | None,
        words: str,
        failed: Callable[[MantikError], None] | None,
    ) -> None:
        self.mantik.note_engine()
        if error is not None:
            if failed is not None and self.is_attached:
                failed(error)
            else:
                self.show_error(error)
        else:
            if words:
                self.app.notify(words)
            if done is not None and self.is_attached:
                done(result)
        if self.is_attached and self.is_current:
            self.look_again()

    def _do_read(
        self,
        read: Callable[[], R],
        done: Callable[[R], None],
        failed: Callable[[MantikError], None] | None,
    ) -> None:
        worker = get_current_worker()
        result, error = _attempt(read)

        def deliver() -> None:
            if worker.is_cancelled or not self.is_attached:
                return
            if error is None:
                done(cast(R, result))
            elif failed is not None:
                failed(error)
            else:
                self.app.notify(str(error), severity="warning")

        if not worker.is_cancelled:
            self.app.call_later(deliver)


def _attempt(fn: Callable[[], R]) -> tuple[R | None, MantikError | None]:
    try:
        return fn(), None
    except MantikError as error:
        return None, error
    except Exception as error:  # noqa: BLE001 - a defect must not end the program
        from mantik_tui.workspace.defects import defect

        return None, defect(error)


def _own_actions(screen: str) -> dict[str, str]:
    """Ids of a screen's own actions by their method's name."""
    found = _OWN.get(screen)
    if found is None:
        actions = actions_for(screen) if screen else ()
        found = _OWN[screen] = {a.method: a.id for a in actions if a.scope is Scope.SCREEN}
    return found


_OWN: dict[str, dict[str, str]] = {}
