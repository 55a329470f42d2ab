"""What the run's screens ask before they change something: cancel, tag, note, name, download, take back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mantik_tui.domain.job import Job
from mantik_tui.domain.outbox import Entry, EntryKind
from mantik_tui.domain.run import Run
from mantik_tui.domain.text import clean
from mantik_tui.widgets.dialogs import Choice, ConfirmDialog, PickDialog, PromptDialog
from mantik_tui.widgets.one_line import short_name
from mantik_tui.workspace import files, outbox, runs
from mantik_tui.workspace.session import Session

if TYPE_CHECKING:
    from mantik_tui.screens.base import MantikScreen


def why_not_cancel(job: Job | None) -> str | None:
    """Why a run can't be cancelled, None when it can."""
    if job is None:
        return "It was not submitted from here, so its job is not known"
    return f"Its job has ended: {job.state.value}" if job.state.ended else None


def ask_cancel(screen: MantikScreen, run: Run, job: Job) -> None:
    """Cancel a run's job after a dialog that names run, site, job and owner."""
    lines = [
        f"run    {short_name(run.name)}",
        f"site   {job.site}",
        f"job    {job.job_id or 'not submitted yet'}",
        f"owner  {short_name(run.user) or 'not named'}",
        f"state  {job.state.value}",
    ]
    is_unsent = not job.job_id
    lines += [
        "",
        "It has not been sent, so it is taken back."
        if is_unsent
        else "What it has written so far stays.",
    ]

    def answered(answer: str | None) -> None:
        if answer == ConfirmDialog.YES:
            screen.run_verb(
                runs.cancel, run.id, done=partial(_cancelled, screen, short_name(run.name))
            )

    yes = "take it back" if is_unsent else "cancel the job"
    screen.app.push_screen(
        ConfirmDialog(f"Cancel {short_name(run.name)}?", lines, yes=yes), answered
    )


def _cancelled(screen: MantikScreen, name: str, answer: str) -> None:
    if answer == "taken back":
        screen.app.notify(f"{name} was taken back")
    else:
        screen.app.notify(f"Cancelling {name}; its state follows when the site answers")


def ask_tag(screen: MantikScreen, run: Run, key: str = "") -> None:
    """Set or remove a tag: `key=value`, or `-key`."""
    text = f"{key}={run.tags.get(key, '')}" if key else ""

    def fault(answer: str) -> str:
        answer = answer.strip()
        name = answer[1:] if answer.startswith("-") else answer.partition("=")[0]
        if not name.strip():
            return "A tag needs a name"
        if name.strip().startswith(("mlflow.", "mantik.")):
            return "Tags of MLflow and Mantik themselves are not changed by hand"
        if not answer.startswith("-") and "=" not in answer:
            return "Write key=value, or -key to remove it"
        is_there = name.strip() in run.tags
        return "" if is_there or not answer.startswith("-") else f"There is no tag {name.strip()}"

    def entered(answer: str | None) -> None:
        if answer is None:
            return
        answer = answer.strip()
        if answer.startswith("-"):
            screen.run_verb(runs.delete_tag, run.id, answer[1:].strip())
        else:
            name, _, value = answer.partition("=")
            screen.run_verb(runs.set_tag, run.id, name.strip(), value.strip())

    lines = ["key=value sets a tag, -key removes it"]
    screen.app.push_screen(
        PromptDialog(f"Tag {short_name(run.name)}", text=text, lines=lines, check=fault), entered
    )


def ask_rename(screen: MantikScreen, run: Run) -> None:
    def entered(answer: str | None) -> None:
        if answer is not None and answer.strip() != run.name:
            screen.run_verb(runs.rename, run.id, answer.strip())

    def fault(answer: str) -> str:
        return "" if answer.strip() else "A run needs a name"

    screen.app.push_screen(PromptDialog("Name of the run", text=run.name, check=fault), entered)


def ask_take_back(screen: MantikScreen, entries: Sequence[Entry]) -> None:
    """Take back one of the writes that wait; asks which if there are several, and before a submission is undone."""
    if len(entries) == 1:
        _confirm_take_back(screen, entries[0])
        return

    def picked(ids: tuple[str, ...] | None) -> None:
        chosen = [entry for entry in entries if ids and entry.id in ids]
        if chosen:
            _confirm_take_back(screen, chosen[0])

    choices = [Choice(e.id, short_name(e.what, 60), e.state.value) for e in entries]
    screen.app.push_screen(PickDialog("Take back", choices), picked)


def _confirm_take_back(screen: MantikScreen, entry: Entry) -> None:
    what = short_name(entry.what, 60)
    done: Callable[[], None] = partial(
        screen.run_verb, outbox.take_back, entry.id, words=f"Taken back: {what}"
    )
    if entry.kind != EntryKind.SUBMIT:
        done()
        return

    def answered(answer: str | None) -> None:
        if answer == ConfirmDialog.YES:
            done()

    lines = [what, f"for site {entry.payload.get('site', '-')}", "", "The run is not started."]
    screen.app.push_screen(
        ConfirmDialog("Take this submission back?", lines, yes="take it back"), answered
    )


def ask_download(
    screen: MantikScreen,
    name: str,
    fetch: Callable[[Session, Path], Path],
    proposal: Path | None = None,
) -> None:
    """Ask for a folder on this machine and download there in a worker."""

    def fault(answer: str) -> str:
        if not answer.strip():
            return "Give a folder; . is the one that you started in"
        path = Path(answer.strip()).expanduser()
        return f"{path} is a file" if path.is_file() else ""

    def entered(answer: str | None) -> None:
        if answer is None:
            return
        folder = Path(answer.strip()).expanduser().absolute()
        screen.app.notify(f"Downloading {clean(name)} …", timeout=2)
        screen.run_verb(
            fetch, folder, done=lambda path: screen.app.notify(f"Saved as {path}", markup=False)
        )

    dialog = PromptDialog(
        f"Save {clean(name)} in folder", text=str(proposal or Path.cwd()), check=fault
    )
    screen.app.push_screen(dialog, entered)


def fetch_artifact(run_id: int, path: str, session: Session, folder: Path) -> Path:
    """Into `folder`; an empty path takes all artifacts."""
    found = files.download_artifacts(session, run_id, path, folder)
    return found[0] if path else folder


def fetch_file(run_id: int, path: str, session: Session, folder: Path) -> Path:
    """Into `folder`; an empty path takes the whole run folder."""
    return files.download_folder(session, run_id, path, folder)[0]
