"""Values that are filled into recordings, and learned from live responses."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from keploy_framework.exchange import Chunk, Request, Response
from keploy_framework.matching.judging import judge
from keploy_framework.matching.rules import Expectation
from keploy_framework.matching.templates import Templates


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("/u/{{int .id}}", {"id": 7}, "/u/7"),
        ("/u/{{int .id}}", {"id": "7"}, "/u/7"),
        ("{{string .token}}", {"token": "abc"}, "abc"),
        ("{{ string  .token }}", {"token": "abc"}, "abc"),
        ("{{string .n}}", {"n": 5}, "5"),
        ("{{float .x}}", {"x": "2.5"}, "2.5"),
        ("{{string .none}}", {"token": "abc"}, "{{string .none}}"),
        ("{{other .token}}", {"token": "abc"}, "{{other .token}}"),
        ("{{string .a}}{{string .b}}", {"a": "{{string .b}}", "b": "2"}, "{{string .b}}2"),
    ],
    ids=["int", "int-from-text", "string", "spaces", "string-from-int", "float", "unknown-name",
         "unknown-kind", "not-twice"],
)  # fmt: skip
def test_fill(text: str, values: dict[str, Any], expected: str):
    """A name was filled in wrongly."""
    assert Templates(values).fill(text) == expected


def test_a_request_is_filled_in_every_part():
    """A name in the target, a header or the body was sent as it stands."""
    request = Request(
        "POST",
        "/u/{{int .id}}?t={{string .token}}",
        (("Authorization", "Bearer {{string .token}}"),),
        b'{"id": {{int .id}}, "token": "{{string .token}}"}',
        host="{{string .host}}:80",
    )
    filled = Templates({"id": 7, "token": 'a"b c', "host": "h"}).fill_request(request)
    assert filled.target == "/u/7?t=a%22b%20c"
    assert filled.headers == (("Authorization", 'Bearer a"b c'),)
    assert filled.body == b'{"id": 7, "token": "a\\"b c"}'
    assert filled.host == "h:80"


def test_a_binary_body_stays():
    """A body that is no text was damaged."""
    request = Request("POST", "/", body=b"\xff{{string .a}}")
    assert Templates({"a": "1"}).fill_request(request).body == request.body


def test_chunks_are_filled_and_make_up_the_body():
    """A streamed response had other chunks than its body."""
    chunk = Chunk(1, b"data: {{string .a}}\n\n")
    filled = Templates({"a": "xy"}).fill_response(Response(200, "", (), chunk.data, (chunk,), 20))
    assert (filled.body, filled.chunks[0].data) == (b"data: xy\n\n", b"data: xy\n\n")
    assert filled.body_size == 10


@pytest.mark.parametrize(
    ("recorded", "actual", "learned"),
    [
        (b'{"token": "{{string .t}}"}', b'{"token": "new"}', {"t": "new"}),
        (b'{"id": {{int .id}}}', b'{"id": 12}', {"id": 12}),
        (b'{"id": "{{int .id}}"}', b'{"id": "12"}', {"id": 12}),
        (b'{"id": {{int .id}}}', b'{"id": "x"}', {}),
        (b'{"id": {{int .id}}}', b'{"other": 1}', {}),
        (b'{"x": {{float .x}}}', b'{"x": 1.5}', {"x": 1.5}),
        (b'{"url": "/u/{{string .id}}/edit"}', b'{"url": "/u/9/edit"}', {"id": "9"}),
        (b'{"url": "/u/{{string .id}}/edit"}', b'{"url": "/v/9/edit"}', {}),
        (b'[{"id": {{int .a}}}, {"id": {{int .b}}}]', b'[{"id": 1}, {"id": 2}]',
         {"a": 1, "b": 2}),
        (b'{"a": {{int .id}}, "b": {{int .id}}}', b'{"a": 1, "b": 2}', {"id": 1}),
        (b"no names", b"at all", {}),
    ],
    ids=["string", "int", "int-in-text", "wrong-type", "missing", "float", "within", "elsewhere",
         "items", "first-counts", "none"],
)  # fmt: skip
def test_learn(recorded: bytes, actual: bytes, learned: dict[str, Any]):
    """A value was not learned, or a wrong one was."""
    templates = Templates({"t": "old", "id": 0})
    found = templates.learn(
        Request("GET", "/"), Response(200, body=recorded), Response(200, body=actual)
    )
    assert found == learned
    assert templates.values == {"t": "old", "id": 0, **learned}


def test_a_header_teaches_too():
    """The id in a Location was not learned."""
    recorded = Response(201, headers=(("Location", "/u/{{int .id}}"),))
    actual = Response(201, headers=(("location", "/u/31"),))
    assert Templates().learn(Request("POST", "/u"), recorded, actual) == {"id": 31}


def test_a_compressed_response_teaches_too():
    """A token under gzip was not learned."""
    recorded = Response(200, body=b'{"t": "{{string .t}}"}')
    actual = Response(200, "", (("Content-Encoding", "gzip"),), gzip.compress(b'{"t": "new"}'))
    assert Templates().learn(Request("GET", "/"), recorded, actual) == {"t": "new"}


def test_what_the_request_sends_is_not_learned_from_its_response():
    """A wrong id in a response passed because it was learned there."""
    templates = Templates({"id": 7})
    request = Request("GET", "/u/{{int .id}}")
    recorded = Response(200, body=b'{"id": {{int .id}}}')
    actual = Response(200, body=b'{"id": 8}')
    assert templates.learn(request, recorded, actual) == {}
    assert not judge(Expectation(templates.fill_response(recorded)), actual).passed


def test_a_learned_response_passes_and_its_value_is_sent_next():
    """A fresh token failed the login, or the next request sent the recorded one."""
    templates = Templates({"token": "recorded"})
    recorded = Response(200, body=b'{"token":"{{string .token}}"}')
    actual = Response(200, body=b'{"token":"fresh"}')
    templates.learn(Request("POST", "/login"), recorded, actual)
    assert judge(Expectation(templates.fill_response(recorded)), actual).passed
    following = Request("GET", "/", (("Authorization", "Bearer {{string .token}}"),))
    assert templates.fill_request(following).headers[0][1] == "Bearer fresh"


def test_names_without_a_value_are_told():
    """A misspelt name was sent without a word."""
    assert Templates({"a": 1}).missing("{{int .a}} {{int .b}} {{string .b}}") == ("b",)
