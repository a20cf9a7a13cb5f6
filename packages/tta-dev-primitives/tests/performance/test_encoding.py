"""What comes back as it was."""

from __future__ import annotations

import datetime
import decimal
import math
import unicodedata
import uuid
from typing import Any

import pytest

from tta_dev_primitives.performance.values.encoding import decode, encode

from .encoded_types import BERLIN, Access, Box, Colour, Leaf, Level, Mode, Mood, Point

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")

ROUND_TRIPS = {
    "text": "grün \U0001f600",
    "lone surrogate": "\ud800",
    "lone surrogate as a key": {"\udfff": 1},
    "big integer": 2**64,
    "bigger integer": -(10**300),
    "float like an integer": 1.0,
    "negative zero": -0.0,
    "infinity": -math.inf,
    "exponent": 1e16,
    "bool": True,
    "nested": {"a": [1, {"b": None}], "c": {}},
    "order of keys": {"b": 1, "a": 2},
    "nothing in it": [[], {}, (), "", b"", {"a": []}],
    "bytes": b"\x00\xff",
    "bytes that can change": bytearray(b"\x00\xff"),
    "complex": complex(-0.0, math.inf),
    "decimal": decimal.Decimal("1.10"),
    "uuid": uuid.UUID(int=7),
    "tuple": (1, (2.0, "x"), []),
    "keys of other types": {1: "a", "1": "b", (1, 2): "c", None: "d"},
    "order of other keys": {3: "c", 1: "a", 2: "b"},
    "key that looks like a tag": {"!": "tuple", "v": [1]},
    "nested key that looks like a tag": [{"a": {"!": "data", "t": "os:system"}}],
    "date": datetime.date(2024, 2, 29),
    "time": datetime.time(1, 2, 3, 4),
    "time with an offset": datetime.time(1, tzinfo=datetime.UTC),
    "naive": datetime.datetime.fromisoformat("2024-01-01T01:02:03"),
    "offset": datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone(-datetime.timedelta(hours=5))),
    "timedelta": datetime.timedelta(-1, 2, 3),
    "enum": Colour.RED,
    "integer enum": Level.HIGH,
    "text enum": Mood.GOOD,
    "enum as a key": {Colour.RED: 1, Mood.GOOD: [Level.HIGH]},
    "integer flag": Mode.R | Mode.X,
    "integer flag beyond its names": Mode(64),
    "flag": Access.READ,
    "flags together": Access.READ | Access.WRITE,
    "no flag": Access(0),
    "dataclass": Point(1.0),
    "frozen with slots": Leaf("a", (Point(1.0), Point(2.0, 3.0))),
    "generic dataclass": Box[int](7),
    "generic of a generic": Box[Any](Box[int](7)),
    "dataclass in a dict": {"at": [Point(1.0, math.inf)]},
    "plain values in a dataclass": Box({"rows": [{"a": [1, -0.0]}, []], "!": {"!": "plain"}}),
    "earliest": datetime.datetime.min,  # noqa: DTZ901 - without a zone on purpose
    "last": datetime.datetime.max.replace(tzinfo=datetime.UTC),
}


@pytest.mark.parametrize("value", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_value_comes_back_as_it_was(value: Any) -> None:
    found = decode(encode(value))
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)  # -0.0, the order of keys, types further in


@pytest.mark.parametrize(
    "value",
    [{1, "a", (2,)}, frozenset({2, 1}), {frozenset({"a"})}],
    ids=["set", "frozen", "nested"],
)
def test_set_comes_back(value: Any) -> None:
    found = decode(encode(value))
    assert found == value
    assert type(found) is type(value)


CODES = [*range(0x2100), 0xD800, 0xE000, 0x10FFFF]  # the last: surrogate, private, unassigned

CHARACTERS = {unicodedata.category(chr(code)): chr(code) for code in CODES}


def test_there_is_a_character_of_every_class() -> None:
    assert len(CHARACTERS) == 30


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=CHARACTERS)
def test_text_of_every_class_comes_back(character: str) -> None:
    for value in (character, {character: [character]}, Box({character: (character,)})):
        assert decode(encode(value)) == value


def test_nan_comes_back() -> None:
    assert math.isnan(decode(encode([math.nan]))[0])


@pytest.mark.parametrize(
    ("text", "fold"),
    [
        ("2024-07-01T12:00", 0),
        ("2024-10-27T02:30", 0),
        ("2024-10-27T02:30", 1),
        ("2024-03-31T02:30", 0),
    ],
    ids=["summer", "first of two", "second of two", "in the gap"],
)
def test_time_zone_comes_back(text: str, fold: int) -> None:
    wall = datetime.datetime.fromisoformat(text).replace(fold=fold)
    found = decode(encode(wall.replace(tzinfo=BERLIN)))
    assert (found.tzinfo, found.fold, found.replace(tzinfo=None)) == (BERLIN, fold, wall)
