"""The server's manners in plain HTTP, where the SDKs do not look."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tta_dev_primitives.testing.llm_server import LLMServer, Reply, ServedModel

OPENAI = {"authorization": "Bearer k"}
ANTHROPIC = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
CHAT: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
MESSAGES: Any = {**CHAT, "max_tokens": 10}


@pytest.fixture
async def server() -> AsyncIterator[LLMServer]:
    async with LLMServer([ServedModel("m")], max_body_bytes=2000) as running:
        yield running


@pytest.fixture
async def http(server: LLMServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=server.anthropic_base_url) as client:
        yield client


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


BAD: dict[str, tuple[str, str, dict[str, str], Any, int, str, str]] = {
    "openai-no-key": (
        "POST", "/v1/chat/completions", {}, CHAT, 401, "invalid_request_error", "API key",
    ),
    "anthropic-no-key": (
        "POST", "/v1/messages", without(ANTHROPIC, "x-api-key"), MESSAGES,
        401, "authentication_error", "x-api-key",
    ),
    "anthropic-no-version": (
        "POST", "/v1/messages", {"x-api-key": "k"}, MESSAGES,
        400, "invalid_request_error", "anthropic-version",
    ),
    "openai-model": (
        "POST", "/v1/chat/completions", OPENAI, {**CHAT, "model": "x"},
        404, "invalid_request_error", "`x` does not exist",
    ),
    "anthropic-model": (
        "POST", "/v1/messages", ANTHROPIC, {**MESSAGES, "model": "x"},
        404, "not_found_error", "model: x",
    ),
    "openai-json": ("POST", "/v1/responses", OPENAI, b"{", 400, "invalid_request_error", "JSON"),
    "anthropic-json": (
        "POST", "/v1/messages", ANTHROPIC, b"\xff", 400, "invalid_request_error", "JSON",
    ),
    "not-an-object": ("POST", "/v1/responses", OPENAI, [], 400, "invalid_request_error", "object"),
    "deeply-nested": (
        "POST", "/v1/responses", OPENAI, b"[" * 1900, 400, "invalid_request_error", "JSON",
    ),
    "openai-field": (
        "POST", "/v1/chat/completions", OPENAI, without(CHAT, "messages"),
        400, "invalid_request_error", "'messages'",
    ),
    "anthropic-field": (
        "POST", "/v1/messages", ANTHROPIC, CHAT, 400, "invalid_request_error", "max_tokens: Field",
    ),
    "openai-empty": (
        "POST", "/v1/chat/completions", OPENAI, {**CHAT, "messages": []},
        400, "invalid_request_error", "empty array",
    ),
    "openai-type": (
        "POST", "/v1/chat/completions", OPENAI, {**CHAT, "messages": ["hi"]},
        400, "invalid_request_error", "array of objects",
    ),
    "openai-range": (
        "POST", "/v1/chat/completions", OPENAI, {**CHAT, "temperature": -1},
        400, "invalid_request_error", "decimal below minimum value",
    ),
    "openai-max-tokens": (
        "POST", "/v1/chat/completions", OPENAI, {**CHAT, "max_tokens": 0},
        400, "invalid_request_error", "integer below minimum value",
    ),
    "openai-stop": (
        "POST", "/v1/chat/completions", OPENAI, {**CHAT, "stop": [1]},
        400, "invalid_request_error", "'stop'",
    ),
    "openai-choices": (
        "POST", "/v1/chat/completions", OPENAI, {**CHAT, "n": 2},
        400, "invalid_request_error", "one choice",
    ),
    "openai-path": ("POST", "/v1/nope", OPENAI, CHAT, 404, "invalid_request_error", "Invalid URL"),
    "anthropic-path": ("POST", "/v1/nope", ANTHROPIC, CHAT, 404, "not_found_error", "Not Found"),
    "openai-method": (
        "GET", "/v1/chat/completions", OPENAI, None, 405, "invalid_request_error", "GET",
    ),
    "models-method": ("POST", "/v1/models", OPENAI, {}, 405, "invalid_request_error", "POST"),
    "too-large": (
        "POST", "/v1/messages", ANTHROPIC, b" " * 2001, 413, "request_too_large", "maximum size",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_mistakes_are_answered_in_the_providers_shape(
    server: LLMServer, http: httpx2.AsyncClient, name: str
) -> None:
    """Status, type and words are those of the API that was called."""
    method, path, headers, body, status, kind, words = BAD[name]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await http.request(method, path, headers=headers, content=content)
    assert answer.status_code == status
    document = answer.json()
    assert document["error"]["type"] == kind
    assert words in document["error"]["message"]
    if server.requests[0].provider == "anthropic":
        assert document["type"] == "error"
        assert document["request_id"] == answer.headers["request-id"]
    else:
        assert set(document["error"]) == {"message", "type", "param", "code"}
        assert answer.headers["x-request-id"].startswith("req_")
    assert [(seen.status, seen.finished) for seen in server.requests] == [(status, True)]


async def test_body_of_just_the_limit_is_read(http: httpx2.AsyncClient) -> None:
    """The limit is inclusive."""
    body = json.dumps(CHAT).encode()
    answer = await http.post(
        "/v1/chat/completions", headers=OPENAI, content=body + b" " * (2000 - len(body))
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/chat/completions", {"authorization": "Bearer right"}, 200),
        ("/v1/chat/completions", {"authorization": "Bearer wrong"}, 401),
        ("/v1/messages", {**ANTHROPIC, "x-api-key": "right"}, 200),
        ("/v1/messages", {**ANTHROPIC, "x-api-key": "wrong"}, 401),
    ],
    ids=["openai-right", "openai-wrong", "anthropic-right", "anthropic-wrong"],
)
async def test_only_the_given_key_is_let_in(
    path: str, headers: dict[str, str], status: int
) -> None:
    """With `api_key=` set other keys get 401, and no key is kept or echoed."""
    async with (
        LLMServer(api_key="right") as server,
        httpx2.AsyncClient(base_url=server.anthropic_base_url) as http,
    ):
        answer = await http.post(path, headers=headers, json=MESSAGES)
        assert answer.status_code == status
        seen = server.requests[0]
    assert "wrong" not in answer.text
    assert {seen.headers.get("authorization"), seen.headers.get("x-api-key")} <= {None, "[hidden]"}
    assert "right" not in repr(seen)


async def test_success_has_openais_rate_headers(http: httpx2.AsyncClient) -> None:
    """Limits are told with Go durations."""
    answer = await http.post("/v1/chat/completions", headers=OPENAI, json=CHAT)
    found = {name: value for name, value in answer.headers.items() if "ratelimit" in name}
    assert found["x-ratelimit-limit-requests"] == "10000"
    assert found["x-ratelimit-remaining-requests"] == "9999"
    assert found["x-ratelimit-reset-requests"] == "6ms"
    assert set(found) == {
        f"x-ratelimit-{word}-{of}"
        for word in ("limit", "remaining", "reset")
        for of in ("requests", "tokens")
    }


async def raw(server: LLMServer, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(sent)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def request(body: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    lines = [
        b"POST /v1/chat/completions HTTP/" + version,
        b"Host: x",
        b"Authorization: Bearer k",
        b"Content-Length: %d" % len(body),
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


CLOSE = b"Connection: close"


async def test_pipelined_requests_are_answered_in_order(server: LLMServer) -> None:
    """Two requests in one packet get two answers on one connection."""
    server.script(["first", "second"])
    body = json.dumps(CHAT).encode()
    answers = await raw(server, request(body) + request(body, CLOSE))
    assert answers.count(b"HTTP/1.1 200") == 2
    assert answers.index(b"first") < answers.index(b"second")


async def test_reader_that_stops_holds_the_stream_back(server: LLMServer) -> None:
    """What a slow client does not read is not piled up, and nothing of it is lost."""
    chunks = ["x" * 1_000_000] * 10
    server.script([Reply(chunks=chunks)])
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1000)
    writer.write(request(json.dumps({**CHAT, "stream": True}).encode(), CLOSE))
    assert b"200" in await reader.readline()
    assert not server.requests[0].finished
    assert (await reader.read(-1)).count(b"x" * 1000) >= 10_000
    assert server.requests[0].finished
    writer.close()
    await writer.wait_closed()


async def test_http_1_0_is_answered_and_closed(server: LLMServer) -> None:
    """An old client gets its stream unchunked, ended by the end of the connection."""
    server.script(["old"])
    body = json.dumps({**CHAT, "stream": True}).encode()
    answer = await raw(server, request(body, version=b"1.0"))
    assert b"transfer-encoding" not in answer.lower()
    assert answer.endswith(b"data: [DONE]\n\n")


async def test_expect_continue_is_answered(server: LLMServer) -> None:
    """A client that asks before sending its body is told to go on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = json.dumps(CHAT).encode()
    head = request(body, b"Expect: 100-continue", CLOSE).removesuffix(body)
    writer.write(head)
    assert (await reader.readline()).startswith(b"HTTP/1.1 100")
    writer.write(body)
    assert b"HTTP/1.1 200" in await reader.read()
    writer.close()
    await writer.wait_closed()


async def test_head_is_refused_without_a_body(server: LLMServer) -> None:
    """HEAD gets the status and nothing that would break the framing."""
    answer = await raw(server, b"HEAD /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 405")
    assert answer.endswith(b"\r\n\r\n")


async def test_server_that_cannot_even_begin_does_not_keep_its_client_waiting() -> None:
    """A callable that fails where nothing can be answered ends the connection."""

    def clock() -> float:
        raise LookupError("no time")

    async with LLMServer(clock=clock) as server:
        with pytest.raises(ConnectionResetError):
            await raw(server, request(json.dumps(CHAT).encode()))


async def test_what_is_not_http_is_refused(server: LLMServer) -> None:
    """Nonsense gets a 400 and the door."""
    answer = await raw(server, b"nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert server.requests == []
