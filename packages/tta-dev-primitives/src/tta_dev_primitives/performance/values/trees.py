"""Values as JSON trees, with a tag wherever JSON alone would forget what something was."""

from __future__ import annotations

import enum
import functools
import json
from typing import TYPE_CHECKING, Any, Final, cast

from . import trees_dataclasses, trees_errors, trees_models, trees_structs
from .trees_dataclasses import stored_fields as stored_fields
from .trees_dataclasses import without_uncached_fields as without_uncached_fields
from .trees_simple import (
    SCALARS,
    TAG,
    TEXT_READERS,
    TEXT_TYPES,
    DecodingError,
    Shape,
    loaded_type,
    refused,
    text_to_tree,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# The first that fits; an exception may be a dataclass as well.
_SHAPES: Final[dict[str, Shape]] = {
    "error": trees_errors,
    "data": trees_dataclasses,
    "struct": trees_structs,
    "model": trees_models,
}
compact_sorted = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


def is_plain(value: object) -> bool:
    """Tell whether JSON gives *value* back exactly, types, order and all, and it holds no tag."""
    kind = type(value)
    if kind in SCALARS:
        return True
    # JSON has no infinities and no NaN; x - x is 0 for every other float. The loops look at
    # scalars and floats themselves: a call for each would cost half as much again.
    if kind is dict:
        mapping = cast("dict[object, Any]", value)  # Any: narrowed below
        if TAG in mapping:
            return False
        for key, item in mapping.items():
            if type(key) is not str:
                return False
            kind = type(item)  # pyright: ignore[reportUnknownVariableType] - the type of Any
            if kind in SCALARS:
                continue
            if item - item != 0.0 if kind is float else not is_plain(item):
                return False
        return True
    if kind is list:
        for item in cast("list[Any]", value):  # Any: as above
            kind = type(item)  # pyright: ignore[reportUnknownVariableType] - the type of Any
            if kind in SCALARS:
                continue
            if item - item != 0.0 if kind is float else not is_plain(item):
                return False
        return True
    return kind is float and (number := cast("float", value)) - number == 0.0


def to_tree(value: Any, place: str = "value", *, for_key: bool = False) -> Any:  # Any: JSON
    """Return *value* as a JSON tree in which everything that is not JSON carries a tag.

    Args:
        value: What to describe.
        place: How messages call it.
        for_key: The tree is not to be read again: bring the items of dicts into one order, and
            take values that could not be rebuilt, as long as equal ones give the same tree.
    """
    kind = cast("type[Any]", type(value))
    if is_plain(value):
        if not for_key and value and (kind is dict or kind is list):
            return {TAG: "plain", "v": value}  # need not be walked again
        return value
    if kind in TEXT_TYPES:
        return text_to_tree(value, place, for_key=for_key)

    def inner(item: Any, inner_place: str) -> Any:  # Any: as above
        return to_tree(item, inner_place, for_key=for_key)

    if kind is list:
        return [inner(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if kind is tuple:
        return {TAG: "tuple", "v": [inner(item, f"{place}[{n}]") for n, item in enumerate(value)]}
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
    if not for_key and loaded_type(name) is not kind:
        raise refused(kind, place, "is not found under its name in its module")
    tag = _tag_of(kind)
    if tag is None:
        raise refused(kind, place)
    if tag == "unset":
        return {TAG: tag, "t": name, "v": None}
    if tag == "flag":
        return {TAG: tag, "t": name, "v": value.value}
    if tag == "enum":
        return {TAG: tag, "t": name, "v": value.name}
    return {TAG: tag, "t": name, **_SHAPES[tag].describe(value, place, inner, for_key=for_key)}


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
    read = _READERS.get(tag)
    if read is not None:
        return read(body)
    kind = cast("Any", loaded_type(node["t"]))  # Any: called below as its tag allows
    if kind is None:
        msg = f"stored entry needs the type {node['t']!r}, which is not loaded"
        raise DecodingError(msg)
    if tag != _tag_of(kind):
        msg = f"stored entry names {node['t']!r} as {tag!r}, which it is not"
        raise DecodingError(msg)
    if tag == "unset":
        return kind()
    if tag == "flag":
        return kind(body)
    if tag == "enum":
        return kind[body]
    return _SHAPES[tag].rebuild(kind, node, from_tree)


_READERS: Final[dict[str, Callable[[Any], Any]]] = {  # Any: what stands beside the tag
    **TEXT_READERS,
    "plain": lambda body: body,
    "dict": lambda body: {from_tree(key): from_tree(item) for key, item in body},
    "tuple": lambda body: tuple(map(from_tree, body)),
    "set": lambda body: set(map(from_tree, body)),
    "frozenset": lambda body: frozenset(map(from_tree, body)),
}


@functools.lru_cache(256)
def frozen_fields(kind: type) -> tuple[str, ...] | None:
    """Return the names of all fields of a frozen dataclass or struct, None for other types."""
    for shape in (trees_dataclasses, trees_structs):
        if shape.fits(kind):
            return shape.frozen_fields(kind)
    return None


def is_all_fields(value: object) -> bool:
    """Tell whether the fields of a dataclass instance or frozen struct say all about it."""
    kind = type(value)
    if _tag_of(kind) == "struct":
        return not trees_dataclasses.beside(value, frozen_fields(kind) or ())
    return trees_dataclasses.is_all_fields(value)


@functools.lru_cache(256)
def _tag_of(kind: type[Any]) -> str | None:  # Any: any type
    """Return the tag of the family of types that *kind* is of."""
    if issubclass(kind, enum.Enum):
        return "flag" if issubclass(kind, enum.Flag) else "enum"
    if kind is loaded_type("msgspec:UnsetType"):
        return "unset"
    return next((tag for tag, shape in _SHAPES.items() if shape.fits(kind)), None)
