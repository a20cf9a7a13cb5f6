"""What is known about an entry besides its value, in the bytes of one column."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.disk.meta import to_entry, to_meta
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore

MakeStore = Callable[..., DiskStore]
numbers = st.floats(allow_nan=False)
tokens = st.integers(-(1 << 63), (1 << 63) - 1)
entries = st.builds(
    StoredEntry,
    data=st.binary(max_size=3),
    stored_at=numbers,
    fresh_until=numbers,
    expires_at=numbers,
    cost=st.none() | numbers,
    input_tokens=st.none() | tokens,
    output_tokens=st.none() | tokens,
    duration=st.none() | numbers,
    # Any text, also half of a character.
    tags=st.lists(st.text(st.characters()), max_size=3).map(tuple),
)


@given(entries)
def test_everything_that_is_known_comes_back(entry: StoredEntry) -> None:
    assert to_entry(entry.data, to_meta(entry)) == entry


SHORT = StoredEntry(b"data", 1.0, 2.0, 3.0, duration=0.5)
WHOLE = StoredEntry(b"data", 1.0, 2.0, 3.0, 0.25, 6, 7, 0.5)
TAGGED = StoredEntry(b"data", 1.0, 2.0, 3.0, 0.25, 6, 7, 0.5, ("a",))


def test_bytes_stay_those_that_files_already_hold() -> None:
    """Or every answer on disk would be lost, or read wrong, after an upgrade."""
    times = bytes.fromhex("000000000000f03f 0000000000000040 0000000000000840 000000000000e03f")
    worth = bytes.fromhex("000000000000d03f 0600000000000000 0700000000000000")
    assert to_meta(SHORT) == b"\x08" + times
    assert to_meta(WHOLE) == b"\x0f" + times + worth
    assert to_meta(TAGGED) == b"\x1f" + times + worth + b'["a"]'
    assert to_meta(StoredEntry(b"", 1.0, 2.0, 3.0)) == b"\0" + times[:24] + bytes(32)


@given(st.one_of(st.none(), st.integers(), st.text(max_size=40), st.binary(max_size=70)))
def test_whatever_stands_in_the_file_is_an_entry_or_none(meta: object) -> None:
    found = to_entry(b"data", meta)
    assert found is None or type(found.expires_at) is float


def spoilt(entry: StoredEntry, place: int, value: float) -> bytes:
    meta = bytearray(to_meta(entry))
    struct.pack_into("<d", meta, place, value)
    return bytes(meta)


DAMAGED: dict[str, Any] = {
    "nothing": b"",
    "one byte": b"\x08",
    "short too short": to_meta(SHORT)[:-1],
    "short too long": to_meta(SHORT) + b"\0",
    "whole too short": to_meta(WHOLE)[:-1],
    "whole too long": to_meta(WHOLE) + b"\0",
    "tags cut off": to_meta(TAGGED)[:-1],
    "tags without end": to_meta(TAGGED)[:57] + b"[" * 100_000,
    "later version": b"\x20" + to_meta(WHOLE)[1:],
    "stored at no number": spoilt(SHORT, 1, math.nan),
    "fresh until no number": spoilt(WHOLE, 9, math.nan),
    "expires at no number": spoilt(TAGGED, 17, math.nan),
    "text": "text",
    "no text": "",
    "number": 7,
    "null": None,
}


@pytest.mark.parametrize("meta", DAMAGED.values(), ids=DAMAGED)
def test_damaged_bytes_are_no_entry(meta: object) -> None:
    """A time that is no number would never be past."""
    assert to_entry(b"data", meta) is None


@pytest.mark.parametrize("data", ["text", 7, None])
def test_value_that_is_not_of_bytes_is_no_entry(data: object) -> None:
    assert to_entry(data, to_meta(SHORT)) is None


TOO_LARGE = {
    "tokens": StoredEntry(b"", 1.0, 2.0, 3.0, input_tokens=1 << 63),
    "cost": StoredEntry(b"", 1.0, 2.0, 3.0, cost=10**400),
    "duration": StoredEntry(b"", 1.0, 2.0, 3.0, duration=10**400),
    "time": StoredEntry(b"", 1.0, 2.0, 10**400),
}


@pytest.mark.parametrize("entry", TOO_LARGE.values(), ids=TOO_LARGE)
@pytest.mark.parametrize("durability", ["process", "behind"])
def test_number_that_is_too_large_is_an_error_and_costs_no_other_entry(
    make_store: MakeStore, entry: StoredEntry, durability: str
) -> None:
    """Not even one that waits to be written with it."""
    store = make_store(durability=durability, flush_seconds=3600.0)
    store.write(b"good", SHORT)
    with pytest.raises(StoreError, match="an entry cannot be written to a cache file"):
        store.write(b"bad", entry)
    store.flush()
    assert list(store.scan()) == [(b"good", SHORT)]


def test_whole_numbers_come_back_as_the_times_that_they_are(make_store: MakeStore) -> None:
    store = make_store()
    store.write(b"k", StoredEntry(b"", 1, 2, 3, cost=4, duration=5))
    found = store.read(b"k")
    assert found == StoredEntry(b"", 1.0, 2.0, 3.0, cost=4.0, duration=5.0)
    assert store.delete_expired(3.0) == 1
