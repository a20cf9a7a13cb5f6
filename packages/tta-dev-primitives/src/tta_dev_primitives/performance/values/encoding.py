"""Values as bytes and back: no pickle, no surprise, types kept.

JSON values are written as they are. Everything else that has a meaning of its own (tuples, sets,
bytes, dates, enums, dataclasses, structs, Pydantic models, exceptions) becomes a tree of JSON
values with tags. Both are written as MessagePack where `msgspec` is installed and as JSON where it
is not. What has no such meaning is refused with the place where it stands.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import uuid
from typing import Any, Final, cast

from tta_dev_primitives.errors import InputTypeError

from .trees import compact_sorted, from_tree, frozen_fields, is_all_fields, is_plain, to_tree
from .trees_simple import DecodingError as DecodingError

# The first byte says how the others are to be read.
_JSON, _MSGPACK, _TREE, _PACKED_TREE = b"j", b"m", b"t", b"n"
_immutable: set[type] = {
    str, bytes, int, float, bool, complex, type(None), decimal.Decimal, uuid.UUID,
    datetime.datetime, datetime.date, datetime.time, datetime.timedelta,
}  # fmt: skip
try:
    import msgspec
except ImportError:
    _pack = _unpack = _sorted_json = None
else:
    _pack = msgspec.msgpack.Encoder().encode
    _unpack = msgspec.msgpack.Decoder().decode
    _sorted_json = msgspec.json.Encoder(order="sorted").encode
    _immutable.add(msgspec.UnsetType)
_IMMUTABLE: Final = frozenset(_immutable)
_compact = json.JSONEncoder(separators=(",", ":")).encode


def is_immutable(value: object) -> bool:
    """Tell whether nobody who holds *value* can change it."""
    kind = type(value)
    if kind in _IMMUTABLE or isinstance(value, enum.Enum):
        return True
    if kind is tuple or kind is frozenset:
        return all(map(is_immutable, cast("tuple[object, ...]", value)))
    fields = frozen_fields(kind)
    return (
        fields is not None
        and is_all_fields(value)
        and all(is_immutable(getattr(value, name, None)) for name in fields)
    )


def encode(value: object) -> bytes:
    """Return *value* as bytes that `decode` turns back into an equal value.

    Of an exception, cause, context and traceback are dropped.

    Raises:
        InputTypeError: Something inside *value* has no stored form; its place is named.
    """
    return _written(value, _pack)


def encode_json(value: object) -> bytes:
    """Do as `encode` does, but always in JSON, which any process can read.

    Raises:
        InputTypeError: Something inside *value* has no stored form; its place is named.
    """
    return _written(value, None)


def _written(value: object, pack: Any) -> bytes:  # Any: of an optional package, or None
    try:
        tag, packed_tag = _JSON, _MSGPACK
        if not is_plain(value):
            tag, packed_tag, value = _TREE, _PACKED_TREE, to_tree(value)
        if pack is not None:
            try:
                return packed_tag + pack(value)
            except (OverflowError, UnicodeEncodeError):
                pass  # integers beyond 64 bits and lone surrogates: JSON can carry both
        return tag + _compact(value).encode()
    except (RecursionError, ValueError) as error:
        raise too_much(error) from error


def decode(data: bytes) -> Any:  # Any: whatever was stored
    """Return the value that `encode`, `encode_json` or `encode_packed` wrote.

    Nothing is imported and no code of the stored types is run: a dataclass, struct, model, enum
    or exception is rebuilt from its fields, only when its module is loaded already, and only
    when it still has the fields that it had.

    Raises:
        DecodingError: The bytes are not of this form, or name a type that is not there or has
            changed; the fields are named.
    """
    try:
        tag, body = data[:1], data[1:]
        if _unpack is not None:
            if tag == _MSGPACK:
                return _unpack(body)
            if tag == _PACKED_TREE:
                return from_tree(_unpack(body))
        if tag == _JSON:
            return json.loads(body)
        if tag == _TREE:
            return from_tree(json.loads(body))
        if tag in (_MSGPACK, _PACKED_TREE):
            msg = "entry is MessagePack, but msgspec is not installed"
        else:
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
        tag = b"p"
        if not is_plain(value):
            tag, value = b"t", to_tree(value, for_key=True)
        if _sorted_json is not None:
            try:
                return tag + _sorted_json(value)
            except (OverflowError, UnicodeEncodeError):
                pass  # as in encode
        return tag + compact_sorted(value).encode()
    except (RecursionError, ValueError) as error:
        raise too_much(error) from error


def too_much(error: Exception) -> InputTypeError:
    """Return the error for a value that no form can hold."""
    return InputTypeError(
        f"value is too deep, too large or holds itself ({error}); pass cache_key_fn= if it is an "
        "input, share=True if it is a result"
    )
