"""Large and odd values, as question and as answer, through every store."""

from __future__ import annotations

import datetime
import enum
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tta_dev_primitives import CachePrimitive, WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.core.base import FRESH
from tta_dev_primitives.core.clock import SYSTEM_CLOCK

MakeCache = Callable[..., CachePrimitive[Any, Any]]

LARGE = 10_000_000


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    ONE = 1


@dataclass
class Note:
    text: str
    marks: list[Any]


@dataclass(frozen=True)
class Frozen:
    day: datetime.date
    colour: Colour


# Values of different kinds that Python or an encoding may take for equal stand side by side.
ODD: dict[str, Any] = {
    "empty text": "",
    "empty bytes": b"",
    "empty list": [],
    "empty tuple": (),
    "empty dict": {},
    "empty set": set(),
    "none": None,
    "false": False,
    "zero": 0,
    "float zero": 0.0,
    "minus zero": -0.0,
    "true": True,
    "one": 1,
    "float one": 1.0,
    "enum of one": Level.ONE,
    "nan": float("nan"),
    "infinity": float("inf"),
    "smallest float": 5e-324,
    "beyond 64 bits": 2**64,
    "huge": 10**400,
    "huge and negative": -(10**400),
    "enum": Colour.RED,
    "name of the enum": "red",
    "dataclass": Note("a", [1, (2,), {3}]),
    "frozen dataclass": Frozen(datetime.date(2024, 2, 29), Colour.RED),
    "its fields": {"text": "a", "marks": [1, (2,), {3}]},
    "date": datetime.date(2024, 2, 29),
    "time": datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC),
    "time in a zone": datetime.datetime(
        2024, 2, 29, 13, tzinfo=datetime.timezone(datetime.timedelta(hours=1))
    ),
    "naive time": datetime.datetime(2024, 2, 29, 12),  # noqa: DTZ001 - it must come back as naive
    "duration": datetime.timedelta(days=-1, microseconds=1),
    "bytes": bytes(range(256)),
    "composed": "\u00e9",
    "decomposed": "e\u0301",
    "lone surrogate": "\ud800",
    "nul": "a\0b",
    "right to left": "\u202eabc\u05d0",
    "beyond the basic plane": "\U0001f469\u200d\U0001f680",
    "line separators": "\u2028\u2029\x85\r\n",
    "no character": "\uffff\ufffe",
    "set of tuples": {(1, "a"), (2, b"b")},
    "frozen set": frozenset({1, 2}),
    "keys of several types": {1: "int", "1": "text", (1,): "tuple", None: "none", b"1": "bytes"},
    "nested": {"a": [{"b": ({"c": {1: [None]}},)}]},
}


def same(one: Any, other: Any) -> bool:
    """Tell whether they are equal in value and type; their texts tell -0.0 from 0.0, nan is nan."""
    if isinstance(one, set | frozenset):
        return type(one) is type(other) and one == other
    return type(one) is type(other) and repr(one) == repr(other)


@pytest.mark.parametrize("name", ODD)
async def test_odd_value_is_kept_under_itself(make_cache: MakeCache, name: str) -> None:
    calls = 0

    async def step(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return x

    cache = make_cache(step)
    for _ in range(3):
        found = await cache.execute(ODD[name])
        assert same(found, ODD[name])
    assert calls == 1


async def test_odd_values_do_not_meet(make_cache: MakeCache) -> None:
    """Not one of them is answered with another's answer."""
    names = list(ODD)
    cache = make_cache(lambda _: names.pop(0))
    assert [await cache.execute(value) for value in ODD.values()] == list(ODD)
    assert [await cache.execute(value) for value in ODD.values()] == list(ODD)
    assert names == []


async def test_mappings_are_the_same_question_in_any_order(make_cache: MakeCache) -> None:
    calls: list[Any] = []
    cache = make_cache(lambda x: calls.append(x) or len(calls))
    pairs = [(name, value) for name, value in ODD.items() if name != "nan"]
    assert await cache.execute({"of": [dict(pairs)]}) == 1
    assert await cache.execute({"of": [dict(reversed(pairs))]}) == 1


LARGE_VALUES: dict[str, Callable[[], Any]] = {
    "text": lambda: "\u00e4" * (LARGE // 2),
    "bytes": lambda: bytes(LARGE),
    "list": lambda: [{"n": number, "text": "x" * 90} for number in range(LARGE // 100)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE_VALUES)
async def test_ten_megabytes_are_kept_under_themselves(make_cache: MakeCache, name: str) -> None:
    large = LARGE_VALUES[name]()
    calls = 0

    async def step(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return x

    # The file of the disk store is tidied up after as much as this, by the real time.
    cache = make_cache(step, clock=SYSTEM_CLOCK)
    for _ in range(2):
        assert await cache.execute(large) == large
        assert await cache.execute("small") == "small"
    assert calls == 2


class Source(WorkflowPrimitive[Any, Any]):
    """Yields ten megabytes in pieces."""

    def __init__(self) -> None:
        self.calls = 0

    async def stream(
        self, input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[bytes, None]:
        self.calls += 1
        for number in range(200):
            yield bytes([number]) * (LARGE // 200)


@pytest.mark.slow
async def test_ten_megabytes_are_streamed_again(make_cache: MakeCache) -> None:
    source = Source()
    cache = make_cache(source, clock=SYSTEM_CLOCK)
    first = [chunk async for chunk in cache.stream("q")]
    assert [chunk async for chunk in cache.stream("q")] == first
    assert await cache.execute("q") == b"".join(first)
    assert source.calls == 1
