"""What the run's screens say: states, causes with what helps, why there is no log."""

from __future__ import annotations

import dataclasses

import pytest

from mantik_tui.domain.job import Job, JobState
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.domain.run import MetricValue, Run
from mantik_tui.domain.site import Site
from mantik_tui.screens.run_plots import default_metrics, family, plot_groups
from mantik_tui.screens.run_tables import shape_of, tag_rows
from mantik_tui.screens.run_words import (
    disagreement,
    elapsed_of_limit,
    headline,
    why_it_ended,
    why_no_log,
)
from mantik_tui.widgets.job_panel import job_lines, one_line
from mantik_tui.widgets.provenance import provenance_lines
from mantik_tui.widgets.styled_text import Line, as_text

NOW = 1_800_000_000_000
MINUTE = 60_000


def a_run(status: str = "RUNNING", **changes: object) -> Run:
    run = Run(
        id=1, cid="c1", server_id="s1", name="quick-otter-31", status=status, lifecycle="active", user="tom",
        start_ms=NOW - 60 * MINUTE, end_ms=None, experiment_id=1, experiment_name="main", project_id=1,
        project_name="wind", artifact_uri="", note="", params={}, metrics={}, tags={}, as_of_ms=NOW, pending=0,
        deleted_remotely=False, server_status=status, doc={"entry_point": "main"},
    )  # fmt: skip
    return dataclasses.replace(run, **changes)  # type: ignore[arg-type]


def a_job(state: JobState = JobState.RUNNING, **changes: object) -> Job:
    job = Job(
        run_id=1, attempt=1, job_id="4711", site="juwels", state=state, cause="", words="", exit_code=None, signal=None,
        node="", folder="/r", submitted_ms=NOW - 60 * MINUTE, started_ms=NOW - 43 * MINUTE, ended_ms=None,
        limit_ms=120 * MINUTE, seen_ms=NOW, log_size=0,
    )  # fmt: skip
    return dataclasses.replace(job, **changes)  # type: ignore[arg-type]


def an_entry(
    kind: EntryKind = EntryKind.SUBMIT, state: EntryState = EntryState.PENDING, **changes: object
) -> Entry:
    entry = Entry(
        id="0192-e", kind=kind, target="run:c1", run_id=1, what="submit quick-otter-31", payload={"site": "juwels"},
        base={}, steps_done=(), after=(), state=state, attempts=0, next_try_ms=0, error="", created_ms=NOW,
        updated_ms=NOW, workspace_id=1,
    )  # fmt: skip
    return dataclasses.replace(entry, **changes)  # type: ignore[arg-type]


class TestHeadline:
    def test_says_where_it_runs(self) -> None:
        assert headline(a_run(), a_job()) == "RUNNING on juwels"

    def test_says_why_it_failed(self) -> None:
        job = a_job(JobState.FAILED, cause="out of memory")
        assert headline(a_run("FAILED"), job) == "FAILED: out of memory"

    def test_of_an_unsent_run_says_so_whatever_its_status(self) -> None:
        job = a_job(JobState.QUEUED, job_id="")
        assert headline(a_run("SCHEDULED"), job, [an_entry()]) == "not sent yet, for juwels"

    def test_of_a_silent_site_keeps_the_doubt(self) -> None:
        assert headline(a_run(), a_job(JobState.UNKNOWN)) == "RUNNING? juwels says nothing"

    def test_of_a_foreign_run_is_the_servers_status(self) -> None:
        assert headline(a_run("KILLED"), None) == "KILLED"


@pytest.mark.parametrize(
    ("cause", "why", "helps"),
    [
        ("timeout", "time limit (2:00:00)", "more time"),
        ("out of memory", "more memory than it was given", "smaller batches"),
        ("exit code 127", "did not find the command", "environment"),
        ("exit code 3", "exit code 3", "l shows all of it"),
        ("killed by signal 9 (KILL)", "killed from outside (signal 9)", "more memory"),
        ("killed by signal 11 (SEGV)", "by signal 11 (SEGV)", "log"),
        ("node failure", "The node failed, not the training", "as it was"),
        ("environment failed: exit code 1", "the stage environment: exit code 1", "log"),
        ("something new", "something new", "log"),
    ],
)
def test_each_cause_is_explained_with_what_helps(cause: str, why: str, helps: str) -> None:
    told = why_it_ended(a_run("FAILED"), a_job(JobState.FAILED, cause=cause))
    assert why in told.why
    assert helps in told.helps


