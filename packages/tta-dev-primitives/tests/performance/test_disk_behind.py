"""Entries that are written a moment later."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError, StoreError
from tta_dev_primitives.performance.disk import file as disk_file
from tta_dev_primitives.performance.disk import writer as disk_writer
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore

MakeStore = Callable[..., DiskStore]
NEVER = 3600.0


def entry(data: bytes = b"data", **more: Any) -> StoredEntry:
    return StoredEntry(data, 1.0, 2e9, 2e9, **more)


def in_the_file(folder: Path) -> list[bytes]:
    """Return the keys that another process would find."""
    if not (folder / FILE_NAME).exists():
        return []
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        if not connection.execute("SELECT * FROM sqlite_master").fetchall():
            return []
        return [key for (key,) in connection.execute("SELECT key FROM entry ORDER BY key")]


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    patience = time.monotonic() + seconds
    while not condition() and time.monotonic() < patience:
        time.sleep(0.002)
    return condition()


def writer_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tta-cache-writer"]


@pytest.fixture
def behind(make_store: MakeStore) -> DiskStore:
    """A store that writes only when it is told to."""
    return make_store(durability="behind", flush_seconds=NEVER)


def test_entry_is_read_before_it_is_written(behind: DiskStore, tmp_path: Path) -> None:
    behind.write(b"k", entry(tags=("a",)))
    assert behind.read(b"k") == entry(tags=("a",))
    assert in_the_file(tmp_path) == []
    behind.flush()
    assert in_the_file(tmp_path) == [b"k"]
    assert behind.read(b"k") == entry(tags=("a",))


def test_changing_an_entry_after_it_was_written_changes_nothing(behind: DiskStore) -> None:
    """What waits is not the caller's object."""
    mine = entry()
    behind.write(b"k", mine)
    mine.data = b"changed"
    found = behind.read(b"k")
    assert found is not None
    assert found == entry()
    found.data = b"changed"
    assert behind.read(b"k") == entry()


def test_entry_is_written_without_being_asked_to(make_store: MakeStore, tmp_path: Path) -> None:
    store = make_store(durability="behind", flush_seconds=0.01)
    for number in range(3):
        store.write(b"%d" % number, entry())
        assert eventually(lambda count=number: len(in_the_file(tmp_path)) == count + 1)


@pytest.mark.parametrize(
    ("count", "size"), [(1024, 1), (3, 1 << 21)], ids=["many entries", "many bytes"]
)
def test_full_group_is_not_kept_waiting(
    behind: DiskStore, tmp_path: Path, count: int, size: int
) -> None:
    for number in range(count):
        behind.write(b"%d" % number, entry(bytes(size)))
    assert eventually(lambda: len(in_the_file(tmp_path)) > 0)


def test_what_waits_is_bounded(make_store: MakeStore, tmp_path: Path) -> None:
    """While the file is locked, memory does not fill up."""
    store = make_store(durability="behind", flush_seconds=NEVER, max_pending_bytes=10_000)
    assert len(store) == 0
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(6):
            store.write(b"%d" % number, entry(bytes(1000)))
        with pytest.raises(StoreBusyError):
            store.write(b"too much", entry(bytes(1000)))
        waiting = store._writer
        assert waiting is not None
        assert waiting._waiting_bytes + waiting._committing_bytes <= 10_000
        other.execute("COMMIT")
    store.write(b"patient", entry(bytes(20_000)), wait=True)
    assert b"patient" in in_the_file(tmp_path)


def test_replacing_takes_no_more_room(make_store: MakeStore) -> None:
    store = make_store(durability="behind", flush_seconds=NEVER, max_pending_bytes=10_000)
    for number in range(100):
        store.write(b"k", entry(b"%d" % number * 100))
    assert store.read(b"k") == entry(b"99" * 100)


DELETIONS: dict[str, Callable[[DiskStore], object]] = {
    "delete": lambda store: store.delete([b"k", b"k", b"other"]),
    "prefix": lambda store: store.delete_prefix(b""),
    "tags": lambda store: store.delete_tags(["a", "b"]),
    "expired": lambda store: store.delete_expired(3e9),
    "prune": lambda store: store.prune(3e9),
}


@pytest.mark.parametrize("delete", DELETIONS.values(), ids=DELETIONS)
def test_what_waits_is_deleted_too(
    behind: DiskStore, tmp_path: Path, delete: Callable[[DiskStore], object]
) -> None:
    """It does not come back with the next flush."""
    behind.write(b"k", entry(tags=("a", "b")))
    assert delete(behind) == 1
    behind.flush()
    assert (behind.read(b"k"), in_the_file(tmp_path)) == (None, [])


