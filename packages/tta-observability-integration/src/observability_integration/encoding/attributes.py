"""Attributes as OTLP has them: `KeyValue` and `AnyValue`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final, cast

from .wire import DELIMITED, FIXED64, READY, VARINT, Memory, Prefixes, delimited, tag, utf8, varint

_LOWEST: Final = -(1 << 63)
_BEYOND: Final = 1 << 63
_logger = logging.getLogger("observability_integration")

# Field 1 of a KeyValue, by its text; programs have few different keys.
_keys = Memory(lambda key: delimited(1, utf8(key)))
# Field 2 of a KeyValue up to the text in it, by the text's length.
_BEFORE_TEXT: Final = tuple(
    tag(2, DELIMITED)
    + varint(1 + len(varint(length)) + length)
    + tag(1, DELIMITED)
    + varint(length)
    for length in range(READY)
)
# Field 2 of a KeyValue up to the number in it, and its length with the number.
_BEFORE_DOUBLE: Final = tag(2, DELIMITED) + b"\x09" + tag(4, FIXED64)
_DOUBLE_LENGTH: Final = len(_BEFORE_DOUBLE) + 8
_pack_double = Struct("<d").pack
_NUMBER_TAG: Final = tag(3, VARINT)


def _number(number: int) -> bytes:
    return delimited(2, _NUMBER_TAG + varint(number))


_NUMBERS: Final = tuple(map(_number, range(READY)))


class UnfitValueError(TypeError):
    """Raised for a value that attributes cannot have.

    Attributes:
        type_name: What it is.
    """

    def __init__(self, value: object) -> None:
        self.type_name = type(value).__name__
        super().__init__(f"an attribute cannot have a value of type {self.type_name}")


def attribute_fields(prefixes: Prefixes, attributes: Mapping[str, object]) -> bytes:
    """Return one field for each attribute; one that cannot be is left out, with a log line.

    Args:
        prefixes: Those of the field that attributes are in the message at hand.
        attributes: As OpenTelemetry allows them, and whole numbers of any size.
    """
    pieces: list[bytes] = []
    for key, value in attributes.items():
        name = _keys[key]
        # The common kinds, written out here for speed; all others go the long way below.
        if type(value) is str:
            try:
                content = value.encode()
            except UnicodeEncodeError:
                content = utf8(value)
            length = len(content)
            if length < READY:
                before = _BEFORE_TEXT[length]
                length += len(name) + len(before)
                if length < READY:
                    pieces += (prefixes[length], name, before, content)
                    continue
        elif type(value) is int:
            if 0 <= value < _BEYOND:
                content = _NUMBERS[value] if value < READY else _number(value)
                length = len(name) + len(content)
                if length < READY:
                    pieces += (prefixes[length], name, content)
                    continue
        elif type(value) is float:
            length = len(name) + _DOUBLE_LENGTH
            if length < READY:
                pieces += (prefixes[length], name, _BEFORE_DOUBLE, _pack_double(value))
                continue
        try:
            content = value_field(value)
        except Exception as error:  # noqa: BLE001 - of a type of the app's; it costs itself alone
            unfit = error.type_name if isinstance(error, UnfitValueError) else type(value).__name__
            _logger.warning(
                "an attribute was left out: %r cannot have a value of type %s", key, unfit
            )
            continue
        pieces += (prefixes.of(len(name) + len(content)), name, content)
    return b"".join(pieces)


def value_field(value: object) -> bytes:
    """Return field 2 of a KeyValue with *value*.

    Raises:
        UnfitValueError: An attribute cannot have it.
    """
    return delimited(2, any_value(value))


def any_value(value: object) -> bytes:
    """Return *value* as an AnyValue.

    Raises:
        UnfitValueError: An attribute cannot have it, or something in it.
    """
    if value is None:
        return b""
    if isinstance(value, bool):
        return tag(2, VARINT) + varint(value)
    if isinstance(value, str):
        return delimited(1, utf8(value))
    if isinstance(value, int):
        if not _LOWEST <= value < _BEYOND:
            return delimited(1, _digits(value))
        return _NUMBER_TAG + varint(value & 0xFFFFFFFFFFFFFFFF)
    if isinstance(value, float):
        return tag(4, FIXED64) + _pack_double(value)
    if isinstance(value, bytes):
        return delimited(7, value)
    if isinstance(value, Sequence):
        items = cast("Sequence[object]", value)
        return delimited(5, b"".join(delimited(1, any_value(item)) for item in items))
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        return delimited(6, b"".join(_pair(key, item) for key, item in pairs.items()))
    raise UnfitValueError(value)


def _pair(key: object, value: object) -> bytes:
    return delimited(1, delimited(1, utf8(str(key))) + value_field(value))


def _digits(value: int) -> bytes:
    try:
        return str(int(value)).encode()
    except ValueError:  # longer than the interpreter is willing to write in decimal digits
        return hex(value).encode()
