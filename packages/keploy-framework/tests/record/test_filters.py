"""Filters decide which calls become tests."""

from __future__ import annotations

import pytest

from keploy_framework.errors import KeployConfigError
from keploy_framework.exchange import Request
from keploy_framework.record.filters import Filter, is_recorded, pass_rule, port_of

REQUEST = Request("GET", "/health?x=1", (("X-Team", "shop"),), host="127.0.0.1:8000", scheme="http")


@pytest.mark.parametrize(
    ("rule", "recorded"),
    [
        ({"path": "^/health$"}, False),
        ({"path": "^/items"}, True),
        ({"host": "127"}, False),
        ({"port": 8000}, False),
        ({"port": "8001"}, True),
        ({"urlMethods": ["get"]}, False),
        ({"headers": {"x-team": "^shop$"}}, False),
        ({"headers": {"X-Other": ""}}, True),
        ({"path": "^/health$", "urlMethods": ["POST"]}, False),
        ({"path": "^/health$", "urlMethods": ["POST"], "matchType": "AND"}, True),
        ({"path": "^/health$", "urlMethods": ["GET"], "matchType": "AND"}, False),
        ({"path": "^/health$", "filterPolicy": "include"}, True),
        ({"path": "^/items", "filterPolicy": "include"}, False),
        ({}, True),
    ],
    ids=[
        "path",
        "other-path",
        "host",
        "port",
        "other-port",
        "method",
        "header",
        "no-pattern",
        "or",
        "and-misses",
        "and",
        "include",
        "include-other",
        "nothing",
    ],
)
def test_rule(rule: dict[str, object], recorded: bool) -> None:
    """A filter left out what it is not about, or let through what it is."""
    assert is_recorded(REQUEST, (Filter.from_data(rule, "record.filters[0]"),)) is recorded


def test_an_exclusion_counts_more_than_an_inclusion() -> None:
    """A call that is excluded was recorded as another rule includes it."""
    include = Filter.from_data({"path": "/", "filterPolicy": "include"}, "a")
    exclude = Filter.from_data({"path": "^/health"}, "b")
    assert not is_recorded(REQUEST, (include, exclude))


@pytest.mark.parametrize(
    "rule",
    [
        {"path": "("},
        {"port": "many"},
        {"port": 70000},
        {"urlMethods": "GET"},
        {"filterPolicy": "drop"},
        {"headers": []},
        "text",
    ],
    ids=["pattern", "port-text", "port-range", "methods", "policy", "headers", "no-mapping"],
)
def test_a_wrong_rule_names_its_key(rule: object) -> None:
    """A mistake in record.filters was found out only by missing tests."""
    with pytest.raises(KeployConfigError) as caught:
        Filter.from_data(rule, "record.filters[3]")
    assert caught.value.key.startswith("record.filters[3]")


def test_a_bypass_rule_is_read() -> None:
    """bypassRules did nothing."""
    rule = pass_rule({"host": "telemetry", "path": "^/v1", "port": 443}, "bypassRules[0]")
    assert rule.covers("telemetry.example", 443, "/v1/x")
    assert not rule.covers("telemetry.example", 80, "/v1/x")
    assert port_of(None, "port") == 0
