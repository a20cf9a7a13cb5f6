"""Values of attributes on the wire, against OpenTelemetry's own encoder."""

from __future__ import annotations

import enum
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._internal import _encode_attributes
from opentelemetry.proto.common.v1.common_pb2 import KeyValueList

from observability_integration.encoding.attributes import attribute_fields
from observability_integration.encoding.wire import READY, Prefixes

VALUES = Prefixes(1)  # KeyValueList has its pairs in field 1


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 5


def decoded(attributes: dict[str, Any]) -> KeyValueList:
    return KeyValueList.FromString(attribute_fields(VALUES, attributes))


def same(attributes: dict[str, Any]) -> bool:
    expected = KeyValueList(values=_encode_attributes(attributes))
    sent = decoded(attributes).SerializeToString(deterministic=True)
    return sent == expected.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "text",
        "ünïcödé",
        "a\0b",
        True,
        False,
        0,
        1,
        127,
        128,
        READY - 1,
        READY,
        16_383,
        16_384,
        -1,
        (1 << 63) - 1,
        -(1 << 63),
        0.0,
        -0.0,
        1.5,
        float("nan"),
        float("inf"),
        float("-inf"),
        b"",
        b"\xff",
        None,
        (),
        [],
        ("a", None, ""),
        [1, 2],
        [[1], ["a", [None]]],
        {},
        {"a": {"b": [1, None]}},
        Colour.RED,
        Level.HIGH,
    ],
    ids=repr,
)
def test_a_value_is_encoded_as_opentelemetry_does(value: object) -> None:
    """A value arrives as another one."""
    assert same({"key": value})


@pytest.mark.parametrize("kind", [str.encode, str], ids=["ascii", "wide"])
def test_every_length_around_the_edges_is_right(kind: object) -> None:
    """A length prefix is one byte short where the length needs one more."""
    letter = "x" if kind is str.encode else "ä"
    for length in (*range(110, 140), *range(1000, READY + 10), 16_380, 16_384, 20_000):
        text = letter * length
        assert same({"k": text}), length
        assert same({text: "v"}), length
        assert same({text: 1.0, text + "!": 7}), length


@pytest.mark.parametrize(
    ("number", "sent"),
    [
        (1 << 63, "9223372036854775808"),
        (-(1 << 63) - 1, "-9223372036854775809"),
        (1 << 20_000, hex(1 << 20_000)),
    ],
    ids=["above", "below", "far-above"],
)
def test_a_number_beyond_64_bits_is_sent_as_text(number: int, sent: str) -> None:
    """A big number costs its whole batch."""
    (pair,) = decoded({"n": number}).values
    assert pair.value.string_value == sent
    (pair,) = decoded({"n": [number]}).values
    assert pair.value.array_value.values[0].string_value == sent


@pytest.mark.parametrize("value", [object(), [object()], {"a": {1, 2}}, 1j], ids=repr)
def test_a_value_that_cannot_be_is_left_out_with_a_log_line(
    value: object, caplog: pytest.LogCaptureFixture
) -> None:
    """A value of another type costs its whole batch, or vanishes without a word."""
    with caplog.at_level(logging.WARNING):
        (pair,) = decoded({"bad": value, "good": 1}).values
    assert pair.key == "good"
    (line,) = caplog.messages
    assert line.startswith("an attribute was left out: 'bad' cannot have a value of type ")


def test_a_name_that_is_no_text_becomes_one() -> None:
    """A number for a name in the resource keeps all spans at home."""
    odd: dict[Any, Any] = {1: "a", None: "c", "1": "d"}
    keys = [pair.key for pair in decoded(odd).values]
    assert keys == ["1", "None", "1"]


def test_a_value_without_an_end_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """One list that has itself in it keeps all spans at home."""
    endless: list[Any] = []
    endless.append(endless)
    assert [pair.key for pair in decoded({"odd": endless, "good": 1}).values] == ["good"]
    (line,) = caplog.messages
    assert line == "an attribute was left out: 'odd' cannot have a value of type list"


def test_keys_that_never_come_again_fill_no_memory() -> None:
    """A program that makes keys of ids grows for ever."""
    from observability_integration.encoding.attributes import _keys

    for number in range(10_000):
        decoded({f"user.{number}": 1})
    decoded({"k" * 100_000: 1})
    assert len(_keys) <= 4096
    assert max(map(len, _keys)) <= 256
    assert decoded({"user.9999": 2}).values[0].key == "user.9999"


trees = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(1 << 63), (1 << 63) - 1),
        st.floats(),
        st.text(max_size=30).map(lambda text: text.encode("utf-8", "ignore").decode()),
        st.binary(max_size=10),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(alphabet="abc", max_size=3), inner, max_size=3),
    ),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(alphabet="abcé", max_size=5), trees, max_size=4))
def test_any_tree_of_values_is_encoded_as_opentelemetry_does(attributes: dict[str, Any]) -> None:
    """Some nesting of values goes wrong on the wire."""
    assert same(attributes)
