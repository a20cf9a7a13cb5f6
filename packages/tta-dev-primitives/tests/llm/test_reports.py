"""What adapters tell observers of a request, and of what was said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tta_dev_primitives import WorkflowContext
from tta_dev_primitives.core import observe
from tta_dev_primitives.core.observe import LLMContentRecord, LLMRecord, LLMRequestRecord
from tta_dev_primitives.llm.types import LLMRequest, Tool, ToolCall

BOTH = pytest.mark.parametrize("kind", ["openai", "anthropic"])
WEATHER = Tool("weather", "Tell the weather.", {"type": "object", "properties": {}})
ANSWERS: dict[str, dict[str, Any]] = {
    "openai": {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
    },
    "anthropic": {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 3},
    },
}
CHUNKS = [
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hel"}}]},
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": "lo"}}]},
    {"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
HELLO = {"role": "assistant", "content": "Hello", "finish_reason": "stop"}


class Notes(observe.ObservabilityPrimitive):
    """Keeps every record."""

    def __init__(self, *, captures_content: bool = False) -> None:
        self.captures_content = captures_content
        self.records: list[object] = []

    def event(self, token: object, record: object) -> None:
        self.records.append(record)

    def of(self, kind: type) -> Any:
        (found,) = [record for record in self.records if isinstance(record, kind)]
        return found


@pytest.fixture
def notes() -> Iterator[Notes]:
    notes = Notes()
    with observe.observe(notes):
        yield notes


@pytest.fixture
def said() -> Iterator[Notes]:
    """An observer that wants to know what is said."""
    notes = Notes(captures_content=True)
    with observe.observe(notes):
        yield notes


@pytest.fixture
def make(make_openai: Any, make_anthropic: Any) -> Callable[..., Any]:
    return lambda kind, **options: {"openai": make_openai, "anthropic": make_anthropic}[kind](
        **options
    )


FULL = LLMRequest(
    messages=({"role": "user", "content": "Hi"},),
    max_tokens=64,
    temperature=0.5,
    stop=("END",),
    seed=7,
    json_schema={},
)
ASKED: dict[str, LLMRequestRecord] = {
    "openai": LLMRequestRecord(
        operation="chat",
        provider="openai",
        request_model="gpt-4o-mini",
        server_address="api.openai.com",
        server_port=443,
        conversation_id="s-1",
        output_type="json",
        max_tokens=64,
        temperature=0.5,
        seed=7,
        stop_sequences=("END",),
    ),
    "anthropic": LLMRequestRecord(
        operation="chat",
        provider="anthropic",
        request_model="claude-haiku-4-5",
        server_address="api.anthropic.com",
        server_port=443,
        conversation_id="s-1",
        output_type="json",
        max_tokens=64,
        temperature=0.5,
        stop_sequences=("END",),
    ),
}


@BOTH
async def test_a_request_tells_what_it_asks_for(kind, make, wire, notes) -> None:
    """What is not sent, as Anthropic's seed, is not told either."""
    wire.reply(ANSWERS[kind])
    await make(kind).execute(FULL, WorkflowContext(session_id="s-1"))
    assert notes.of(LLMRequestRecord) == ASKED[kind]


@BOTH
async def test_a_request_that_asks_for_nothing_special_tells_little(
    kind, make, wire, notes
) -> None:
    wire.reply(ANSWERS[kind])
    await make(kind).execute("Hi")
    told = notes.of(LLMRequestRecord)
    assert (told.output_type, told.temperature, told.stop_sequences, told.stream) == (
        None,
        None,
        None,
        False,
    )
    assert told.conversation_id is None
    assert told.max_tokens == (1024 if kind == "anthropic" else None)


async def test_what_a_user_hands_to_the_sdk_is_told_too(wire, make_openai, notes) -> None:
    """Also from `extra_body`, and never what is no number."""
    wire.reply(ANSWERS["openai"])
    extra = {
        "n": 2,
        "top_p": 0.9,
        "frequency_penalty": 0.1,
        "presence_penalty": -1,
        "stop": "END",
        "response_format": {"type": "text"},
        "seed": None,
        "extra_body": {"top_k": 40, "temperature": True},
    }
    await make_openai().execute(LLMRequest(({"role": "user", "content": "Hi"},), extra=extra))
    told = notes.of(LLMRequestRecord)
    assert (told.choice_count, told.top_p, told.top_k, told.seed) == (2, 0.9, 40, None)
    assert (told.frequency_penalty, told.presence_penalty) == (0.1, -1)
    assert (told.stop_sequences, told.output_type) == (("END",), "text")
    assert told.temperature is None


