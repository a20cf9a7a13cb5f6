"""Entering, leaving, and what must not be left behind."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI

from tta_dev_primitives.errors import MissingExtraError
from tta_dev_primitives.testing.llm_server import (
    FaultRates,
    Hang,
    LLMServer,
    Reply,
    ServedModel,
)
from tta_dev_primitives.testing.llm_server.__main__ import main

HELLO: Any = [{"role": "user", "content": "Hello there"}]
KEY = {"authorization": "Bearer k"}


async def test_leaving_ends_what_is_served_and_leaves_no_task() -> None:
    """A hanging request, a slow stream and an idle connection are all gone after the block."""
    before = asyncio.all_tasks()
    async with (
        httpx2.AsyncClient(headers=KEY) as client,
        LLMServer([ServedModel("m", tokens_per_second=0.001)]) as server,
    ):
        url = f"{server.openai_base_url}/chat/completions"
        await client.get(f"{server.openai_base_url}/models")
        server.script([Hang(), "a b c", Reply("late", latency_seconds=1000)])
        bodies = [{"model": "m", "messages": HELLO, "stream": stream} for stream in (False, True)]
        asked = [asyncio.create_task(client.post(url, json=bodies[at])) for at in (0, 1, 0)]
        for _ in range(1000):
            if len(server.requests) == 4:
                break
            await asyncio.sleep(0.001)
        await server.__aexit__(None, None, None)
        assert asyncio.all_tasks() - before <= set(asked)
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(end, httpx2.TransportError) for end in ends)
        assert [seen.finished for seen in server.requests] == [True, False, False, False]
        assert not any(seen.client_left for seen in server.requests)
    assert asyncio.all_tasks() == before


async def test_port_is_free_after_leaving() -> None:
    """The listening socket is closed, and nothing listens there any more."""
    async with LLMServer() as server:
        port = server.port
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)
    async with LLMServer(port=port) as again:
        assert again.port == port


async def test_only_loopback_is_listened_on() -> None:
    """Another address of this machine, even a loopback one, is not served."""
    async with LLMServer() as server:
        assert server.openai_base_url == f"http://127.0.0.1:{server.port}/v1"
        assert server.anthropic_base_url == f"http://127.0.0.1:{server.port}"
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.2", server.port)


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
async def test_ipv6_host_is_bracketed_in_urls() -> None:
    """The base URL of `::1` can be used as it is."""
    try:
        async with LLMServer(host="::1") as server, httpx2.AsyncClient(headers=KEY) as client:
            assert server.openai_base_url == f"http://[::1]:{server.port}/v1"
            answer = await client.get(f"{server.openai_base_url}/models")
            assert answer.status_code == 200
    except OSError as error:
        pytest.skip(f"this machine has no ::1: {error}")


async def test_url_before_entering_says_what_to_do() -> None:
    """There is no port to speak of before the server runs, nor after."""
    server = LLMServer()
    with pytest.raises(RuntimeError, match="async with"):
        _ = server.openai_base_url
    async with server:
        assert server.port > 0
        with pytest.raises(RuntimeError, match="already running"):
            await server.__aenter__()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port


async def test_server_can_be_entered_again_and_remembers() -> None:
    """A second run goes on where the first ended."""
    server = LLMServer()
    for expected in (1, 2):
        async with server, httpx2.AsyncClient(headers=KEY) as client:
            await client.get(f"{server.openai_base_url}/models")
        assert len(server.requests) == expected


async def test_missing_extra_names_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without h11 the error is the command to run."""
    monkeypatch.setitem(sys.modules, "h11", None)
    with pytest.raises(MissingExtraError, match=r"uv add 'tta-dev-primitives\[testing\]'"):
        await LLMServer().__aenter__()


async def test_only_the_newest_requests_are_kept() -> None:
    """Memory is bounded, and numbers go on."""
    async with (
        LLMServer(keep_requests=2) as server,
        AsyncOpenAI(base_url=server.openai_base_url, api_key="k") as client,
    ):
        for _ in range(4):
            await client.models.list()
        assert [seen.number for seen in server.requests] == [2, 3]


