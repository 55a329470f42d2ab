"""A run configuration: the form at the left, the backend config's text at the right, what is wrong with both below."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static, TextArea

from mantik_tui.domain.config_text import get_keys, set_key
from mantik_tui.domain.errors import BadInput, MantikError
from mantik_tui.domain.problems import Problem, Severity
from mantik_tui.domain.run_config import RunConfig
from mantik_tui.domain.site import Site
from mantik_tui.domain.text import clean
from mantik_tui.screens import config_form_fields as fields
from mantik_tui.screens import config_form_verbs as verbs
from mantik_tui.screens.base import MantikScreen
from mantik_tui.screens.config_form_pane import FormPane, Specs
from mantik_tui.screens.config_form_submit import why_queued
from mantik_tui.widgets.bindings import bindings_for
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.param_field import FormField
from mantik_tui.widgets.problem_list import ProblemList
from mantik_tui.widgets.text_side import TextSide
from mantik_tui.workspace import drafts, reads
from mantik_tui.workspace.config_start import FolderFacts, filled_in, look_at
from mantik_tui.workspace.plan import Plan, make_plan
from mantik_tui.workspace.submit import default_experiment

CHECK_AFTER_S = 0.2
"""Seconds after the last key before the whole is checked."""
DRAFT_AFTER_S = 1.0
_NO_PROJECT = "run configurations"
BOTH_SIDES_FROM = 100
"""Columns from which form and text stand beside each other."""


class ConfigFormScreen(MantikScreen):
    """Edits one run configuration. `config` may be a saved one, an unnamed one, or what would repeat a run."""

    SCREEN_ID = "config"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_for("config"),
        # With priority the focus moves before the next key is handed out: what is typed ahead is not lost.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]
    AUTO_FOCUS = ""

    def __init__(self, config: RunConfig, project_id: int | None = None) -> None:
        super().__init__()
        if config.project_id is None and project_id is not None:
            config = dataclasses.replace(config, project_id=project_id)
        self.opened = config
        """What the form was opened with; names its draft."""
        self.origin = config
        """What counts as unchanged: what was opened, or saved last."""
        self.config = config
        self.plan: Plan | None = None
        """Of the newest check; it may be a moment older than `config`."""
        self.submitting = False
        self._project = _NO_PROJECT
        self._sites: Sequence[Site] = ()
        self._experiments: tuple[str, ...] = ()
        self._experiment = ""
        """The one that is taken where none is given."""
        self._text_in_front = False
        self._last_field = ""
        self._check_timer: Timer | None = None
        self._draft_timer: Timer | None = None

    # ------------------------------------------------------------ what stands there

    def compose_body(self) -> ComposeResult:
        self._read_choices()
        self.origin = self.config = filled_in(self.session, self.config)
        self._form = FormPane(self._specs(), id="config-form")
        self._text = TextSide(self.config.backend_config, id="config-text")
        self._text_title = Static(id="config-text-title")
        self._problems = ProblemList(id="config-problems")
        with Horizontal(id="config-sides"):
            yield self._form
            with Vertical(id="config-text-side"):
                yield self._text_title
                yield self._text
        yield self._problems

    def on_mount(self) -> None:
        super().on_mount()
        self._fit(self.app.size.width)
        self._show_text_title()
        self._show_effects()
        self._look_at_folder()
        self.check_now()
        self._form["entry_point" if self.config.code else "code"].focus_editor()
        self.call_after_refresh(verbs.offer_draft, self)

    def on_unmount(self) -> None:
        """The program ends in mid-typing: keep what was not kept yet."""
        if self._draft_timer is not None and self.changed:
            with contextlib.suppress(MantikError):
                drafts.keep(self.session, self.opened, self.config)

    def place(self) -> list[str]:
        name = self.config.name or "new"
        if self.config.id is None:
            name = f"new run from {name}" if self.config.name else "new configuration"
        return [self._project, f"{name} *" if self.changed else name]

    def place_note(self) -> str:
        return fields.count_words(self.plan.problems) if self.plan else ""

    def note_tone(self) -> Tone | None:
        return Tone.BAD if self.errors else Tone.WARN

    def key_labels(self) -> dict[str, str]:
        """On the key line: what F9 does now, and which side F3 shows."""
        labels = {"submit": "submit (queues: offline)"} if self.offline else {}
        if self.is_mounted and self._text.has_focus:
            labels["other-side"] = "form"
        return labels

    @property
    def changed(self) -> bool:
        """Whether there is something to save."""
        return self.config != self.origin

    @property
    def offline(self) -> bool:
        """Whether a submission would wait for now."""
        return bool(why_queued(self))

    @property
    def errors(self) -> list[Problem]:
        problems = self.plan.problems if self.plan else ()
        return [problem for problem in problems if problem.severity is Severity.ERROR]

    def why_not(self, action_id: str) -> str | None:
        if action_id == "submit":
            if self.submitting:
                return "It is being submitted"
            if errors := self.errors:
                more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
                first = errors[0].message.rstrip(".")
                return f"Not yet: {first}{more}. F8 goes to the problems"
        if action_id == "script" and self.errors:
            return "There is no script while there are errors; F8 goes to them"
        if action_id == "problems" and self.plan and not self.plan.problems:
            return "There are no problems"
        return None

    def hides(self, action_id: str) -> bool:
        return action_id == "problems"

    def store_changed(self, tables: frozenset[str]) -> None:
        if tables & {"*", "site"}:
            self._read_choices()
            self._show_place()
        if tables & {"*", "workspace"}:
            self.refresh_bindings()

    def _read_choices(self) -> None:
        project = self.config.project_id
        try:
            self._sites = self.session.read(reads.jobs.sites)
            found = self.session.read(
                reads.projects.experiments, self.session.workspace.id, project
            )
            self._experiment = self.session.read(default_experiment, project)
            if project is not None:
                self._project = self.session.read(reads.projects.get_project, project).name
        except MantikError as problem:
            self.app.notify(str(problem), severity="warning")
            return
        names = [one.name for one in found if not one.name.startswith("mantik-project/")]
        self._experiments = tuple(names)

    def _specs(self) -> Specs:
        config, mlproject = self.config, self.plan.mlproject if self.plan else None
        return Specs(
            fields.code_fields(config, mlproject),
            fields.place_fields(config, self._sites, self._experiments, self._experiment),
            fields.resource_fields(config, self._resources()),
        )

    def _resources(self) -> dict[tuple[str, ...], str]:
        text, name = self.config.backend_config, self.config.backend_config_path
        return get_keys(text, fields.RESOURCE_PATHS, name) or {}

    # ------------------------------------------------------------ changes

    @on(FormField.Changed)
    def _field_changed(self, event: FormField.Changed) -> None:
        key, value = event.field.key, event.value
        if key.startswith(f"{fields.RESOURCES}."):
            self._take_resource(event.field, value)
        else:
            self.config = fields.take(self.config, key, value)
        if key == "code":
            self._look_at_folder()
        if key == "site":
            self._show_effects()
            self._show_place()
        self._edited(at_once=key in ("entry_point", "site"))

    def _take_resource(self, field: FormField, value: str) -> None:
        path = tuple(field.key.split("."))
        name = self.config.backend_config_path
        try:
            text = set_key(self.config.backend_config, path, value.strip(), name)
        except BadInput as refused:
            field.show_fault(f"{refused.cause}. {refused.hint}")
            return
        self.config = dataclasses.replace(self.config, backend_config=text)
        self._text.take_text(text)

    @on(TextArea.Changed, "#config-text")
    def _text_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.take_text(self._text.text)

    def take_text(self, text: str) -> None:
        """Another text of the backend config; the fields follow."""
        if text == self.config.backend_config:
            return
        self.config = dataclasses.replace(self.config, backend_config=text)
        self._text.take_text(text)
        for path, value in self._resources().items():
            self._form[".".join(path)].set_value(value)
        self._edited()

    def take_config(self, config: RunConfig) -> None:
        """Show another configuration in place of what stands there."""
        self.config = config
        self._text.take_text(config.backend_config)
        self._form.show_specs(self._specs())
        self._show_text_title()
        self._show_effects()
        self._look_at_folder()
        self._edited(at_once=True)

    def saved_as(self, config: RunConfig) -> None:
        """The configuration was saved: from here on it counts as unchanged."""
        self.opened = self.origin = config
        self.config = dataclasses.replace(
            self.config, id=config.id, name=config.name, project_id=config.project_id,
            updated_ms=config.updated_ms,
        )  # fmt: skip
        self.stop_drafts()
        self.refresh_status()
        self.check_now()

    def _edited(self, *, at_once: bool = False) -> None:
        self.refresh_status()
        if self._check_timer is not None:
            self._check_timer.stop()
        self._check_timer = None if at_once else self.set_timer(CHECK_AFTER_S, self.check_now)
        if at_once:
            self.check_now()
        self.stop_drafts()
        self._draft_timer = self.set_timer(DRAFT_AFTER_S, partial(verbs.keep_draft, self))

    # ------------------------------------------------------------ drafts

    @property
    def draft_due(self) -> bool:
        """Whether edits are waiting to be kept."""
        return self._draft_timer is not None

    def stop_drafts(self) -> None:
        """Keep nothing of what was typed up to now."""
        if self._draft_timer is not None:
            self._draft_timer.stop()
            self._draft_timer = None

    # ------------------------------------------------------------ checks

    def check_now(self) -> None:
        """Check the configuration as it is now, in a thread; what an older check found is dropped."""
        config = self.config
        self.run_read(partial(make_plan, self.session, config, files=False), self._checked, group="check")  # fmt: skip

    def _checked(self, plan: Plan) -> None:
        if plan.config == self.config:
            self.show_plan(plan)

    def show_plan(self, plan: Plan) -> None:
        """Show what a check found."""
        self.plan = plan
        form, config = self._form, self.config
        form["entry_point"].set_spec(fields.entry_field(config, plan.mlproject))
        title = f"parameters of {config.entry_point}"
        form.show_params(title, fields.param_fields(config, plan.mlproject))
        wrong = any(problem.key == "Resources.Runtime" for problem in self.errors)
        form["time_limit"].set_note(fields.limit_note(config, plan.time_limit_s, wrong=wrong))
        faults = {
            key: problem.message
            for problem in reversed(self.errors)
            if (key := fields.field_of(problem, config, plan.mlproject)) is not None
        }
        form.show_faults(faults)
        self._show_problems()
        self.refresh_bindings()
        self.refresh_status()

    def _show_problems(self) -> None:
        if self.plan is None:
            return
        found = fields.in_order(
            self.plan.problems, self.config, self.plan.mlproject, self._last_field
        )
        listed = [(problem, fields.where(problem, self.config)) for problem in found]
        waits = why_queued(self)
        words = f"queue it ({waits})" if waits else "submit"
        self._problems.show(listed, f"No problems. F9 to {words}, F2 to save")

    def _show_effects(self) -> None:
        """Say which lines change nothing on the chosen site."""
        site = next((one for one in self._sites if one.name == self.config.site), None)
        self._form.show_effects(fields.without_effect(site))

    def _show_place(self) -> None:
        specs = fields.place_fields(self.config, self._sites, self._experiments, self._experiment)
        for spec in specs:
            if not self._form[spec.key].editor.has_focus and spec.key != "time_limit":
                self._form[spec.key].set_spec(spec)

    def _show_text_title(self) -> None:
        path = self.config.backend_config_path
        name = "/".join(Path(path).parts[-2:]) if path else "backend config, typed here"
        self._text_title.update(Content(f"─ {clean(name, keep_newlines=False)}"))

    def _look_at_folder(self) -> None:
        self.run_read(partial(look_at, self.config.code), self._folder_seen, group="folder")

    def _folder_seen(self, facts: FolderFacts) -> None:
        note = fields.code_note(facts.exists, facts.git) if self.config.code else ""
        self._form["code"].set_note(note)
        if facts.config_text and not self.config.backend_config and self.config.id is None:
            self.config = dataclasses.replace(self.config, backend_config_path=facts.config_path)
            self._show_text_title()
            self.take_text(facts.config_text)

    # ------------------------------------------------------------ moving about

    def on_resize(self, event: events.Resize) -> None:
        self._fit(event.size.width)

    def _fit(self, width: int) -> None:
        both = width >= BOTH_SIDES_FROM
        self._form.display = both or not self._text_in_front
        self.query_one("#config-text-side").display = both or self._text_in_front

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        field = next((a for a in event.widget.ancestors if isinstance(a, FormField)), None)
        if field is not None and field.key != self._last_field:
            self._last_field = field.key
            self._show_problems()

    def go_to_field(self, key: str) -> None:
        """Bring a line of the form to the front, and the focus there."""
        self._text_in_front = False
        self._fit(self.app.size.width)
        self._form.focus_field(key)

    def go_to_line(self, line: int) -> None:
        """Bring the text to the front, the cursor at a line."""
        self._text_in_front = True
        self._fit(self.app.size.width)
        self._text.go_to_line(line)

    @on(ProblemList.Chosen)
    def _problem_chosen(self, event: ProblemList.Chosen) -> None:
        problem = event.problem
        key = fields.field_of(problem, self.config, self.plan.mlproject if self.plan else None)
        if key is not None:
            self.go_to_field(key)
        elif problem.file == fields.text_name(self.config):
            self.go_to_line(problem.line)
        else:
            self.app.notify(f"Mend it in {problem.file}, line {problem.line}")
            self.go_to_field("code")

    def action_other_side(self) -> None:
        if self._text.has_focus:
            self.go_to_field(self._last_field or "entry_point")
        else:
            self._text_in_front = True
            self._fit(self.app.size.width)
            self._text.focus()
        self.refresh_bindings()

    def action_problems(self) -> None:
        self._problems.focus_list()

    def action_back(self) -> None:
        narrow = self.app.size.width < BOTH_SIDES_FROM
        if narrow and self._text_in_front:
            self.go_to_field(self._last_field or "entry_point")
        else:
            verbs.leave(self)

    # ------------------------------------------------------------ verbs

    def action_save(self) -> None:
        verbs.save(self)

    def action_submit(self) -> None:
        verbs.submit(self)

    def action_script(self) -> None:
        verbs.show_script(self)

    def action_differences(self) -> None:
        verbs.show_differences(self)

    def action_edit(self) -> None:
        verbs.edit_in_editor(self)

    def action_copy(self) -> None:
        verbs.copy(self)
