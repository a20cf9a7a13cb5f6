"""Structs of msgspec."""

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

from .encoded_types import Box, Colour, tree

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")

T = TypeVar("T")


def struct_of_each_kind(placed: Callable[[Any], Any]) -> dict[str, Any]:
    pytest.importorskip("msgspec")
    import msgspec

    @placed
    class Plain(msgspec.Struct):
        x: int
        tags: list[str] = []

    @placed
    class Frozen(msgspec.Struct, frozen=True, order=True, cache_hash=True):
        x: int
        at: datetime.date

    @placed
    class Named(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
        first_name: str = "ada"
        inner: Any = None

    @placed
    class Row(msgspec.Struct, array_like=True, tag="row", omit_defaults=True, gc=False):
        cells: tuple[int, ...]

    @placed
    class Open(msgspec.Struct, dict=True, weakref=True):
        x: int

        @functools.cached_property
        def double(self) -> int:
            return 2 * self.x

    @placed
    class Pair(msgspec.Struct, Generic[T]):
        one: T
        other: T

    @placed
    class Late(msgspec.Struct, frozen=True, kw_only=True):
        cents: int
        note: Any = msgspec.UNSET

        def __post_init__(self) -> None:
            msgspec.structs.force_setattr(self, "cents", self.cents * 100)

    opened = Open(3)
    assert opened.double == 6
    return {
        "default": Plain(1),
        "not valid": Plain("x", (1, 2)),
        "frozen": Frozen(1, datetime.date(2024, 2, 29)),
        "renamed": Named(inner=Plain(1, ["a"])),
        "tagged row": Row((1, 2)),
        "with attributes": opened,
        "generic": Pair[int](1, 2),
        "with code after it was made": Late(cents=3),
        "not set": Named(inner=msgspec.UNSET),
        "in a dict": {"a": [Row(()), Pair(Colour.RED, b"\xff")]},
        "in a dataclass": Box(Plain(2**70)),
    }


STRUCTS = [
    "default", "not valid", "frozen", "renamed", "tagged row", "with attributes", "generic",
    "with code after it was made", "not set", "in a dict", "in a dataclass",
]  # fmt: skip


@pytest.mark.parametrize("name", STRUCTS)
def test_struct_comes_back_as_it_was(placed: Callable[[Any], Any], name: str) -> None:
    value = struct_of_each_kind(placed)[name]
    found = decode(encode(value))
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)


def test_every_struct_of_the_table_is_tried(placed: Callable[[Any], Any]) -> None:
    assert [*struct_of_each_kind(placed)] == STRUCTS


def test_frozen_struct_that_comes_back_can_be_used_as_a_key(placed: Callable[[Any], Any]) -> None:
    values = struct_of_each_kind(placed)
    for name in ("frozen", "with code after it was made"):
        found = decode(encode(values[name]))
        assert {values[name]: name}[found] == name


def test_members_of_a_tagged_union_stay_apart(placed: Callable[[Any], Any]) -> None:
    pytest.importorskip("msgspec")
    import msgspec

    @placed
    class Cat(msgspec.Struct, tag=True):
        name: str

    @placed
    class Dog(msgspec.Struct, tag=True):
        name: str

    assert decode(encode([Cat("a"), Dog("a")])) == [Cat("a"), Dog("a")]
    assert canonical(Cat("a")) != canonical(Dog("a"))


def test_struct_that_cannot_be_made_again_is_refused(placed: Callable[[Any], Any]) -> None:
    pytest.importorskip("msgspec")
    import msgspec

    class Open(msgspec.Struct, dict=True):
        x: int = 0
        inner: Any = None

    class Registered(msgspec.Struct):
        x: int = 0

        def __init_subclass__(cls, **options: Any) -> None:
            raise AssertionError

        def __post_init__(self) -> None: ...

    with pytest.raises(InputTypeError, match="Open, which is not found under its name"):
        encode(Open())
    for kind in (Open, Registered):
        placed(kind)
    with_more, unset = Open(), Open()
    vars(with_more)["note"] = "mine"
    del unset.x
    with pytest.raises(InputTypeError, match=r"Open, which holds more than its fields \(note\)"):
        encode(with_more)
    with pytest.raises(InputTypeError, match=r"Open, which has a field that was never set .*'x'"):
        encode(unset)
    with pytest.raises(InputTypeError, match=r"value\.inner\[0\] is a builtins\.object"):
        encode(Open(inner=[object()]))
    with pytest.raises(InputTypeError, match="cannot be made again without running code"):
        encode(Registered())
    with pytest.raises(DecodingError, match="cannot be made without running code"):
        decode(tree({"!": "struct", "t": f"{__name__}:Registered", "v": {"x": 1}}))


def test_struct_with_other_fields_now_is_refused_with_their_names(
    placed: Callable[[Any], Any],
) -> None:
    pytest.importorskip("msgspec")
    import msgspec

    stored = encode(placed(msgspec.defstruct("City", ["name", "size"]))("Rome", 3))
    placed(msgspec.defstruct("City", ["name", ("population", int, 0)]))
    with pytest.raises(DecodingError, match="other fields than City has now: population, size"):
        decode(stored)


def test_only_a_frozen_struct_of_immutable_values_counts_as_immutable(
    placed: Callable[[Any], Any],
) -> None:
    values = struct_of_each_kind(placed)
    assert is_immutable(values["frozen"])
    assert is_immutable(values["with code after it was made"])
    assert is_immutable(type(values["frozen"])(1, [])) is False
    assert is_immutable(values["default"]) is False


def test_struct_is_a_key_by_its_fields(placed: Callable[[Any], Any]) -> None:
    pytest.importorskip("msgspec")
    import msgspec

    local = msgspec.defstruct("Local", ["a", "b"])
    assert canonical(local({"x": 1, "y": 2}, 1)) == canonical(local({"y": 2, "x": 1}, 1))
    others = [local(1, 2), local(2, 1), local(1, 2.0), local(1, msgspec.UNSET), {"a": 1, "b": 2}]
    assert len({canonical(value) for value in others}) == len(others)
