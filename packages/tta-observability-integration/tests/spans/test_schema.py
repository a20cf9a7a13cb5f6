"""Which names the versions of the conventions have."""

from __future__ import annotations

from typing import Any

import pytest

from observability_integration.semconv import names
from observability_integration.semconv.schema import (
    SCHEMAS,
    Schema,
    known_schema,
    messages_have_finish_reason,
    rename,
    renamed_attributes,
    schema_url,
)


def test_the_newest_calls_written_caches_otherwise() -> None:
    old: dict[str, Any] = {"gen_ai.usage.cache_creation.input_tokens": 3, "error.type": "x"}
    assert rename(dict(old), "1.41") == old
    assert rename(dict(old), "latest") == {
        "gen_ai.usage.cache_write.input_tokens": 3,
        "error.type": "x",
    }


@pytest.mark.parametrize("schema", SCHEMAS)
def test_names_are_only_exchanged_for_names_that_are_known(schema: Schema) -> None:
    """A slip here would make attributes that nobody looks for."""
    known = {value for key, value in vars(names).items() if key.isupper()}
    for old, new in renamed_attributes(schema).items():
        assert {old, new} <= known


def test_a_schema_url_points_to_a_release_or_nowhere() -> None:
    assert schema_url("1.41") == "https://opentelemetry.io/schemas/1.41.0"
    assert schema_url("latest") == ""


def test_only_the_older_says_in_messages_why_they_ended() -> None:
    assert [schema for schema in SCHEMAS if messages_have_finish_reason(schema)] == ["1.41"]


def test_a_schema_that_is_not_known_is_refused_with_those_that_are() -> None:
    assert [known_schema(name) for name in ("1.41", "latest")] == list(SCHEMAS)
    with pytest.raises(ValueError, match=r"one of '1.41', 'latest', got '1.42'"):
        known_schema("1.42")


def test_no_name_is_listed_twice_for_one_kind_of_thing() -> None:
    """One line with two constants would hide a name from whoever greps for it."""
    for prefix in ("GEN_AI_", "TTA_", "EVENT_", "METRIC_", "WORKFLOW_"):
        values = [value for key, value in vars(names).items() if key.startswith(prefix)]
        assert len(values) == len(set(values))
