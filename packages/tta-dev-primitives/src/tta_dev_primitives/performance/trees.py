"""Values as JSON trees, with a tag wherever JSON alone would forget what something was."""

from __future__ import annotations

import base64
import copy
import dataclasses
import datetime
import decimal
import enum
import functools
import json
import sys
import uuid
from typing import TYPE_CHECKING, Any, Final, cast

from tta_dev_primitives.errors import InputTypeError, PrimitiveError

if TYPE_CHECKING:
    from collections.abc import Callable

TAG: Final = "!"
SCALARS: Final = frozenset({str, int, bool, type(None)})
compact_sorted = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


class DecodingError(PrimitiveError, ValueError):
    """Raised when stored bytes cannot be read: garbage, another version, a type that is gone."""


def is_plain(value: object) -> bool:
    """Tell whether JSON gives *value* back exactly, types, order and all, and it holds no tag."""
    kind = type(value)
    if kind in SCALARS:
        return True
    if kind is dict:
        mapping = cast("dict[object, object]", value)
        if TAG in mapping:
            return False
        for key, item in mapping.items():
            if type(key) is not str or not (type(item) in SCALARS or is_plain(item)):
                return False
        return True
    if kind is list:
        for item in cast("list[Any]", value):  # Any: narrowed here; all() costs twice the time
            kind = type(item)  # pyright: ignore[reportUnknownVariableType] - the type of Any
            if kind in SCALARS:
                continue
            if item - item != 0.0 if kind is float else not is_plain(item):  # vectors are common
                return False
        return True
    # JSON has no infinities and no NaN; x - x is 0 for every other float.
    return kind is float and (number := cast("float", value)) - number == 0.0


def _write_datetime(value: datetime.datetime) -> str:
    zone = _zone_key(value.tzinfo)
    if zone is None:
        return value.isoformat()
    return f"{value.replace(tzinfo=None).isoformat()}[{zone}]{value.fold}"


def _read_datetime(text: str) -> datetime.datetime:
    wall, _, zone = text.partition("[")
    value = datetime.datetime.fromisoformat(wall)
    if not zone:
        return value
    from zoneinfo import ZoneInfo

    key, _, fold = zone.partition("]")
    return value.replace(tzinfo=ZoneInfo(key), fold=int(fold))


def _zone_key(zone: object) -> str | None:
    """Return the name of a `ZoneInfo`, the only zone besides UTC offsets that has one form."""
    return getattr(zone, "key", None) if type(zone).__module__ == "zoneinfo" else None


