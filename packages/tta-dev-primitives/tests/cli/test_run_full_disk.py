from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.cli import file_lock
from tta_dev_primitives.cli.exits import OutputError
from tta_dev_primitives.cli.results import ResultFile

resource = pytest.importorskip("resource", reason="file size limits stand in for a full disk")


@pytest.fixture
def disk_of() -> Iterator[Callable[[int], None]]:
    """Lets no file grow beyond a size: like a full disk, it cuts a write short, then fails.

    The limit holds for whatever pytest prints as well: take it back before the test ends.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def record(index: int, size: int = 0) -> dict[str, Any]:
    return {"index": index, "input_digest": "ab", "ok": True, "output": "x" * size}


def test_full_disk_keeps_whole_records_and_resume_completes_them(
    folder: Path, disk_of: Any, tta_run: Any, write_lines: Any, read_records: Any
) -> None:
    write_lines(*["x" * 400] * 6)
    disk_of(1200)
    ended = tta_run("echo", "--concurrency", "2")
    disk_of(resource.RLIM_INFINITY)
    assert ended.code == 1
    assert ended.complaint == (
        "cannot write out.jsonl.partial: File too large; "
        "what had finished is kept, --resume goes on"
    )
    assert (folder / "out.jsonl.partial").read_bytes().endswith(b"}\n")
    assert len(read_records("out.jsonl.partial")) == 2
    assert tta_run("echo", "--resume").code == 0
    assert [record["output"] for record in read_records()] == ["x" * 400] * 6


def test_item_that_fits_is_kept_after_one_that_did_not(folder: Path, disk_of: Any) -> None:
    """Items under way write on after the first failure; a torn line between them would cost all."""
    results = ResultFile(folder / "out.jsonl", resume=False)
    results.write(record(0))
    disk_of(300)
    with pytest.raises(OutputError, match="File too large"):
        results.write(record(1, size=1000))
    results.write(record(2))
    results.close()
    disk_of(resource.RLIM_INFINITY)
    again = ResultFile(folder / "out.jsonl", resume=True)
    assert sorted(again.done) == [0, 2]
    again.close()


def test_disk_that_is_full_at_the_end_keeps_every_record(
    folder: Path, tta_run: Any, write_lines: Any, read_records: Any
) -> None:
    write_lines(1, 2, 3)
    (folder / "out.jsonl.ordered").mkdir()
    ended = tta_run("echo")
    assert ended.code == 1
    assert ended.complaint.startswith("cannot write out.jsonl: ")
    assert ended.complaint.endswith(
        "; every record is kept in out.jsonl.partial, --resume completes it"
    )
    (folder / "out.jsonl.ordered").rmdir()
    assert tta_run("echo", "--resume").code == 0
    assert [record["output"] for record in read_records()] == [1, 2, 3]


def test_half_written_final_file_is_removed(folder: Path, disk_of: Any) -> None:
    results = ResultFile(folder / "out.jsonl", resume=False)
    results.write(record(0, size=500))
    disk_of(100)
    with pytest.raises(OutputError, match="every record is kept"):
        results.finish()
    disk_of(resource.RLIM_INFINITY)
    results.close()
    assert [path.name for path in folder.glob("out*")] == ["out.jsonl.partial"]


def test_full_device_is_one_line_and_is_not_replaced(tta: Any, write_lines: Any) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("needs a device that is always full: Linux's /dev/full")
    write_lines(1, 2)
    ended = tta("run", "workflows_here:echo", "--input", "in.jsonl", "--output", "/dev/full")
    assert ended.code == 1
    assert ended.complaint == "cannot write to /dev/full: No space left on device"
    assert Path("/dev/full").is_char_device()
    ended = tta(
        "run", "workflows_here:echo", "--input", "in.jsonl", "--output", "/dev/full", "--resume"
    )
    assert ended.complaint == "/dev/full cannot be resumed; give --output a file"


def test_device_without_reader_cannot_be_opened(tta: Any, write_lines: Any, folder: Path) -> None:
    """A socket in the file system is no file, and cannot be opened as one."""
    import socket

    write_lines(1)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("out.socket")
        ended = tta("run", "workflows_here:echo", "--input", "in.jsonl", "--output", "out.socket")
    assert ended.code == 1
    assert ended.complaint.startswith("cannot write to out.socket: ")


def test_file_system_without_locks_is_written_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with (folder / "file").open("wb", buffering=0) as file:
        assert file_lock.lock(file)
