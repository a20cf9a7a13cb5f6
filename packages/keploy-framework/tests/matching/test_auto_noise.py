"""Which fields of a recording are noise from the start."""

from __future__ import annotations

import gzip
import json

import pytest

from keploy_framework.exchange import Request, Response
from keploy_framework.matching.volatile.auto_noise import find_noise
from keploy_framework.matching.volatile.identifiers import identifier_kind
from keploy_framework.matching.volatile.times import is_time

NOW = 1_769_079_242_702_712_900


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-22T10:54:02Z",
        "2026-01-22T10:54:02.702712900+05:30",
        "2026-01-22 10:54:02",
        "2026-01-22T10:54:02.702712",
        "2026-01-22",
        "10:54:02",
        "3:04PM",
        "Thu Jan 22 10:54:02 2026",
        "Thu Jan  2 10:54:02 2026",
        "Thu Jan 22 10:54:02 UTC 2026",
        "Thu Jan 22 10:54:02 -0700 2026",
        "22 Jan 26 10:54 UTC",
        "22 Jan 26 10:54 -0700",
        "Thursday, 22-Jan-26 10:54:02 UTC",
        "Thu, 22 Jan 2026 10:54:02 GMT",
        "Thu, 22 Jan 2026 10:54:02 -0700",
        "Jan 22 10:54:02",
        "Jan _2 10:54:02.000".replace("_2", " 2"),
        "Jan 22 10:54:02.000000",
        "01/02 03:04:05PM '06 -0700",
        "1769079242702712900",
        "1769079242702",
        "1769079242",
        " 2026-01-22 ",
    ],
)
def test_times(text: str):
    """A time in a known layout was not told."""
    assert is_time(text, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-13-22",
        "2026-01-42",
        "25:00:00",
        "13:04PM",
        "10:54",
        "Thu",
        "2026-01-22T10:54:02Z and more",
        "1669079242",
        "12345678901",
        "17690792.42",
        "9" * 400,
        "+491701234567",
        "v2026.01.22",
    ],
)
def test_no_times(text: str):
    """A version, a number or a plain text was taken for a time."""
    assert not is_time(text, NOW)


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("0b1e4bb2-98a4-4b0c-9a6f-0a5b1de0b6b1", "", "uuid"),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "", "ulid"),
        ("507f1f77bcf86cd799439011", "", "object id"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "", "token"),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "", "trace"),
        ("4bf92f3577b34da6a3ce929d0e0e4736", "traceId", "trace"),
        ("00f067aa0ba902b7", "X-B3-SpanId", "trace"),
        ("4bf92f3577b34da6a3ce929d0e0e4736", "X-Request-Id", "trace"),
        ("chatcmpl-9abcDEF012", "", "model answer"),
        ("msg_01XFDUDYJgAACzvnptvVoYEL", "", "model answer"),
        ("resp_0123456789ab", "", "model answer"),
        ("call_abc12345", "", "model answer"),
        ("toolu_01A09q90qw90lq917835lq9", "", "model answer"),
        ("req_011CSHoEeqs5C35K2UUqR7Fy", "", "model answer"),
        ("4bf92f3577b34da6a3ce929d0e0e4736", "etag", None),
        ("123456789012345678901234", "", None),
        ("message", "", None),
        ("call_me", "", None),
        ("eyJhbGciOiJIUzI1NiJ9", "", None),
        ("a 0b1e4bb2-98a4-4b0c-9a6f-0a5b1de0b6b1", "", None),
        ("SOMETHINGWRITTENINCAPITALS", "", None),
    ],
    ids=str,
)
def test_identifiers(text: str, name: str, kind: str | None):
    """An identifier was not told, or a plain text was taken for one."""
    assert identifier_kind(text, name) == kind


def test_fields_are_named_as_noise_names_them():
    """A path had an index, or a stable field became noise."""
    body = {
        "id": "507f1f77bcf86cd799439011",
        "items": [{"name": "book", "created_at": "2026-01-22T10:54:02Z"}, {"name": "pen"}],
        "created": 1769079242,
        "price": 100,
        "at": 1.7690792427027e18,
        "done": True,
        "none": None,
    }
    headers = (("Date", "Thu, 22 Jan 2026 10:54:02 GMT"), ("Server", "x"))
    response = Response(200, "", headers, json.dumps(body).encode())
    assert find_noise(response, now=NOW) == {
        "header.Date": [],
        "body.id": [],
        "body.items.created_at": [],
        "body.created": [],
        "body.at": [],
    }


def test_an_identifier_that_was_sent_is_no_noise():
    """A response with the wrong user passed, as the id was noise although the URL has it."""
    user = "0b1e4bb2-98a4-4b0c-9a6f-0a5b1de0b6b1"
    response = Response(200, body=json.dumps({"user": user, "trace": user[::-1]}).encode())
    request = Request("GET", f"/users/{user}")
    assert find_noise(response, now=NOW, request=request) == {}
    assert find_noise(response, now=NOW, request=Request("GET", "/")) == {"body.user": []}


def test_events_and_compressed_bodies_are_looked_into():
    """Identifiers in a stream or under gzip were missed."""
    event = b'event: x\ndata: {"id":"chatcmpl-9abcDEF012","n":1}\n\ndata: [DONE]\n\n'
    stream = Response(200, "", (("Content-Type", "text/event-stream"),), event)
    assert find_noise(stream, now=NOW) == {"body.id": []}
    encoded = gzip.compress(b'{"at": "2026-01-22"}')
    response = Response(200, "", (("Content-Encoding", "gzip"),), encoded)
    assert find_noise(response, now=NOW) == {"body.at": []}
    decoded = Response(200, "", (("Content-Encoding", "gzip"),), b'{"at": "2026-01-22"}')
    assert find_noise(decoded, now=NOW) == {"body.at": []}
