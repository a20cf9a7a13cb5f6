"""The form of an entry in Redis, version 1.

All numbers are big-endian. What scripts on the server read stands first, at fixed places:

    0   b"tta" and one byte, the version
    4   uint32, length of the tags in bytes
    8   double, the fence: the number of the lease under which it was written, 0 without one
    16  double, stored_at
    24  double, fresh_until
    32  double, expires_at
    40  double, cost; not a number for none
    48  double, duration; not a number for none
    56  int64, input tokens; the least number for none
    64  int64, output tokens; the least number for none
    72  the tags, each as uint16 length and UTF-8
    ..  the data, to the end

A later version changes the fourth byte. Whoever does not know a version treats the entry as a miss.
"""

from __future__ import annotations

import math
import struct
from typing import Final

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry

MAGIC: Final = b"tta\x01"
HEADER_BYTES: Final = 72
_MOST_BYTES: Final = 512 << 20  # the server takes no longer strings
_NO_TOKENS: Final = -(1 << 63)
_HEADER: Final = struct.Struct(">4sIddddddqq")
_LENGTH: Final = struct.Struct(">H")


class FormatError(ValueError):
    """Raised when bytes are not an entry of this version."""


def pack_entry(entry: StoredEntry, *, fence: float = 0.0) -> bytes:
    """Return *entry* in the form above.

    Raises:
        StoreError: A tag or the data is too long, or a number has no place in the form.
    """
    tags = b"".join(map(_pack_tag, entry.tags)) if entry.tags else b""
    if HEADER_BYTES + len(tags) + len(entry.data) > _MOST_BYTES:
        msg = f"a value of {len(entry.data)} bytes is more than Redis keeps under one key (512 MiB)"
        raise StoreError(msg)
    try:
        header = _HEADER.pack(
            MAGIC,
            len(tags),
            fence,
            entry.stored_at,
            entry.fresh_until,
            entry.expires_at,
            math.nan if entry.cost is None else entry.cost,
            math.nan if entry.duration is None else entry.duration,
            _NO_TOKENS if entry.input_tokens is None else entry.input_tokens,
            _NO_TOKENS if entry.output_tokens is None else entry.output_tokens,
        )
    except (struct.error, OverflowError) as error:
        msg = f"an entry cannot be written for Redis: {error}"
        raise StoreError(msg) from error
    return header + tags + entry.data


def unpack_entry(raw: bytes) -> StoredEntry:
    """Return the entry that `pack_entry` wrote.

    Raises:
        FormatError: The bytes are something else, were cut off, or are of another version.
    """
    try:
        magic, tag_bytes, _, stored, fresh, expires, cost, duration, came_in, went_out = (
            _HEADER.unpack_from(raw)
        )
    except struct.error as error:
        msg = f"it is {len(raw)} bytes long, too short for an entry"
        raise FormatError(msg) from error
    if magic != MAGIC:
        if magic[:3] == MAGIC[:3]:
            msg = f"it is of format version {magic[3]}, and this is version {MAGIC[3]}"
        else:
            msg = "it is not an entry of this cache"
        raise FormatError(msg)
    begin = HEADER_BYTES + tag_bytes
    # What is not a number is before and after nothing, and would never expire.
    if begin > len(raw) or math.isnan(stored) or not fresh <= expires:
        msg = "its header contradicts itself"
        raise FormatError(msg)
    return StoredEntry(
        raw[begin:],
        stored,
        fresh,
        expires,
        None if math.isnan(cost) else cost,
        None if came_in == _NO_TOKENS else came_in,
        None if went_out == _NO_TOKENS else went_out,
        None if math.isnan(duration) else duration,
        _unpack_tags(raw, begin) if tag_bytes else (),
    )


def tag_name(tag: str) -> bytes:
    """Return *tag* as it stands in entries and in the names of indexes."""
    return tag.encode(errors="surrogatepass")


def _pack_tag(tag: str) -> bytes:
    name = tag_name(tag)
    if len(name) > 0xFFFF:
        msg = f"a tag may be 65535 bytes long, got one of {len(name)}"
        raise StoreError(msg)
    return _LENGTH.pack(len(name)) + name


def _unpack_tags(raw: bytes, end: int) -> tuple[str, ...]:
    tags: list[str] = []
    here = HEADER_BYTES
    try:
        while here < end:
            (length,) = _LENGTH.unpack_from(raw, here)
            here += 2 + length
            tags.append(raw[here - length : here].decode(errors="surrogatepass"))
    except (struct.error, UnicodeDecodeError):
        here = -1
    if here != end:
        msg = "its tags cannot be read"
        raise FormatError(msg)
    return tuple(tags)
