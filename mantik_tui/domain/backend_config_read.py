"""Reads a backend config's nodes into types, section by section, with all faults at once."""

from __future__ import annotations

import re

from mantik_tui.domain.backend_config_legacy import ENVIRONMENT_KEYS
from mantik_tui.domain.backend_config_sites import SITE_KEYS
from mantik_tui.domain.backend_config_types import (
    Apptainer,
    Environment,
    ImageType,
    Resources,
)
from mantik_tui.domain.backend_config_units import memory_problem, runtime_hint, runtime_seconds
from mantik_tui.domain.excludes import doubt
from mantik_tui.domain.faults import Faults, shown
from mantik_tui.domain.fields import (
    Field,
    Keys,
    read_count,
    read_section,
    read_text,
    read_texts,
    read_word,
    warn_if_read_otherwise,
)
from mantik_tui.domain.nodes import Entry, Scalar

RESOURCE_KEYS = (
    "Queue",
    "Runtime",
    "Nodes",
    "TotalCPUs",
    "CPUsPerNode",
    "GPUsPerNode",
    "MemoryPerNode",
    "Reservation",
    "NodeConstraints",
    "QoS",
)
_VENV = "/p/project/name/venv"
_DEEPEST_SHELL = 20
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHELL_PIECES = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\$\{[^{}]*\}|\$\([^()]*\)|\\.")


def read_resources(top: Keys, *, site_chosen: bool, slurm: bool) -> Resources:
    """`Resources`. Only `Queue` is required, and not even that once a site was chosen."""
    given = top.get("Resources")
    if given is None:
        if not site_chosen:
            top.missing(
                "Resources", "Resources is missing.", "Write Resources: with at least Queue: below."
            )
        return Resources()
    keys = read_section(given, "It holds at least Queue: with the name of a queue.")
    if keys is None:
        return Resources()
    fields = {key: keys.get(key) for key in RESOURCE_KEYS}
    keys.warn_of_others(_elsewhere("Resources"))
    if fields["Queue"] is None and not site_chosen:
        keys.missing(
            "Queue",
            "Resources needs Queue.",
            "Write Queue: and the name of a queue, for example batch.",
        )
    texts = {
        key: read_word(field, example)
        for key, example in (
            ("Queue", "batch"),
            ("Reservation", "winter-school"),
            ("NodeConstraints", "gpu"),
            ("QoS", "high"),
        )
        if (field := fields[key]) is not None
    }
    counts = {
        key: read_count(field, least=0 if key == "GPUsPerNode" else 1)
        for key in ("Nodes", "TotalCPUs", "CPUsPerNode", "GPUsPerNode")
        if (field := fields[key]) is not None
    }
    runtime, runtime_s = _runtime(fields["Runtime"])
    resources = Resources(
        queue=texts.get("Queue", ""),
        runtime=runtime,
        runtime_s=runtime_s,
        nodes=counts.get("Nodes"),
        total_cpus=counts.get("TotalCPUs"),
        cpus_per_node=counts.get("CPUsPerNode"),
        gpus_per_node=counts.get("GPUsPerNode"),
        memory_per_node=_memory(fields["MemoryPerNode"], slurm=slurm),
        reservation=texts.get("Reservation", ""),
        node_constraints=texts.get("NodeConstraints", ""),
        qos=texts.get("QoS", ""),
    )
    _check_cpus(resources, fields["TotalCPUs"])
    return resources


def _runtime(given: Field | None) -> tuple[str, int | None]:
    if given is None:
        return "", None
    node = given.node
    # What YAML takes for a number (1:30 is 90 to it) is judged as written.
    text = (
        node.text.strip()
        if isinstance(node, Scalar) and node.kind != "null"
        else read_text(given, "90m")
    )
    if not text:
        if isinstance(node, Scalar) and node.kind != "null":
            given.error("Runtime is empty.", "Write Runtime: 90m, or take the line out.")
        return "", None
    seconds = runtime_seconds(text)
    if seconds is None:
        given.error(f"{shown(text)} is no time limit.", runtime_hint(text))
    return text, seconds


def _memory(given: Field | None, *, slurm: bool) -> str:
    if given is None:
        return ""
    text = read_text(given, "16000")
    found = memory_problem(text, slurm=slurm) if text else None
    if found:
        given.error(*found)
    return text


