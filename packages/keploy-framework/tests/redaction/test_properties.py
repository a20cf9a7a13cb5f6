"""What holds for every text and every secret."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.redaction import Redactor

NAMES = st.sampled_from(
    [
        "password",
        "apiKey",
        "access_token",
        "client_secret",
        "name",
        "count",
        "items",
        "token",
        "url",
    ]
)
SECRETS = st.from_regex(r"[A-Za-z][0-9][A-Za-z0-9]{18,30}", fullmatch=True)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS | SECRETS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(), inner, max_size=4)
    ),
    max_leaves=15,
)


def shape(value):
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value)


@given(VALUES)
def test_redacted_json_keeps_names_types_and_lengths(value):
    """Redaction changed the structure of an answer."""
    assert shape(json.loads(Redactor().text(json.dumps(value)))) == shape(value)


@given(VALUES)
def test_redacted_json_is_redacted(value):
    """Redacting a recording again changed it again."""
    once = Redactor().text(json.dumps(value))
    assert Redactor().text(once) == once


@given(st.text() | st.text("=:\"'{}&?/@-aA1<>\n passwordtokeny.eJ"))
def test_redacted_text_is_redacted(text):
    """Redacting a log again changed it again."""
    redactor = Redactor()
    once = redactor.text(text)
    assert redactor.text(once) == once


@given(
    SECRETS,
    st.sampled_from(["password", "api_key", "X-Auth-Token", "clientSecret", "refresh_token"]),
    st.text("abc \n\"'\\{}[]:,=&", max_size=40),
)
def test_secret_is_never_in_the_output(secret, name, around):
    """A secret that was named once stood somewhere in what was written."""
    text = json.dumps({"before": f"{around}{secret}", name: secret, "after": [secret, around]})
    assert secret not in Redactor().text(text)
