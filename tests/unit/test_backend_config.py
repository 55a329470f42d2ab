"""What a person gets told about a backend config: every rule, with its line, key and hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from mantik_tui.domain.backend_config import (
    Apptainer,
    FirecrestSite,
    ImageType,
    SshSite,
    UnicoreSite,
    check_config_text,
    parse_backend_config,
    read_backend_config,
)
from mantik_tui.domain.problems import Severity
from tests.support.backend_configs import (
    FIRECREST,
    QUEUE,
    SSH,
    UNICORE,
    accepted,
    only,
    problems_of,
)

EXAMPLES = Path(__file__).parents[1] / "data" / "mantik-config-examples"

# The examples


@pytest.mark.parametrize("path", sorted((EXAMPLES / "valid").iterdir()), ids=lambda path: path.name)
@pytest.mark.acceptance("first-flight.8")
def test_every_valid_example_is_accepted_without_a_word(path: Path) -> None:
    config, problems = parse_backend_config(path.read_text(), path.name)
    assert problems == []
    assert config is not None


REFUSED = {
    "01": (1, "", "No site is named"),
    "02": (3, "Firecrest", "more than one site"),
    "03": (1, "Resources", "Resources is missing"),
    "04": (3, "Resources.Queue", "needs Queue"),
    "05": (5, "Resources.Nodes", "takes a whole number, not two"),
    "06": (6, "Environment.Python", "can't both be used"),
    "07": (4, "Environment.Python", "must be absolute"),
    "08": (5, "Environment.Apptainer.Path", "remote image must be absolute"),
    "09": (
        7,
        "Environment.PreRunCommandOnLoginNode",
        "firecREST can't run commands on the login node",
    ),
    "10": (9, "Resources.Runtime", "1h30m is no time limit"),
    "11": (6, "Environment.Apptainer.Type", "local or remote, not docker"),
    "12": (4, "Environment.PreRunCommandOnComputeNode", "a text or a list of texts, not a section"),
    "13": (7, "Resources.MemoryPerNode", "a bare whole number of MB"),
    "14": (2, "Firecrest.Machine", "needs Machine"),
}


@pytest.mark.parametrize(
    "path", sorted((EXAMPLES / "invalid").iterdir()), ids=lambda path: path.name
)
@pytest.mark.acceptance("first-flight.8")
def test_every_invalid_example_is_refused_for_its_own_reason(path: Path) -> None:
    config, problems = parse_backend_config(path.read_text(), path.name)
    line, key, message = REFUSED[path.name[:2]]
    assert config is None
    assert [(one.severity, one.file, one.line, one.key) for one in problems] == [
        (Severity.ERROR, path.name, line, key)
    ]
    assert message in problems[0].message
    assert problems[0].hint


def test_hints_of_runtime_and_memory_give_the_form_that_works() -> None:
    by_name = {path.name[:2]: path for path in (EXAMPLES / "invalid").iterdir()}
    assert "90m" in only(by_name["10"].read_text()).hint
    assert "16384" in only(by_name["13"].read_text()).hint


# What is read


def test_the_full_example_is_typed() -> None:
    config = accepted((EXAMPLES / "valid" / "03-unicore-apptainer-remote-full.yaml").read_text())
    assert isinstance(config.site, UnicoreSite)
    assert config.environment.apptainer == Apptainer(
        "/p/project/forecast/images/train.sif", ImageType.REMOTE, ("--nv",)
    )
    assert config.environment.pre_run_login == ("mkdir -p checkpoints", "date > staged.txt")
    assert config.resources.runtime_s == 1800
    assert config.resources.memory_mb == 32768
    assert config.to_mantik()["Resources"] == {
        "Queue": "devel",
        "Runtime": "30m",
        "Nodes": 1,
        "TotalCPUs": 16,
        "CPUsPerNode": 16,
        "GPUsPerNode": 1,
        "MemoryPerNode": "32G",
        "Reservation": "winter-school",
        "NodeConstraints": "gpu",
        "QoS": "high",
    }


def test_json_is_read_and_numbers_in_quotes_are_numbers() -> None:
    path = EXAMPLES / "valid" / "06-unicore-no-environment.json"
    config = accepted(path.read_text(), path.name)
    assert config.resources.nodes == 2
    assert config.resources.runtime_s == 3600


def test_ssh_and_firecrest_are_typed() -> None:
    assert accepted("SSH: {Hostname: h.example.org, Port: '2222'}\n" + QUEUE).site == SshSite(
        "h.example.org", 2222
    )
    assert accepted(FIRECREST + QUEUE).site == FirecrestSite(
        "https://f.example.org", "https://a.example.org/t", "beta"
    )


def test_shell_text_is_kept_as_it_is() -> None:
    host = '$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)i'
    config = accepted(
        f"{SSH}{QUEUE}Environment:\n  Python: /p/$USER/venv\n  Variables:\n    MASTER: '{host}'\n"
        "    CPUS: ${SLURM_CPUS_PER_TASK}\n"
    )
    assert config.environment.python == "/p/$USER/venv"
    assert config.environment.variables == {"MASTER": host, "CPUS": "${SLURM_CPUS_PER_TASK}"}
    assert problems_of(f"{SSH}{QUEUE}Environment:\n  Variables:\n    MASTER: '{host}'\n") == []


def test_variables_keep_what_is_written_and_numbers_need_no_quotes() -> None:
    config = accepted(UNICORE + QUEUE + "Environment: {Variables: {A: 8, B: '010', C: offline}}\n")
    assert config.environment.variables == {"A": "8", "B": "010", "C": "offline"}


def test_anchors_and_merges_are_followed() -> None:
    config = accepted(
        UNICORE
        + "Resources:\n  <<: &base {Queue: batch, Nodes: 4}\n  Nodes: 2\nExclude: &e ['*.nc']\n"
    )
    assert (config.resources.queue, config.resources.nodes) == ("batch", 2)


# Resources


@pytest.mark.parametrize(
    "value", ["0", "-1", "2.7", "true", "two", "[1]", "{a: 1}", "1e3", "'2.0'", "9" * 5000]
)
def test_nodes_that_cannot_be(value: str) -> None:
    found = only(f"{UNICORE}Resources:\n  Queue: batch\n  Nodes: {value}\n")
    assert (found.severity, found.line, found.key) == (Severity.ERROR, 4, "Resources.Nodes")
    assert found.hint


@pytest.mark.parametrize("key", ["Nodes", "Runtime", "QoS", "MemoryPerNode", "Reservation"])
def test_an_empty_resource_is_an_error_at_its_line(key: str) -> None:
    found = only(f"{UNICORE}Resources:\n  Queue: batch\n  {key}:\n")
    assert (found.severity, found.line, found.key) == (Severity.ERROR, 4, f"Resources.{key}")


def test_no_gpus_can_be_asked_for_but_not_fewer() -> None:
    assert (
        accepted(f"{UNICORE}Resources: {{Queue: b, GPUsPerNode: 0}}\n").resources.gpus_per_node == 0
    )
    assert only(f"{UNICORE}Resources: {{Queue: b, GPUsPerNode: -1}}\n").severity is Severity.ERROR


@pytest.mark.parametrize(
    ("value", "number"), [("2.0", 2), ("010", 8), ("0x10", 16), ("1_000", 1000), ("1:30", 90)]
)
def test_numbers_that_read_otherwise_are_warned_of(value: str, number: int) -> None:
    text = f"{UNICORE}Resources:\n  Queue: batch\n  Nodes: {value}\n"
    assert accepted(text).resources.nodes == number
    found = only(text)
    assert found.severity is Severity.WARNING
    assert str(number) in found.hint


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0), ("45s", 45), ("90m", 5400), ("4h", 14400), ("2d", 172800), ("'30m'", 1800)],
)
def test_time_limits_in_seconds(value: str, seconds: int) -> None:
    assert (
        accepted(f"{UNICORE}Resources: {{Queue: b, Runtime: {value}}}\n").resources.runtime_s
        == seconds
    )


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("1h30m", "90m"),
        ("1.5h", "90m"),
        ("45", "45m"),
        ("1:30", "90m"),
        ("01:30:00", "90m"),
        ("1-12:00:00", "36h"),
        ("4 hours", "4h"),
        ("4H", "4h"),
        ("-4h", "90m"),
        ("soon", "90m"),
        ("''", "90m"),
    ],
)
def test_other_time_limits_are_errors_with_the_form_that_works(value: str, hint: str) -> None:
    found = only(f"{UNICORE}Resources:\n  Queue: batch\n  Runtime: {value}\n")
    assert (found.severity, found.line, found.key) == (Severity.ERROR, 4, "Resources.Runtime")
    assert hint in found.hint


@pytest.mark.parametrize("value", ["16G", "1.5 GiB", "64000", "512m"])
def test_unicore_takes_units_of_memory(value: str) -> None:
    assert problems_of(f"{UNICORE}Resources: {{Queue: b, MemoryPerNode: {value}}}\n") == []


@pytest.mark.parametrize("site", [SSH, FIRECREST])
def test_slurm_sites_take_bare_numbers_and_negative_ones_ask_for_nothing(site: str) -> None:
    assert problems_of(f"{site}Resources: {{Queue: b, MemoryPerNode: 16000}}\n") == []
    assert (
        accepted(f"{site}Resources: {{Queue: b, MemoryPerNode: -1}}\n").resources.memory_mb is None
    )
    assert "1536" in only(f"{site}Resources: {{Queue: b, MemoryPerNode: 1.5G}}\n").hint
    assert only(f"{site}Resources: {{Queue: b, MemoryPerNode: lots}}\n").severity is Severity.ERROR


@pytest.mark.parametrize("value", ["''", "", "a b", "[a]", "'a\n\n  b'"])
def test_a_queue_is_one_word(value: str) -> None:
    found = only(f"{UNICORE}Resources:\n  Queue: {value}\n")
    assert (found.severity, found.key) == (Severity.ERROR, "Resources.Queue")


def test_cpus_that_do_not_fit_are_warned_of() -> None:
    text = f"{UNICORE}Resources:\n  Queue: b\n  Nodes: 2\n  CPUsPerNode: 8\n  TotalCPUs: 8\n"
    found = only(text)
    assert (found.severity, found.line, found.key) == (Severity.WARNING, 6, "Resources.TotalCPUs")
    assert "16" in found.hint
    assert problems_of(text.replace("TotalCPUs: 8", "TotalCPUs: 16")) == []


# Sites


@pytest.mark.parametrize(
    "url", ["unicore.example.org:9112", "ftp://x.org", "https://", "http://[x", "''", "", "[a]"]
)
def test_addresses_must_be_web_addresses(url: str) -> None:
    found = only(f"UnicoreApiUrl: {url}\n{QUEUE}")
    assert (found.severity, found.line, found.key) == (Severity.ERROR, 1, "UnicoreApiUrl")


@pytest.mark.parametrize("host", ["me@login.example.org", "ssh://login", "a b", "''"])
def test_a_hostname_is_bare(host: str) -> None:
    assert only(f"SSH:\n  Hostname: {host}\n{QUEUE}").key == "SSH.Hostname"


def test_ports_are_in_range_and_sections_are_sections() -> None:
    assert only(f"SSH:\n  Hostname: h\n  Port: 70000\n{QUEUE}").line == 3
    assert only(f"SSH: login.example.org\n{QUEUE}").key == "SSH"
    assert [one.key for one in problems_of(f"SSH:\n{QUEUE}")] == ["SSH", "SSH.Hostname"]
    assert len(problems_of(f"Firecrest: {{}}\n{QUEUE}")) == 3


def test_with_a_site_chosen_site_keys_and_queue_may_be_absent() -> None:
    for text in ("", "Resources: {Nodes: 1}\n", "Environment: {Python: /venv}\n"):
        config, problems = parse_backend_config(text, "c.yaml", site_chosen=True, site_kind="local")
        assert (config is not None, problems) == (True, [])
        assert parse_backend_config(text, "c.yaml")[0] is None


def test_login_node_commands_follow_the_chosen_site() -> None:
    text = "Environment: {PreRunCommandOnLoginNode: date}\n"
    assert check_config_text(text, site_chosen=True, site_kind="local") == []
    assert (
        check_config_text(text, site_chosen=True, site_kind="firecrest")[0].severity
        is Severity.ERROR
    )


def test_login_node_commands_over_ssh_are_warned_of() -> None:
    found = only(SSH + QUEUE + "Environment:\n  PostRunCommandOnLoginNode: date\n")
    assert (found.severity, found.line) == (Severity.WARNING, 5)
    assert "PostRunCommandOnComputeNode" in found.hint


# Environment


@pytest.mark.parametrize("path", ["$HOME/venv", "~/venv", "venv", "C:\\venv"])
def test_a_venv_is_absolute(path: str) -> None:
    assert only(f"{UNICORE}{QUEUE}Environment:\n  Python:\n    Path: {path}\n").line == 6


def test_a_file_in_the_venv_is_warned_of() -> None:
    found = only(f"{UNICORE}{QUEUE}Environment: {{Python: /v/bin/activate}}\n")
    assert (found.severity, found.hint) == (Severity.WARNING, "Write /v")


def test_image_type_is_read_in_any_case_and_a_bare_path_is_no_image() -> None:
    image = accepted(
        f"{UNICORE}{QUEUE}Environment: {{Apptainer: {{Path: /i.sif, Type: ReMote}}}}\n"
    )
    assert image.environment.apptainer == Apptainer("/i.sif", ImageType.REMOTE)
    assert "Path:" in only(f"{UNICORE}{QUEUE}Environment: {{Apptainer: i.sif}}\n").hint
    assert (
        only(f"{UNICORE}{QUEUE}Environment:\n  Apptainer: {{Type: local}}\n").key
        == "Environment.Apptainer.Path"
    )


@pytest.mark.parametrize(("key", "hint"), [("Modules", '["GCC"]'), ("Exclude", '["GCC"]')])
def test_a_text_for_a_list_is_an_error(key: str, hint: str) -> None:
    text = (
        UNICORE + QUEUE + (f"Environment:\n  {key}: GCC\n" if key == "Modules" else f"{key}: GCC\n")
    )
    found = [one for one in problems_of(text) if one.severity is Severity.ERROR]
    assert len(found) == 1
    assert hint in found[0].hint


def test_modules_that_yaml_takes_for_numbers_are_kept_and_warned_of() -> None:
    text = UNICORE + QUEUE + "Environment:\n  Modules:\n  - GCC\n  - 3.10\n"
    assert accepted(text).environment.modules == ("GCC", "3.10")
    assert (only(text).line, only(text).severity) == (7, Severity.WARNING)


def test_variable_names_and_values_that_cannot_be() -> None:
    text = (
        UNICORE
        + QUEUE
        + "Environment:\n  Variables:\n    1A: x\n    B: [x]\n    C:\n    D: yes\n    E F: x\n"
    )
    assert [(one.line, one.severity, one.key) for one in problems_of(text)] == [
        (6, Severity.ERROR, "Environment.Variables.1A"),
        (7, Severity.ERROR, "Environment.Variables.B"),
        (8, Severity.WARNING, "Environment.Variables.C"),
        (9, Severity.WARNING, "Environment.Variables.D"),
        (10, Severity.ERROR, "Environment.Variables.E F"),
    ]
    assert only(UNICORE + QUEUE + "Environment:\n  Variables: [A=1]\n").severity is Severity.ERROR


def test_blanks_in_variables_are_warned_of_on_slurm_sites_only() -> None:
    tail = QUEUE + "Environment:\n  Variables:\n    A: x y\n"
    assert problems_of(UNICORE + tail) == []
    assert (only(SSH + tail).severity, only(SSH + tail).line) == (Severity.WARNING, 6)
    for safe in ("$(date +%s -u)", "${A:-b c}", '"x y"', "$(echo $(echo a b) c)"):
        assert problems_of(f"{SSH}{QUEUE}Environment:\n  Variables:\n    A: '{safe}'\n") == []


def test_an_item_of_commands_that_became_a_section_says_why() -> None:
    found = only(
        UNICORE + QUEUE + "Environment:\n  PreRunCommandOnComputeNode:\n  - date\n  - echo a: b\n"
    )
    assert (found.line, found.severity) == (7, Severity.ERROR)
    assert "quotes" in found.hint


@pytest.mark.parametrize("section", ["Environment", "Exclude"])
def test_an_empty_section_is_warned_of(section: str) -> None:
    found = only(f"{UNICORE}{QUEUE}{section}:\n")
    assert (found.severity, found.line, found.key) == (Severity.WARNING, 4, section)


def test_unknown_keys_are_warned_of_with_what_was_meant() -> None:
    text = (
        UNICORE
        + "Ressources: {}\nQueue: x\n"
        + "Resources:\n  Queue: b\n  nodes: 1\n  Python: /v\n"
    )
    text += "Environment:\n  Pyton: /v\n  Python: /v\n  OMP_NUM_THREADS: 8\n"
    assert [(one.line, one.severity, one.hint) for one in problems_of(text)] == [
        (2, Severity.WARNING, "Did you mean Resources?"),
        (3, Severity.WARNING, "It belongs under Resources."),
        (6, Severity.WARNING, "Did you mean Nodes?"),
        (7, Severity.WARNING, "It belongs under Environment."),
        (9, Severity.WARNING, "Did you mean Python?"),
        (11, Severity.WARNING, "Put variables under Environment.Variables."),
    ]


def test_all_faults_come_at_once() -> None:
    text = "Resources:\n  Nodes: two\n  Runtime: 45\nEnvironment:\n  Python: venv\nExclude: x\n"
    lines = [(one.line, one.key) for one in problems_of(text) if one.severity is Severity.ERROR]
    assert lines == [
        (1, ""),
        (1, "Resources.Queue"),
        (2, "Resources.Nodes"),
        (3, "Resources.Runtime"),
        (5, "Environment.Python"),
        (6, "Exclude"),
    ]


def test_what_can_be_read_is_given_to_the_form_even_with_errors() -> None:
    config, problems = read_backend_config("Resources:\n  Queue: batch\n  Nodes: two\n", "c.yaml")
    assert config.resources.queue == "batch"
    assert config.resources.nodes is None
    assert len(problems) == 2
