"""Models of Pydantic."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest

from tta_dev_primitives.errors import InputTypeError
from tta_dev_primitives.performance.values.encoding import (
    DecodingError,
    canonical,
    decode,
    encode,
    is_immutable,
)

from .encoded_types import Colour

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")

T = TypeVar("T")


def model_of_each_kind(placed: Callable[[Any], Any]) -> dict[str, Any]:
    pytest.importorskip("pydantic")
    import pydantic

    @placed
    class City(pydantic.BaseModel):
        name: str
        size: int = 0
        seen: set[datetime.date] = set()

    @placed
    class Capital(City):
        of: str = pydantic.Field("", alias="capital_of")
        colour: Colour = Colour.RED
        twins: tuple[City, ...] = ()

        @functools.cached_property
        def title(self) -> str:
            return f"{self.name} of {self.of}"

    @placed
    class Loose(pydantic.BaseModel, extra="allow"):
        model_config = pydantic.ConfigDict(frozen=True)
        x: int

    @placed
    class Counted(pydantic.BaseModel):
        x: int
        _calls: int = pydantic.PrivateAttr(0)
        _made: list[int] = pydantic.PrivateAttr(default_factory=list)
        _later: str

    @placed
    class Words(pydantic.RootModel[list[str]]): ...

    @placed
    class Page(pydantic.BaseModel, Generic[T]):
        items: list[T]

    @placed
    @pydantic.dataclasses.dataclass
    class Spot:
        x: int
        city: City | None = None

    rome = Capital(name="Rome", capital_of="Italy", twins=(City(name="Paris", size=1),))
    assert rome.title == "Rome of Italy"
    counted = Counted(x=1)
    counted._calls = 7
    with_more = City(name="Bonn")
    object.__setattr__(with_more, "_request_id", "r-1")
    placed(Page[int])
    return {
        "defaults": City(name="Bonn"),
        "dates": City(name="Bonn", seen={datetime.date(2024, 2, 29)}),
        "nested": rome,
        "extra": Loose(x=1, y=(2, b"\xff")),
        "no extra": Loose(x=1),
        "private": counted,
        "root": Words(["a"]),
        "generic": Page[int](items=[1]),
        "generic of anything": Page(items=[1, "a"]),
        "not valid": City.model_construct(name=7, size="big"),
        "dataclass": Spot(1, City(name="Bonn")),
        "attribute of an sdk": with_more,
        "in a list": [City(name="a"), {"b": Loose(x=2)}],
    }


MODELS = [
    "defaults", "dates", "nested", "extra", "no extra", "private", "root", "generic",
    "generic of anything", "not valid", "dataclass", "attribute of an sdk", "in a list",
]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_model_comes_back_as_it_was(placed: Callable[[Any], Any], name: str) -> None:
    value = model_of_each_kind(placed)[name]
    found = decode(encode(value))
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)
    for inner in ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
        assert getattr(found, inner, None) == getattr(value, inner, None)


def test_every_model_of_the_table_is_tried(placed: Callable[[Any], Any]) -> None:
    assert [*model_of_each_kind(placed)] == MODELS


def test_model_that_comes_back_is_alive(placed: Callable[[Any], Any]) -> None:
    found = decode(encode(model_of_each_kind(placed)["nested"]))
    assert found.title == "Rome of Italy"
    found.size = 3
    assert found.model_dump(exclude_unset=True, include={"name", "size"}) == {
        "name": "Rome",
        "size": 3,
    }
    assert found.model_copy(deep=True) == found


def test_model_is_rebuilt_without_running_its_code(placed: Callable[[Any], Any]) -> None:
    pytest.importorskip("pydantic")
    import pydantic

    @placed
    class Priced(pydantic.BaseModel):
        cents: int

        @pydantic.field_validator("cents")
        @classmethod
        def in_cents(cls, value: int) -> int:
            return value * 100

        def model_post_init(self, context: object) -> None:
            self.cents += 1

    priced = Priced(cents=3)
    assert priced.cents == 301
    assert decode(encode(priced)).cents == 301


def test_secret_in_a_model_is_refused_and_not_shown(placed: Callable[[Any], Any]) -> None:
    pytest.importorskip("pydantic")
    import pydantic

    @placed
    class Login(pydantic.BaseModel):
        password: pydantic.SecretStr

    with pytest.raises(InputTypeError, match=r"value\.password is a .*SecretStr") as caught:
        encode(Login(password="hunter2"))
    assert "hunter2" not in str(caught.value)


def test_model_that_cannot_be_made_again_is_refused(placed: Callable[[Any], Any]) -> None:
    pytest.importorskip("pydantic")
    import pydantic

    values = model_of_each_kind(placed)
    city, counted = type(values["defaults"]), type(values["private"])

    class Slotted(pydantic.BaseModel):
        __slots__ = ("note",)
        x: int = 0

    with pytest.raises(InputTypeError, match="Slotted, which is not found under its name"):
        encode(Slotted())
    with pytest.raises(InputTypeError, match=r"City, .*no value for some of its fields \(name\)"):
        encode(city.model_construct(size=1))
    with pytest.raises(InputTypeError, match="Slotted, which holds what cannot be brought back"):
        encode(placed(Slotted)())
    lost = counted(x=1)
    del lost._calls
    with pytest.raises(InputTypeError, match="Counted, which holds what cannot be brought back"):
        encode(lost)
    locked = counted(x=1)
    locked._made = object()
    with pytest.raises(InputTypeError, match=r"value\._made is a builtins\.object"):
        encode(locked)


def test_model_with_other_fields_now_is_refused_with_their_names(
    placed: Callable[[Any], Any],
) -> None:
    pytest.importorskip("pydantic")
    import pydantic

    values = model_of_each_kind(placed)
    stored = {name: encode(values[name]) for name in ("defaults", "extra", "private")}
    placed(pydantic.create_model("City", name=(str, ...), population=(int, 0)))
    placed(pydantic.create_model("Loose", x=(int, ...)))

    @placed
    class Counted(pydantic.BaseModel):
        x: int
        _made: list[int] = pydantic.PrivateAttr(default_factory=list)
        _now: float = 0.0

    with pytest.raises(DecodingError, match="than City has now: population, seen, size"):
        decode(stored["defaults"])
    with pytest.raises(DecodingError, match="than Loose has now: y"):
        decode(stored["extra"])
    with pytest.raises(DecodingError, match="than Counted has now: _calls, _now"):
        decode(stored["private"])


def test_models_have_equal_keys_exactly_when_they_are_equal(
    placed: Callable[[Any], Any],
) -> None:
    values = model_of_each_kind(placed)
    city, loose = type(values["defaults"]), type(values["extra"])
    counted = type(values["private"])
    found = [
        *values.values(), city(name="Bonn", size=0), city(name="Bonn", size=1), city(name="Rome"),
        loose(x=1, y=1, z=2), loose(x=1, z=2, y=1), loose(x=1, z=2), counted(x=1), counted(x=1),
    ]  # fmt: skip
    for one in found:
        for other in found:
            assert (canonical(one) == canonical(other)) is (one == other)


def test_answer_of_a_real_sdk_comes_back() -> None:
    chat = pytest.importorskip("openai.types.chat")
    answer = chat.ChatCompletion.model_validate(
        {
            "id": "c-1", "created": 1, "model": "m", "object": "chat.completion",
            "choices": [
                {"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "hi", "new_field": [1]}},
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        }
    )  # fmt: skip
    answer._request_id = "r-1"
    found = decode(encode(answer))
    assert found == answer
    assert found._request_id == "r-1"
    assert found.choices[0].message.new_field == [1]
    assert found.model_dump_json() == answer.model_dump_json()


def test_no_model_counts_as_immutable(placed: Callable[[Any], Any]) -> None:
    """A frozen model hands out the very set of the names that were set."""
    assert is_immutable(model_of_each_kind(placed)["no extra"]) is False
