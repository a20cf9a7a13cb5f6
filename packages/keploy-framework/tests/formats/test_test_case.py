"""Tests as their files keep them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keploy_framework.errors import KeployFormatError, KeployPathError
from keploy_framework.exchange import Chunk, Exchange, Request, Response
from keploy_framework.formats import KeployTree, TestCase
from keploy_framework.formats.yaml_text import write_document

BEGAN = 1769079242882421038
ENDED = BEGAN + 1_000_000

REQUEST = Request(
    "POST",
    "/items?page=1&page=2&q=a%20b",
    (("content-type", "application/json"), ("Host", "127.0.0.1:5000")),
    b'{"name":"lamp"}',
    host="127.0.0.1:5000",
)
RESPONSE = Response(201, "Created", (("content-type", "application/json"),), b'{"id":1}\n')
EXCHANGE = Exchange(REQUEST, RESPONSE, BEGAN, ENDED)

WRITTEN = """\
version: api.keploy.io/v1beta1
kind: Http
name: post-items-1
spec:
  metadata:
    description: a lamp is added
  req:
    method: POST
    proto_major: 1
    proto_minor: 1
    url: http://127.0.0.1:5000/items?page=1&page=2&q=a%20b
    url_params:
      page: "1"
      q: a b
    header:
      Content-Type: application/json
      Host: 127.0.0.1:5000
    body: '{"name":"lamp"}'
    timestamp: 2026-01-22T10:54:02.882421038Z
  resp:
    status_code: 201
    header:
      Content-Type: application/json
    body: |
      {"id":1}
    status_message: Created
    proto_major: 0
    proto_minor: 0
    timestamp: 2026-01-22T10:54:02.883421038Z
  objects: []
  assertions:
    noise:
      header.Date: []
      body.id:
        - ^[0-9]+$
  created: 1769079242
  app_port: 5000
curl: |-
  curl --request POST \\
    --url 'http://127.0.0.1:5000/items?page=1&page=2&q=a%20b' \\
    --header 'content-type: application/json' \\
    --header 'Host: 127.0.0.1:5000' \\
    --data "{\\"name\\":\\"lamp\\"}"
"""


def test_exchange_becomes_a_test_in_upstreams_shape():
    """Upstream could not read a test that was recorded here."""
    case = TestCase.from_exchange(
        EXCHANGE,
        name="post-items-1",
        noise={"header.Date": [], "body.id": ("^[0-9]+$",)},
        app_port=5000,
        description="a lamp is added",
    )
    assert write_document(case.data) == WRITTEN


def test_test_gives_back_what_was_recorded():
    """A replayed request differed from the recorded one."""
    case = TestCase.from_exchange(EXCHANGE, name="x")
    canonical = (("Content-Type", "application/json"), REQUEST.headers[1])
    assert case.request == replace(REQUEST, headers=canonical)
    headers = (("Content-Type", "application/json"),)
    assert case.response == replace(RESPONSE, headers=headers, body_size=9)
    assert (case.began, case.ended, case.app_port, case.noise) == (BEGAN, ENDED, 0, {})
    assert "assertions" not in case.data["spec"]
    assert "app_port" not in case.data["spec"]


def test_decoded_bodies_take_the_place_of_encoded_ones():
    """A compressed body was written as bytes nobody can read or compare."""
    headers = (("Content-Encoding", "gzip"),)
    encoded = Response(200, "OK", headers, b"\x1f\x8b", (Chunk(1, b"\x1f\x8b"),), 2)
    case = TestCase.from_exchange(
        Exchange(REQUEST, encoded, BEGAN, ENDED),
        name="x",
        request_body=b"asked",
        response_body=b"answered",
    )
    assert (case.request.body, case.response.body) == (b"asked", b"answered")
    assert case.response.headers == headers
    assert '--data "asked"' in case.curl


def test_binary_body_stays_binary():
    """A picture came back with its bytes replaced."""
    response = Response(200, "OK", (), b"\x89PNG\xff", body_size=5)
    case = TestCase.from_exchange(Exchange(REQUEST, response, BEGAN, ENDED), name="x")
    assert case.data["spec"]["resp"]["body"] == b"\x89PNG\xff"
    assert case.response == response


def test_streamed_body_keeps_its_pieces_and_their_times():
    """A recorded stream was replayed at once, as one piece."""
    chunks = (Chunk(BEGAN, b"data: 1\n\n"), Chunk(BEGAN + 5, b"data: 2\n\n"))
    headers = (("Content-Type", "text/event-stream"),)
    body = b"data: 1\n\ndata: 2\n\n"
    response = Response(200, "OK", headers, body, chunks, len(body))
    case = TestCase.from_exchange(Exchange(REQUEST, response, BEGAN, ENDED), name="x")
    assert [entry["data"] for entry in case.data["spec"]["resp"]["body"]] == [
        {"data": "1"},
        {"data": "2"},
    ]
    assert case.response == response


LARGEST = 1024 * 1024


@pytest.mark.parametrize(
    ("size", "kept"), [(LARGEST, True), (LARGEST + 1, False)], ids=["limit", "over"]
)
def test_response_over_a_mebibyte_keeps_only_its_length(size: int, kept: bool):
    """A download of gigabytes was written into a test."""
    response = Response(200, "OK", (), b"x" * size, body_size=size)
    case = TestCase.from_exchange(Exchange(REQUEST, response, BEGAN, ENDED), name="x")
    assert (case.response.body_skipped, case.response.body_size) == (not kept, size)
    assert case.data["spec"]["resp"].get("body_skipped", False) is not kept
    assert len(case.response.body) == (size if kept else 0)


def test_body_the_recorder_did_not_keep_is_marked_so():
    """A response too large to record was replayed as an empty one."""
    response = Response(200, "OK", (), b"", body_size=5)
    case = TestCase.from_exchange(Exchange(REQUEST, response, BEGAN, ENDED), name="x")
    assert case.response.body_skipped
    assert case.data["spec"]["resp"]["body_size"] == 5


def test_request_of_a_mebibyte_lies_in_its_file():
    """A body of exactly the limit was moved away, unlike upstream's."""
    exchange = replace(EXCHANGE, request=replace(REQUEST, body=b"y" * LARGEST))
    case = TestCase.from_exchange(exchange, name="x")
    assert (len(case.data["spec"]["req"]["body"]), case.assets) == (LARGEST, {})


