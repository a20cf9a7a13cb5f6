"""Recorded traffic: a careful loader, and a reader of answers that shares nothing with ours."""

from __future__ import annotations

import functools
import gzip
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import yaml

from tta_dev_primitives.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilteredError,
    LLMError,
    RateLimitedError,
    ServerError,
)
from tta_dev_primitives.llm.types import LLMRequest

_ISTR = "tag:yaml.org,2002:python/object/apply:multidict._multidict.istr"
_HOP_BY_HOP = {
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_GZIP = b"\x1f\x8b"
_NO_BODY = object()


ERRORS: dict[int, type[LLMError]] = {
    200: ContentFilteredError,
    400: BadRequestError,
    401: AuthenticationError,
    404: BadRequestError,
    429: RateLimitedError,
    503: ServerError,
    529: ServerError,
}


class NotHttpError(Exception):
    """The recording holds no HTTP traffic."""


_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):
    """Plain YAML, and case-insensitive strings as text; any other Python object is refused."""


_Loader.add_constructor(_ISTR, lambda loader, node: str(loader.construct_sequence(node)[0]))


@dataclass(frozen=True)
class Exchange:
    """One request with its response, bodies as bytes that can be sent."""

    url: str
    asked: Any
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def served_by(self) -> str:
        """The adapter that can replay it, or why there is none."""
        path = urlsplit(self.url).path
        if path.endswith("/chat/completions"):
            return "openai"
        if path.endswith("/v1/messages"):
            return "anthropic"
        return f"not served: {_endpoint(path)}"

    @property
    def base_url(self) -> str:
        """What the SDK has to be told to send its request there."""
        parts = urlsplit(self.url)
        cut = "/chat/completions" if self.served_by == "openai" else "/v1/messages"
        return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(cut)}"

    @property
    def streamed(self) -> bool:
        """Whether the answer came in server-sent events, whatever its headers say."""
        return self.status == 200 and bool(self.asked) and self.asked.get("stream") is True

    @property
    def text(self) -> str:
        """The body as text."""
        return (gzip.decompress(self.body) if self.body[:2] == _GZIP else self.body).decode()


def _endpoint(path: str) -> str:
    known = (
        "responses", "embeddings", "enerateContent", "converse", "invoke", "threads", "completions",
        "count_tokens", "countTokens", "count-tokens", "models", "conversations", "embedContent",
        "batch", "generate", "chat", "fileSearchStores",
    )  # fmt: skip
    return next((word for word in known if word in path), "something else")


@functools.cache
def load(path: Path) -> tuple[Exchange, ...]:
    """Read every exchange of a recording, whichever tool made it."""
    text = path.read_text()
    document = json.loads(text) if path.suffix == ".json" else yaml.load(text, _Loader)
    if not isinstance(document, dict):
        raise NotHttpError(f"{path.name}: {type(document).__name__} at the top")
    interactions = document.get("interactions", [document])
    return tuple(_exchange(interaction, path.name) for interaction in interactions)


def _exchange(interaction: Any, name: str) -> Exchange:
    request, response = interaction.get("request"), interaction.get("response")
    if not isinstance(request, dict) or not isinstance(response, dict):
        raise NotHttpError(f"{name}: no request with a response, but {sorted(interaction)}")
    status: Any = response.get("status", response.get("status_code"))
    body = _body(response)
    if body is _NO_BODY:
        raise NotHttpError(f"{name}: a response without a body, but {sorted(response)}")
    content = _bytes(body)
    headers = tuple(
        (str(key).lower(), str(value))
        for key, values in (response.get("headers") or {}).items()
        for value in (values if isinstance(values, list) else [values])
        if str(key).lower() not in _HOP_BY_HOP
        # The header may lie; what the bytes begin with does not.
        and (str(key).lower() != "content-encoding" or content[:2] == _GZIP)
    )
    return Exchange(
        url=request.get("uri") or request["url"],
        asked=_json(_bytes(_body(request))),
        status=status["code"] if isinstance(status, dict) else status,
        headers=headers,
        body=content,
    )


def _body(side: dict[str, Any]) -> Any:
    if "parsed_body" in side:
        return side["parsed_body"]
    if "content" in side:
        return side["content"]
    body = side.get("body", _NO_BODY)
    if isinstance(body, dict) and set(body) <= {"string", "encoding"}:
        return body.get("string")
    return body


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    return b"" if body is None or body is _NO_BODY else json.dumps(body).encode()


def _json(content: bytes) -> Any:
    try:
        return json.loads(gzip.decompress(content) if content[:2] == _GZIP else content)
    except ValueError:
        return None


def read_events(text: str) -> list[Any]:
    """The JSON of server-sent events."""
    blocks = re.split(r"\r?\n\r?\n", text)
    datas = [
        "\n".join(line[5:].strip() for line in block.splitlines() if line.startswith("data:"))
        for block in blocks
    ]
    return [json.loads(data) for data in datas if data and data != "[DONE]"]


_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "eos": "stop",
}


