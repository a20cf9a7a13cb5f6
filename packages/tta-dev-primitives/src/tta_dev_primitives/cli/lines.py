"""The input of a job: JSONL, line by line."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import hashlib
import json
import os
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn, TypeAlias

from .exits import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable

_READ_AHEAD: Final = 100  # lines that a pipe's reader may be ahead of the job


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the input: its index from 0, its number from 1, its value or what is wrong."""

    index: int
    number: int
    digest: str
    value: Any  # Any: JSON
    problem: str | None = None


Lines: TypeAlias = Iterator[Line] | AsyncIterator[Line]


@contextlib.contextmanager
def open_lines(source: str) -> Generator[Lines]:
    """Open a JSONL file, or standard input for `-`, as an iterator of lines.

    A pipe or a terminal is read in a thread, so that work goes on while nobody writes to it.

    Raises:
        UsageError: There is no such file, or it cannot be read.
    """
    try:
        # Standard input is opened anew: the interpreter wants its own reader back when it ends,
        # and a thread that still waits for a line would not give it.
        file = open(0, "rb", closefd=False) if source == "-" else Path(source).open("rb")  # noqa: SIM115 - a descriptor; closed below
    except OSError as error:
        msg = f"cannot read {source}: {error.strerror}"
        raise UsageError(msg) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        yield read_in_thread(file)
        return
    with file:
        yield read_lines(file)


def read_lines(file: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines of a JSONL file; blank ones are skipped, broken ones carry their problem.

    Raises:
        UsageError: The file is UTF-16, as some shells write it, so that no line can be read.
    """
    index = 0
    for number, raw in enumerate(file, start=1):
        text = raw.strip()
        if number == 1:
            if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                msg = "the input is UTF-16, not UTF-8; save it as UTF-8"
                raise UsageError(msg)
            text = text.removeprefix(codecs.BOM_UTF8).strip()
        if not text:
            continue
        digest = hashlib.sha256(text).hexdigest()[:12]
        try:
            value = json.loads(text.decode(), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            yield Line(index, number, digest, None, f"not JSON: {error}")
        else:
            yield Line(index, number, digest, value)
        index += 1


def _refuse(constant: str) -> NoReturn:
    msg = f"{constant} is no JSON number"
    raise ValueError(msg)


async def read_in_thread(file: BinaryIO) -> AsyncGenerator[Line, None]:
    """Yield the lines of *file*, which another thread waits for and closes at its end.

    The thread is a daemon: one that waits for a line that never comes does not keep the process.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Line | Exception | None] = asyncio.Queue()
    room = threading.Semaphore(_READ_AHEAD)
    abandoned = False

    def read() -> None:
        # A loop that is closed meanwhile raises RuntimeError: nobody wants more.
        with contextlib.suppress(RuntimeError), file:
            try:
                for line in read_lines(file):
                    room.acquire()
                    if abandoned:
                        return
                    loop.call_soon_threadsafe(arrived.put_nowait, line)
            except Exception as error:  # noqa: BLE001 - raised where the lines are taken
                loop.call_soon_threadsafe(arrived.put_nowait, error)
            else:
                loop.call_soon_threadsafe(arrived.put_nowait, None)

    threading.Thread(target=read, name="tta input", daemon=True).start()
    try:
        while (line := await arrived.get()) is not None:
            if isinstance(line, Exception):
                raise line
            room.release()
            yield line
    finally:
        abandoned = True
        room.release()
