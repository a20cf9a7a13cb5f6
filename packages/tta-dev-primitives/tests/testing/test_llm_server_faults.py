"""Each fault, as the real SDKs report it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from tta_dev_primitives.testing.llm_server import (
    DroppedConnection,
    ErrorStatus,
    Fault,
    FaultRates,
    Hang,
    LLMServer,
    MalformedBody,
    Overloaded,
    RateLimited,
    Reply,
    ServedModel,
    SlowChunks,
    StreamAbort,
)
from tta_dev_primitives.testing.llm_server.draws import Draws

HELLO: Any = [{"role": "user", "content": "Hello there"}]
Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
async def server(waits: list[float]) -> AsyncIterator[LLMServer]:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with LLMServer(sleep=sleep) as running:
        yield running


@pytest.fixture
async def openai_client(server: LLMServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=server.openai_base_url,
        api_key="k",
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(verify=False),
    ) as client:
        yield client


@pytest.fixture
async def anthropic_client(server: LLMServer) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        base_url=server.anthropic_base_url,
        api_key="k",
        max_retries=0,
        http_client=anthropic.DefaultAsyncHttpxClient(verify=False),
    ) as client:
        yield client


@pytest.fixture(params=["openai", "anthropic"])
def provider(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def ask(provider: str, request: pytest.FixtureRequest) -> Ask:
    """Ask one provider for a plain answer or a stream; gives the text or raises."""
    client: Any = request.getfixturevalue(f"{provider}_client")

    async def ask_openai(*, stream: bool = False, **options: Any) -> str:
        bound = client.with_options(**options)
        answer = await bound.chat.completions.create(model="m", messages=HELLO, stream=stream)
        if not stream:
            return answer.choices[0].message.content
        return "".join([chunk.choices[0].delta.content or "" async for chunk in answer])

    async def ask_anthropic(*, stream: bool = False, **options: Any) -> str:
        bound = client.with_options(**options)
        answer = await bound.messages.create(
            model="m", max_tokens=99, messages=HELLO, stream=stream
        )
        if not stream:
            return answer.content[0].text
        return "".join(
            [event.delta.text async for event in answer if event.type == "content_block_delta"]
        )

    return ask_openai if provider == "openai" else ask_anthropic


ERRORS: dict[str, tuple[Fault, type[Exception], type[Exception]]] = {
    "429": (RateLimited(), openai.RateLimitError, anthropic.RateLimitError),
    "quota": (
        RateLimited(quota_exhausted=True),
        openai.RateLimitError,
        anthropic.PermissionDeniedError,
    ),
    "500": (ErrorStatus(), openai.InternalServerError, anthropic.InternalServerError),
    "503": (
        ErrorStatus(status=503),
        openai.InternalServerError,
        anthropic.ServiceUnavailableError,
    ),
    "400": (ErrorStatus(status=400), openai.BadRequestError, anthropic.BadRequestError),
    "401": (ErrorStatus(status=401), openai.AuthenticationError, anthropic.AuthenticationError),
    "403": (ErrorStatus(status=403), openai.PermissionDeniedError, anthropic.PermissionDeniedError),
    "409": (ErrorStatus(status=409), openai.ConflictError, anthropic.ConflictError),
    "422": (
        ErrorStatus(status=422),
        openai.UnprocessableEntityError,
        anthropic.UnprocessableEntityError,
    ),
    "overloaded": (Overloaded(), openai.InternalServerError, anthropic.OverloadedError),
    "dropped": (DroppedConnection(), openai.APIConnectionError, anthropic.APIConnectionError),
}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", ERRORS)
async def test_fault_becomes_the_exception_of_the_sdk(
    server: LLMServer, ask: Ask, provider: str, name: str, stream: bool
) -> None:
    """The SDK raises what it raises for the real thing, and the next request is well."""
    fault, of_openai, of_anthropic = ERRORS[name]
    wanted = of_openai if provider == "openai" else of_anthropic
    server.script([fault, "well"])
    with pytest.raises(wanted) as caught:
        await ask(stream=stream)
    assert type(caught.value) is wanted
    assert server.requests[0].fault == fault
    assert (server.requests[0].cost, server.requests[0].output_tokens) == (0.0, 0)
    assert await ask(stream=stream) == "well"


SPOILED: dict[str, tuple[Fault, bool, type[Exception], type[Exception]]] = {
    "plain-cut": (StreamAbort(), False, openai.APIConnectionError, anthropic.APIConnectionError),
    "stream-cut": (StreamAbort(), True, openai.APIConnectionError, httpx2.RemoteProtocolError),
    "stream-error": (
        StreamAbort(error_event=True),
        True,
        openai.APIError,
        anthropic.APIStatusError,
    ),
    "plain-malformed": (MalformedBody(), False, json.JSONDecodeError, json.JSONDecodeError),
    "stream-malformed": (MalformedBody(), True, json.JSONDecodeError, json.JSONDecodeError),
}


@pytest.mark.parametrize("name", SPOILED)
async def test_spoiled_answer_becomes_the_exception_of_the_sdk(
    server: LLMServer, ask: Ask, provider: str, name: str
) -> None:
    """An answer that breaks off is reported the way the SDK reports it in the wild."""
    fault, stream, of_openai, of_anthropic = SPOILED[name]
    server.script([fault, "well"])
    wanted = of_openai if provider == "openai" else of_anthropic
    with pytest.raises(wanted):
        await ask(stream=stream)
    assert (server.requests[0].status, server.requests[0].fault) == (200, fault)
    assert await ask(stream=stream) == "well"


@pytest.mark.parametrize("after", [0, 1, 3, 99], ids=lambda after: f"after-{after}")
@pytest.mark.parametrize("error_event", [False, True], ids=["hang-up", "error-event"])
async def test_stream_breaks_after_the_scripted_chunks(after: int, error_event: bool) -> None:
    """Exactly so many chunks arrive, and the finish reason never does."""
    seen: list[str] = []
    finished: list[str] = []
    async with (
        LLMServer(answer=lambda _: Reply(chunks=["a", "b", "c", "d"])) as server,
        AsyncOpenAI(
            base_url=server.openai_base_url,
            api_key="k",
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(verify=False),
        ) as client,
    ):
        server.script([StreamAbort(after_chunks=after, error_event=error_event)])
        stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError):  # noqa: PT012 - it is the loop that raises
            async for chunk in stream:
                seen += [chunk.choices[0].delta.content or ""]
                finished += [chunk.choices[0].finish_reason or ""]
    assert [text for text in seen if text] == ["a", "b", "c", "d"][:after]
    assert not any(finished)


async def test_slow_chunks_pause_before_each_and_lose_nothing(
    server: LLMServer, ask: Ask, waits: list[float]
) -> None:
    """Slow is not broken: all of it arrives, late."""
    server.script([SlowChunks(seconds_per_chunk=2.5, after_seconds=1)])
    server_text = await ask(stream=True)
    pieces = len(server_text.split())
    assert waits == [1.0] + [2.5] * pieces
    assert server.requests[0].status == 200


async def test_slow_plain_body_comes_in_four_pieces(
    server: LLMServer, ask: Ask, waits: list[float]
) -> None:
    """A plain answer can be slow as well."""
    server.script([SlowChunks(seconds_per_chunk=0.25)])
    assert await ask()
    assert waits == [0.25] * 4


async def test_hang_ends_when_the_client_gives_up(server: LLMServer, ask: Ask) -> None:
    """A hanging request is seen to end by its client leaving."""
    server.script([Hang()])
    with pytest.raises((openai.APITimeoutError, anthropic.APITimeoutError)):
        await ask(timeout=0.05)
    for _ in range(100):
        if server.requests[0].client_left:
            break
        await asyncio.sleep(0.01)
    assert server.requests[0].client_left
    assert not server.requests[0].finished
    assert server.requests[0].status is None


async def test_client_that_leaves_a_stream_is_noticed() -> None:
    """A loser that is cancelled stops costing the server anything."""
    async with (
        LLMServer([ServedModel("m", tokens_per_second=0.01)]) as server,
        AsyncOpenAI(
            base_url=server.openai_base_url,
            api_key="k",
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(verify=False),
        ) as client,
    ):
        server.script(["first second third"])
        stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
        await stream.close()
        for _ in range(100):
            if server.requests[0].client_left:
                break
            await asyncio.sleep(0.01)
        assert server.requests[0].client_left


async def test_retry_after_is_honoured_by_the_sdk(server: LLMServer, ask: Ask) -> None:
    """The SDK's own retry waits for as long as it was told, and no longer."""
    server.script([RateLimited(retry_after=0.06), "second time"])
    assert await ask(max_retries=1) == "second time"
    first, second = server.requests
    assert 0.06 <= second.received_at - first.received_at < 0.35
    assert (first.attempt, second.attempt) == (0, 1)


