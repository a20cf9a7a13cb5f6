"""Mocks, mappings, reports and configurations of sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from keploy_framework.errors import KeployFormatError
from keploy_framework.exchange import Chunk, Exchange, Request, Response
from keploy_framework.formats import (
    DocumentFile,
    KeployTree,
    MappedMock,
    Mappings,
    Mock,
    Report,
    SetConfig,
)
from keploy_framework.formats.yaml_text import write_document

BEGAN = 1769079242882421038

EXCHANGE = Exchange(
    Request("GET", "/v1/x?a=1", (("accept", "*/*"),), scheme="https", host="api.example.com"),
    Response(200, "OK", (("Content-Type", "text/plain"),), b"hi", body_size=2),
    BEGAN,
    BEGAN + 5,
    "7",
)

WRITTEN = """\
version: api.keploy.io/v1beta1
kind: Http
name: mock-0
spec:
  metadata:
    connID: "7"
    name: Http
    operation: GET
    scheme: https
    type: HTTP_CLIENT
  req:
    method: GET
    proto_major: 1
    proto_minor: 1
    url: /v1/x?a=1
    url_params:
      a: "1"
    header:
      Host: api.example.com
      Accept: '*/*'
    body: ""
    timestamp: 0001-01-01T00:00:00Z
  resp:
    status_code: 200
    header:
      Content-Type: text/plain
    body: hi
    status_message: OK
    proto_major: 0
    proto_minor: 0
    timestamp: 0001-01-01T00:00:00Z
  objects: []
  created: 1769079242
  reqTimestampMock: 2026-01-22T10:54:02.882421038Z
  resTimestampMock: 2026-01-22T10:54:02.882421043Z