def read_openai(exchange: Exchange) -> dict[str, Any]:
    """What a chat completion says, read from its JSON."""
    documents = read_events(exchange.text) if exchange.streamed else [json.loads(exchange.text)]
    text, finish, usage, calls = "", None, {}, {}
    for document in documents:
        usage = document.get("usage") or (document.get("x_groq") or {}).get("usage") or usage
        for choice in document["choices"]:
            if choice.get("index"):
                continue
            finish = choice.get("finish_reason") or finish
            finish = (choice.get("finish_details") or {}).get("type") or finish
            message = choice.get("message") or choice.get("delta") or {}
            content = message.get("content") or ""
            if isinstance(content, list):
                content = "".join(part["text"] for part in content if part["type"] == "text")
            text += content
            for number, call in enumerate(message.get("tool_calls") or []):
                kept = calls.setdefault(call.get("index", number), ["", "", ""])
                function = call["function"]
                kept[0] = kept[0] or call.get("id") or ""
                kept[1] = kept[1] or function.get("name") or ""
                kept[2] += function.get("arguments") or ""
    prompt, answer = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    if "generativelanguage" in exchange.url:
        answer = usage["total_tokens"] - prompt  # Gemini counts thoughts in the total only
    if finish is None:
        finish = "tool_calls" if calls else "stop"
    details = usage.get("prompt_tokens_details") or {}
    cached = details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or 0
    return {
        "text": text,
        "finish_reason": _FINISH.get(finish, finish),
        "tokens": (prompt, answer, cached or usage.get("num_cached_tokens") or 0),
        "tool_calls": [tuple(call) for call in calls.values()],
        "model": documents[0]["model"],
    }


def read_anthropic(exchange: Exchange) -> dict[str, Any]:
    """What a message says, read from its JSON."""
    documents = read_events(exchange.text) if exchange.streamed else [json.loads(exchange.text)]
    blocks: dict[int, dict[str, Any]] = {}
    usage: dict[str, Any] = {}
    finish, model = None, ""
    for document in documents:
        kind = document["type"]
        if kind in ("message", "message_start"):
            message = document.get("message", document)
            blocks = dict(enumerate(message["content"]))
            usage, finish, model = message["usage"], message["stop_reason"], message["model"]
        elif kind == "content_block_start":
            blocks[document["index"]] = {**document["content_block"], "written": ""}
        elif kind == "content_block_delta":
            block, delta = blocks[document["index"]], document["delta"]
            if "text" in delta:
                block["text"] += delta["text"]
            block["written"] += delta.get("partial_json", "")
        elif kind == "message_delta":
            finish = document["delta"]["stop_reason"]
            newer = {key: value for key, value in document["usage"].items() if value is not None}
            usage = {**usage, **newer}
    tools = [block for block in blocks.values() if block["type"] == "tool_use"]
    read = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    return {
        "text": "".join(block["text"] for block in blocks.values() if block["type"] == "text"),
        "finish_reason": _FINISH.get(finish or "", finish),
        "tokens": (usage["input_tokens"] + read + written, usage["output_tokens"], read),
        "tool_calls": [
            (
                block["id"],
                block["name"],
                block["written"] if exchange.streamed else json.dumps(block["input"]),
            )
            for block in tools
        ],
        "model": model,
    }


@pytest.fixture
def load_recording() -> Any:
    return load


@pytest.fixture
def read_answer() -> Any:
    readers = {"openai": read_openai, "anthropic": read_anthropic}
    return lambda exchange: readers[exchange.served_by](exchange)


@pytest.fixture
def not_http() -> type[Exception]:
    return NotHttpError


async def ask(adapter: Any, request: LLMRequest, *, streamed: bool) -> Any:
    """The answer, or the error in its place."""
    try:
        if not streamed:
            return await adapter.execute(request)
        pieces = [piece async for piece in adapter.stream(request)]
    except LLMError as error:
        return error
    assert "".join(piece.text for piece in pieces) == pieces[-1].response.text
    return pieces[-1].response


@pytest.fixture
def replay(make_openai: Any, make_anthropic: Any, wire: Any, cut: Any, read_answer: Any) -> Any:
    """Send a recorded request, answer as recorded, and compare what comes out."""

    async def replay(exchange: Any, size: int) -> None:
        wire.answers.append(lambda request: response(exchange, cut(exchange.body, size), request))
        make = {"openai": make_openai, "anthropic": make_anthropic}[exchange.served_by]
        asked = dict(exchange.asked)
        adapter = make(asked.pop("model", "m"), base_url=exchange.base_url)
        messages, streamed = tuple(asked.pop("messages")), asked.pop("stream", False)
        request = LLMRequest(messages, extra={"extra_body": asked})
        outcome = await ask(adapter, request, streamed=streamed)
        if isinstance(outcome, LLMError):
            # An error with status 200 is one that Azure's filter wrote into the body.
            assert type(outcome) is ERRORS[exchange.status], outcome
            assert outcome.status == (400 if exchange.status == 200 else exchange.status)
            assert outcome.retryable is (exchange.status in (429, 503, 529))
            assert outcome.retry_after is None, "no recorded error names a delay"
        else:
            assert exchange.status == 200
            usage = outcome.usage
            assert {
                "text": outcome.text,
                "finish_reason": outcome.finish_reason,
                "tokens": (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens),
                "tool_calls": [(call.id, call.name, call.arguments) for call in outcome.tool_calls],
                "model": outcome.model,
            } == read_answer(exchange)
        defaults = {"stream": False, "stream_options": {"include_usage": True}, "max_tokens": 1024}
        assert {**defaults, **wire.asked} == {**defaults, **exchange.asked}

    return replay


def response(exchange: Any, pieces: list[bytes], request: httpx2.Request) -> httpx2.Response:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    headers = list(exchange.headers)
    if exchange.streamed:
        return httpx2.Response(exchange.status, headers=headers, content=body(), request=request)
    return httpx2.Response(exchange.status, headers=headers, content=exchange.body, request=request)
