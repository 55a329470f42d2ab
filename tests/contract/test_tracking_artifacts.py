"""Artifacts against a real MLflow server: listed, previewed, downloaded with resume, uploaded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mantik_tui.backends.tracking.artifact_subprocess import MlflowCommand
from mantik_tui.backends.tracking.artifacts import ArtifactRef
from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.backends.tracking.errors import Rejected, TrackingOffline
from mantik_tui.domain.errors import BadInput, NotFound
from mantik_tui.domain.ids import new_id
from tests.support.faulty_proxy import FaultyProxy
from tests.support.mlflow_server import MlflowServer

pytestmark = pytest.mark.server
BIG = bytes(range(256)) * 12_000
"""3 MB, so that it comes in several pieces."""


@pytest.fixture
async def client(mlflow_server: MlflowServer) -> AsyncIterator[TrackingClient]:
    async with TrackingClient(mlflow_server.url) as found:
        yield found


@pytest.fixture
async def root(client: TrackingClient) -> ArtifactRef:
    """A new run's root."""
    experiment = await client.create_experiment(f"artifacts {new_id()}")
    run = await client.create_run(experiment, start_ms=1_700_000_000_000)
    return ArtifactRef(run.info.run_id, run.info.artifact_uri or "", "")


def at(root: ArtifactRef, path: str) -> ArtifactRef:
    return ArtifactRef(root.run_id, root.artifact_uri, path)


async def test_an_uploaded_file_is_listed_with_its_size(
    client: TrackingClient, root: ArtifactRef, tmp_path: Path
) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(BIG)
    await client.artifacts.upload(root.artifact_uri, "models/best model.bin", source)
    await client.artifacts.upload(root.artifact_uri, "notes.txt", b"hello")
    await client.artifacts.upload(root.artifact_uri, "notes.txt", b"hello again")
    top = {
        one.path: (one.is_dir, one.file_size) for one in await client.artifacts.list(root.run_id)
    }
    assert top == {"models": (True, None), "notes.txt": (False, 11)}
    inner = await client.artifacts.list(root.run_id, "models")
    assert [(one.path, one.file_size) for one in inner] == [("models/best model.bin", len(BIG))]


async def test_a_preview_reads_only_the_beginning(
    client: TrackingClient, root: ArtifactRef
) -> None:
    await client.artifacts.upload(root.artifact_uri, "big.bin", BIG)
    await client.artifacts.upload(root.artifact_uri, "loss.csv", b"step,loss\n1,0.5\n")
    await client.artifacts.upload(root.artifact_uri, "empty", b"")
    before = client.counters.bytes_in
    big = await client.artifacts.preview(at(root, "big.bin"), limit=1000)
    assert (big.data, big.size, big.binary, big.complete) == (BIG[:1000], len(BIG), True, False)
    assert client.counters.bytes_in - before < 5000
    text = await client.artifacts.preview(at(root, "loss.csv"))
    assert (text.data, text.binary, text.complete) == (b"step,loss\n1,0.5\n", False, True)
    empty = await client.artifacts.preview(at(root, "empty"))
    assert (empty.data, empty.size, empty.complete) == (b"", 0, True)


async def test_a_download_tells_its_progress_and_leaves_one_file(
    client: TrackingClient, root: ArtifactRef, tmp_path: Path
) -> None:
    await client.artifacts.upload(root.artifact_uri, "dir/big.bin", BIG)
    progress: list[tuple[int, int | None]] = []
    target = tmp_path / "big.bin"
    size = await client.artifacts.download(
        at(root, "dir/big.bin"), target, lambda done, whole: progress.append((done, whole))
    )
    assert size == len(BIG)
    assert target.read_bytes() == BIG
    assert progress[-1] == (len(BIG), len(BIG))
    assert list(tmp_path.iterdir()) == [target]


