"""The job script: what it runs, in which order, and that no text breaks it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mantik_tui.backends.compute.job_script import KILL_POINTS, ScriptFlavor, render_job_script
from mantik_tui.backends.compute.job_spec import Container, JobSpec
from mantik_tui.backends.compute.quoting import (
    ENV_COMPLETE,
    double_quoted,
    heredoc,
    render_env,
)
from mantik_tui.domain.errors import BadInput
from tests.support.compute import STUBS

PLAIN = ScriptFlavor(identity="me=$$")


def spec(folder: str = "/tmp/run", **more: object) -> JobSpec:
    values: dict[str, object] = {
        "run_id": "0190-id",
        "job_name": "0190id",
        "folder": folder,
        "command": "echo command",
        "submitted_ms": 1,
        "grace_s": 1,
        **more,
    }
    return JobSpec(**values)  # type: ignore[arg-type]


def bash(text: str) -> subprocess.CompletedProcess[str]:
    """What bash makes of `text`, carriage returns kept."""
    told = subprocess.run(["bash", "-s"], input=text.encode(), capture_output=True, timeout=20)
    return subprocess.CompletedProcess(
        told.args, told.returncode, told.stdout.decode(), told.stderr.decode()
    )


def run(folder: Path, job: JobSpec, env: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the script to its end, with the stubs on the path."""
    ours = folder / ".mantik"
    ours.mkdir(parents=True, exist_ok=True)
    (ours / "env").write_text(render_env({}, {}) if env is None else env)
    (ours / "job.sh").write_text(render_job_script(job, PLAIN))
    return subprocess.run(
        ["bash", str(ours / "job.sh")],
        env={"PATH": f"{STUBS}:/usr/local/bin:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
    )


def ended(folder: Path) -> dict[str, str]:
    lines = (folder / ".mantik/attempt-1/ended").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


anything = st.text(
    alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40
)
shellish = st.lists(
    st.sampled_from(
        [
            "'",
            '"',
            "$",
            "`",
            "\\",
            "(",
            ")",
            "{",
            "}",
            "<<EOF\n",
            "MANTIK_STEP\n",
            "\n",
            " ",
            "a",
            ";",
        ]
    ),
    max_size=12,
).map("".join)


@given(
    command=anything | shellish,
    pre=st.lists(anything | shellish, max_size=2),
    post=st.lists(shellish, max_size=2),
    modules=st.lists(anything.filter(bool), max_size=2),
    venv=shellish,
    folder=anything,
)
@settings(max_examples=60, deadline=None)
def test_any_text_gives_a_script_that_bash_can_read(
    command: str, pre: list[str], post: list[str], modules: list[str], venv: str, folder: str
) -> None:
    job = spec(
        "/" + folder,
        command=command,
        pre_commands=tuple(pre),
        post_commands=tuple(post),
        modules=tuple(modules),
        python_venv=venv,
        container=Container(image=venv) if len(command) % 2 else None,
    )
    flavor = ScriptFlavor(identity="me=$$", slots_dir="/" + folder, enforce_limit=True)
    for point in ("", *KILL_POINTS[:2]):
        script = render_job_script(job, flavor, kill_at=point)
        told = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
        assert (told.returncode, told.stderr) == (0, "")


@given(anything | shellish)
@settings(max_examples=60, deadline=None)
def test_a_value_without_substitutions_arrives_letter_by_letter(value: str) -> None:
    value = value.replace("$", "").replace("`", "")
    told = bash(f"X={double_quoted(value)}; printf '%s|' \"$X\"")
    assert told.stdout == value + "|"


@given(anything | shellish)
@settings(max_examples=60, deadline=None)
def test_secrets_arrive_letter_by_letter(value: str) -> None:
    told = bash(render_env({}, {"SECRET": value}) + "printf '%s|' \"$SECRET\"")
    assert told.stdout == value + "|"


@given(anything | shellish)
@settings(max_examples=60, deadline=None)
def test_a_command_arrives_letter_by_letter(text: str) -> None:
    told = bash(f"IFS= read -r -d '' X {heredoc(text)}\nprintf '%s|' \"$X\"")
    assert told.stdout == text.replace("\r\n", "\n") + "\n|"


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        ("$BASE/data", "/base/data"),
        ("${BASE}/data", "/base/data"),
        ("${MISSING:-${BASE}}", "/base"),
        ("$(echo \"a b\" ')')", "a b )"),
        ("$((1 + 2))", "3"),
        ("`echo hi`", "hi"),
        (r"\$BASE", "$BASE"),
        ("costs 5$", "costs 5$"),
        ("pa$5word", "pa$5word"),
        ("$(never closed", "$(never closed"),
        ("${never closed", "${never closed"),
        (r"C:\new\table", r"C:\new\table"),
        ("ends in \\", "ends in \\"),
        ('say "hi"', 'say "hi"'),
        ("two\nlines", "two\nlines"),
        ("*", "*"),
        ("~/x", "~/x"),
    ],
)
def test_shell_text_in_variables(value: str, arrives: str) -> None:
    env = render_env({"BASE": "/base", "X": value}, {})
    told = bash(env + "printf '%s' \"$X\"")
    assert (told.stdout, told.stderr) == (arrives, "")


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A=1;rm", "A B"])
def test_names_that_no_shell_takes_are_refused(name: str) -> None:
    with pytest.raises(BadInput):
        render_env({name: "x"}, {})


