"""The OpenAI adapter on hand-written answers, through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest

from tta_dev_primitives.errors import MalformedResponseError
from tta_dev_primitives.llm.chat_wire import chat_arguments
from tta_dev_primitives.llm.types import LLMChunk, LLMRequest, Tool, ToolCall, Usage

WEATHER = Tool(
    "weather",
    "Tell the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
ASK = ({"role": "user", "content": "Weather in Bern?"},)
HOSTS = {
    "https://api.openai.com/v1": "openai",
    "https://api.groq.com/openai/v1": "groq",
    "https://openrouter.ai/api/v1": "openrouter",
    "https://api.mistral.ai/v1": "mistral_ai",
    "https://eu1.openai.azure.com/openai/v1": "azure.ai.openai",
    "http://localhost:11434/v1": "openai",
    "https://llm.example.com/v1": "openai",
}


def completion(
    message: dict[str, Any] | None = None, finish: str | None = "stop", **fields: Any
) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", **(message or {})},
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
        **fields,
    }


def chunk(
    delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any
) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {
        "id": "chatcmpl-2",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": choices,
        **fields,
    }


async def collect(stream: Any) -> list[Any]:
    return [piece async for piece in stream]


async def test_answer_is_read_whole(wire, make_openai) -> None:
    wire.reply(completion())
    answer = await make_openai().execute("Hi")
    assert (answer.text, answer.finish_reason, answer.model) == (
        "Hello",
        "stop",
        "gpt-4o-mini-2024-07-18",
    )
    assert (answer.provider, answer.response_id) == ("openai", "chatcmpl-1")
    assert answer.usage == Usage(10, 3)
    assert answer.cost == pytest.approx(10 * 0.15e-6 + 3 * 0.6e-6, abs=1e-12)
    assert answer.raw.choices[0].message.content == "Hello"
    assert wire.asked == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hi"}],
    }


async def test_every_part_of_a_request_is_sent(wire, make_openai) -> None:
    wire.reply(completion())
    request = LLMRequest(
        messages=({"role": "system", "content": "Be brief."}, *ASK),
        model="gpt-5",
        tools=(WEATHER,),
        tool_choice="weather",
        max_tokens=50,
        temperature=0.2,
        stop=("END",),
        seed=7,
        extra={"user": "u1", "extra_body": {"top_k": 3}},
    )
    await make_openai(max_tokens=9, temperature=1.0).execute(request)
    assert wire.asked == {
        "model": "gpt-5",
        "messages": [{"role": "system", "content": "Be brief."}, *ASK],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "Tell the weather.",
                    "parameters": WEATHER.parameters,
                },
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "max_completion_tokens": 50,
        "temperature": 0.2,
        "stop": ["END"],
        "seed": 7,
        "user": "u1",
        "top_k": 3,
    }


async def test_adapter_fills_in_what_the_request_leaves_open(wire, make_openai) -> None:
    wire.reply(completion())
    adapter = make_openai(max_tokens=9, temperature=0.0, base_url="http://localhost:1/v1")
    await adapter.execute("Hi")
    assert wire.asked["max_tokens"] == 9  # the name that servers at home know
    assert wire.asked["temperature"] == 0.0


async def test_contents_are_handed_on_as_they_are(wire, make_openai) -> None:
    wire.reply(completion())
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    await make_openai().execute([{"role": "user", "content": parts}])
    assert wire.asked["messages"][0]["content"] == parts


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
async def test_tool_choice_words_are_sent_as_words(wire, make_openai, choice) -> None:
    wire.reply(completion())
    await make_openai().execute(LLMRequest(ASK, tools=(WEATHER,), tool_choice=choice))
    assert wire.asked["tool_choice"] == choice


STRICT = {
    "title": "City facts!",
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, {"type": "json_object"}),
        (
            STRICT,
            {
                "type": "json_schema",
                "json_schema": {"name": "City_facts_", "schema": STRICT, "strict": True},
            },
        ),
        (
            WEATHER.parameters,
            {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": WEATHER.parameters, "strict": False},
            },
        ),
    ],
    ids=["any-object", "strict", "with-open-ends"],
)
async def test_json_is_asked_for(wire, make_openai, schema, expected) -> None:
    wire.reply(completion({"content": '{"city": "Bern"}'}))
    answer = await make_openai().execute(LLMRequest(ASK, json_schema=schema))
    assert wire.asked["response_format"] == expected
    assert answer.json() == {"city": "Bern"}


async def test_tool_calls_are_read(wire, make_openai) -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Bern"}'},
    }
    wire.reply(completion({"content": None, "tool_calls": [call]}, "tool_calls"))
    answer = await make_openai().execute(LLMRequest(ASK, tools=(WEATHER,)))
    assert answer.text == ""
    assert answer.tool_calls == (ToolCall("call_1", "weather", '{"city": "Bern"}'),)
    assert answer.tool_calls[0].parsed() == {"city": "Bern"}
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("function_call", "tool_calls"),
        ("eos", "stop"),
        ("model_length", "length"),
        ("insufficient_system_resource", "insufficient_system_resource"),
        (None, "stop"),
    ],
)
async def test_finish_reason_is_in_our_words(wire, make_openai, said, expected) -> None:
    wire.reply(completion(finish=said))
    assert (await make_openai().execute("Hi")).finish_reason == expected


async def test_refusal_of_the_model_counts_as_filtered(wire, make_openai) -> None:
    wire.reply(completion({"content": None, "refusal": "I will not."}))
    answer = await make_openai().execute("Hi")
    assert (answer.text, answer.finish_reason) == ("I will not.", "content_filter")


async def test_thoughts_among_the_parts_are_no_text(wire, make_openai) -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "Left, "},
        {"type": "text", "text": "right."},
    ]
    wire.reply(completion({"content": parts}))
    assert (await make_openai().execute("Hi")).text == "Left, right."


USAGE_FORMS = {
    "totals-only": (
        {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
        Usage(10, 3),
    ),
    "details": (
        {
            "prompt_tokens": 100,
            "completion_tokens": 30,
            "total_tokens": 130,
            "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 20},
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
        Usage(100, 30, 64, 20, 12),
    ),
    "null-details": (
        {
            "prompt_tokens": 5,
            "completion_tokens": 1,
            "total_tokens": 6,
            "prompt_tokens_details": None,
            "completion_tokens_details": None,
        },
        Usage(5, 1),
    ),
    "deepseek": (
        {
            "prompt_tokens": 50,
            "completion_tokens": 5,
            "total_tokens": 55,
            "prompt_cache_hit_tokens": 40,
            "prompt_cache_miss_tokens": 10,
        },
        Usage(50, 5, 40),
    ),
    "mistral": (
        {
            "prompt_tokens": 50,
            "completion_tokens": 5,
            "total_tokens": 55,
            "num_cached_tokens": 16,
        },
        Usage(50, 5, 16),
    ),
    "groq-times": (
        {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "prompt_time": 0.002},
        Usage(5, 2),
    ),
    "reasoning-beside-the-answer": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 4,
            "total_tokens": 34,
            "completion_tokens_details": {"reasoning_tokens": 20},
        },
        Usage(10, 24, reasoning_tokens=20),
    ),
    "more-in-total-for-no-stated-reason": (
        {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 34},
        Usage(10, 4),
    ),
    "no-numbers": (
        {"prompt_tokens": "many", "completion_tokens": 2, "total_tokens": None},
        Usage(0, 2),
    ),
    "missing": (None, Usage()),
    "empty": ({}, Usage()),
}


@pytest.mark.parametrize(("reported", "expected"), USAGE_FORMS.values(), ids=USAGE_FORMS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_usage_is_read_in_every_form(
    wire, make_openai, sse, reported, expected, streamed
) -> None:
    adapter = make_openai()
    if streamed:
        last = chunk(usage=reported)
        wire.stream([sse(chunk({"content": "Hi"}), chunk({}, "stop"), last, done=True)])
        answer = (await collect(adapter.stream("Hi")))[-1].response
    else:
        wire.reply(completion(usage=reported))
        answer = await adapter.execute("Hi")
    assert answer.usage == expected
    if reported in (None, {}):
        assert answer.cost is None, "what was not counted has no known price"


async def test_gemini_leaves_thoughts_out_of_the_answer(wire, make_openai) -> None:
    wire.reply(
        completion(usage={"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109})
    )
    url = "https://generativelanguage.googleapis.com/v1beta/openai/"
    answer = await make_openai("gemini-2.5-flash", base_url=url).execute("Hi")
    assert answer.usage == Usage(35, 74, reasoning_tokens=62)
    assert answer.provider == "gcp.gemini"


@pytest.mark.parametrize(("base_url", "provider"), HOSTS.items())
async def test_provider_is_known_by_its_host(wire, make_openai, base_url, provider) -> None:
    wire.reply(completion())
    answer = await make_openai(base_url=base_url).execute("Hi")
    assert answer.provider == provider
    assert str(wire.requests[0].url) == f"{base_url}/chat/completions"


TEXTS = ["Grüezi ", "aus ", "dem ", "Käse", "laden 🧀", "!"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
async def test_stream_survives_cuts_anywhere(wire, make_openai, sse, cut, size) -> None:
    """Pieces end in the middle of events and of UTF-8 sequences."""
    usage = {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15}
    data = sse(
        chunk({"role": "assistant", "content": ""}, usage=None),
        *(chunk({"content": text}, obfuscation="x7") for text in TEXTS),
        chunk({}, "stop"),
        chunk(usage=usage),
        done=True,
    )
    wire.stream(cut(data, size))
    pieces = await collect(make_openai().stream("Hi"))
    assert [piece.text for piece in pieces] == [*TEXTS, ""]
    assert all(piece.response is None for piece in pieces[:-1])
    answer = pieces[-1].response
    assert (answer.text, answer.finish_reason) == ("".join(TEXTS), "stop")
    assert (answer.usage, answer.response_id) == (Usage(9, 6), "chatcmpl-2")
    assert LLMChunk.join_chunks(pieces) is answer
    assert wire.asked["stream"] is True
    assert wire.asked["stream_options"] == {"include_usage": True}


async def test_usage_of_streams_need_not_be_asked_for(wire, make_openai, sse) -> None:
    """Groq reports it under a name of its own anyway."""
    groq = {"usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}}
    wire.stream([sse(chunk({"content": "Hi"}), chunk({}, "stop", x_groq=groq), done=True)])
    pieces = await collect(make_openai(stream_usage=False).stream("Hi"))
    assert "stream_options" not in wire.asked
    assert pieces[-1].response.usage == Usage(4, 2)


def call_piece(index: int | None, **function: str) -> dict[str, Any]:
    call_id = function.pop("id", None)
    return {"index": index, "id": call_id, "type": "function", "function": function}


CALL_STREAMS = {
    "pieces-side-by-side": [
        [call_piece(0, id="a", name="weather", arguments="")],
        [call_piece(1, id="b", name="time", arguments="")],
        [call_piece(0, arguments='{"city"'), call_piece(1, arguments="{}")],
        [call_piece(0, arguments=': "Bern"}')],
    ],
    "same-index-for-all": [
        [call_piece(0, id="a", name="weather", arguments='{"city": "Bern"}')],
        [call_piece(0, id="b", name="time", arguments="{}")],
    ],
    "no-index": [
        [call_piece(None, id="a", name="weather", arguments='{"city": "Bern"}')],
        [call_piece(None, id="b", name="time", arguments="{}")],
    ],
    "id-repeated": [
        [call_piece(0, id="a", name="weather", arguments='{"city": ')],
        [call_piece(0, id="a", arguments='"Bern"}')],
        [call_piece(1, id="b", name="time", arguments="{}")],
    ],
}


@pytest.mark.parametrize("deltas", CALL_STREAMS.values(), ids=CALL_STREAMS)
async def test_streamed_tool_calls_are_put_together(wire, make_openai, sse, deltas) -> None:
    documents = [chunk({"tool_calls": calls}) for calls in deltas]
    wire.stream([sse(*documents, chunk({}, "tool_calls"), done=True)])
    pieces = await collect(make_openai().stream(LLMRequest(ASK, tools=(WEATHER,))))
    assert [piece.text for piece in pieces] == [""]
    answer = pieces[0].response
    assert answer.tool_calls == (
        ToolCall("a", "weather", '{"city": "Bern"}'),
        ToolCall("b", "time", "{}"),
    )
    assert answer.finish_reason == "tool_calls"


async def test_only_the_first_of_several_answers_is_streamed(wire, make_openai, sse) -> None:
    other = chunk({"content": "NO"}, "length")
    other["choices"][0]["index"] = 1
    wire.stream([sse(chunk({"content": "yes"}), other, chunk({}, "stop"), done=True)])
    pieces = await collect(make_openai().stream(LLMRequest(ASK, extra={"n": 2})))
    assert (pieces[-1].response.text, pieces[-1].response.finish_reason) == ("yes", "stop")


async def test_streamed_refusal_counts_as_filtered(wire, make_openai, sse) -> None:
    wire.stream([sse(chunk({"refusal": "I "}), chunk({"refusal": "will not."}, "stop"))])
    answer = (await collect(make_openai().stream("Hi")))[-1].response
    assert (answer.text, answer.finish_reason) == ("I will not.", "content_filter")


NO_ANSWERS = {
    "no-choices": {"id": "x", "choices": []},
    "null-choices": {"id": "x", "choices": None},
    "empty-object": {},
    "list": [],
    "number": 7,
    "null": None,
    "no-message": {"choices": [{"index": 0, "finish_reason": "stop"}]},
    "empty-body": "",
    "garbage": "<html>502</html>",
    "cut-off-json": '{"id": "x", "choices": [',
    "gzip-without-header": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\xff\xfe",
}


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_is_no_answer_is_malformed(wire, make_openai, body) -> None:
    wire.reply(body)
    with pytest.raises(MalformedResponseError, match="openai") as caught:
        await make_openai().execute("my secret prompt")
    assert caught.value.retryable
    assert "secret" not in str(caught.value)


async def test_page_instead_of_json_is_malformed(wire, make_openai) -> None:
    wire.reply("<html>hello</html>", headers={"content-type": "text/html"})
    with pytest.raises(MalformedResponseError):
        await make_openai().execute("Hi")


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"data: [DONE]\n\n"],
        [b'data: {"choices": [{"index": 0, "delta": {"content": "half"}}]}\n\n'],
        [b'data: {"choices": [{"index": 0, "del'],
        [b"data: nonsense\n\n"],
        [b'data: {"choices": [{"index": 0, "delta": {"content": "\xff\xfe"}}]}\n\n'],
    ],
    ids=["empty", "only-done", "no-end", "half-an-event", "garbage", "not-utf8"],
)
async def test_stream_without_an_end_is_malformed(wire, make_openai, pieces) -> None:
    """What was cut short never looks like a whole answer."""
    body = wire.stream(pieces)
    with pytest.raises(MalformedResponseError, match="openai"):
        await collect(make_openai().stream("Hi"))
    assert body.closed


def test_messages_are_handed_to_the_sdk_uncopied() -> None:
    """A long conversation costs nothing on its way through the adapter."""
    message = {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
    arguments = chat_arguments(
        LLMRequest((message,)), "m", max_tokens=None, temperature=None, max_tokens_name="max_tokens"
    )
    assert arguments["messages"][0] is message


async def test_stream_that_never_says_why_it_ended_is_whole_with_its_count(
    wire, make_openai, sse
) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 6}
    call = call_piece(0, id="a", name="weather", arguments="{}")
    wire.stream([sse(chunk({"content": "Hi"}), chunk({}, usage=usage), done=True)])
    wire.stream([sse(chunk({"tool_calls": [call]}), chunk(usage=usage), done=True)])
    adapter = make_openai()
    for expected in ("stop", "tool_calls"):
        answer = (await collect(adapter.stream("Hi")))[-1].response
        assert (answer.finish_reason, answer.usage) == (expected, Usage(9, 6))


async def test_running_count_does_not_make_half_a_stream_whole(wire, make_openai, sse) -> None:
    """Servers that count with every chunk have counted by the time the line drops, too."""
    first = chunk({"content": "Hi"}, usage={"prompt_tokens": 9, "completion_tokens": 1})
    second = chunk({"content": " you"}, usage={"prompt_tokens": 9, "completion_tokens": 2})
    wire.stream([sse(first, second)])
    with pytest.raises(MalformedResponseError, match="before the answer was complete"):
        await collect(make_openai().stream("Hi"))