def test_request_over_a_mebibyte_lies_in_assets():
    """A test with a large upload could not be opened in an editor."""
    exchange = replace(EXCHANGE, request=replace(REQUEST, body=b"y" * (LARGEST + 1)))
    case = TestCase.from_exchange(exchange, name="post-items-1", test_set="test-set-0")
    path = "test-set-0/assets/post-items-1/body.txt"
    assert case.data["spec"]["req"]["body_ref"] == {"path": path, "size": LARGEST + 1}
    assert case.data["spec"]["req"]["body"] == ""
    assert case.request.body == case.assets[path] == exchange.request.body


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\na note\r\n'
    b'--b\r\nContent-Disposition: form-data; name="../f"; filename="../../up.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\none\r\n"
    b'--b\r\nContent-Disposition: form-data; name="../f"; filename="up.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\ntwo\r\n--b--\r\n"
)


def test_form_is_kept_by_its_fields_and_its_files_as_assets():
    """An uploaded file was lost, or written where its name said."""
    headers = (("Content-Type", "multipart/form-data; boundary=b"),)
    request = replace(REQUEST, headers=headers, body=FORM)
    exchange = replace(EXCHANGE, request=request)
    case = TestCase.from_exchange(exchange, name="up-1", test_set="s")
    first, second = "s/assets/up-1/f/up.txt", "s/assets/up-1/f/2/up.txt"
    assert case.data["spec"]["req"]["form"] == [
        {"key": "title", "values": ["a note"]},
        {"key": "../f", "paths": [first, second]},
    ]
    assert case.assets == {first: b"one", second: b"two"}
    assert case.data["spec"]["req"]["body"] == ""
    assert case.request.body == FORM.replace(b"../../up.txt", b"up.txt")
    assert "--form 'title=a note'" in case.curl


def test_form_without_a_boundary_gets_one():
    """An old recording of a form was sent without saying where its parts end."""
    section = {"method": "POST", "url": "/", "form": [{"key": "a", "values": [1, "b"]}]}
    case = TestCase({"kind": "Http", "spec": {"req": section}})
    assert case.request.headers == (
        ("Content-Type", "multipart/form-data; boundary=keploy-form-boundary"),
    )
    assert case.request.body.count(b'name="a"') == 2


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../b", "C:/x", "a\\b"])
def test_asset_outside_of_the_folder_is_refused(path: str, root: Path):
    """A recording of somebody else sent a private file to the app."""
    section = {"url": "/", "form": [{"key": "a", "paths": [path]}]}
    case = TestCase({"kind": "Http", "spec": {"req": section}}, root=root)
    with pytest.raises(KeployPathError):
        _ = case.request


def test_asset_needs_a_folder():
    """A test built in code read a file below the working folder."""
    case = TestCase({"kind": "Http", "spec": {"req": {"url": "/", "body_ref": {"path": "x"}}}})
    with pytest.raises(KeployFormatError, match="root must be the folder"):
        _ = case.request


