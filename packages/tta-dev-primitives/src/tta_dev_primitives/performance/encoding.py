"""Values as bytes and back: no pickle, no surprise, types kept.

JSON values are written as JSON, or as MessagePack where `msgspec` is installed. Everything else
that has a meaning of its own (tuples, sets, bytes, dates, enums, dataclasses) becomes a tagged
JSON tree. What has none is refused with the place where it stands.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import json
import sys
import uuid
from typing import TYPE_CHECKING, Any, Final, cast

from tta_dev_primitives.errors import InputTypeError, PrimitiveError

if TYPE_CHECKING:
    from collections.abc import Callable

_TAG: Final = "!"
_JSON, _MSGPACK, _TREE = b"j", b"m", b"t"
_SCALARS: Final = frozenset({str, int, bool, type(None)})
_IMMUTABLE: Final = frozenset(
    {
        str, bytes, int, float, bool, complex, type(None), decimal.Decimal, uuid.UUID,
        datetime.datetime, datetime.date, datetime.time, datetime.timedelta,
    }
)  # fmt: skip
# How each simple type is written in a tree, and read again.
_TEXT_FORMS: Final[dict[type, tuple[str, Callable[[Any], str], Callable[[str], Any]]]] = {
    bytes: ("bytes", lambda v: base64.b64encode(v).decode(), base64.b64decode),
    float: ("float", repr, float),
    complex: ("complex", repr, complex),
    decimal.Decimal: ("decimal", str, decimal.Decimal),
    uuid.UUID: ("uuid", str, uuid.UUID),
    datetime.datetime: (
        "datetime",
        datetime.datetime.isoformat,
        datetime.datetime.fromisoformat,
    ),
    datetime.date: ("date", datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: ("time", datetime.time.isoformat, datetime.time.fromisoformat),
    datetime.timedelta: (
        "timedelta",
        lambda v: f"{v.days} {v.seconds} {v.microseconds}",
        lambda text: datetime.timedelta(*map(int, text.split())),
    ),
}
_TEXT_READERS: Final = {tag: read for tag, _, read in _TEXT_FORMS.values()}

try:
    import msgspec
except ImportError:
    _pack = _unpack = _sorted_json = None
else:
    _pack = msgspec.msgpack.Encoder().encode
    _unpack = msgspec.msgpack.Decoder().decode
    _sorted_json = msgspec.json.Encoder(order="sorted").encode
_compact = json.JSONEncoder(separators=(",", ":")).encode
_compact_sorted = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


class DecodingError(PrimitiveError, ValueError):
    """Raised when stored bytes cannot be read: garbage, another version, a type that is gone."""


def is_plain(value: object) -> bool:
    """Tell whether JSON gives *value* back exactly: types, order and all."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is dict:
        for key, item in cast("dict[object, object]", value).items():
            if type(key) is not str or not (type(item) in _SCALARS or is_plain(item)):
                return False
        return True
    if kind is list:
        for item in cast("list[object]", value):  # noqa: SIM110 - all() costs twice the time
            if not (type(item) in _SCALARS or is_plain(item)):
                return False
        return True
    # JSON has no infinities and no NaN; x - x is 0 for every other float.
    return kind is float and cast("float", value) - cast("float", value) == 0.0


def is_immutable(value: object) -> bool:
    """Tell whether nobody who holds *value* can change it."""
    kind = type(value)
    if kind in _IMMUTABLE or isinstance(value, enum.Enum):
        return True
    if kind is tuple or kind is frozenset:
        return all(map(is_immutable, cast("tuple[object, ...]", value)))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        frozen: bool = getattr(kind, "__dataclass_params__").frozen  # noqa: B009 - not in the stubs
        return frozen and all(
            is_immutable(getattr(value, field.name)) for field in dataclasses.fields(value)
        )
    return False


def encode(value: object) -> bytes:
    """Return *value* as bytes that `decode` turns back into an equal value.

    Raises:
        InputTypeError: Something inside *value* has no stored form; its place is named.
    """
    if not is_plain(value):
        return _TREE + _compact(to_tree(value)).encode()
    if _pack is not None:
        try:
            return _MSGPACK + _pack(value)
        except (OverflowError, UnicodeEncodeError, RecursionError):
            pass  # integers beyond 64 bits and lone surrogates: JSON can carry both
    return _JSON + _compact(value).encode()


