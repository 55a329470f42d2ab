"""Artifacts in stores that the tracking server does not hand through (S3, GCS, Azure, a shared folder).

MLflow's own command reads them, in a process of its own: importing MLflow costs a second and much memory. Credentials
travel in that process's environment, never on a command line, which everybody on the machine can read. Those of the
store itself (`AWS_*`, `GOOGLE_*`, `AZURE_*`) come from our own environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mantik_tui.backends.tracking.address import NO_LOGIN, Login
from mantik_tui.backends.tracking.artifacts import safe_path
from mantik_tui.backends.tracking.errors import Rejected, TrackingOffline, words_of
from mantik_tui.backends.tracking.records import ArtifactRecord
from mantik_tui.domain.errors import MantikError, NotFound

_OURS = ("MLFLOW_TRACKING_", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT")
_NO_ANSWER = ("connect", "timed out", "timeout", "max retries", "temporarily")
_MISSING = (
    "resource_does_not_exist",
    "no such artifact",
    "does not exist",
    "ensure that the path is correct",
)
_ENTRIES = msgspec.json.Decoder(list[ArtifactRecord])


@dataclass(frozen=True, slots=True)
class MlflowCommand:
    """How to call MLflow's command for one server."""

    address: str
    login: Login = NO_LOGIN
    ca_file: Path | None = None
    insecure: bool = False
    python: str = sys.executable
    timeout_s: float = 600.0

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with the server's settings in place of any others."""
        found = {key: value for key, value in base.items() if not key.startswith(_OURS)}
        found |= {
            "MLFLOW_TRACKING_URI": self.address,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }
        found |= {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
        if self.login.token:
            found["MLFLOW_TRACKING_TOKEN"] = self.login.token
        elif self.login.username:
            found["MLFLOW_TRACKING_USERNAME"] = self.login.username
            found["MLFLOW_TRACKING_PASSWORD"] = self.login.password
        if self.insecure:
            found["MLFLOW_TRACKING_INSECURE_TLS"] = "true"
        elif self.ca_file is not None:
            found["MLFLOW_TRACKING_SERVER_CERT_PATH"] = str(self.ca_file)
        return found

    async def list(self, run_id: str, path: str = "") -> list[ArtifactRecord]:
        """Entries of one folder of a run."""
        where = [f"--artifact-path={safe_path(path)}"] if path else []
        output = await self._run("list", f"--run-id={run_id}", *where)
        try:
            return _ENTRIES.decode(output.strip() or b"[]")
        except msgspec.DecodeError as error:
            raise Rejected("MLflow's command gave no list", words_of(output)) from error

    async def download(self, run_id: str, path: str, folder: Path) -> Path:
        """Downloads a file or a folder of a run into `folder`, which has to be there; returns where it lies.

        An empty path takes everything, which then lies in `folder` itself.
        """
        where = [f"--artifact-path={safe_path(path)}"] if path else []
        output = await self._run("download", f"--run-id={run_id}", *where, f"--dst-path={folder}")
        if not path:
            return folder
        lines = output.decode("utf-8", "surrogateescape").strip().splitlines()
        found = Path(lines[-1]) if lines else folder
        inside = await asyncio.to_thread(_is_inside, found, folder)
        if not inside:
            raise NotFound(
                "The artifact did not arrive", f"{path} is not in {folder}", "Try again."
            )
        return found

    async def upload(self, run_id: str, source: Path, folder: str = "") -> None:
        """Stores a file in a folder of the run's artifacts, replacing one of its name."""
        where = [f"--artifact-path={safe_path(folder)}"] if folder else []
        await self._run("log-artifact", f"--run-id={run_id}", f"--local-file={source}", *where)

    async def _run(self, verb: str, *arguments: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            self.python, "-P", "-m", "mlflow", "artifacts", verb, *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=self.environment(os.environ), start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(self.timeout_s):
                output, errors = await process.communicate()
        except TimeoutError as error:
            raise TrackingOffline(
                "The artifact store does not answer",
                f"MLflow's command was ended after {self.timeout_s:.0f} s",
                "Try again later.",
            ) from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            raise _failure(errors)
        return output


def _is_inside(found: Path, folder: Path) -> bool:
    real, root = found.resolve(), folder.resolve()
    return real != root and real.is_relative_to(root) and real.exists()


def _failure(errors: bytes) -> MantikError:
    """What MLflow's command said last, as an error; a traceback's last line is its message."""
    lines = [line for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    words = words_of(lines[-1].encode()) if lines else "it said nothing"
    said = words.lower()
    if any(sign in said for sign in _MISSING):
        return NotFound("The artifact store does not have it", words)
    if "no module named" in said or "importerror" in said:
        return Rejected(
            "A Python package for this artifact store is missing",
            words,
            "Install it beside mantik-tui: boto3 for S3, google-cloud-storage for GCS, azure-storage-blob for Azure.",
        )
    if any(sign in said for sign in _NO_ANSWER):
        return TrackingOffline("The artifact store does not answer", words, "Try again later.")
    return Rejected(
        "The artifact store can't be used", words, "Check its credentials in the environment."
    )
