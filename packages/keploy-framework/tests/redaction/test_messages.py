"""Requests, responses and exchanges without their secrets."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest

from keploy_framework.exchange import Chunk, Exchange, Request, Response, header
from keploy_framework.redaction import RedactionRules, Redactor

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=border"


def request(body: bytes = b"", content_type: str = "", **changes: Any) -> Request:
    headers = (("Host", "h"), *((("Content-Type", content_type),) if content_type else ()))
    return replace(Request("POST", "/a", headers, body, host="h"), **changes)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "proxy-authorization",
        "X-Api-Key",
        "api-key",
        "Ocp-Apim-Subscription-Key",
        "X-Hub-Signature-256",
        "X-Amz-Security-Token",
        "x-client-secret",
        "X-CSRF-Token",
        "X-Auth",
    ],
)
def test_header_is_secret_by_its_name(redactor: Redactor, planted, name):
    """The value of a secret header was written to a file."""
    clean = redactor.request(request(headers=((name, planted.opaque),)))
    assert planted.opaque not in clean.headers[0][1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Idempotency-Key", "5f3c9a8b7d6e4f21"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("anthropic-ratelimit-tokens-remaining", "8000"),
        ("x-ratelimit-limit-tokens", "150000"),
        ("X-Request-Id", "req_011CSHoEeqs5C35K2UUqR7Fy"),
        ("ETag", 'W/"2a8-iOmkPHL0GZ8hbVDtqg"'),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("WWW-Authenticate", 'Bearer realm="shop"'),
        ("Access-Control-Allow-Headers", "Authorization, X-Api-Key"),
        ("User-Agent", "curl/8.4.0"),
    ],
)
def test_header_that_opens_nothing_stays(redactor: Redactor, name, value):
    """A header that clients need was redacted."""
    assert redactor.header(name, value) == value


def test_cookies_keep_names_and_attributes(redactor: Redactor):
    """A redacted cookie could not be sent back any more."""
    sent = redactor.header("Cookie", "sid=abc123; theme=dark")
    assert sent == "sid=redacted-001; theme=redacted-002"
    given = redactor.header(
        "Set-Cookie", "sid=abc123; Path=/; Expires=Thu, 01 Jan 2026 00:00:00 GMT"
    )
    assert given == "sid=redacted-001; Path=/; Expires=Thu, 01 Jan 2026 00:00:00 GMT"


def test_deleted_cookie_stays_deleted(redactor: Redactor):
    """Logging out became logging in."""
    assert redactor.header("Set-Cookie", "sid=; Max-Age=0") == "sid=; Max-Age=0"


def test_url_keeps_all_but_the_secret(redactor: Redactor, planted):
    """A query lost its order or its spelling."""
    target = f"/a%20b?q=x%2By&api_key={planted.opaque}&page=2&flag"
    clean = redactor.request(request(target=target, host=f"bob:{planted.opaque}@h:80"))
    assert clean.target == "/a%20b?q=x%2By&api_key=redacted-001&page=2&flag"
    assert clean.host == "bob:redacted-001@h:80"


def test_encoded_key_in_a_path_is_found(redactor: Redactor, planted):
    """A key hid behind percent signs."""
    hidden = quote(planted.keys["anthropic"], safe="").replace("-", "%2D")
    assert "Zy8_" not in redactor.request(request(target=f"/keys/{hidden}")).target


def test_form_is_redacted_by_names(redactor: Redactor, planted):
    """The password of a form was kept."""
    body = f"user=bob+b&password={planted.opaque}&data=%7B%22secret%22%3A%22s3cr3t%22%7D".encode()
    clean = redactor.request(request(body, FORM)).body.decode()
    assert clean.startswith("user=bob+b&password=redacted-001&data=")
    assert json.loads(dict(parse_qsl(clean))["data"]) == {"secret": "redacted-002"}


def multipart(secret: str) -> bytes:
    return (
        b'--border\r\nContent-Disposition: form-data; name="password"\r\n\r\n' + secret.encode()
        + b'\r\n--border\r\nContent-Disposition: form-data; name="f"; filename="a.env"\r\n'
        b"Content-Type: text/plain\r\n\r\nAPI_KEY=" + secret.encode()
        + b'\r\n--border\r\nContent-Disposition: form-data; name="p"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\x00\xff\x00\r\n--border--\r\n"
    )  # fmt: skip


def test_multipart_form_is_redacted_part_by_part(redactor: Redactor, planted):
    """An uploaded file with a key in it was kept, or a picture was damaged."""
    clean = redactor.request(request(multipart(planted.opaque), MULTIPART)).body
    assert planted.opaque.encode() not in clean
    assert b"\x89PNG\x00\xff\x00" in clean
    assert clean.endswith(b"--border--\r\n")


def test_compressed_body_is_redacted_and_stays_compressed(redactor: Redactor, planted):
    """A secret hid in a compressed body."""
    packed = gzip.compress(json.dumps({"token": planted.opaque}).encode())
    headers = (("Content-Encoding", "gzip"), ("Content-Length", str(len(packed))))
    clean = redactor.response(Response(200, "OK", headers, packed, (), len(packed)))
    assert json.loads(gzip.decompress(clean.body)) == {"token": "redacted-001"}
    assert header(clean.headers, "content-length") == str(len(clean.body))
    assert clean.body_size == len(clean.body)


def test_compressed_body_without_secrets_keeps_its_bytes(redactor: Redactor):
    """A body changed although nothing was secret."""
    packed = gzip.compress(b'{"a": 1}', mtime=12345)
    response = Response(200, "OK", (("Content-Encoding", "gzip"),), packed, (), len(packed))
    assert redactor.response(response) == response


def test_body_that_cannot_be_read_is_told(redactor: Redactor):
    """Nobody learned that a body was never looked into."""
    response = Response(200, "", (("Content-Encoding", "gzip"),), b"no gzip", (), 7)
    assert redactor.response(response) == response
    assert len(redactor.unread) == 1


def test_binary_body_loses_known_secrets_only(planted):
    """A binary body changed its length, or kept a secret that was known."""
    redactor = Redactor(known=[planted.opaque])
    body = b"\x00\x01" + planted.opaque.encode() + b"\xff password=x"
    clean = redactor.request(request(body, "application/octet-stream")).body
    assert len(clean) == len(body)
    assert planted.opaque.encode() not in clean
    assert clean.endswith(b"\xff password=x")


def test_binary_body_is_left_alone_though_it_is_utf_8(redactor: Redactor):
    """A message with lengths in it was damaged."""
    body = b"\x00\x0cpassword=abc"
    assert redactor.request(request(body, "application/grpc")).body == body


def test_header_goes_with_the_encoding(redactor: Redactor):
    """A body said that it had an encoding it has not any more."""
    headers = (("Content-Encoding", "identity"), ("Content-Type", "application/json"))
    clean = redactor.response(Response(200, "", headers, b'{"token": "abc"}'))
    assert clean.headers == headers[1:]


def test_compressed_stream_is_redacted(redactor: Redactor, planted):
    """A secret hid in a compressed stream."""
    packed = gzip.compress(json.dumps({"token": planted.opaque}).join(["data: ", "\n\n"]).encode())
    headers = (("Content-Type", "text/event-stream"), ("Content-Encoding", "gzip"))
    pieces = chunks(packed[:20], packed[20:])
    clean = redactor.response(Response(200, "", headers, packed, pieces, len(packed)))
    assert clean.body == b'data: {"token": "redacted-001"}\n\n'
    assert clean.headers == headers[:1]
    assert (clean.body_size, clean.chunks[0].at) == (len(clean.body), 2)


def test_secrets_of_the_environment_are_known(planted):
    """The app's own key was recorded where nothing named it."""
    environment = {"SHOP_API_KEY": planted.opaque, "PWD": "/home/longer-than-16-chars-1"}
    redactor = Redactor.from_environment(environment)
    assert redactor.text(f"{planted.opaque} /home/longer-than-16-chars-1").endswith(
        " /home/longer-than-16-chars-1"
    )
    assert planted.opaque not in redactor.text(planted.opaque)