def test_entry_can_be_read_while_it_is_being_written(behind: DiskStore, tmp_path: Path) -> None:
    behind.write(b"k", entry(b"old"))
    behind.flush()
    behind.write(b"k", entry(b"new"))
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        flush = threading.Thread(target=behind.flush)
        flush.start()
        writer = behind._writer
        assert writer is not None
        assert eventually(lambda: bool(writer._committing))
        assert behind.read(b"k") == entry(b"new")
        behind.write(b"k", entry(b"newest"))
        assert behind.read(b"k") == entry(b"newest")
        other.execute("COMMIT")
        flush.join()
    behind.flush()
    assert behind.read(b"k") == entry(b"newest")


def test_closing_writes_and_leaves_no_thread(behind: DiskStore, tmp_path: Path) -> None:
    before = len(writer_threads())
    behind.write(b"k", entry())
    assert len(writer_threads()) == before + 1
    behind.close()
    assert len(writer_threads()) == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert in_the_file(tmp_path) == [b"k"]
    behind.write(b"again", entry())
    behind.close()
    assert in_the_file(tmp_path) == [b"again", b"k"]


def test_thread_ends_when_there_is_nothing_to_do(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that nobody uses any more can be forgotten."""
    monkeypatch.setattr(disk_writer, "_LINGER_SECONDS", 0.01)
    before = len(writer_threads())
    store = make_store(durability="behind", flush_seconds=0.001)
    for _ in range(2):
        store.write(b"k", entry())
        assert eventually(lambda: len(writer_threads()) == before)


def test_entry_is_written_at_once_where_no_thread_can_start(
    behind: DiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the interpreter is about to end."""

    def refuse(thread: threading.Thread) -> None:
        msg = "can't start new thread at interpreter shutdown"
        raise RuntimeError(msg)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    behind.write(b"k", entry())
    assert in_the_file(tmp_path) == [b"k"]


def test_failure_is_said_once_and_how_much_was_lost(
    behind: DiskStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(disk_file, "_WAIT_SECONDS", 0.01)
    behind.write(b"kept", entry())
    behind.flush()
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for count in (2, 1, 3):
            for number in range(count):
                behind.write(b"%d" % number, entry())
            with pytest.raises(StoreError, match=f"{count} entries could not be written to cache"):
                behind.flush()
        other.execute("COMMIT")
    [first] = caplog.records
    assert first.levelno == logging.WARNING
    assert "database is locked" in first.getMessage()
    assert first.getMessage().endswith("; 2 entries that waited to be written are dropped")
    behind.write(b"back", entry())
    behind.flush()
    assert caplog.records[1:][0].getMessage().startswith("4 more entries that waited")
    assert in_the_file(tmp_path) == [b"back", b"kept"]
    behind.close()
    assert len(caplog.records) == 2


def test_large_value_is_not_a_reason_to_wait(behind: DiskStore) -> None:
    behind.write(b"k", entry(bytes(1 << 20)))
    assert behind.read(b"k") == entry(bytes(1 << 20))


def test_bound_of_the_file_holds(make_store: MakeStore, tmp_path: Path) -> None:
    store = make_store(durability="behind", max_bytes=1 << 21)
    for number in range(200):
        store.write(b"%d" % number, StoredEntry(bytes(50_000), float(number), 2e9, 2e9), wait=True)
    store.flush()
    assert store.read(b"199") is not None
    assert 10 < len(store) < 60


def test_threads_and_flushes_lose_nothing(make_store: MakeStore) -> None:
    store = make_store(durability="behind", flush_seconds=0.001, max_pending_bytes=20_000)
    failures: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for turn in range(200):
                key = b"%d-%d" % (name, turn % 20)
                store.write(key, entry(b"%d" % turn * 100), wait=True)
                assert store.read(key, wait=True) == entry(b"%d" % turn * 100)
                if turn % 50 == name:
                    store.flush()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store) == 80
    for name in range(4):
        assert store.read(b"%d-19" % name) == entry(b"199" * 100)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_child_of_a_fork_has_nothing_to_write(behind: DiskStore, tmp_path: Path) -> None:
    """What waited is in the file by then, and neither side has lost its thread for ever."""
    behind.write(b"before", entry())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that other threads may be running
        child = os.fork()
    if child == 0:
        try:
            assert behind.read(b"before") == entry()
            behind.write(b"child", entry())
            behind.close()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    behind.write(b"parent", entry())
    behind.flush()
    assert in_the_file(tmp_path) == [b"before", b"child", b"parent"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"durability": "none"}, "durability must be 'behind', 'process' or 'power', got 'none'"),
        ({"flush_seconds": 0.0}, "flush_seconds must be positive, got 0.0"),
        ({"flush_seconds": float("nan")}, "flush_seconds must be positive, got nan"),
        ({"max_pending_bytes": 0}, "max_pending_bytes must be at least 1, got 0"),
    ],
    ids=["durability", "no time", "no number", "no room"],
)
def test_mistakes_are_said_at_once(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        DiskStore(tmp_path, **options)