@pytest.mark.parametrize(
    ("fault", "provider", "headers"),
    [
        (
            RateLimited(retry_after=20),
            "openai",
            {
                "retry-after": "20",
                "retry-after-ms": "20000",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "20s",
                "x-should-retry": None,
            },
        ),
        (
            RateLimited(retry_after="Fri, 31 Dec 1999 23:59:59 GMT"),
            "openai",
            {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT", "retry-after-ms": None},
        ),
        (RateLimited(retry_after=None), "openai", {"retry-after": None}),
        (
            RateLimited(retry_after=1.5),
            "anthropic",
            {
                "retry-after": "1.5",
                "retry-after-ms": None,
                "anthropic-ratelimit-requests-remaining": "0",
                "x-should-retry": "true",
            },
        ),
        (Overloaded(), "anthropic", {"x-should-retry": "true", "retry-after": None}),
        (ErrorStatus(status=400), "anthropic", {"x-should-retry": "false"}),
        (ErrorStatus(should_retry=False), "openai", {"x-should-retry": "false"}),
    ],
    ids=["seconds", "date", "none", "anthropic", "overloaded", "bad-request", "told-not-to"],
    indirect=["provider"],
)
async def test_error_headers(
    server: LLMServer, ask: Ask, fault: Fault, headers: dict[str, str | None]
) -> None:
    """Waits and rate limits are told in the provider's own headers."""
    server.script([fault])
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as caught:
        await ask()
    found = caught.value.response.headers
    assert {name: found.get(name) for name in headers} == headers
    assert caught.value.request_id


async def test_quota_is_told_from_a_passing_limit(
    server: LLMServer, openai_client: AsyncOpenAI
) -> None:
    """OpenAI's code says which 429 will never pass."""
    codes: list[str | None] = []
    for exhausted in (False, True):
        server.script([RateLimited(quota_exhausted=exhausted)])
        with pytest.raises(openai.RateLimitError) as caught:
            await openai_client.chat.completions.create(model="m", messages=HELLO)
        codes.append(caught.value.code)
    assert codes == ["rate_limit_exceeded", "insufficient_quota"]


async def test_fault_can_come_late(server: LLMServer, ask: Ask, waits: list[float]) -> None:
    """A failure may take its time."""
    server.script([Overloaded(after_seconds=4)])
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)):
        await ask()
    assert waits == [4]


