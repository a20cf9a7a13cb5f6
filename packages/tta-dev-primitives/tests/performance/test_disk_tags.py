from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore

MakeStore = Callable[..., DiskStore]


def entry(*tags: str, data: bytes = b"data", stored_at: float = 1.0) -> StoredEntry:
    return StoredEntry(data, stored_at, 2e9, 2e9, tags=tags)


def tag_rows(store: DiskStore) -> int:
    return store._file.use(
        lambda connection: connection.execute("SELECT count(*) FROM tag").fetchone()[0], wait=True
    )


def test_tags_come_back_in_their_order(make_store: MakeStore) -> None:
    value = entry("b", "a", "b", "", "ümlaut\x00", "\ud800")
    make_store().write(b"k", value)
    assert make_store().read(b"k") == value


def test_entry_that_has_lost_its_tag_is_not_deleted_by_it(make_store: MakeStore) -> None:
    store = make_store()
    store.write(b"k", entry("old", "both"))
    store.write(b"k", entry("both"))
    assert store.delete_tags(["old"]) == 0
    store.write(b"k", entry())
    assert store.delete_tags(["both"]) == 0
    assert store.read(b"k") == entry()


def test_entry_with_several_of_the_tags_counts_once(make_store: MakeStore) -> None:
    store = make_store()
    store.write(b"1", entry("a", "b"))
    store.write(b"2", entry("b"))
    store.write(b"3", entry("c"))
    assert store.delete_tags(["a", "b", "none"]) == 2
    assert [key for key, _ in store.scan()] == [b"3"]


def test_more_tags_than_fit_into_one_statement(make_store: MakeStore) -> None:
    store = make_store()
    many = [f"tag {number}" for number in range(1500)]
    store.write(b"k", entry(*many))
    assert store.read(b"k") == entry(*many)
    assert store.delete_tags(many[::-1]) == 1
    assert tag_rows(store) == 0


GOING: dict[str, Callable[[DiskStore], object]] = {
    "delete": lambda store: store.delete([b"k"]),
    "prefix": lambda store: store.delete_prefix(b"k"),
    "expired": lambda store: store.delete_expired(3e9),
    "clear": lambda store: store.clear(),
    "replaced": lambda store: store.write(b"k", entry()),
}


@pytest.mark.parametrize("go", GOING.values(), ids=GOING)
def test_tags_go_with_their_entry(make_store: MakeStore, go: Callable[[DiskStore], Any]) -> None:
    """And after each way of going, the next entry's tags go as well."""
    store = make_store()
    for _ in range(2):
        store.write(b"k", entry("a", "b"))
        assert tag_rows(store) == 2
        go(store)
        assert tag_rows(store) == 0


def test_tags_of_evicted_entries_go(make_store: MakeStore) -> None:
    store = make_store(max_bytes=1 << 20)
    for number in range(80):
        value = entry(f"tag {number}", data=bytes(50_000), stored_at=float(number))
        store.write(b"%d" % number, value, wait=True)
    assert tag_rows(store) == len(store) < 40


@pytest.mark.parametrize("durability", ["process", "behind"])
def test_tagged_entry_is_written_whole_or_not_at_all(
    make_store: MakeStore, tmp_path: Path, durability: str
) -> None:
    """A failure in between leaves no entry that its tag does not find."""
    store = make_store(durability=durability)
    store.write(b"k", entry("old"))
    store.flush()
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute(
            "CREATE TRIGGER no BEFORE INSERT ON tag WHEN new.tag = CAST('new' AS BLOB)"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        with pytest.raises(StoreError):
            write_and_flush(store, b"k", entry("new", data=b"new"))
        other.execute("DROP TRIGGER no")
    assert store.read(b"k") == entry("old")
    assert store.delete_tags(["old"]) == 1


def write_and_flush(store: DiskStore, key: bytes, value: StoredEntry) -> None:
    store.write(key, value)
    store.flush()


@pytest.mark.parametrize("text", ["[", "7", "{}", '"text', "\x80", ""])
def test_entry_whose_tags_are_damaged_is_a_miss(
    make_store: MakeStore, tmp_path: Path, text: str
) -> None:
    store = make_store()
    store.write(b"k", entry("a"))
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        (meta,) = other.execute("SELECT meta FROM entry").fetchone()
        assert meta.endswith(b'["a"]')
        damaged = meta.removesuffix(b'["a"]') + text.encode("latin-1")
        other.execute("UPDATE entry SET meta = ?", (damaged,))
    assert store.read(b"k") is None
    assert list(store.scan()) == []


def test_scan_goes_on_while_others_write(make_store: MakeStore) -> None:
    """What is there all the time is seen once, however much changes beside it."""
    store, other = make_store(), make_store()
    for number in range(600):
        store.write(b"%03d" % number, entry(), wait=True)
    seen: list[bytes] = []
    for key, _ in store.scan():
        seen.append(key)
        if len(key) == 3:  # of every new one there would be a newer one, without end
            other.write(key + b"new", entry(), wait=True)
            other.delete([b"%03d" % (599 - int(key))] if int(key) % 3 == 0 else [])
    stayed = [b"%03d" % number for number in range(600) if other.read(b"%03d" % number) is not None]
    assert 300 < len(stayed) < 600
    assert [key for key in seen if key in set(stayed)] == stayed
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("durability", ["process", "behind", "power"])
def test_ten_megabytes_come_back(make_store: MakeStore, durability: str) -> None:
    store = make_store(durability=durability)
    value = entry("large", data=bytes(range(256)) * 40_000)
    store.write(b"k", value, wait=True)
    assert store.read(b"k") == value
    store.close()
    assert list(store.scan()) == [(b"k", value)]
    assert store.delete_tags(["large"]) == 1
