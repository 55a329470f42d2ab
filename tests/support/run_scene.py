"""A database with one run of each kind that the run's screens tell apart, written by the program's own functions."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from mantik_tui import paths
from mantik_tui.domain.ids import new_id
from mantik_tui.domain.job import JobState
from mantik_tui.domain.outbox import EntryState
from mantik_tui.domain.site import THIS_MACHINE, Site
from mantik_tui.store.reads.jobs import get_entry
from mantik_tui.store.reads.projects import experiments
from mantik_tui.store.reads.runs import NOTE_TAG
from mantik_tui.store.writes import history, jobs, local, outbox, setup
from mantik_tui.store.writes.keys import Keys
from mantik_tui.store.writes.projects import refresh_stats
from mantik_tui.store.writes.pulled import Placed, store_runs
from mantik_tui.workspace.session import Session
from tests.support.store_fill import NOW_MS
from tests.support.ui import FakeEngine, make_session

MINUTE = 60_000
_NOTE = "# First try with the deeper net\n\nWatch *val_rmse* after epoch 60."
_UNREACHED = "uni was not reached. The network is unreachable"


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as the state logic gives it."""

    state: JobState
    cause: str = ""
    words: str = ""
    exit_code: int | None = None
    signal: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    """A run as a server tells it."""

    server_id: str
    experiment_id: str
    name: str
    status: str
    user: str
    start_ms: int | None
    end_ms: int | None
    tags: dict[str, str] = field(default_factory=dict)
    params: list[tuple[str, str]] = field(default_factory=list)
    metrics: list[tuple[str, float | None, int, int, int]] = field(default_factory=list)
    lifecycle: str = "active"
    artifact_uri: str = "mlflow-artifacts:/1/abc/artifacts"
    datasets: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scene:
    session: Session
    engine: FakeEngine
    project_id: int
    running: int
    failed: int
    queued: int
    unsent: int
    foreign: int
    conflict: str
    """Id of the outbox entry in conflict."""


def _site_state(
    connection: sqlite3.Connection, name: str, state: str, reason: str, as_of_ms: int
) -> None:
    """As the engine notes what its last contact with a site told."""
    connection.execute(
        "UPDATE site SET state = ?, reason = ?, as_of_ms = ? WHERE name = ?",
        (state, reason, as_of_ms, name),
    )


def make_scene(*, empty_outbox: bool = False) -> Scene:
    """Runs of the first project: running, failed, queued, unsent, and one that somebody else made elsewhere."""
    engine = FakeEngine()
    session = make_session(projects=3, runs=0, engine=engine)
    maker = _Maker(session)
    session.write(setup.put_site, Site("uni", run_root="$HOME/runs", settings={"slots": "4"}))
    session.write(_site_state, THIS_MACHINE, "ok", "", NOW_MS - 2 * MINUTE)
    session.write(
        _site_state, "uni", "unreachable", "the network is unreachable", NOW_MS - 40 * MINUTE
    )
    running = maker.running()
    failed = maker.failed()
    queued = maker.queued()
    foreign = maker.foreign()
    unsent = maker.unsent()
    conflict = maker.conflict(foreign)
    if empty_outbox:
        with session.store.transaction() as connection:
            connection.execute("UPDATE outbox SET state = 'done', updated_ms = 1")
            connection.execute("UPDATE run SET pending = 0")
    session.write(refresh_stats, [maker.project_id])
    engine.told.clear()
    return Scene(
        session, engine, maker.project_id, running, failed, queued, unsent, foreign, conflict
    )