def decode(data: bytes) -> Any:  # Any: whatever was stored
    """Return the value that `encode` wrote.

    Nothing is imported and no code is run: a dataclass or enum is rebuilt only when its module is
    loaded already.

    Raises:
        DecodingError: The bytes are not of this form, or name a type that is not there.
    """
    tag, body = data[:1], data[1:]
    try:
        if tag == _MSGPACK:
            if _unpack is None:
                msg = "entry is MessagePack, but msgspec is not installed"
                raise DecodingError(msg)
            return _unpack(body)
        if tag == _JSON:
            return json.loads(body)
        if tag == _TREE:
            return from_tree(json.loads(body))
    except DecodingError:
        raise
    except Exception as error:
        msg = f"stored entry cannot be read: {error}"
        raise DecodingError(msg) from error
    msg = f"stored entry begins with unknown tag {tag!r}"
    raise DecodingError(msg)


def canonical(value: object) -> bytes:
    """Return bytes that are equal exactly for equal inputs, whatever the order of their keys.

    1, 1.0 and True differ, as do text and bytes, lists and tuples.

    Raises:
        InputTypeError: Something inside *value* has no canonical form; its place is named.
    """
    if is_plain(value):
        if _sorted_json is not None:
            try:
                return b"p" + _sorted_json(value)
            except (OverflowError, UnicodeEncodeError, RecursionError):
                pass  # as in encode
        return b"p" + _compact_sorted(value).encode()
    return b"t" + _compact_sorted(to_tree(value)).encode()


def to_tree(value: Any, place: str = "value") -> Any:  # Any: a tree of JSON values
    """Return *value* as a JSON tree in which everything that is not JSON carries a tag."""
    kind = cast("type[Any]", type(value))
    if kind in _SCALARS or (kind is float and value - value == 0.0):
        return value
    if kind in _TEXT_FORMS:
        tag, write, _ = _TEXT_FORMS[kind]
        return {_TAG: tag, "v": write(value)}
    if kind is list:
        return [to_tree(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if kind is tuple:
        return {_TAG: "tuple", "v": to_tree(list(value), place)}
    if kind is set or kind is frozenset:
        members = [to_tree(item, f"{place}{{...}}") for item in value]
        return {_TAG: kind.__name__, "v": sorted(members, key=_compact_sorted)}
    if kind is dict:
        if all(type(key) is str for key in value) and _TAG not in value:
            return {key: to_tree(item, f"{place}[{key!r}]") for key, item in value.items()}
        pairs = [
            [to_tree(key, f"key of {place}"), to_tree(item, f"{place}[{key!r}]")]
            for key, item in value.items()
        ]
        return {_TAG: "dict", "v": sorted(pairs, key=lambda pair: _compact_sorted(pair[0]))}
    if isinstance(value, enum.Enum):
        return {_TAG: "enum", "t": _type_name(kind), "v": value.name}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: to_tree(getattr(value, field.name), f"{place}.{field.name}")
            for field in stored_fields(kind)
        }
        return {_TAG: "data", "t": _type_name(kind), "v": fields}
    msg = (
        f"{place} is a {kind.__module__}.{kind.__qualname__}, which has no canonical form; pass "
        "cache_key_fn= if it stands in an input, share=True if it stands in a result"
    )
    raise InputTypeError(msg)


def from_tree(tree: Any) -> Any:  # Any: a tree of JSON values
    """Return the value that `to_tree` described."""
    if isinstance(tree, list):
        return [from_tree(item) for item in cast("list[Any]", tree)]
    if not isinstance(tree, dict):
        return tree
    node = cast("dict[str, Any]", tree)
    tag = node.get(_TAG)
    if tag is None:
        return {key: from_tree(item) for key, item in node.items()}
    body = node["v"]
    if tag in _TEXT_READERS:
        return _TEXT_READERS[tag](body)
    if tag == "dict":
        return {from_tree(key): from_tree(item) for key, item in body}
    if tag in ("tuple", "set", "frozenset"):
        return {"tuple": tuple, "set": set, "frozenset": frozenset}[tag](map(from_tree, body))
    kind = _loaded_type(node["t"])
    if tag == "enum" and issubclass(kind, enum.Enum):
        return kind[body]
    if tag == "data" and dataclasses.is_dataclass(kind):
        return kind(**{name: from_tree(item) for name, item in body.items()})
    msg = f"stored entry names {node['t']!r} as {tag!r}, which it is not"
    raise DecodingError(msg)


def stored_fields(kind: type) -> list[dataclasses.Field[Any]]:
    """Return the kept fields of a dataclass: all but those with `metadata={"cache": False}`."""
    return [
        field
        for field in dataclasses.fields(kind)
        if field.init and field.metadata.get("cache", True)
    ]


def without_uncached_fields(value: Any) -> Any:  # Any: any value
    """Return *value* with its left-out dataclass fields at their defaults."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changes = {
        field.name: field.default
        for field in dataclasses.fields(value)
        if not field.metadata.get("cache", True)
    }
    return dataclasses.replace(value, **changes) if changes else value


def _type_name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _loaded_type(name: str) -> type:
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        msg = f"stored entry needs the type {name!r}, which is not loaded"
        raise DecodingError(msg)
    return found
