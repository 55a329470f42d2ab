"""MLflow's own command for artifact stores: where secrets go, and what its failures mean."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mantik_tui.backends.tracking.address import Login
from mantik_tui.backends.tracking.artifact_subprocess import MlflowCommand
from mantik_tui.backends.tracking.errors import Rejected, TrackingOffline
from mantik_tui.domain.errors import BadInput, MantikError, NotFound


def stub(folder: Path, script: str) -> str:
    """A stand-in for the Python interpreter that runs this shell script with the arguments it gets."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


async def test_secrets_travel_in_the_environment_and_on_no_command_line(tmp_path: Path) -> None:
    python = stub(tmp_path, f'echo "$@" >{tmp_path}/args; env >{tmp_path}/env; echo "[]"')
    command = MlflowCommand("https://mlflow.example.org", Login("ada", "topsecret"), python=python)
    assert await command.list("r1", "models") == []
    assert "topsecret" not in (tmp_path / "args").read_text()
    assert "--artifact-path=models" in (tmp_path / "args").read_text()
    assert "MLFLOW_TRACKING_PASSWORD=topsecret" in (tmp_path / "env").read_text()


def test_the_environment_is_the_server_s_and_nobody_else_s() -> None:
    base = {
        "MLFLOW_TRACKING_PASSWORD": "other",
        "MLFLOW_RUN_ID": "x",
        "AWS_PROFILE": "me",
        "PATH": "/bin",
    }
    found = MlflowCommand("https://h", Login(token="t"), insecure=True).environment(base)
    assert found["MLFLOW_TRACKING_TOKEN"] == "t"
    assert found["MLFLOW_TRACKING_URI"] == "https://h"
    assert found["MLFLOW_TRACKING_INSECURE_TLS"] == "true"
    assert found["AWS_PROFILE"] == "me"
    assert not {"MLFLOW_TRACKING_PASSWORD", "MLFLOW_RUN_ID"} & set(found)


@pytest.mark.parametrize(
    ("last_words", "kind"),
    [
        ("MlflowException: RESOURCE_DOES_NOT_EXIST: Run not found", NotFound),
        ("ModuleNotFoundError: No module named 'boto3'", Rejected),
        ("EndpointConnectionError: Could not connect to the endpoint URL", TrackingOffline),
        ("NoCredentialsError: Unable to locate credentials", Rejected),
    ],
)
async def test_its_last_words_tell_what_went_wrong(
    tmp_path: Path, last_words: str, kind: type[MantikError]
) -> None:
    python = stub(tmp_path, f'echo Traceback >&2; echo "{last_words}" >&2; exit 1')
    with pytest.raises(kind) as raised:
        await MlflowCommand("https://h", python=python).list("r1")
    assert last_words in raised.value.cause


async def test_a_store_that_hangs_is_given_up_and_its_process_ended(tmp_path: Path) -> None:
    python = stub(tmp_path, f"echo $$ >{tmp_path}/pid; exec sleep 100")
    with pytest.raises(TrackingOffline, match="ended after"):
        await MlflowCommand("https://h", python=python, timeout_s=0.5).list("r1")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_download_that_landed_elsewhere_is_not_believed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    python = stub(tmp_path, "echo /etc/passwd")
    with pytest.raises(NotFound):
        await MlflowCommand("https://h", python=python).download("r1", "a.txt", target)


async def test_a_path_out_of_the_run_is_not_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        await MlflowCommand("https://h", python="/nonexistent").list("r1", "../x")