async def test_answer_function_may_fail_the_request(openai_client: AsyncOpenAI) -> None:
    """Faults can depend on what was asked."""

    def answer(request: Any) -> Fault | str:
        return Overloaded() if request.model == "bad" else "fine"

    async with LLMServer(answer=answer) as server:
        client = openai_client.with_options(base_url=server.openai_base_url)
        await client.chat.completions.create(model="good", messages=HELLO)
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(model="bad", messages=HELLO)
        assert [seen.status for seen in server.requests] == [200, 503]


async def test_script_of_one_model_leaves_the_others_alone(
    server: LLMServer, openai_client: AsyncOpenAI
) -> None:
    """One model can be down while another answers."""
    server.script([Overloaded(), "back"], model="a")
    server.script(["general"])
    texts: list[str | None] = []
    for model in ("b", "a", "a"):
        try:
            answer = await openai_client.chat.completions.create(model=model, messages=HELLO)
            texts.append(answer.choices[0].message.content)
        except openai.InternalServerError:
            texts.append("down")
    assert texts == ["general", "down", "back"]
    assert server.outcomes_left == 0


async def test_answer_function_may_spoil_its_answer() -> None:
    """A fault that needs an answer to spoil gets the default one."""
    async with (
        LLMServer(answer=lambda _: MalformedBody()) as server,
        httpx2.AsyncClient(headers={"authorization": "Bearer k"}) as http,
    ):
        body = {"model": "m", "messages": HELLO}
        answer = await http.post(f"{server.openai_base_url}/chat/completions", json=body)
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("rate_limited", RateLimited(retry_after=9)),
        ("server_error", ErrorStatus()),
        ("overloaded", Overloaded()),
        ("dropped_connection", DroppedConnection()),
        ("stream_abort", StreamAbort(after_chunks=7)),
        ("slow_chunks", SlowChunks(seconds_per_chunk=8)),
        ("malformed_body", MalformedBody()),
        ("hang", Hang()),
    ],
)
def test_each_kind_can_be_drawn(kind: str, fault: Fault) -> None:
    """A rate of 1 draws nothing else, with the settings of the rates."""
    rates = FaultRates(
        **{kind: 1.0}, retry_after_seconds=9, slow_chunk_seconds=8, abort_after_chunks=7
    )
    assert rates.draw(Draws(0, b"0" * 16, 0)) == fault


