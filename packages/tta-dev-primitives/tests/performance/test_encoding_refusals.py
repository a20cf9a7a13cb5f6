"""Values that have no form."""

from __future__ import annotations

import datetime
import math
import types
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from tta_dev_primitives.errors import InputTypeError
from tta_dev_primitives.performance.values.encoding import encode

from .encoded_types import BERLIN, Box, Point

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")


@dataclass
class Table(dict[str, int]):
    title: str


@dataclass
class Unfinished:
    later: int = field(init=False)


class Spot(NamedTuple):
    x: int


class OddZone(datetime.tzinfo):
    def utcoffset(self, when: datetime.datetime | None) -> datetime.timedelta:
        return datetime.timedelta(hours=3)


def local_dataclass() -> Any:
    @dataclass
    class Local:
        a: int = 1

    return Local()


def with_extra_attribute() -> Any:
    point = Point(1.0)
    vars(point)["note"] = "mine"
    return point


def nested_deeply() -> Any:
    value: Any = ()
    for _ in range(20_000):
        value = [value]
    return value


def holds_itself() -> Any:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "object": (object, r"value is a builtins\.object, which has no canonical form"),
    "in a list": (lambda: {"a": [1, object()]}, r"value\['a'\]\[1\] is a builtins\.object"),
    "in a set": (lambda: {types.SimpleNamespace}, r"value\{\.\.\.\} is a builtins\.type"),
    "as a key": (lambda: {Point: 1}, r"key of value is a builtins\.type"),
    "in a dataclass": (lambda: Box(object()), r"value\.content is a builtins\.object"),
    "subclass of dict": (OrderedDict, r"value is a collections\.OrderedDict"),
    "subclass of text": (lambda: type("Name", (str,), {})("a"), "value is a .*Name"),
    "subclass of an integer": (lambda: type("Id", (int,), {})(1), "value is a .*Id"),
    "named tuple": (lambda: [Spot(1)], r"value\[0\] is a .*Spot"),
    "in a tuple": (lambda: (1, (object(),)), r"value\[1\]\[0\] is a builtins\.object"),
    "module": (lambda: math, r"value is a builtins\.module"),
    "function": (lambda: len, r"value is a builtins\.builtin_function_or_method"),
    "class": (lambda: Point, r"value is a builtins\.type"),
    "local dataclass": (local_dataclass, r"value is a .*local_dataclass\.<locals>\.Local"),
    "attribute beside the fields": (with_extra_attribute, r"value is a .*Point"),
    "dataclass that is a dict": (lambda: Table("t"), r"value is a .*Table"),
    "field that was never set": (Unfinished, r"value is a .*Unfinished"),
    "zone of its own": (
        lambda: datetime.datetime(2024, 1, 1, tzinfo=OddZone()),
        r"value\.tzinfo is a .*OddZone",
    ),
    "time in a named zone": (lambda: datetime.time(1, tzinfo=BERLIN), r"value\.tzinfo is a zone"),
    "too deep": (nested_deeply, "too deep"),
    "circle": (holds_itself, "holds itself"),
    "integer beyond what Python writes": (lambda: 10**5000, "too large"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_value_without_a_form_is_refused_with_its_place(
    make: Callable[[], Any], message: str
) -> None:
    with pytest.raises(InputTypeError, match=message):
        encode(make())
