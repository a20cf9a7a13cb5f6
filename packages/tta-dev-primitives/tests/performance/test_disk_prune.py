from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore

MakeStore = Callable[..., DiskStore]
VERSION_1 = """
PRAGMA application_id = 1953784163;
PRAGMA user_version = 1;
CREATE TABLE entry(
    key BLOB PRIMARY KEY, stored_at REAL NOT NULL, expires_at REAL NOT NULL,
    cost REAL, input_tokens INTEGER, output_tokens INTEGER, duration REAL, data BLOB NOT NULL
) WITHOUT ROWID;
"""


def entry(expires_at: float = 2e9, size: int = 20_000) -> StoredEntry:
    return StoredEntry(bytes(size), 1.0, expires_at, expires_at)


def file_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_pruning_makes_the_file_smaller(make_store: MakeStore, tmp_path: Path) -> None:
    store = make_store()
    for number in range(100):
        store.write(b"%d" % number, entry(1.0 if number % 10 else 2e9))
    before = file_bytes(tmp_path)
    assert store.prune(1.0) == 90
    assert store.prune(1.0) == 0
    assert file_bytes(tmp_path) < before / 4
    assert sorted(key for key, _ in store.scan()) == [b"%d" % tens for tens in range(0, 100, 10)]


def test_pruning_beside_a_reader_deletes_all_the_same(
    make_store: MakeStore, tmp_path: Path
) -> None:
    """The file gets smaller another time."""
    store = make_store()
    for number in range(50):
        store.write(b"%d" % number, entry(1.0))
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM entry").fetchone() == (50,)
        assert store.prune(1.0) == 50
        assert other.execute("SELECT count(*) FROM entry").fetchone() == (50,)
        other.execute("COMMIT")
    store.prune(1.0)
    assert file_bytes(tmp_path) < 200_000


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as old:
        old.executescript(VERSION_1)
        old.execute("PRAGMA journal_mode = WAL")
        for number in range(100):
            old.execute(
                "INSERT INTO entry VALUES(?, 1.0, 2.0, 0.5, 6, 7, 8.0, ?)",
                (b"%d" % number, bytes(20_000)),
            )
    return tmp_path


def test_file_of_version_1_is_taken_over(
    version_1: Path, make_store: MakeStore, caplog: Any
) -> None:
    store = make_store()
    assert store.read(b"7", wait=True) == StoredEntry(bytes(20_000), 1.0, 2.0, 2.0, 0.5, 6, 7, 8.0)
    store.write(b"7", StoredEntry(b"new", 1.0, 2.0, 3.0, tags=("a",)))
    assert (len(store), store.delete_tags(["a"])) == (100, 1)
    assert caplog.records == []


def test_damaged_rows_of_version_1_are_left_behind(version_1: Path, make_store: MakeStore) -> None:
    """And the others, of which less is known, are taken over."""
    with closing(sqlite3.connect(version_1 / FILE_NAME, isolation_level=None)) as old:
        old.execute("UPDATE entry SET cost = NULL, input_tokens = NULL, duration = NULL")
        for key, change in ((b"1", "expires_at = 'soon'"), (b"2", "input_tokens = 'many'")):
            old.execute(f"UPDATE entry SET {change} WHERE key = ?", (key,))
    store = make_store()
    known = StoredEntry(bytes(20_000), 1.0, 2.0, 2.0, None, None, 7, None)
    assert store.read(b"3", wait=True) == known
    assert (store.read(b"1"), store.read(b"2"), len(store)) == (None, None, 98)


def test_taking_a_file_over_does_not_keep_the_event_loop_waiting(
    version_1: Path, make_store: MakeStore
) -> None:
    """All of it is written anew."""
    store = make_store()
    with pytest.raises(StoreBusyError):
        store.read(b"7")
    with pytest.raises(StoreBusyError):
        store.write(b"7", entry())
    store.write(b"7", entry(), wait=True)
    assert store.read(b"7") == entry()


def test_file_that_was_taken_over_gets_smaller_too(version_1: Path, make_store: MakeStore) -> None:
    store = make_store()
    assert store.prune(2.0) == 100
    for number in range(100):
        store.write(b"%d" % number, entry(3.0))
    before = file_bytes(version_1)
    assert store.prune(3.0) == 100
    assert file_bytes(version_1) < before / 4


def test_row_of_somebody_else_is_not_taken_for_the_entry(
    make_store: MakeStore, tmp_path: Path
) -> None:
    """A damaged index may lead to another row, whose answer would be wrong."""
    store = make_store()
    for key in (b"first", b"mine", b"thou"):
        store.write(key, entry(size=1))
    store.close()
    path = tmp_path / FILE_NAME
    data = path.read_bytes()
    # A record of the index: its header (three bytes, a blob of 4, an integer), key, number of row.
    for key, row, other in ((b"mine", b"\x02", b"\x03"), (b"thou", b"\x03", b"\x02")):
        assert data.count(b"\x03\x14\x01" + key + row) == 1
        data = data.replace(b"\x03\x14\x01" + key + row, b"\x03\x14\x01" + key + other)
    path.write_bytes(data)
    assert (store.read(b"mine"), store.read(b"thou")) == (None, None)


def test_index_of_others_is_no_reason_to_set_the_file_aside(
    make_store: MakeStore, tmp_path: Path, caplog: Any
) -> None:
    store = make_store()
    store.write(b"k", entry())
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("ANALYZE")
        other.execute("CREATE INDEX theirs ON entry(stored_at)")
    assert store.read(b"k") == entry()
    assert caplog.records == []


def test_store_that_was_replaced_by_another_process_is_found_again(
    make_store: MakeStore, tmp_path: Path
) -> None:
    """Somebody moves the file away; what is written comes back to the path, not to the old file."""
    store = make_store(max_bytes=1 << 20)
    store.write(b"old", entry())
    for suffix in ("-wal", "-shm", ""):
        path = tmp_path / (FILE_NAME + suffix)
        path.rename(tmp_path / ("away" + suffix))
    for number in range(40):
        store.write(b"%d" % number, entry(), wait=True)
    assert make_store().read(b"39") == entry()
