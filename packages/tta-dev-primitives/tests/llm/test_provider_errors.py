"""Errors of both SDKs, raised by the real SDKs, as this package's own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tta_dev_primitives.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilteredError,
    LLMError,
    LLMTimeoutError,
    MalformedResponseError,
    ProviderConnectionError,
    RateLimitedError,
    ServerError,
)
from tta_dev_primitives.llm.provider_errors import map_error, provider_errors

KEY = "sk-proj-Zx81TOTALLYsecretKEY0000"
BOTH = pytest.mark.parametrize("kind", ["openai", "anthropic"])


@pytest.fixture
def make(make_openai: Any, make_anthropic: Any) -> Callable[..., Any]:
    makers = {"openai": make_openai, "anthropic": make_anthropic}
    return lambda kind, **options: makers[kind](**{"api_key": KEY, **options})


async def failure(adapter: Any, *, streamed: bool = False) -> LLMError:
    """What asking *adapter* raises."""

    async def ask() -> None:
        if streamed:
            async for _ in adapter.stream("a secret prompt"):
                pass
        else:
            await adapter.execute("a secret prompt")

    with pytest.raises(LLMError) as caught:
        await ask()
    assert "secret" not in str(caught.value)
    return caught.value


def body(kind: str, message: str = "Something.", **fields: Any) -> dict[str, Any]:
    error = {"message": message, "type": "some_error", **fields}
    if kind == "openai":
        return {"error": {"param": None, "code": None, **error}}
    return {"type": "error", "error": error, "request_id": "req_in_body"}


STATUSES = {
    400: (BadRequestError, False),
    401: (AuthenticationError, False),
    402: (AuthenticationError, False),
    403: (AuthenticationError, False),
    404: (BadRequestError, False),
    405: (BadRequestError, False),
    408: (LLMTimeoutError, True),
    409: (ServerError, True),
    413: (BadRequestError, False),
    415: (BadRequestError, False),
    422: (BadRequestError, False),
    425: (ServerError, True),
    429: (RateLimitedError, True),
    431: (BadRequestError, False),
    498: (ServerError, True),
    500: (ServerError, True),
    501: (ServerError, True),
    502: (ServerError, True),
    503: (ServerError, True),
    504: (ServerError, True),
    529: (ServerError, True),
}


@BOTH
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("status", "expected"), STATUSES.items(), ids=map(str, STATUSES))
async def test_each_status_has_its_error(kind, make, wire, status, expected, streamed) -> None:
    wire.reply(body(kind), status, {"x-request-id": "req_1", "request-id": "req_1"})
    error = await failure(make(kind), streamed=streamed)
    assert (type(error), error.retryable) == expected
    assert (error.status, error.provider, error.request_id) == (status, kind, "req_1")
    assert str(error.model) in str(error)
    assert f"{status}: Something." in str(error) or status == 408
    assert error.__cause__ is not None


@BOTH
@pytest.mark.parametrize(
    ("status", "advice", "retryable"),
    [(400, "true", True), (429, "false", False), (529, "TRUE", True), (500, "maybe", True)],
)
async def test_provider_decides_whether_to_retry(
    kind, make, wire, status, advice, retryable
) -> None:
    wire.reply(body(kind), status, {"x-should-retry": advice})
    assert (await failure(make(kind))).retryable is retryable


@pytest.mark.parametrize(
    "code", ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"]
)
async def test_waiting_does_not_mend_an_unpaid_bill(make, wire, code) -> None:
    wire.reply(body("openai", type=code, code=code), 429)
    error = await failure(make("openai"))
    assert (type(error), error.retryable) == (RateLimitedError, False)


FILTERED = {
    "azure": (
        "openai",
        400,
        {
            "error": {
                "message": "The response was filtered",
                "code": "content_filter",
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
    ),
    "azure-inner-only": (
        "openai",
        400,
        {"error": {"code": "400", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
    ),
    "openai": ("openai", 400, body("openai", code="content_policy_violation")),
    "images": ("openai", 400, body("openai", code="moderation_blocked")),
    "openrouter": (
        "openai",
        403,
        {
            "error": {
                "code": 403,
                "message": "Your input was flagged",
                "metadata": {"reasons": ["violence"], "flagged_input": "a secret prompt"},
            }
        },
    ),
    "anthropic": (
        "anthropic",
        400,
        body("anthropic", "Output blocked by content filtering policy"),
    ),
}


@pytest.mark.parametrize(("kind", "status", "answer"), FILTERED.values(), ids=FILTERED)
async def test_refused_contents_have_an_error_of_their_own(
    make, wire, kind, status, answer
) -> None:
    wire.reply(answer, status)
    error = await failure(make(kind))
    assert (type(error), error.retryable, error.status) == (ContentFilteredError, False, status)


@BOTH
@pytest.mark.parametrize(
    ("status", "headers", "delay"),
    [
        (429, {"retry-after": "12"}, 12.0),
        (503, {"retry-after-ms": "1500"}, 1.5),
        (429, {"x-ratelimit-reset-tokens": "1m13.588s"}, 73.588),
        (500, {"x-ratelimit-reset-tokens": "1m13.588s"}, None),
        (400, {"retry-after": "12"}, None),
        (429, {"retry-after": "RETRY-AFTER-XXX"}, None),
    ],
    ids=["seconds", "server-error", "reset", "reset-without-limit", "bad-request", "scrubbed"],
)
async def test_delay_that_the_provider_asks_for_is_kept(
    kind, make, wire, status, headers, delay
) -> None:
    wire.reply(body(kind), status, headers)
    assert (await failure(make(kind))).retry_after == delay


async def test_delay_of_an_ordinary_answer_is_not_read(make, wire) -> None:
    """Anthropic sends `retry-after` with answers that are all right."""
    answer = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "fine"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    wire.reply(answer, headers={"retry-after": "36"})
    assert (await make("anthropic").execute("Hi")).text == "fine"


BODIES = {
    "text": ("upstream connect error", "text/plain", "upstream connect error"),
    "page": ("<html><body>Bad gateway</body></html>", "text/html", "answered 503"),
    "empty": ("", "application/json", "answered 503"),
    "null": ("null", "application/json", "answered 503"),
    "error-is-text": ('{"error": "model is loading"}', "application/json", "model is loading"),
    "message-only": ('{"message": "slow down"}', "application/json", "slow down"),
    "list": ('[{"error": {"message": "in a list"}}]', "application/json", "in a list"),
    "empty-list": ("[]", "application/json", "answered 503"),
    "validation": (
        '{"detail": [{"loc": ["body", "n"], "msg": "bad", "input": "a secret prompt"}, 3]}',
        "application/json",
        "body.n: bad",
    ),
    "cut-off": ('{"error": {"mess', "application/json", "answered 503"),
    "odd-fields": (
        '{"error": {"message": 7, "type": [], "code": {}}}',
        "application/json",
        "answered 503",
    ),
}


@BOTH
@pytest.mark.parametrize(("content", "content_type", "said"), BODIES.values(), ids=BODIES)
async def test_error_bodies_of_any_kind_are_read(
    kind, make, wire, content, content_type, said
) -> None:
    wire.reply(content, 503, {"content-type": content_type})
    error = await failure(make(kind))
    assert type(error) is ServerError
    assert said in str(error)


@BOTH
@pytest.mark.parametrize(
    "echo",
    [
        f"Incorrect API key provided: {KEY}.",
        "Incorrect API key provided: sk-proj-********************0000.",
        f"Bad header Authorization: Bearer {KEY}",
        "invalid x-api-key: 9f8e7d6c5b4a secretly short",
        "gsk_ABCDEFGHIJKLMNOP is gone",
        "AIzaSyA-1234567890abcdefg is gone",
    ],
)
async def test_keys_that_the_provider_echoes_are_masked(kind, make, wire, echo) -> None:
    wire.reply(body(kind, echo), 401)
    with pytest.raises(AuthenticationError, match="check the API key") as caught:
        await make(kind).execute("Hi")
    shown = str(caught.value)
    assert "***" in shown
    for part in ("TOTALLY", "0000", "9f8e7d6c5b4a", "ABCDEFGHI", "1234567890"):
        assert part not in shown


async def test_own_key_is_masked_whatever_it_looks_like(make, wire) -> None:
    wire.reply(body("openai", "no such key: hunter2hunter2"), 401)
    with pytest.raises(AuthenticationError) as caught:
        await make("openai", api_key="hunter2hunter2").execute("Hi")
    assert "hunter2" not in str(caught.value)


async def test_long_messages_are_cut(make, wire) -> None:
    wire.reply(body("openai", "word \n" * 5000), 400)
    assert len(str(await failure(make("openai")))) < 400


LOST = {
    "refused": (httpx2.ConnectError("all connection attempts failed"), ProviderConnectionError),
    "hung-up": (httpx2.RemoteProtocolError("peer closed"), ProviderConnectionError),
    "reset": (httpx2.ReadError("reset"), ProviderConnectionError),
    "read-timeout": (httpx2.ReadTimeout("slow"), LLMTimeoutError),
    "connect-timeout": (httpx2.ConnectTimeout("slow"), LLMTimeoutError),
    "pool-timeout": (httpx2.PoolTimeout("busy"), LLMTimeoutError),
    "undecodable": (httpx2.DecodingError("not gzip"), MalformedResponseError),
}


@BOTH
@pytest.mark.parametrize(("below", "expected"), LOST.values(), ids=LOST)
async def test_errors_below_http_are_mapped(kind, make, wire, below, expected) -> None:
    wire.fail(below)
    error = await failure(make(kind))
    assert (type(error), error.retryable, error.status) == (expected, True, None)


@BOTH
async def test_stdlib_roots_catch_them_too(kind, make, wire) -> None:
    wire.fail(httpx2.ConnectError("no route"))
    with pytest.raises(ConnectionError):
        await make(kind).execute("Hi")
    wire.fail(httpx2.ReadTimeout("slow"))
    with pytest.raises(TimeoutError):
        await make(kind).execute("Hi")


@BOTH
async def test_url_that_cannot_work_is_not_worth_a_retry(kind, make, wire) -> None:
    async with httpx2.AsyncClient() as http:
        error = await failure(make(kind, base_url="ftp://127.0.0.1/v1", http_client=http))
    assert (type(error), error.retryable) == (ProviderConnectionError, False)


@BOTH
async def test_unreachable_server_is_a_connection_error(kind, make) -> None:
    async with httpx2.AsyncClient() as http:
        error = await failure(make(kind, base_url="http://127.0.0.1:9", http_client=http))
    assert (type(error), error.retryable) == (ProviderConnectionError, True)


@pytest.mark.parametrize(
    ("inside", "expected", "status"),
    [
        ({"type": "server_error", "message": "Gone."}, ServerError, 500),
        ({"code": "rate_limit_exceeded", "message": "Gone."}, RateLimitedError, 429),
        ({"code": 502, "message": "Gone."}, ServerError, 502),
        ({"code": "content_filter", "message": "Gone."}, ContentFilteredError, None),
        ({"message": "Gone."}, ServerError, None),
        ("Gone.", ServerError, None),
    ],
    ids=["server", "limit", "openrouter", "filter", "no-name", "text"],
)
async def test_openai_error_in_a_stream_is_mapped(
    make, wire, sse, inside, expected, status
) -> None:
    begun = sse({"choices": [{"index": 0, "delta": {"content": "half"}}]})
    body = wire.stream([begun, f"data: {json.dumps({'error': inside})}\n\n".encode()])
    error = await failure(make("openai"), streamed=True)
    assert (type(error), error.status) == (expected, status)
    assert body.closed


async def test_openai_connection_lost_in_a_stream_is_mapped(make, wire, sse) -> None:
    begun = sse({"choices": [{"index": 0, "delta": {"content": "half"}}]})
    wire.stream([begun, httpx2.ReadError("reset by peer")])
    error = await failure(make("openai"), streamed=True)
    assert type(error) is ProviderConnectionError
    assert "reset by peer" in str(error)


async def test_mistakes_in_code_are_not_dressed_up(make) -> None:
    """An argument that the SDK does not know is the caller's to see as it is."""
    from tta_dev_primitives.llm.types import LLMRequest

    request = LLMRequest(({"role": "user", "content": "Hi"},), extra={"no_such_option": 1})
    with pytest.raises(TypeError, match="no_such_option"):
        await make("openai").execute(request)