def test_nul_is_refused_in_words() -> None:
    with pytest.raises(BadInput, match="NUL"):
        render_job_script(spec(command="a\0b"), PLAIN)


def test_everything_runs_in_the_promised_order(tmp_path: Path) -> None:
    venv = tmp_path / "my env"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/activate").write_text('echo "venv after $PRE"; export VIRTUAL_ENV=yes')
    run_folder = tmp_path / "run"
    job = spec(
        str(run_folder),
        modules=("GCC/12", "Python"),
        pre_commands=("cat stub-calls.log\nexport PRE=pre1", "echo $PRE $FROM_ENV"),
        python_venv=str(venv),
        command='echo "$VIRTUAL_ENV $MLFLOW_RUN_ID $PYTHONUNBUFFERED $MLFLOW_TRACKING_URI"; pwd',
        post_commands=("echo post $MANTIK_WORKING_DIRECTORY",),
        mlflow_run_id="abc",
        tracking_uri="http://127.0.0.1:5000",
    )
    told = run(run_folder, job, render_env({"FROM_ENV": "here", "MLFLOW_RUN_ID": "other"}, {}))
    assert told.stdout.splitlines() == [
        "module [load] [GCC/12] [Python]",
        "pre1 here",
        "venv after pre1",
        "yes abc 1 http://127.0.0.1:5000",
        str(run_folder),
        f"post {run_folder}",
    ]
    assert (told.stderr, told.returncode) == ("", 0)
    assert ended(run_folder)["code"] == "0"


def test_the_config_wins_over_the_tracking_address(tmp_path: Path) -> None:
    job = spec(str(tmp_path), command="echo $MLFLOW_TRACKING_URI", tracking_uri="http://ours")
    told = run(tmp_path, job, render_env({"MLFLOW_TRACKING_URI": "http://theirs"}, {}))
    assert told.stdout == "http://theirs\n"


def test_a_container_gets_options_image_and_command(tmp_path: Path) -> None:
    job = spec(
        str(tmp_path),
        command="sh -c 'echo in $A'",
        container=Container("$IMAGES/my image.sif", ("--nv", "--bind $PWD:/x")),
    )
    told = run(tmp_path, job, render_env({"IMAGES": "/images", "A": "box"}, {}))
    assert told.stdout == "in box\n"
    calls = (tmp_path / "stub-calls.log").read_text()
    expected = f"[run] [--nv] [--bind] [{tmp_path}:/x] [/images/my image.sif] [sh] [-c]"
    assert calls.startswith("apptainer " + expected)


