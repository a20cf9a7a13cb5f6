from __future__ import annotations

import asyncio
import datetime
import decimal
import enum
import functools
import importlib.util
import json
import math
import subprocess
import sys
import types
import unicodedata
import uuid
import zoneinfo
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, Self, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives import errors
from tta_dev_primitives.errors import InputTypeError
from tta_dev_primitives.llm.types import LLMRequest, LLMResponse, Tool, ToolCall, Usage
from tta_dev_primitives.performance.values import encoding
from tta_dev_primitives.performance.values.encoding import (
    DecodingError,
    canonical,
    decode,
    encode,
    is_immutable,
)
from tta_dev_primitives.performance.values.trees import without_uncached_fields

T = TypeVar("T")
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Mood(enum.StrEnum):
    GOOD = "good"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Mode(enum.IntFlag):
    R = 4
    X = 1


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


class Spot(NamedTuple):
    x: int


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
    "no fields": (tree({"!": "data", "t": f"{__name__}:Point", "v": [1]}), "cannot be read"),
    "no struct": (tree({"!": "struct", "t": f"{__name__}:Point", "v": {}}), "which it is not"),
    "no model": (tree({"!": "model", "t": f"{__name__}:Point", "v": {}}), "which it is not"),
    "no error": (tree({"!": "error", "t": f"{__name__}:Point", "v": {}}), "which it is not"),
    "no packed tree": (b"n\xc1", "msgspec is not installed|cannot be read"),
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
    assert encode([1])[:1] == (b"m" if codec == "msgspec" else b"j")
    monkeypatch.setattr(encoding, "_unpack", None)
    for tag in (b"m", b"n"):
        with pytest.raises(DecodingError, match="msgspec is not installed"):
            decode(tag + b"\x90")


