"""The outbox and the active screen in words."""

from __future__ import annotations

import pytest

from mantik_tui.domain.job import JobState
from mantik_tui.domain.outbox import Entry, EntryKind, EntryState
from mantik_tui.domain.problems import Problem, Severity
from mantik_tui.domain.run import RunRow
from mantik_tui.screens.active_rows import active_row, notice_words, unsent_why
from mantik_tui.screens.config_file import fault_lines
from mantik_tui.screens.outbox_words import (
    EntryRow,
    detail_lines,
    sort_key,
    state_words,
    title_words,
    why_words,
)
from mantik_tui.screens.site_form import check
from mantik_tui.widgets.styled_text import as_text
from mantik_tui.workspace.reads import jobs
from tests.unit.test_run_words import MINUTE, NOW, a_job, an_entry


def conflict() -> Entry:
    return an_entry(
        EntryKind.SET_TAG, EntryState.BLOCKED, what="set tag label=best", base={"value": "draft"},
        payload={"key": "label", "value": "best", "theirs": "final"},
    )  # fmt: skip


class TestStates:
    @pytest.mark.parametrize(
        ("entry", "word"),
        [
            (conflict(), "conflict"),
            (an_entry(state=EntryState.BLOCKED, error="The server wants a login"), "needs login"),
            (
                an_entry(state=EntryState.BLOCKED, error="uni refused the job. bad account"),
                "refused",
            ),
            (an_entry(), "next"),
            (an_entry(error="not reached", attempts=2), "waiting"),
            (an_entry(state=EntryState.UNSURE), "checking"),
            (an_entry(state=EntryState.SENDING), "sending"),
            (an_entry(state=EntryState.CANCELLED), "taken back"),
        ],
    )
    def test_each_has_its_word(self, entry: Entry, word: str) -> None:
        assert state_words(entry) == word

    def test_what_needs_a_person_comes_first_and_done_last(self) -> None:
        entries = [
            an_entry(state=EntryState.DONE, updated_ms=5),
            an_entry(state=EntryState.DONE, updated_ms=9),
            an_entry(),
            an_entry(state=EntryState.UNSURE),
            conflict(),
        ]
        ordered = sorted(entries, key=sort_key)
        assert [entry.state.value for entry in ordered] == [
            "blocked",
            "unsure",
            "pending",
            "done",
            "done",
        ]
        assert [entry.updated_ms for entry in ordered[-2:]] == [9, 5]


class TestWhy:
    def test_a_conflict_names_the_other_value_and_the_three_keys(self) -> None:
        assert why_words(conflict(), NOW) == "somebody set “final”: m mine, t theirs, b both"

    def test_a_waiting_one_says_why_and_when_it_is_tried(self) -> None:
        entry = an_entry(error="uni was not reached.", attempts=1, next_try_ms=NOW + 20_000)
        assert why_words(entry, NOW) == "uni was not reached; next try within a minute"
        late = an_entry(error="uni was not reached", attempts=1, next_try_ms=NOW + 10 * MINUTE)
        assert "next try at " in why_words(late, NOW)

    def test_an_unsure_one_is_never_sent_blind(self) -> None:
        words = why_words(an_entry(state=EntryState.UNSURE), NOW)
        assert "may have been sent" in words
        assert "the other side is asked" in words

    def test_a_refused_one_says_which_keys_help(self) -> None:
        entry = an_entry(EntryKind.SET_TAG, EntryState.BLOCKED, error="too long")
        assert why_words(entry, NOW) == "too long; e edits, R retries, u takes it back"

    def test_a_submission_under_way_names_its_step(self) -> None:
        entry = an_entry(state=EntryState.SENDING, steps_done=("create-run", "upload"))
        assert why_words(entry, NOW) == "step 3 of 5, script"


class TestDetails:
    def text(self, entry: Entry) -> str:
        return as_text(detail_lines(EntryRow(entry, "calm-heron-12", NOW)))

    def test_a_conflict_shows_all_values(self) -> None:
        text = self.text(conflict())
        for line in (
            "it was      draft",
            "m mine      best",
            "t theirs    final",
            "b both      final best",
        ):
            assert line in text

    def test_a_submission_shows_its_steps(self) -> None:
        text = self.text(
            an_entry(steps_done=("create-run",), attempts=2, error="cut", next_try_ms=NOW)
        )
        assert "✓ create-run" in text
        assert "· upload" in text
        assert "tried 2 times, next try now" in text


def test_the_title_counts_what_there_is() -> None:
    assert title_words(2, 1, 14) == "1 needs you · 2 waiting · 14 done today"
    assert title_words(0, 0, 0) == "0 done today"


class TestActive:
    ROW = RunRow(
        1,
        "c1",
        "bold-lynx-2",
        "SCHEDULED",
        "tom",
        NOW,
        None,
        1,
        1,
        "uni",
        "queued",
        "",
        0,
        {"rmse": 0.0466},
        {},
    )

    def test_a_queued_run_says_why_it_waits_in_the_sites_words(self) -> None:
        job = a_job(JobState.QUEUED, started_ms=None, words="Priority")
        row = active_row(self.ROW, job, [], "hail", "rmse", NOW)
        assert (row.state, row.elapsed, row.why) == ("queued", "-/2:00:00", "Priority")
        assert row.metric == "rmse 0.0466"

    def test_an_unsent_run_says_what_it_waits_for(self) -> None:
        entry = an_entry(error="offline", attempts=1)
        row = active_row(self.ROW, a_job(JobState.QUEUED, job_id=""), [entry], "hail", "", NOW)
        assert (row.state, row.job_id) == ("unsent", "")
        assert row.why == "offline; goes out when juwels answers"

    def test_a_cancelled_one_says_that_it_is_being_cancelled(self) -> None:
        row = active_row(self.ROW, a_job(), [an_entry(EntryKind.CANCEL)], "hail", "", NOW)
        assert row.state == "cancelling"

    def test_an_unsure_submission_asks_first(self) -> None:
        assert (
            unsent_why(an_entry(state=EntryState.UNSURE), "uni", NOW)
            == "uni is asked whether it was submitted"
        )

    def test_the_news_are_counted_in_words(self) -> None:
        ended = [jobs.Notice(n, NOW, "ended", n, "x") for n in range(3)]
        blocked = jobs.Notice(9, NOW, "blocked", 1, "x")
        assert notice_words(ended) == "3 ended since you last looked here"
        assert (
            notice_words([*ended, blocked])
            == "3 ended since you last looked here · 1 write needs you"
        )
        assert notice_words([]) == ""


def test_faults_of_the_configuration_are_shown_with_line_and_hint() -> None:
    problems = (
        Problem(
            Severity.ERROR, "config.toml", 3, "mouse", "must be a true or false", "It is 'yes'"
        ),
        Problem(Severity.ERROR, "config.toml", 7, "sites.x.slot", "this key is not known", ""),
    )
    text = as_text(fault_lines(problems))
    assert "2 faults; what was in force before stays in force." in text
    assert "line 3    mouse  must be a true or false" in text
    assert "→ It is 'yes'" in text
    assert "line 7    sites.x.slot" in text


@pytest.mark.parametrize(
    ("key", "text", "ok"),
    [
        ("name", "uni-2", True),
        ("name", "a b", False),
        ("name", "uni", False),
        ("slots", "", True),
        ("slots", "0", False),
    ],
)
def test_the_new_sites_answers_are_checked(key: str, text: str, ok: bool) -> None:
    assert (check(key, text, {"uni"}) == "") is ok
