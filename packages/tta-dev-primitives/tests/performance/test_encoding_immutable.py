"""Which values a cache may hand out as they are."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import pytest

from tta_dev_primitives.llm.types import LLMResponse, Usage
from tta_dev_primitives.performance.values.encoding import is_immutable

from .encoded_types import ANSWER, REQUEST, Colour, Leaf, Point

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")


@dataclass(frozen=True)
class FrozenTable(dict[str, int]):
    title: str


IMMUTABLE = {
    "text": ("a", True),
    "enum": (Colour.RED, True),
    "date": (datetime.date(2024, 1, 1), True),
    "tuple": ((1, ("a", b"b")), True),
    "tuple of a list": ((1, []), False),
    "frozenset": (frozenset({1}), True),
    "list": ([], False),
    "frozen dataclass": (Usage(1, 2), True),
    "frozen dataclass of a list": (Leaf("a", [Point(1.0)]), False),  # pyright: ignore[reportArgumentType] - the mistake is the point
    "changeable dataclass": (Point(1.0), False),
    "frozen dataclass that is a dict": (FrozenTable("t"), False),
    "class": (Usage, False),
    "response": (ANSWER, True),
    "response with the object of the sdk": (LLMResponse("a", raw=[]), False),
    "request": (REQUEST, False),
}


@pytest.mark.parametrize(("value", "expected"), IMMUTABLE.values(), ids=IMMUTABLE)
def test_only_what_nobody_can_change_counts_as_immutable(value: object, expected: bool) -> None:
    assert is_immutable(value) is expected