def chunks(*pieces: bytes) -> tuple[Chunk, ...]:
    return tuple(Chunk(at, data) for at, data in enumerate(pieces, 1))


def streamed(content_type: str, *pieces: bytes) -> Response:
    body = b"".join(pieces)
    headers = (("Content-Type", content_type),)
    return Response(200, "OK", headers, body, chunks(*pieces), len(body))


def test_event_is_redacted_though_it_came_in_pieces(redactor: Redactor, planted):
    """A secret was kept because the network cut it in two."""
    secret = planted.opaque.encode()
    response = streamed(
        "text/event-stream",
        b'data: {"token": "' + secret[:7], secret[7:] + b'"}\n\ndata: {"n": 1}\n\n',
    )  # fmt: skip
    clean = redactor.response(response)
    assert clean.body == b'data: {"token": "redacted-001"}\n\ndata: {"n": 1}\n\n'
    assert [one.data for one in clean.chunks] == [
        b'data: {"token": "redacted-001"}\n\n',
        b'data: {"n": 1}\n\n',
    ]


def test_key_over_pieces_of_any_stream_is_found(redactor: Redactor, planted):
    """A stream of plain pieces kept a key that two pieces shared."""
    key = planted.keys["github"].encode()
    clean = redactor.response(streamed("text/plain", b"key " + key[:9], key[9:] + b" end"))
    assert key not in clean.body
    assert len(clean.chunks) == 2
    assert b"".join(one.data for one in clean.chunks) == clean.body


