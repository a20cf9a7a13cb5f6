from __future__ import annotations

from pathlib import Path

import pytest

from tta_dev_primitives.performance.stores.disk import DiskStore
from tta_dev_primitives.performance.tiers.position import Position, PositionFile

from .hearing_processes import Start, entry
from .waiting import until

pytestmark = pytest.mark.service("redis")


async def test_a_disk_that_missed_nothing_between_two_processes_is_kept(
    start_process: Start, tmp_path: Path
) -> None:
    first = start_process(DiskStore(tmp_path))
    await first.store.write(b"k", entry())
    await first.store.delete([b"j"])
    await first.store.aclose()
    second = start_process(DiskStore(tmp_path))
    await second.store.read(b"none")
    assert second.near.read(b"k") is not None


async def test_a_disk_that_missed_a_deletion_between_two_processes_is_emptied(
    start_process: Start, tmp_path: Path
) -> None:
    """The entry that was deleted while no process used the file was answered from it."""
    first, elsewhere = start_process(DiskStore(tmp_path)), start_process()
    await first.store.write(b"k", entry())
    await first.store.aclose()
    await elsewhere.store.delete([b"k"])
    second = start_process(DiskStore(tmp_path))
    assert await second.store.read(b"k") is None
    assert len(second.near) == 0


async def test_a_process_that_is_killed_has_saved_how_far_it_was(
    start_process: Start, tmp_path: Path
) -> None:
    process = start_process(DiskStore(tmp_path))
    await process.store.write(b"k", entry())
    await process.store.delete([b"j"])
    saved = PositionFile(process.near.path, process.hearing._channel.name)
    await until(lambda: (found := saved.load()) is not None and found.generation == 1)


async def test_a_position_that_cannot_be_saved_is_said_once(
    start_process: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = start_process(DiskStore(tmp_path))
    PositionFile(process.near.path, process.hearing._channel.name).path.mkdir()
    for _ in range(2):
        await process.store.write(b"k", entry())
        await process.store.delete([b"k"])
        await process.store.aclose()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot write" in caplog.text


FILES = {
    "missing": None,
    "empty": b"",
    "not-json": b"\xff{",
    "list": b"[]",
    "number-as-text": b'{"epoch": "e", "generation": "1"}',
    "truth": b'{"epoch": "e", "generation": true}',
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_position_that_cannot_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    file = PositionFile(tmp_path / "cache.sqlite3", "channel")
    if content is not None:
        file.path.write_bytes(content)
    assert file.load() is None


def test_a_position_is_replaced_in_one_step(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "folder" / "cache.sqlite3", "channel")
    for generation in (1, 2):
        file.save(Position("e", generation))
        assert file.load() == Position("e", generation)
    assert list((tmp_path / "folder").iterdir()) == [file.path]
    assert PositionFile(tmp_path / "folder" / "cache.sqlite3", "other").load() is None


def test_a_position_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "cache.sqlite3", "channel")
    file.path.mkdir()
    with pytest.raises(OSError):
        file.save(Position("e", 1))
    assert list(tmp_path.iterdir()) == [file.path]