def test_a_lost_job_says_where_its_files_are() -> None:
    told = why_it_ended(a_run("FAILED"), a_job(JobState.LOST))
    assert "no longer knows the job" in told.why
    assert "run folder" in told.helps


def test_a_foreign_failed_run_says_what_is_not_known() -> None:
    assert "not why" in why_it_ended(a_run("FAILED"), None).why


def test_a_disagreeing_server_is_named_with_both_words() -> None:
    run = a_run("FAILED", server_status="FINISHED", pending=1)
    assert disagreement(run) == (
        "the server still says FINISHED, the job says FAILED; our word waits in the outbox"
    )
    assert disagreement(a_run("FAILED")) == ""


class TestWhyThereIsNoLog:
    def test_unsent(self) -> None:
        entry = an_entry(error="juwels was not reached")
        told = why_no_log(a_run(), a_job(JobState.QUEUED, job_id=""), [entry], None, NOW)
        assert "has not been submitted yet: juwels was not reached" in told.why
        assert told.helps.startswith("o ")

    def test_queued(self) -> None:
        told = why_no_log(a_run(), a_job(JobState.QUEUED, words="Priority"), [], None, NOW)
        assert told.why == "The job waits in the queue of juwels: Priority."

    def test_site_unreachable(self) -> None:
        site = Site("juwels", state="unreachable", state_reason="no route", as_of_ms=NOW)
        told = why_no_log(a_run(), a_job(), [], site, NOW)
        assert told.why.startswith("juwels is unreachable (as of ")
        assert told.why.endswith("no route.")

    def test_foreign(self) -> None:
        assert "not submitted from here" in why_no_log(a_run(), None, [], None, NOW).why

    def test_running_without_output(self) -> None:
        assert "has written nothing yet" in why_no_log(a_run(), a_job(), [], None, NOW).why


class TestPanel:
    def test_names_job_clock_times_and_the_age_of_elapsed(self) -> None:
        job = a_job(seen_ms=NOW - 3 * MINUTE, node="jwb0412")
        text = as_text(job_lines(a_run(), job, 1, [], NOW))
        assert "4711 on juwels, node jwb0412" in text
        assert "queued" in text
        assert "limit" in text
        assert "40:00 of 2:00:00, at " in text, "elapsed is as of the last look, which is said"

    def test_names_the_attempt_only_where_there_are_several(self) -> None:
        assert "attempt" not in as_text(job_lines(a_run(), a_job(), 1, [], NOW))
        assert "attempt 2" in as_text(job_lines(a_run(), a_job(attempt=2), 2, [], NOW))

    def test_shows_the_servers_other_word_and_what_waits(self) -> None:
        run = a_run("FAILED", server_status="RUNNING")
        entry = an_entry(EntryKind.SET_TAG, what="set tag label=best")
        text = as_text(job_lines(run, a_job(JobState.FAILED), 1, [entry], NOW))
        assert "says RUNNING; the job decides" in text
        assert "set tag label=best" in text

    def test_of_a_foreign_run_says_that_the_job_is_not_known(self) -> None:
        assert "not known: submitted elsewhere" in as_text(job_lines(a_run(), None, 0, [], NOW))

    def test_in_one_line_fits_a_narrow_window(self) -> None:
        line = Line(one_line(a_run(), a_job(), [], NOW))
        assert as_text([line]).startswith("job 4711 on juwels · running since ")
        assert len(as_text([line])) < 79


def test_elapsed_is_dashed_before_the_start() -> None:
    job = a_job(JobState.QUEUED, started_ms=None)
    assert elapsed_of_limit(job, NOW) == "- of 2:00:00"
    assert elapsed_of_limit(a_job(), NOW) == "43:00 of 2:00:00"