@pytest.mark.parametrize(
    ("base_url", "server"),
    [
        ("http://localhost:11434/v1", ("localhost", 11434)),
        ("https://user:secret@llm.example.com/v1?key=secret", ("llm.example.com", 443)),
        ("http://[::1]/v1", ("::1", 80)),
    ],
    ids=["port", "secrets", "ipv6"],
)
async def test_the_server_is_told_without_secrets_of_its_url(
    base_url, server, wire, make_openai, notes
) -> None:
    wire.reply(ANSWERS["openai"])
    await make_openai(base_url=base_url).execute("Hi")
    told = notes.of(LLMRequestRecord)
    assert (told.server_address, told.server_port) == server
    assert "secret" not in repr(notes.records)


async def test_a_stream_says_that_it_is_one(wire, make_openai, sse, notes) -> None:
    wire.stream([sse(*CHUNKS)])
    [piece async for piece in make_openai().stream("Hi")]
    assert notes.of(LLMRequestRecord).stream
    assert notes.of(LLMRecord).time_to_first_chunk is not None


@BOTH
async def test_a_request_is_told_before_it_fails(kind, make, wire, notes) -> None:
    wire.reply({"error": {"message": "no"}}, 400)
    with pytest.raises(Exception, match="400"):
        await make(kind).execute("Hi")
    assert [type(record) for record in notes.records] == [LLMRequestRecord]


@BOTH
async def test_nothing_that_was_said_is_told_to_those_who_do_not_ask(
    kind, make, wire, notes
) -> None:
    """Prompts are other people's data."""
    wire.reply(ANSWERS[kind])
    await make(kind).execute("the prompt")
    assert "the prompt" not in repr(notes.records)
    assert "Hello" not in repr(notes.records)


CHAT = (
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "Weather?"},
)


@pytest.mark.parametrize(
    ("kind", "inputs", "instructions"),
    [("openai", CHAT, None), ("anthropic", CHAT[1:], CHAT[:1])],
    ids=["openai", "anthropic"],
)
async def test_what_was_said_is_told_as_it_travels(
    kind, inputs, instructions, make, wire, said
) -> None:
    """Anthropic takes instructions apart from the chat, OpenAI as a part of it."""
    wire.reply(ANSWERS[kind])
    await make(kind).execute(LLMRequest(CHAT, tools=(WEATHER,)))
    content = said.of(LLMContentRecord)
    assert content.input_messages == inputs
    assert content.system_instructions == instructions
    assert content.output_messages == (HELLO,)
    assert content.tool_definitions == (
        {
            "type": "function",
            "name": "weather",
            "description": "Tell the weather.",
            "parameters": {"type": "object", "properties": {}},
        },
    )


async def test_tool_calls_of_an_answer_are_told(wire, make_openai, said) -> None:
    call = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    answer = {**ANSWERS["openai"]["choices"][0], "finish_reason": "tool_calls"}
    answer["message"] = {"role": "assistant", "content": None, "tool_calls": [call]}
    wire.reply({**ANSWERS["openai"], "choices": [answer]})
    response = await make_openai().execute("Hi")
    assert response.tool_calls == (ToolCall("t1", "weather", "{}"),)
    assert said.of(LLMContentRecord).output_messages == (
        {"role": "assistant", "content": "", "tool_calls": [call], "finish_reason": "tool_calls"},
    )


async def test_what_was_said_stays_as_it_was_said(wire, make_openai, said) -> None:
    """Spans are written later, when the caller may have gone on with the same list."""
    wire.reply(ANSWERS["openai"])
    message: dict[str, Any] = {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
    await make_openai().execute([message])
    message["content"][0]["text"] = "something else"
    message["more"] = True
    assert said.of(LLMContentRecord).input_messages == (
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    )


async def test_a_streamed_answer_is_told_whole(wire, make_openai, sse, said) -> None:
    wire.stream([sse(*CHUNKS)])
    [piece async for piece in make_openai().stream("Hi")]
    assert said.of(LLMContentRecord).output_messages == (HELLO,)


@pytest.mark.parametrize("ending", ["refused", "left"])
async def test_without_an_answer_the_question_is_told(ending, wire, make_openai, sse, said) -> None:
    adapter = make_openai()
    if ending == "refused":
        wire.reply({"error": {"message": "no"}}, 400)
        with pytest.raises(Exception, match="400"):
            await adapter.execute("Hi")
    else:
        wire.stream([sse(*CHUNKS)])
        pieces = adapter.stream("Hi")
        await anext(pieces)
        await pieces.aclose()
    content = said.of(LLMContentRecord)
    assert content.input_messages == ({"role": "user", "content": "Hi"},)
    assert content.output_messages is None


def test_one_observer_that_wants_content_is_enough() -> None:
    """And its leaving ends it."""
    assert not observe.Observers((Notes(),)).captures_content
    assert observe.Observers((Notes(), Notes(captures_content=True))).captures_content
