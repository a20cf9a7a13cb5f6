"""OpenAI's chat completions, seen through the real SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import openai
import pytest
from openai import AsyncOpenAI

from tta_dev_primitives.testing.llm_server import LLMServer, Reply, ServedModel, ToolCall

HELLO: Any = [{"role": "user", "content": "Hello there"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a place",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string"},
                "days": {"type": "integer", "minimum": 1, "maximum": 7},
            },
            "required": ["place", "days"],
        },
    },
}


@pytest.fixture
async def server() -> AsyncIterator[LLMServer]:
    async with LLMServer([ServedModel("m", input_price=2.0, output_price=8.0)], seed=7) as running:
        yield running


@pytest.fixture
async def client(server: LLMServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=server.openai_base_url,
        api_key="any",
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(verify=False),
    ) as opened:
        yield opened


async def collected(stream: Any) -> tuple[str, list[Any]]:
    chunks = [chunk async for chunk in stream]
    return "".join(
        choice.delta.content or "" for chunk in chunks for choice in chunk.choices
    ), chunks


async def test_scripted_reply_reaches_the_sdk_whole(server: LLMServer, client: AsyncOpenAI) -> None:
    """Text, ids, usage and finish reason are where the SDK looks for them."""
    server.script([Reply("Good day, ångström", input_tokens=100, cached_tokens=40)])
    answer = await client.chat.completions.create(model="m", messages=HELLO)
    assert answer.choices[0].message.content == "Good day, ångström"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "m"
    assert answer.id.startswith("chatcmpl-")
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (100, 5)
    assert answer.usage.total_tokens == 105
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 40


async def test_request_record_holds_tokens_and_cost(server: LLMServer, client: AsyncOpenAI) -> None:
    """A test can check what an app sent and what it would have paid."""
    server.script([Reply("x" * 40, input_tokens=1000)])
    await client.chat.completions.create(model="m", messages=HELLO, temperature=0.5)
    (seen,) = server.requests
    assert (seen.provider, seen.api, seen.model, seen.status) == ("openai", "chat", "m", 200)
    assert (seen.input_tokens, seen.output_tokens) == (1000, 10)
    assert seen.cost == pytest.approx((1000 * 2.0 + 10 * 8.0) / 1e6)
    assert seen.body == {"model": "m", "messages": HELLO, "temperature": 0.5}
    assert seen.finished
    assert not seen.client_left


async def test_stream_joins_to_the_same_text_with_usage_last(
    server: LLMServer, client: AsyncOpenAI
) -> None:
    """The usage chunk has no choices and comes after the finish reason."""
    server.script([Reply("one two  three\n\nfour ")])
    text, chunks = await collected(
        await client.chat.completions.create(
            model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert text == "one two  three\n\nfour "
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 6
    assert {chunk.usage for chunk in chunks[:-1]} == {None}
    assert len({chunk.id for chunk in chunks}) == 1


async def test_stream_without_include_usage_has_none(client: AsyncOpenAI) -> None:
    """Usage comes only where it was asked for, as with the real API."""
    _, chunks = await collected(
        await client.chat.completions.create(model="m", messages=HELLO, stream=True)
    )
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


async def test_scripted_chunks_arrive_one_by_one(server: LLMServer, client: AsyncOpenAI) -> None:
    """The pieces of a stream can be dictated, split where it hurts."""
    pieces = ["{", '"a', '":', " 1}"]
    server.script([Reply(chunks=pieces)])
    _, chunks = await collected(
        await client.chat.completions.create(model="m", messages=HELLO, stream=True)
    )
    assert [chunk.choices[0].delta.content for chunk in chunks[1:-1]] == pieces


async def test_forced_tool_is_called_with_valid_arguments(client: AsyncOpenAI) -> None:
    """A forced tool gets arguments that match its schema."""
    answer = await client.chat.completions.create(
        model="m", messages=HELLO, tools=[WEATHER], tool_choice="required"
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "function"
    assert call.id.startswith("call_")
    assert call.function.name == "get_weather"
    jsonschema.validate(json.loads(call.function.arguments), WEATHER["function"]["parameters"])


async def test_tool_that_is_not_on_offer_is_a_bad_request(client: AsyncOpenAI) -> None:
    """Demanding a tool that was not passed is the client's mistake."""
    with pytest.raises(openai.BadRequestError, match="'nope' not found"):
        await client.chat.completions.create(
            model="m",
            messages=HELLO,
            tools=[WEATHER],
            tool_choice={"type": "function", "function": {"name": "nope"}},
        )


