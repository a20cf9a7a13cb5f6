"""The output of a job: written as items finish, complete and in order at the end."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .exits import OutputError, UsageError
from .file_lock import lock
from .record_index import RecordIndex

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from io import FileIO

Record = dict[str, Any]  # Any: JSON


class Results(Protocol):
    """Where the records of a job go."""

    @property
    def done(self) -> Mapping[int, str]:
        """Index and input digest of the items that were finished before this run."""
        ...

    def write(self, record: Record) -> None:
        """Keep one record."""
        ...

    def finish(self) -> None:
        """Make the output complete."""
        ...

    def close(self) -> None:
        """Leave what was written for a later run to take up; a second call does nothing."""
        ...


class ResultStream:
    """Records as they finish, to standard output, a pipe or a device.

    Args:
        file: Where to, unbuffered.
        name: What to call it when it cannot be written.
    """

    done: Mapping[int, str] = {}

    def __init__(self, file: FileIO, name: str) -> None:
        self._file, self._name = file, name

    def write(self, record: Record) -> None:
        """Write one record."""
        with _failing_as(f"cannot write to {self._name}"):
            _write_all(self._file, _encode(record))

    def close(self) -> None:
        """Close."""
        self._file.close()

    finish = close


class ResultFile:
    """Records in a JSONL file.

    Until the job is over they stand in `PATH.partial`, in the order they finished; then they are
    put in order and PATH appears at once. A run that stops early leaves the partial file, and
    `--resume` goes on from there; a torn last line is cut off. What an earlier run had completed
    stays in PATH until this one is complete too.

    Args:
        path: The output file.
        resume: Go on with what an earlier run left.

    Raises:
        UsageError: There is output already and *resume* is not set, what is there is not the
            output of a run, another run is writing it, or the folder is missing.
        OutputError: The file cannot be read or written.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        if not path.parent.is_dir():
            msg = f"no folder {path.parent} for the output; make it first"
            raise UsageError(msg)
        if not resume:
            for existing in (path, self._partial):
                if existing.exists():
                    raise UsageError(_exists(existing))
        self._records = RecordIndex()
        self.done: Mapping[int, str] = self._records
        if path.exists():
            with _failing_as(f"cannot read {path}"):
                self._records.read(path)
        self._file = self._open(resume=resume)
        try:
            with _failing_as(f"cannot read {self._partial}"):
                self._end = self._records.read(self._partial, partial=True)
                self._cut()
        except BaseException:
            self._file.close()
            raise

    def _open(self, *, resume: bool) -> FileIO:
        """Open the partial file; only one run has it open at a time."""

        def opener(name: str, flags: int) -> int:
            return os.open(name, flags | os.O_CREAT | (0 if resume else os.O_EXCL), 0o666)

        with _failing_as(f"cannot write {self._partial}"):
            try:
                file = open(self._partial, "r+b", buffering=0, opener=opener)  # noqa: SIM115 - Path.open takes no opener; kept open
            except FileExistsError as error:  # another run was quicker
                raise UsageError(_exists(self._partial)) from error
            if not lock(file):
                file.close()
                msg = (
                    f"another run is writing {self._path}; wait for it, or choose another --output"
                )
                raise UsageError(msg)
        return file

    def _cut(self) -> None:
        """Remove what stands behind the last whole line."""
        self._file.seek(self._end)
        self._file.truncate()

    def write(self, record: Record) -> None:
        """Append one record; when this returns, nothing that stops the process loses it."""
        data = _encode(record)
        with _failing_as(
            f"cannot write {self._partial}", "; what had finished is kept, --resume goes on"
        ):
            try:
                _write_all(self._file, data)
            except OSError:
                # Items still under way may write yet, and must not add to a torn line.
                with contextlib.suppress(OSError):
                    self._cut()
                raise
        self._records.place(record["index"], self._end, partial=True)
        self._end += len(data)

    def finish(self) -> None:
        """Put the records in order and give the file its name."""
        if self._end or not self._path.exists():
            with _failing_as(
                f"cannot write {self._path}",
                f"; every record is kept in {self._partial}, --resume completes it",
            ):
                self._put_in_order()
        self._file.close()
        self._partial.unlink()

    def _put_in_order(self) -> None:
        ordered = self._path.with_name(f"{self._path.name}.ordered")
        earlier = self._path if self._path.exists() else self._partial
        try:
            with (
                earlier.open("rb") as complete,
                self._partial.open("rb") as partial,
                ordered.open("wb") as target,
            ):
                for offset, is_partial in self._records.places():
                    source = partial if is_partial else complete
                    source.seek(offset)
                    target.write(source.readline().rstrip(b"\n") + b"\n")
                target.flush()
                os.fsync(target.fileno())
            ordered.replace(self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                ordered.unlink()
            raise

    def close(self) -> None:
        """Leave the partial file, unless nothing is in it."""
        if not self._file.closed:
            self._file.close()
            if not self._end:
                self._partial.unlink()


def open_results(output: str, *, resume: bool) -> Results:
    """Return where records go: a file, standard output for `-`, a pipe or a device.

    Raises:
        UsageError: See `ResultFile`; or *output* is a folder, or cannot be resumed.
        OutputError: It cannot be written.
    """
    path = Path(output)
    is_standard = output == "-"
    if not is_standard and path.is_dir():
        msg = f"{output} is a folder; name a file in it"
        raise UsageError(msg)
    if not is_standard and (path.is_file() or not path.exists()):
        # The file behind a link is replaced, not the link.
        return ResultFile(path.resolve() if path.is_symlink() else path, resume=resume)
    name = "standard output" if is_standard else output
    if resume:
        msg = f"{name} cannot be resumed; give --output a file"
        raise UsageError(msg)
    with _failing_as(f"cannot write to {name}"):
        target = 1 if is_standard else output
        file = open(target, "wb", buffering=0, closefd=not is_standard)  # noqa: SIM115 - a descriptor; kept open
    return ResultStream(file, name)


@contextlib.contextmanager
def _failing_as(what: str, then: str = "") -> Generator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{what}: {error.strerror or error}{then}"
        raise OutputError(msg) from error


def _exists(path: Path) -> str:
    return f"{path} exists already; go on with it by --resume, or choose another --output"


def _encode(record: Record) -> bytes:
    text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair, which JSON allows and UTF-8 does not, becomes the escape it came from.
    return f"{text}\n".encode(errors="backslashreplace")


def _write_all(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file.fileno(), rest) :]
