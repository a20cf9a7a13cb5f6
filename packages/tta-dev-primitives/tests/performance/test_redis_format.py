from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.redis.format import (
    FormatError,
    pack_entry,
    unpack_entry,
)
from tta_dev_primitives.performance.stores.base import StoredEntry

WHOLE = StoredEntry(b"data", 1.0, 2.0, 3.0, 0.5, 10, 20, 0.25, ("a", "über"))

finite = st.floats(allow_nan=False, allow_infinity=False)
tokens = st.none() | st.integers(0, 1 << 62)
entries = st.builds(
    lambda data, stored, times, cost, came_in, went_out, duration, tags: StoredEntry(
        data, stored, min(times), max(times), cost, came_in, went_out, duration, tuple(tags)
    ),
    st.binary(max_size=50),
    finite,
    st.tuples(finite | st.just(math.inf), finite | st.just(math.inf)),
    st.none() | finite,
    tokens,
    tokens,
    st.none() | finite,
    st.lists(st.text(st.characters(), max_size=5), max_size=4),
)


@given(entry=entries)
def test_entry_comes_back_as_it_was(entry: StoredEntry) -> None:
    assert unpack_entry(pack_entry(entry)) == entry


def test_version_1_is_written_as_documented() -> None:
    """Other processes, of older and newer releases, read the same bytes."""
    written = pack_entry(WHOLE, fence=7.0)
    header = struct.pack(">Iddddddqq", 10, 7.0, 1.0, 2.0, 3.0, 0.5, 0.25, 10, 20)
    assert written == b"tta\x01" + header + b"\0\x01a" + b"\0\x05" + "über".encode() + b"data"


@pytest.mark.parametrize("length", range(82))
def test_entry_that_was_cut_off_is_not_an_entry(length: int) -> None:
    with pytest.raises(FormatError):
        unpack_entry(pack_entry(WHOLE)[:length])


def changed(place: int, what: bytes) -> bytes:
    whole = pack_entry(WHOLE)
    return whole[:place] + what + whole[place + len(what) :]


NAN = struct.pack(">d", math.nan)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"hello" * 20, "not an entry of this cache"),
        (changed(3, b"\x02"), "format version 2, and this is version 1"),
        (changed(4, b"\xff\xff\xff\xff"), "contradicts itself"),
        (changed(16, NAN), "contradicts itself"),
        (changed(24, NAN), "contradicts itself"),
        (changed(32, NAN), "contradicts itself"),
        (changed(24, struct.pack(">d", 4.0)), "contradicts itself"),
        (changed(72, b"\xff\xff"), "tags cannot be read"),
        (changed(74, b"\xff"), "tags cannot be read"),
        (changed(4, b"\0\0\0\x09"), "tags cannot be read"),
    ],
    ids=[
        "foreign", "newer", "tags-beyond-end", "stored-nan", "fresh-nan", "expires-nan",
        "stale-after-gone", "tag-too-long", "tag-not-text", "tags-cut",
    ],
)  # fmt: skip
def test_what_is_no_entry_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        unpack_entry(raw)


@given(raw=st.binary(max_size=200).map(lambda rest: b"tta\x01" + rest))
def test_no_bytes_do_more_harm_than_to_be_refused(raw: bytes) -> None:
    try:
        entry = unpack_entry(raw)
    except FormatError:
        return
    assert entry.fresh_until <= entry.expires_at


@pytest.mark.parametrize(
    "entry",
    [
        StoredEntry(b"", 1.0, 2.0, 3.0, tags=("x" * 65_536,)),
        StoredEntry(b"", 1.0, 2.0, 3.0, input_tokens=1 << 63),
    ],
    ids=["long-tag", "more-tokens-than-int64"],
)
def test_entry_without_a_place_in_the_form_is_refused(entry: StoredEntry) -> None:
    with pytest.raises(StoreError):
        pack_entry(entry)
