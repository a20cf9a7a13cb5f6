from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.disk import file as disk_file
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore
from tta_dev_primitives.testing.mocks import MockPrimitive

MakeStore = Callable[..., DiskStore]


def entry(data: bytes = b"data", *, stored_at: float = 1.0, expires_at: float = 2e9) -> StoredEntry:
    return StoredEntry(data, stored_at, expires_at, expires_at)


@pytest.fixture
def locked(make_store: MakeStore, tmp_path: Path) -> Any:
    """A store whose file another program is writing to."""
    store = make_store()
    store.write(b"k", entry())
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with closing(other):
        yield store, other


def test_write_into_a_locked_file_is_put_off(locked: Any) -> None:
    store, other = locked
    in_time = threading.Timer(0.5, lambda: other.execute("COMMIT"))  # for a write that waits
    in_time.start()
    with pytest.raises(StoreBusyError):
        store.write(b"k", entry(b"new"))
    assert store.read(b"k") == entry()
    in_time.cancel()
    in_time.join()
    other.execute("COMMIT")
    store.write(b"k", entry(b"new"))


def test_patient_write_waits_for_the_lock(locked: Any) -> None:
    store, other = locked
    thread = threading.Timer(0.03, lambda: other.execute("COMMIT"))
    thread.start()
    store.write(b"k", entry(b"new"), wait=True)
    thread.join()
    assert store.read(b"k") == entry(b"new")


def test_patience_ends(locked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = locked
    monkeypatch.setattr(disk_file, "_WAIT_SECONDS", 0.02)
    with pytest.raises(StoreError, match="cannot be used: database is locked; the cache goes on"):
        store.write(b"k", entry(), wait=True)


@pytest.fixture
def taken(make_store: MakeStore, tmp_path: Path) -> Any:
    """A store whose file another program keeps for itself: nobody else can even open it."""
    store = make_store()
    store.write(b"k", entry())
    store.close()
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None, check_same_thread=False)
    with closing(other):
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield store, other


def test_opening_a_taken_file_is_put_off(taken: Any) -> None:
    store, other = taken
    in_time = threading.Timer(0.5, other.close)  # for an opening that waits
    in_time.start()
    with pytest.raises(StoreBusyError):
        store.read(b"k")
    in_time.cancel()
    in_time.join()
    other.close()
    assert store.read(b"k") == entry()


async def test_event_loop_goes_on_while_the_file_is_locked(locked: Any) -> None:
    store, other = locked
    cache = CachePrimitive(MockPrimitive(return_value="answer"), backend=store)
    call = asyncio.create_task(cache.execute("q"))
    await asyncio.sleep(0.03)
    assert not call.done()
    other.execute("COMMIT")
    assert await call == "answer"
    assert len(store) == 2


async def test_busy_read_is_repeated_in_a_thread(taken: Any) -> None:
    store, other = taken
    step = MockPrimitive(return_value="answer")
    call = asyncio.create_task(CachePrimitive(step, backend=store).execute("q"))
    await asyncio.sleep(0.03)
    assert (call.done(), step.call_count) == (False, 0)
    other.close()
    assert await call == "answer"
    assert len(store) == 2
