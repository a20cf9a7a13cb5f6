"""A lock on an open file, so that two runs do not write one output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from io import FileIO

# A byte that no output reaches: Windows keeps other handles from reading what is locked.
_FAR: Final = (1 << 40) + (1 << 31) - 2


def lock(file: FileIO) -> bool:
    """Lock *file* until it is closed, however the process ends; return False if another has it.

    On a file system without locks nothing is locked, and nobody has it.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(_FAR)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            finally:
                file.seek(0)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
