"""Find out what was recorded, and read it."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Final, cast

from .errors import TrafficError
from .filling import kept
from .mock_files import MOCK_FILES
from .mocks import read_mocks
from .notes import Notes
from .request_log import read_request_log
from .trace_file import read_trace_file

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

    from .spool import Traffic

_GZIP: Final = b"\x1f\x8b"
_SQLITE: Final = b"SQLite format 3\x00"
_HEAD_BYTES: Final = 4096
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def open_traffic(path: Path, *, spool_dir: Path | None = None) -> Traffic:
    """Read what was recorded at *path*; use what is returned in a `with` block.

    All of it is read now, one request after the other, into a temporary folder. A file without a
    request is no mistake: it is traffic of none.

    Args:
        path: A request log in JSONL, also compressed by gzip, and also from a pipe; a trace file;
            or mocks of keploy: a file of them, or the folder of a test set, of a recording, or of
            an app with one.
        spool_dir: Where the temporary folder is made; in the system's folder for them when None.
            It takes about as much room as the requests do; to sort what is out of order, SQLite
            needs a little more in the system's folder.

    Raises:
        TrafficError: It is none of these, cannot be read, says what cannot be, or needs a package
            that is not installed.
    """
    notes = Notes()
    if path.is_dir():
        requests, source = read_mocks(path, notes), f"mocks of keploy in {path.resolve().name}"
        return kept(requests, path, source=source, notes=notes, spool_dir=spool_dir)
    with ExitStack() as stack:
        file = stack.enter_context(_opened(path))
        head = _head(path, file)
        if head.startswith(_SQLITE) and path.is_file():
            requests, source = read_trace_file(path, notes), f"trace file {path.name}"
            return kept(requests, path, source=source, notes=notes, spool_dir=spool_dir)
        if path.name in MOCK_FILES:
            requests, source = read_mocks(path, notes), f"mocks of keploy in {path.name}"
            return kept(requests, path, source=source, notes=notes, spool_dir=spool_dir)
        if not head.startswith(_GZIP):
            _check_log(path, head)
            log: IO[bytes] = file
        else:
            log = cast("IO[bytes]", stack.enter_context(gzip.open(file)))
        return kept(
            read_request_log(path, log, notes),
            path,
            source=path.name,
            notes=notes,
            tells_disorder=True,
            spool_dir=spool_dir,
        )


def _opened(path: Path) -> BufferedReader:
    if not path.exists():
        reason = (
            "is not there; give a request log, a trace file, or the folder that keploy recorded "
            "into"
        )
        raise TrafficError(path, reason)
    try:
        return path.open("rb")
    except OSError as error:
        raise TrafficError(path, f"cannot be read: {error.strerror or error}") from error


def _head(path: Path, file: BufferedReader) -> bytes:
    """Return the beginning, which stays to be read, since a pipe gives it once."""
    try:
        return file.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    except OSError as error:
        raise TrafficError(path, f"cannot be read: {error.strerror or error}") from error


def _check_log(path: Path, head: bytes) -> None:
    """Refuse what does not look like lines of JSON objects.

    Raises:
        TrafficError: It is something else.
    """
    begin = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if not begin or begin.startswith(b"{"):
        return
    if begin.startswith(b"["):
        reason = "is one JSON list; write one object a line, as `jq -c '.[]'` does"
    elif head.startswith(_SQLITE):
        reason = "is a database in a pipe, where it cannot be searched; give the trace file itself"
    elif b"\x00" in head:
        reason = "is in a form that is not known; give a request log in UTF-8, or a trace file"
    else:
        reason = (
            "is no request log, whose lines are JSON objects, no trace file, and not one of "
            f"{', '.join(MOCK_FILES)}; write what was recorded as a request log"
        )
    raise TrafficError(path, reason)
