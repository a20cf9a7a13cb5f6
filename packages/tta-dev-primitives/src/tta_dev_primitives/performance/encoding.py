"""Values as bytes and back: no pickle, no surprise, types kept.

JSON values are written as JSON, or as MessagePack where `msgspec` is installed. Everything else
that has a meaning of its own (tuples, sets, bytes, dates, enums, dataclasses) becomes a tagged
JSON tree. What has none is refused with the place where it stands.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import uuid
from typing import Any, Final, cast

from tta_dev_primitives.errors import InputTypeError

from .trees import DecodingError as DecodingError
from .trees import compact_sorted, from_tree, is_all_fields, is_plain, to_tree

_JSON, _MSGPACK, _TREE = b"j", b"m", b"t"
_IMMUTABLE: Final = frozenset(
    {
        str, bytes, int, float, bool, complex, type(None), decimal.Decimal, uuid.UUID,
        datetime.datetime, datetime.date, datetime.time, datetime.timedelta,
    }
)  # fmt: skip
try:
    import msgspec
except ImportError:
    _pack = _unpack = _sorted_json = None
else:
    _pack = msgspec.msgpack.Encoder().encode
    _unpack = msgspec.msgpack.Decoder().decode
    _sorted_json = msgspec.json.Encoder(order="sorted").encode
_compact = json.JSONEncoder(separators=(",", ":")).encode


def is_immutable(value: object) -> bool:
    """Tell whether nobody who holds *value* can change it."""
    kind = type(value)
    if kind in _IMMUTABLE or isinstance(value, enum.Enum):
        return True
    if kind is tuple or kind is frozenset:
        return all(map(is_immutable, cast("tuple[object, ...]", value)))
    if not dataclasses.is_dataclass(kind):
        return False
    frozen: bool = getattr(kind, "__dataclass_params__").frozen  # noqa: B009 - not in the stubs
    return (
        frozen
        and is_all_fields(value)
        and all(
            is_immutable(getattr(value, field.name, None)) for field in dataclasses.fields(kind)
        )
    )


def encode(value: object) -> bytes:
    """Return *value* as bytes that `decode` turns back into an equal value.

    Raises:
        InputTypeError: Something inside *value* has no stored form; its place is named.
    """
    try:
        if not is_plain(value):
            return _TREE + _compact(to_tree(value)).encode()
        if _pack is not None:
            try:
                return _MSGPACK + _pack(value)
            except (OverflowError, UnicodeEncodeError):
                pass  # integers beyond 64 bits and lone surrogates: JSON can carry both
        return _JSON + _compact(value).encode()
    except (RecursionError, ValueError) as error:
        raise _too_much(error) from error


def decode(data: bytes) -> Any:  # Any: whatever was stored
    """Return the value that `encode` wrote.

    Nothing is imported and no code is run: a dataclass or enum is rebuilt only when its module is
    loaded already.

    Raises:
        DecodingError: The bytes are not of this form, or name a type that is not there.
    """
    try:
        tag, body = data[:1], data[1:]
        if tag == _MSGPACK:
            if _unpack is None:
                msg = "entry is MessagePack, but msgspec is not installed"
                raise DecodingError(msg)
            return _unpack(body)
        if tag == _JSON:
            return json.loads(body)
        if tag == _TREE:
            return from_tree(json.loads(body))
        msg = f"stored entry begins with unknown tag {tag!r}"
        raise DecodingError(msg)
    except DecodingError:
        raise
    except Exception as error:
        msg = f"stored entry cannot be read: {error}"
        raise DecodingError(msg) from error


def canonical(value: object) -> bytes:
    """Return bytes that are equal exactly for equal inputs, whatever the order of their keys.

    1, 1.0 and True differ, as do text and bytes, lists and tuples.

    Raises:
        InputTypeError: Something inside *value* has no canonical form; its place is named.
    """
    try:
        if not is_plain(value):
            return b"t" + compact_sorted(to_tree(value, for_key=True)).encode()
        if _sorted_json is not None:
            try:
                return b"p" + _sorted_json(value)
            except (OverflowError, UnicodeEncodeError):
                pass  # as in encode
        return b"p" + compact_sorted(value).encode()
    except (RecursionError, ValueError) as error:
        raise _too_much(error) from error


def _too_much(error: Exception) -> InputTypeError:
    return InputTypeError(
        f"value is too deep, too large or holds itself ({error}); pass cache_key_fn= if it is an "
        "input, share=True if it is a result"
    )
