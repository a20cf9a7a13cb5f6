"""Values as JSON: short lists, the first item says which kind."""

from __future__ import annotations

from typing import Any, Final, TypeAlias, cast

from .values import (
    UNKNOWN,
    CallRecord,
    Constant,
    Element,
    Group,
    Made,
    Member,
    Parameter,
    Reference,
    Symbol,
    Unknown,
    Value,
)

# Any: JSON has no better type; `decoded` tests what it reads.
Encoded: TypeAlias = list[Any]

_DEEPEST: Final = 60


def encoded(value: Value) -> Encoded:
    """Encode a value of one file; the file's path is left to be told by `decoded`."""
    match value:
        case Reference():
            return ["r", value.name]
        case Symbol():
            return ["s", value.name]
        case Member():
            return ["m", encoded(value.owner), value.name]
        case Made(call=None):
            return ["i", encoded(value.callee)]
        case Made(callee=callee, call=call):
            assert call is not None
            return [
                "c",
                encoded(callee),
                [encoded(argument) for argument in call.positional],
                [[name, encoded(argument)] for name, argument in call.keywords],
                int(call.is_complete),
                call.line,
            ]
        case Element():
            return ["e", encoded(value.owner), value.key]
        case Constant():
            return ["k", value.value]
        case Group():
            keys = None if value.keys is None else list(value.keys)
            return ["g", [encoded(item) for item in value.values], keys]
        case Parameter():
            default = None if value.default is None else encoded(value.default)
            return ["p", value.function, value.name, default]
        case Unknown():
            return ["u", value.name]


def decoded(data: object, path: str, depth: int = 0) -> Value:
    """Decode a value of the file at `path`; what is damaged or too deep is unknown."""
    if depth > _DEEPEST or not isinstance(data, list):
        return UNKNOWN
    depth += 1
    match cast("list[object]", data):
        case ["r", str(name)]:
            return Reference(name, path)
        case ["s", str(name)]:
            return Symbol(path, name)
        case ["m", owner, str(name)]:
            return Member(decoded(owner, path, depth), name)
        case ["i", callee]:
            return Made(decoded(callee, path, depth))
        case ["c", callee, positional, keywords, int(is_complete), int(line)]:
            record = CallRecord(
                tuple(decoded(argument, path, depth) for argument in _items(positional)),
                tuple(
                    (str(pair[0]), decoded(pair[1], path, depth))
                    for pair in map(_items, _items(keywords))
                    if len(pair) == 2
                ),
                bool(is_complete),
                path,
                line,
            )
            return Made(decoded(callee, path, depth), record)
        case ["e", owner, key]:
            known = key if isinstance(key, (str, int)) else None
            return Element(decoded(owner, path, depth), known)
        case ["k", None | str() | int() | float() as value]:
            return Constant(value)
        case ["g", items, keys]:
            values = tuple(decoded(item, path, depth) for item in _items(items))
            known = (key if isinstance(key, (str, int)) else None for key in _items(keys))
            return Group(values, None if keys is None else tuple(known))
        case ["p", str(function), str(name), default]:
            known = None if default is None else decoded(default, path, depth)
            return Parameter(path, function, name, known)
        case ["u", str(name)]:
            return Unknown(name)
        case _:
            return UNKNOWN


def _items(data: object) -> list[object]:
    return cast("list[object]", data) if isinstance(data, list) else []
