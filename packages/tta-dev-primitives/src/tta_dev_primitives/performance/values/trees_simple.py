"""What JSON can say by itself, and the types that one text says all about."""

from __future__ import annotations

import base64
import datetime
import decimal
import sys
import uuid
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from tta_dev_primitives.errors import InputTypeError, PrimitiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

TAG: Final = "!"
SCALARS: Final = frozenset({str, int, bool, type(None)})


class DecodingError(PrimitiveError, ValueError):
    """Raised when stored bytes cannot be read: garbage, another version, a type that is gone."""


class Inner(Protocol):
    """Describes what stands inside a value."""

    def __call__(self, item: Any, place: str, /) -> Any:  # Any: a value, and its JSON tree
        """Return the tree of *item*, which messages call *place*."""
        ...


class Shape(Protocol):
    """How the instances of one family of types are described, and made again.

    Neither runs code of those types.
    """

    def fits(self, kind: type, /) -> bool:
        """Tell whether *kind* is of the family."""
        ...

    def describe(
        self, value: Any, place: str, inner: Inner, /, *, for_key: bool
    ) -> dict[str, Any]:  # Any: any instance, and JSON
        """Return what makes *value*, without its tag and type."""
        ...

    def rebuild(
        self, kind: Any, node: dict[str, Any], read: Callable[[Any], Any], /
    ) -> object:  # Any: a type of the family, and JSON
        """Return the instance that `describe` was given."""
        ...


def loaded_type(name: str) -> type | None:
    """Return the type called *name* if its module is loaded, running no code to find it."""
    module, _, path = name.partition(":")
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found if isinstance(found, type) else None


def refused(kind: type, place: str, why: str = "has no canonical form") -> InputTypeError:
    """Return the error for a value that cannot be described."""
    return InputTypeError(
        f"{place} is a {kind.__module__}.{kind.__qualname__}, which {why}; pass "
        "cache_key_fn= if it stands in an input, share=True if it stands in a result"
    )


def require_same_fields(kind: type, stored: Iterable[str], now: Iterable[str]) -> None:
    """Raise DecodingError with the names if *kind* is not any more what was stored."""
    require_none(kind, set(stored) ^ set(now))


def require_none(kind: type, changed: Collection[str]) -> None:
    """Raise DecodingError with the names of what *changed* in *kind*, if anything did."""
    if changed:
        msg = (
            f"stored entry has other fields than {kind.__qualname__} has now: "
            f"{', '.join(sorted(changed))}"
        )
        raise DecodingError(msg)


def attributes_to_trees(
    value: Any, names: Iterable[str], place: str, inner: Inner
) -> dict[str, Any]:  # Any: an instance, and JSON
    """Return the trees of the attributes *names* of *value*.

    Raises:
        InputTypeError: One of them was never set, or cannot be described.
    """
    try:
        fields = {name: getattr(value, name) for name in names}
    except AttributeError as error:
        raise refused(
            cast("Any", type(value)), place, f"has a field that was never set ({error})"
        ) from error
    return fields_to_trees(fields, place, inner)


def fields_to_trees(
    fields: dict[str, Any], place: str, inner: Inner
) -> dict[str, Any]:  # Any: values, and JSON
    """Return *fields* with a tree for every value."""
    # The test saves a call and a text for most fields.
    return {
        name: item if type(item) in SCALARS else inner(item, f"{place}.{name}")
        for name, item in fields.items()
    }


def trees_to_fields(
    trees: dict[str, Any], read: Callable[[Any], Any]
) -> dict[str, Any]:  # Any: JSON, and values
    """Return the values that `fields_to_trees` was given."""
    return {name: item if type(item) in SCALARS else read(item) for name, item in trees.items()}


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


# How each simple type is written in a tree, and read again. Any: the type at its left.
_TEXT_FORMS: Final[dict[type, tuple[str, Callable[[Any], str], Callable[[str], Any]]]] = {
    bytes: ("bytes", lambda v: base64.b64encode(v).decode(), base64.b64decode),
    bytearray: (
        "bytearray",
        lambda v: base64.b64encode(v).decode(),
        lambda text: bytearray(base64.b64decode(text)),
    ),
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
TEXT_TYPES: Final[frozenset[type]] = frozenset(_TEXT_FORMS)
TEXT_READERS: Final = {tag: read for tag, _, read in _TEXT_FORMS.values()}


def text_to_tree(
    value: Any, place: str, *, for_key: bool
) -> dict[str, str]:  # Any: a value of one of TEXT_TYPES
    """Return the tree of a value that one text says all about."""
    kind = cast("type[Any]", type(value))
    zone: object = getattr(value, "tzinfo", None)
    # The offset tells such zones apart, where there is one; it cannot bring them back.
    told = kind is datetime.datetime and (for_key or _zone_key(zone) is not None)
    if type(zone) not in _PLAIN_ZONES and not told:
        raise refused(type(zone), f"{place}.tzinfo")
    tag, write, _ = _TEXT_FORMS[kind]
    return {TAG: tag, "v": write(value)}
