from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore
from tta_dev_primitives.performance.stores.inventory import DiskInventory


def entry(data: bytes = b"x") -> StoredEntry:
    return StoredEntry(data, 1.0, 2.0, 3.0, 0.5, 6, 7, 0.8, ("t",))


def fill(folder: Path, *keys: bytes, data: bytes = b"x") -> None:
    with closing(DiskStore(folder)) as store:
        for key in keys:
            store.write(key, entry(data), wait=True)


def test_scan_leaves_the_values_where_they_are(tmp_path: Path) -> None:
    fill(tmp_path, b"b", b"a", data=b"value")
    with closing(DiskInventory(tmp_path / FILE_NAME)) as inventory:
        assert list(inventory.scan()) == [(b"a", entry(b""), 5), (b"b", entry(b""), 5)]
        assert inventory.read(b"a") == entry(b"value")
        assert inventory.read(b"c") is None


@pytest.mark.parametrize("meta", ["x''", "'text'", "7", "x'2000'"])
def test_damaged_entry_is_passed_over_and_counted(tmp_path: Path, meta: str) -> None:
    fill(tmp_path, b"a", b"b")
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute(f"UPDATE entry SET meta = {meta} WHERE key = ?", (b"a",))
    with closing(DiskInventory(tmp_path / FILE_NAME)) as inventory:
        assert [key for key, _, _ in inventory.scan()] == [b"b"]
        assert inventory.damaged == 1
        assert inventory.read(b"a") is None
        assert inventory.damaged == 2


def test_what_is_written_in_the_middle_of_a_scan_spoils_nothing(tmp_path: Path) -> None:
    """A file without a log is read without locks, for as long as nobody changes it."""
    before = [b"%04d" % number for number in range(1000)]
    fill(tmp_path, *before)
    with closing(DiskInventory(tmp_path / FILE_NAME)) as inventory:
        scan = inventory.scan()
        found = [next(scan)[0]]
        fill(tmp_path, *(b"%04dx" % number for number in range(1000)), data=b"y" * 5000)
        found += [key for key, _, _ in scan]
    assert [key for key in found if not key.endswith(b"x")] == before
    assert len([key for key in found if key.endswith(b"x")]) > 700


def test_writer_that_stays_is_read_along_with(tmp_path: Path) -> None:
    fill(tmp_path, b"a")
    inventory = DiskInventory(tmp_path / FILE_NAME)
    with closing(inventory), closing(DiskStore(tmp_path)) as store:
        for number in range(3):
            store.write(b"b%d" % number, entry())
            assert len(list(inventory.scan())) == 2 + number


def test_file_that_somebody_holds_alone_is_waited_for(tmp_path: Path) -> None:
    fill(tmp_path, b"a")
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("DELETE FROM entry WHERE key = 'none'")
        letting_go = threading.Timer(0.05, other.close)
        letting_go.start()
        with closing(DiskInventory(path)) as inventory:
            assert [key for key, _, _ in inventory.scan()] == [b"a"]
        letting_go.join()


def test_file_that_went_away_is_told(tmp_path: Path) -> None:
    fill(tmp_path, b"a")
    with closing(DiskInventory(tmp_path / FILE_NAME)) as inventory:
        (tmp_path / FILE_NAME).unlink()
        with pytest.raises(StoreError, match="cannot be read"):
            list(inventory.scan())
    assert list(tmp_path.iterdir()) == []


def test_row_of_another_key_is_no_answer(tmp_path: Path) -> None:
    """A damaged index leads anywhere."""
    fill(tmp_path, b"a", b"b")
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        (root,) = other.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'entry'"
        ).fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
    data = bytearray((tmp_path / FILE_NAME).read_bytes())
    page = slice((root - 1) * size, root * size)
    data[page] = data[page].translate(bytes.maketrans(b"ab", b"ba"))
    (tmp_path / FILE_NAME).write_bytes(data)
    with closing(DiskInventory(tmp_path / FILE_NAME)) as inventory:
        assert len(list(inventory.scan())) == 2
        assert inventory.read(b"a") is None