"""


def test_exchange_becomes_a_mock_in_upstreams_shape():
    """Upstream could not read a mock that was recorded here."""
    assert write_document(Mock.from_exchange(EXCHANGE, name="mock-0").data) == WRITTEN


def test_mock_gives_back_what_was_recorded():
    """A dependency was answered for otherwise than it had answered."""
    mock = Mock.from_exchange(EXCHANGE, name="mock-0")
    assert mock.request.url == "https://api.example.com/v1/x?a=1"
    assert mock.response == EXCHANGE.response
    assert (mock.began, mock.ended, mock.connection) == (BEGAN, BEGAN + 5, "7")
    assert (mock.type, mock.host, mock.scheme) == ("HTTP_CLIENT", "api.example.com", "https")


def test_mock_keeps_a_long_body_and_the_pieces_of_a_stream():
    """A long answer of a dependency was replayed as an empty one."""
    chunks = (Chunk(BEGAN, b"\xff" * 800_000), Chunk(BEGAN + 1, b"x" * 800_000))
    body = b"".join(chunk.data for chunk in chunks)
    response = Response(200, "OK", (), body, chunks, len(body))
    mock = Mock.from_exchange(Exchange(EXCHANGE.request, response, 1, 2), name="m")
    assert mock.response == response


def test_decoded_bodies_take_the_place_of_encoded_ones():
    """A compressed answer was kept as bytes nobody can read."""
    mock = Mock.from_exchange(EXCHANGE, name="m", request_body=b"a", response_body=b"b")
    assert (mock.request.body, mock.response.body) == (b"a", b"b")


@pytest.mark.parametrize(
    ("spec", "scheme", "host"),
    [
        ({"req": {"url": "/a"}}, "", ""),
        ({"req": {"url": "/a", "header": {"host": "h"}}}, "", "h"),
        ({"req": {"url": "https://x/a", "header": {"Host": "h"}}}, "https", "x"),
        ({"req": {"url": "/a"}, "metadata": {"scheme": "https"}}, "https", ""),
    ],
    ids=["old", "host", "absolute", "scheme"],
)
def test_what_a_recording_does_not_tell_is_empty(spec: dict[str, object], scheme: str, host: str):
    """An old mock without a host matched no request."""
    mock = Mock({"kind": "Http", "spec": spec})
    assert (mock.scheme, mock.host) == (scheme, host)
    assert mock.request.scheme == (scheme or "http")


def test_mocks_of_every_kind_are_kept_with_their_times(root: Path):
    """Mocks of a database were dropped, or had no time."""
    http, redis, mysql = KeployTree(root).test_set("test-set-0").mocks()
    assert [mock.kind for mock in (http, redis, mysql)] == ["Http", "Redis", "MySQL"]
    assert http.began == 1767026410229370518
    assert (redis.began, redis.type) == (1767026411000000000, "config")
    assert (mysql.began, mysql.ended, mysql.connection) == (None, None, "0")
    assert redis.data["spec"]["redisresponses"][0]["message"][0]["data"] == bytes(range(64))
    with pytest.raises(KeployFormatError, match="Http to be answered from, got 'Redis'"):
        _ = redis.response


def test_mappings_of_every_age_are_read(root: Path):
    """The mocks of a test were unknown, for the file was an older one."""
    mappings = KeployTree(root).test_set("test-set-0").mappings()
    assert mappings.by_test == {
        "test-2": (MappedMock("mock-0", "Http"), MappedMock("mock-1", "Redis")),
        "test-10": (MappedMock("mock-1"), MappedMock("mock-2")),
        "get-events-1": (MappedMock("mock-2"),),
        "post-upload-1": (MappedMock("mock-0", "Http"),),
    }
    by_name = Mappings({"tests": {"a": ["m"], "b": "x,y", "c": None}})
    assert by_name.by_test == {
        "a": (MappedMock("m"),),
        "b": (MappedMock("x"), MappedMock("y")),
        "c": (),
    }


def test_mappings_of_one_test_are_replaced_and_others_kept(root: Path):
    """Recording one test again lost the mocks of all others."""
    mappings = KeployTree(root).test_set("test-set-0").mappings()
    before = mappings.by_test
    mappings.put("test-10", [Mock.from_exchange(EXCHANGE, name="mock-9")])
    mappings.put("new", [])
    changed = {"test-10": (MappedMock("mock-9", "Http"),), "new": ()}
    assert mappings.by_test == {**before, **changed}
    assert mappings.data["tests"][1]["mock_entries"][0]["resTimestampMock"].endswith("043Z")
    by_name = Mappings({"tests": {"a": ["m"]}})
    by_name.put("b", [Mock({"name": "m", "kind": "DNS", "spec": {}})])
    assert by_name.by_test["b"] == (MappedMock("m", "DNS"),)
    assert Mappings.of("s").test_set == "s"


@pytest.mark.parametrize(
    "data",
    [{"tests": 5}, {"tests": [5]}, {"tests": [{"mocks": 5}]}, {"tests": [{"mocks": [5]}]}],
)
def test_mappings_of_an_unknown_form_are_damage(data: dict[str, object]):
    """A mapping of another form stopped the run with an error of Python."""
    with pytest.raises(KeployFormatError):
        _ = Mappings(data).by_test


def test_report_of_upstream_is_read(recordings: Path):
    """A report could not be shown."""
    path = recordings / "keploy/reports/test-run-0/test-set-0-report.yaml"
    report = Report(DocumentFile.read(path).data[0])
    assert (report.status, report.test_set) == ("FAILED", "test-set-0")
    assert (report.success, report.failure, report.ignored, report.total) == (1, 1, 0, 2)
    (test,) = report.tests
    assert (test.status, test.test_set, test.test_name) == ("FAILED", "test-set-0", "test-2")
    assert (test.failure["risk"], test.result["status_code"]["actual"]) == ("HIGH", 500)
    with pytest.raises(KeployFormatError):
        _ = Report({"tests": [5]}).tests


def test_report_counts_its_tests():
    """The numbers of a report did not add up."""
    found = ["PASSED", "FAILED", "PASSED", "IGNORED", "OBSOLETE"]
    tests = [{"status": status} for status in found]
    report = Report.of("r", test_set="s", status="FAILED", tests=tests, created_at=5)
    counts = (report.success, report.failure, report.ignored, report.obsolete, report.total)
    assert counts == (2, 1, 1, 1, 5)
    passed = Report.of("r", test_set="s", status="PASSED", tests=tests[:1], created_at=5)
    assert "obsolete" not in passed.data


def test_configuration_of_a_set_is_read_and_changed(root: Path):
    """A template of a set was not found, or the rest of the file was lost."""
    found = KeployTree(root).test_set("test-set-0")
    config = found.config()
    assert (config.pre_script, config.post_script) == ("", "./clean.sh")
    assert (config.app_command, config.metadata) == ("python app.py", {"team": "shop"})
    assert (config.template, config.secret, config.mock_registry) == (
        {"token": "eyJ.e30.x"},
        {},
        {},
    )
    config.put("template", "id", 5)
    config.put("mockRegistry", "app", "x")
    found.write_config(config)
    again = found.config()
    assert again.template == {"token": "eyJ.e30.x", "id": 5}
    assert again.mock_registry == {"app": "x"}
    assert SetConfig.empty().template == {}
