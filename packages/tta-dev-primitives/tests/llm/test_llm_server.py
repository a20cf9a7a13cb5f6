"""Both adapters against the package's own server, over real sockets."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tta_dev_primitives.errors import (
    LLMError,
    MalformedResponseError,
    ProviderConnectionError,
    RateLimitedError,
    ServerError,
)
from tta_dev_primitives.llm.anthropic import AnthropicPrimitive
from tta_dev_primitives.llm.openai import OpenAIPrimitive
from tta_dev_primitives.llm.types import LLMRequest, Tool
from tta_dev_primitives.testing.llm_server import (
    DroppedConnection,
    ErrorStatus,
    LLMServer,
    MalformedBody,
    Overloaded,
    RateLimited,
    StreamAbort,
)

WEATHER = Tool(
    "weather",
    "Tell the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
ASK = ({"role": "user", "content": "Weather in Bern?"},)


@pytest.fixture
async def server() -> AsyncGenerator[LLMServer, None]:
    async with LLMServer(seed=1) as server:
        yield server


@pytest.fixture(params=["openai", "anthropic"])
async def adapter(request: pytest.FixtureRequest, server: LLMServer) -> AsyncGenerator[Any, None]:
    made: Any = (
        OpenAIPrimitive("gpt-4o-mini", base_url=server.openai_base_url)
        if request.param == "openai"
        else AnthropicPrimitive("claude-haiku-4-5", base_url=server.anthropic_base_url)
    )
    async with made:
        yield made


async def test_question_is_answered_counted_and_priced(adapter: Any) -> None:
    answer = await adapter.execute("What is a primitive?")
    assert answer.text.endswith(".")
    assert answer.finish_reason == "stop"
    assert answer.usage.input_tokens > 0 < answer.usage.output_tokens
    assert answer.cost > 0
    assert answer.latency > 0


async def test_stream_brings_the_same_answer_in_pieces(adapter: Any, server: LLMServer) -> None:
    server.script(["A step of a workflow."] * 2)
    whole = await adapter.execute("What is a primitive?")
    pieces = [piece async for piece in adapter.stream("What is a primitive?")]
    assert len(pieces) > 3
    assert "".join(piece.text for piece in pieces) == pieces[-1].response.text == whole.text
    assert pieces[-1].response.usage == whole.usage


async def test_tools_and_json_work(adapter: Any) -> None:
    called = await adapter.execute(LLMRequest(ASK, tools=(WEATHER,), tool_choice="weather"))
    assert [call.name for call in called.tool_calls] == ["weather"]
    assert set(called.tool_calls[0].parsed()) == {"city"}
    told = await adapter.execute(LLMRequest(ASK, json_schema=dict(WEATHER.parameters)))
    assert set(told.json()) == {"city"}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (RateLimited(retry_after=3), RateLimitedError),
        (ErrorStatus(status=500), ServerError),
        (Overloaded(), ServerError),
        (DroppedConnection(), ProviderConnectionError),
        (MalformedBody(), MalformedResponseError),
    ],
    ids=["limited", "failed", "overloaded", "dropped", "malformed"],
)
async def test_faults_are_our_errors_and_the_adapter_goes_on(
    adapter: Any, server: LLMServer, fault: Any, expected: type[LLMError]
) -> None:
    server.script([fault])
    with pytest.raises(expected) as caught:
        await adapter.execute("Hi")
    assert caught.value.retryable
    if expected is RateLimitedError:
        assert caught.value.retry_after == 3
    assert (await adapter.execute("Hi")).text


async def test_stream_left_early_leaves_nothing_running(adapter: Any, server: LLMServer) -> None:
    """Generators suspended inside the SDK have ended by the time `aclose` returns."""
    server.script(["word " * 500])
    stream = adapter.stream("Tell me a long story")
    assert (await anext(stream)).text
    await stream.aclose()
    del stream
    gc.collect()
    for _ in range(5):  # what is freed only now would be ended in tasks of the next turns
        await asyncio.sleep(0)
        kinds = {type(task.get_coro()).__name__ for task in asyncio.all_tasks()}
        assert kinds == {"coroutine"}
    assert (await adapter.execute("Hi")).text


@pytest.mark.parametrize("error_event", [False, True], ids=["hangs-up", "says-so"])
async def test_stream_that_breaks_off_is_no_answer(
    adapter: Any, server: LLMServer, error_event: bool
) -> None:
    server.script([StreamAbort(error_event=error_event)])
    with pytest.raises(ServerError if error_event else ProviderConnectionError):
        [piece async for piece in adapter.stream("Tell me a long story")]
