"""Files and folders that can be read and not written, as a user who is not root."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions work otherwise there")


@contextlib.contextmanager
def read_only(folder: Path) -> Generator[None]:
    """Let nothing in *folder* be written, by being somebody else where root may everything."""
    root = os.geteuid() == 0
    folder.chmod(0o555)
    for path in folder.iterdir():
        path.chmod(0o444)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.chmod(0o644)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # pytest's own cannot be entered by others
        yield Path(name)


def entry(data: bytes = b"old") -> StoredEntry:
    return StoredEntry(data, 1.0, 2e9, 2e9)


def test_change_of_a_file_that_is_read_without_locks_is_seen(folder: Path) -> None:
    """Somebody who may writes it; the reader does not mix old pages with new ones."""
    writer, reader = DiskStore(folder), DiskStore(folder)
    writer.write(b"k", entry())
    writer.close()
    for data in (b"old", b"new"):
        with read_only(folder):
            assert reader.read(b"k") == entry(data)
            assert [path.name for path in folder.iterdir()] == [FILE_NAME]
        writer.write(b"k", entry(b"new"))
        writer.close()
    reader.close()


def test_every_write_into_what_cannot_be_written_is_an_error(folder: Path) -> None:
    store = DiskStore(folder)
    store.write(b"k", entry())
    store.close()
    with read_only(folder):
        for _ in range(2):
            with pytest.raises(StoreError, match="attempt to write a readonly database"):
                store.write(b"k", entry(b"new"))
        assert store.read(b"k") == entry()
        store.close()
    store.write(b"k", entry(b"new"))
    assert store.read(b"k") == entry(b"new")
    store.close()


def test_older_file_that_cannot_be_written_is_not_used(folder: Path) -> None:
    """It cannot be taken over."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as old:
        old.execute("PRAGMA application_id = 1953784163")
        old.execute("PRAGMA user_version = 1")
        old.execute("CREATE TABLE entry(key)")
    store = DiskStore(folder)
    with read_only(folder), pytest.raises(StoreError, match="cannot be used"):
        store.read(b"k", wait=True)
    store.close()


def test_log_that_cannot_be_read_is_not_passed_over(folder: Path) -> None:
    """What a process that died has written last would be missing."""
    program = (
        "import os, sys; from tta_dev_primitives.performance.stores.disk import *;"
        " DiskStore(sys.argv[1]).write(b'k', StoredEntry(b'', 1.0, 2.0, 2.0)); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, folder], check=True)
    (folder / f"{FILE_NAME}-shm").unlink()
    store = DiskStore(folder)
    with read_only(folder), pytest.raises(StoreError, match="cannot be used"):
        store.read(b"k", wait=True)
    assert store.read(b"k") == StoredEntry(b"", 1.0, 2.0, 2.0)
    store.close()


READING = """
import os, sys, urllib.parse  # what newer Pythons import late, this user may not read
from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore

if os.geteuid() == 0:
    os.setuid(65534)
store = DiskStore(sys.argv[1])
for turn in range(2):
    assert store.read(b"k").data == b"old", turn
    assert (store.read(b"none"), len(store), len(list(store.scan()))) == (None, 1, 1)
    for write in (
        lambda: store.write(b"k", StoredEntry(b"new", 1.0, 2e9, 2e9)),
        lambda: store.delete([b"k"]),
        store.clear,
    ):
        try:
            write()
        except StoreError as error:
            assert "cannot be used: attempt to write a readonly database" in str(error), error
        else:
            raise AssertionError("it was written")
    store.close()
store.read(b"k")
print("ready", flush=True)
sys.stdin.readline()
print(store.read(b"k", wait=True).data.decode())
"""


@pytest.mark.parametrize("file_mode", [0o444, 0o644], ids=["file", "folder"])
@pytest.mark.parametrize("in_use", [False, True], ids=["unused", "in use"])
def test_what_cannot_be_written_is_read(in_use: bool, file_mode: int) -> None:
    """And what somebody writes who may is seen, even where no lock can be taken."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = DiskStore(folder)
        store.write(b"k", StoredEntry(b"old", 1.0, 2e9, 2e9))
        if not in_use:
            store.close()
        for path in folder.iterdir():
            path.chmod(file_mode)
        folder.chmod(0o555)
        before = {path.name for path in folder.iterdir()}
        reader = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", READING, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert reader.stdin is not None
        assert reader.stdout is not None
        try:
            if reader.stdout.readline() != "ready\n":
                raise AssertionError(reader.communicate()[1])
            assert {path.name for path in folder.iterdir()} == before
            folder.chmod(0o755)
            (folder / FILE_NAME).chmod(0o644)
            store.write(b"k", StoredEntry(b"new", 1.0, 2e9, 2e9))
            store.close()
            out, errors = reader.communicate("\n", timeout=30)
        finally:
            reader.kill()
            reader.wait()
        assert (out, errors) == ("new\n", "")