@pytest.mark.parametrize(
    ("more", "stage", "code"),
    [
        ({"pre_commands": ("true", "exit 3")}, "pre command 2", "3"),
        ({"pre_commands": ("false",)}, "pre command 1", "1"),
        ({"pre_commands": ("exit 0",)}, "pre command 1", "70"),
        ({"pre_commands": ("echo 'never closed",)}, "pre command 1", "2"),
        ({"modules": ("missing/1",)}, "modules", "1"),
        ({"python_venv": "/no/such/venv"}, "virtual environment", "1"),
        ({"command": "exit 7"}, "command", "7"),
        ({"command": "no-such-program"}, "command", "127"),
        ({"post_commands": ("false",)}, "post command 1", "1"),
    ],
)
def test_a_failing_step_stops_the_run_and_is_told(
    tmp_path: Path, more: dict[str, object], stage: str, code: str
) -> None:
    told = run(tmp_path, spec(str(tmp_path), **{"command": "touch ran", **more}))
    assert ended(tmp_path)["stage"] == stage
    assert ended(tmp_path)["code"] == code
    assert told.returncode == int(code)
    assert stage in told.stderr
    assert (tmp_path / "ran").exists() == stage.startswith("post")


def test_a_site_without_modules_says_so(tmp_path: Path) -> None:
    ours = tmp_path / ".mantik"
    ours.mkdir()
    (ours / "env").write_text(f"{ENV_COMPLETE}=1\n")
    (ours / "job.sh").write_text(render_job_script(spec(str(tmp_path), modules=("GCC",)), PLAIN))
    told = subprocess.run(
        ["bash", str(ours / "job.sh")],
        env={"PATH": "/usr/bin:/bin", "MODULESHOME": "/none"},
        capture_output=True,
        text=True,
    )
    assert "this site has no command named module" in told.stderr
    assert ended(tmp_path)["stage"] == "modules"


@pytest.mark.parametrize("env", ["", "export A='never closed", f"export A=1\n{ENV_COMPLETE}="])
def test_an_env_file_that_was_cut_starts_no_training(tmp_path: Path, env: str) -> None:
    run(tmp_path, spec(str(tmp_path), command="touch ran"), env)
    assert ended(tmp_path)["stage"] == "environment"
    assert not (tmp_path / "ran").exists()


def test_commands_can_exit_zero_by_themselves(tmp_path: Path) -> None:
    told = run(tmp_path, spec(str(tmp_path), command="echo early; exit 0"))
    assert (told.returncode, ended(tmp_path)["code"]) == (0, "0")


def test_commands_do_not_read_the_script(tmp_path: Path) -> None:
    told = run(tmp_path, spec(str(tmp_path), command="cat; echo after"))
    assert told.stdout == "after\n"


def test_the_script_tells_what_it_is_and_keeps_no_secret() -> None:
    script = render_job_script(spec(extra_lines=("#SBATCH --x",)), PLAIN)
    assert script.startswith("#!/bin/bash\n# Run 0190-id, made by mantik-tui.\n")
    assert re.search(r"@[A-Za-z_-]+@", script) is None


def test_a_batch_system_brings_its_own_header_and_identity() -> None:
    flavor = ScriptFlavor(
        identity="me=$SLURM_JOB_ID",
        header=("#SBATCH --job-name=0190id",),
        attempt="$((${SLURM_RESTART_COUNT:-0} + 1))",
        launcher="srun -u",
    )
    script = render_job_script(spec(container=Container("/i.sif")), flavor)
    assert script.startswith("#!/bin/bash\n#SBATCH --job-name=0190id\n")
    assert 'srun -u apptainer run "/i.sif" echo command' in script
    assert "wait_for_slot" not in script
    assert "limit_s=0" in script


def test_unknown_kill_points_are_refused() -> None:
    with pytest.raises(BadInput):
        render_job_script(spec(), PLAIN, kill_at="nowhere")
