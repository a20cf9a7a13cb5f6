from __future__ import annotations

import datetime
import decimal
import enum
import functools
import importlib.util
import json
import math
import sys
import types
import uuid
import zoneinfo
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.errors import InputTypeError
from tta_dev_primitives.llm.types import LLMRequest, LLMResponse, Tool, ToolCall, Usage
from tta_dev_primitives.performance import encoding
from tta_dev_primitives.performance.encoding import DecodingError, decode, encode, is_immutable
from tta_dev_primitives.performance.trees import without_uncached_fields

T = TypeVar("T")
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: float
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Leaf:
    name: str
    points: tuple[Point, ...] = ()


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
class Box(Generic[T]):
    content: T


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


@dataclass
class Table(dict[str, int]):
    title: str


@dataclass(frozen=True)
class FrozenTable(dict[str, int]):
    title: str


@dataclass
class Unfinished:
    later: int = field(init=False)


class OddZone(datetime.tzinfo):
    def utcoffset(self, when: datetime.datetime | None) -> datetime.timedelta:
        return datetime.timedelta(hours=3)


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
    "bytes": b"\x00\xff",
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
    "flag": Access.READ,
    "flags together": Access.READ | Access.WRITE,
    "no flag": Access(0),
    "dataclass": Point(1.0),
    "frozen with slots": Leaf("a", (Point(1.0), Point(2.0, 3.0))),
    "generic dataclass": Box[int](7),
    "dataclass in a dict": {"at": [Point(1.0, math.inf)]},
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


ANSWER = LLMResponse(
    "It is sunny.",
    tool_calls=(ToolCall("call-1", "weather", '{"city": "Rome"}'),),
    usage=Usage(12, 34, cache_read_tokens=5),
    cost=0.0012,
    model="small-1",
    finish_reason="tool_calls",
    latency=0.25,
    provider="openai",
    response_id="r-1",
)
REQUEST = LLMRequest(
    messages=(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    ),
    model="small-1",
    tools=(Tool("weather", "Tells it", {"type": "object", "properties": {"city": {}}}),),
    json_schema={"type": "object"},
    stop=("END",),
    extra={"user": "ada"},
)


@pytest.mark.parametrize("value", [ANSWER, REQUEST], ids=["response", "request"])
def test_llm_types_come_back(value: Any) -> None:
    assert decode(encode(value)) == value


def test_llm_answer_loses_the_object_of_the_sdk() -> None:
    raw = types.SimpleNamespace(id="r-1")
    found = decode(encode(LLMResponse("hi", raw=raw)))
    assert found == LLMResponse("hi")
    assert found.raw is None


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


def tree(node: object) -> bytes:
    return b"t" + json.dumps(node).encode()


UNREADABLE = {
    "nothing": (b"", "unknown tag b''"),
    "unknown tag": (b"x{}", "unknown tag b'x'"),
    "no json": (b"j{", "cannot be read"),
    "no msgpack": (b"m\xc1", "msgspec is not installed|cannot be read"),
    "no bytes": (7, "cannot be read"),
    "function": (tree({"!": "data", "t": "os:system", "v": {}}), "'os:system', which is not"),
    "module": (tree({"!": "data", "t": "os:path", "v": {}}), "'os:path', which is not loaded"),
    "not loaded": (
        tree({"!": "data", "t": "xmlrpc.server:Fault", "v": {}}),
        "'xmlrpc.server:Fault', which is not loaded",
    ),
    "no dataclass": (tree({"!": "data", "t": "builtins:dict", "v": {}}), "which it is not"),
    "no enum": (tree({"!": "enum", "t": "builtins:int", "v": "x"}), "which it is not"),
    "no flag": (tree({"!": "flag", "t": "builtins:int", "v": 7}), "which it is not"),
    "unknown kind": (tree({"!": "call", "t": "builtins:int", "v": 7}), "which it is not"),
    "no kind": (tree({"!": "data", "v": {}}), "cannot be read: 't'"),
    "no date": (tree({"!": "date", "v": "yesterday"}), "cannot be read"),
    "no zone": (tree({"!": "datetime", "v": "2024-01-01T00:00:00[Mars/Base]0"}), "cannot be read"),
}


@pytest.mark.parametrize(("data", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_bytes_that_are_no_entry_are_refused(data: Any, message: str) -> None:
    with pytest.raises(DecodingError, match=message):
        decode(data)


def test_reading_imports_nothing() -> None:
    assert "xmlrpc.server" not in sys.modules
    with pytest.raises(DecodingError):
        decode(tree({"!": "data", "t": "xmlrpc.server:SimpleXMLRPCServer", "v": {}}))
    assert "xmlrpc.server" not in sys.modules


def test_reading_runs_no_module_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's `__getattr__` may import half the world."""
    asked: list[str] = []
    lazy = types.ModuleType("lazy")
    vars(lazy)["__getattr__"] = lambda name: asked.append(name)
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    with pytest.raises(DecodingError, match="which is not loaded"):
        decode(tree({"!": "data", "t": "lazy:Model", "v": {}}))
    assert asked == []


@pytest.fixture
def changing(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], None]:
    """Puts another class in the place of this module's `Point`, as a new version would."""
    module = sys.modules[__name__]

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


def test_entry_of_an_enum_without_the_member_is_refused() -> None:
    stored = tree({"!": "enum", "t": f"{__name__}:Colour", "v": "GREEN"})
    with pytest.raises(DecodingError, match="cannot be read: 'GREEN'"):
        decode(stored)


def test_msgpack_entry_is_refused_without_its_codec(
    codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when two environments share a folder."""
    stored = encode([1])
    assert stored[:1] == (b"m" if codec == "msgspec" else b"j")
    monkeypatch.setattr(encoding, "_unpack", None)
    with pytest.raises(DecodingError, match="msgspec is not installed"):
        decode(b"m" + stored[1:])


def test_without_the_fast_codec_everything_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    spec = importlib.util.spec_from_file_location(
        "tta_dev_primitives.performance.encoding_of_another_process", encoding.__file__
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.encode([1]) == b"j[1]"
    assert module.canonical({"b": 1, "a": 2}) == b'p{"a":2,"b":1}'


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


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None))
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | st.timezones(), allow_imaginary=True)
    | st.timedeltas()
    | st.sampled_from([Colour.RED, Level.HIGH, Access.READ | Access.WRITE])
)
hashable = scalars | st.tuples(scalars, scalars) | st.frozensets(scalars, max_size=2)
values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | st.just("!"), inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(hashable, max_size=3)
        | st.builds(Point, inner, inner)
        | st.builds(Leaf, st.text(max_size=3), st.tuples(inner))
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(values)
def test_every_value_comes_back(value: Any) -> None:
    found = decode(encode(value))
    assert found == value
    assert type(found) is type(value)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.from_regex(rb"[jmt].{0,40}", fullmatch=True))
def test_garbage_is_read_or_refused_but_never_fatal(data: bytes) -> None:
    try:
        decode(data)
    except DecodingError:
        return


nodes = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries(
            {"!": st.sampled_from(["tuple", "set", "dict", "date", "data", "enum", "flag"])},
            optional={
                "t": st.sampled_from([f"{__name__}:Point", f"{__name__}:Access", "os:system", ""]),
                "v": inner,
            },
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(nodes)
def test_forged_tree_is_read_or_refused_but_never_fatal(node: Any) -> None:
    try:
        decode(tree(node))
    except DecodingError:
        return