async def test_tool_calls_are_streamed_as_deltas(server: LLMServer, client: AsyncOpenAI) -> None:
    """Name and id come once, the arguments in pieces that join to the JSON."""
    calls = (
        ToolCall("a", {"text": "something rather long"}),
        ToolCall("b", "{broken", id="call_b"),
    )
    server.script([Reply(tool_calls=calls)])
    _, chunks = await collected(
        await client.chat.completions.create(model="m", messages=HELLO, stream=True)
    )
    found: dict[int, list[Any]] = {}
    for chunk in chunks:
        for delta in chunk.choices[0].delta.tool_calls or ():
            found.setdefault(delta.index, []).append(delta)
    assert [deltas[0].function.name for deltas in found.values()] == ["a", "b"]
    assert found[1][0].id == "call_b"
    joined = ["".join(delta.function.arguments for delta in deltas) for deltas in found.values()]
    assert joined == ['{"text": "something rather long"}', "{broken"]
    assert len(found[0]) > 2
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


SCHEMA = {
    "type": "object",
    "properties": {
        "mood": {"enum": ["good", "bad"]},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2},
    },
    "required": ["mood", "score", "tags"],
    "additionalProperties": False,
    "$defs": {"tag": {"type": "string", "maxLength": 5}},
}


@pytest.mark.parametrize(
    ("wanted", "schema"),
    [
        ({"type": "json_object"}, {"type": "object"}),
        (
            {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA, "strict": True}},
            SCHEMA,
        ),
    ],
    ids=["json-object", "json-schema"],
)
async def test_json_is_valid_where_json_is_wanted(
    client: AsyncOpenAI, wanted: Any, schema: Any
) -> None:
    """Structured output parses and matches its schema."""
    answer = await client.chat.completions.create(model="m", messages=HELLO, response_format=wanted)
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), schema)


