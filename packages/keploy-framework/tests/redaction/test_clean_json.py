"""JSON that cannot hold a secret is told by its names, and nothing else goes through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.redaction import RedactionRules
from keploy_framework.redaction.ledger import Ledger
from keploy_framework.redaction.text import TextRedactor

NAMES = (
    *("name", "value", "key", "id", "model", "max_tokens", "token_count", "keyboard", "total"),
    *("token", "password", "api_key", "api_keys", "authorization", "x-auth-token", "tokens"),
)
WORDS = (
    "blue",
    "Authorization",
    "a secret thing",
    "password",
    "pässword",
    "sk-",
    "x=1",
    "token=ab",
)
SECRET = "Zq7Rw2Xn9Kp4Lm8Vt3Bc"

scalars = st.one_of(
    st.sampled_from([*WORDS, SECRET, f"Bearer {SECRET}", f'{{"password": "{SECRET}"}}']),
    st.integers(0, 10**9),
    st.booleans(),
    st.none(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)


class Thorough(TextRedactor):
    """Reads every JSON text."""

    __slots__ = ()

    def _is_clean_json(self, text: str) -> bool:
        return False


def redacted(kind: type[TextRedactor], text: str) -> str:
    return kind(Ledger(RedactionRules(), ())).text(text)


@given(
    st.one_of(values.map(lambda value: {"max_tokens": 7, "data": value}), values),
    st.sampled_from([None, 2]),
)
def test_the_fast_way_gives_what_the_thorough_one_gives(value: Any, indent: int | None) -> None:
    """A secret went through that reading the whole would have found."""
    text = json.dumps(value, indent=indent)
    assert redacted(TextRedactor, text) == redacted(Thorough, text)
    unescaped = json.dumps(value, indent=indent, ensure_ascii=False)
    assert redacted(TextRedactor, unescaped) == redacted(Thorough, unescaped)


@pytest.mark.parametrize(
    ("data", "clean"),
    [
        ({"model": "m", "max_tokens": 60}, True),
        ({"usage": {"total_tokens": 25, "prompt_tokens": 16}}, True),
        ({"max_tokens": 60, "password": "x7"}, False),
        ({"max_tokens": 60, "items": [{"name": "password", "value": "x7"}]}, False),
        ({"max_tokens": 60, "api_keys": ["x7"]}, False),
        ({"max_tokens": 60, "content": "the token is x7"}, False),
        ({"max_tokens": 60, "content": 'a "quoted" word'}, False),
    ],
    ids=["request", "usage", "name", "told-name", "collection", "prose", "escapes"],
)
def test_names_decide_where_hints_stand_nowhere_else(data: object, clean: bool) -> None:
    """Every body with `max_tokens` was read whole, which cost most of a replayed call."""
    text = json.dumps(data)
    assert TextRedactor(Ledger(RedactionRules(), ()))._is_clean_json(text) is clean
