"""`msgspec.Struct` types in trees: by their fields, without a call of their own code."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

from .trees_dataclasses import beside
from .trees_simple import (
    DecodingError,
    Inner,
    attributes_to_trees,
    loaded_type,
    refused,
    require_same_fields,
    trees_to_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def fits(kind: type) -> bool:
    """Tell whether *kind* is a struct; `msgspec` is not loaded to find out."""
    struct = loaded_type("msgspec:Struct")
    return struct is not None and struct in kind.__mro__


def describe(
    value: Any, place: str, inner: Inner, *, for_key: bool
) -> dict[str, Any]:  # Any: an instance, and JSON
    """Return the fields of a struct."""
    kind = cast("type[Any]", type(value))
    if not for_key:
        if others := beside(value, kind.__struct_fields__):
            raise refused(kind, place, f"holds more than its fields ({', '.join(others)})")
        if not _runs_no_code(kind):
            raise refused(kind, place, "cannot be made again without running code of its class")
    return {"v": attributes_to_trees(value, kind.__struct_fields__, place, inner)}


def rebuild(
    kind: type[Any], node: dict[str, Any], read: Callable[[Any], Any]
) -> object:  # Any: a struct type, and JSON
    """Return a struct as it was; `__post_init__` is not run."""
    body = node["v"]
    require_same_fields(kind, body, kind.__struct_fields__)
    fields = trees_to_fields(body, read)
    if not _runs_no_code(kind):
        msg = f"{kind.__qualname__} cannot be made without running code of its class"
        raise DecodingError(msg)
    if not hasattr(kind, "__post_init__"):
        return kind(**fields)
    from msgspec import Struct
    from msgspec.structs import force_setattr

    copy_of: Callable[[Any], Any] = vars(Struct.__mro__[1])["__copy__"]  # Any: a struct
    value = copy_of(_blank(kind))
    for name, item in fields.items():
        force_setattr(value, name, item)
    return value


@functools.lru_cache(256)
def frozen_fields(kind: type[Any]) -> tuple[str, ...] | None:  # Any: a struct type
    """Return the names of the fields of a frozen struct, None if it can be changed."""
    return kind.__struct_fields__ if kind.__struct_config__.frozen else None


@functools.lru_cache(256)
def _runs_no_code(kind: type[Any]) -> bool:  # Any: a struct type
    """Tell whether an instance can be made without code of the class; `__init__` is msgspec's."""
    from msgspec import Struct

    own = kind.__mro__[: kind.__mro__.index(Struct)]
    return type(kind) is type(Struct) and not (
        hasattr(kind, "__post_init__") and any("__init_subclass__" in vars(base) for base in own)
    )


@functools.lru_cache(256)
def _blank(kind: type[Any]) -> Any:  # Any: a struct type, and an instance of it
    """Return an instance of a type with `__post_init__`, which has not run."""
    from msgspec.structs import force_setattr

    # Every way in that msgspec offers runs it, save the copy of an instance. The first one comes
    # from a subclass that does nothing there, and is of the same layout.
    metaclass = cast("Callable[..., Any]", type(kind))  # Any: a type, which makes an instance
    bare = metaclass(kind.__name__, (kind,), {"__post_init__": _do_nothing})
    value = bare(**dict.fromkeys(kind.__struct_fields__))
    force_setattr(value, "__class__", kind)
    return value


def _do_nothing(value: object) -> None:
    del value
