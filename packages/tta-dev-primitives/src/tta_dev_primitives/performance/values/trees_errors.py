"""Exceptions in trees: what they were made from and what they hold, but not where they rose.

Cause, context and traceback are dropped: they lead to frames, and so to everything.
"""

from __future__ import annotations

import builtins
import functools
from typing import TYPE_CHECKING, Any, Final, cast

from .trees_dataclasses import slots
from .trees_simple import Inner, fields_to_trees, refused, require_none, trees_to_fields

if TYPE_CHECKING:
    from collections.abc import Callable

_UNSET: Final = object()
_UNICODE_ERRORS: Final = (UnicodeDecodeError, UnicodeEncodeError, UnicodeTranslateError)


def fits(kind: type) -> bool:
    """Tell whether *kind* is an exception that a program may expect; no cancellation, no exit."""
    return Exception in kind.__mro__


def describe(
    value: Any, place: str, inner: Inner, *, for_key: bool
) -> dict[str, Any]:  # Any: an instance, and JSON
    """Return the arguments and attributes of an exception."""
    kind = cast("type[Any]", type(value))
    kept, made_by_args = _members(kind)
    if not for_key:
        try:
            again = _made_from(kind, value.args)
        except (TypeError, ValueError) as error:
            raise refused(kind, place, f"cannot be made again from its args ({error})") from error
        if any(_peek(again, name) != _peek(value, name) for name in made_by_args):
            raise refused(kind, place, "is not any more what its args say")
    members = {name: item for name in kept if (item := _peek(value, name)) is not _UNSET}
    return {
        "a": [inner(item, f"{place}.args[{index}]") for index, item in enumerate(value.args)],
        "m": fields_to_trees(members, place, inner),
        "v": fields_to_trees(value.__dict__, place, inner),
    }


def rebuild(
    kind: type[Any], node: dict[str, Any], read: Callable[[Any], Any]
) -> object:  # Any: an exception type, and JSON
    """Return an exception as it was; no code of its class is run."""
    value = _made_from(kind, tuple(read(item) for item in node["a"]))
    members, attributes = (trees_to_fields(node[section], read) for section in ("m", "v"))
    require_none(kind, members.keys() - _members(kind)[0])
    for name, item in members.items():
        # Setting None where nothing was set before changes the text of an OSError.
        if _peek(value, name) is not item:
            slots(kind)[name].__set__(value, item)
    value.__dict__.update(attributes)
    fields: dict[str, object] = getattr(kind, "__dataclass_fields__", {})
    held = attributes.keys() | members.keys()
    require_none(kind, [name for name in fields if name not in held and not hasattr(kind, name)])
    return value


def _made_from(kind: type[Any], args: tuple[Any, ...]) -> Any:  # Any: an exception and its args
    """Return an exception of *kind* made by the C code of its nearest built-in base."""
    base: Any = _built_in_base(kind)  # Any: the checker would ask each of them for other args
    # Before 3.14, str() of such an error reads where `start` points, even before the object.
    if base in _UNICODE_ERRORS and any(isinstance(item, int) and item < 0 for item in args):
        msg = "a position is negative"
        raise ValueError(msg)
    value = base.__new__(kind, *args)
    if type(value) is not kind:  # OSError looks for a better class by its number
        msg = f"{kind.__qualname__} becomes a {type(value).__qualname__}"
        raise TypeError(msg)
    base.__init__(value, *args)
    value.args = args
    return value


@functools.lru_cache(256)
def _built_in_base(kind: type[Any]) -> type[Any]:  # Any: an exception type
    """Return the base that says how instances are laid out."""
    base = kind
    while vars(builtins).get(base.__name__) is not base:
        base = cast("type[Any]", base.__base__)
    return base


@functools.lru_cache(256)
def _members(kind: type) -> tuple[frozenset[str], frozenset[str]]:
    """Return the slots that are kept, and those that are made by the args.

    The latter are read-only, or trusted by C code that would crash on another type.
    """
    found = slots(kind)
    made = {
        name
        for name, member in found.items()
        if member.__objclass__ in (BaseExceptionGroup, *_UNICODE_ERRORS)
    }
    # The object that lacks the attribute may be anything; pickling an error leaves it out too.
    loose = {name for name, m in found.items() if m.__objclass__ is AttributeError} - {"name"}
    return frozenset(found.keys() - made - loose), frozenset(made)


def _peek(value: object, name: str) -> object:
    try:
        return slots(type(value))[name].__get__(value, type(value))
    except AttributeError:
        return _UNSET
