"""`tta cache get` and `tta cache export`: entries for people, and for programs."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.performance.keys import stored_key

from .cache_entries import EntryKey, Selection, counted, describe, printable, state_of
from .cache_times import moment
from .event_loop import run_async
from .exits import EXIT_FAILED, EXIT_OK, OutputError, UsageError
from .report import dollars

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator
    from typing import BinaryIO

    from tta_dev_primitives.performance.stores.base import StoredEntry

    from .cache_places import Place

_HEX = "hex:"


def get(place: Place, options: argparse.Namespace) -> int:
    """Run `tta cache get`."""
    count = run_async(_get(place, options.key))
    if not count:
        print(f"tta: no entry with the key {printable(options.key)}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


async def _get(place: Place, key: str) -> int:
    """Print the entries of *key* and return how many there were."""
    if key.startswith(_HEX):
        exact = _parsed(key)
        async with aclosing(place):
            entry = await place.read(exact)
        if entry is None:
            return 0
        _print_entry(exact, entry)
        return 1
    part = stored_key(key)
    found = place.scan(lambda stored, _: EntryKey.parse(stored).part == part, values=True)
    count = 0
    async with aclosing(place), aclosing(found) as entries:
        async for stored, entry, _ in entries:
            if count:
                print()
            count += 1
            _print_entry(stored, entry)
    return count


def _parsed(key: str) -> bytes:
    try:
        return bytes.fromhex(key.removeprefix(_HEX))
    except ValueError as error:
        msg = f"{key!r} is no key: behind hex: stand hexadecimal digits, two for each byte"
        raise UsageError(msg) from error


def _print_entry(key: bytes, entry: StoredEntry) -> None:
    known = describe(key, entry)
    tokens = [known["input_tokens"], known["output_tokens"]]
    seconds = known["duration_seconds"]
    for label, value in (
        ("key", _HEX + known["key"]),
        ("text", "-" if known["text"] is None else known["text"]),
        ("namespace", known["namespace"] or "-"),
        ("tags", ", ".join(known["tags"]) or "-"),
        ("state", state_of(entry, time.time())),
        ("stored", moment(entry.stored_at)),
        ("fresh until", moment(entry.fresh_until)),
        ("kept until", moment(entry.expires_at)),
        ("cost to make", dollars(known["cost_usd"])),
        ("tokens in / out", " / ".join("-" if n is None else f"{n:,}" for n in tokens)),
        ("time to make", "-" if seconds is None else f"{seconds:,.3f} s"),
        ("bytes", f"{len(entry.data):,}"),
    ):
        cut = "..." if label == "text" and known["text_is_cut"] else ""
        print(f"{label:<16} {printable(value)}{cut}")
    for line in json.dumps(known["value"], ensure_ascii=False, indent=2).split("\n"):
        print(printable(line))


def export(place: Place, options: argparse.Namespace) -> int:
    """Run `tta cache export`."""
    selection = Selection(prefix=options.prefix, tag=options.tag)
    with _opened(options.output) as write:
        count = run_async(_export(place, selection, write))
    if options.output != "-":
        print(f"{counted(count)} in {printable(options.output)}")
    return EXIT_OK


async def _export(place: Place, selection: Selection, write: Callable[[bytes], None]) -> int:
    count = 0
    async with aclosing(place), aclosing(place.scan(selection, values=True)) as entries:
        async for key, entry, _ in entries:
            write(_line(describe(key, entry)))
            count += 1
    return count


def _line(record: dict[str, Any]) -> bytes:  # Any: JSON
    text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair, which JSON allows and UTF-8 does not, becomes the escape it came from.
    return f"{text}\n".encode(errors="backslashreplace")


@contextlib.contextmanager
def _opened(output: str) -> Generator[Callable[[bytes], None]]:
    """Yield what writes to *output*: a file that appears whole, a device, or `-` for stdout.

    Raises:
        UsageError: It is a folder, or in none.
        OutputError: It cannot be written.
    """
    if output == "-":
        sys.stdout.flush()
        yield _writer(sys.stdout.buffer, "standard output")
        sys.stdout.buffer.flush()
        return
    # The file behind a link is replaced, not the link.
    path = Path(output).resolve()
    if path.is_dir():
        msg = f"{output} is a folder; name a file in it"
        raise UsageError(msg)
    if not path.parent.is_dir():
        msg = f"no folder {path.parent} for the output; make it first"
        raise UsageError(msg)
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        with _failing_as(output), path.open("wb") as device:
            yield _writer(device, output)
        return
    with _replaced(path, output) as file:
        yield _writer(file, output)


@contextlib.contextmanager
def _replaced(path: Path, name: str) -> Generator[BinaryIO]:
    """Yield a file that takes the place of *path* if the block ends well, and else goes."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    with _failing_as(name):
        file = new.open("xb")
    try:
        with file:
            yield file
            with _failing_as(name):
                file.flush()
                os.fsync(file.fileno())
        with _failing_as(name):
            new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def _writer(file: BinaryIO, name: str) -> Callable[[bytes], None]:
    def write(line: bytes) -> None:
        with _failing_as(name):
            file.write(line)

    return write


@contextlib.contextmanager
def _failing_as(name: str) -> Generator[None]:
    """Turn what the system says into one line; who reads a pipe no more is told nothing."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        msg = f"cannot write to {name}: {error.strerror or error}"
        raise OutputError(msg) from error
