"""What is recorded of where a run came from, as lines: code, data, configuration, environment, machine, script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mantik_tui.domain.run import Run
from mantik_tui.domain.text import clean, size, stamp
from mantik_tui.widgets.columns import Tone
from mantik_tui.widgets.styled_text import BLANK, Line, fact, heading, plain

_LABEL = 14


@dataclass(frozen=True, slots=True)
class Code:
    """Which code a run used, as far as known; empty fields are not recorded."""

    commit: str = ""
    branch: str = ""
    repository: str = ""
    folder: str = ""
    changed: int | None = None
    """Files with uncommitted changes; None where nobody counted."""
    entry_point: str = ""

    @property
    def words(self) -> str:
        """`3f2a91c + 2 files changed, entry main`."""
        if not self.commit and not self.entry_point:
            return ""
        commit = self.commit[:7] if self.commit else "in no Git repository"
        if self.changed:
            commit += f" + {self.changed} file{'s' * (self.changed > 1)} changed"
        return f"{commit}, entry {self.entry_point}" if self.entry_point else commit


def _text(value: object) -> str:
    return clean(str(value), keep_newlines=False) if value not in (None, "") else ""


def _part(doc: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = doc.get(name)
    return found if isinstance(found, dict) else {}


def code_of(run: Run) -> Code:
    """From our own record, else from MLflow's tags."""
    code = _part(run.doc, "code")
    tags = run.tags
    changed = code.get("changed", tags.get("mantik.code.changed"))
    return Code(
        commit=_text(code.get("commit") or tags.get("mlflow.source.git.commit")),
        branch=_text(code.get("branch") or tags.get("mlflow.source.git.branch")),
        repository=_text(code.get("repository") or tags.get("mlflow.source.git.repoURL")),
        folder=_text(code.get("folder")),
        changed=int(str(changed)) if str(changed).isdigit() else None,
        entry_point=_text(run.doc.get("entry_point") or tags.get("mlflow.project.entryPoint")),
    )


def config_words(run: Run) -> str:
    """Name of the run configuration, and what was changed by hand; empty for a run without one."""
    config = _part(run.doc, "run_config")
    return _text(config.get("name"))


def provenance_lines(run: Run) -> list[Line]:
    """Everything that is recorded, and at the end what is not."""
    lines: list[Line] = []
    missing: list[str] = []

    def group(title: str, rows: list[tuple[str, str]]) -> None:
        known = [(label, text) for label, text in rows if text]
        if known:
            lines.extend([heading(title), *(_row(label, text) for label, text in known), BLANK])
        missing.extend(label for label, text in rows if not text)

    group("Code", _code_rows(run))
    group("How it was started", _start_rows(run))
    _environment(run, lines)
    group("Where and when", _place_rows(run))
    _long_parts(run, lines)
    if not run.doc:
        why = "This run was not submitted from here. Not recorded: "
        lines.append(plain(f"{why}{', '.join(missing)}.", Tone.MUTED))
    elif missing:
        lines.append(plain(f"Not recorded: {', '.join(missing)}.", Tone.MUTED))
    return lines


def _row(label: str, text: str) -> Line:
    return fact(label, text, width=_LABEL)


def _code_rows(run: Run) -> list[tuple[str, str]]:
    code = code_of(run)
    snapshot = _part(run.doc, "snapshot")
    sent = ""
    if snapshot:
        count = int(str(snapshot.get("files", 0)))
        files = f"{count:,} file{'s' * (count != 1)}, {size(int(str(snapshot.get('bytes', 0))))}"
        sent = f"{files}, manifest sha256 {str(snapshot.get('sha256', ''))[:16]}…"
    changed = ""
    if code.changed is not None:
        changed = f"{code.changed} files" if code.changed else "none"
        changed += "; d shows them" if run.doc.get("diff") else ""
    return [
        ("repository", code.repository),
        ("commit", code.commit),
        ("branch", code.branch),
        ("uncommitted", changed),
        ("folder", code.folder),
        ("snapshot", sent),
        ("source", "" if run.doc else _text(run.tags.get("mlflow.source.name"))),
    ]


def _start_rows(run: Run) -> list[tuple[str, str]]:
    limit = run.doc.get("time_limit_s")
    return [
        ("entry point", code_of(run).entry_point),
        ("command", _text(run.doc.get("command"))),
        ("configuration", config_words(run)),
        ("site", _text(run.doc.get("site") or run.tags.get("mantik.site"))),
        ("account", _text(run.doc.get("account")) or ("-" if run.doc else "")),
        ("time limit", f"{limit} s" if limit else ("none" if run.doc else "")),
        ("job script", "v shows it" if run.doc else ""),
    ]


def _environment(run: Run, lines: list[Line]) -> None:
    environment = _part(run.doc, "environment")
    if not environment:
        return
    lines.append(heading("Environment"))
    container = _part(environment, "container")
    rows = [
        ("python", _text(environment.get("python"))),
        ("container", f"{_text(container.get('image'))}" if container else ""),
        ("modules", ", ".join(_texts(environment.get("modules")))),
    ]
    for label, name in (
        ("before, login", "pre_login"),
        ("before", "pre"),
        ("after", "post"),
        ("after, login", "post_login"),
    ):
        rows.append((label, "; ".join(_texts(environment.get(name)))))
    known = [_row(label, text) for label, text in rows if text]
    for name, value in _part(environment, "variables").items():
        known.append(_row("variable", f"{_text(name)}={_text(value)}"))
    lines.extend(known or [plain("the shell's own: no environment, no modules", Tone.MUTED)])
    lines.append(BLANK)


def _texts(value: object) -> list[str]:
    return [_text(item) for item in value] if isinstance(value, list | tuple) else []


def _place_rows(run: Run) -> list[tuple[str, str]]:
    submitted = run.doc.get("submitted_ms")
    return [
        ("submitted by", _text(run.doc.get("submitted_by") or run.user)),
        ("from machine", _text(run.doc.get("submitted_from"))),
        ("at", stamp(submitted if isinstance(submitted, int) else run.start_ms)),
        (
            "by program",
            f"mantik-tui {_text(run.doc['mantik_tui'])}" if "mantik_tui" in run.doc else "",
        ),
        ("our id", run.cid if run.cid != run.server_id else ""),
        ("server's id", run.server_id or ""),
        ("artifacts", _text(run.artifact_uri)),
    ]


def _long_parts(run: Run, lines: list[Line]) -> None:
    params = _part(run.doc, "params") or run.params
    if params:
        lines.append(heading("Parameters"))
        lines += [_row(_text(name), _text(value) or '""') for name, value in params.items()]
        lines.append(BLANK)
    text = str(_part(run.doc, "run_config").get("backend_config") or "").strip()
    if text:
        lines.append(heading("Backend config, as it was"))
        lines += [plain(f"  {line.expandtabs(4)}") for line in clean(text).split("\n")]
        lines.append(BLANK)
