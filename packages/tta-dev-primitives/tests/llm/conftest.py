from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import httpx2
import pytest

from tta_dev_primitives.llm import pricing
from tta_dev_primitives.llm.anthropic import AnthropicPrimitive
from tta_dev_primitives.llm.openai import OpenAIPrimitive


class Pieces(httpx2.AsyncByteStream):
    """A body that arrives in the given pieces; an exception among them is raised there."""

    def __init__(self, pieces: Sequence[bytes | Exception]) -> None:
        self.pieces = pieces
        self.sent = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            self.sent += 1
            yield piece

    async def aclose(self) -> None:
        self.closed = True


class Wire:
    """A provider that answers from a list and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []
        self.answers: list[Callable[[httpx2.Request], httpx2.Response]] = []
        self.http = httpx2.AsyncClient(transport=httpx2.MockTransport(self._handle))

    async def _handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self.answers.pop(0)(request)

    @property
    def asked(self) -> dict[str, Any]:
        """The JSON of the last request."""
        return json.loads(self.requests[-1].content)

    def reply(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer with JSON, or with *body* as it is when it is text or bytes."""
        if isinstance(body, str | bytes):
            content = body.encode() if isinstance(body, str) else body
        else:
            content = json.dumps(body).encode()
        sent = {"content-type": "application/json", **(headers or {})}
        self.answers.append(
            lambda request: httpx2.Response(status, headers=sent, content=content, request=request)
        )

    def stream(self, pieces: Sequence[bytes | Exception]) -> Pieces:
        """Answer with server-sent events that arrive in *pieces*."""
        body = Pieces(pieces)
        sent = {"content-type": "text/event-stream; charset=utf-8"}
        self.answers.append(
            lambda request: httpx2.Response(200, headers=sent, stream=body, request=request)
        )
        return body

    def fail(self, error: Exception) -> None:
        """Fail below HTTP."""

        def answer(request: httpx2.Request) -> httpx2.Response:
            raise error

        self.answers.append(answer)


@pytest.fixture
async def wire() -> AsyncGenerator[Wire, None]:
    wire = Wire()
    async with wire.http:
        yield wire
    assert not wire.answers, "the adapter did not ask for every answer"


@pytest.fixture
def make_openai(wire: Wire) -> Callable[..., OpenAIPrimitive]:
    """Adapters whose requests go to the wire."""

    def make(model: str = "gpt-4o-mini", **options: Any) -> OpenAIPrimitive:
        given: dict[str, Any] = {"api_key": "sk-test-000000000000", "http_client": wire.http}
        return OpenAIPrimitive(model, **{**given, **options})

    return make


@pytest.fixture
def make_anthropic(wire: Wire) -> Callable[..., AnthropicPrimitive]:
    """Adapters whose requests go to the wire."""

    def make(model: str = "claude-haiku-4-5", **options: Any) -> AnthropicPrimitive:
        given: dict[str, Any] = {"api_key": "sk-ant-test-00000000", "http_client": wire.http}
        return AnthropicPrimitive(model, **{**given, **options})

    return make


@pytest.fixture(autouse=True)
def no_prices_left_behind() -> Iterator[None]:
    yield
    pricing.clear_prices()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and URLs of whoever runs the tests are out of reach."""
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_ADMIN_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)


def events(*documents: Any, named: bool = False, done: bool = False) -> bytes:
    """Server-sent events of JSON documents, with the names Anthropic gives them."""
    text = "".join(
        (f"event: {document['type']}\n" if named else "")
        + f"data: {json.dumps(document, ensure_ascii=False)}\n\n"
        for document in documents
    )
    return (text + ("data: [DONE]\n\n" if done else "")).encode()


@pytest.fixture
def sse() -> Callable[..., bytes]:
    return events


@pytest.fixture
def cut() -> Callable[[bytes, int], list[bytes]]:
    """Cut bytes into pieces of the same size, without regard for what is in them."""
    return lambda data, size: [data[at : at + size] for at in range(0, len(data), size)]
