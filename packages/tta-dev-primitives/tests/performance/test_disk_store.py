from __future__ import annotations

import asyncio
import gc
import math
import os
import random
import sqlite3
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.llm.types import LLMRequest, LLMResponse
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.stores import disk
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore
from tta_dev_primitives.testing.mocks import MockPrimitive

MakeStore = Callable[..., DiskStore]
MIB = 1 << 20


def entry(data: bytes = b"data", *, stored_at: float = 1.0, expires_at: float = 2e9) -> StoredEntry:
    return StoredEntry(data, stored_at, expires_at)


def write(store: DiskStore, key: bytes, value: StoredEntry) -> None:
    """Write as the cache does."""
    try:
        store.write(key, value)
    except StoreBusyError:
        store.write(key, value, wait=True)


def asides(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*set-aside*") if path.suffix == ".sqlite3")


ENTRIES = {
    "bare": StoredEntry(b"", 0.0, math.inf),
    "whole": StoredEntry(b"\x00\xff", 1.5, 2.5, 0.01, 10, 20, 0.25),
    "free": StoredEntry(b"x", -1.0, 1e12, 0.0, 0, 0, 0.0),
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
    taken = store._connection()

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
    with pytest.raises(StoreBusyError):
        store.write(b"k", entry(b"new"))
    assert store.read(b"k") == entry()
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
    monkeypatch.setattr(disk, "_WAIT_SECONDS", 0.02)
    with pytest.raises(StoreError, match="cannot be used: database is locked; the cache goes on"):
        store.write(b"k", entry(), wait=True)


def test_file_that_another_program_keeps_for_itself_is_not_waited_for(
    make_store: MakeStore, tmp_path: Path
) -> None:
    """Not even to open it."""
    store = make_store()
    store.write(b"k", entry())
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        fresh = make_store()
        with pytest.raises(StoreBusyError):
            fresh.read(b"k")
    assert fresh.read(b"k") == entry()


async def test_event_loop_goes_on_while_the_file_is_locked(locked: Any) -> None:
    store, other = locked
    cache = CachePrimitive(MockPrimitive(return_value="answer"), backend=store)
    call = asyncio.create_task(cache.execute("q"))
    await asyncio.sleep(0.03)
    assert not call.done()
    other.execute("COMMIT")
    assert await call == "answer"
    assert len(store) == 2


async def test_busy_read_is_repeated_in_a_thread(make_store: MakeStore, tmp_path: Path) -> None:
    step = MockPrimitive(return_value="answer")
    cache = CachePrimitive(step, backend=make_store())
    await cache.execute("q")
    cache.close()
    with closing(
        sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        call = asyncio.create_task(cache.execute("q"))
        await asyncio.sleep(0.03)
        assert not call.done()
    assert await call == "answer"
    assert step.call_count == 1


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


UNUSABLE = {
    "folder is a file": lambda folder: (folder / "file", (folder / "file").write_text("mine")),
    "folder is below a file": lambda folder: (
        folder / "file" / "cache",
        (folder / "file").write_text("mine"),
    ),
    "file is a folder": lambda folder: (folder, (folder / FILE_NAME).mkdir()),
}


@pytest.mark.parametrize("prepare", UNUSABLE.values(), ids=UNUSABLE)
async def test_store_that_cannot_be_used_never_ends_the_call(
    prepare: Callable[[Path], tuple[Path, object]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, _ = prepare(tmp_path)
    step = MockPrimitive(return_value="answer")
    cache = CachePrimitive(step, cache_dir=folder, name="answers")
    for _ in range(3):
        assert await cache.execute("q") == "answer"
    assert step.call_count == 3
    [record] = caplog.records
    assert record.getMessage().startswith(f"answers: cache file {folder / FILE_NAME} cannot be")
    with pytest.raises(StoreError, match="cannot be used"):
        cache.get_stats()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder in which nobody can write")
async def test_folder_in_which_no_file_can_be_made_never_ends_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    step = MockPrimitive(return_value="answer")
    cache = CachePrimitive(step, cache_dir="/proc/self")
    for _ in range(2):
        assert await cache.execute("q") == "answer"
    assert len(caplog.records) == 1


def allow(path: Path, mode: int) -> None:
    path.chmod(mode)


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="this user may write everywhere"
)
async def test_read_only_folder_is_read_and_not_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    step = MockPrimitive(return_value="answer")
    cache = CachePrimitive(step, cache_dir=tmp_path)
    await cache.execute("old")
    cache.close()
    allow(tmp_path, 0o500)
    for _ in range(2):
        assert await cache.execute("new") == "answer"
    cache.close()
    allow(tmp_path, 0o700)
    assert step.call_count == 3
    assert len(caplog.records) >= 1


async def test_folder_that_is_deleted_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    cache = CachePrimitive(MockPrimitive(return_value="answer"), cache_dir=folder)
    await cache.execute("q")
    cache.close()
    (folder / FILE_NAME).unlink()
    folder.rmdir()
    assert await cache.execute("q") == "answer"
    assert cache.get_stats()["size"] == 1
    cache.close()


def good_file(folder: Path, entries: int = 40) -> bytes:
    """Return the bytes of a store's file, with everything in it and no log beside it."""
    store = DiskStore(folder)
    for number in range(entries):
        write(store, b"%d" % number, entry(b"%d" % number * 200))
    store.close()
    data = (folder / FILE_NAME).read_bytes()
    (folder / FILE_NAME).unlink()
    return data


def garbage(path: Path) -> str:
    path.write_bytes(b"no database " * 2000)
    return "file is not a database"


def truncated(path: Path) -> str:
    path.write_bytes(good_file(path.parent, entries=400)[:20_000])
    return "malformed"


def overwritten(path: Path) -> str:
    data = good_file(path.parent, entries=400)
    path.write_bytes(data[:8192] + bytes(range(256)) * ((len(data) - 8192) // 256))
    return "malformed"


def foreign(path: Path) -> str:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs(a)")
    return "another program's database"


def another_table(path: Path) -> str:
    path.write_bytes(good_file(path.parent))
    with closing(sqlite3.connect(path)) as other:
        other.execute("ALTER TABLE entry RENAME COLUMN cost TO price")
    return "no such column: cost"


def schema_that_is_no_text(path: Path) -> str:
    data = good_file(path.parent)
    path.write_bytes(data.replace(b"WITHOUT ROWID", b"WITHOUT \xff\xfe\xff\xfe\xff"))
    return "'utf-8' codec can't decode"


def newer(path: Path) -> str:
    path.write_bytes(good_file(path.parent))
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 7")
    return "written by a newer version (7)"


SPOILING = [
    garbage, truncated, overwritten, foreign, newer, another_table, schema_that_is_no_text
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILING)
async def test_unreadable_file_is_set_aside_and_said(
    spoil: Callable[[Path], str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reason = spoil(tmp_path / FILE_NAME)
    before = (tmp_path / FILE_NAME).read_bytes()
    step = MockPrimitive(return_value="answer")
    cache = CachePrimitive(step, cache_dir=tmp_path)
    assert [await cache.execute("q") for _ in range(2)] == ["answer", "answer"]
    assert (step.call_count, cache.get_stats()["size"]) == (1, 1)
    [aside] = asides(tmp_path)
    assert aside.read_bytes() == before
    [record] = caplog.records
    assert reason in record.getMessage()
    assert f"set aside as {aside.name}" in record.getMessage()
    cache.close()


async def test_log_of_a_foreign_file_is_set_aside_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What the other program has written, and SQLite not yet copied, is not lost."""
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE theirs(a)")
        other.execute("INSERT INTO theirs VALUES(7)")
        cache = CachePrimitive(MockPrimitive(), cache_dir=tmp_path)
        await cache.execute("q")
        cache.close()
    [aside] = asides(tmp_path)
    with closing(sqlite3.connect(aside)) as again:
        assert again.execute("SELECT a FROM theirs").fetchall() == [(7,)]
    assert len(caplog.records) == 1


async def test_unreadable_file_that_cannot_be_set_aside_never_ends_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    garbage(tmp_path / FILE_NAME)
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    (tmp_path / "tta-cache.set-aside-1.sqlite3").mkdir()
    step = MockPrimitive(return_value="answer")
    cache = CachePrimitive(step, cache_dir=tmp_path)
    assert [await cache.execute("q") for _ in range(2)] == ["answer", "answer"]
    assert step.call_count == 2
    assert len(caplog.records) == 1


@pytest.mark.parametrize("begun_anew", [True, False], ids=["new file", "no file"])
def test_file_that_somebody_else_has_set_aside_is_not_set_aside_again(
    make_store: MakeStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, begun_anew: bool
) -> None:
    path = tmp_path / FILE_NAME
    late = make_store()
    write(late, b"old", entry())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DELETE FROM entry")  # makes the late one look at the file again
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.write(b"no database " * 2000)
    early = make_store()
    early.write(b"new", entry())
    if not begun_anew:
        early.close()
        path.unlink()
    assert late.read(b"new") == (entry() if begun_anew else None)
    assert len(asides(tmp_path)) == len(caplog.records) == 1


def test_file_that_is_spoilt_again_and_again_ends_in_an_error(
    make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is replaced once per use, not for ever."""
    replaced: list[Path] = []
    usual = Path.replace

    def replace(path: Path, target: Path) -> Path:
        moved = usual(path, target)
        replaced.append(garbage(path) and moved)  # pyright: ignore[reportArgumentType] - a path
        return moved

    garbage(tmp_path / FILE_NAME)
    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(StoreError, match="file is not a database"):
        make_store().read(b"k")
    assert len(replaced) == 1


def test_any_damage_is_survived(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Bytes are changed at random; the cache may forget, but it answers."""
    step = MockPrimitive(side_effect=lambda x, context: {"x": x, "fill": "." * 300})
    cache = CachePrimitive(step, cache_dir=tmp_path / "good")
    for number in range(60):
        cache.run(str(number))
    cache.close()
    whole = (tmp_path / "good" / FILE_NAME).read_bytes()
    for seed in range(60):
        chance = random.Random(seed)
        data = bytearray(whole)
        for _ in range(chance.choice([1, 5, 50, 500])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / FILE_NAME).write_bytes(data)
        damaged = CachePrimitive(step, cache_dir=folder)
        asyncio.run(ask_all(damaged))
        damaged.close()


async def ask_all(cache: CachePrimitive[Any, Any]) -> None:
    for number in range(60):
        await cache.execute(str(number))


@pytest.mark.parametrize(
    "change", ["expires_at = 'soon'", "stored_at = 'long ago'", "data = 'text'", "data = 7"]
)
async def test_entry_with_something_else_in_a_column_is_a_miss(
    tmp_path: Path, change: str, watcher: Any
) -> None:
    step = MockPrimitive(return_value="answer")
    cache = CachePrimitive(step, cache_dir=tmp_path)
    await cache.execute("q")
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute(f"UPDATE entry SET {change}")
    for _ in range(2):
        assert await cache.execute("q") == "answer"
    assert step.call_count == 2
    cache.close()


async def test_entry_of_another_type_is_a_miss_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a release that renamed a field."""
    step = MockPrimitive(return_value=LLMResponse("hi"))
    cache = CachePrimitive(step, cache_dir=tmp_path, name="answers")
    await cache.execute("q")
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("UPDATE entry SET data = replace(data, 'latency', 'slowness')")
        other.execute("UPDATE entry SET data = CAST(data AS BLOB)")
    for _ in range(2):
        assert await cache.execute("q") == LLMResponse("hi")
    assert step.call_count == 2
    [record] = caplog.records
    assert record.getMessage() == (
        "answers: an entry was passed over: stored entry has other fields than LLMResponse has "
        "now: latency, slowness"
    )
    cache.close()


async def test_llm_request_is_found_on_disk(tmp_path: Path) -> None:
    def request() -> LLMRequest:
        return LLMRequest(({"role": "user", "content": "hi"},), model="small", extra={"user": "a"})

    step = MockPrimitive(return_value=LLMResponse("hello", raw=object(), cost=0.5))
    for _ in range(2):
        cache = CachePrimitive(step, cache_dir=tmp_path)
        assert await cache.execute(request()) == LLMResponse("hello", cost=0.5)
        cache.close()
    assert step.call_count == 1
