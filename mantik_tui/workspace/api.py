"""The Python API: `from mantik_tui import Workspace`. The same verbs as on the screens and the command line.

Everything is synchronous, and works in a notebook: the line to the engine has a thread of its own. Lists and lookups
read the local copy at once, offline too; what changes something is made here and sent by the engine when it can be.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mantik_tui.domain.errors import BadInput, Offline
from mantik_tui.domain.filters import parse_filter
from mantik_tui.domain.outbox import Entry
from mantik_tui.domain.project import Project, ProjectRow
from mantik_tui.domain.run import Artifact, Experiment, Run, RunRow
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.site import Site
from mantik_tui.workspace import configs, files, live, outbox, reads, servers, status, submit
from mantik_tui.workspace import runs as run_verbs
from mantik_tui.workspace.assemble import complete, read_backend_file
from mantik_tui.workspace.info import run_info
from mantik_tui.workspace.logs import LogReader
from mantik_tui.workspace.plan import make_plan
from mantik_tui.workspace.session import open_session
from mantik_tui.workspace.status import Status
from mantik_tui.workspace.waiting import Bell, read_ends, until, wait_sent

AnyRun = Run | RunRow | str
"""A run, or what names it: its id, the server's id, its name, or the beginning of one of them."""
ENDED = ("FINISHED", "FAILED", "KILLED")


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric."""

    step: int
    time_ms: int
    """Milliseconds since 1970, UTC."""
    value: float


class Workspace:
    """One tracking server with your login there, and its local copy.

    Raises everywhere `MantikError` and its kinds (`mantik_tui.domain.errors`): `NotFound`, `Ambiguous`, `BadInput`
    with all problems, `Offline`, `NeedsLogin`, `Refused`, `Conflict`, `Unsure`, `EngineProblem`, `StoreProblem`.
    """

    def __init__(self, name: str | None = None) -> None:
        """Open the workspace of this name, else the configured one. No server is asked, and none need be set up yet.

        Raises:
            NotFound: a name was given that is not set up.
        """
        self._bell = Bell()
        self._session = open_session(name, on_event=self._bell.ring)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and the line to the engine, which goes on with what it has to do."""
        self._session.close()

    def __repr__(self) -> str:
        if not self._session.has_workspace:
            return "Workspace(not set up)"
        return (
            f"Workspace({self._session.workspace.name!r}, {self._session.workspace.tracking_uri!r})"
        )

    # ------------------------------------------------------------ server

    def login(
        self,
        url: str,
        *,
        username: str = "",
        password: str = "",
        token: str = "",
        name: str | None = None,
        ca_file: str = "",
        make_default: bool = True,
    ) -> dict[str, object]:
        """Connect a tracking server and open its workspace. The secret is kept in the keyring, or a mode-600 file.

        Args:
            name: name of the workspace, by default the server's host name.
            make_default: let it be the one that opens first from now on.

        Returns what the server told: `version`, `user`, and in words `what` can be done there.

        Raises:
            NeedsLogin, Refused, Offline: what the server answered; nothing is written then.
        """
        auth = "token" if token else "basic" if username else "none"
        return servers.login(
            self._session, url, username=username, secret=token or password, auth=auth, name=name, ca_file=ca_file,
            make_default=make_default,
        )  # fmt: skip

    def sync(self, *, full: bool = False) -> Status:
        """Ask the server and sites now, and wait for the answer. `full` reads every run again.

        Being offline is a state of what is returned, not an exception.
        """
        live.refresh(self._session, wait=True, full=full)
        return self.state()

    def state(self) -> Status:
        """How things stand: connection, age of the data, jobs by state, writes that wait."""
        return status.read_status(self._session)

    # ------------------------------------------------------------ looking

    def projects(self) -> list[ProjectRow]:
        """All projects, last active first."""
        return self._session.read(reads.projects.project_rows, self._session.workspace.id)

    def project(self, name: str) -> Project:
        """One project whole, by its name, its id, or the beginning of either."""
        return self._session.read(reads.projects.get_project, self._project_id(name))

    def experiments(self, project: str | None = None) -> list[Experiment]:
        """MLflow experiments, of one project or all."""
        project_id = self._project_id(project) if project else None
        return self._session.read(
            reads.projects.experiments, self._session.workspace.id, project_id
        )

    def runs(
        self,
        project: str | None = None,
        *,
        experiment: str | None = None,
        filter: str = "",
        sort: str = "-start",
        limit: int | None = None,
        metrics: Sequence[str] = (),
        params: Sequence[str] = (),
    ) -> list[RunRow]:
        """Runs as a table shows them, newest first.

        Args:
            filter: for example `status:failed rmse<0.05`, as on the screens.
            sort: a column (`start`, `end`, `took`, `name`, `status`, `user`, `site`, `experiment`), `metrics.NAME` or
                `params.NAME`; with `-` before it the other way round.
            metrics, params: names of those whose values are wanted in the rows; with neither given, all.

        Raises:
            BadInput: the filter can't be read.
        """
        scope = reads.runs.Scope(
            self._session.workspace.id,
            self._project_id(project) if project else None,
            self._session.read(
                reads.projects.find_experiment, self._session.workspace.id, experiment
            )
            if experiment
            else None,
        )
        ids = self._session.read(
            reads.runs.run_ids,
            scope,
            parse_filter(filter),
            _sort(sort),
            self._session.now_ms(),
            limit,
        )
        rows: list[RunRow] = []
        for start in range(0, len(ids), 1000):
            page = ids[start : start + 1000]
            found = self._session.read(reads.runs.run_rows, page, metrics, params)
            if not metrics and not params:
                values = self._session.read(reads.listing.all_values, page)
                found = [
                    dataclasses.replace(row, metrics=values[row.id][0], params=values[row.id][1])
                    for row in found
                ]
            rows += found
        return rows

    def run(self, run: AnyRun) -> Run:
        """One run whole, by its id, the server's id, its name, or the beginning of one of them."""
        return self._session.read(reads.runs.get_run, self._run_id(run))

    def status(self, run: AnyRun) -> str:
        """`SCHEDULED`, `RUNNING`, `FINISHED`, `FAILED` or `KILLED`, as known here."""
        return self.run(run).status

    def info(self, run: AnyRun) -> dict[str, Any]:
        """Everything that is known of a run, as plain values; the keys are those of `runs info`."""
        return run_info(self._session, self._run_id(run))

    def metrics(self, run: AnyRun, key: str, *, fetch: bool = True) -> list[Point]:
        """All points of one metric, in order of their steps.

        Args:
            fetch: read what is new from the server first; without it, or when the server does not answer, what is
                stored here.
        """
        run_id = self._run_id(run)
        if fetch:
            with contextlib.suppress(Offline):
                live.fetch_histories(self._session, run_id, [key])
        found = self._session.read(reads.history.points, run_id, key)
        return [
            Point(step, at, value)
            for step, at, value in zip(found.steps, found.times_ms, found.values, strict=True)
        ]

    def artifacts(self, run: AnyRun, folder: str = "", *, fetch: bool = True) -> list[Artifact]:
        """What lies in one folder of a run's artifacts. Without `fetch`, or offline, as it was listed last."""
        run_id = self._run_id(run)
        if fetch:
            with contextlib.suppress(Offline):
                live.list_artifacts(self._session, run_id, folder)
        return self._session.read(reads.history.artifacts, run_id, folder)

    def download(
        self, run: AnyRun, path: str = "", to: str | Path = ".", *, from_folder: bool = False
    ) -> list[Path]:
        """Download an artifact (a file or a folder), or all for an empty path, into the folder `to`.

        Args:
            from_folder: take it from the run folder on the site instead.

        Returns where it lies.
        """
        fetch = files.download_folder if from_folder else files.download_artifacts
        return fetch(self._session, self._run_id(run), path.strip("/"), Path(to))

    # ------------------------------------------------------------ submitting

    def submit(
        self,
        code: str | Path | None = None,
        *,
        config: str | RunConfig | None = None,
        entry_point: str | None = None,
        params: Mapping[str, object] | None = None,
        backend_config: str | Path | None = None,
        site: str | None = None,
        account: str | None = None,
        project: str | None = None,
        experiment: str | None = None,
        name: str | None = None,
        time_limit: str | None = None,
        extra_lines: Sequence[str] | None = None,
        allow_large: bool = False,
    ) -> Run:
        """Submit a training. The code folder is copied now: what it holds at this moment is what runs.

        Args:
            code: folder that holds the MLproject. This or `config` must be given.
            config: a saved run configuration, by name, or one made here; the other arguments change it.
            params: values by name; written as text, as MLflow has them.
            backend_config: path of a backend config; by default the folder's own `backend-config.yaml`.
            site: where to run it; by default this machine.
            name: name of the run; by default a free one is made.
            time_limit: for example `90m`, `2h`, `1:30:00`.
            allow_large: send more than 100 MB or 5,000 files.

        Returns the run, queued: it goes out now, or when server and site can be reached.

        Raises:
            BadInput: with all problems, each with file, line and hint. Nothing was queued.
        """
        project_id = self._project_id(project) if project else None
        wanted = self._wanted(code, config, project_id)
        given: dict[str, Any] = {
            "entry_point": entry_point, "site": site, "account": account, "experiment": experiment, "run_name": name,
            "time_limit": time_limit, "extra_lines": None if extra_lines is None else tuple(extra_lines),
        }  # fmt: skip
        changes = {key: value for key, value in given.items() if value is not None}
        if code is not None:
            changes["code"] = str(Path(code).expanduser().absolute())
        if backend_config is not None:
            changes["backend_config"] = read_backend_file(Path(backend_config))
            changes["backend_config_path"] = str(backend_config)
        changes["params"] = {**wanted.params, **_texts(params)}
        wanted = dataclasses.replace(wanted, **changes)
        return self._send(
            wanted, project_id if project_id is not None else wanted.project_id, allow_large
        )

    def submit_again(
        self,
        run: AnyRun,
        params: Mapping[str, object] | None = None,
        *,
        name: str = "",
        site: str | None = None,
        allow_large: bool = False,
    ) -> Run:
        """Submit a run again as it was, with some parameters changed. Takes the code folder as it is now."""
        wanted = configs.from_run(self._session, self._run_id(run))
        wanted = dataclasses.replace(
            wanted,
            params={**wanted.params, **_texts(params)},
            run_name=name,
            site=site or wanted.site,
        )
        return self._send(wanted, wanted.project_id, allow_large)

    def _wanted(
        self, code: str | Path | None, config: str | RunConfig | None, project_id: int | None
    ) -> RunConfig:
        if isinstance(config, RunConfig):
            return config
        if config is not None:
            return configs.find(self._session, project_id, config)
        if code is None:
            raise BadInput(
                "Nothing to submit is given", hint="Give code, a folder, or config, a saved one"
            )
        return RunConfig(name="", code="")

    def _send(self, config: RunConfig, project_id: int | None, allow_large: bool) -> Run:
        config = complete(self._session, config)
        plan = make_plan(self._session, config)
        if plan.ok and plan.question and not allow_large:
            hint = "Exclude what the run does not need, or say allow_large=True"
            raise BadInput("This is much to send", plan.question, hint)
        made = submit.submit(self._session, config, project_id, plan=plan)
        return self._session.read(reads.runs.get_run, made.run_id)

    # ------------------------------------------------------------ watching

    def wait(
        self, *runs: AnyRun, timeout: float | None = None, poll: Callable[[Run], None] | None = None
    ) -> list[Run]:
        """Wait until all these runs have ended.

        Args:
            timeout: seconds to wait at most.
            poll: called with a run each time its status was seen to change.

        Returns the runs as they ended, in the order given.

        Raises:
            TimeoutError: time is up; the runs go on.
        """
        ids = [self._run_id(run) for run in runs]
        told: dict[int, str] = {}

        def ended() -> bool:
            found = [self._session.read(reads.runs.get_run, run_id) for run_id in ids]
            for run in found:
                if told.get(run.id) != run.status:
                    told[run.id] = run.status
                    if poll is not None:
                        poll(run)
            return all(run.status in ENDED for run in found)

        self._session.engine.ensure()
        live.watch(self._session, visible=ids)
        if not until(self._session, self._bell, ended, timeout):
            raise TimeoutError(f"not all of {len(ids)} runs have ended after {timeout} s")
        read_ends(self._session, ids)
        return [self._session.read(reads.runs.get_run, run_id) for run_id in ids]

    def log(self, run: AnyRun, lines: int | None = None) -> str:
        """A run's log, or its last `lines`, with news from the site if it can be reached.

        Raises:
            NotFound: the run has no log here.
        """
        reader = LogReader(self._session, self._bell, self._run_id(run))
        reader.refresh()
        return "".join(f"{line}\n" for line in reader.read(lines))

    def follow_log(self, run: AnyRun, lines: int | None = None) -> Iterator[str]:
        """The lines of a run's log as they come, until its job has ended.

        Raises:
            NotFound: the run has no log here.
        """
        reader = LogReader(self._session, self._bell, self._run_id(run))
        reader.refresh()
        yield from reader.follow(lines)

    def cancel(self, run: AnyRun) -> str:
        """Cancel a run's job; a submission that was not sent is taken back. Returns `taken back` or the entry's id.

        Raises:
            Conflict: the run has no job of ours, or it has ended.
        """
        return run_verbs.cancel(self._session, self._run_id(run))

    # ------------------------------------------------------------ changing

    def set_tag(self, run: AnyRun, key: str, value: str | None) -> None:
        """Set a tag, or delete it with None. Made here at once, sent when the server can be reached."""
        if value is None:
            run_verbs.delete_tag(self._session, self._run_id(run), key)
        else:
            run_verbs.set_tag(self._session, self._run_id(run), key, value)

    def set_note(self, run: AnyRun, text: str) -> None:
        """Set the note (Markdown), which MLflow's own page shows too."""
        run_verbs.set_note(self._session, self._run_id(run), text)

    def rename(self, run: AnyRun, name: str) -> None:
        """Give a run another name."""
        run_verbs.rename(self._session, self._run_id(run), name)

    # ------------------------------------------------------------ what else there is

    def outbox(self) -> list[Entry]:
        """What waits to be sent, oldest first."""
        return self._session.read(reads.jobs.open_entries)

    def wait_sent(self, timeout: float | None = None) -> list[Entry]:
        """Wait until everything is sent that can be without a person. Returns what is left.

        Args:
            timeout: seconds to wait at most; offline, nothing is sent before the server answers again.
        """
        wait_sent(self._session, self._bell, timeout)
        return self.outbox()

    def retry(self, entry: Entry | str) -> Entry:
        """Try an entry of the outbox again at once."""
        return outbox.retry(self._session, entry if isinstance(entry, str) else entry.id)

    def take_back(self, entry: Entry | str) -> Entry:
        """Undo an entry of the outbox that was not sent. Raises Conflict when it was, or might have been."""
        return outbox.take_back(self._session, entry if isinstance(entry, str) else entry.id)

    def sites(self) -> list[Site]:
        """Places that run jobs."""
        return self._session.read(reads.jobs.sites)

    def configs(self, project: str | None = None) -> list[RunConfig]:
        """Saved run configurations, of one project or all."""
        project_id = self._project_id(project) if project else None
        return self._session.read(reads.jobs.run_configs, project_id)

    def save_config(self, config: RunConfig, project: str) -> RunConfig:
        """Save a run configuration in a project; one of the same name is replaced."""
        return configs.save(self._session, self._project_id(project), config)

    # ------------------------------------------------------------ names

    def _project_id(self, name: str) -> int:
        return self._session.read(reads.projects.find_project, self._session.workspace.id, name)

    def _run_id(self, run: AnyRun) -> int:
        if not isinstance(run, str):
            return run.id
        scope = reads.runs.Scope(workspace_id=self._session.workspace.id)
        return self._session.read(reads.runs.find_run, run, scope)


def _sort(text: str) -> reads.runs.Sort:
    key, descending = text.lstrip("-+"), text.startswith("-")
    for prefix, kind in (("metrics.", "metric:"), ("params.", "param:")):
        if key.startswith(prefix):
            key = kind + key.removeprefix(prefix)
    return reads.runs.Sort(key or "start", descending)


def _texts(params: Mapping[str, object] | None) -> dict[str, str]:
    return {key: str(value) for key, value in (params or {}).items()}