@pytest.mark.parametrize(
    ("extra", "content", "finish"),
    [
        ({"max_tokens": 2}, "abcdefgh", "length"),
        ({"max_completion_tokens": 2}, "abcdefgh", "length"),
        ({"max_tokens": 3}, "abcdefghij", "stop"),
        ({"stop": "d"}, "abc", "stop"),
        ({"stop": ["x", "f", "c"]}, "ab", "stop"),
    ],
    ids=["cut", "cut-new-name", "just-fits", "stop-text", "first-stop-text"],
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_limits_cut_the_text(
    server: LLMServer,
    client: AsyncOpenAI,
    extra: Any,
    content: str,
    finish: str,
    stream: bool,
) -> None:
    """`max_tokens` and stop texts end an answer the way they end a model's."""
    server.script(["abcdefghij"])
    answer: Any = await client.chat.completions.create(
        model="m", messages=HELLO, stream=stream, **extra
    )
    if stream:
        text, chunks = await collected(answer)
        assert (text, chunks[-1].choices[0].finish_reason) == (content, finish)
    else:
        choice = answer.choices[0]
        assert (choice.message.content, choice.finish_reason) == (content, finish)


async def test_finish_reason_can_be_dictated(server: LLMServer, client: AsyncOpenAI) -> None:
    """A content filter can be played."""
    server.script([Reply("I", finish_reason="content_filter")])
    answer = await client.chat.completions.create(model="m", messages=HELLO)
    assert answer.choices[0].finish_reason == "content_filter"


async def test_sync_sdk_works_from_a_thread(server: LLMServer) -> None:
    """The server shares a process with blocking clients, so long as they have their own thread."""
    import asyncio

    def ask() -> str | None:
        with openai.OpenAI(base_url=server.openai_base_url, api_key="any") as blocking:
            answer = blocking.chat.completions.create(model="m", messages=HELLO)
            return answer.choices[0].message.content

    server.script(["from a thread"])
    assert await asyncio.to_thread(ask) == "from a thread"


async def test_answer_function_sees_the_parsed_request() -> None:
    """An `answer=` gets a neutral request and decides what is said."""
    seen: list[Any] = []

    async def answer(request: Any) -> str:
        seen.append(request)
        return f"you said {request.last_text}"

    async with (
        LLMServer(answer=answer) as server,
        AsyncOpenAI(
            base_url=server.openai_base_url,
            api_key="any",
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(verify=False),
        ) as client,
    ):
        reply = await client.chat.completions.create(
            model="whatever",
            messages=[
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": [{"type": "text", "text": "a"}]},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "c"},
            ],
            tools=[WEATHER],
        )
    assert reply.choices[0].message.content == "you said c"
    (request,) = seen
    assert (request.api, request.model, request.system) == ("chat", "whatever", "Be kind.")
    assert [(m.role, m.text) for m in request.messages] == [
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]
    assert [tool.name for tool in request.tools] == ["get_weather"]
    assert (request.attempt, request.stream, request.forced_tool) == (0, False, None)


async def test_answer_function_that_raises_is_a_500_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A broken callable fails the request at once, and its traceback is not lost."""

    def answer(_: Any) -> str:
        raise LookupError("no such thing")

    async with (
        LLMServer(answer=answer) as server,
        AsyncOpenAI(base_url=server.openai_base_url, api_key="any") as client,
    ):
        with pytest.raises(openai.InternalServerError, match=r"LookupError.*no such thing"):
            await client.chat.completions.create(model="m", messages=HELLO)
        assert len(server.requests) == 1
    assert "no such thing" in caplog.text


async def test_failure_in_the_middle_of_a_stream_cuts_it_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once an answer has begun there is no other way to tell the client."""

    async def sleep(_: float) -> None:
        raise LookupError("the clock is broken")

    async with (
        LLMServer([ServedModel("m", tokens_per_second=1)], sleep=sleep) as server,
        AsyncOpenAI(base_url=server.openai_base_url, api_key="any", max_retries=0) as client,
    ):
        server.script(["one two"])
        stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
        with pytest.raises(openai.APIConnectionError):
            await collected(stream)
        assert not server.requests[0].finished
    assert "the clock is broken" in caplog.text


async def test_prompt_longer_than_the_window_is_a_bad_request() -> None:
    """The context window is enforced in OpenAI's words."""
    async with (
        LLMServer([ServedModel("m", context_window=2)]) as server,
        AsyncOpenAI(base_url=server.openai_base_url, api_key="any", max_retries=0) as client,
    ):
        with pytest.raises(openai.BadRequestError, match="maximum context length is 2") as caught:
            await client.chat.completions.create(model="m", messages=HELLO)
    assert caught.value.code == "context_length_exceeded"


async def test_tokens_are_counted_by_the_given_rule() -> None:
    """`count_tokens=` replaces the rule of thumb everywhere."""
    async with (
        LLMServer(count_tokens=lambda text: len(text.split())) as server,
        AsyncOpenAI(
            base_url=server.openai_base_url,
            api_key="any",
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(verify=False),
        ) as client,
    ):
        server.script(["one two three four"])
        answer = await client.chat.completions.create(model="m", messages=HELLO, max_tokens=3)
    assert (answer.choices[0].message.content or "").split() == ["one", "two", "three"]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 3)