async def test_latency_and_pace_go_through_the_injected_sleep() -> None:
    """A run with slow models takes no time on a fake clock."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    model = ServedModel("m", latency_seconds=2.0, tokens_per_second=10)
    async with (
        LLMServer([model], sleep=sleep) as server,
        AsyncOpenAI(base_url=server.openai_base_url, api_key="k", max_retries=0) as client,
    ):
        server.script([Reply(chunks=["a", "b", "12345678"])])
        stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
        async for _ in stream:
            pass
        server.script([Reply("plain", latency_seconds=7)])
        await client.chat.completions.create(model="m", messages=HELLO)
        assert [seen.latency_seconds for seen in server.requests] == [2.0, 7]
    assert waits == [2.0, 0.1, 0.2, 7]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LLMServer(max_faults_per_request=-1), "max_faults_per_request"),
        (lambda: LLMServer(max_body_bytes=0), "max_body_bytes"),
        (lambda: LLMServer(keep_requests=0), "keep_requests"),
        (lambda: LLMServer(["a", "a"]), "'a' is given twice"),
        (lambda: ServedModel(""), "must not be empty"),
        (lambda: ServedModel("m", latency_seconds=-1), "latency_seconds of m"),
        (lambda: ServedModel("m", tokens_per_second=0), "tokens_per_second of m"),
        (lambda: Reply("a", chunks=["b"]), "chunks join to 'b'"),
        (lambda: Hang(after_seconds=-1), "after_seconds"),
        (lambda: FaultRates(hang=1.5), "hang is a probability"),
        (lambda: FaultRates(hang=0.6, overloaded=0.6), "add up to 1.2"),
    ],
    ids=[
        "faults-limit",
        "body-limit",
        "kept",
        "model-twice",
        "no-name",
        "latency",
        "pace",
        "chunks",
        "fault-wait",
        "rate",
        "rates",
    ],
)
def test_mistakes_raise_at_construction(make: Any, words: str) -> None:
    """A wrong value is told at once, by name."""
    with pytest.raises(ValueError, match=words):
        make()


async def test_reset_reaches_the_sdk_on_a_kept_connection() -> None:
    """Dropping the second request of a connection is no worse than the first."""
    from tta_dev_primitives.testing.llm_server import DroppedConnection

    async with (
        LLMServer() as server,
        AsyncOpenAI(base_url=server.openai_base_url, api_key="k", max_retries=0) as client,
    ):
        server.script(["a", DroppedConnection(), "b"])
        for expected in ("a", None, "b"):
            try:
                answer = await client.chat.completions.create(model="m", messages=HELLO)
                assert answer.choices[0].message.content == expected
            except openai.APIConnectionError:
                assert expected is None
        assert [seen.status for seen in server.requests] == [200, None, 200]


def test_command_serves_until_ctrl_c() -> None:
    """`python -m` prints both URLs, serves the named models, and ends cleanly."""
    command = [sys.executable, "-m", "tta_dev_primitives.testing.llm_server"]
    with subprocess.Popen(
        [*command, "--seed", "3", "--model", "a", "b", "--model", "c"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            urls = dict(process.stdout.readline().strip().split("=", 1) for _ in range(2))
            answer = httpx2.get(f"{urls['OPENAI_BASE_URL']}/models", headers=KEY)
            assert [model["id"] for model in answer.json()["data"]] == ["a", "b", "c"]
            assert urls["OPENAI_BASE_URL"] == urls["ANTHROPIC_BASE_URL"] + "/v1"
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
            assert process.stderr is not None
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_command_says_why_it_cannot_serve(capsys: pytest.CaptureFixture[str]) -> None:
    """A taken port is one line and exit code 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert f"cannot serve on 127.0.0.1:{port}" in capsys.readouterr().err