def test_stream_without_secrets_keeps_its_pieces(redactor: Redactor):
    """The pieces of a stream were joined although nothing was secret."""
    response = streamed("text/event-stream", b"data: a", b"\n\nda", b"ta: b\n\n")
    assert redactor.response(response) == response


def test_body_that_was_skipped_stays_skipped(redactor: Redactor):
    """A body too large to keep became an empty one."""
    response = Response(200, "OK", (("X-Api-Key", "abc"),), b"", (), 5_000_000)
    assert redactor.response(response).body_skipped


def test_what_the_answer_tells_is_found_in_the_question(redactor: Redactor, planted):
    """A key was kept in the request because only the response named it."""
    asked = Request("GET", f"/verify/{planted.opaque}", host="h")
    answered = Response(200, body=json.dumps({"api_key": planted.opaque}).encode())
    clean = redactor.exchange(Exchange(asked, answered, 1, 2))
    assert planted.opaque not in clean.request.target


def test_counts_say_how_many_places_were_changed(redactor: Redactor, planted):
    """Looking twice for what was learned late counted twice."""
    redactor.text(json.dumps({"echo": planted.opaque, "api_key": planted.opaque}))
    assert redactor.counts == {"field": 1, "known": 1}


def test_disabled_rules_change_nothing(planted):
    """--no-redact redacted."""
    redactor = Redactor(RedactionRules(enabled=False))
    asked = request(planted.opaque.encode(), headers=(("Authorization", planted.opaque),))
    exchange = Exchange(asked, Response(200), 1, 2)
    assert redactor.exchange(exchange) is exchange
    assert redactor.text(planted.token) == planted.token


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        ("token=first-one&x=1", "token=other&x=1"),
        ('{"api_key": "AAAA1111BBBB2222"}', '{"api_key": "dummy"}'),
        ('{"password": 1}', '{"password": 2}'),
    ],
    ids=["form", "json", "number"],
)
def test_recorded_and_live_request_agree(recorded, live):
    """A mock was missed because the live call had another secret than the recorded one."""
    kind = FORM if "=" in recorded else "application/json"
    first = Redactor()
    first.field("password", "an earlier one")
    kept = first.request(request(recorded.encode(), kind))
    assert (
        Redactor().comparable_request(kept)
        == Redactor().comparable_request(request(live.encode(), kind))
    )  # fmt: skip


def test_tokens_with_other_claims_agree(planted):
    """A login failed in replay because the new token expires at another time."""
    other = f"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.{planted.signature[::-1]}"
    answers = [
        Response(200, body=json.dumps({"token": one}).encode()) for one in (planted.token, other)
    ]
    first, second = (Redactor().comparable_response(one) for one in answers)
    assert first.body == second.body


def test_requests_that_differ_in_more_than_secrets_stay_apart():
    """Two calls became one because both had a secret."""
    first, second = (
        Redactor().comparable_request(request(f'{{"key": "a", "n": {n}}}'.encode())) for n in (1, 2)
    )
    assert first != second