def _check_cpus(resources: Resources, total: Field | None) -> None:
    nodes, each = resources.nodes or 1, resources.cpus_per_node
    if total is None or resources.total_cpus is None or each is None:
        return
    if resources.total_cpus != nodes * each:
        total.warning(
            f"TotalCPUs {resources.total_cpus} does not fit {nodes} × {each} CPUs (Nodes times CPUsPerNode).",
            f"Write TotalCPUs: {nodes * each}, or take it out.",
        )


def read_environment(top: Keys, *, kind: str) -> Environment:
    """`Environment`. `kind` is the site's: `unicore`, `firecrest`, `ssh`, or empty."""
    given = top.get("Environment")
    keys = (
        read_section(given, "It holds Python, Apptainer, Variables, Modules and commands.")
        if given
        else None
    )
    if keys is None:
        return Environment()
    fields = {key: keys.get(key) for key in ENVIRONMENT_KEYS}
    keys.warn_of_others(_elsewhere("Environment") | _variable_hints(keys))
    image, venv = fields["Apptainer"], fields["Python"]
    if image is not None and venv is not None:
        second = max(image, venv, key=lambda field: field.entry.line)
        second.faults.error(
            second.entry.line,
            second.path,
            "Apptainer and Python can't both be used.",
            "Keep one of them; a virtual environment inside the image needs no Python key.",
        )
    commands = {key: _commands(fields[key], kind) for key in ENVIRONMENT_KEYS if "Command" in key}
    variables, modules = fields["Variables"], fields["Modules"]
    return Environment(
        apptainer=_image(image) if image is not None else None,
        python=_venv(venv) if venv is not None else "",
        variables=_variables(variables, kind) if variables is not None else {},
        modules=read_texts(modules, "[Python/3.11]", also_text=False)
        if modules is not None
        else (),
        pre_run_login=commands["PreRunCommandOnLoginNode"],
        pre_run_compute=commands["PreRunCommandOnComputeNode"],
        post_run_compute=commands["PostRunCommandOnComputeNode"],
        post_run_login=commands["PostRunCommandOnLoginNode"],
    )


def _elsewhere(here: str) -> dict[str, str]:
    """Advice for keys that stand in the wrong section."""
    homes: dict[str, tuple[str, ...]] = {"": (*SITE_KEYS, "Resources", "Environment", "Exclude")}
    homes |= {"Resources": RESOURCE_KEYS, "Environment": ENVIRONMENT_KEYS}
    return {
        key: f"It belongs under {home}." if home else "It belongs at the top, without indentation."
        for home, keys in homes.items()
        if home != here
        for key in keys
    }


def elsewhere_at_top() -> dict[str, str]:
    """Advice for keys at the top that belong into a section."""
    return _elsewhere("")


def _variable_hints(keys: Keys) -> dict[str, str]:
    return {
        entry.key: "Put variables under Environment.Variables."
        for entry in keys.section
        if entry.key.isupper() and isinstance(entry.value, Scalar)
    }


def _image(given: Field) -> Apptainer | None:
    example = "Path: images/train.sif"
    if given.empty:
        given.error("Apptainer is empty.", f"Write {example} below it, or take it out.")
        return None
    keys = read_section(given, f"Write {example} below it.")
    if keys is None:
        return None
    path_field, type_field, options = keys.get("Path"), keys.get("Type"), keys.get("Options")
    keys.warn_of_others()
    path = ""
    if path_field is None:
        keys.missing("Path", "Apptainer needs Path.", f"Write {example}")
    else:
        path = read_text(path_field, "images/train.sif")
    kind = ImageType.LOCAL
    if type_field is not None:
        word = read_text(type_field, "local").lower()
        if word == ImageType.REMOTE:
            kind = ImageType.REMOTE
        elif word and word != ImageType.LOCAL:
            hint = "local is an image in the project, remote one on the site."
            type_field.error(f"Type is local or remote, not {shown(word)}.", hint)
    if kind is ImageType.REMOTE and path_field is not None and path and not path.startswith("/"):
        hint = "Write where it lies on the site, from / on: /p/project/name/images/train.sif"
        path_field.error("The path of a remote image must be absolute.", hint)
    words = read_texts(options, "--nv", also_text=True) if options is not None else ()
    return Apptainer(path, kind, words)


