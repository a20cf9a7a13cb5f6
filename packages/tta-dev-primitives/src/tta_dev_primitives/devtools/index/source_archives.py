"""Read the metadata of a source distribution without unpacking it."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from typing import TYPE_CHECKING, Final

from .file_names import NamedFile, normalised, same_version
from .finding import RefusedFileError, Rule
from .metadata import LARGEST_METADATA_BYTES
from .wheels import is_safe

if TYPE_CHECKING:
    from pathlib import Path

MOST_MEMBERS: Final = 200_000
LARGEST_UNPACKED_BYTES: Final = 1024**3


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than it may, whatever its archive promises."""

    def __init__(self, stream: gzip.GzipFile, most_bytes: int) -> None:
        self._stream, self._left = stream, most_bytes

    def read(self, size: int = -1, /) -> bytes:
        """Read on, as a file would."""
        content = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            message = f"it would unpack to more than {LARGEST_UNPACKED_BYTES} bytes"
            raise RefusedFileError(Rule.TOO_LARGE, message, "leave out what is not needed")
        return content


def sdist_metadata(path: Path, named: NamedFile) -> bytes:
    """Return the PKG-INFO of a source distribution.

    Costs one pass over the unpacked bytes; nothing is written.

    Raises:
        RefusedFileError: It is no sound source distribution.
        OSError: It cannot be read.
    """
    try:
        with gzip.open(path) as unpacked:
            # The archive is read forwards only, so a bomb is noticed before it goes off.
            stream = _Bounded(unpacked, LARGEST_UNPACKED_BYTES)
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                return _checked(archive, named)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        message = f"it cannot be read as a .tar.gz archive: {error}"
        raise RefusedFileError(Rule.BROKEN_ARCHIVE, message) from error


def _checked(archive: tarfile.TarFile, named: NamedFile) -> bytes:
    found: bytes | None = None
    for count, member in enumerate(archive, 1):
        root, _, rest = member.name.partition("/")
        if count > MOST_MEMBERS:
            message = f"it has more than {MOST_MEMBERS} files"
            raise RefusedFileError(Rule.TOO_LARGE, message, "leave out what is not needed")
        if not is_safe(member.name) or member.isdev():
            message = f"{member.name!r} would be unpacked somewhere else, or as a device"
            raise RefusedFileError(Rule.UNSAFE_ARCHIVE, message)
        project, _, version = root.rpartition("-")
        if normalised(project) != named.project or not same_version(version, named.version):
            message = f"it holds {root!r}, which does not fit its name {named.file_name!r}"
            raise RefusedFileError(Rule.OTHER_METADATA, message)
        if rest == "PKG-INFO" and member.isfile():
            found = _read(archive, member)
    if found is None:
        message = "PKG-INFO is not in it"
        raise RefusedFileError(Rule.BROKEN_ARCHIVE, message)
    return found


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > LARGEST_METADATA_BYTES:
        message = f"PKG-INFO has {member.size} bytes, more than {LARGEST_METADATA_BYTES}"
        raise RefusedFileError(Rule.TOO_LARGE, message)
    opened = archive.extractfile(member)
    return b"" if opened is None else opened.read()
