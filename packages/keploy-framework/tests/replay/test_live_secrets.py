"""A secret that the app gives out is sent back as it was in the recording."""

from __future__ import annotations

import pytest

from keploy_framework.exchange import Request, Response
from keploy_framework.replay.live_secrets import LiveSecrets

HEAD = "eyJhbGciOiJIUzI1NiJ9"


def response(body: str = "", *headers: tuple[str, str]) -> Response:
    return Response(200, "OK", headers, body.encode())


@pytest.mark.parametrize(
    ("recorded", "actual", "sent", "expected"),
    [
        (
            response('{"token": "ghp_redacted-001"}'),
            response('{"token": "ghp_live"}'),
            "Bearer ghp_redacted-001",
            "Bearer ghp_live",
        ),
        (
            response(f'{{"a": [{{"jwt": "{HEAD}.eyJhIjoxfQ.redacted-002"}}]}}'),
            response(f'{{"a": [{{"jwt": "{HEAD}.eyJhIjoyfQ.live"}}]}}'),
            f"Bearer {HEAD}.eyJhIjoxfQ.redacted-002",
            f"Bearer {HEAD}.eyJhIjoyfQ.live",
        ),
        (
            response("", ("Set-Cookie", "a=1"), ("Set-Cookie", "s=redacted-003; Path=/")),
            response("", ("set-cookie", "s=live; Path=/"), ("Set-Cookie", "a=2")),
            "a=1; s=redacted-003",
            "a=1; s=live",
        ),
        (
            response("", ("X-Token", "redacted-004")),
            response("", ("x-token", "live")),
            "redacted-004",
            "live",
        ),
        (
            response('{"token": "redacted-005"}'),
            response('{"other": "live"}'),
            "redacted-005",
            "redacted-005",
        ),
        (response('{"name": "x"}'), response('{"name": "y"}'), "x", "x"),
    ],
    ids=["field", "token-with-other-claims", "cookie", "header", "missing", "no-secret"],
)
def test_the_live_value_is_sent(
    recorded: Response, actual: Response, sent: str, expected: str
) -> None:
    """After a login in the replay every other test failed with 401."""
    live = LiveSecrets()
    live.learn(recorded, actual)
    asked = Request("POST", f"/{sent}", (("H", sent),), sent.encode())
    filled = live.fill(asked)
    assert (filled.target, filled.headers) == (f"/{expected}", (("H", expected),))
    assert filled.body == expected.encode()


def test_a_longer_placeholder_is_replaced_first() -> None:
    """The signature within a token was replaced, and its claims were not."""
    live = LiveSecrets()
    live.learn(response('{"a": "redacted-001"}'), response('{"a": "short"}'))
    live.learn(response('{"a": "x.redacted-001"}'), response('{"a": "whole"}'))
    assert live.fill(Request("GET", "/", (("H", "x.redacted-001"),))).headers == (("H", "whole"),)


def test_live_secrets_are_not_shown() -> None:
    """A token of the app under test stood in a log."""
    live = LiveSecrets()
    live.learn(response('{"a": "redacted-001"}'), response('{"a": "hidden-value"}'))
    assert "hidden-value" not in repr(live)
