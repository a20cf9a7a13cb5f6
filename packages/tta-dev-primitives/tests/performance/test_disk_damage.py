from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.llm.types import LLMRequest, LLMResponse
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore
from tta_dev_primitives.testing.mocks import MockPrimitive

MakeStore = Callable[..., DiskStore]


def entry(data: bytes = b"data", *, stored_at: float = 1.0, expires_at: float = 2e9) -> StoredEntry:
    return StoredEntry(data, stored_at, expires_at, expires_at)


def write(store: DiskStore, key: bytes, value: StoredEntry) -> None:
    """Write as the cache does."""
    try:
        store.write(key, value)
    except StoreBusyError:
        store.write(key, value, wait=True)


def asides(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*set-aside*") if path.suffix == ".sqlite3")


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
        other.execute("ALTER TABLE entry RENAME COLUMN meta TO more")
    return "its tables are not those of version 2"


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
    "change", ["meta = 'text'", "meta = 7", "meta = x''", "data = 'text'", "data = 7"]
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
        other.execute("UPDATE entry SET data = replace(data, 'latency', 'slowing')")
        other.execute("UPDATE entry SET data = CAST(data AS BLOB)")
    for _ in range(2):
        assert await cache.execute("q") == LLMResponse("hi")
    assert step.call_count == 2
    [record] = caplog.records
    assert record.getMessage() == (
        "answers: an entry was passed over: stored entry has other fields than LLMResponse has "
        "now: latency, slowing"
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
