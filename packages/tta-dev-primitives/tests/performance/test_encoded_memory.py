from __future__ import annotations

from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.encoded_memory import EncodedMemoryStore


def entry(data: bytes = b"data", *, until: float = 2e9, tags: tuple[str, ...] = ()) -> StoredEntry:
    return StoredEntry(data, 1.0, until, until, tags=tags)


@pytest.mark.parametrize("options", [{"max_entries": 0}, {"max_bytes": 0}], ids=str)
def test_bounds_must_be_positive(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="must be at least 1, got 0"):
        EncodedMemoryStore(**options)


def test_entry_comes_back_as_it_was() -> None:
    store = EncodedMemoryStore()
    whole = StoredEntry(b"\x00\xff", 1.5, 2.5, 3.5, 0.01, 10, 20, 0.25, ("a", "b"))
    store.write(b"k", whole)
    assert store.read(b"k") == whole
    assert store.read(b"") is None


def test_writing_again_replaces() -> None:
    store = EncodedMemoryStore()
    store.write(b"k", entry(b"old", tags=("old",)))
    store.write(b"k", entry(b"new"))
    assert (store.read(b"k"), len(store)) == (entry(b"new"), 1)
    assert store.delete_tags(["old"]) == 0


def test_what_is_read_outlives_what_is_not() -> None:
    store = EncodedMemoryStore(max_entries=2)
    store.write(b"used", entry())
    store.write(b"unused", entry())
    store.read(b"used")
    store.write(b"new", entry())
    assert [store.read(key) is None for key in (b"used", b"unused", b"new")] == [False, True, False]


def test_bytes_are_bounded_with_keys_and_tags() -> None:
    """A thousand small entries with long tags take more than their data."""
    bare, tagged = EncodedMemoryStore(max_bytes=100_000), EncodedMemoryStore(max_bytes=100_000)
    for number in range(1000):
        bare.write(b"%d" % number, entry())
        tagged.write(b"%d" % number, entry(tags=("t" * 1000,)))
    assert len(tagged) < 60 < len(bare) < 150


def test_an_entry_beyond_the_bound_is_not_kept_nor_what_it_replaces() -> None:
    store = EncodedMemoryStore(max_bytes=10_000)
    store.write(b"other", entry())
    store.write(b"k", entry())
    store.write(b"k", entry(bytes(20_000)))
    assert store.read(b"k") is None
    assert store.read(b"other") == entry()


def test_deletions_count_what_there_was() -> None:
    store = EncodedMemoryStore()
    for key in (b"a1", b"a2", b"b1", b"b2", b"c1"):
        store.write(key, entry(tags=(key.decode()[1],), until=float(key[1:])))
    assert store.delete([b"a1", b"a1", b"none"]) == 1
    assert store.delete_prefix(b"b") == 2
    assert store.delete_tags(["2", "9"]) == 1
    assert (store.delete_expired(0.5), store.delete_expired(1)) == (0, 1)
    assert len(store) == 0


def test_scan_is_not_disturbed_by_writers() -> None:
    store = EncodedMemoryStore()
    for key in (b"a1", b"b1", b"a2"):
        store.write(key, entry(key))
    found = store.scan(b"a")
    store.clear()
    assert list(found) == [(b"a1", entry(b"a1")), (b"a2", entry(b"a2"))]


def test_closing_keeps_the_entries() -> None:
    store = EncodedMemoryStore()
    store.write(b"k", entry())
    store.close()
    assert store.read(b"k") == entry()
