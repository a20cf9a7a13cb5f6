"""The output file of a job: written as items finish, complete and in order at the end."""

from __future__ import annotations

import json
import os
import sys
from array import array
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from .main import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        """Leave what was written for a later run to take up."""
        ...


class StandardOutput:
    """Records on standard output, as they finish."""

    done: Mapping[int, str] = {}

    def write(self, record: Record) -> None:
        """Print one record."""
        sys.stdout.write(_line(record))

    def finish(self) -> None:
        """Flush."""
        sys.stdout.flush()

    close = finish


class ResultFile:
    """Records in a JSONL file.

    Until the job is over they stand in `PATH.partial`, in the order they finished; then they are
    put in order and PATH appears at once. A run that stops early leaves the partial file, and
    `--resume` goes on from there; a torn last line is cut off.

    Args:
        path: The output file.
        resume: Go on with what an earlier run left.

    Raises:
        UsageError: There is output already and *resume* is not set, or the folder is missing.
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self.path = path
        self.partial = path.with_name(f"{path.name}.partial")
        if not path.parent.is_dir():
            msg = f"no folder {path.parent} for the output; make it first"
            raise UsageError(msg)
        for existing in (path, self.partial):
            if existing.exists() and not resume:
                msg = (
                    f"{existing} exists already; go on with it by --resume, or give another "
                    "--output"
                )
                raise UsageError(msg)
        self.done: dict[int, str] = {}
        self._offsets = array("q")  # byte offset by index; -1 where nothing is written yet
        if path.exists() and not self.partial.exists():
            path.replace(self.partial)
        if self.partial.exists():
            self._read_partial()
        self._file: IO[bytes] = self.partial.open("ab")

    def _read_partial(self) -> None:
        end = 0
        with self.partial.open("rb") as lines:
            for line in lines:
                try:
                    record = json.loads(line) if line.endswith(b"\n") else None
                    index, digest = record["index"], record["input_digest"]
                except (ValueError, TypeError, KeyError):
                    break
                self._place(index, end)
                self.done[index] = digest
                end += len(line)
        os.truncate(self.partial, end)

    def _place(self, index: int, offset: int) -> None:
        if index >= len(self._offsets):
            self._offsets.extend([-1] * (index + 1 - len(self._offsets)))
        self._offsets[index] = offset

    def write(self, record: Record) -> None:
        """Append one record; when this returns, an interruption does not lose it."""
        offset = self._file.tell()
        self._file.write(_line(record).encode())
        self._file.flush()
        self._place(record["index"], offset)

    def finish(self) -> None:
        """Put the records in order and give the file its name."""
        self.close()
        ordered = self.path.with_name(f"{self.path.name}.ordered")
        with self.partial.open("rb") as source, ordered.open("wb") as target:
            for offset in self._offsets:
                if offset >= 0:
                    source.seek(offset)
                    target.write(source.readline())
            target.flush()
            os.fsync(target.fileno())
        ordered.replace(self.path)
        self.partial.unlink()

    def close(self) -> None:
        """Close the partial file and leave it."""
        self._file.close()


def open_results(output: str, *, resume: bool) -> Results:
    """Return where records go: a file, or standard output for `-`."""
    if output != "-":
        return ResultFile(Path(output), resume=resume)
    if resume:
        msg = "standard output cannot be resumed; give --output a file"
        raise UsageError(msg)
    return StandardOutput()


def _line(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(", ", ": ")) + "\n"
