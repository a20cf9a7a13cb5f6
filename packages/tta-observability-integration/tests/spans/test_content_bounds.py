"""What was said, as far as there is room for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability_integration.spans.content import ContentCapture, ContentMode
from observability_integration.spans.content_bounds import BoundedJson
from observability_integration.spans.content_messages import message
from tta_dev_primitives.core.observe import LLMContentRecord

INPUT = "gen_ai.input.messages"


def captured(*messages: dict[str, Any], max_characters: int) -> str:
    """What is captured of *messages*."""
    capture = ContentCapture(ContentMode.SPAN_ONLY, max_characters=max_characters)
    return str(capture.attributes(LLMContentRecord(messages))[INPUT])


def test_a_long_text_is_cut_with_a_count() -> None:
    told = json.loads(captured({"role": "user", "content": "x" * 5000}, max_characters=1000))
    content = told[0]["parts"][0]["content"]
    assert content.startswith("x" * 200)
    assert content.endswith("characters more]")


def test_the_oldest_messages_go_first() -> None:
    """The newest question is what a reader looks for."""
    messages = [{"role": "user", "content": f"{number}: {'x' * 90}"} for number in range(50)]
    told = json.loads(captured(*messages, max_characters=1000))
    assert told[0] == {"role": "system", "parts": [{"type": "left_out", "messages": 50 - 6}]}
    assert [one["parts"][0]["content"][:3] for one in told[1:]] == [
        f"{number}:" for number in range(44, 50)
    ]


def test_a_secret_is_not_cut_in_half_before_it_is_looked_for() -> None:
    key = "sk-" + "a1B2" * 30
    for before in range(0, 300, 7):
        text = "x" * before + " " + key + "y" * 5000
        assert "a1B2" not in captured({"role": "user", "content": text}, max_characters=400)


def test_a_bound_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 256, got 10"):
        ContentCapture(ContentMode.SPAN_ONLY, max_characters=10)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
)


def no_constant(name: str) -> None:
    raise AssertionError(name)  # NaN and the like are Python's, not JSON's


@settings(max_examples=150, deadline=None)
@given(items=st.lists(ANYTHING, max_size=20), most=st.integers(256, 2000))
def test_json_is_always_whole_and_never_too_long(items: list[Any], most: int) -> None:
    """Whatever users put into messages."""
    text = BoundedJson(lambda text: text, most).of(items, lambda count: {"left_out": count})
    parsed = json.loads(text, parse_constant=no_constant)
    assert isinstance(parsed, list)
    assert len(text) <= most
    if len(parsed) != len(items):
        assert parsed[0]["left_out"] == len(items) - (len(parsed) - 1)


@settings(max_examples=100, deadline=None)
@given(
    given_message=st.dictionaries(
        st.sampled_from(["role", "content", "tool_calls", "name", "tool_call_id", "type"]),
        ANYTHING
        | st.lists(
            st.dictionaries(
                st.sampled_from(["type", "text", "source", "image_url", "input", "function"]),
                st.sampled_from(["text", "tool_use", "image", "image_url", "file"]) | ANYTHING,
            )
        ),
    )
)
def test_no_message_is_too_strange_to_be_told(given_message: dict[str, Any]) -> None:
    told = message(given_message, finish_reason=True)
    assert isinstance(told["role"], str)
    assert isinstance(told["parts"], list)
    assert all(isinstance(part["type"], str) for part in told["parts"])


def test_an_integer_of_many_digits_is_told_by_its_length() -> None:
    """Python refuses to write it out."""
    text = BoundedJson(lambda text: text, 1000).of([10**5000, 2**63 - 1], lambda count: count)
    assert json.loads(text) == ["[an integer of 16610 bits]", 2**63 - 1]


def test_a_list_that_holds_itself_comes_to_an_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    text = BoundedJson(lambda text: text, 1000).of([endless], lambda count: count)
    assert "[deeper]" in text
