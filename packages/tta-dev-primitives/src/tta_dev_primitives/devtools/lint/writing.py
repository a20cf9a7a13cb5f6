"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path


def write_atomically(file: Path, content: bytes) -> None:
    """Replace a file at once; its folder must exist. Its mode is kept, and links are followed.

    Raises:
        OSError: It cannot be written, or it is a folder or a device, which would be gone; what was
            there before is still whole.
    """
    target = Path(os.path.realpath(file))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is no regular file", str(file))
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".new")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        else:
            temporary.chmod(0o666 & ~_mask())
        temporary.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def _mask() -> int:
    """Return the process's mask of modes, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
