"""OpenAI's responses, embeddings and models, seen through the real SDK."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import openai
import pytest
from openai import AsyncOpenAI

from tta_dev_primitives.testing.llm_server import (
    LLMServer,
    RateLimited,
    Reply,
    ServedModel,
    ToolCall,
)

TOOL: Any = {
    "type": "function",
    "name": "multiply",
    "description": "Multiply two numbers",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    "strict": True,
}


@pytest.fixture
async def server() -> AsyncIterator[LLMServer]:
    models = [
        ServedModel("m", input_price=1.0),
        ServedModel("claude", provider="anthropic"),
        ServedModel("lab/new"),
    ]
    async with LLMServer(models, seed=7) as running:
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


async def test_scripted_reply_reaches_the_sdk_whole(server: LLMServer, client: AsyncOpenAI) -> None:
    """Text, usage and status are where the SDK looks for them."""
    server.script([Reply("Good day", input_tokens=50, cached_tokens=10)])
    answer = await client.responses.create(model="m", input="Hello", instructions="Be kind")
    assert answer.output_text == "Good day"
    assert answer.status == "completed"
    assert answer.id.startswith("resp_")
    assert answer.instructions == "Be kind"
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (50, 2)
    assert answer.usage.input_tokens_details.cached_tokens == 10


async def test_stream_events_come_in_the_real_order(server: LLMServer, client: AsyncOpenAI) -> None:
    """Events are those of the real API, numbered without a gap."""
    server.script(["one two"])
    stream = await client.responses.create(model="m", input="Hello", stream=True)
    events: list[Any] = [event async for event in stream]
    assert [event.type.removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == "one two"
    assert events[-1].response.usage.output_tokens == 2
    assert events[0].response.usage is None


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_function_call(server: LLMServer, client: AsyncOpenAI, stream: bool) -> None:
    """A tool call has an item of its own, plain or gathered from a stream."""
    server.script([Reply(tool_calls=[ToolCall("multiply", {"a": 1231, "b": 2331})])])
    if stream:
        async with client.responses.stream(model="m", input="Hi", tools=[TOOL]) as events:
            kinds = [event.type async for event in events]
            answer: Any = await events.get_final_response()
        assert "response.function_call_arguments.delta" in kinds
    else:
        answer = await client.responses.create(model="m", input="Hi", tools=[TOOL])
    (item,) = answer.output
    assert (item.type, item.name) == ("function_call", "multiply")
    assert json.loads(item.arguments) == {"a": 1231, "b": 2331}


async def test_forced_tool_and_its_result_go_round(client: AsyncOpenAI) -> None:
    """A tool's output can be sent back in the items of the next request."""
    first = await client.responses.create(
        model="m", input="Hi", tools=[TOOL], tool_choice={"type": "function", "name": "multiply"}
    )
    item: Any = first.output[0]
    jsonschema.validate(json.loads(item.arguments), TOOL["parameters"])
    items: Any = [
        {"role": "user", "content": "Hi"},
        {
            "type": "function_call",
            "call_id": item.call_id,
            "name": item.name,
            "arguments": item.arguments,
        },
        {"type": "function_call_output", "call_id": item.call_id, "output": "2869461"},
    ]
    second = await client.responses.create(model="m", input=items, tools=[TOOL])
    assert second.output_text


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("abcdefgh", "max_output_tokens"),
        (Reply("a", finish_reason="content_filter"), "content_filter"),
    ],
    ids=["length", "filter"],
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_cut_answers_are_incomplete(
    server: LLMServer, client: AsyncOpenAI, reply: Any, reason: str, stream: bool
) -> None:
    """What was cut says so, and why."""
    server.script([reply])
    answer: Any = await client.responses.create(
        model="m", input="Hi", max_output_tokens=1, stream=stream
    )
    if stream:
        last: Any = [event async for event in answer][-1]
        assert last.type == "response.incomplete"
        answer = last.response
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == reason


async def test_structured_output_matches_its_schema(client: AsyncOpenAI) -> None:
    """`text.format` is obeyed."""
    schema = TOOL["parameters"]
    answer = await client.responses.create(
        model="m",
        input="Hi",
        text={"format": {"type": "json_schema", "name": "s", "schema": schema}},
    )
    jsonschema.validate(json.loads(answer.output_text), schema)


async def test_nothing_is_stored_between_requests(client: AsyncOpenAI) -> None:
    """A previous response cannot be built upon, and the error says so."""
    with pytest.raises(openai.BadRequestError) as caught:
        await client.responses.create(model="m", input="Hi", previous_response_id="resp_1")
    assert caught.value.code == "previous_response_not_found"


async def test_embeddings_are_unit_vectors_by_text(client: AsyncOpenAI) -> None:
    """The same text has the same vector, whatever else is in the request or how it is encoded."""
    both = await client.embeddings.create(model="m", input=["cat", "dog"])
    alone = await client.embeddings.create(model="m", input="dog", encoding_format="float")
    cat, dog = (item.embedding for item in both.data)
    assert len(cat) == 1536
    assert math.hypot(*cat) == pytest.approx(1, abs=1e-5)
    assert dog == pytest.approx(alone.data[0].embedding, abs=1e-6)
    assert abs(sum(a * b for a, b in zip(cat, dog, strict=True))) < 0.2
    assert (both.usage.prompt_tokens, both.usage.total_tokens) == (2, 2)


@pytest.mark.parametrize(
    ("given", "count"),
    [("a", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1], [2, 3]], 2)],
    ids=["text", "texts", "tokens", "token-lists"],
)
async def test_embeddings_take_every_kind_of_input(
    client: AsyncOpenAI, given: Any, count: int
) -> None:
    """Texts and token numbers, alone or in lists."""
    answer = await client.embeddings.create(model="m", input=given, dimensions=8)
    assert [len(item.embedding) for item in answer.data] == [8] * count


@pytest.mark.parametrize("given", ["", [], [""], [1, "a"], {"a": 1}], ids=repr)
async def test_embeddings_refuse_other_input(client: AsyncOpenAI, given: Any) -> None:
    """What cannot be embedded is the client's mistake."""
    with pytest.raises(openai.BadRequestError):
        await client.embeddings.create(model="m", input=given)


async def test_embeddings_take_scripted_faults_and_leave_replies(
    server: LLMServer, client: AsyncOpenAI
) -> None:
    """A reply waits for a chat request; a fault strikes the next request of either kind."""
    server.script([RateLimited(), Reply("for the chat")])
    with pytest.raises(openai.RateLimitError):
        await client.embeddings.create(model="m", input="a")
    await client.embeddings.create(model="m", input="a")
    assert server.outcomes_left == 1
    answer = await client.responses.create(model="m", input="Hi")
    assert answer.output_text == "for the chat"


async def test_models_are_those_of_the_provider(client: AsyncOpenAI) -> None:
    """OpenAI's list has none of Anthropic's models."""
    assert [model.id async for model in client.models.list()] == ["m", "lab/new"]
    assert (await client.models.retrieve("m")).object == "model"
    assert (await client.models.retrieve("lab/new")).id == "lab/new"
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("claude")
    assert caught.value.code == "model_not_found"
