"""Requests to models among recorded HTTP exchanges."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tta_dev_primitives.devtools.traffic.errors import RequestError
from tta_dev_primitives.devtools.traffic.model_exchange import ModelExchange, model_exchange_of
from tta_dev_primitives.devtools.traffic.request import TokenUsage

MESSAGES = [{"role": "user", "content": "Why?"}]
CHAT = {"model": "small-model", "messages": MESSAGES, "temperature": 0}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def exchange(
    asked: Any = CHAT,
    answer: Any = None,
    *,
    method: str = "POST",
    host: str = "api.openai.com",
    target: str = "/v1/chat/completions",
    status: int = 200,
) -> ModelExchange | None:
    answer = {"usage": USAGE} if answer is None else answer
    return model_exchange_of(method, host, target, in_bytes(asked), status, in_bytes(answer))


def in_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def events(*told: Any, named: bool = False) -> bytes:
    """Return a stream of server-sent events, with their names as Anthropic has them."""
    lines = []
    for event in told:
        name = f"event: {event['type']}\n" if named else ""
        lines.append(f"{name}data: {event if isinstance(event, str) else json.dumps(event)}\n\n")
    return "".join(lines).encode()


def test_chat_completion_is_a_request() -> None:
    """The call of a model in a recording was not found."""
    assert exchange() == ModelExchange(
        "small-model", "openai", MESSAGES, {"temperature": 0}, TokenUsage(10, 5), None
    )


INPUT_USAGE = {"input_tokens": 10, "output_tokens": 5}
APIS = {
    "query": ("/v1/chat/completions?x=1", CHAT, {"usage": USAGE}),
    "below-another-path": ("/openai/v1/chat/completions", CHAT, {"usage": USAGE}),
    "responses": ("/v1/responses", {"model": "small-model", "input": "Why?"}, INPUT_USAGE),
    "messages": ("/v1/messages", CHAT, INPUT_USAGE),
    "completions": ("/v1/completions", {"model": "small-model", "prompt": "Why?"}, USAGE),
    "azure": (
        "/openai/deployments/small-model/chat/completions?api-version=1",
        {"messages": MESSAGES},
        USAGE,
    ),
}


@pytest.mark.parametrize(("target", "asked", "answer"), APIS.values(), ids=APIS)
def test_apis_that_are_known(target: str, asked: Any, answer: Any) -> None:
    """Calls through another API of the same provider cost nothing."""
    found = exchange(asked, answer if "usage" in answer else {"usage": answer}, target=target)
    assert found is not None
    assert (found.model, found.usage) == ("small-model", TokenUsage(10, 5))


def test_embeddings_cost_input_only() -> None:
    """Embeddings were left out of the bill."""
    asked, answer = {"model": "m", "input": ["a", "b"]}, {"usage": {"prompt_tokens": 4}}
    found = exchange(asked, answer, target="/v1/embeddings")
    assert found is not None
    assert (found.asked, found.usage) == (["a", "b"], TokenUsage(4, 0))


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "GET"},
        {"target": "/v1/models"},
        {"target": "/v1/messages/count_tokens"},
        {"target": "/rooms/5/messages", "asked": {"text": "hello"}},
        {"target": "/rooms/5/messages", "asked": {"messages": MESSAGES}},
        {"asked": b"\x00\x01"},
        {"asked": [1]},
        {"asked": {"model": "m", "messages": {"a": 1}}},
    ],
    ids=["get", "models", "count", "chat-room", "no-model", "bytes", "list", "other-messages"],
)
def test_other_exchanges_are_none(changes: Any) -> None:
    """A message to a chat room was taken for one to a model."""
    assert exchange(**changes) is None


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com:443", "openai"),
        ("API.anthropic.com", "anthropic"),
        ("desk.openai.azure.com", "azure"),
        ("127.0.0.1:8000", None),
        ("api.openai.com.example.org", None),
    ],
)
def test_provider_is_known_by_its_host(host: str, provider: str | None) -> None:
    """A model of one provider was paid at the price of another."""
    found = exchange(host=host)
    assert found is not None
    assert found.provider == provider


STREAMS = {
    "chat": (
        events(
            {"choices": [{"delta": {"content": "Because"}}], "usage": None},
            {"choices": [], "usage": USAGE},
            "[DONE]",
        ),
        TokenUsage(10, 5),
    ),
    "messages": (
        events(
            {
                "type": "message_start",
                "message": {
                    "usage": {
                        "input_tokens": 10,
                        "cache_read_input_tokens": 100,
                        "cache_creation_input_tokens": 0,
                        "output_tokens": 1,
                    }
                },
            },
            {"type": "content_block_delta", "delta": {"text": "Because"}},
            {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5}},
            {"type": "message_stop"},
            named=True,
        ),
        TokenUsage(110, 5, 100),
    ),
    "responses": (
        events(
            {"type": "response.created", "response": {"usage": None}},
            {"type": "response.completed", "response": {"usage": INPUT_USAGE}},
            named=True,
        ),
        TokenUsage(10, 5),
    ),
    "counting-up": (
        events({"usage": USAGE | {"completion_tokens": 1}}, {"usage": USAGE}),
        TokenUsage(10, 5),
    ),
    "null-at-the-end": (
        events({"usage": USAGE}, {"usage": dict.fromkeys(USAGE)}),
        TokenUsage(10, 5),
    ),
    "windows-lines": (
        events({"usage": USAGE}).replace(b"\n", b"\r\n"),
        TokenUsage(10, 5),
    ),
    "torn-at-the-end": (events({"usage": USAGE}) + b'data: {"usa', TokenUsage(10, 5)),
}


@pytest.mark.parametrize(("stream", "usage"), STREAMS.values(), ids=STREAMS)
def test_streams_tell_their_tokens_in_events(stream: bytes, usage: TokenUsage) -> None:
    """Streamed answers cost nothing, or were counted once for each event."""
    found = exchange(CHAT | {"stream": True}, stream)
    assert found is not None
    assert (found.usage, found.error) == (usage, None)


@pytest.mark.parametrize(
    ("status", "answer", "error", "usage"),
    [
        (
            429,
            {"error": {"type": "rate_limit", "message": "My key"}},
            "HTTP 429 rate_limit",
            (0, 0),
        ),
        (503, b"<html>", "HTTP 503", (0, 0)),
        (400, {"error": "no"}, "HTTP 400 error", (0, 0)),
        (200, {"error": {"code": "server_error"}}, "server_error", (0, 0)),
        (
            200,
            events(
                {"type": "message_start", "message": {"usage": INPUT_USAGE}},
                {"type": "error", "error": {"type": "overloaded_error"}},
            ),
            "overloaded_error",
            (10, 5),
        ),
    ],
    ids=["limit", "no-json", "plain", "in-the-body", "in-the-stream"],
)
def test_failed_calls_are_requests(
    status: int, answer: Any, error: str, usage: tuple[int, int]
) -> None:
    """A call that failed was not there, or its tokens were not paid."""
    found = exchange(CHAT, answer, status=status)
    assert found is not None
    assert (found.error, found.usage) == (error, TokenUsage(*usage))


@pytest.mark.parametrize(
    ("asked", "hint"), [(CHAT, "record it again"), (CHAT | {"stream": True}, "include_usage")]
)
def test_answer_without_counts_is_told(asked: Any, hint: str) -> None:
    """A stream that does not count its tokens cost nothing."""
    with pytest.raises(RequestError, match=hint):
        exchange(asked, {"choices": []})


def test_counts_of_real_answers_add_up() -> None:
    """Tokens that a provider had counted were lost or counted twice."""
    root = os.environ.get("TTA_TEST_DATA")
    if root is None:
        pytest.skip("TTA_TEST_DATA is not set; set it to the folder with llm-traffic")
    calls = added_up = 0
    for asked, target, host, answer in cassettes(Path(root, "llm-traffic")):
        try:
            found = model_exchange_of("POST", host, target, asked, 200, answer)
        except RequestError:
            continue  # some do not count
        if found is None or found.error is not None:
            continue
        calls += 1
        totals = re.findall(rb'"total_tokens": ?(\d+)', answer)
        if totals:
            assert found.usage.input + found.usage.output == int(totals[-1]), (host, target)
            added_up += 1
    assert calls >= 100
    assert added_up >= 60


def cassettes(root: Path) -> Iterator[tuple[bytes, str, str, bytes]]:
    """Yield request, path, host and answer of recorded exchanges."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for line in (root / "INDEX.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if not entry["format"].startswith("vcrpy"):
            continue
        try:
            told = yaml.load((root / entry["file"]).read_text(encoding="utf-8"), loader)
        except yaml.YAMLError:  # tags that stand for objects of Python
            continue
        for one in told["interactions"]:
            url = urlsplit(one["request"]["uri"])
            yield body_of(one["request"]), url.path, url.netloc, body_of(one["response"])


def body_of(side: Any) -> bytes:
    told = side.get("parsed_body", side.get("body", side.get("content")))
    if isinstance(told, dict) and "string" in told:
        told = told["string"]
    if not isinstance(told, str | bytes):
        told = json.dumps(told)
    data = told.encode() if isinstance(told, str) else told
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
