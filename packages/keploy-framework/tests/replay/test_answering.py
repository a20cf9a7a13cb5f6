"""Calls of the app get the recorded answers, at the recorded pace."""

from __future__ import annotations

import json

from keploy_framework.exchange import Chunk, Exchange, Request, Response
from keploy_framework.formats import Mappings, Mock
from keploy_framework.mocks.book import BookRules
from keploy_framework.mocks.timing import StreamTiming
from keploy_framework.redaction import Redactor
from keploy_framework.replay.answering import SetAnswers
from keploy_framework.wire import Unrecorded

AT = 1_790_000_000_000_000_000
MILLISECOND = 1_000_000


def answers(*exchanges: Exchange, redactor: Redactor | None = None) -> SetAnswers:
    mocks = [Mock.from_exchange(one, name=f"mock-{number}") for number, one in enumerate(exchanges)]
    found = SetAnswers(redactor or Redactor(), BookRules(timing=StreamTiming.parse("original")))
    found.use(mocks, (), Mappings.of("s"))
    return found


def call(body: bytes = b"", token: str = "") -> Request:
    headers = (("Authorization", f"Bearer {token}"), ("Content-Type", "application/json"))
    return Request("POST", "/v1", headers if token else (), body, "http", "api.test")


def test_a_stream_comes_at_its_pace() -> None:
    """A streamed mock came in one piece."""
    pieces = tuple(Chunk(AT + at * MILLISECOND, b"data: x\n\n") for at in (100, 300, 900))
    body = b"".join(piece.data for piece in pieces)
    response = Response(200, "OK", (("Content-Type", "text/event-stream"),), body, pieces)
    found = answers(Exchange(call(), response, AT, AT + 900 * MILLISECOND)).answer(call())
    assert found is not None
    assert [round(gap, 3) for gap in found.gaps] == [0.1, 0.2, 0.6]
    assert [piece.data for piece in found.response.chunks] == [b"data: x\n\n"] * 3


def test_a_call_with_the_real_key_finds_the_redacted_mock() -> None:
    """After redaction no mock matched, as the live key differs from its placeholder."""
    key = "sk-proj-" + "Ab1" * 14
    asked = call(json.dumps({"key": key, "q": "x"}).encode(), key)
    recorded = Redactor().exchange(Exchange(asked, Response(200, "OK", (), b"yes"), AT, AT + 1))
    assert key not in str(recorded.request)
    redactor = Redactor()
    redactor.text("another secret first: ghp_" + "a1b2" * 9)
    found = answers(recorded, redactor=redactor).answer(asked)
    assert found is not None
    assert found.response.body == b"yes"


def test_no_mock_is_502() -> None:
    """A call without a mock hung."""
    found = answers().answer(call())
    assert found is not None
    assert found.response.status == 502


def test_calls_that_cannot_be_read_are_counted() -> None:
    """A gRPC call that was refused stood in no report."""
    found = answers()
    for _ in range(2):
        found.unrecorded(Unrecorded("not-http", "h2 to api.test:443 cannot be answered", AT))
    assert found.unanswered == {"h2 to api.test:443 cannot be answered": 2}
