"""The schema that is shipped takes what the reader takes."""

from __future__ import annotations

import json
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.traffic.errors import TrafficError
from tta_dev_primitives.devtools.traffic.request_row import KNOWN_NAMES
from tta_dev_primitives.devtools.traffic.token_counts import MOST_TOKENS

from .logs_here import ROW, read_rows, row
from .test_request_log import BAD
from .test_token_counts import FORMS

# What compares two values, or knows the calendar, is more than a schema can say.
BEYOND = {
    *("cached-above-input", "written-above-input", "two-scores", "no-such-day"),
    "half-a-character",
}
# Before the schema gets to see them.
NO_JSON = {"nan", "deep", "many-digits", "endless-latency", "not-json", "only-a-brace", "not-utf-8"}


def schema() -> dict[str, Any]:
    package = resources.files("tta_dev_primitives.devtools.traffic")
    return json.loads(package.joinpath("request.schema.json").read_text(encoding="utf-8"))


VALIDATOR = jsonschema.Draft202012Validator(schema())


def schema_takes(line: Any) -> bool:
    return VALIDATOR.is_valid(line)


def test_schema_is_one() -> None:
    """No validator could use the schema."""
    jsonschema.Draft202012Validator.check_schema(schema())


def test_schema_names_every_key_that_is_read() -> None:
    """A key was read that the schema does not tell of."""
    assert set(schema()["properties"]) == KNOWN_NAMES


def test_schema_and_reader_have_the_same_bound() -> None:
    """The most tokens of the schema were not those of the reader."""
    assert schema()["$defs"]["count"]["maximum"] == MOST_TOKENS


@pytest.mark.parametrize("name", sorted(BAD.keys() - BEYOND - NO_JSON))
def test_schema_refuses_what_the_reader_refuses(name: str) -> None:
    """A log that fits the schema was refused."""
    line = BAD[name][0]
    assert not schema_takes(json.loads(line) if isinstance(line, str) else line)


@pytest.mark.parametrize("name", sorted(BEYOND))
def test_schema_has_no_words_for_the_rest(name: str) -> None:
    """A mistake that the schema could tell was listed as one that it cannot."""
    assert schema_takes(BAD[name][0])


@pytest.mark.parametrize("name", FORMS)
def test_schema_takes_every_form_of_usage(name: str) -> None:
    """A usage as its API tells it did not fit the schema."""
    assert schema_takes(row(usage=FORMS[name][0]))


counts = st.sampled_from([0, 3, 7.0, None, -1, 0.5, "3", True, 10**9, 10**9 + 1])
scores = st.sampled_from([0, 1, 0.5, None, 1.5, -0.1, True, "1"])
details = st.sampled_from([None, {}, {"cached_tokens": 0}, {"cached_tokens": -1}, 5, []])
usages = st.one_of(
    st.fixed_dictionaries({"input": counts, "output": counts}, optional={"cached": counts}),
    st.dictionaries(
        st.sampled_from(
            [
                *("input", "output", "prompt_tokens", "completion_tokens", "total_tokens"),
                *("input_tokens", "output_tokens", "cache_read_input_tokens"),
                *("cache_creation_input_tokens", "prompt_cache_hit_tokens", "service_tier"),
            ]
        ),
        counts,
        max_size=5,
    ),
    st.fixed_dictionaries(
        {"prompt_tokens": counts},
        optional={"prompt_tokens_details": details, "completion_tokens_details": details},
    ),
    st.fixed_dictionaries(
        {"input_tokens": counts, "output_tokens": counts},
        optional={"input_tokens_details": details, "cache_read_input_tokens": counts},
    ),
    st.sampled_from([None, [], 5, {}]),
)
texts = st.sampled_from([None, "", "x", 5, 5.0, 5.5, True, [], {}])
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "id": texts,
    "ts": st.sampled_from(
        [
            *(None, 0, 946_684_799, 946_684_800, 4_102_444_799.5, 4_102_444_800, True, "x", ""),
            *("2026-11-23T15:45:00Z", "2026-11-23T15:45Z", "2026-11-23T15:45:00"),
            *("1999-12-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z"),
            *(
                "2026-11-23T15:45:00.1234567890+0530",
                "2026-11-23T15:45:00+25:00",
                "20261123T154500Z",
            ),
        ]
    ),
    "model": texts,
    **dict.fromkeys(("provider", "tenant", "conversation", "error", "place"), texts),
    "messages": st.sampled_from([None, [], [{}], [{"role": "user"}], ["x"], "x", {}]),
    "prompt": st.sampled_from([None, "", "x", 5, []]),
    "prompt_hash": st.sampled_from([None, "", "x", 5]),
    "params": st.sampled_from([None, {}, {"seed": 1}, [], "x"]),
    "usage": usages,
    "scores": st.one_of(st.dictionaries(st.just("a"), scores), st.sampled_from([None, [], 1])),
    "answers": st.one_of(
        st.dictionaries(
            st.just("b"),
            st.one_of(
                st.fixed_dictionaries({}, optional={"score": scores, "usage": usages}),
                st.sampled_from([None, 1, {"scroe": 1}]),
            ),
        ),
        st.sampled_from([None, [], 1]),
    ),
    "latency": st.sampled_from([None, 0, 1.5, -1, "1", True, 1e15]),
    "cost": st.sampled_from([None, 0, 1.5, -1, "1", True, 1e15]),
    "currency": st.sampled_from([None, "USD", "EUR", "usd", ""]),
    "of_their_own": st.just([1]),
}


@given(
    st.fixed_dictionaries({}, optional=CHANGES), st.sets(st.sampled_from(sorted(ROW)), max_size=1)
)
def test_schema_and_reader_agree(changes: dict[str, Any], without: set[str]) -> None:
    """A line fitted the schema and was refused, or was read and did not fit it."""
    line = row(**(dict.fromkeys(without, ...) | changes))
    refused = reason_to_refuse(line)
    if "they are a part of it" not in refused:  # which no schema can say
        assert schema_takes(line) == (not refused), refused


def reason_to_refuse(line: dict[str, Any]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        try:
            read_rows(Path(folder), line)
        except TrafficError as error:
            return error.reason
    return ""