class _Maker:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.keys = Keys()
        self.experiment = session.read(experiments, session.workspace.id)[0]
        for found in session.read(experiments, session.workspace.id):
            if found.name.startswith("wind-power"):
                self.experiment = found
        assert self.experiment.project_id is not None
        self.project_id = self.experiment.project_id

    def _submit(self, name: str, site: str, minutes_ago: int, limit_min: int = 120) -> int:
        at = NOW_MS - minutes_ago * MINUTE
        cid = new_id(at)
        kept = paths.snapshots() / cid
        kept.mkdir()
        (kept / "job.sh").write_text(
            "#!/bin/sh\n# job script of " + name + "\npython train.py --lr 1e-4\n"
        )
        (kept / "changes.diff").write_text(
            "diff --git a/train.py b/train.py\n-lr = 1e-3\n+lr = 1e-4\n"
        )
        run_id, _ = self.session.write(
            local.add_submission, workspace_id=self.session.workspace.id, experiment_id=self.experiment.id,
            project_id=self.project_id, cid=cid, name=name, user="tom", site=site,
            params={"lr": "1e-4", "batch": "64", "arch": "resnet-12", "seed": "3"},
            tags={"mantik.cid": cid, "mlflow.user": "tom", "mlflow.source.git.commit": "3f2a91c0" * 5},
            spec=_spec(cid, site, at), folder="", limit_ms=limit_min * MINUTE, now_ms=at,
        )  # fmt: skip
        return run_id

    def _sent(self, run_id: int, job_id: str, minutes_ago: int) -> None:
        """As after the engine has submitted it."""
        at = NOW_MS - minutes_ago * MINUTE
        with self.session.store.transaction() as connection:
            row = connection.execute("SELECT id FROM outbox WHERE run_id = ?", (run_id,)).fetchone()
            _settle(connection, row[0], EntryState.DONE, at)
            folder = f"/home/tom/mantik-runs/{run_id}"
            jobs.note_submitted(connection, run_id, 1, job_id, folder, at)
            connection.execute(
                "UPDATE run SET server_id = ?, as_of_ms = ? WHERE id = ?", (f"{run_id:032x}", NOW_MS - MINUTE, run_id)
            )  # fmt: skip
            connection.execute(
                "UPDATE run_doc SET server_status = 'RUNNING' WHERE run_id = ?", (run_id,)
            )

    def _seen(self, run_id: int, seen: Seen, minutes_ago: int) -> None:
        with self.session.store.transaction() as connection:
            jobs.note_seen(connection, run_id, 1, seen, NOW_MS - minutes_ago * MINUTE)
            connection.execute(
                "UPDATE outbox SET state = 'done' WHERE run_id = ? AND kind = 'run-status'",
                (run_id,),
            )
            outbox.recount(connection, run_id)

    def _log(self, run_id: int, text: str, *, complete: bool) -> None:
        path = paths.run_logs() / f"{run_id}.log"
        path.write_text(text)
        self.session.write(jobs.note_log, run_id, str(path), len(text), complete, NOW_MS - MINUTE)

    def _metrics(self, run_id: int, points: int, minutes_ago: int) -> None:
        at = NOW_MS - minutes_ago * MINUTE
        for key, start in (("rmse", 0.21), ("val_rmse", 0.24), ("lr", 0.0)):
            course = [
                (
                    step,
                    at + step * 30_000,
                    start * math.exp(-step / 18) + 0.04 + 0.004 * math.sin(step),
                )
                for step in range(points)
            ]
            self.session.write(history.append_points, run_id, key, course, NOW_MS, complete=False)
            with self.session.store.transaction() as connection:
                number = self.keys.number(connection, "metric", key)
                connection.execute(
                    "INSERT OR REPLACE INTO metric VALUES (?, ?, ?, 0, ?, ?)",
                    (run_id, number, course[-1][2], points - 1, course[-1][1]),
                )

    def running(self) -> int:
        run_id = self._submit("quick-otter-31", THIS_MACHINE, 63)
        self._sent(run_id, "4711021", 62)
        self._seen(run_id, Seen(JobState.RUNNING, started_ms=NOW_MS - 45 * MINUTE), 2)
        with self.session.store.transaction() as connection:
            connection.execute("UPDATE job SET node = 'jwb0412' WHERE run_id = ?", (run_id,))
        self._metrics(run_id, 80, 45)
        lines = [
            f"epoch {n:3}/120  loss {0.2 / n + 0.04:.4f}  val {0.24 / n + 0.04:.4f}"
            for n in range(1, 81)
        ]
        self._log(run_id, "loading era5-2020\n" + "\n".join(lines) + "\n", complete=False)
        self.session.write(local.edit_tag, run_id, "label", "candidate", NOW_MS - 5 * MINUTE)
        with self.session.store.transaction() as connection:
            local.put_tag(connection, run_id, "dataset", "era5-2020")
            local.put_tag(
                connection,
                run_id,
                NOTE_TAG,
                _NOTE,
            )
        listing = [("model", True, None), ("plots", True, None), ("metrics.csv", False, 4_310),
                   ("summary.json", False, 212)]  # fmt: skip
        self.session.write(jobs.store_artifact_listing, run_id, "", listing, NOW_MS - MINUTE)
        inside = [("model/MLmodel", False, 611), ("model/model.pkl", False, 2_411_024)]
        self.session.write(jobs.store_artifact_listing, run_id, "model", inside, NOW_MS - MINUTE)
        files = [
            ("mantik.log", False, 8_211, NOW_MS - MINUTE),
            ("train.py", False, 2_100, NOW_MS - 63 * MINUTE),
        ]
        self.session.write(jobs.store_site_files, run_id, files, NOW_MS - MINUTE)
        return run_id

    def failed(self) -> int:
        run_id = self._submit("stern-owl-8", THIS_MACHINE, 200)
        self._sent(run_id, "4710998", 199)
        started, ended = NOW_MS - 190 * MINUTE, NOW_MS - 177 * MINUTE
        self._seen(run_id, Seen(JobState.RUNNING, started_ms=started), 189)
        self._metrics(run_id, 12, 190)
        words = "slurmstepd: error: Detected 1 oom_kill event"
        self._seen(
            run_id, Seen(JobState.FAILED, "out of memory", words, 137, 9, started, ended), 177
        )
        self._log(
            run_id,
            "loading era5-2020\nepoch 1/40  loss 0.2100\n 10%|#   |\r100%|####|\nTraceback (most recent call last):\n"
            '  File "train.py", line 88, in <module>\nMemoryError: can not allocate 12.4 GB\x1b[31m!\x1b[0m\n',
            complete=True,
        )
        return run_id

    def queued(self) -> int:
        run_id = self._submit("bold-lynx-2", THIS_MACHINE, 15)
        self._sent(run_id, "4711044", 14)
        self._seen(run_id, Seen(JobState.QUEUED, words="waits for a free slot, 2 before it"), 1)
        return run_id

    def unsent(self) -> int:
        run_id = self._submit("stern-owl-9", "uni", 4)
        with self.session.store.transaction() as connection:
            row = connection.execute("SELECT id FROM outbox WHERE run_id = ?", (run_id,)).fetchone()
            _settle(connection, row[0], EntryState.PENDING, NOW_MS - MINUTE,
                          error=_UNREACHED, next_try_ms=NOW_MS + 5 * MINUTE)  # fmt: skip
            connection.execute("UPDATE outbox SET attempts = 3 WHERE id = ?", (row[0],))
        return run_id

    def foreign(self) -> int:
        run = Pulled(
            "f" * 32, self.experiment.server_id, "calm-heron-12", "FINISHED", "maria", NOW_MS - 30 * 60 * MINUTE,
            NOW_MS - 28 * 60 * MINUTE, {"label": "final", "mlflow.source.name": "train.py"},
            [("lr", "3e-4"), ("batch", "64")], [("rmse", 0.0431, 0, 400, NOW_MS), ("loss", None, 1, 400, NOW_MS)],
        )  # fmt: skip
        place = {self.experiment.server_id: Placed(self.experiment.id, self.project_id)}
        stored = self.session.write(
            store_runs, self.keys, self.session.workspace.id, place, [run], NOW_MS - MINUTE
        )
        return stored.run_ids[0]

    def conflict(self, run_id: int) -> str:
        entry = self.session.write(local.edit_tag, run_id, "label", "best", NOW_MS - 7 * MINUTE)
        with self.session.store.transaction() as connection:
            _settle(connection, entry, EntryState.BLOCKED, NOW_MS - 6 * MINUTE,
                          error="Somebody set label to final-2 meanwhile. Keep mine, theirs or both",
                          payload={"theirs": "final-2"})  # fmt: skip
        return entry


