"""What every transport owes: the same tests for each way to a site."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mantik_tui.backends.compute import shell
from mantik_tui.backends.compute.protocols import Completed, FileToPut, Transport
from mantik_tui.backends.compute.transports.local import LocalTransport
from mantik_tui.domain.errors import NotFound, Refused, Unsure
from tests.support.compute import until

SECRETS = {"MLFLOW_TRACKING_PASSWORD": "geheim", "MANTIK_PASSWORD": "geheim", "PLACE": "/scratch"}


@pytest.fixture(params=["local"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    found = LocalTransport(poll_s=0.02, environment={**os.environ, **SECRETS})
    await found.open()
    yield found
    await found.close()


async def test_answers_come_whole_and_apart(transport: Transport) -> None:
    answer = await transport.run("printf 'out'; printf 'err' >&2; exit 3")
    assert answer == Completed(3, "out", "err")
    assert await transport.run("echo line") == Completed(0, "line\n", "")
    assert await transport.run("") == Completed(0, "", "")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_text_survives_quoting(transport: Transport, text: str) -> None:
    assert (await transport.run(f"printf %s {shell.quote(text)}")).stdout == text


async def test_a_script_cannot_eat_its_own_rest(transport: Transport) -> None:
    assert (await transport.run("cat; echo after")).stdout == "after\n"


async def test_a_broken_script_is_an_answer_or_unsure_never_success(transport: Transport) -> None:
    try:
        answer = await transport.run("echo 'never closed")
    except Unsure as error:
        assert "quote" in error.cause.lower() or error.cause
    else:
        assert answer.code != 0


async def test_big_answers_come_whole(transport: Transport) -> None:
    answer = await transport.run("seq 1 200000")
    assert answer.stdout.count("\n") == 200_000


async def test_too_late_is_unsure_and_leaves_no_process(
    transport: Transport, tmp_path: Path
) -> None:
    mark = tmp_path / "pid"
    with pytest.raises(Unsure):
        await transport.run(f"echo $$ >{mark}; sleep 300; echo late", timeout_s=0.5)
    pid = int(mark.read_text())
    await until(lambda: not psutil.pid_exists(pid))


async def test_own_secrets_do_not_reach_commands(transport: Transport) -> None:
    assert "geheim" not in (await transport.run("env")).stdout


async def test_paths_with_variables_are_expanded_on_the_site(transport: Transport) -> None:
    home = (await transport.run('printf %s "$HOME"')).stdout
    assert await transport.expand("~/runs") == f"{home}/runs"
    assert await transport.expand("$PLACE/${PLACE}/x y") == "/scratch//scratch/x y"
    assert await transport.expand("/plain") == "/plain"
    assert await transport.expand("/a/$(touch x)") == "/a/$(touch x)"
    with pytest.raises(Refused, match="NOT_SET_ANYWHERE"):
        await transport.expand("$NOT_SET_ANYWHERE/runs")


async def test_files_are_replaced_at_once_and_have_their_mode(
    transport: Transport, tmp_path: Path
) -> None:
    path = str(tmp_path / "env")
    await transport.put_bytes(path, b"old", mode=0o600)
    await transport.put_bytes(path, b"\x00new\xff", mode=0o600)
    assert await transport.get_range(path, 0, 100) == b"\x00new\xff"
    found = await transport.stat(path)
    assert found is not None
    assert (found.mode, found.size, found.is_dir) == (0o600, 5, False)
    assert [entry.name for entry in await transport.listdir(str(tmp_path))] == ["env"]


async def test_readers_never_see_a_half_written_file(transport: Transport, tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    contents = {bytes([65 + turn]) * 300_000 for turn in range(6)}
    await transport.put_bytes(path, next(iter(contents)))

    async def write() -> None:
        for content in contents:
            await transport.put_bytes(path, content)

    writing = asyncio.create_task(write())
    while not writing.done():
        assert await transport.get_range(path, 0, 400_000) in contents
    await writing


async def test_writing_into_a_missing_folder_is_not_found(
    transport: Transport, tmp_path: Path
) -> None:
    with pytest.raises(NotFound):
        await transport.put_bytes(str(tmp_path / "no/file"), b"")
    with pytest.raises(NotFound):
        await transport.mkdir(str(tmp_path / "no/folder"))


async def test_ranges(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"0123456789")
    path = str(tmp_path / "log")
    assert await transport.get_range(path, 3, 4) == b"3456"
    assert await transport.get_range(path, 8, 100) == b"89"
    assert await transport.get_range(path, 10, 5) == b""
    assert await transport.get_range(path, 99, 5) == b""
    with pytest.raises(NotFound):
        await transport.get_range(str(tmp_path / "none"), 0, 1)


async def test_mkdir_tells_who_was_first(transport: Transport, tmp_path: Path) -> None:
    path = str(tmp_path / "claim")
    answers = await asyncio.gather(*(transport.mkdir(path) for _ in range(8)))
    assert sorted(answers) == [False] * 7 + [True]
    await transport.make_dirs(str(tmp_path / "a/b/c"))
    await transport.make_dirs(str(tmp_path / "a/b/c"))
    assert (tmp_path / "a/b/c").is_dir()


async def test_listing_and_removing(transport: Transport, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("x")
    folder = tmp_path / "run"
    (folder / "sub").mkdir(parents=True)
    (folder / "a b").write_text("12")
    (folder / "link").symlink_to(outside)
    (folder / "dangling").symlink_to("nowhere")
    entries = {entry.name: entry.stat for entry in await transport.listdir(str(folder))}
    assert sorted(entries) == ["a b", "dangling", "link", "sub"]
    assert entries["sub"].is_dir and entries["link"].is_link and entries["a b"].size == 2
    assert await transport.stat(str(folder / "dangling")) is None
    assert await transport.stat(str(folder / "a b/c")) is None
    await transport.remove_tree(str(folder))
    await transport.remove_tree(str(folder))
    assert (outside / "keep").exists() and not folder.exists()
    with pytest.raises(NotFound):
        await transport.listdir(str(folder))


def to_put(source: Path, target: Path, mode: int = 0o644) -> FileToPut:
    content = source.read_bytes()
    return FileToPut(source, str(target), hashlib.sha256(content).hexdigest(), len(content), mode)


async def test_unchanged_content_is_not_sent_twice(transport: Transport, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.py").write_text("print(1)")
    (source / "tool").write_text("#!/bin/sh")
    store = str(tmp_path / "store")

    async def send(run: str) -> tuple[int, int, int]:
        files = [
            to_put(source / "a.py", tmp_path / run / "src/a.py"),
            to_put(source / "tool", tmp_path / run / "tool", 0o755),
        ]
        sent = await transport.put_files(files, store=store)
        return sent.files, sent.bytes, sent.reused

    assert await send("one") == (2, 17, 0)
    assert await send("two") == (0, 0, 2)
    # A training that writes to its code changes neither the store nor other runs.
    with (tmp_path / "two/src/a.py").open("a") as stream:
        stream.write("changed")
    assert await send("three") == (0, 0, 2)
    assert (tmp_path / "three/src/a.py").read_text() == "print(1)"
    assert os.access(tmp_path / "three/tool", os.X_OK)
    (source / "a.py").write_text("print(2)")
    assert await send("four") == (1, 8, 1)


async def test_a_file_that_changes_while_it_is_sent_is_refused(
    transport: Transport, tmp_path: Path
) -> None:
    source = tmp_path / "data"
    source.write_text("one")
    put = to_put(source, tmp_path / "run/data")
    source.write_text("two")
    with pytest.raises(Refused, match="changed"):
        await transport.put_files([put], store=str(tmp_path / "store"))
    assert not (tmp_path / "run/data").exists()


async def test_a_growing_file_is_followed_from_a_byte_on(
    transport: Transport, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    got: list[tuple[int, bytes]] = []

    async def follow() -> None:
        async with aclosing(transport.follow(str(log), 2)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                got.append((chunk.offset, chunk.data))

    following = asyncio.create_task(follow())
    try:
        await asyncio.sleep(0)
        log.write_bytes(b"0123")
        await until(lambda: got == [(2, b"23")])
        with log.open("ab") as stream:
            stream.write(b"45")
        await until(lambda: got[1:] == [(4, b"45")])
        log.write_bytes(b"n")
        await until(lambda: got[2:] == [(0, b"n")])
    finally:
        following.cancel()


async def test_noise_around_the_answer_is_cut_away() -> None:
    word = shell.new_word()
    banner = b"Welcome to the cluster\n" * 3
    script = shell.wrap("echo answer; exit 4", word)
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(script)
    answer = shell.unwrap(banner + out + b"bye\n", banner + err + b"bye\n", word)
    assert answer == Completed(4, "answer\n", "")


@given(st.integers(0, 200))
@settings(max_examples=30, deadline=None)
async def test_a_script_that_is_cut_on_its_way_runs_not_at_all(cut: int) -> None:
    word = "mantik-0000000000000000"
    text = shell.wrap("echo ran", word)
    text = text[: len(text) - 2 - cut % (len(text) - 2)]
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(text)
    assert b"ran" not in out
    with pytest.raises(Unsure):
        shell.unwrap(out, err, word)


async def test_a_command_costs_little(transport: Transport) -> None:
    begin = time.monotonic()
    await transport.run("true")
    assert time.monotonic() - begin < 5