# How each simple type is written in a tree, and read again.
_TEXT_FORMS: Final[dict[type, tuple[str, Callable[[Any], str], Callable[[str], Any]]]] = {
    bytes: ("bytes", lambda v: base64.b64encode(v).decode(), base64.b64decode),
    float: ("float", repr, float),
    complex: ("complex", repr, complex),
    decimal.Decimal: ("decimal", str, decimal.Decimal),
    uuid.UUID: ("uuid", str, uuid.UUID),
    datetime.datetime: ("datetime", _write_datetime, _read_datetime),
    datetime.date: ("date", datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: ("time", datetime.time.isoformat, datetime.time.fromisoformat),
    datetime.timedelta: (
        "timedelta",
        lambda v: f"{v.days} {v.seconds} {v.microseconds}",
        lambda text: datetime.timedelta(*map(int, text.split())),
    ),
}
_PLAIN_ZONES: Final = (type(None), datetime.timezone)
_TEXT_READERS: Final = {tag: read for tag, _, read in _TEXT_FORMS.values()}


def to_tree(value: Any, place: str = "value", *, for_key: bool = False) -> Any:  # Any: JSON
    """Return *value* as a JSON tree in which everything that is not JSON carries a tag.

    Args:
        value: What to describe.
        place: How messages call it.
        for_key: The tree is not to be read again: bring the items of dicts into one order, and
            take values that could not be rebuilt, as long as equal ones give the same tree.
    """
    if is_plain(value):
        return value
    kind = cast("type[Any]", type(value))
    if kind in _TEXT_FORMS:
        zone: object = getattr(value, "tzinfo", None)
        # The offset tells such zones apart, where there is one; it cannot bring them back.
        told = kind is datetime.datetime and (for_key or _zone_key(zone) is not None)
        if type(zone) not in _PLAIN_ZONES and not told:
            raise _refused(cast("type[Any]", type(zone)), f"{place}.tzinfo")
        tag, write, _ = _TEXT_FORMS[kind]
        return {TAG: tag, "v": write(value)}

    def inner(item: Any, inner_place: str) -> Any:  # Any: as above
        return to_tree(item, inner_place, for_key=for_key)

    if kind is list:
        return [inner(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if kind is tuple:
        return {TAG: "tuple", "v": inner(list(value), place)}
    if kind is set or kind is frozenset:
        members = [inner(item, f"{place}{{...}}") for item in value]
        return {TAG: kind.__name__, "v": sorted(members, key=compact_sorted)}
    if kind is dict:
        if all(type(key) is str for key in value) and TAG not in value:
            return {key: inner(item, f"{place}[{key!r}]") for key, item in value.items()}
        pairs = [
            [inner(key, f"key of {place}"), inner(item, f"{place}[{key!r}]")]
            for key, item in value.items()
        ]
        if for_key:
            pairs.sort(key=lambda pair: compact_sorted(pair[0]))
        return {TAG: "dict", "v": pairs}
    name = f"{kind.__module__}:{kind.__qualname__}"
    if not for_key and _loaded_type(name) is not kind:
        raise _refused(kind, place)
    if isinstance(value, enum.Flag):
        return {TAG: "flag", "t": name, "v": value.value}
    if isinstance(value, enum.Enum):
        return {TAG: "enum", "t": name, "v": value.name}
    if not dataclasses.is_dataclass(kind) or not (for_key or is_all_fields(value)):
        raise _refused(kind, place)
    try:
        fields = {
            name: inner(getattr(value, name), f"{place}.{name}") for name in stored_fields(kind)
        }
    except AttributeError as error:  # a field that was never set
        raise _refused(kind, place) from error
    return {TAG: "data", "t": name, "v": fields}


def from_tree(tree: Any) -> Any:  # Any: a tree of JSON values
    """Return the value that `to_tree` described."""
    if isinstance(tree, list):
        return [from_tree(item) for item in cast("list[Any]", tree)]
    if not isinstance(tree, dict):
        return tree
    node = cast("dict[str, Any]", tree)
    tag = node.get(TAG)
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
    if kind is None:
        msg = f"stored entry needs the type {node['t']!r}, which is not loaded"
        raise DecodingError(msg)
    if tag == "flag" and issubclass(kind, enum.Flag):
        return kind(body)
    if tag == "enum" and issubclass(kind, enum.Enum):
        return kind[body]
    if tag == "data" and dataclasses.is_dataclass(kind):
        return _rebuilt(kind, body)
    msg = f"stored entry names {node['t']!r} as {tag!r}, which it is not"
    raise DecodingError(msg)


def _rebuilt(kind: type[Any], body: dict[str, Any]) -> object:
    """Return a dataclass instance as it was, without running code of its class."""
    stored = stored_fields(kind)
    if body.keys() != set(stored):
        changed = ", ".join(sorted(body.keys() ^ stored))
        msg = f"stored entry has other fields than {kind.__qualname__} has now: {changed}"
        raise DecodingError(msg)
    value = object.__new__(kind)
    for name in stored:
        object.__setattr__(value, name, from_tree(body[name]))
    _reset_left_out(value)
    return value


def is_all_fields(value: object) -> bool:
    """Tell whether the fields of a dataclass instance say everything about it."""
    kind = type(value)
    if not _is_plain_class(kind):
        return False
    attributes = getattr(value, "__dict__", None)
    if not attributes:
        return True
    known = {*stored_fields(kind), *_left_out(kind), "__orig_class__"}
    return all(
        isinstance(getattr(kind, name, None), functools.cached_property)
        for name in attributes.keys() - known
    )


@functools.lru_cache(256)
def _is_plain_class(kind: type) -> bool:
    """Tell whether instances hold attributes only, nothing that a built-in base keeps."""
    try:
        object.__new__(kind)
    except TypeError:
        return False
    return True


@functools.lru_cache(256)
def stored_fields(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of the kept fields of a dataclass.

    Left out are those with `metadata={"cache": False}` and a default, which a kept value has
    instead.
    """
    names = [field.name for field in dataclasses.fields(kind)]
    return tuple(name for name in names if name not in _left_out(kind))


@functools.lru_cache(256)
def _left_out(kind: type[Any]) -> dict[str, Callable[[], Any]]:
    """Return what makes the default of each field that is not kept."""
    makers: dict[str, Callable[[], Any]] = {}
    for field in dataclasses.fields(kind):
        if not field.metadata.get("cache", True):
            if field.default_factory is not dataclasses.MISSING:
                makers[field.name] = field.default_factory
            elif field.default is not dataclasses.MISSING:
                makers[field.name] = lambda default=field.default: default
    return makers


def _reset_left_out(value: object) -> None:
    for name, make in _left_out(type(value)).items():
        object.__setattr__(value, name, make())


def without_uncached_fields(value: Any) -> Any:  # Any: any value
    """Return *value* with its left-out dataclass fields at their defaults."""
    kind = cast("type[Any]", type(value))
    if not dataclasses.is_dataclass(kind) or not _left_out(kind):
        return value
    plain = copy.copy(value)
    _reset_left_out(plain)
    return plain


def _loaded_type(name: str) -> type | None:
    """Return the type called *name* if its module is loaded, running no code to find it."""
    module, _, path = name.partition(":")
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found if isinstance(found, type) else None


def _refused(kind: type, place: str) -> InputTypeError:
    return InputTypeError(
        f"{place} is a {kind.__module__}.{kind.__qualname__}, which has no canonical form; pass "
        "cache_key_fn= if it stands in an input, share=True if it stands in a result"
    )
