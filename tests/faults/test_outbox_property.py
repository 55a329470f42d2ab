"""The six invariants of the outbox, under any order of edits, sendings, faults and crashes between any two steps."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mantik_tui.backends.compute.job_spec import JobSpec
from mantik_tui.backends.tracking.flat import flatten
from mantik_tui.domain.errors import Conflict
from mantik_tui.domain.ids import job_name, new_id
from mantik_tui.domain.job import JobState
from mantik_tui.domain.job_states import JobView
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.store.connect import Store
from mantik_tui.store.reads.jobs import get_entry, latest_job, open_entries
from mantik_tui.store.writes import jobs as job_writes
from mantik_tui.store.writes import local, setup
from mantik_tui.store.writes import outbox as table
from mantik_tui.store.writes.keys import Keys
from mantik_tui.store.writes.pulled import Placed, store_runs
from mantik_tui.sync import cancel, lease, outbox, push, submit
from mantik_tui.sync.context import Engine
from mantik_tui.sync.hub import Hub
from mantik_tui.sync.secrets import Secrets
from tests.support.fake_world import BAD, Crash, Fate, World

KEYS = ("a", "b")
VALUES = ("1", "2", BAD, None)
FATES = st.lists(st.sampled_from([Fate.FINE, Fate.FINE, *Fate]), max_size=4)


class BrittleStore(Store):
    """Dies before the n-th transaction from now on, or right after it."""

    left = 0
    after = False

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Crash
        with super().transaction() as connection:
            yield connection
        if self.left == 0 and self.after:
            raise Crash


@dataclass
class Mine:
    """A run of ours, as the test knows it."""

    run_id: int
    cid: str
    known: dict[str, str | None] = field(default_factory=dict)
    """What each field has here when nobody edits it: the last value that was read, sent, or given back."""
    status_kept_back: bool = False
    """The person did not let the server know a status."""


class FakeSites:
    """The site's side of a cancellation."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def get(self, _engine: Engine, _name: str) -> Any:
        async def cancel_job(_transport: object, ref: Any) -> str:
            self._world.call(lambda: self._world.cancelled.add(ref.name))
            return "asked"

        return SimpleNamespace(transport=None, scheduler=SimpleNamespace(cancel=cancel_job))


_TEMPLATE = Path(tempfile.mkdtemp()) / "template.db"


class OutboxMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        if not _TEMPLATE.exists():
            Store(_TEMPLATE).close()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(_TEMPLATE, self.folder / "mantik.db")
        self.store = BrittleStore(self.folder / "mantik.db")
        self.world = World()
        self.now = 1_700_000_000_000
        self.mine: list[Mine] = []
        self.refuse_jobs = False
        self.pid = 0
        self.sent: list[str] = []
        with self.store.transaction() as connection:
            self.workspace = setup.put_workspace(connection, "w", "http://w", "", "none")
            self.experiment = int(
                connection.execute(
                    "INSERT INTO experiment (workspace_id, server_id, name) VALUES (?, '1', 'e') RETURNING id",
                    (self.workspace,),
                ).fetchone()[0]
            )
        self.start_engine()

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    # The engine

    def start_engine(self) -> None:
        self.pid += 1
        self.store.left = 0
        self.engine = Engine(store=self.store, secrets=cast(Secrets, None), now_ms=lambda: self.now)
        self.engine.hub = cast(Hub, SimpleNamespace(publish=lambda *_tables: None))
        self.engine.clients[self.workspace] = cast(Any, self.world)
        self.engine.sites = cast(Any, FakeSites(self.world))
        # No process has these numbers, so that each engine finds the one before dead.
        holder = lease.acquire(self.store, self.now, pid=2**22 + self.pid)
        assert holder.ours
        self.engine.epoch, self.engine.holds_lease = holder.epoch, True
        outbox.recover(self.engine)

    async def submit(self, engine: Engine, entry: Entry) -> None:
        """The submission's own steps, with a site that has no guards: it runs whatever it is told to run."""
        row = self.store.connection.execute(
            "SELECT r.cid, r.name, d.tags FROM run r JOIN run_doc d ON d.run_id = r.id WHERE r.id = ?",
            (entry.run_id,),
        ).fetchone()
        cid, done = row[0], set(entry.steps_done)
        if "create-run" not in done:
            tags = local.get_tags(self.store.connection, entry.run_id or 0)
            await submit._create_run(engine, entry, cid, row[1], "", 1, tags)
        if "upload" not in done:
            submit._step(engine, entry, "upload")
        if "submit" not in done:
            doubtful = table.in_doubt(entry)
            assert doubtful or cid not in self.world.jobs, (
                "an effect was sent again without looking"
            )
            job_id = self.world.submit_job(cid, look_first=doubtful, refuse=self.refuse_jobs)
            submit._note_job(
                engine, entry, JobSpec(cid, job_name(cid), f"/runs/{cid}", "true", 1), job_id
            )

    def send_one(self) -> bool:
        """Take and send one entry, as the runner does. False if there was none to send."""
        due = self.due()
        entry = outbox.take(self.engine)
        if entry is None:
            assert not due
            return False
        self.check_turn(entry, due)
        self.sent.append(entry.id)
        handlers = {**push.HANDLERS, **cancel.HANDLERS, EntryKind.SUBMIT: self.submit}
        theirs = self.theirs(entry)
        asyncio.run(outbox.send(self.engine, entry, handlers))
        self.after_try(entry, theirs)
        return True

    def due(self) -> list[Entry]:
        """Entries that invariant 2 lets go now."""
        entries = open_entries(self.store.connection)
        waiting = (EntryState.PENDING, EntryState.SENDING, EntryState.UNSURE)
        return [
            entry
            for entry in entries
            if entry.state in (EntryState.PENDING, EntryState.UNSURE)
            and entry.next_try_ms <= self.now
            and not any(
                other.target == entry.target and other.id < entry.id and other.state in waiting
                for other in entries
            )
        ]

    def check_turn(self, entry: Entry, due: list[Entry]) -> None:
        assert entry.id in {other.id for other in due}
        if any(other.kind == EntryKind.CANCEL for other in due):
            assert entry.kind == EntryKind.CANCEL, "a cancellation waited for an edit"

    def theirs(self, entry: Entry) -> tuple[str | None] | None:
        """The server's value of the field that an entry edits, if it edits one and the run is there."""
        if entry.run_id is None or not local._kinds_of(entry):
            return None
        row = self.store.connection.execute(
            "SELECT server_id FROM run WHERE id = ?", (entry.run_id,)
        ).fetchone()
        if row is None or row[0] is None:
            return None
        run = self.world.runs[row[0]]
        return (
            run.name
            if entry.kind == EntryKind.RENAME_RUN
            else run.tags.get(str(entry.payload["key"])),
        )

    def after_try(self, before: Entry, theirs: tuple[str | None] | None) -> None:
        after = get_entry(self.store.connection, before.id)
        assert after.state is not EntryState.SENDING
        if after.state is EntryState.BLOCKED:
            assert after.error, "what needs a person says why"
        if theirs is None:
            return
        value = cast("str | None", local._value(before))
        may = [before.base.get("value"), *cast("list[Any]", before.base.get("or", []))]
        if after.state is EntryState.DONE:
            assert self.theirs(before) == (value,)
            self.run_of(before).known[self.field_of(before)] = value
        if theirs[0] != value and theirs[0] not in may:
            assert after.state is not EntryState.DONE
            assert self.theirs(before) == theirs, "what somebody else wrote was overwritten"
            if after.state is EntryState.BLOCKED and "theirs" in after.payload:
                assert (after.payload["theirs"], local._value(after)) == (theirs[0], value)

    def run_of(self, entry: Entry) -> Mine:
        return next(run for run in self.mine if run.run_id == entry.run_id)

    def field_of(self, entry: Entry) -> str:
        return "name" if entry.kind == EntryKind.RENAME_RUN else str(entry.payload["key"])

    # What a person does

    @initialize(sent=st.sampled_from([True, True, False]))
    def first_run(self, sent: bool) -> None:
        self.add_run(sent=sent)

    @precondition(lambda self: len(self.mine) < 3)
    @rule(sent=st.booleans())
    def add_run(self, sent: bool) -> None:
        cid = new_id(self.now)
        with self.store.transaction() as connection:
            run_id, _ = local.add_submission(
                connection, workspace_id=self.workspace, experiment_id=self.experiment, project_id=None, cid=cid,
                name="first", user="", site="s", params={}, tags={"mantik.cid": cid}, spec={}, folder="", limit_ms=None,
                now_ms=self.now,
            )  # fmt: skip
        self.mine.append(Mine(run_id, cid, {"name": "first", "a": None, "b": None}))
        for _ in range(20 if sent else 0):
            self.now += 1_000
            self.send_one()

    @rule(
        data=st.data(),
        key=st.sampled_from(KEYS),
        value=st.sampled_from(VALUES),
        crash=st.booleans(),
    )
    def edit_tag(self, data: st.DataObject, key: str, value: str | None, crash: bool) -> None:
        run = self.choose_run(data)
        if run is None:
            return
        before = (
            local.get_tags(self.store.connection, run.run_id),
            len(open_entries(self.store.connection)),
        )
        with contextlib.suppress(Crash), self.store.transaction() as connection:
            local.edit_tag(connection, run.run_id, key, value, self.now)
            if crash:
                raise Crash
        if crash:
            now = (
                local.get_tags(self.store.connection, run.run_id),
                len(open_entries(self.store.connection)),
            )
            assert now == before, "a change without its entry, or the other way round"

    @rule(data=st.data(), name=st.sampled_from(["second", "third", BAD]))
    def rename(self, data: st.DataObject, name: str) -> None:
        run = self.choose_run(data)
        if run is not None:
            with self.store.transaction() as connection:
                local.edit_name(connection, run.run_id, name, self.now)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        run = self.choose_run(data)
        if run is None:
            return
        with contextlib.suppress(Conflict), self.store.transaction() as connection:
            local.ask_cancel(connection, run.run_id, self.now)
        self.forget_gone()

    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        entry = self.choose_entry(data)
        if entry is None:
            return
        with contextlib.suppress(Conflict):
            with self.store.transaction() as connection:
                local.take_back(connection, entry.id, self.now)
            assert entry.state in (EntryState.PENDING, EntryState.BLOCKED)
            assert not table.in_doubt(entry), "what may have happened was taken back"
            if entry.kind == EntryKind.RUN_STATUS and entry.run_id is not None:
                self.run_of(entry).status_kept_back = True
            if "theirs" in entry.payload and entry.run_id is not None:
                self.run_of(entry).known[self.field_of(entry)] = cast(
                    "str | None", entry.payload["theirs"]
                )
        self.forget_gone()

    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        entry = self.choose_entry(data)
        if entry is not None:
            with contextlib.suppress(Conflict), self.store.transaction() as connection:
                table.retry(connection, entry.id, self.now)

    @rule(data=st.data(), value=st.sampled_from(["3", "4"]))
    def edit_entry(self, data: st.DataObject, value: str) -> None:
        entry = self.choose_entry(data)
        if entry is not None:
            with contextlib.suppress(Conflict), self.store.transaction() as connection:
                local.edit_entry(connection, entry.id, value, self.now)

    @rule(data=st.data(), choice=st.sampled_from(["mine", "theirs", "both"]))
    def resolve(self, data: st.DataObject, choice: str) -> None:
        in_conflict = [
            e for e in open_entries(self.store.connection) if "theirs" in e.payload and e.run_id
        ]
        if not in_conflict:
            return
        entry = data.draw(st.sampled_from(in_conflict))
        with contextlib.suppress(Conflict):
            with self.store.transaction() as connection:
                after = local.resolve_conflict(connection, entry.id, choice, self.now)
            theirs = cast("str | None", entry.payload["theirs"])
            if choice == "theirs":
                self.run_of(entry).known[self.field_of(entry)] = theirs
            elif choice == "both":
                joined = str(local._value(after))
                assert str(theirs or "") in joined and str(local._value(entry) or "") in joined

    @rule(refuse=st.booleans())
    def site_refuses(self, refuse: bool) -> None:
        self.refuse_jobs = refuse

    # What the world does

    @rule(data=st.data(), key=st.sampled_from(KEYS), value=st.sampled_from(["8", "9"]))
    def somebody_sets_a_tag(self, data: st.DataObject, key: str, value: str) -> None:
        if self.world.runs:
            self.world.runs[data.draw(st.sampled_from(sorted(self.world.runs)))].tags[key] = value

    @rule(
        data=st.data(),
        state=st.sampled_from([JobState.RUNNING, JobState.FINISHED, JobState.FAILED]),
    )
    def job_goes_on(self, data: st.DataObject, state: JobState) -> None:
        run = self.choose_run(data)
        job = latest_job(self.store.connection, run.run_id) if run else None
        if run is not None and job is not None and job.job_id and not job.state.ended:
            view = JobView(
                state, cause="exit code 1" if state is JobState.FAILED else "", ended_ms=self.now
            )
            with self.store.transaction() as connection:
                job_writes.note_seen(connection, run.run_id, 1, view, self.now)

    @rule()
    def pull(self) -> None:
        runs = [flatten(self.world._record(run_id)) for run_id in self.world.runs]
        edited = {
            (entry.run_id, self.field_of(entry))
            for entry in open_entries(self.store.connection)
            if local._kinds_of(entry)
        }
        with self.store.transaction() as connection:
            places = {"1": Placed(self.experiment, None)}
            store_runs(connection, Keys(), self.workspace, places, runs, self.now)
        for run in self.mine:
            for there in self.world.of(run.cid):
                if self.server_id(run) == there.run_id:
                    for name in run.known:
                        if (run.run_id, name) not in edited:
                            run.known[name] = there.name if name == "name" else there.tags.get(name)

    @rule(
        fates=FATES,
        wait_ms=st.sampled_from([0, 10_000, 400_000]),
        left=st.integers(0, 5),
        after=st.booleans(),
    )
    def send(self, fates: list[Fate], wait_ms: int, left: int, after: bool) -> None:
        self.now += wait_ms
        self.world.fates = list(fates)
        self.store.left, self.store.after = left, after
        before = len(self.sent)
        try:
            self.send_one()
        except Crash:
            self.start_engine()
            # What was sent before the crash is noted or will be sent again: either way the values are the same.
            self.look_what_is_done(before)
        finally:
            self.world.fates = []
            self.store.left = 0

    @rule()
    def time_passes(self) -> None:
        self.now += 1

    # What always holds

    @invariant()
    def fields_show_the_last_edit_or_what_was_known(self) -> None:
        entries = open_entries(self.store.connection)
        for run in self.mine:
            tags = local.get_tags(self.store.connection, run.run_id)
            name = self.store.connection.execute(
                "SELECT name FROM run WHERE id = ?", (run.run_id,)
            ).fetchone()[0]
            for key in run.known:
                edits = [
                    e
                    for e in entries
                    if e.run_id == run.run_id and local._kinds_of(e) and self.field_of(e) == key
                ]
                wanted = local._value(edits[-1]) if edits else run.known[key]
                assert (name if key == "name" else tags.get(key)) == wanted, (key, edits)

    @invariant()
    def one_submission_one_training(self) -> None:
        assert len(self.world.submissions) == len(set(self.world.submissions))
        for run in self.mine:
            assert len(self.world.of(run.cid)) <= 1

    @invariant()
    def counts_are_right(self) -> None:
        for run_id, count in self.store.connection.execute(
            "SELECT id, pending FROM run"
        ).fetchall():
            assert count == len(open_entries(self.store.connection, run_id))

    @rule()
    def all_comes_right(self) -> None:
        """With everything in order again and every question answered, both sides are the same."""
        self.refuse_jobs = False
        for _ in range(400):
            self.now += 100
            if self.answer_questions() or self.send_one():
                continue
            if not open_entries(self.store.connection):
                break
            self.now += 400_000
        assert not open_entries(self.store.connection)
        self.pull()
        for run in self.mine:
            there = self.world.of(run.cid)
            assert len(there) == 1
            assert {**there[0].tags, "name": there[0].name}.items() >= {
                (key, value) for key, value in run.known.items() if value is not None
            }
            status = self.store.connection.execute(
                "SELECT status FROM run WHERE id = ?", (run.run_id,)
            ).fetchone()
            if there[0].status != "SCHEDULED" and not run.status_kept_back:
                assert status[0] == there[0].status
            job = latest_job(self.store.connection, run.run_id)
            assert job is not None
            assert self.world.submissions.count(run.cid) == (1 if job.job_id else 0)

    def answer_questions(self) -> bool:
        """A person settles what is blocked: conflicts by theirs, refusals by taking them back, the rest by retrying."""
        blocked = [e for e in open_entries(self.store.connection) if e.state is EntryState.BLOCKED]
        for entry in blocked:
            with self.store.transaction() as connection:
                if "theirs" in entry.payload:
                    local.resolve_conflict(connection, entry.id, "theirs", self.now)
                elif local._kinds_of(entry) and "refused" in entry.error:
                    local.take_back(connection, entry.id, self.now)
                else:
                    table.retry(connection, entry.id, self.now)
            if "theirs" in entry.payload and entry.run_id:
                self.run_of(entry).known[self.field_of(entry)] = cast(
                    "str | None", entry.payload["theirs"]
                )
        return bool(blocked)

    # Helpers

    def choose_run(self, data: st.DataObject) -> Mine | None:
        return data.draw(st.sampled_from(self.mine)) if self.mine else None

    def choose_entry(self, data: st.DataObject) -> Entry | None:
        entries = open_entries(self.store.connection)
        return data.draw(st.sampled_from(entries)) if entries else None

    def server_id(self, run: Mine) -> str | None:
        row = self.store.connection.execute(
            "SELECT server_id FROM run WHERE id = ?", (run.run_id,)
        ).fetchone()
        return None if row is None else row[0]

    def forget_gone(self) -> None:
        """Runs that were taken back before the server had them leave no row."""
        there = {
            row[0] for row in self.store.connection.execute("SELECT id FROM run WHERE deleted = 0")
        }
        for run in [run for run in self.mine if run.run_id not in there]:
            self.mine.remove(run)
            assert run.cid not in self.world.jobs, "a training goes on whose run was taken back"

    def look_what_is_done(self, before: int) -> None:
        """After a crash: whether the entry that was being sent had been settled."""
        for entry_id in self.sent[before:]:
            entry = get_entry(self.store.connection, entry_id)
            if entry.state is EntryState.DONE and entry.run_id and local._kinds_of(entry):
                value = cast("str | None", local._value(entry))
                self.run_of(entry).known[self.field_of(entry)] = value


OutboxMachine.TestCase.settings = settings(
    max_examples=300,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)
TestOutbox = pytest.mark.acceptance("first-flight.5")(OutboxMachine.TestCase)
