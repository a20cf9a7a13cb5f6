"""Where each record of an output file stands, and which input it answers."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from .exits import UsageError

if TYPE_CHECKING:
    from pathlib import Path


class RecordIndex(Mapping[int, str]):
    """The records in an output file and its partial file, in 16 bytes an item.

    As a mapping it holds index and input digest of the records that were read.
    """

    def __init__(self) -> None:
        self._places = array("q")  # offset and, in the lowest bit, which file; -1 for none
        self._digests = array("q")  # -1 for none

    def read(self, path: Path, *, partial: bool = False) -> int:
        """Take up the records in *path* and return the offset behind the last whole one.

        Raises:
            UsageError: A line is no record. Only the end of a partial file may be torn.
        """
        end = 0
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if partial and not line.endswith(b"\n"):
                    break
                try:
                    index, digest = _parse(line)
                except (ValueError, TypeError, KeyError, RecursionError) as error:
                    msg = (
                        f"{path} is no output of a run: line {number} is no record; "
                        "choose another --output"
                    )
                    raise UsageError(msg) from error
                self.place(index, end, partial=partial)
                self._digests[index] = digest
                end += len(line)
        return end

    def place(self, index: int, offset: int, *, partial: bool) -> None:
        """Note where the record with *index* stands."""
        missing = index + 1 - len(self._places)
        if missing > 0:
            self._places.extend([-1] * missing)
            self._digests.extend([-1] * missing)
        self._places[index] = 2 * offset + partial

    def places(self) -> Iterator[tuple[int, bool]]:
        """Yield offset and file of every record in the order of the input; True is the partial."""
        for place in self._places:
            if place >= 0:
                yield place >> 1, bool(place & 1)

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self._digests) or self._digests[index] < 0:
            raise KeyError(index)
        return f"{self._digests[index]:012x}"

    def __iter__(self) -> Iterator[int]:
        return (index for index, digest in enumerate(self._digests) if digest >= 0)

    def __len__(self) -> int:
        return sum(digest >= 0 for digest in self._digests)


def _parse(line: bytes) -> tuple[int, int]:
    record = json.loads(line)
    index, digest = record["index"], int(record["input_digest"], 16)
    if type(index) is not int or index < 0 or not 0 <= digest < 1 << 63:
        msg = "the values are not those of a record"
        raise ValueError(msg)
    return index, digest
