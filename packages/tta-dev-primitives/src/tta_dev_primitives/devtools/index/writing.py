"""Write the files of an index so that nobody ever downloads half of one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from .finding import PackageIndexError

if TYPE_CHECKING:
    from collections.abc import Generator

_CHUNK_BYTES: Final = 1024 * 1024
_READABLE: Final = 0o644  # a web server of another user reads it


def write_atomically(file: Path, content: bytes) -> None:
    """Replace a file at once, unless it has that content already."""
    if file.is_file() and file.stat().st_size == len(content) and file.read_bytes() == content:
        return
    with _replacing(file) as opened:
        opened.write(content)


def copy_atomically(source: Path, file: Path, sha256: str) -> None:
    """Copy a file whose hash is known; a file of ours that has the same hash is left alone.

    Raises:
        PackageIndexError: *source* has changed since it was read.
    """
    if file.is_file() and not file.is_symlink():
        with file.open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() == sha256:
                return
    seen = hashlib.sha256()
    with source.open("rb") as read, _replacing(file) as written:
        while chunk := read.read(_CHUNK_BYTES):
            seen.update(chunk)
            written.write(chunk)
        if seen.hexdigest() != sha256:
            msg = f"{source} changed while it was read; build the index when the files are done"
            raise PackageIndexError(msg)


@contextmanager
def _replacing(file: Path) -> Generator[IO[bytes]]:
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:100]}.", suffix=".new")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        temporary.chmod(_READABLE)
        temporary.replace(file)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
