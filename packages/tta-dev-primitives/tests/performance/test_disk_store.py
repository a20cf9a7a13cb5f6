from __future__ import annotations

import gc
import math
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore
from tta_dev_primitives.testing.mocks import MockPrimitive

MakeStore = Callable[..., DiskStore]


MIB = 1 << 20


def entry(data: bytes = b"data", *, stored_at: float = 1.0, expires_at: float = 2e9) -> StoredEntry:
    return StoredEntry(data, stored_at, expires_at, expires_at)


def write(store: DiskStore, key: bytes, value: StoredEntry) -> None:
    """Write as the cache does."""
    try:
        store.write(key, value)
    except StoreBusyError:
        store.write(key, value, wait=True)


ENTRIES = {
    "bare": StoredEntry(b"", 0.0, 5.0, math.inf),
    "whole": StoredEntry(b"\x00\xff", 1.5, 2.0, 2.5, 0.01, 10, 20, 0.25),
    "free": StoredEntry(b"x", -1.0, -0.5, 1e12, 0.0, 0, 0, 0.0),
}


@pytest.mark.parametrize("value", ENTRIES.values(), ids=ENTRIES)
def test_entry_comes_back_as_it_was(make_store: MakeStore, value: StoredEntry) -> None:
    make_store().write(b"\x00key", value)
    assert make_store().read(b"\x00key") == value
    assert make_store().read(b"\x00") is None


def test_writing_again_replaces(make_store: MakeStore) -> None:
    store = make_store()
    for data in (b"old", b"new"):
        store.write(b"k", entry(data))
    assert (store.read(b"k"), len(store)) == (entry(b"new"), 1)


def test_only_what_expired_is_deleted(make_store: MakeStore) -> None:
    store = make_store()
    for second in (1, 2, 3):
        store.write(b"%d" % second, entry(expires_at=second))
    assert store.delete_expired(2) == 2
    assert (store.read(b"2"), store.read(b"3")) == (None, entry(expires_at=3))
    store.clear()
    assert len(store) == 0


def test_folder_is_made_at_the_first_use(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    store = DiskStore(folder)
    assert not folder.exists()
    store.write(b"k", entry())
    assert (folder / FILE_NAME).exists()


def test_two_stores_see_each_other(make_store: MakeStore) -> None:
    one, other = make_store(), make_store()
    one.write(b"k", entry())
    assert other.read(b"k") == entry()
    other.clear()
    assert one.read(b"k") is None


def test_threads_work_side_by_side(make_store: MakeStore) -> None:
    store = make_store()
    failures: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for turn in range(60):
                key = b"%d-%d" % (name, turn)
                store.write(key, entry(key), wait=True)
                assert store.read(key, wait=True) == entry(key)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store) == 240


def test_closing_while_another_thread_works_harms_nobody(make_store: MakeStore) -> None:
    store = make_store()
    failures: list[BaseException] = []
    stop = threading.Event()

    def work() -> None:
        try:
            turn = 0
            while not stop.is_set():
                turn += 1
                store.write(b"k", entry(b"%d" % turn), wait=True)
                assert store.read(b"k", wait=True) == entry(b"%d" % turn)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(100):
        store.close()
        time.sleep(0.0005)
    stop.set()
    thread.join()
    assert failures == []


def test_connection_that_is_closed_at_the_last_moment_is_opened_again(
    make_store: MakeStore,
) -> None:
    """By another thread, between taking it and holding it."""
    store = make_store()
    store.write(b"k", entry())
    taken = store._file.connection()

    class ClosedFirst:
        def __enter__(self) -> None:
            taken.close()

        def __exit__(self, *_: object) -> None:
            return None

    taken.lock = cast("Any", ClosedFirst())
    assert len(store) == 1


def test_connection_is_closed_with_its_store(tmp_path: Path) -> None:
    """Python 3.13 warns about every connection that is not."""
    store = DiskStore(tmp_path)
    store.write(b"k", entry())
    assert Path(f"{tmp_path / FILE_NAME}-wal").exists()
    del store
    gc.collect()
    assert not Path(f"{tmp_path / FILE_NAME}-wal").exists()  # SQLite tidies up at the last close