class TestPlots:
    def test_what_measures_the_same_shares_a_plot(self) -> None:
        keys = ["rmse", "val_rmse", "lr", "train/loss"]
        assert plot_groups(keys) == [["rmse", "val_rmse"], ["lr"], ["train/loss"]]
        assert family("loss.val") == family("train_loss") == "loss"

    def test_at_first_the_ranking_metric_and_its_kin_are_plotted(self) -> None:
        metrics = {
            key: MetricValue(key, 1.0, 9, NOW)
            for key in ("lr", "rmse", "val_rmse", "loss", "system/cpu")
        }
        assert default_metrics(a_run(metrics=metrics), "rmse") == ["rmse", "val_rmse", "loss"]

    def test_without_a_ranking_metric_something_with_a_course_is_plotted(self) -> None:
        metrics = {"a": MetricValue("a", 1.0, 0, NOW), "b": MetricValue("b", 1.0, 40, NOW)}
        assert default_metrics(a_run(metrics=metrics), "") == ["b"]
        assert default_metrics(a_run(), "") == []

    def test_a_spike_stays_in_the_small_course(self) -> None:
        shape = shape_of([0.1] * 500 + [9.0] + [0.1] * 500)
        assert shape is not None
        assert shape.spark.count("█") == 1

    def test_a_diverged_course_counts_what_is_not_finite(self) -> None:
        shape = shape_of([1.0, float("nan"), 2.0, 1.7976931348623157e308])
        assert shape is not None
        assert (shape.low, shape.high, shape.not_finite) == (1.0, 2.0, 2)
        assert shape_of([float("nan")]) is None


def test_pending_tags_say_that_they_wait() -> None:
    run = a_run(tags={"label": "best", "mlflow.user": "tom", "old": "x"})
    waits = an_entry(EntryKind.SET_TAG, payload={"key": "label", "value": "best"})
    conflict = an_entry(
        EntryKind.SET_TAG, EntryState.BLOCKED, payload={"key": "old", "value": "x", "theirs": "y"}
    )
    rows = {row.key: row for row in tag_rows(run, [waits, conflict])}
    assert rows["label"].pending == "waits to be sent"
    assert rows["old"].pending == "conflict, o settles it"
    assert list(rows)[-1] == "mlflow.user", "tags of MLflow itself come last"


class TestProvenance:
    def test_says_everything_that_was_recorded(self) -> None:
        doc: dict[str, object] = {
            "code": {"commit": "3f2a91c", "repository": "https://git.example.org/x.git", "changed": 2, "branch": "main"},
            "snapshot": {"files": 14, "bytes": 48_211, "sha256": "ab" * 32}, "entry_point": "main", "diff": True,
            "command": "python train.py", "params": {"lr": "1e-4"}, "submitted_from": "login01",
            "environment": {"modules": ["Stages/2024"], "variables": {"OMP_NUM_THREADS": "8"}},
            "run_config": {"name": "wind-small", "backend_config": "Resources:\n  Queue: booster\n"},
        }  # fmt: skip
        text = as_text(provenance_lines(a_run(doc=doc)))
        for expected in (
            "3f2a91c", "https://git.example.org/x.git", "2 files; d shows them", "14 files, 48.2 kB", "python train.py",
            "login01", "Stages/2024", "OMP_NUM_THREADS=8", "wind-small", "Queue: booster", "lr", "1e-4",
        ):  # fmt: skip
            assert expected in text

    def test_of_a_foreign_run_says_what_is_missing(self) -> None:
        run = a_run(
            doc={}, tags={"mlflow.source.name": "train.py", "mlflow.source.git.commit": "abc"}
        )
        text = as_text(provenance_lines(run))
        assert "abc" in text
        assert "not submitted from here. Not recorded:" in text
        assert "command" in text.rpartition("Not recorded:")[2]

    def test_is_harmless_whatever_a_tag_holds(self) -> None:
        run = a_run(doc={}, tags={"mlflow.source.name": "\x1b]0;evil\x07train\x1b[31m.py"})
        assert "train.py" in as_text(provenance_lines(run))