def test_without_the_fast_codec_everything_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    spec = importlib.util.spec_from_file_location(
        "tta_dev_primitives.performance.values.encoding_of_another_process", encoding.__file__
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.encode([1]) == b"j[1]"
    assert module.canonical({"b": 1, "a": 2}) == b'p{"a":2,"b":1}'


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Makes a type look defined at the top of this module, in the place of an older one."""
    module = sys.modules[__name__]

    def place(kind: Any) -> Any:
        kind.__qualname__ = kind.__name__
        monkeypatch.setattr(module, kind.__name__, kind, raising=False)
        return kind

    return place


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


# Structs of msgspec.


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


# Models of Pydantic.


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


def test_packages_are_not_loaded_to_look_at_a_value() -> None:
    source = (
        "import sys; sys.modules['msgspec'] = None\n"
        "from dataclasses import dataclass\n"
        "from tta_dev_primitives.performance.values.encoding import *\n"
        "from tta_dev_primitives.performance.values import encoding\n"
        "@dataclass\n"
        "class Point:\n    x: tuple\n"
        "assert encoding.decode(encoding.encode(Point((1,)))) == Point((1,))\n"
        "assert 'pydantic' not in sys.modules and sys.modules['msgspec'] is None\n"
    )
    subprocess.run([sys.executable, "-c", source], check=True)


# Exceptions.


class RefusalError(Exception):
    """Counts how often its code runs."""

    made = 0

    def __new__(cls, *args: Any, **options: Any) -> Self:
        cls.made += 1
        return super().__new__(cls, *args)

    def __init__(self, code: int, *, hint: str) -> None:
        type(self).made += 1
        super().__init__(f"refused with {code}")
        self.code, self.hint = code, hint


class SlottedError(ValueError):
    __slots__ = ("later", "position")

    def __init__(self, position: int | None) -> None:
        super().__init__("bad")
        self.position = position


class MissingFileError(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "no such thing", path)


@dataclass
class CodedError(Exception):
    code: int
    detail: list[str] = field(default_factory=list)


def noted() -> ValueError:
    error = ValueError("bad")
    error.add_note("while reading")
    return error


def raised(call: Callable[[], Any]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError


ERRORS: dict[str, Callable[[], Exception]] = {
    "plain": lambda: ValueError("bad", 1, (2.0, b"\xff")),
    "no arguments": RuntimeError,
    "note": noted,
    "key": lambda: KeyError("a"),
    "stop": lambda: StopIteration(7),
    "code of its own": lambda: RefusalError(7, hint="wait"),
    "slots": lambda: SlottedError(7),
    "slot of none": lambda: SlottedError(None),
    "dataclass": lambda: CodedError(7, detail=["a"]),
    "group": lambda: ExceptionGroup("two", [ValueError("a"), RefusalError(1, hint="")]),
    "group in a group": lambda: ExceptionGroup("a", (ExceptionGroup("b", [OSError(2, "c")]),)),
    "syntax": lambda: raised(lambda: compile("a b", "f.py", "exec")),
    "import": lambda: ImportError("no", name="a", path="b"),
    "name": lambda: raised(lambda: eval("unknown_name", {})),
    "os text": lambda: OSError("text"),
    "os number": lambda: OSError(2, "gone"),
    "os file": lambda: raised(lambda: Path("/no/such/file").read_text()),
    "os two files": lambda: OSError(18, "across", "a", None, "b"),
    "os own arguments": lambda: MissingFileError("a.txt"),
    "os blocking": lambda: BlockingIOError(11, "busy", 5),
    "connection": lambda: ConnectionResetError(104, "reset"),
    "stdlib timeout": TimeoutError,
    "decode": lambda: raised(lambda: b"a\xff".decode()),
    "encode": lambda: raised(lambda: "\ud800".encode()),
    "translate": lambda: UnicodeTranslateError("abc", 1, 2, "why"),
    "json": lambda: raised(lambda: json.loads("{")),
    "timeout": lambda: errors.TimeoutError("step", 1.5),
    "route": lambda: errors.RouteNotFoundError("a", ("b",)),
    "extra": lambda: errors.MissingExtraError("redis", "redis"),
    "store": lambda: errors.StoreError("gone"),
    "compensation": lambda: errors.CompensationError("a", ValueError("b"), KeyError("c")),
    "llm": lambda: errors.LLMError("no", provider="openai", status=400, retryable=False),
    "rate limited": lambda: errors.RateLimitedError("slow down", status=429, retry_after=1.5),
    "llm connection": lambda: errors.ProviderConnectionError("gone", model="m"),
    "llm timeout": lambda: errors.LLMTimeoutError("late", request_id="r-1"),
    "content": lambda: errors.ContentFilteredError("refused"),
}


def said(error: BaseException) -> Any:
    """All that an error says, further in too."""
    members = {
        name: getattr(error, name)
        for name in ("errno", "strerror", "filename", "filename2", "characters_written", "name",
                     "path", "msg", "lineno", "offset", "text", "object", "start", "end", "reason",
                     "value", "position", "later")
        if hasattr(error, name)
    }  # fmt: skip
    inner = [said(one) for one in error.exceptions] if isinstance(error, ExceptionGroup) else []
    held = {name: repr(item) for name, item in vars(error).items()}
    return type(error), repr(error.args), str(error), repr(error), members, held, inner


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS)
def test_error_comes_back_as_it_was(make: Callable[[], Exception]) -> None:
    error = make()
    found = decode(encode(error))
    assert said(found) == said(error)
    assert isinstance(found, Exception)


def test_error_can_be_raised_again_and_carries_nothing_else() -> None:
    def fail() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise errors.RateLimitedError("slow down", retry_after=2) from error

    found = decode(encode([raised(fail)]))[0]
    assert (found.__cause__, found.__context__, found.__traceback__) == (None, None, None)
    with pytest.raises(errors.RateLimitedError, match="slow down") as caught:
        raise found
    assert caught.value.retry_after == 2


def test_error_is_rebuilt_without_running_its_code() -> None:
    stored = encode(RefusalError(7, hint="wait"))
    before = RefusalError.made
    found = decode(stored)
    assert (found.code, found.hint, RefusalError.made) == (7, "wait", before)


def test_object_that_lacks_an_attribute_is_left_out() -> None:
    found = decode(encode(raised(lambda: object().nothing)))  # pyright: ignore[reportAttributeAccessIssue] - the mistake is the point
    assert (found.name, found.obj) == ("nothing", None)
    assert "no attribute 'nothing'" in str(found)


def changed_decode_error() -> Exception:
    error = raised(lambda: b"a\xff".decode())
    assert isinstance(error, UnicodeDecodeError)
    error.start = 0
    return error


def with_a_connection() -> Exception:
    error = errors.LLMError("no")
    vars(error)["response"] = object()
    return error


REFUSED_ERRORS: dict[str, tuple[Callable[[], BaseException], str]] = {
    "cancellation": (asyncio.CancelledError, "value is a .*CancelledError, which has no canonical"),
    "interrupt": (KeyboardInterrupt, "value is a builtins.KeyboardInterrupt"),
    "exit": (SystemExit, "value is a builtins.SystemExit"),
    "group with a cancellation": (
        lambda: BaseExceptionGroup("a", [asyncio.CancelledError()]),
        "value is a builtins.BaseExceptionGroup",
    ),
    "argument": (lambda: ValueError(object()), r"value\.args\[0\] is a builtins\.object"),
    "attribute": (with_a_connection, r"value\.response is a builtins\.object"),
    "changed afterwards": (changed_decode_error, "which is not any more what its args say"),
    "in a group": (
        lambda: ExceptionGroup("a", [ValueError(object())]),
        r"value\.args\[1\]\[0\]\.args\[0\] is a builtins\.object",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED_ERRORS.values(), ids=REFUSED_ERRORS)
def test_error_without_a_form_is_refused_with_its_place(
    make: Callable[[], BaseException], message: str
) -> None:
    with pytest.raises(InputTypeError, match=message):
        encode(make())


def test_error_that_only_its_package_can_make_is_refused() -> None:
    pytest.importorskip("pydantic")
    import pydantic

    error = raised(lambda: pydantic.TypeAdapter(int).validate_python("x"))
    with pytest.raises(InputTypeError, match="ValidationError"):
        encode(error)


def forged_error(kind: str, *args: Any, **state: Any) -> bytes:
    return tree({"!": "error", "t": kind, "a": args, "m": {}, "v": {}, **state})


FORGED_ERRORS = {
    "cancellation": (forged_error("asyncio.exceptions:CancelledError"), "which it is not"),
    "exit": (forged_error("builtins:SystemExit"), "which it is not"),
    "no error": (forged_error("builtins:dict"), "which it is not"),
    "position before the text": (
        forged_error(
            "builtins:UnicodeDecodeError", "utf-8", {"!": "bytes", "v": "YQ=="}, -9, -8, "x"
        ),
        "a position is negative",
    ),
    "text for bytes": (
        forged_error("builtins:UnicodeDecodeError", "utf-8", "a", 0, 1, "x"),
        "cannot be read",
    ),
    "object of another type": (
        forged_error(
            "builtins:UnicodeTranslateError", "a", 0, 1, "x", m={"object": 7, "start": -9}
        ),
        "has other fields than UnicodeTranslateError has now: object, start",
    ),
    "no group": (forged_error("builtins:ExceptionGroup", "a", []), "cannot be read"),
    "unknown slot": (
        forged_error(f"{__name__}:SlottedError", "a", m={"gone": 1}),
        "has other fields than SlottedError has now: gone",
    ),
    "class by a number": (forged_error("builtins:OSError", 2, "a"), "FileNotFoundError"),
    "new field of a dataclass": (
        forged_error(f"{__name__}:CodedError", 7, v={"code": 7}),
        "has other fields than CodedError has now: detail",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), FORGED_ERRORS.values(), ids=FORGED_ERRORS)
def test_forged_error_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DecodingError, match=message):
        decode(data)


def test_error_can_be_a_key() -> None:
    found = [canonical(make()) for make in ERRORS.values()]
    assert len(set(found)) == len(found)
    assert found == [canonical(make()) for make in ERRORS.values()]


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
    for write in (encode, encoding.encode_json):
        found = decode(write(value))
        assert found == value
        assert type(found) is type(value)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.from_regex(rb"[jmnt].{0,40}", fullmatch=True))
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
            {
                "!": st.sampled_from(
                    ["tuple", "set", "dict", "date", "data", "enum", "flag", "error", "plain"]
                )
            },
            optional={
                "t": st.sampled_from(
                    [
                        f"{__name__}:Point",
                        f"{__name__}:Access",
                        "os:system",
                        "",
                        "builtins:OSError",
                        "builtins:UnicodeDecodeError",
                        "builtins:SyntaxError",
                        "builtins:ImportError",
                        "builtins:ExceptionGroup",
                    ]
                ),
                "v": inner | st.just({}),
                "a": st.lists(inner, max_size=5),
                "m": st.dictionaries(
                    st.sampled_from(["errno", "filename", "msg", "text", "lineno", "offset"]),
                    inner,
                    max_size=3,
                ),
            },
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(nodes)
def test_forged_tree_is_read_or_refused_but_never_fatal(node: Any) -> None:
    try:
        found = decode(tree(node))
    except DecodingError:
        return
    assert (str(found), repr(found)) is not None  # C code looks at what it was told to trust


@settings(max_examples=60, deadline=None)
@given(st.lists(values, max_size=3), st.dictionaries(st.text(max_size=4), values, max_size=3))
def test_every_error_comes_back(arguments: list[Any], attributes: dict[str, Any]) -> None:
    error = ValueError(*arguments)
    vars(error).update(attributes)
    found = decode(encode(error))
    assert (type(found), found.args, vars(found)) == (ValueError, tuple(arguments), attributes)


@settings(max_examples=60, deadline=None)
@given(values)
def test_every_value_comes_back_inside_structs_and_models(value: Any) -> None:
    for kind in (some_struct(), some_model()):
        around = kind(inner=value)
        found = decode(encode([around]))[0]
        assert type(found) is kind
        assert found.inner == value
        assert type(found.inner) is type(value)


@functools.cache
def some_struct() -> Any:
    kind = pytest.importorskip("msgspec").defstruct("SomeStruct", ["inner"], module=__name__)
    setattr(sys.modules[__name__], "SomeStruct", kind)  # noqa: B010 - made on demand
    return kind


@functools.cache
def some_model() -> Any:
    pytest.importorskip("pydantic")
    import pydantic

    kind = pydantic.create_model("SomeModel", inner=(Any, None), __module__=__name__)
    setattr(sys.modules[__name__], "SomeModel", kind)  # noqa: B010 - as above
    return kind