@pytest.mark.parametrize(
    ("raw", "noise"),
    [
        (None, {}),
        ([], {}),
        (["header.Date", "body.a"], {"header.Date": [], "body.a": []}),
        ({"header.Date": [], "body.a": ["^x"], "b": None, "c": "one"},
         {"header.Date": [], "body.a": ["^x"], "b": [], "c": ["one"]}),
    ],
    ids=["none", "empty", "list", "mapping"],
)  # fmt: skip
def test_noise_of_every_age_is_a_mapping(raw: object, noise: dict[str, list[str]]):
    """Noise of an old recording was ignored."""
    case = TestCase({"spec": {"assertions": {"noise": raw}}})
    assert case.noise == noise


def test_noise_that_is_assigned_keeps_other_assertions():
    """Adding noise removed the assertions of a test."""
    case = TestCase({"spec": {"assertions": {"status_code": 200, "noise": ["a"]}}})
    case.noise = {**case.noise, "b": ()}
    assert case.data["spec"]["assertions"] == {"status_code": 200, "noise": {"a": [], "b": []}}
    assert case.assertions == {"status_code": 200}
    empty = TestCase({})
    empty.noise = {"a": []}
    assert empty.noise == {"a": []}


@pytest.mark.parametrize(
    ("data", "attribute", "reason"),
    [
        ({"spec": 5}, "began", "spec must be a mapping, got 5"),
        ({"kind": "Http", "spec": {"req": {"header": []}}}, "request", "spec.req.header must be"),
        ({"kind": "Http", "spec": {"req": {"body": 5}}}, "request", "spec.req.body must be text"),
        ({"kind": "Http", "spec": {"resp": {"body": 5}}}, "response", "text or pieces"),
        ({"kind": "Http", "spec": {"resp": {"body": [5]}}}, "response", "text or pieces"),
        ({"kind": "Http", "spec": {"resp": {"status_code": "2"}}}, "response", "a whole number"),
        ({"spec": {"req": {"timestamp": "now"}}}, "began", "spec.req.timestamp must be a time"),
        ({"kind": "gRPC"}, "request", "kind must be Http to be replayed, got 'gRPC'"),
        ({"kind": 5}, "kind", "kind must be text, got 5"),
        ({"spec": {"assertions": {"noise": 5}}}, "noise", "a mapping or a list"),
        ({"spec": {"assertions": {"noise": {"a": 5}}}}, "noise", "a list of patterns"),
        ({"kind": "Http", "spec": {"req": {"form": [5]}}}, "request", "a list of mappings"),
        ({"kind": "Http", "spec": {"req": {"form": 5}}}, "request", "spec.req.form must be a list"),
        ({"spec": {"app_port": True}}, "app_port", "a whole number, got True"),
    ],
)  # fmt: skip
def test_value_of_a_wrong_type_is_named_with_its_place(
    data: dict[str, object], attribute: str, reason: str
):
    """A hand-edited test failed with an error of Python, without its file."""
    case = TestCase(data, Path("x.yaml"), 3)
    with pytest.raises(KeployFormatError) as caught:
        getattr(case, attribute)
    assert str(caught.value).startswith("x.yaml:3: ")
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("url", "scheme", "host", "target"),
    [
        ("http://a:1/x?y=1#z", "http", "a:1", "/x?y=1#z"),
        ("HTTPS://a", "https", "a", "/"),
        ("http://a?y=//b", "http", "a", "/?y=//b"),
        ("/x?y=http://b/", "http", "host:2", "/x?y=http://b/"),
        ("", "http", "host:2", "/"),
        ("*", "http", "host:2", "*"),
    ],
)
def test_url_is_taken_apart_without_changing_it(url: str, scheme: str, host: str, target: str):
    """A request was replayed to another path than the recorded one."""
    section = {"method": "GET", "url": url, "header": {"Host": "host:2"}}
    request = TestCase({"kind": "Http", "spec": {"req": section}}).request
    assert (request.scheme, request.host, request.target) == (scheme, host, target)


def test_curl_can_be_written_anew(root: Path):
    """After taking a secret out of a request, its curl command still had it."""
    by_name = {case.name: case for case in KeployTree(root).test_set("test-set-0").tests()}
    case = by_name["test-2"]
    case.data["spec"]["req"]["header"]["Authorization"] = "hidden"
    case.refresh_curl()
    assert "--header 'Authorization: hidden'" in case.curl
    upload = by_name["post-upload-1"]
    upload.refresh_curl()
    assert "--form 'file=@note.txt'" in upload.curl


def test_grpc_test_is_kept_with_its_times(root: Path):
    """A test of a kind that is not replayed lost its place in the order."""
    (case,) = KeployTree(root).test_set("docker").tests()
    assert (case.kind, case.is_http) == ("gRPC", False)
    assert (case.began, case.ended) == (1768989600000000001, 1768989600000000002)