async def test_bad_luck_is_bounded(openai_client: AsyncOpenAI) -> None:
    """However high the rates, two retries get the same request through."""
    statuses: list[int | None] = []
    async with LLMServer(faults=FaultRates(server_error=1.0)) as server:
        client = openai_client.with_options(base_url=server.openai_base_url)
        for _ in range(6):
            try:
                await client.chat.completions.create(model="m", messages=HELLO)
            except openai.InternalServerError:
                continue
        statuses = [seen.status for seen in server.requests]
    assert statuses == [500, 500, 200, 500, 500, 200]


async def test_rates_of_a_model_replace_the_servers(openai_client: AsyncOpenAI) -> None:
    """A reliable model may stand beside a flaky one."""
    models = [ServedModel("solid", faults=FaultRates()), ServedModel("flaky")]
    async with LLMServer(models, faults=FaultRates(rate_limited=1.0)) as server:
        client = openai_client.with_options(base_url=server.openai_base_url)
        await client.chat.completions.create(model="solid", messages=HELLO)
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="flaky", messages=HELLO)


async def test_limits_of_a_model_are_enforced_and_refill(openai_client: AsyncOpenAI) -> None:
    """A real limit gives a real 429 with the wait until there is room again."""
    now = 1000.0
    async with LLMServer([ServedModel("m", requests_per_minute=2)], clock=lambda: now) as server:
        client = openai_client.with_options(base_url=server.openai_base_url)

        async def remaining() -> str:
            raw = await client.chat.completions.with_raw_response.create(model="m", messages=HELLO)
            return raw.headers["x-ratelimit-remaining-requests"]

        assert [await remaining(), await remaining()] == ["1", "0"]
        with pytest.raises(openai.RateLimitError) as caught:
            await remaining()
        assert caught.value.response.headers["retry-after"] == "30"
        now += 30
        assert await remaining() == "0"
