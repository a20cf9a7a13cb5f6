"""Dataclasses in trees: by their fields, without a call of their own code."""

from __future__ import annotations

import copy
import dataclasses
import functools
import types
from typing import TYPE_CHECKING, Any, Final, cast

from .trees_simple import SCALARS, Inner, attributes_to_trees, refused, require_same_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SLOT_TYPES: Final = (types.MemberDescriptorType, types.GetSetDescriptorType)


def fits(kind: type) -> bool:
    """Tell whether *kind* is a dataclass."""
    return dataclasses.is_dataclass(kind)


def describe(
    value: Any, place: str, inner: Inner, *, for_key: bool
) -> dict[str, Any]:  # Any: an instance, and JSON
    """Return the kept fields of a dataclass instance."""
    kind = cast("type[Any]", type(value))
    if not (for_key or is_all_fields(value)):
        raise refused(kind, place, "holds more than its fields")
    return {"v": attributes_to_trees(value, stored_fields(kind), place, inner)}


def rebuild(
    kind: type[Any], node: dict[str, Any], read: Callable[[Any], Any]
) -> object:  # Any: a dataclass, and JSON
    """Return a dataclass instance as it was, without running code of its class."""
    body = node["v"]
    require_same_fields(kind, body, stored_fields(kind))
    value = object.__new__(kind)
    put = object.__setattr__
    for name, item in body.items():
        put(value, name, item if type(item) in SCALARS else read(item))
    _reset_left_out(value)
    return value


def is_all_fields(value: object) -> bool:
    """Tell whether the fields of a dataclass instance say everything about it."""
    kind = type(value)
    return is_plain_class(kind) and not beside(value, _all_fields(kind))


def beside(value: object, fields: tuple[str, ...]) -> list[str]:
    """Return the names of what *value* holds besides *fields* and remembered properties."""
    kind = type(value)
    attributes = getattr(value, "__dict__", None)
    others = _slots_beside(kind, fields)
    if not (attributes or others):
        return []
    found = [name for name in others if hasattr(value, name)]
    known = {*fields, "__orig_class__"}
    return found + [
        name
        for name in attributes or ()
        if name not in known and not is_remembered_property(kind, name)
    ]


def is_remembered_property(kind: type, name: str) -> bool:
    """Tell whether *name* is a `cached_property` of *kind*, which can be computed again."""
    return isinstance(getattr(kind, name, None), functools.cached_property)


@functools.lru_cache(256)
def _slots_beside(kind: type, fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in slots(kind) if name not in fields)


@functools.lru_cache(256)
def slots(kind: type) -> Mapping[str, types.MemberDescriptorType]:
    """Return what reads and writes the values that instances keep outside their `__dict__`."""
    found: dict[str, types.MemberDescriptorType] = {}
    for base in kind.__mro__:
        for name, item in vars(base).items():
            if isinstance(item, _SLOT_TYPES) and not (
                name.startswith("__") and name.endswith("__")
            ):
                found.setdefault(name, cast("types.MemberDescriptorType", item))
    return found


@functools.lru_cache(256)
def is_plain_class(kind: type) -> bool:
    """Tell whether instances hold attributes only, nothing that a built-in base keeps."""
    try:
        object.__new__(kind)
    except TypeError:
        return False
    return True


@functools.lru_cache(256)
def _all_fields(kind: type[Any]) -> tuple[str, ...]:  # Any: a dataclass
    return tuple(field.name for field in dataclasses.fields(kind))


@functools.lru_cache(256)
def stored_fields(kind: type[Any]) -> tuple[str, ...]:  # Any: a dataclass
    """Return the names of the kept fields of a dataclass.

    Left out are those with `metadata={"cache": False}` and a default, which a kept value has
    instead.
    """
    return tuple(name for name in _all_fields(kind) if name not in _left_out(kind))


@functools.lru_cache(256)
def frozen_fields(kind: type[Any]) -> tuple[str, ...] | None:  # Any: a dataclass
    """Return the names of the fields of a frozen dataclass, None if it can be changed."""
    frozen: bool = getattr(kind, "__dataclass_params__").frozen  # noqa: B009 - not in the stubs
    return _all_fields(kind) if frozen else None


@functools.lru_cache(256)
def _left_out(kind: type[Any]) -> dict[str, Callable[[], Any]]:  # Any: a dataclass, any default
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
