"""What is read with a value and never searched for, in one column.

Every column of a row costs Python some 80 ns to read, whatever stands in it; these bytes cost as
much together. The first byte says which of the four that may be unknown are known, and whether
tags follow. Numbers are little-endian and not aligned:

    SHORT  8  stored_at fresh_until expires_at duration                          4 doubles
    WHOLE  n  stored_at fresh_until expires_at duration cost input_tokens
              output_tokens                                  5 doubles, 2 signed of 8 bytes
              then the tags, a JSON list in ASCII, if there are any

An entry of which no more is known than how long it took is short, all others are whole; there 0
stands for what is unknown. First bytes from 32 on are left to later versions.
"""

from __future__ import annotations

import json
import struct
from math import inf
from typing import Any, Final, cast

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry

_COST: Final = 1
_INPUT_TOKENS: Final = 2
_OUTPUT_TOKENS: Final = 4
_DURATION: Final = 8
_TAGS: Final = 16
_END: Final = 32

_SHORT: Final = struct.Struct("<B4d")
_WHOLE: Final = struct.Struct("<B5d2q")
_pack_short, _unpack_short, _unpack_whole = _SHORT.pack, _SHORT.unpack, _WHOLE.unpack


def to_meta(entry: StoredEntry) -> bytes:
    """Return all of *entry* but the value.

    Raises:
        StoreError: A number is too large.
    """
    cost, duration = entry.cost, entry.duration
    tokens_in, tokens_out, tags = entry.input_tokens, entry.output_tokens, entry.tags
    try:
        if duration is not None and cost is tokens_in is tokens_out is None and not tags:
            return _pack_short(
                _DURATION, entry.stored_at, entry.fresh_until, entry.expires_at, duration
            )
        known = (
            (cost is not None) * _COST
            | (tokens_in is not None) * _INPUT_TOKENS
            | (tokens_out is not None) * _OUTPUT_TOKENS
            | (duration is not None) * _DURATION
            | bool(tags) * _TAGS
        )
        numbers = _WHOLE.pack(
            known,
            entry.stored_at,
            entry.fresh_until,
            entry.expires_at,
            0.0 if duration is None else duration,
            0.0 if cost is None else cost,
            0 if tokens_in is None else tokens_in,
            0 if tokens_out is None else tokens_out,
        )
    except (struct.error, OverflowError) as error:
        msg = f"an entry cannot be written to a cache file: {error}"
        raise StoreError(msg) from error
    return numbers + json.dumps(tags).encode() if tags else numbers


def meta_of_columns(
    stored_at: float,
    expires_at: float,
    cost: float | None,
    input_tokens: int | None,
    output_tokens: int | None,
    duration: float | None,
) -> bytes | None:
    """Return the same of an entry of version 1, which had columns, or None if it is damaged."""
    try:
        return to_meta(
            StoredEntry(
                b"", stored_at, expires_at, expires_at, cost, input_tokens, output_tokens, duration
            )
        )
    except StoreError:
        return None


def to_entry(data: Any, meta: Any) -> StoredEntry | None:  # Any: whatever stood in the file
    """Return the entry of a row's two columns.

    None if they are not those of an entry: a damaged file may hold anything.
    """
    if type(data) is not bytes:
        return None
    cost = tokens_in = tokens_out = None
    names: tuple[str, ...] = ()
    try:
        known = meta[0]
        if known == _DURATION:
            _, stored_at, fresh_until, expires_at, duration = _unpack_short(meta)
        elif known < _END:
            numbers = meta
            if known & _TAGS:
                numbers, names = meta[: _WHOLE.size], tags_of(meta)
            _, stored_at, fresh_until, expires_at, duration, cost, tokens_in, tokens_out = (
                _unpack_whole(numbers)
            )
            duration = duration if known & _DURATION else None
            cost = cost if known & _COST else None
            tokens_in = tokens_in if known & _INPUT_TOKENS else None
            tokens_out = tokens_out if known & _OUTPUT_TOKENS else None
        else:
            return None
    except (struct.error, TypeError, ValueError, IndexError, RecursionError):
        return None
    # Of a time that is no number nobody could say that it is past.
    if stored_at <= inf and fresh_until <= inf and expires_at <= inf:
        return StoredEntry(
            data, stored_at, fresh_until, expires_at, cost, tokens_in, tokens_out, duration, names
        )
    return None


def tags_of(meta: bytes) -> tuple[str, ...]:
    """Return the tags in *meta*, the bytes of an entry that has some.

    Raises:
        ValueError: They are not a list in JSON.
    """
    tags = json.loads(meta[_WHOLE.size :])
    if not isinstance(tags, list):
        msg = "tags are not a list"
        raise ValueError(msg)  # noqa: TRY004 - what stands in a file is a value, not a type
    return tuple(map(str, cast("list[object]", tags)))
