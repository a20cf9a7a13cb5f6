"""Which requests are the same, for whom exact means exact."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.traffic.request_key import (
    VOLATILE_PARAMETERS,
    key_of,
    key_of_hash,
)
from tta_dev_primitives.llm import types

ASKED = [{"role": "user", "content": "What is C++?"}]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def said(text: str, role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": text}]


@pytest.mark.parametrize(
    ("messages", "params"),
    [
        (said("What is C#?"), {}),
        (said("What is C ++?"), {}),
        (said("what is C++?"), {}),
        (said("What is C++? "), {}),
        (said("What is C++?\n"), {}),
        (said("What is C++?", "system"), {}),
        (said("What is") + said(" C++?"), {}),
        ([{"role": "user", "content": [{"type": "text", "text": "What is C++?"}]}], {}),
        (ASKED, {"temperature": 0}),
        (ASKED, {"system": "Be short."}),
        (ASKED, {"a_parameter_of_tomorrow": 1}),
    ],
    ids=[
        *("sign", "space", "case", "space-at-the-end", "newline", "role", "cut-elsewhere"),
        *("parts", "parameter", "instructions", "new-parameter"),
    ],
)
def test_what_differs_is_another_request(messages: Any, params: Any) -> None:
    """C++ and C# were taken for one question."""
    assert key_of(messages, params) != key_of(ASKED, {})


def test_letters_that_look_alike_differ() -> None:
    """Two forms of the same letter were taken for one, which no exact cache does."""
    assert key_of(said("caf\u00e9"), {}) != key_of(said("cafe\u0301"), {})
    assert key_of(said("\ud83d"), {}) != key_of(said("?"), {})


def test_order_of_messages_counts() -> None:
    """A conversation told backwards was a repeat."""
    one, other = said("a"), said("b")
    assert key_of(one + other, {}) != key_of(other + one, {})


@given(st.dictionaries(st.text(min_size=1), json_values, max_size=5), st.randoms())
def test_order_of_keys_does_not_count(params: dict[str, Any], random: Any) -> None:
    """A repeat was not found because the app wrote its parameters in another order."""
    names = list(params)
    random.shuffle(names)
    shuffled = {name: copy.deepcopy(params[name]) for name in names}
    message = {"role": "user", "content": "a"}
    turned = dict(reversed(message.items()))
    assert key_of([message], params) == key_of([turned], shuffled)


@given(json_values, json_values)
def test_different_parameters_have_different_keys(one: Any, other: Any) -> None:
    """Two requests with other parameters were taken for one."""
    assume_same = repr(one) == repr(other)
    same = key_of(ASKED, {"extra": [one]}) == key_of(ASKED, {"extra": [other]})
    assert same or not assume_same
    assert not same or one == other


def test_model_and_volatile_parameters_do_not_count() -> None:
    """The same question by another user was no repeat."""
    params = dict.fromkeys(sorted(VOLATILE_PARAMETERS | {"model"}), "x")
    assert key_of(ASKED, params) == key_of(ASKED, {})


def test_null_is_no_parameter() -> None:
    """A parameter that is null made another request of the same one."""
    assert key_of(ASKED, {"stop": None}) == key_of(ASKED, {})


def test_volatile_parameters_are_those_of_the_cache() -> None:
    """The measurement found repeats that the cache does not find, or the other way round."""
    assert VOLATILE_PARAMETERS == types.VOLATILE_PARAMETERS


def test_hash_is_never_a_text() -> None:
    """A prompt that is the hash of another one was taken for that."""
    assert key_of_hash("abc", {}) != key_of("abc", {})
    assert key_of_hash("abc", {}) != key_of_hash("abd", {})
    assert key_of_hash("abc", {"seed": 1}) != key_of_hash("abc", {})


def test_key_is_the_same_tomorrow() -> None:
    """Keys of two runs could not be compared."""
    assert key_of(ASKED, {"temperature": 0}).hex() == "af39f4714546703b2b112a6187a5b2a6"
    assert len(key_of(ASKED, {})) == 16