def _venv(given: Field) -> str:
    node = given.node
    if given.empty or isinstance(node, Scalar):
        field: Field | None = given
    else:
        keys = read_section(given, f"Write Python: {_VENV}")
        if keys is None:
            return ""
        field = keys.get("Path")
        keys.warn_of_others()
        if field is None:
            keys.missing("Path", "Python needs Path.", f"Write Path: {_VENV}")
    path = read_text(field, _VENV) if field is not None else ""
    if field is None or not path:
        return ""
    if not path.startswith("/"):
        hint = f"Write where it lies on the site, from / on: {_VENV}"
        if path.startswith(("~", "$")):
            hint = f"Write it from / on; a variable may stand further in: /home/$USER/{_tail(path)}"
        field.error("The path of a virtual environment must be absolute.", hint)
    elif path.endswith(("/bin/activate", "/bin/python", "/bin/python3")):
        hint = f"Write {path.rpartition('/bin/')[0] or '/'}"
        field.warning("This is a file in the environment, not its folder.", hint)
    return path


def _tail(path: str) -> str:
    return shown(path.partition("/")[2] or "venv")


def _variables(given: Field, kind: str) -> dict[str, str]:
    keys = read_section(given, "Write one NAME: value a line below it.")
    if keys is None:
        return {}
    values = {}
    for entry in keys.section:
        field = Field(entry, f"{keys.path}.{entry.key}", keys.faults)
        text = _variable(field, entry, kind)
        if text is not None:
            values[entry.key] = text
    return values


def _variable(field: Field, entry: Entry, kind: str) -> str | None:
    if not _VARIABLE.fullmatch(entry.key):
        message = f"{shown(entry.key) or 'An empty text'} is no name for a variable."
        field.faults.error(
            entry.line, field.path, message, "Use letters, digits and _, no digit first."
        )
        return None
    node = entry.value
    if not isinstance(node, Scalar):
        field.error(
            f"{entry.key} takes a text, not a section or list.", f'Write {entry.key}: "value"'
        )
        return None
    if node.kind == "null":
        field.warning(
            f"{entry.key} is empty; Mantik sets it to None.", f'Write {entry.key}: "" or a value.'
        )
        return ""
    warn_if_read_otherwise(node, field)
    if kind in ("firecrest", "ssh") and _has_loose_blank(node.text):
        field.warning(
            "Mantik does not quote values on this kind of site; a blank cuts this one short.",
            "Without blanks it is safe; here it is written in quotes.",
        )
    return node.text


def _has_loose_blank(text: str) -> bool:
    """Whether a blank stands outside quotes, `${…}` and `$(…)`, however these are nested."""
    for _ in range(_DEEPEST_SHELL):
        shorter = _SHELL_PIECES.sub("x", text)
        if shorter == text:
            break
        text = shorter
    return re.search(r"\s", text.strip()) is not None


def _commands(given: Field | None, kind: str) -> tuple[str, ...]:
    if given is None:
        return ()
    commands = read_texts(given, "nvidia-smi", also_text=True)
    if given.name.endswith("OnLoginNode"):
        compute = given.name.replace("Login", "Compute")
        if kind == "firecrest":
            message = "firecREST can't run commands on the login node."
            given.faults.error(given.entry.line, given.path, message, f"Use {compute}.")
        elif kind == "ssh" and commands:
            message = "Mantik leaves out commands for the login node on SSH sites."
            given.faults.warning(given.entry.line, given.path, message, f"Use {compute}.")
    return commands


def read_exclude(top: Keys) -> tuple[str, ...]:
    """`Exclude`, with a warning for each entry that does not do what it seems to say."""
    given = top.get("Exclude")
    if given is None:
        return ()
    entries = read_texts(given, '["*.nc", "data/"]', also_text=False)
    nodes = () if isinstance(given.node, Scalar) else getattr(given.node, "items", ())
    lines = [
        item.line
        for item in nodes
        if isinstance(item, Scalar) and item.text.strip() and item.kind != "null"
    ]
    _doubt_entries(entries, lines or [given.line] * len(entries), top.faults)
    return entries


def _doubt_entries(entries: tuple[str, ...], lines: list[int], faults: Faults) -> None:
    for entry, line in zip(entries, lines, strict=True):
        found = doubt(entry)
        if found is None:
            continue
        message = f"{shown(entry)}: {found.message}"
        if found.unusable:
            faults.error(line, "Exclude", message, found.hint)
        else:
            faults.warning(line, "Exclude", message, found.hint)
