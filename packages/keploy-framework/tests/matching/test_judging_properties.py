"""What holds for every response that is judged."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keploy_framework.exchange import Response
from keploy_framework.matching.judging import judge
from keploy_framework.matching.rules import Expectation, Rules

EXAMPLES = 100_000 if os.environ.get("TTA_LONG") else 300
MODES = [Rules(), Rules(compat="keploy", compare_all=True)]

names = st.sampled_from(["a", "b", "id", "name", "items", "x y", ""])
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def response(value: Any) -> Response:
    return Response(200, "", (), json.dumps(value).encode())


def passes(recorded: Any, actual: Any, rules: Rules, noise: dict[str, list[str]] | None = None):
    return judge(Expectation(response(recorded), noise or {}), response(actual), rules).passed


@settings(max_examples=EXAMPLES)
@given(value=values, rules=st.sampled_from(MODES))
def test_a_response_passes_against_itself(value: Any, rules: Rules):
    """A response failed against its own recording."""
    again = Response(200, "", (), json.dumps(value, indent=1, sort_keys=True).encode())
    assert judge(Expectation(response(value)), again, rules).passed


def shuffled(value: Any, random: Any) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(one, random) for key, one in value.items()}
    if isinstance(value, list):
        items = [shuffled(one, random) for one in value]
        random.shuffle(items)
        return items
    return value


@settings(max_examples=EXAMPLES)
@given(value=values, random=st.randoms(use_true_random=False), rules=st.sampled_from(MODES))
def test_permuted_arrays_pass_at_every_level(value: Any, random: Any, rules: Rules):
    """A permuted array failed although order does not count."""
    assert passes(value, shuffled(value, random), rules)


@settings(max_examples=EXAMPLES)
@given(items=st.lists(st.integers(0, 3), min_size=2, max_size=6), random=st.randoms())
def test_permuted_arrays_fail_where_order_counts(items: list[int], random: Any):
    """A permuted array passed although order counts."""
    other = shuffled(items, random)
    assert passes(items, other, Rules(ignore_ordering=False)) is (items == other)


def ways(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    if isinstance(value, dict):
        for key, one in value.items():
            found += ways(one, (*way, key))
    elif isinstance(value, list):
        for at, one in enumerate(value):
            found += ways(one, (*way, at))
    return found


def changed(value: Any, way: tuple[Any, ...]) -> Any:
    value = copy.deepcopy(value)
    inner = value
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = "changed beyond doubt"
    return value


def path_of(way: tuple[Any, ...]) -> str:
    return ".".join(step for step in way if isinstance(step, str))


plain_names = st.sampled_from(["a", "b", "id", "name"])
objects = st.dictionaries(
    plain_names,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain_names, inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=EXAMPLES)
@given(value=objects, data=st.data())
def test_noise_covers_its_field_and_no_other(value: Any, data: st.DataObject):
    """Noise on one field hid a change of another, or did not hide its own."""
    noisy = data.draw(st.sampled_from(ways(value)))
    touched = data.draw(st.sampled_from(ways(value)))
    noise, path = path_of(noisy), path_of(touched)
    # A name without a dot is one at any depth, so the root is named through its parent.
    is_covered = (
        path == noise
        or path.startswith(f"{noise}.")
        or ("." not in noise and noise in path.split("."))
    )
    assume(json.dumps(changed(value, touched)) != json.dumps(value))
    ordered = Rules(ignore_ordering=False)
    for rules in (Rules(), ordered):
        assert passes(value, changed(value, touched), rules, {f"body.{noise}": []}) is is_covered


@settings(max_examples=EXAMPLES)
@given(value=values, other=values)
def test_strict_equality_is_that_of_a_slow_reference(value: Any, other: Any):
    """The fast pairing of items disagreed with comparing every item with every other."""
    for actual in (other, [value, other], {"a": other}):
        for recorded in (value, [other, value], {"a": value}):
            assert passes(recorded, actual, Rules()) is slow_equal(recorded, actual)


def slow_equal(first: Any, second: Any) -> bool:
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            slow_equal(first[key], second[key]) for key in first
        )
    if isinstance(first, list) and isinstance(second, list):
        rest = list(second)
        for one in first:
            at = next((at for at, other in enumerate(rest) if slow_equal(one, other)), None)
            if at is None:
                return False
            del rest[at]
        return not rest
    return (type(first) is type(second) and first == second) or (
        isinstance(first, int | float) and isinstance(second, int | float) and first == second
    )


@settings(max_examples=EXAMPLES)
@given(
    body=st.binary(max_size=60) | st.text(max_size=30).map(str.encode), other=st.binary(max_size=60)
)
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "application/x-ndjson"])
def test_no_body_raises(kind: str, body: bytes, other: bytes):
    """A damaged body ended the run."""
    headers = (("Content-Type", kind),)
    for rules in MODES:
        verdict = judge(
            Expectation(Response(200, "", headers, body)), Response(200, "", headers, other), rules
        )
        assert verdict.passed or all(str(one) for one in verdict.differences)
