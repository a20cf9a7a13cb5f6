"""Request logs: one JSON object a line."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import IO, TYPE_CHECKING, Final, NoReturn, cast

from .errors import RequestError, TrafficError
from .request_row import KNOWN_NAMES, request_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .notes import Notes
    from .request import TrafficRequest
    from .request_row import Row

MOST_BYTES: Final = 64 << 20
"""The longest line that is read."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_TORN: Final = "the last line is half-written, as by an app that still runs; it is left out"
_CUT: Final = "the compressed file ends in the middle, as while it is written; the rest is left out"


def read_request_log(
    path: Path, file: IO[bytes], notes: Notes
) -> Iterator[tuple[int, TrafficRequest]]:
    """Yield the requests of a log, each with its line from 1.

    Args:
        path: What the file is called in errors.
        file: The log, decompressed.
        notes: Told of a last line that is torn, and of keys that are not read.

    Raises:
        TrafficError: A line is no request.
    """
    for number, line in _lines(path, file, notes):
        try:
            yield number, _request(line, number, notes)
        except RequestError as error:
            raise TrafficError(path, str(error), line=number) from error
        except RecursionError as error:
            reason = "is nested too deeply; leave out what is not needed"
            raise TrafficError(path, reason, line=number) from error
        except ValueError as error:  # of the JSON or the UTF-8
            if not line.endswith(b"\n"):
                notes.say(_TORN)
                return
            raise TrafficError(path, _not_json(line, error), line=number) from error


def _request(line: bytes, number: int, notes: Notes) -> TrafficRequest:
    row = _decode(line.decode("utf-8"))
    if not isinstance(row, dict):
        msg = "is no JSON object; write one object a line"
        raise RequestError(msg)
    request = request_of(cast("Row", row))
    if not KNOWN_NAMES.issuperset(cast("Row", row)):
        for name in cast("Row", row):
            if name not in KNOWN_NAMES:
                text = f"with a key {name[:40]!r}, which is not read"
                notes.count(f"request {text}", f"requests {text}", f"on line {number}")
    return request


def _lines(path: Path, file: IO[bytes], notes: Notes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank."""
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(MOST_BYTES + 1)
        except EOFError:
            notes.say(_CUT)
            return
        except (gzip.BadGzipFile, zlib.error) as error:
            reason = f"is damaged ({error}); compress it again, or take what gzip can save of it"
            raise TrafficError(path, reason, line=number) from error
        except OSError as error:
            raise TrafficError(path, f"cannot be read: {error.strerror or error}") from error
        if not line:
            return
        if len(line) > MOST_BYTES:
            reason = f"the line is longer than {MOST_BYTES:,} bytes; write one request a line"
            raise TrafficError(path, reason, line=number)
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line.isspace():
            yield number, line


def _refuse(constant: str) -> NoReturn:
    msg = f"holds {constant}, which JSON has not; write null"
    raise RequestError(msg)


_decode = json.JSONDecoder(parse_constant=_refuse).decode


def _not_json(line: bytes, error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 at byte {error.start + 1}; write the file in UTF-8"
    if isinstance(error, json.JSONDecodeError):
        if line.strip() in (b"{", b"["):
            return "is only the beginning of JSON; write each request on one line of its own"
        return f"is no JSON at column {error.colno} ({error.msg}); correct or remove the line"
    return "holds a number with too many digits; correct it"
