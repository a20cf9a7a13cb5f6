"""No request, however odd, ends a replay."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from keploy_framework.exchange import Request
from keploy_framework.formats.models.mock import Mock
from keploy_framework.matching.choice.chooser import ChoiceRules
from keploy_framework.matching.choice.request_noise import RequestNoise
from keploy_framework.mocks.book import BookRules, MockBook
from keploy_framework.mocks.outcomes import Answer, Miss

EXAMPLES = 100_000 if os.environ.get("TTA_LONG") else 500
Make = Callable[..., Any]

RECORDED = [
    Mock({"kind": "Http", "name": name, "spec": {"req": request, "resp": {"status_code": 200}}})
    for name, request in {
        "json": {"method": "POST", "url": "/a?x=1", "body": '{"a": [1, {"b": null}]}'},
        "form": {"method": "POST", "url": "/a", "body": "a=1&b=2",
                 "header": {"Content-Type": "application/x-www-form-urlencoded"}},
        "id": {"method": "GET", "url": "/u/507f1f77bcf86cd799439011"},
    }.items()
]  # fmt: skip
latin = st.text(st.characters(max_codepoint=255), max_size=12)
headers = st.lists(
    st.tuples(
        st.sampled_from(["Content-Type", "Content-Encoding", "Host", "Range", "Keploy-Test-Id"]),
        latin | st.sampled_from(["application/json", "gzip", "multipart/form-data; boundary=-"]),
    ),
    max_size=3,
).map(tuple)


@settings(max_examples=EXAMPLES)
@given(
    method=st.sampled_from(["GET", "POST", "odd"]),
    target=latin | st.sampled_from(["/a", "/a?x=1", "/a?x=%ff&x", "/u/607f1f77bcf86cd799439011"]),
    sent=headers,
    body=st.binary(max_size=20)
    | st.sampled_from([b'{"a":[1,{"b":null}]}', b"a=1&b=3", b"[" * 5000]),
    host=latin,
)
def test_every_request_gets_an_answer_or_a_miss(
    method: str, target: str, sent: Any, body: bytes, host: str
):
    """An odd request raised."""
    noise = RequestNoise(("body.a", "query.x", "b"), ("^9",))
    book = MockBook(RECORDED, rules=BookRules(ChoiceRules(noise, similar_from=0.5)))
    request = Request(method, target, sent, body, "http", host)
    found = book.answer(request, 0)
    assert isinstance(found, Answer | Miss)
    if isinstance(found, Miss):
        assert found.explanation.next_move
        assert found.response.body_size == len(found.response.body)
    again = MockBook([*RECORDED], rules=BookRules(ChoiceRules(noise, similar_from=0.5)))
    assert again.answer(request, 0) == found