def test_strangers_are_not_mapped() -> None:
    assert map_error(ValueError("mine"), "openai", "m") is None
    with contextlib.suppress(KeyError), provider_errors("openai", "m"):
        raise KeyError("mine")
    known = RateLimitedError("seen already")
    assert map_error(known, "openai", "m") is known


def test_other_errors_of_the_sdk_are_mapped_and_not_retried() -> None:
    class OpenAIError(Exception):
        """As the SDK raises for what it cannot be asked to do."""

    OpenAIError.__module__ = "openai"
    error = map_error(OpenAIError("odd"), "openai", "m")
    assert (type(error), error is not None and error.retryable) == (LLMError, False)

    class ContentFilterFinishReasonError(OpenAIError):
        """As the SDK's own parser raises."""

    error = map_error(ContentFilterFinishReasonError("no"), "openai", None)
    assert type(error) is ContentFilteredError


ANSWERED = {
    "azure": ({"error": {"message": "Gone.", "code": "content_filter"}}, ContentFilteredError),
    "openrouter": ({"error": {"message": "Gone.", "code": 502}}, ServerError),
    "limit": ({"error": {"message": "Gone.", "code": 429}}, RateLimitedError),
    "unpaid": ({"error": {"message": "Gone.", "code": "insufficient_quota"}}, RateLimitedError),
    "text": ({"error": "Gone."}, ServerError),
}


@BOTH
@pytest.mark.parametrize(("answer", "expected"), ANSWERED.values(), ids=ANSWERED)
async def test_error_that_came_with_status_200_is_mapped(
    kind, make, wire, answer, expected
) -> None:
    wire.reply(answer)
    error = await failure(make(kind))
    assert type(error) is expected
    assert "Gone." in str(error)
    unpaid = "insufficient_quota" in str(answer)
    assert error.retryable is (expected is not ContentFilteredError and not unpaid)
