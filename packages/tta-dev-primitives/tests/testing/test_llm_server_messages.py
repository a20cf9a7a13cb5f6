"""Anthropic's messages, seen through the real SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import jsonschema
import pytest
from anthropic import AsyncAnthropic

from tta_dev_primitives.testing.llm_server import LLMServer, Reply, ServedModel, ToolCall

HELLO: Any = [{"role": "user", "content": "Hello there"}]
ASK: Any = {"model": "m", "max_tokens": 100, "messages": HELLO}
TOOL: Any = {
    "name": "get_weather",
    "description": "Weather of a place",
    "input_schema": {
        "type": "object",
        "properties": {"place": {"type": "string"}},
        "required": ["place"],
    },
}


@pytest.fixture
async def server() -> AsyncIterator[LLMServer]:
    async with LLMServer([ServedModel("m", provider="anthropic")], seed=7) as running:
        yield running


@pytest.fixture
async def client(server: LLMServer) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        base_url=server.anthropic_base_url,
        api_key="any",
        max_retries=0,
        http_client=anthropic.DefaultAsyncHttpxClient(verify=False),
    ) as opened:
        yield opened


async def test_scripted_reply_reaches_the_sdk_whole(
    server: LLMServer, client: AsyncAnthropic
) -> None:
    """Text, ids, usage and stop reason are where the SDK looks; cached tokens stand apart."""
    server.script([Reply("Good day", input_tokens=100, cached_tokens=40)])
    answer = await client.messages.create(**ASK)
    assert [block.text for block in answer.content if block.type == "text"] == ["Good day"]
    assert answer.stop_reason == "end_turn"
    assert answer.id.startswith("msg_")
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (60, 40)
    assert answer.usage.output_tokens == 2


async def test_stream_events_come_in_the_real_order(
    server: LLMServer, client: AsyncAnthropic
) -> None:
    """The raw events are those of the real API, and usage is cumulative."""
    server.script([Reply("one two three", input_tokens=9)])
    events: list[Any] = [event async for event in await client.messages.create(**ASK, stream=True)]
    assert [event.type for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert (events[0].message.usage.input_tokens, events[0].message.usage.output_tokens) == (9, 1)
    assert events[-2].usage.output_tokens == 4


async def test_stream_helper_gathers_the_final_message(
    server: LLMServer, client: AsyncAnthropic
) -> None:
    """The SDK's own accumulation ends in the scripted text."""
    server.script([Reply("one two three")])
    async with client.messages.stream(**ASK) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        final = await stream.get_final_message()
    assert text == "one two three"
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 4


@pytest.mark.parametrize(
    "choice",
    [{"type": "any"}, {"type": "tool", "name": "get_weather"}],
    ids=["any", "by-name"],
)
async def test_forced_tool_is_called_with_valid_arguments(
    client: AsyncAnthropic, choice: Any
) -> None:
    """A forced tool gets an input that matches its schema."""
    answer = await client.messages.create(**ASK, tools=[TOOL], tool_choice=choice)
    assert answer.stop_reason == "tool_use"
    (block,) = answer.content
    assert block.type == "tool_use"
    assert block.id.startswith("toolu_")
    jsonschema.validate(block.input, TOOL["input_schema"])


async def test_tool_input_is_streamed_as_json_pieces(
    server: LLMServer, client: AsyncAnthropic
) -> None:
    """Text and two tools make three blocks; the pieces of each input join to its JSON."""
    calls = (ToolCall("a", {"text": "something rather long"}), ToolCall("b", {}))
    server.script([Reply("Let me see.", tool_calls=calls)])
    async with client.messages.stream(**ASK) as stream:
        deltas = [
            event.delta.partial_json
            async for event in stream
            if event.type == "content_block_delta" and event.delta.type == "input_json_delta"
        ]
        final = await stream.get_final_message()
    assert [block.type for block in final.content] == ["text", "tool_use", "tool_use"]
    assert [block.input for block in final.content if block.type == "tool_use"] == [
        {"text": "something rather long"},
        {},
    ]
    assert len(deltas) > 4
    assert final.stop_reason == "tool_use"


async def test_structured_output_matches_its_schema(client: AsyncAnthropic) -> None:
    """`output_config.format` is obeyed."""
    schema: Any = {
        "type": "object",
        "properties": {"count": {"type": "integer"}, "when": {"type": "string", "format": "date"}},
        "required": ["count", "when"],
    }
    answer = await client.messages.create(
        **ASK, output_config={"format": {"type": "json_schema", "schema": schema}}
    )
    (block,) = answer.content
    assert block.type == "text"
    jsonschema.validate(json.loads(block.text), schema)


@pytest.mark.parametrize(
    ("fields", "reply", "text", "reason", "sequence"),
    [
        ({"max_tokens": 1}, "abcdefgh", "abcd", "max_tokens", None),
        ({"stop_sequences": ["e"]}, "abcdefgh", "abcd", "stop_sequence", "e"),
        ({}, Reply("no", finish_reason="content_filter"), "no", "refusal", None),
    ],
    ids=["max-tokens", "stop-sequence", "refusal"],
)
async def test_stop_reasons(
    server: LLMServer,
    client: AsyncAnthropic,
    fields: Any,
    reply: Any,
    text: str,
    reason: str,
    sequence: str | None,
) -> None:
    """Each end has Anthropic's own name for it."""
    server.script([reply])
    answer = await client.messages.create(**{**ASK, **fields})
    (block,) = answer.content
    assert block.type == "text"
    assert (block.text, answer.stop_reason, answer.stop_sequence) == (text, reason, sequence)


async def test_count_tokens_agrees_with_usage(client: AsyncAnthropic) -> None:
    """Counting first and asking afterwards give the same number."""
    prompt: Any = {
        "model": "m",
        "messages": HELLO,
        "system": "Be kind to everyone.",
        "tools": [TOOL],
    }
    counted = await client.messages.count_tokens(**prompt)
    answer = await client.messages.create(**prompt, max_tokens=10)
    assert counted.input_tokens == answer.usage.input_tokens > 10


async def test_models_are_listed_and_described(client: AsyncAnthropic) -> None:
    """The list is Anthropic's when Anthropic's SDK asks."""
    assert [model.id async for model in client.models.list()] == ["m"]
    assert (await client.models.retrieve("m")).max_input_tokens == 128_000
    with pytest.raises(anthropic.NotFoundError, match="model: other"):
        await client.models.retrieve("other")


async def test_rate_headers_are_anthropics(client: AsyncAnthropic) -> None:
    """Limits are told with RFC 3339 times."""
    raw = await client.messages.with_raw_response.create(**ASK)
    assert raw.headers["anthropic-ratelimit-requests-limit"] == "10000"
    assert int(raw.headers["anthropic-ratelimit-tokens-remaining"]) <= 2_000_000
    assert raw.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert "x-ratelimit-limit-requests" not in raw.headers


async def test_prompt_longer_than_the_window_is_a_bad_request() -> None:
    """The context window is enforced in Anthropic's words."""
    async with (
        LLMServer([ServedModel("m", context_window=10)]) as server,
        AsyncAnthropic(
            base_url=server.anthropic_base_url,
            api_key="any",
            max_retries=0,
            http_client=anthropic.DefaultAsyncHttpxClient(verify=False),
        ) as client,
    ):
        with pytest.raises(anthropic.BadRequestError, match="prompt is too long: 25 tokens > 10"):
            await client.messages.create(
                model="m", max_tokens=5, messages=[{"role": "user", "content": "x" * 100}]
            )
