"""Dataclasses, those that LLM calls give and take among them."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Any

import pytest

from tta_dev_primitives.errors import InputTypeError
from tta_dev_primitives.llm.types import LLMResponse
from tta_dev_primitives.performance.values.encoding import DecodingError, decode, encode
from tta_dev_primitives.performance.values.trees import without_uncached_fields

from .encoded_types import ANSWER, REQUEST, Point

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")


@dataclass
class Price:
    """Changes what it is given, so making it anew would change it again."""

    cents: int
    rounded: int = field(init=False, default=0)
    factor: InitVar[int] = 100

    def __post_init__(self, factor: int) -> None:
        self.cents *= factor
        self.rounded = round(self.cents, -2)


@dataclass
class Word:
    text: str

    @functools.cached_property
    def length(self) -> int:
        return len(self.text)


@dataclass
class Fetched:
    text: str
    session: Any = field(default=None, metadata={"cache": False})
    log: list[str] = field(default_factory=list, metadata={"cache": False})
    needed: Any = field(kw_only=True, metadata={"cache": False})


def test_dataclass_is_rebuilt_without_running_its_code() -> None:
    price = Price(3)
    assert (price.cents, price.rounded) == (300, 300)
    found = decode(encode(price))
    assert found == price


def test_remembered_property_is_left_out() -> None:
    word = Word("four")
    assert word.length == 4
    found = decode(encode(word))
    assert found == word
    assert vars(found) == {"text": "four"}


def test_field_that_is_not_kept_has_its_default() -> None:
    value = Fetched("page", session=object(), log=["sent"], needed="token")
    found = decode(encode(value))
    assert found == Fetched("page", needed="token")
    assert without_uncached_fields(value) == found
    assert value.log == ["sent"]


def test_value_without_left_out_fields_is_not_copied() -> None:
    point = Point(1.0)
    assert without_uncached_fields(point) is point
    assert without_uncached_fields(Fetched) is Fetched


@pytest.mark.parametrize("value", [ANSWER, REQUEST], ids=["response", "request"])
def test_llm_types_come_back(value: Any) -> None:
    assert decode(encode(value)) == value


def test_llm_answer_loses_the_object_of_the_sdk() -> None:
    raw = types.SimpleNamespace(id="r-1")
    found = decode(encode(LLMResponse("hi", raw=raw)))
    assert found == LLMResponse("hi")
    assert found.raw is None


@pytest.fixture
def changing(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], None]:
    """Puts another class in the place of `Point`, as a new version would."""
    module = sys.modules[Point.__module__]

    def change(kind: type) -> None:
        kind.__qualname__ = "Point"
        monkeypatch.setattr(module, "Point", kind)

    return change


def test_entry_of_a_type_with_other_fields_is_refused(changing: Callable[[type], None]) -> None:
    stored = encode(Point(1.0))

    @dataclass
    class Newer:
        x: float
        z: float = 0.0

    changing(Newer)
    with pytest.raises(DecodingError, match="has other fields than Point has now: y, z"):
        decode(stored)


def test_slot_beside_the_fields_is_refused(placed: Callable[[Any], Any]) -> None:
    class Base:
        __slots__ = ("note",)

    @placed
    @dataclass
    class Child(Base):
        x: int

    child = Child(1)
    assert decode(encode(child)) == child
    child.note = "mine"
    with pytest.raises(InputTypeError, match=r"value is a .*Child, which holds more than its"):
        encode(child)
