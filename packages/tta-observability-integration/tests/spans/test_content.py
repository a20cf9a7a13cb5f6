"""What was said to a model, as a span tells it."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from observability_integration.spans.content import (
    CAPTURE_VARIABLE,
    ContentCapture,
    ContentMode,
    content_mode,
)
from tta_dev_primitives.core.observe import LLMContentRecord

INPUT = "gen_ai.input.messages"
OUTPUT = "gen_ai.output.messages"


def captured(record: LLMContentRecord, **options: Any) -> dict[str, Any]:
    """What is captured of *record*, parsed."""
    told = ContentCapture(ContentMode.SPAN_ONLY, **options).attributes(record)
    return {name: json.loads(str(value)) for name, value in told.items()}


def said(*messages: dict[str, Any]) -> LLMContentRecord:
    return LLMContentRecord(messages)


@pytest.mark.parametrize("asked", ["", "  ", "NO_CONTENT", "no_content"])
def test_nothing_is_captured_unless_asked_for(asked: str) -> None:
    assert content_mode({CAPTURE_VARIABLE: asked}) is ContentMode.NO_CONTENT
    assert content_mode({}) is ContentMode.NO_CONTENT


@pytest.mark.parametrize(
    ("asked", "on_span", "on_event"),
    [
        ("span_only", True, False),
        ("Event_Only", False, True),
        ("SPAN_AND_EVENT ", True, True),
    ],
)
def test_the_variable_says_where_content_goes(asked: str, on_span: bool, on_event: bool) -> None:
    """In any case of letters."""
    mode = content_mode({CAPTURE_VARIABLE: asked})
    assert (mode.captures, mode.on_span, mode.on_event) == (True, on_span, on_event)


@pytest.mark.parametrize("asked", ["true", "1", "SPAN", "span-only"])
def test_a_word_that_is_not_known_captures_nothing_and_says_so(
    asked: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Older instrumentations took `true`; what it would mean here nobody said."""
    with caplog.at_level(logging.WARNING):
        assert content_mode({CAPTURE_VARIABLE: asked}) is ContentMode.NO_CONTENT
    (line,) = caplog.messages
    assert CAPTURE_VARIABLE in line
    assert repr(asked) in line


CALL = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"c": "B"}'}}
IMAGE = "data:image/png;base64," + "A" * 100
FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "text": (
        {"role": "user", "content": "Hi"},
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
    ),
    "parts": (
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, "there"]},
        {
            "role": "user",
            "parts": [{"type": "text", "content": "Hi"}, {"type": "text", "content": "there"}],
        },
    ),
    "name": (
        {"role": "user", "content": "Hi", "name": "ada"},
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}], "name": "ada"},
    ),
    "tool-call": (
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {
            "role": "assistant",
            "parts": [
                {"type": "tool_call", "id": "t1", "name": "weather", "arguments": {"c": "B"}}
            ],
        },
    ),
    "tool-call-that-is-no-json": (
        {
            "role": "assistant",
            "tool_calls": [{"id": "t1", "function": {"name": "f", "arguments": "{oh"}}],
        },
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "t1", "name": "f", "arguments": "{oh"}],
        },
    ),
    "tool-result": (
        {"role": "tool", "tool_call_id": "t1", "content": "sunny"},
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "t1", "response": "sunny"}],
        },
    ),
    "anthropic-tools": (
        {
            "role": "user",
            "content": [
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [{"type": "text", "text": "sunny"}],
                },
            ],
        },
        {
            "role": "user",
            "parts": [
                {"type": "tool_call", "id": "t1", "name": "f", "arguments": {"a": 1}},
                {"type": "tool_call_response", "id": "t1", "response": "sunny"},
            ],
        },
    ),
    "thoughts": (
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}]},
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}]},
    ),
    "refusal": (
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "no"}]},
    ),
    "image-by-url": (
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
        },
        {
            "role": "user",
            "parts": [{"type": "uri", "modality": "image", "uri": "https://example.com/a.png"}],
        },
    ),
    "image-within": (
        {"role": "user", "content": [{"type": "input_image", "image_url": IMAGE}]},
        {
            "role": "user",
            "parts": [
                {
                    "type": "image",
                    "mime_type": "image/png",
                    "left_out": "100 characters of data",
                }
            ],
        },
    ),
    "anthropic-image": (
        {
            "role": "user",
            "content": [
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/jpeg", "data": "A" * 50},
                }
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "type": "image",
                    "mime_type": "image/jpeg",
                    "left_out": "50 characters of data",
                }
            ],
        },
    ),
    "file": (
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "f-1"}}]},
        {
            "role": "user",
            "parts": [{"type": "file", "modality": "document", "file_id": "f-1"}],
        },
    ),
    "sound": (
        {
            "role": "user",
            "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}],
        },
        {
            "role": "user",
            "parts": [{"type": "audio", "mime_type": None, "left_out": "4 characters of data"}],
        },
    ),
    "something-new": (
        {"role": "user", "content": [{"type": "hologram", "size": 3}]},
        {"role": "user", "parts": [{"type": "hologram", "size": 3}]},
    ),
    "nothing": ({"content": None}, {"role": "user", "parts": []}),
}