def test_connection_is_closed_with_its_thread(make_store: MakeStore, tmp_path: Path) -> None:
    store = make_store()
    thread = threading.Thread(target=store.write, args=(b"k", entry()))
    thread.start()
    thread.join()
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_connections_of_other_threads_are_closed_too(make_store: MakeStore, tmp_path: Path) -> None:
    store = make_store()
    written, finish = threading.Event(), threading.Event()

    def work() -> None:
        store.write(b"k", entry())
        written.set()
        finish.wait()

    thread = threading.Thread(target=work)
    thread.start()
    written.wait()
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    finish.set()
    thread.join()


def test_closed_cache_leaves_no_open_file(tmp_path: Path) -> None:
    cache = CachePrimitive(MockPrimitive(), cache_dir=tmp_path)
    cache.run("q")
    assert Path(f"{tmp_path / FILE_NAME}-wal").exists()
    cache.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_no_open_connection_is_carried_over_a_fork(make_store: MakeStore, tmp_path: Path) -> None:
    """SQLite would lose track of its locks."""
    store = make_store()
    store.write(b"k", entry())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that other threads may be running
        child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert store.read(b"k") == entry()


def test_large_value_is_not_written_inline(make_store: MakeStore) -> None:
    store = make_store()
    with pytest.raises(StoreBusyError):
        store.write(b"k", entry(bytes(262_145)))
    store.write(b"k", entry(bytes(262_145)), wait=True)
    assert store.read(b"k") == entry(bytes(262_145))


async def test_large_answer_is_cached(tmp_path: Path) -> None:
    step = MockPrimitive(return_value=["x" * MIB])
    cache = CachePrimitive(step, cache_dir=tmp_path)
    assert await cache.execute("q") == await cache.execute("q") == ["x" * MIB]
    assert step.call_count == 1
    cache.close()


async def test_answer_that_would_push_out_everything_else_is_not_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    step = MockPrimitive(side_effect=lambda x, context: x * MIB)
    cache = CachePrimitive(step, cache_dir=tmp_path, max_bytes=MIB)
    for _ in range(2):
        await cache.execute("x")
    assert step.call_count == 2
    [record] = caplog.records
    assert "more than half of max_bytes=1048576 is not kept" in record.getMessage()
    cache.close()


def used_bytes(folder: Path) -> int:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


def test_file_stays_near_its_bound_and_keeps_the_newest(
    make_store: MakeStore, tmp_path: Path
) -> None:
    store = make_store(max_bytes=2 * MIB)
    for number in range(200):
        write(store, b"%d" % number, entry(bytes(50_000), stored_at=number))
        assert used_bytes(tmp_path) < 3 * MIB
    assert store.read(b"199") is not None
    assert store.read(b"0") is None
    kept = [number for number in range(200) if store.read(b"%d" % number) is not None]
    assert kept == list(range(kept[0], 200))
    assert len(kept) > 20


def test_what_expired_makes_room_first(make_store: MakeStore) -> None:
    store = make_store(max_bytes=2 * MIB)
    for number in range(48):  # as many as it takes to come over the bound once
        expires_at = 1.0 if number % 2 else 4e9
        write(store, b"%d" % number, entry(bytes(50_000), stored_at=number, expires_at=expires_at))
    kept = [number for number in range(48) if store.read(b"%d" % number) is not None]
    assert kept == list(range(0, 48, 2))


def test_log_is_copied_into_the_file_every_so_often(make_store: MakeStore, tmp_path: Path) -> None:
    """Or a process that only ever writes would let it grow without end."""
    store = make_store()
    for number in range(2000):
        write(store, b"%d" % (number % 50), entry(bytes(1000)))
    assert Path(f"{tmp_path / FILE_NAME}-wal").stat().st_size < 17 * MIB
