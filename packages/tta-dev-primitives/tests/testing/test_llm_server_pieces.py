"""The server's parts that have an algebra of their own."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from tta_dev_primitives.testing.llm_server import ToolCall, count_tokens
from tta_dev_primitives.testing.llm_server.draws import Draws
from tta_dev_primitives.testing.llm_server.rate_headers import (
    Allowance,
    go_duration,
    retry_after,
    rfc3339,
)
from tta_dev_primitives.testing.llm_server.schema_examples import example_of
from tta_dev_primitives.testing.llm_server.wire_json import json_bytes, sse

TREE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#"}},
    },
    "required": ["name", "children"],
}
LINKED: dict[str, Any] = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "next"],
        }
    },
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "empty": {},
    "bare-object": {"type": "object"},
    "no-type": {"properties": {"a": {"type": "null"}}, "required": ["a"]},
    "const": {"const": {"a": [1]}},
    "enum": {"enum": ["a", 1, None]},
    "type-list": {"type": ["integer", "null"]},
    "boolean": {"type": "boolean"},
    "integer-bounds": {"type": "integer", "minimum": 5, "maximum": 6},
    "integer-exclusive": {"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7},
    "integer-multiple": {"type": "integer", "multipleOf": 7, "minimum": 20},
    "negative": {"type": "integer", "maximum": -3},
    "number-narrow": {"type": "number", "minimum": 0.1, "maximum": 0.2},
    "number-exclusive": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
    "string-short": {"type": "string", "maxLength": 3},
    "string-long": {"type": "string", "minLength": 500},
    "date-time": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
    "array-counts": {"type": "array", "items": {"type": "integer"}, "minItems": 3},
    "array-empty": {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
    "any-of": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    "all-of": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "string"}}, "required": ["b"]},
        ]
    },
    "tree": TREE,
    "linked-list": LINKED,
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_example_matches_its_schema(name: str) -> None:
    """Whatever is drawn, the document is valid."""
    for seed in range(20):
        document = example_of(SCHEMAS[name], Draws(seed, b"0" * 16, 0), "some words here")
        jsonschema.validate(document, SCHEMAS[name], format_checker=jsonschema.FormatChecker())


def test_schema_that_only_ends_in_itself_still_ends() -> None:
    """A schema nothing finite can match gives something finite."""
    endless: dict[str, Any] = {
        "type": "object",
        "properties": {"again": {"$ref": "#"}},
        "required": ["again"],
    }
    assert "again" in example_of(endless, Draws(0, b"0" * 16, 0), "text")
    assert example_of({"$ref": "#"}, Draws(0, b"0" * 16, 0), "text") == "text"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.006, "6ms"),
        (0.9999, "1s"),
        (1.5, "1.5s"),
        (17.4, "17.4s"),
        (73.588, "1m13.588s"),
        (864, "14m24s"),
        (120, "2m0s"),
        (7200, "2h0m0s"),
    ],
    ids=str,
)
def test_go_duration(seconds: float, text: str) -> None:
    """Durations look like those in OpenAI's headers."""
    assert go_duration(seconds) == text


def test_rfc3339_counts_the_second_begun() -> None:
    """A reset is never told as being earlier than it is."""
    assert rfc3339(1_773_856_210.2) == "2026-03-18T17:50:11Z"


@pytest.mark.parametrize(
    ("wait", "provider", "headers"),
    [
        (None, "openai", []),
        (2, "anthropic", [("retry-after", "2")]),
        (0.5, "openai", [("retry-after", "0.5"), ("retry-after-ms", "500")]),
        ("soon", "openai", [("retry-after", "soon")]),
    ],
    ids=["none", "anthropic", "openai", "verbatim"],
)
def test_retry_after(wait: Any, provider: Any, headers: list[tuple[str, str]]) -> None:
    """The wait is told the way the provider tells it."""
    assert retry_after(wait, provider) == headers


def test_allowance_refills_evenly_up_to_a_minutes_worth() -> None:
    """Spending, waiting and refilling add up."""
    now = 0.0
    allowance = Allowance(60, lambda: now)
    allowance.spend(60)
    assert (allowance.left(), allowance.wait_for(1)) == (0, 1)
    now = 10.0
    assert (allowance.left(), allowance.wait_for(1)) == (10, 0)
    assert allowance.wait_for(1000) == 50
    now = 1000.0
    assert allowance.left() == 60
    allowance.spend(10_000)
    assert allowance.left() == -60


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 1), ("abcd", 1), ("abcde", 2), ("x" * 400, 100)],
    ids=["empty", "four", "five", "many"],
)
def test_count_tokens_is_a_quarter_of_the_characters(text: str, tokens: int) -> None:
    """The rule of thumb, at least 1."""
    assert count_tokens(text) == tokens


@pytest.mark.parametrize(
    ("arguments", "value"),
    [({"a": 1}, {"a": 1}), ('{"a": 1}', {"a": 1}), ("{broken", {}), ("[1]", {})],
    ids=["object", "text", "broken", "not-an-object"],
)
def test_tool_arguments_as_an_object(arguments: Any, value: Any) -> None:
    """Anthropic's wire carries objects, so broken text has to become one."""
    assert ToolCall("t", arguments).arguments_value == value


def test_json_is_utf8_and_survives_lone_surrogates() -> None:
    """Anything a client can send in JSON can be sent back."""
    assert json_bytes({"a": "é"}) == '{"a":"é"}'.encode()
    assert json_bytes("\ud800") == b'"\\ud800"'
    assert sse({"a": 1}, "x") == b'event: x\ndata: {"a":1}\n\n'