def _settle(
    connection: sqlite3.Connection,
    entry_id: str,
    state: EntryState,
    at_ms: int,
    error: str = "",
    next_try_ms: int = 0,
    payload: dict[str, str] | None = None,
) -> None:
    """As after the engine has tried an entry."""
    old = get_entry(connection, entry_id)
    connection.execute(
        "UPDATE outbox SET state = ?, updated_ms = ?, error = ?, next_try_ms = ?, payload = ? WHERE id = ?",
        (
            state.value,
            at_ms,
            error,
            next_try_ms,
            json.dumps({**old.payload, **(payload or {})}),
            entry_id,
        ),
    )
    outbox.recount(connection, old.run_id)


def _spec(cid: str, site: str, at: int) -> dict[str, Any]:
    return {
        "version": 1, "run_id": cid, "entry_point": "main", "command": "python train.py --lr 1e-4 --batch 64",
        "params": {"lr": "1e-4", "batch": "64", "arch": "resnet-12", "seed": "3"},
        "run_config": {"name": "wind-small", "code": "/home/tom/wind-net", "entry_point": "main", "site": site,
                       "params": {"lr": "1e-4"}, "backend_config": "Environment:\n  Modules: [Stages/2024]\n"},
        "environment": {"python": "/p/project/venv", "modules": ["Stages/2024"], "variables": {"OMP_NUM_THREADS": "8"}},
        "time_limit_s": 7200, "site": site, "account": "deepacf", "diff": True,
        "code": {"folder": "/home/tom/wind-net", "repository": "https://git.example.org/tom/wind-net.git",
                 "commit": "3f2a91c0" * 5, "branch": "main", "changed": 2},
        "snapshot": {"files": 14, "bytes": 48_211, "sha256": "ab12" * 16},
        "submitted_ms": at, "submitted_by": "tom", "submitted_from": "login01", "mantik_tui": "0.1.0",
    }  # fmt: skip


def spec_text(cid: str) -> str:
    """As it lies in the run folder."""
    return json.dumps(_spec(cid, "uni", NOW_MS))
