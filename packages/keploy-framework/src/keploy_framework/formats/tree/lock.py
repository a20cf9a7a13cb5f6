"""One recorder at a time for a folder of recordings."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import KeployTreeBusyError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

LOCK_NAME: Final = ".recording.lock"

# Windows lets nobody read locked bytes, so a byte far behind the process id is locked.
_LOCKED_BYTE: Final = 1 << 30


@contextmanager
def recording_lock(folder: Path) -> Generator[None]:
    """Keep other recorders out of a folder while the block runs.

    The operating system holds the lock, so it ends with the process, however that ends; a
    file that was left behind locks nobody out. The file names the process that holds it.

    Raises:
        KeployTreeBusyError: Another recorder, of this process or another one, is at work.
        OSError: The file system refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_NAME
    handle = _acquired(folder, path)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        _release(handle, path)


def _acquired(folder: Path, path: Path) -> int:
    while True:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(path, flags, 0o644)
        try:
            if not _try_lock(handle):
                raise KeployTreeBusyError(folder, _owner(path))
            if _is_same_file(handle, path):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its owner removed the file between our opening and locking it


def _is_same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _owner(path: Path) -> int | None:
    try:
        return int(path.read_bytes()[:20])
    except (OSError, ValueError):
        return None


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(handle, 0, os.SEEK_SET)
        return True

    def _release(handle: int, path: Path) -> None:
        os.close(handle)
        with suppress(OSError):  # the next owner may have it open already
            path.unlink()
else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _release(handle: int, path: Path) -> None:
        with suppress(FileNotFoundError):  # somebody emptied the folder
            path.unlink()
        os.close(handle)