@pytest.mark.parametrize(("given_message", "expected"), FORMS.values(), ids=FORMS)
def test_a_message_gets_the_form_of_the_conventions(
    given_message: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Whichever provider's form it had."""
    assert captured(said(given_message))[INPUT] == [expected]


def test_all_that_was_said_has_its_attribute() -> None:
    tool = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}}
    record = LLMContentRecord(
        input_messages=({"role": "user", "content": "Hi"},),
        output_messages=({"role": "assistant", "content": "Yes", "finish_reason": "tool_calls"},),
        system_instructions=({"role": "system", "content": "Be short."},),
        tool_definitions=(tool,),
    )
    assert captured(record) == {
        INPUT: [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
        OUTPUT: [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": "Yes"}],
                "finish_reason": "tool_call",
            }
        ],
        "gen_ai.system_instructions": [{"type": "text", "content": "Be short."}],
        "gen_ai.tool.definitions": [tool],
    }


def test_the_newest_schema_leaves_the_reason_to_the_span() -> None:
    record = LLMContentRecord(
        (), ({"role": "assistant", "content": "Yes", "finish_reason": "stop"},)
    )
    assert "finish_reason" not in captured(record, schema="latest")[OUTPUT][0]


def test_a_question_without_an_answer_has_no_attribute_for_one() -> None:
    assert set(captured(said({"role": "user", "content": "Hi"}))) == {INPUT}


def test_secrets_are_taken_out_wherever_they_stand() -> None:
    """In texts, in arguments of tools and their names, and in fields that say what they are."""
    key = "sk-" + "a1B2" * 6
    record = LLMContentRecord(
        (
            {"role": "user", "content": f"my key is {key}", "name": key},
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": key,
                        "function": {
                            "name": "login",
                            "arguments": json.dumps({"password": "hunter2", key: {"x": [key]}}),
                        },
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "t", "content": f"Bearer {key}"},
        ),
        system_instructions=({"role": "system", "content": f"password: {key}"},),
        tool_definitions=({"type": "function", "name": "f", "description": key},),
    )
    told = ContentCapture(ContentMode.SPAN_ONLY).attributes(record)
    assert key not in str(told)
    assert "hunter2" not in str(told)


def test_the_schema_of_a_secret_is_no_secret() -> None:
    parameters = {"type": "object", "properties": {"password": {"type": "string"}}}
    tool = {"type": "function", "name": "login", "parameters": parameters}
    record = LLMContentRecord((), tool_definitions=(tool,))
    assert captured(record)["gen_ai.tool.definitions"] == [tool]


@pytest.mark.parametrize("broken", [lambda text: 1 / 0, lambda text: None], ids=["raises", "none"])
def test_what_cannot_be_redacted_is_left_out(broken: Any, caplog: pytest.LogCaptureFixture) -> None:
    """And said once, without the text."""
    capture = ContentCapture(ContentMode.SPAN_ONLY, redact=broken)
    for _ in range(2):
        told = capture.attributes(said({"role": "user", "content": "the prompt"}))
        assert "the prompt" not in str(told)
    (line,) = caplog.messages
    assert "the prompt" not in line
