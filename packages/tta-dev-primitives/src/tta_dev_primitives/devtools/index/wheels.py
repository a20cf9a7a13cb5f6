"""Read a wheel without unpacking it: its metadata, and whether it holds what it recorded."""

from __future__ import annotations

import base64
import csv
import hashlib
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from .file_names import NamedFile, normalised, same_version
from .finding import RefusedFileError, Rule
from .metadata import LARGEST_METADATA_BYTES

if TYPE_CHECKING:
    from pathlib import Path

MOST_ENTRIES: Final = 200_000
LARGEST_UNPACKED_BYTES: Final = 8 * 1024**3
LARGEST_RECORD_BYTES: Final = 64 * 1024 * 1024

_COMPRESSIONS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# What zipfile raises for archives that are cut, forged, or encrypted.
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
_CHUNK_BYTES: Final = 1024 * 1024
_NOT_RECORDED: Final = frozenset({"RECORD", "RECORD.jws", "RECORD.p7s"})
# The algorithms that the standard allows; weaker ones would prove nothing.
_ALGORITHMS: Final = frozenset({"sha256", "sha384", "sha512"})


def wheel_metadata(path: Path, named: NamedFile) -> bytes:
    """Return the METADATA of a wheel after holding every file in it against its RECORD.

    Costs one pass over the unpacked bytes, with little memory; nothing is written.

    Raises:
        RefusedFileError: It is no sound wheel.
        OSError: It cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _checked(archive, named)
    except _UNREADABLE as error:
        message = f"it cannot be read as a zip archive: {error}"
        raise RefusedFileError(Rule.BROKEN_ARCHIVE, message) from error


def _checked(archive: zipfile.ZipFile, named: NamedFile) -> bytes:
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    names = [entry.filename for entry in entries]
    for entry in archive.infolist():
        if not is_safe(entry.filename):
            message = f"{entry.filename!r} would be unpacked somewhere else"
            raise RefusedFileError(Rule.UNSAFE_ARCHIVE, message)
        if entry.compress_type not in _COMPRESSIONS:
            message = f"{entry.filename!r} is compressed in a way that not every installer knows"
            raise RefusedFileError(Rule.BROKEN_ARCHIVE, message)
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_ENTRIES or unpacked > LARGEST_UNPACKED_BYTES:
        message = f"it would unpack to {len(entries)} files of {unpacked} bytes"
        raise RefusedFileError(Rule.TOO_LARGE, message, "leave out what is not needed")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        message = f"{twice!r} is in it twice, so installers may disagree about it"
        raise RefusedFileError(Rule.UNSAFE_ARCHIVE, message)
    folder = _information_folder(names, named)
    for needed in ("METADATA", "WHEEL", "RECORD"):
        if f"{folder}/{needed}" not in names:
            message = f"{folder}/{needed} is not in it"
            raise RefusedFileError(Rule.BROKEN_ARCHIVE, message)
    _hold_against_record(archive, entries, folder)
    return _read(archive, f"{folder}/METADATA", LARGEST_METADATA_BYTES)


def is_safe(name: str) -> bool:
    """Tell whether an entry of an archive stays below the folder where it is unpacked."""
    plain = name and "\\" not in name and ":" not in name and "\0" not in name
    return bool(plain) and not name.startswith("/") and ".." not in PurePosixPath(name).parts


def _information_folder(names: list[str], named: NamedFile) -> str:
    found = sorted({top for top, _, rest in (name.partition("/") for name in names) if rest})
    folders = [each for each in found if each.endswith(".dist-info")]
    if len(folders) != 1:
        message = f"it has {len(folders)} folders .dist-info, where one must be"
        raise RefusedFileError(Rule.BROKEN_ARCHIVE, message)
    project, _, version = folders[0].removesuffix(".dist-info").rpartition("-")
    if normalised(project) != named.project or not same_version(version, named.version):
        message = f"it holds {folders[0]!r}, which does not fit its name {named.file_name!r}"
        raise RefusedFileError(Rule.OTHER_METADATA, message)
    return folders[0]


def _hold_against_record(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: str
) -> None:
    record = _read(archive, f"{folder}/RECORD", LARGEST_RECORD_BYTES)
    try:
        rows = [row for row in csv.reader(record.decode("utf-8").splitlines()) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"{folder}/RECORD cannot be read: {error}"
        raise RefusedFileError(Rule.BROKEN_ARCHIVE, message) from error
    promised = {row[0]: row[1] if len(row) > 1 else "" for row in rows}
    exempt = {f"{folder}/{name}" for name in _NOT_RECORDED}
    for entry in entries:
        if entry.filename in exempt:
            continue
        algorithm, _, digest = promised.pop(entry.filename, "").partition("=")
        if algorithm not in _ALGORITHMS or _digest(archive, entry, algorithm) != digest:
            message = f"{entry.filename!r} is not what RECORD says"
            fix = "somebody changed the wheel after it was built; build it again"
            raise RefusedFileError(Rule.CHANGED_WHEEL, message, fix)
    missing = sorted(promised.keys() - exempt)
    if missing:
        message = f"RECORD names {missing[0]!r}, which is not in it"
        raise RefusedFileError(Rule.CHANGED_WHEEL, message)


def _digest(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, algorithm: str) -> str:
    seen = hashlib.new(algorithm)
    with archive.open(entry) as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            seen.update(chunk)
    return base64.urlsafe_b64encode(seen.digest()).rstrip(b"=").decode()


def _read(archive: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    with archive.open(name) as opened:
        content = opened.read(most_bytes + 1)
    if len(content) > most_bytes:
        message = f"{name} has more than {most_bytes} bytes"
        raise RefusedFileError(Rule.TOO_LARGE, message)
    return content
