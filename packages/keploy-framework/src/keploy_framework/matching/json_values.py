"""JSON bodies: read within bounds, told apart by type, and brought into one canonical form."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any, Final, NoReturn, TypeAlias, cast

# Any: JSON of any shape.
Json: TypeAlias = Any

MOST_LEVELS: Final = 100
"""A body that is nested deeper is compared as text."""


class _Marker:
    """A value that no JSON text has."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


NOT_JSON: Final = _Marker("NOT_JSON")
"""What `parse_json` gives for anything but JSON."""

ABSENT: Final = _Marker("ABSENT")
"""Stands for a value on the side that has none."""


def parse_json(body: bytes | str, *, exact: bool = True) -> Json:
    """Read a JSON body; `NOT_JSON` for an empty one, for other text, and for deep nesting.

    ``NaN`` and ``Infinity`` are no JSON. Of a key that comes twice the last value counts.

    Args:
        body: The body, without content encoding.
        exact: Whether whole numbers keep every digit. Otherwise all numbers are doubles, as
            upstream reads them, so that very large ones may compare equal.
    """
    try:
        text = body if isinstance(body, str) else body.decode()
        decode = _EXACT if exact else _DOUBLES
        # The decoder itself skips white space after the first character only.
        value = decode.decode(text)
        levels = text.count("[") + text.count("{")
    except (ValueError, RecursionError):
        return NOT_JSON
    return NOT_JSON if levels > MOST_LEVELS and _is_deep(value) else value


def type_name(value: Json) -> str:
    """Give JSON's name for the type of a value; all numbers have one type."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, list) else "null"


def canonical(value: Json) -> str:
    """Give a text that equal JSON values share, whatever the order of their keys.

    ``1.0`` and ``1`` are equal, arrays keep their order.
    """
    return _CANONICAL.encode(value)


def text_of(value: Json) -> str:
    """Give the text that a pattern is matched against: of a string itself, else its JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_DOUBLES:
        return str(int(value))
    return _CANONICAL.encode(value)


def _is_deep(value: Json) -> bool:
    layer = [value]
    for _ in range(MOST_LEVELS):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (
                cast("dict[str, Json]", outer).values() if isinstance(outer, dict) else outer
            )
        ]
        if not layer:
            return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _number(text: str) -> int | float | Decimal:
    """Read a number with a fraction or an exponent so that equal numbers are equal."""
    number = float(text)
    if math.isinf(number):
        return Decimal(text)
    return int(number) if number.is_integer() and abs(number) < _WHOLE_DOUBLES else number


def _without_form(value: object) -> str:
    if isinstance(value, Decimal | _Marker):
        return str(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    raise TypeError(type(value).__name__)


_WHOLE_DOUBLES: Final = 2.0**53
_EXACT: Final = json.JSONDecoder(parse_float=_number, parse_constant=_no_constant)
_DOUBLES: Final = json.JSONDecoder(parse_int=float, parse_float=float, parse_constant=_no_constant)
_CANONICAL: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_without_form
)
