"""What is written to the local database: pulled runs, own edits, jobs, histories."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mantik_tui.domain.errors import Conflict, NotFound, Refused
from mantik_tui.domain.ids import new_id
from mantik_tui.domain.job import JobState
from mantik_tui.domain.job_states import JobView
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.store.connect import Store
from mantik_tui.store.reads import history as history_reads
from mantik_tui.store.reads.jobs import (
    get_entry,
    get_log,
    job_events,
    latest_job,
    open_entries,
    unseen_notices,
)
from mantik_tui.store.reads.projects import project_rows
from mantik_tui.store.reads.runs import get_run
from mantik_tui.store.writes import history, jobs, local, outbox, setup
from mantik_tui.store.writes.keys import Keys
from mantik_tui.store.writes.projects import unsorted_project
from mantik_tui.store.writes.pulled import (
    Placed,
    PulledDataset,
    Stored,
    mark_deleted,
    remove_runs,
    store_runs,
)

NOW = 1_700_000_000_000
CID = "018bcfe5-6800-7000-8000-000000000001"


@dataclass(frozen=True)
class Pulled:
    """A run as the server tells it."""

    server_id: str = "s1"
    experiment_id: str = "1"
    name: str = "theirs"
    status: str = "RUNNING"
    user: str = "maria"
    start_ms: int | None = NOW
    end_ms: int | None = None
    lifecycle: str = "active"
    artifact_uri: str = "mlflow-artifacts:/1/s1"
    tags: dict[str, str] = field(default_factory=dict)
    params: list[tuple[str, str]] = field(default_factory=list)
    metrics: list[tuple[str, float | None, int, int, int]] = field(default_factory=list)
    datasets: list[PulledDataset] = field(default_factory=list)


@dataclass
class Desk:
    store: Store
    workspace: int
    experiment: int

    def pull(self, *runs: Pulled, now: int = NOW, asked: int | None = None) -> Stored:
        with self.store.transaction() as connection:
            places = {"1": Placed(self.experiment, None)}
            return store_runs(connection, Keys(), self.workspace, places, runs, now, asked)

    def submit(
        self, cid: str = CID, name: str = "mine", project: int | None = None, **params: str
    ) -> int:
        with self.store.transaction() as connection:
            run_id, _ = local.add_submission(
                connection, workspace_id=self.workspace, experiment_id=self.experiment, project_id=project, cid=cid,
                name=name, user="me", site="s", params=params, tags={"mantik.cid": cid}, spec={"entry_point": "main"},
                folder="", limit_ms=None, now_ms=NOW,
            )  # fmt: skip
        return run_id

    def edit(self, run_id: int, key: str, value: str | None) -> str:
        with self.store.transaction() as connection:
            return local.edit_tag(connection, run_id, key, value, NOW)

    def take_back(self, entry: str) -> Entry:
        with self.store.transaction() as connection:
            return local.take_back(connection, entry, NOW)

    def block(self, entry: str, **payload: object) -> None:
        """As after a try that was refused."""
        with self.store.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO lease VALUES (1, 'h', 'b', 1, 1, 0)")
            connection.execute(
                "UPDATE outbox SET state = 'sending', epoch = 1, attempts = attempts + 1 WHERE id = ?",
                (entry,),
            )
            assert outbox.settle(
                connection, entry, EntryState.BLOCKED, NOW, epoch=1, error="no", payload=payload
            )

    def tags(self, run_id: int) -> dict[str, str]:
        return local.get_tags(self.store.connection, run_id)

    def open(self, run_id: int | None = None) -> list[Entry]:
        return open_entries(self.store.connection, run_id)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = Store(tmp_path / "mantik.db")
    with store.transaction() as connection:
        workspace = setup.put_workspace(connection, "w", "http://w", "", "none")
        experiment = connection.execute(
            "INSERT INTO experiment (workspace_id, server_id, name) VALUES (?, '1', 'e') RETURNING id",
            (workspace,),
        ).fetchone()[0]
    yield Desk(store, workspace, experiment)
    store.close()


# What the server tells


def test_a_pulled_run_with_our_id_becomes_the_row_that_waits_for_it(desk: Desk) -> None:
    run_id = desk.submit(lr="0.1")
    stored = desk.pull(Pulled(tags={"mantik.cid": CID}, params=[("lr", "0.1")]))
    assert (stored.run_ids, stored.new) == ([run_id], 0)
    run = get_run(desk.store.connection, run_id)
    assert (run.server_id, run.cid) == ("s1", CID)
    # Its job decides what it is; the server's word is kept beside it.
    assert (run.status, run.server_status) == ("SCHEDULED", "RUNNING")


def test_a_second_run_with_our_id_is_a_run_of_its_own(desk: Desk) -> None:
    run_id = desk.submit()
    stored = desk.pull(
        Pulled("s1", tags={"mantik.cid": CID}), Pulled("s2", tags={"mantik.cid": CID})
    )
    assert stored.run_ids[0] == run_id
    other = get_run(desk.store.connection, stored.run_ids[1])
    assert (other.server_id, other.cid) == ("s2", "s2")


def test_what_nobody_edited_follows_the_server(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled(tags={"a": "1", "b": "1"})).run_ids
    desk.pull(Pulled(name="renamed", status="FINISHED", end_ms=NOW + 1, tags={"a": "2"}))
    run = get_run(desk.store.connection, run_id)
    assert (run.name, run.status, run.end_ms, run.tags) == (
        "renamed",
        "FINISHED",
        NOW + 1,
        {"a": "2"},
    )


def test_what_waits_to_be_sent_is_not_overwritten(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled(tags={"a": "1", "b": "1", "c": "1"})).run_ids
    desk.edit(run_id, "a", "mine")
    deletion = desk.edit(run_id, "b", None)
    with desk.store.transaction() as connection:
        local.edit_name(connection, run_id, "my name", NOW)
    desk.pull(Pulled(tags={"a": "2", "b": "2", "c": "2"}))
    run = get_run(desk.store.connection, run_id)
    assert (run.name, run.tags) == ("my name", {"a": "mine", "c": "2"})
    shown = desk.store.connection.execute(
        "SELECT k.name, t.value FROM tag t JOIN key k ON k.id = t.key_id WHERE t.run_id = ? ORDER BY 1",
        (run_id,),
    ).fetchall()
    assert shown == [("a", "mine"), ("c", "2")]
    desk.take_back(deletion)
    desk.pull(Pulled(tags={"a": "2", "b": "2", "c": "2"}))
    assert desk.tags(run_id) == {"a": "mine", "b": "2", "c": "2"}


def test_a_page_that_was_asked_for_before_an_edit_went_out_does_not_undo_it(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled(tags={"a": "old"})).run_ids
    desk.edit(run_id, "a", "new")
    with desk.store.transaction() as connection:
        local.edit_name(connection, run_id, "ours", NOW)
        connection.execute("UPDATE outbox SET state = 'done', updated_ms = ?", (NOW,))
    desk.pull(Pulled(tags={"a": "old"}), now=NOW + 5_000, asked=NOW - 100)
    assert (desk.tags(run_id)["a"], get_run(desk.store.connection, run_id).name) == ("new", "ours")
    desk.pull(Pulled(tags={"a": "theirs"}), now=NOW + 31_000)
    assert (desk.tags(run_id)["a"], get_run(desk.store.connection, run_id).name) == (
        "theirs",
        "theirs",
    )


def test_edits_sent_just_now_are_found_by_an_index(desk: Desk) -> None:
    plan = desk.store.connection.execute(
        "EXPLAIN QUERY PLAN SELECT run_id, kind, payload FROM outbox WHERE state = 'done' AND updated_ms >= 1"
    ).fetchall()
    assert "outbox_done" in plan[0][3]


def test_a_run_that_was_deleted_on_the_server_takes_no_edits(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled(tags={"a": "old"})).run_ids
    waiting = desk.edit(run_id, "a", "new")
    with desk.store.transaction() as connection:
        mark_deleted(connection, run_id)
    assert get_run(desk.store.connection, run_id).deleted_remotely
    with desk.store.transaction() as connection:
        with pytest.raises(Refused, match="was deleted on the server"):
            local.edit_tag(connection, run_id, "a", "newer", NOW)
        with pytest.raises(Refused, match="was deleted on the server"):
            local.edit_name(connection, run_id, "newer", NOW)
        with pytest.raises(Refused, match="was deleted on the server"):
            local.edit_entry(connection, waiting, "newer", NOW)
    assert [entry.id for entry in desk.open()] == [waiting]
    desk.take_back(waiting)
    assert desk.tags(run_id)["a"] == "old"


def test_diverged_metrics_say_so(desk: Desk) -> None:
    largest = 1.7976931348623157e308
    metrics = [("nan", None, 1, 3, NOW), ("inf", largest, 0, 3, NOW), ("loss", 0.5, 0, 3, NOW)]
    (run_id,) = desk.pull(Pulled(metrics=metrics)).run_ids
    found = get_run(desk.store.connection, run_id).metrics
    assert math.isnan(found["nan"].value)
    assert found["inf"].value >= largest
    assert (found["loss"].value, found["loss"].step) == (0.5, 3)
    desk.pull(Pulled(metrics=[("nan", 2.0, 0, 4, NOW), ("loss", None, 1, 4, NOW)]))
    found = get_run(desk.store.connection, run_id).metrics
    assert found["nan"].value == 2.0
    assert math.isnan(found["loss"].value)


def test_a_page_may_be_stored_twice(desk: Desk) -> None:
    run = Pulled(tags={"a": "1"}, params=[("lr", "1")], metrics=[("loss", 1.0, 0, 1, NOW)])
    first = desk.pull(run)
    dump = list(desk.store.connection.iterdump())
    second = desk.pull(run)
    assert (first.new, second.new, second.status_changed) == (1, 0, [])
    assert list(desk.store.connection.iterdump()) == dump


# What a person does


def test_taking_back_restores_what_was_there(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled(name="first", tags={"a": "1"})).run_ids
    entries = [desk.edit(run_id, "a", "2"), desk.edit(run_id, "new", "x")]
    with desk.store.transaction() as connection:
        entries.append(local.edit_name(connection, run_id, "second", NOW))
    assert get_run(desk.store.connection, run_id).pending == 3
    for entry in entries:
        assert desk.take_back(entry).id == entry
    run = get_run(desk.store.connection, run_id)
    assert (run.name, run.tags, run.pending) == ("first", {"a": "1"}, 0)
    with pytest.raises(Conflict, match="cancelled"):
        desk.take_back(entries[0])


def test_a_newer_edit_of_a_field_takes_the_place_of_one_that_waits(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled(tags={"a": "1"})).run_ids
    first = desk.edit(run_id, "a", "2")
    second = desk.edit(run_id, "a", None)
    assert [entry.id for entry in desk.open()] == [second]
    assert get_entry(desk.store.connection, first).state is EntryState.CANCELLED
    assert get_entry(desk.store.connection, second).base["value"] == "1"
    desk.take_back(second)
    assert desk.tags(run_id) == {"a": "1"}


def test_an_edit_whose_answer_was_lost_is_undone_on_the_server_too(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled(tags={"a": "1"})).run_ids
    entry = desk.edit(run_id, "a", "2")
    with desk.store.transaction() as connection:
        outbox.learn(connection, entry, {"maybe_sent": True}, NOW)
    desk.take_back(entry)
    assert desk.tags(run_id) == {"a": "1"}
    (undo,) = desk.open()
    assert (undo.payload["value"], undo.base) == ("1", {"value": "1", "or": ["2"]})


def test_a_refused_edit_can_be_changed(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled(tags={"a": "1"})).run_ids
    entry = desk.edit(run_id, "a", "bad")
    desk.block(entry)
    with desk.store.transaction() as connection:
        better = local.edit_entry(connection, entry, "good", NOW)
    (left,) = desk.open()
    assert (left.id, left.payload["value"], left.base["value"]) == (better, "good", "1")
    assert desk.tags(run_id) == {"a": "good"}


def test_a_tag_that_the_server_would_cut_is_refused(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled()).run_ids
    with pytest.raises(Refused, match="too long"):
        desk.edit(run_id, "a", "x" * (local.MAX_TAG + 1))
    assert not desk.open()
    desk.edit(run_id, "a", "x" * local.MAX_TAG)


@pytest.mark.parametrize(
    ("choice", "value"), [("mine", "mine"), ("theirs", "theirs"), ("both", "theirs mine")]
)
def test_a_conflict_is_settled_as_asked(desk: Desk, choice: str, value: str) -> None:
    (run_id,) = desk.pull(Pulled(tags={"a": "1"})).run_ids
    entry = desk.edit(run_id, "a", "mine")
    desk.block(entry, theirs="theirs")
    with desk.store.transaction() as connection:
        after = local.resolve_conflict(connection, entry, choice, NOW)
    assert desk.tags(run_id) == {"a": value}
    if choice == "theirs":
        assert not desk.open()
    else:
        assert (after.state, after.base, after.payload["value"]) == (
            EntryState.PENDING,
            {"value": "theirs"},
            value,
        )
    with desk.store.transaction() as connection, pytest.raises(Conflict, match="in no conflict"):
        local.resolve_conflict(connection, entry, choice, NOW)


def test_both_together_may_be_too_long(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled()).run_ids
    entry = desk.edit(run_id, "a", "x" * 5000)
    desk.block(entry, theirs="y" * 5000)
    with pytest.raises(Refused), desk.store.transaction() as connection:
        local.resolve_conflict(connection, entry, "both", NOW)
    assert get_entry(desk.store.connection, entry).state is EntryState.BLOCKED


def test_an_unsent_submission_leaves_nothing_when_it_is_taken_back(desk: Desk) -> None:
    run_id = desk.submit()
    desk.edit(run_id, "a", "1")
    with desk.store.transaction() as connection:
        assert local.ask_cancel(connection, run_id, NOW) == "taken back"
    assert not desk.open()
    with pytest.raises(NotFound):
        get_run(desk.store.connection, run_id)
    assert desk.store.connection.execute("SELECT count(*) FROM job").fetchone() == (0,)


def test_the_counts_of_projects_follow_what_happens_here(desk: Desk) -> None:
    """Submitting, an end, taking back: what the list of projects says is true in the same moment."""
    with desk.store.transaction() as connection:
        project = unsorted_project(connection, desk.workspace)
        connection.execute("UPDATE experiment SET project_id = ?", (project,))

    def stat() -> tuple[int, int, int, int | None]:
        (row,) = project_rows(desk.store.connection, desk.workspace)
        return row.runs, row.running, row.queued, row.latest.run_id if row.latest else None

    first = desk.submit(project=project)
    assert stat() == (1, 0, 1, first)
    with desk.store.transaction() as connection:
        assert jobs.note_seen(connection, first, 1, JobView(JobState.RUNNING), NOW)
    assert stat() == (1, 1, 0, first)
    second = desk.submit(CID[:-1] + "2", project=project)
    assert stat() == (2, 1, 1, second)
    with desk.store.transaction() as connection:
        assert local.ask_cancel(connection, second, NOW) == "taken back"
    assert stat() == (1, 1, 0, first)
    known = desk.submit(CID[:-1] + "3", project=project)
    with desk.store.transaction() as connection:
        connection.execute("UPDATE run SET server_id = 's3' WHERE id = ?", (known,))
        assert local.ask_cancel(connection, known, NOW) == "taken back"
    assert stat() == (2, 1, 0, known)
    with desk.store.transaction() as connection:
        remove_runs(connection, [known])
    assert stat() == (1, 1, 0, first)


def test_a_submission_that_may_be_running_is_cancelled_instead(desk: Desk) -> None:
    run_id = desk.submit()
    (submission,) = desk.open()
    desk.block(submission.id, in_doubt=True)
    with desk.store.transaction() as connection:
        with pytest.raises(Conflict, match="may have been sent"):
            local.take_back(connection, submission.id, NOW)
        cancellation = local.ask_cancel(connection, run_id, NOW)
        assert outbox.retry(connection, submission.id, NOW).state is EntryState.UNSURE
    assert {entry.id for entry in desk.open()} == {submission.id, cancellation}


def test_what_waits_for_an_entry_that_is_taken_back_says_so(desk: Desk) -> None:
    (run_id,) = desk.pull(Pulled()).run_ids
    first = desk.edit(run_id, "a", "1")
    with desk.store.transaction() as connection:
        second = outbox.add_entry(
            connection, workspace_id=desk.workspace, kind=EntryKind.UPLOAD_ARTIFACT, target="x", what="upload",
            now_ms=NOW, after=[first],
        )  # fmt: skip
    desk.take_back(first)
    waiting = get_entry(desk.store.connection, second)
    assert waiting.state is EntryState.BLOCKED
    assert "set tag a=1" in waiting.error


@given(st.lists(st.integers(NOW - 5000, NOW + 5000), min_size=2, max_size=12))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_entries_sort_as_they_were_queued_whatever_the_clock_says(
    desk: Desk, times: list[int]
) -> None:
    ids = []
    for number, now in enumerate(times):
        with desk.store.transaction() as connection:
            ids.append(
                outbox.add_entry(
                    connection,
                    workspace_id=1,
                    kind=EntryKind.SET_TAG,
                    target="run:x",
                    what=str(number),
                    now_ms=now,
                )
            )
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


# What jobs tell


def test_the_runs_status_follows_its_job_and_the_server_is_told_once(desk: Desk) -> None:
    run_id = desk.submit(name="storm")
    running = JobView(JobState.RUNNING, started_ms=NOW + 1)
    failed = JobView(
        JobState.FAILED, "out of memory", words="oom-kill", ended_ms=NOW + 5, exit_code=137
    )
    with desk.store.transaction() as connection:
        jobs.note_submitted(connection, run_id, 1, "42", "/runs/x", NOW)
        assert jobs.note_seen(connection, run_id, 1, running, NOW + 1)
        assert not jobs.note_seen(connection, run_id, 1, running, NOW + 2)
        assert jobs.note_seen(connection, run_id, 1, failed, NOW + 6)
        assert not jobs.note_seen(connection, run_id, 1, replace(failed), NOW + 7)
    connection = desk.store.connection
    run, job = get_run(connection, run_id), latest_job(connection, run_id)
    assert (run.status, run.end_ms) == ("FAILED", NOW + 5)
    assert job is not None
    assert (job.job_id, job.state, job.cause, job.exit_code) == (
        "42",
        JobState.FAILED,
        "out of memory",
        137,
    )
    assert [event.state for event in job_events(connection, run_id)] == [
        "queued",
        "running",
        "failed",
    ]
    told = [entry.payload for entry in desk.open(run_id) if entry.kind == EntryKind.RUN_STATUS]
    assert told == [{"status": "FAILED", "end_ms": NOW + 5}]
    (notice,) = unseen_notices(connection)
    assert notice.text == "storm FAILED: out of memory"
    with desk.store.transaction() as connection:
        jobs.notices_seen(connection, notice.id)
    assert not unseen_notices(connection)


def test_unknown_is_no_end(desk: Desk) -> None:
    run_id = desk.submit()
    with desk.store.transaction() as connection:
        jobs.note_seen(connection, run_id, 1, JobView(JobState.RUNNING), NOW)
        jobs.note_seen(connection, run_id, 1, JobView(JobState.UNKNOWN), NOW)
    run = get_run(desk.store.connection, run_id)
    assert (run.status, run.end_ms) == ("RUNNING", None)
    assert not unseen_notices(desk.store.connection)


def test_a_log_that_is_complete_stays_so(desk: Desk) -> None:
    run_id = desk.submit()
    with desk.store.transaction() as connection:
        jobs.note_submitted(connection, run_id, 1, "42", "/runs/x", NOW)
        jobs.note_seen(connection, run_id, 1, JobView(JobState.FINISHED, ended_ms=NOW), NOW)
        assert jobs.untidied_jobs(connection, NOW) == [(run_id, "s", "/runs/x")]
        assert jobs.untidied_jobs(connection, NOW + 1) == []
        jobs.note_log(connection, run_id, "/log", 10, True, NOW)
        jobs.note_log(connection, run_id, "/log", 5, False, NOW)
        assert jobs.untidied_jobs(connection, NOW) == []
    log = get_log(desk.store.connection, run_id)
    assert log is not None
    assert (log.size, log.complete) == (10, True)


# Histories

POINTS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.integers(0, 3),
        st.one_of(st.just(math.nan), st.just(math.inf), st.floats(-1e6, 1e6)),
    ),
    max_size=30,
).map(lambda points: sorted(points, key=lambda point: (point[0], point[1])))


def same(point: tuple[int, int, float]) -> tuple[int, int, str]:
    return point[0], point[1], repr(point[2])


@given(tails=st.lists(POINTS, max_size=5), chunk=st.integers(1, 7))
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_overlapping_tails_are_stored_once_whatever_the_chunks(
    desk: Desk, tails: list[list[tuple[int, int, float]]], chunk: int
) -> None:
    run_id = hash(new_id()) % 2**40
    wanted: set[tuple[int, int, str]] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "CHUNK", chunk)
        for tail in tails:
            tail = list({same(point): point for point in tail}.values())
            new = {same(point) for point in tail} - wanted
            with desk.store.transaction() as connection:
                assert history.append_points(connection, run_id, "loss", tail, NOW) == len(new)
            wanted |= new
    found = history_reads.points(desk.store.connection, run_id, "loss")
    stored = [same(point) for point in zip(found.steps, found.times_ms, found.values, strict=True)]
    assert sorted(stored) == sorted(wanted)
    sizes = desk.store.connection.execute(
        "SELECT count, length(steps), first_step, last_step, steps FROM series_chunk WHERE run_id = ?",
        (run_id,),
    ).fetchall()
    for count, length, first, last, steps in sizes:
        assert 0 < count <= chunk
        assert length == 8 * count
        values = array("q", steps)
        assert (first, last) == (min(values), max(values))
    if tails:
        (info,) = history_reads.histories(desk.store.connection, run_id)
        assert info.count == len(wanted)
        assert info.last_step == max((step for step, _, _ in wanted), default=0)
    with desk.store.transaction() as connection:
        history.forget_series(connection, run_id, "loss")
    assert not history_reads.points(desk.store.connection, run_id, "loss").steps
