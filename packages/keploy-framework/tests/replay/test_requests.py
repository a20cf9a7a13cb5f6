"""A recorded request is sent as it was meant."""

from __future__ import annotations

import gzip

import pytest

from keploy_framework.errors import KeployConfigError
from keploy_framework.exchange import Request, header
from keploy_framework.replay.requests import Replacements, ready_to_ask

REQUEST = Request(
    "POST", "/v1/items?q=a%20b", (("Host", "localhost:5000"),), b"x", "http", "localhost:5000"
)


@pytest.mark.parametrize(
    ("section", "url"),
    [
        ({}, "http://localhost:5000/v1/items?q=a%20b"),
        ({"global": {"port": {5000: 8080}}}, "http://localhost:8080/v1/items?q=a%20b"),
        ({"global": {"port": {"5000": "8080"}}}, "http://localhost:8080/v1/items?q=a%20b"),
        (
            {"global": {"url": {"http://localhost:5000/v1": "http://api.test/v2"}}},
            "http://api.test/v2/items?q=a%20b",
        ),
        (
            {"global": {"port": {5000: 1}}, "test-sets": {"mine": {"port": {5000: 2}}}},
            "http://localhost:2/v1/items?q=a%20b",
        ),
        (
            {"test-sets": {"other": {"port": {5000: 2}}}},
            "http://localhost:5000/v1/items?q=a%20b",
        ),
    ],
    ids=["nothing", "port", "port-text", "url", "set-wins", "other-set"],
)
def test_replace_with(section: object, url: str) -> None:
    """test.replaceWith changed the wrong part, or nothing."""
    replaced = Replacements.from_data(section, "mine").apply(REQUEST)
    assert replaced.url == url
    assert header(replaced.headers, "host") == replaced.host


@pytest.mark.parametrize(
    "section",
    [{"global": []}, {"global": {"port": 5}}, {"global": {"port": {"a": 1}}}, []],
    ids=["list", "no-mapping", "no-port", "top"],
)
def test_a_wrong_section_is_told(section: object) -> None:
    """A mistake in test.replaceWith was found out only by failing tests."""
    with pytest.raises(KeployConfigError, match="replaceWith"):
        Replacements.from_data(section, "mine")


def test_a_decoded_body_is_encoded_again() -> None:
    """The app got plain text under Content-Encoding: gzip."""
    headers = (("Host", "x"), ("Content-Encoding", "gzip"))
    asked = ready_to_ask(Request("POST", "/", headers, b"plain"))
    assert gzip.decompress(asked.body) == b"plain"


@pytest.mark.parametrize("name", ["Connection", "Transfer-Encoding", "Expect", "Upgrade"])
def test_what_belongs_to_the_connection_is_left_out(name: str) -> None:
    """Expect: 100-continue of the recording made the replay wait."""
    asked = ready_to_ask(Request("GET", "/", (("Host", "x"), (name, "a")), host="x"))
    assert asked.headers == (("Host", "x"),)


def test_a_host_is_added_where_none_was_kept() -> None:
    """The app refused a request without Host."""
    assert ready_to_ask(Request("GET", "/", (), host="a:1")).headers == (("Host", "a:1"),)
