from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError, MalformedResponseError
from tta_dev_primitives.llm.types import LLMChunk, LLMRequest, LLMResponse, ToolCall

HELLO = {"role": "user", "content": "Hello"}


@pytest.mark.parametrize(
    "value",
    ["Hello", [HELLO], (HELLO,), LLMRequest((HELLO,))],
    ids=["text", "list", "tuple", "request"],
)
def test_every_form_of_input_is_the_same_request(value: Any) -> None:
    assert LLMRequest.of(value) == LLMRequest(messages=(HELLO,))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (7, "got int"),
        (None, "got NoneType"),
        (["Hello"], "got list"),
        (HELLO, "got dict"),
        ([], "at least one message"),
    ],
)
def test_other_input_is_refused_with_an_example(value: Any, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        LLMRequest.of(value)


@pytest.mark.parametrize(("written", "parsed"), [('{"a": 1}', {"a": 1}), ("", {})])
def test_arguments_of_a_tool_call_are_parsed(written: str, parsed: Any) -> None:
    assert ToolCall("id", "f", written).parsed() == parsed


@pytest.mark.parametrize(
    "read",
    [
        lambda: ToolCall("id", "f", '{"a": ').parsed(),
        lambda: ToolCall("id", "f", "[1]").parsed(),
        lambda: LLMResponse("Sure! {}").json(),
    ],
    ids=["half-the-arguments", "arguments-no-object", "text-around-json"],
)
def test_what_a_model_wrote_wrongly_is_malformed(read: Callable[[], Any]) -> None:
    with pytest.raises(MalformedResponseError):
        read()


def test_json_that_was_cut_off_says_so() -> None:
    answer = LLMResponse('{"a": [1, 2', model="m", finish_reason="length")
    with pytest.raises(MalformedResponseError, match="cut off at max_tokens"):
        answer.json()


def test_answer_without_the_sdk_object_is_otherwise_the_same() -> None:
    answer = LLMResponse("Hi", raw=object())
    assert answer.without_raw() == answer
    assert answer.without_raw().raw is None
    assert answer.without_raw().without_raw() is not answer


def test_chunks_join_to_the_answer_that_the_last_one_carries() -> None:
    whole = LLMResponse("Hello", finish_reason="length")
    assert LLMChunk.join_chunks([LLMChunk("Hel"), LLMChunk(response=whole)]) is whole
    assert LLMChunk.join_chunks([LLMChunk("Hel"), LLMChunk("lo")]) == LLMResponse("Hello")
