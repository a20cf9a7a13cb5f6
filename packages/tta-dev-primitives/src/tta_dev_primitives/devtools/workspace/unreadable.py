"""Tell in one line which file or folder of a workspace cannot be read."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .pyproject import PyprojectError

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def telling_what_is_unreadable() -> Generator[None]:
    """Turn an error of the system into one that says that nothing was judged.

    A check that ended with the system's error would look like one that found something. It also
    decorates functions.

    Raises:
        PyprojectError: Something could not be read.
    """
    try:
        yield
    except OSError as error:
        path = Path(str(error.filename or "a file of the workspace"))
        raise _refused(path, path.as_posix(), error) from error


def read_any_text(path: Path, label: str) -> str:
    """Return the text of a file; what is not UTF-8 in it is replaced.

    Args:
        path: The file.
        label: What it is called in messages.

    Raises:
        PyprojectError: It cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise _refused(path, label, error) from error


def _refused(path: Path, label: str, error: OSError) -> PyprojectError:
    told = error.strerror or error
    return PyprojectError(path, f"cannot read {label}: {told}; let it be read, then try again")
