"""Recorded requests, responses and streams go over the wire and come back the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from keploy_framework.exchange import Headers, Request, Response, header
from keploy_framework.wire import (
    Data,
    End,
    RequestHead,
    RequestParser,
    ResponseHead,
    ResponseParser,
    SseFrames,
    event_bytes,
    request_bytes,
    response_bytes,
    split_target,
)

WRITTEN = """\
spec:
  req:
    method: POST
    url: http://127.0.0.1:5000/items?a=b%20c
    header: {Content-Type: application/json, Host: "127.0.0.1:5000", Content-Length: "9,9"}
    body: '{"a":"é"}'
  resp:
    status_code: 201
    status_message: Created
    header: {Content-Length: "28", Content-Encoding: gzip, Server: Werkzeug/3.1.5 Python/3.13.3}
    body: |
      {"name":"book"}
---
spec:
  req: {method: HEAD, url: "http://localhost:80/", header: {Host: localhost}, body: ""}
  resp: {status_code: 100, header: {}, body: ""}
---
spec:
  req: {method: GET, url: "http://localhost/events", header: {Host: localhost}, body: ""}
  resp:
    status_code: 200
    header: {Content-Type: text/event-stream}
    body:
      - ts: "2026-03-26T12:50:52.371930021Z"
        data: {event: update, id: "7", data: '[{"id":"abc"}]'}
      - ts: "2026-03-26T12:50:52.882421038Z"
        data: {comment: keep-alive}
      - ts: "2026-03-26T12:50:53.1Z"
        data: {data: "two\\nlines", retry: "3000"}
---
spec:
  req: {method: GET, url: "http://localhost/events", header: {Host: localhost}, body: ""}
  resp:
    status_code: 200
    header: {Content-Type: text/event-stream}
    body: "id: 1\\ndata: a\\n\\n: keep-alive\\n\\ndata: b\\ndata: c\\n\\n"
"""

# Any, here and below: the files of another program, as they are.
Case = dict[str, Any]


def public_cases() -> list[Case]:
    """HTTP tests of public recordings, where they are at hand."""
    root = os.environ.get("TTA_TEST_DATA")
    if not root:
        pytest.skip("TTA_TEST_DATA is not set; set it to the folder with keploy-recordings")
    cases: list[Case] = []
    for path in sorted(Path(root, "keploy-recordings").rglob("tests/*.yaml")):
        text = path.read_text(encoding="utf-8")
        if "<<<<<<< " not in text and "\nkind: Http\n" in text:
            cases.append(yaml.load(text, yaml.CBaseLoader)["spec"])
    return cases


@pytest.fixture(scope="module", params=["written", "public"])
def cases(request: pytest.FixtureRequest) -> list[Case]:
    if request.param == "written":
        return [part["spec"] for part in yaml.load_all(WRITTEN, yaml.BaseLoader)]
    return public_cases()


def headers_of(message: Case) -> Headers:
    return tuple((message.get("header") or {}).items())


def without_length(headers: Headers) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() != "content-length")


def text_of(message: Case) -> str:
    body = message.get("body") or ""
    return body if isinstance(body, str) else ""


def test_every_recorded_request_is_read_as_it_was_recorded(cases: list[Case]):
    for case in cases:
        recorded = case["req"]
        _, host, target = split_target(recorded["url"])
        body = text_of(recorded).encode()
        headers = headers_of(recorded)
        # Recordings of some years have no Host, and a path for their URL.
        if header(headers, "Host") is None:
            headers = (("Host", host or "recorded"), *headers)
        written = Request(recorded["method"], target, headers, body)
        head, *rest = RequestParser().feed(request_bytes(written))
        assert isinstance(head, RequestHead)
        assert (head.method, head.target) == (recorded["method"], target)
        assert without_length(head.headers) == without_length(written.headers)
        assert b"".join(event.data for event in rest if isinstance(event, Data)) == body
        assert rest[-1] == End()


def test_every_recorded_response_is_read_as_it_was_recorded(cases: list[Case]):
    for case in cases:
        recorded, method = case["resp"], case["req"]["method"]
        body = text_of(recorded).encode()
        status = int(recorded["status_code"])
        written = Response(
            status, recorded.get("status_message", ""), headers_of(recorded), body, (), len(body)
        )
        parser = ResponseParser()
        parser.expect(method)
        head, *rest = parser.feed(response_bytes(written, method=method))
        assert isinstance(head, ResponseHead)
        assert (head.status, head.reason) == (status, written.reason)
        assert without_length(head.headers) == without_length(written.headers)
        if not head.interim and method != "HEAD" and status not in (204, 304):
            assert b"".join(event.data for event in rest if isinstance(event, Data)) == body
            assert rest[-1] == End()


def test_every_recorded_event_is_read_as_it_was_recorded(cases: list[Case]):
    seen = 0
    for case in cases:
        body = case["resp"].get("body")
        if not isinstance(body, list):
            continue
        fields = [chunk["data"] for chunk in body]
        cutter = SseFrames()
        frames = cutter.feed(b"".join(map(event_bytes, fields)))
        assert [frame.fields for frame in frames] == fields
        assert cutter.finish() == []
        seen += len(frames)
    assert seen


def test_every_recorded_stream_is_cut_without_loss(cases: list[Case]):
    for case in cases:
        body = text_of(case["resp"]).encode()
        if "event-stream" in str(case["resp"].get("header")) and body:
            cutter = SseFrames()
            frames = cutter.feed(body) + cutter.finish()
            assert b"".join(frame.raw for frame in frames) == body
            assert any(frame.fields for frame in frames)
