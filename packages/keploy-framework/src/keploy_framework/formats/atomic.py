"""Replace a file in one step, so that no reader and no crash ever meets half of it."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write_atomically(
    path: Path, data: bytes, *, mode: int | None = None, forced: bool = True
) -> None:
    """Write *data* to *path*, creating its folder; on disk it is the old file or the new one.

    The data are forced to the disk before the file takes its name. An existing file keeps its
    permissions; a symbolic link is replaced, not followed.

    Args:
        path: The file.
        data: Its new content.
        mode: Permissions to give it, such as ``0o600``; ``None`` for the usual ones.
        forced: Whether the data are forced to the disk. Without it the file outlives every crash
            but that of the machine, and `force_to_disk` makes up for it later.

    Raises:
        OSError: The file system refuses; what was at *path* is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            if forced:
                os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        elif path.is_file() and not path.is_symlink():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if forced:
        _keep_name(path.parent)


def force_to_disk(paths: Iterable[Path]) -> None:
    """Force files that were written without it to the disk, and their names; gone ones are left.

    Raises:
        OSError: The file system refuses.
    """
    folders: set[Path] = set()
    for path in paths:
        try:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        except FileNotFoundError:
            continue
        folders.add(path.parent)
    for folder in folders:
        _keep_name(folder)


def _keep_name(folder: Path) -> None:
    """Force the folder to disk too; only there is the file's new name."""
    if sys.platform == "win32":  # a folder cannot be opened there, and need not be
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
