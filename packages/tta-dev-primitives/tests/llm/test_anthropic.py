"""The Anthropic adapter on hand-written answers, through the real SDK."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tta_dev_primitives.errors import (
    BadRequestError,
    ConfigurationError,
    MalformedResponseError,
    ProviderConnectionError,
    RateLimitedError,
    ServerError,
)
from tta_dev_primitives.llm.types import LLMRequest, Tool, ToolCall, Usage

WEATHER = Tool(
    "weather",
    "Tell the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
TOOL_SENT = {
    "name": "weather",
    "description": "Tell the weather.",
    "input_schema": WEATHER.parameters,
}
ASK = ({"role": "user", "content": "Weather in Bern?"},)
CALL = {
    "id": "toolu_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Bern"}'},
}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def message(
    *content: dict[str, Any], stop: str = "end_turn", usage: Any = None, **fields: Any
) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": list(content) or [text("Hello")],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 3} if usage is None else usage,
        **fields,
    }


def start(usage: dict[str, Any] | None = None) -> dict[str, Any]:
    opening = message(usage=usage or {"input_tokens": 10, "output_tokens": 1})
    return {"type": "message_start", "message": {**opening, "content": [], "stop_reason": None}}


def block(index: int, first: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": first},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def end(stop: str = "end_turn", **usage: Any) -> list[dict[str, Any]]:
    return [
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {"output_tokens": 6, **usage},
        },
        {"type": "message_stop"},
    ]


def says(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text_delta", "text": piece} for piece in texts]


def writes(*pieces: str) -> list[dict[str, Any]]:
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


async def collect(stream: Any) -> list[Any]:
    return [piece async for piece in stream]


async def test_answer_is_read_whole(wire, make_anthropic) -> None:
    wire.reply(message())
    answer = await make_anthropic().execute("Hi")
    assert (answer.text, answer.finish_reason, answer.model) == (
        "Hello",
        "stop",
        "claude-haiku-4-5-20251001",
    )
    assert (answer.provider, answer.response_id) == ("anthropic", "msg_1")
    assert answer.usage == Usage(10, 3)
    assert answer.cost == pytest.approx(10 * 1e-6 + 3 * 5e-6, abs=1e-12)
    assert wire.asked == {
        "model": "claude-haiku-4-5",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": "Hi"}],
    }


async def test_every_part_of_a_request_is_sent(wire, make_anthropic) -> None:
    wire.reply(message())
    request = LLMRequest(
        messages=ASK,
        model="claude-opus-4-8",
        tools=(WEATHER,),
        tool_choice="weather",
        max_tokens=50,
        temperature=0.2,
        stop=("END",),
        seed=7,
        extra={"metadata": {"user_id": "u1"}, "extra_body": {"top_k": 3}},
    )
    await make_anthropic(max_tokens=9, temperature=1.0).execute(request)
    assert wire.asked == {
        "model": "claude-opus-4-8",
        "max_tokens": 50,
        "messages": list(ASK),
        "tools": [TOOL_SENT],
        "tool_choice": {"type": "tool", "name": "weather"},
        "temperature": 0.2,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u1"},
        "top_k": 3,
    }


@pytest.mark.parametrize(
    ("choice", "sent"),
    [("auto", {"type": "auto"}), ("none", {"type": "none"}), ("required", {"type": "any"})],
)
async def test_tool_choice_is_translated(wire, make_anthropic, choice, sent) -> None:
    wire.reply(message())
    await make_anthropic().execute(LLMRequest(ASK, tools=(WEATHER,), tool_choice=choice))
    assert wire.asked["tool_choice"] == sent


CACHED = {"type": "text", "text": "Long rules.", "cache_control": {"type": "ephemeral"}}
CONVERSATIONS = {
    "system-apart": (
        [{"role": "system", "content": "Be brief."}, *ASK],
        "Be brief.",
        list(ASK),
    ),
    "several-systems": (
        [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Be kind."},
            *ASK,
        ],
        "Be brief.\n\nBe kind.",
        list(ASK),
    ),
    "system-in-blocks": (
        [
            {"role": "system", "content": [CACHED]},
            {"role": "system", "content": "Be kind."},
            *ASK,
        ],
        [CACHED, text("Be kind.")],
        list(ASK),
    ),
    "system-of-another-kind-in-its-place": (
        [*ASK, {"role": "system", "content": [{"type": "tool_addition"}]}],
        None,
        [*ASK, {"role": "system", "content": [{"type": "tool_addition"}]}],
    ),
    "tool-round": (
        [
            *ASK,
            {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "toolu_1", "content": "Rain"},
            {"role": "user", "content": "And tomorrow?"},
        ],
        None,
        [
            *ASK,
            {
                "role": "assistant",
                "content": [
                    text("Let me see."),
                    {
                        "type": "tool_use",
                        "id": "toolu_1",
                        "name": "weather",
                        "input": {"city": "Bern"},
                    },
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "Rain"}],
            },
            {"role": "user", "content": "And tomorrow?"},
        ],
    ),
    "results-of-one-turn-together": (
        [
            *ASK,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    CALL,
                    {"id": "toolu_2", "function": {"name": "time", "arguments": ""}},
                ],
            },
            {"role": "tool", "tool_call_id": "toolu_1", "content": "Rain"},
            {"role": "tool", "tool_call_id": "toolu_2", "content": None},
        ],
        None,
        [
            *ASK,
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool_use",
                        "id": "toolu_1",
                        "name": "weather",
                        "input": {"city": "Bern"},
                    },
                    {"type": "tool_use", "id": "toolu_2", "name": "time", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Rain"},
                    {"type": "tool_result", "tool_use_id": "toolu_2", "content": ""},
                ],
            },
        ],
    ),
}


@pytest.mark.parametrize(("given", "system", "sent"), CONVERSATIONS.values(), ids=CONVERSATIONS)
async def test_conversations_are_translated(wire, make_anthropic, given, system, sent) -> None:
    wire.reply(message())
    await make_anthropic().execute(given)
    assert wire.asked.get("system") == system
    assert wire.asked["messages"] == sent


@pytest.mark.parametrize("arguments", ['{"city": ', "[1]", "7"])
async def test_broken_tool_call_in_the_messages_says_which(make_anthropic, arguments) -> None:
    call = {"id": "x", "function": {"name": "weather", "arguments": arguments}}
    conversation = [*ASK, {"role": "assistant", "content": "", "tool_calls": [call]}]
    with pytest.raises(ConfigurationError, match="'weather'"):
        await make_anthropic().execute(conversation)


async def test_schema_becomes_structured_output(wire, make_anthropic) -> None:
    wire.reply(message(text('{"city": "Bern"}')))
    city = {"type": "string", "minLength": 2}
    schema = {"type": "object", "properties": {"city": city}}
    answer = await make_anthropic().execute(LLMRequest(ASK, json_schema=schema))
    sent = wire.asked["output_config"]["format"]
    assert sent["type"] == "json_schema"
    assert sent["schema"]["additionalProperties"] is False
    assert "minLength" not in sent["schema"]["properties"]["city"]
    assert answer.json() == {"city": "Bern"}
    assert city == {"type": "string", "minLength": 2}, "the caller's schema is left alone"


async def test_schema_that_says_nothing_is_refused(make_anthropic) -> None:
    with pytest.raises(ConfigurationError, match="json_schema"):
        await make_anthropic().execute(LLMRequest(ASK, json_schema={"title": "x"}))


ANSWER = {"type": "tool_use", "id": "toolu_9", "name": "json_answer", "input": {"a": [1]}}


async def test_any_json_object_is_asked_for_by_a_tool(wire, make_anthropic) -> None:
    """What the model hands the tool is the text; no tool call is seen."""
    wire.reply(message(ANSWER, stop="tool_use"))
    answer = await make_anthropic().execute(LLMRequest(ASK, json_schema={}))
    assert wire.asked["tool_choice"] == {"type": "tool", "name": "json_answer"}
    assert [tool["name"] for tool in wire.asked["tools"]] == ["json_answer"]
    assert answer.json() == {"a": [1]}
    assert (answer.tool_calls, answer.finish_reason) == ((), "stop")


async def test_any_json_object_or_one_of_the_tools(wire, make_anthropic, sse) -> None:
    adapter = make_anthropic()
    request = LLMRequest(ASK, json_schema={}, tools=(WEATHER,))
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    wire.reply(message(call, stop="tool_use"))
    answer = await adapter.execute(request)
    assert wire.asked["tool_choice"] == {"type": "any"}
    assert (answer.text, answer.finish_reason) == ("", "tool_calls")
    opening = {**ANSWER, "input": {}}
    documents = [start(), *block(0, opening, *writes("", '{"a"', ": [1]}")), *end("tool_use")]
    wire.stream([sse(*documents, named=True)])
    pieces = await collect(adapter.stream(request))
    assert [piece.text for piece in pieces] == ['{"a"', ": [1]}", ""]
    assert pieces[-1].response.json() == {"a": [1]}
    assert pieces[-1].response.finish_reason == "stop"


async def test_tool_calls_are_read(wire, make_anthropic) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}}
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    wire.reply(message(thinking, text("I look."), call, stop="tool_use"))
    answer = await make_anthropic().execute(LLMRequest(ASK, tools=(WEATHER,)))
    assert (answer.text, answer.finish_reason) == ("I look.", "tool_calls")
    assert answer.tool_calls == (ToolCall("toolu_1", "weather", '{"city": "Bern"}'),)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
    ],
)
async def test_finish_reason_is_in_our_words(wire, make_anthropic, said, expected) -> None:
    wire.reply(message(stop=said))
    assert (await make_anthropic().execute("Hi")).finish_reason == expected


USAGE_FORMS = {
    "two-fields": ({"input_tokens": 10, "output_tokens": 3}, Usage(10, 3)),
    "cache-is-added-to-the-input": (
        {
            "input_tokens": 10,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 40,
            "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 10},
            "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 4},
            "service_tier": "standard",
        },
        Usage(150, 9, 100, 40, 4, 10),
    ),
    "nulls": (
        {
            "input_tokens": 10,
            "cache_read_input_tokens": None,
            "cache_creation_input_tokens": None,
            "output_tokens": 3,
        },
        Usage(10, 3),
    ),
    "empty": ({}, Usage()),
}


@pytest.mark.parametrize(("reported", "expected"), USAGE_FORMS.values(), ids=USAGE_FORMS)
async def test_usage_is_read_in_every_form(wire, make_anthropic, reported, expected) -> None:
    wire.reply(message(usage=reported))
    answer = await make_anthropic().execute("Hi")
    assert answer.usage == expected
    assert (answer.cost is None) is (expected == Usage())


TEXTS = ["Grüezi ", "aus ", "dem ", "Käse", "laden 🧀", "!"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
async def test_stream_survives_cuts_anywhere(wire, make_anthropic, sse, cut, size) -> None:
    """Pieces end in the middle of events and of UTF-8 sequences."""
    documents = [start(), {"type": "ping"}, *block(0, text(""), *says(*TEXTS)), *end()]
    wire.stream(cut(sse(*documents, named=True), size))
    pieces = await collect(make_anthropic().stream("Hi"))
    assert [piece.text for piece in pieces] == [*TEXTS, ""]
    answer = pieces[-1].response
    assert (answer.text, answer.finish_reason) == ("".join(TEXTS), "stop")
    assert (answer.response_id, answer.model) == ("msg_1", "claude-haiku-4-5-20251001")
    assert answer.usage == Usage(10, 6)
    assert wire.asked["stream"] is True


async def test_counts_of_a_stream_are_replaced_not_added(wire, make_anthropic, sse) -> None:
    first = {"input_tokens": 8, "cache_read_input_tokens": 2, "output_tokens": 2}
    last = end(input_tokens=9, cache_read_input_tokens=3, output_tokens=20)
    wire.stream([sse(start(first), *block(0, text("Hi")), *last, named=True)])
    answer = (await collect(make_anthropic().stream("Hi")))[-1].response
    assert answer.usage == Usage(12, 20, 3)
    assert answer.text == "Hi"


async def test_streamed_tool_calls_are_put_together(wire, make_anthropic, sse) -> None:
    opening = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    without = {"type": "tool_use", "id": "toolu_2", "name": "time", "input": {}}
    documents = [
        start(),
        *block(0, {"type": "thinking", "thinking": ""}, {"type": "thinking_delta"}),
        *block(1, text(""), *says("I look.")),
        *block(2, opening, *writes("", '{"ci', 'ty": "Bern"}')),
        *block(3, without),
        *end("tool_use"),
    ]
    wire.stream([sse(*documents, named=True)])
    pieces = await collect(make_anthropic().stream(LLMRequest(ASK, tools=(WEATHER,))))
    answer = pieces[-1].response
    assert [piece.text for piece in pieces] == ["I look.", ""]
    assert answer.tool_calls == (
        ToolCall("toolu_1", "weather", '{"city": "Bern"}'),
        ToolCall("toolu_2", "time", "{}"),
    )
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "body",
    ["", "<html>502</html>", '{"id": "x", "content": [', {}, [], None, 7, {"content": None}],
    ids=["empty", "garbage", "cut-off", "object", "list", "null", "number", "no-content"],
)
async def test_what_is_no_answer_is_malformed(wire, make_anthropic, body) -> None:
    wire.reply(body)
    with pytest.raises(MalformedResponseError, match="anthropic"):
        await make_anthropic().execute("Hi")


@pytest.mark.parametrize("kept", [0, 1, 3], ids=["nothing", "opening", "half"])
async def test_stream_without_an_end_is_malformed(wire, make_anthropic, sse, kept) -> None:
    documents = [start(), *block(0, text(""), *says("half"))][:kept]
    body = wire.stream([sse(*documents, named=True)])
    with pytest.raises(MalformedResponseError, match="before the answer was complete"):
        await collect(make_anthropic().stream("Hi"))
    assert body.closed


async def test_connection_lost_in_a_stream_is_mapped(wire, make_anthropic, sse) -> None:
    """The SDK lets the HTTP library's own error through there."""
    begun = sse(start(), *block(0, text(""), *says("half")), named=True)
    body = wire.stream([begun, httpx2.RemoteProtocolError("peer closed connection")])
    stream = make_anthropic().stream("Hi")
    assert (await anext(stream)).text == "half"
    with pytest.raises(ProviderConnectionError, match="peer closed") as caught:
        await anext(stream)
    assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError)
    assert body.closed


@pytest.mark.parametrize(
    ("kind", "expected", "status"),
    [
        ("overloaded_error", ServerError, 529),
        ("api_error", ServerError, 500),
        ("rate_limit_error", RateLimitedError, 429),
        ("invalid_request_error", BadRequestError, 400),
        ("something_new", ServerError, None),
    ],
)
async def test_error_in_a_stream_is_mapped_by_its_name(
    wire, make_anthropic, sse, kind, expected, status
) -> None:
    """The HTTP status was 200 long before."""
    failed = {"type": "error", "error": {"type": kind, "message": "No more."}}
    wire.stream([sse(start(), failed, named=True)])
    with pytest.raises(expected, match=r"No more\.") as caught:
        await collect(make_anthropic().stream("Hi"))
    assert caught.value.status == status
