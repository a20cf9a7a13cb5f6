from __future__ import annotations

import datetime
import enum
import math
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.errors import InputTypeError
from tta_dev_primitives.llm.types import LLMRequest
from tta_dev_primitives.performance.keys import default_key, key_fn_without, stored_key
from tta_dev_primitives.performance.values.encoding import canonical

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")


class Colour(enum.Enum):
    RED = 1


class Paint(enum.IntEnum):
    RED = 1


@dataclass
class Ask:
    text: str
    limit: float = 1.0
    trace: Any = field(default=None, metadata={"cache": False})


@dataclass
class Say:
    text: str
    limit: float = 1.0


BERLIN, ROME = zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("Europe/Rome")
NOON = datetime.datetime.fromisoformat("2024-01-01T12:00")
SIDE_BY_SIDE: list[Any] = [
    None, True, False, 0, 1, 1.0, 0.0, -0.0, "1", b"1", "", b"", 1j, "None", "null", "true",
    math.nan, math.inf, "nan", 2**63, 2**64, float(2**64), -(2**70), 10**40, "\ud800", "\\ud800",
    [], (), {}, set(), frozenset(), [1], (1,), {1}, frozenset({1}), [[1]], [(1,)], ([1],), [1, 1],
    {"a": 1}, {"a": 1.0}, {"a": True}, {"a": None}, {"a": "1"}, {"a": b"1"}, {"b": 1}, {1: "a"},
    {"1": "a"}, {1.5: "a"}, {None: "a"}, {("a",): 1}, [["a", 1]], [("a", 1)], {"a": {"a": 1}},
    {"!": "tuple", "v": [1]}, {"!": "float", "v": "nan"}, {"!": 1},
    Colour.RED, Paint.RED, Ask("1"), Say("1"), {"text": "1", "limit": 1.0}, Ask("1", 1), Ask("2"),
    NOON, NOON.date(), NOON.time(), NOON.isoformat(), NOON.replace(tzinfo=BERLIN),
    NOON.replace(tzinfo=ROME), NOON.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
    datetime.timedelta(1), datetime.time(12, tzinfo=datetime.UTC),
]  # fmt: skip


def test_values_that_differ_have_different_keys() -> None:
    found = [canonical(value) for value in SIDE_BY_SIDE]
    assert len(set(found)) == len(found)


def test_values_that_differ_have_different_keys_wherever_they_stand() -> None:
    around = [
        lambda x: [x],
        lambda x: (x,),
        lambda x: {"k": x},
        lambda x: {7: x},
        lambda x: Ask(x),
        lambda x: LLMRequest(({"role": "user", "content": x},)),
    ]
    found = [canonical(wrap(value)) for wrap in around for value in SIDE_BY_SIDE]
    assert len(set(found)) == len(found)


SAME = {
    "order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "order of keys further in": ([{"a": {"x": 1, "y": 2}}], [{"a": {"y": 2, "x": 1}}]),
    "order of keys beside a tuple": ({"t": (), "a": 1}, {"a": 1, "t": ()}),
    "order of other keys": ({1: "a", "b": 2, None: 3}, {None: 3, "b": 2, 1: "a"}),
    "order of members": ({3, 1, 2}, {2, 3, 1}),
    "not a number": (float("nan"), -math.nan),
    "field that does not count": (Ask("a", trace=object()), Ask("a", trace=[])),
    "equal requests": (
        LLMRequest(({"role": "user", "content": "hi"},), extra={"a": 1, "b": 2}),
        LLMRequest(({"content": "hi", "role": "user"},), extra={"b": 2, "a": 1}),
    ),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_equal_inputs_have_equal_keys(one: object, other: object) -> None:
    assert canonical(one) == canonical(other)


def test_input_may_be_of_a_type_that_only_this_function_knows() -> None:
    @dataclass
    class Local:
        a: int

    assert canonical(Local(1)) == canonical(Local(1)) != canonical(Local(2))


def test_moment_in_a_zone_of_its_own_is_told_by_its_offset() -> None:
    class Zone(datetime.tzinfo):
        def __init__(self, hours: int) -> None:
            self.hours = hours

        def utcoffset(self, when: datetime.datetime | None) -> datetime.timedelta:
            return datetime.timedelta(hours=self.hours)

    three, four = NOON.replace(tzinfo=Zone(3)), NOON.replace(tzinfo=Zone(4))
    assert canonical(three) == canonical(NOON.replace(tzinfo=Zone(3))) != canonical(four)


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": (1, {object})}, r"value\['a'\]\[1\]\{\.\.\.\} is a builtins\.type"),
        (endless(), "holds itself"),
        (10**5000, "too large"),
        (datetime.time(1, tzinfo=BERLIN), r"value\.tzinfo is a zoneinfo\.ZoneInfo"),
    ],
    ids=["no form", "circle", "too large", "time in a named zone"],
)
def test_input_without_a_canonical_form_names_itself_and_the_way_out(
    value: object, message: str
) -> None:
    with pytest.raises(InputTypeError, match=f"{message}.*cache_key_fn="):
        default_key(value)


def test_text_is_its_own_key() -> None:
    assert default_key("hello") == "hello"
    assert default_key(b"hello") != "hello"
    assert len(default_key({"a": 1})) == 16  # pyright: ignore[reportArgumentType] - bytes, here


def test_keys_outside_the_process_do_not_meet() -> None:
    keys = ["a", b"a", 1, 1.0, True, None, ("a",), "", b"", frozenset({"a"}), "\ud800"]
    assert len({stored_key(key) for key in keys}) == len(keys)


def without(names: Iterable[str], value: object) -> object:
    return key_fn_without(list(names))(value, WorkflowContext())


def test_excluded_name_does_not_count_and_a_new_one_does() -> None:
    base = without(["user"], {"q": 1, "user": "ada"})
    assert base == without(["user"], {"user": "bob", "q": 1})
    assert base != without(["user"], {"q": 1, "user": "ada", "thinking": True})


def test_excluded_field_does_not_count() -> None:
    base = without(["limit"], Ask("a", 1.0, trace=object()))
    assert base == without(["limit"], Ask("a", 2.0))
    assert base != without(["limit"], Ask("b", 1.0))
    assert base != without(["limit"], Say("a", 1.0))


def test_excluding_changes_nothing_for_other_inputs() -> None:
    assert without(["a"], "text") == "text"
    assert without(["a"], ["a"]) == default_key(["a"])


def same(one: Any, other: Any) -> bool:
    """Equality as a key sees it: types count, order of keys does not, NaN is NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        pairs = list(other.items())
        return len(one) == len(other) and all(
            any(same(key, k) and same(value, v) for k, v in pairs) for key, value in one.items()
        )
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and all(any(same(x, y) for y in other) for x in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return repr(one) == repr(other)
    return one == other


small = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf])
    | st.sampled_from(["", "a", "1", "!", "v", "nan"])
    | st.binary(max_size=1)
)
small_keys = small | st.tuples(small) | st.frozensets(small, max_size=2)
inputs = st.recursive(
    small,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.dictionaries(small_keys, inner, max_size=2)
        | st.sets(small_keys, max_size=2)
    ),
    max_leaves=5,
)


@settings(max_examples=600, deadline=None)
@given(inputs, inputs)
def test_keys_are_equal_exactly_for_equal_inputs(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) is same(one, other)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), st.integers() | st.floats() | st.text()), st.randoms())
def test_key_does_not_depend_on_order(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert canonical(dict(items)) == canonical(value)