async def test_a_cut_download_goes_on_where_it_stopped(
    root: ArtifactRef, client: TrackingClient, faulty_proxy: FaultyProxy, tmp_path: Path
) -> None:
    await client.artifacts.upload(root.artifact_uri, "big.bin", BIG)
    target = tmp_path / "big.bin"
    async with TrackingClient(faulty_proxy.url) as behind:
        faulty_proxy.cut(2_200_000)
        with pytest.raises(TrackingOffline):
            await behind.artifacts.download(at(root, "big.bin"), target)
        assert not target.exists()
        had = (tmp_path / "big.bin.part").stat().st_size
        assert had > 1_000_000
        faulty_proxy.heal()
        sent = faulty_proxy.bytes_out
        assert await behind.artifacts.download(at(root, "big.bin"), target) == len(BIG)
    assert target.read_bytes() == BIG
    assert faulty_proxy.bytes_out - sent < len(BIG) - had + 2000


async def test_a_file_that_changed_is_not_glued_to_the_old_half(
    root: ArtifactRef, client: TrackingClient, faulty_proxy: FaultyProxy, tmp_path: Path
) -> None:
    await client.artifacts.upload(root.artifact_uri, "big.bin", BIG)
    target = tmp_path / "big.bin"
    async with TrackingClient(faulty_proxy.url) as behind:
        faulty_proxy.cut(2_200_000)
        with pytest.raises(TrackingOffline):
            await behind.artifacts.download(at(root, "big.bin"), target)
        faulty_proxy.heal()
        await client.artifacts.upload(root.artifact_uri, "big.bin", BIG[::-1] + b"!")
        await behind.artifacts.download(at(root, "big.bin"), target)
    assert target.read_bytes() == BIG[::-1] + b"!"


async def test_a_missing_file_and_a_path_out_of_the_run_are_refused(
    client: TrackingClient, root: ArtifactRef, tmp_path: Path
) -> None:
    with pytest.raises((NotFound, Rejected)):
        await client.artifacts.preview(at(root, "nobody"))
    with pytest.raises(NotFound):
        await client.artifacts.download(at(root, "nobody"), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    before = client.counters.requests
    for path in ("../secret", "a/../../b", "a//b", "", "a\\b"):
        with pytest.raises(BadInput):
            await client.artifacts.preview(at(root, path))
    assert client.counters.requests == before


async def test_a_store_that_is_not_handed_through_is_read_by_the_server_itself(
    client: TrackingClient, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    store = mlflow_server.folder / "elsewhere"
    name = f"elsewhere {new_id()}"
    answer = await client.wire.post(
        "experiments/create", {"name": name, "artifact_location": str(store)}
    )
    assert answer.content
    experiment = (await client.get_experiment_by_name(name)).experiment_id
    run = await client.create_run(experiment, start_ms=1)
    uri = run.info.artifact_uri or ""
    assert not client.artifacts.proxied(uri)
    folder = store / run.info.run_id / "artifacts"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("from elsewhere")
    assert [one.path for one in await client.artifacts.list(run.info.run_id)] == ["a.txt"]
    preview = await client.artifacts.preview(ArtifactRef(run.info.run_id, uri, "a.txt"))
    assert preview.data == b"from elsewhere"
    with pytest.raises(Rejected, match="does not hand through"):
        await client.artifacts.upload(uri, "b.txt", b"x")
    command = MlflowCommand(mlflow_server.url)
    (tmp_path / "b.txt").write_text("to elsewhere")
    await command.upload(run.info.run_id, tmp_path / "b.txt", "sub")
    assert [one.path for one in await command.list(run.info.run_id, "sub")] == ["sub/b.txt"]
    found = await command.download(run.info.run_id, "sub/b.txt", tmp_path)
    assert found.read_text() == "to elsewhere"
    whole = tmp_path / "whole"
    whole.mkdir()
    assert await command.download(run.info.run_id, "", whole) == whole
    assert (whole / "sub" / "b.txt").read_text() == "to elsewhere"
    with pytest.raises((NotFound, Rejected)):
        await command.download(run.info.run_id, "nobody.txt", tmp_path)
