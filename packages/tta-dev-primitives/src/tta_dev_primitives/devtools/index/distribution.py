"""A distribution that an index serves, as read from its file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .file_names import Kind, read_file_name
from .finding import RefusedFileError, Rule
from .metadata import requires_python
from .source_archives import sdist_metadata
from .wheels import wheel_metadata

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Distribution:
    """One wheel or source distribution.

    Args:
        path: Where it was read.
        project: The project's name, normalised.
        version: Its version, as the file name spells it.
        kind: Whether it is a wheel or a source distribution.
        size_bytes: How long the file is.
        sha256: The hash of its bytes, in hexadecimal digits.
        requires_python: Which Pythons it asks for, or None.
        metadata: What installers may read instead of the wheel; None for a source distribution,
            whose dependencies may depend on the machine that builds it.
    """

    path: Path
    project: str
    version: str
    kind: Kind
    size_bytes: int
    sha256: str
    requires_python: str | None
    metadata: bytes | None

    @property
    def file_name(self) -> str:
        """Return the file's name."""
        return self.path.name

    @property
    def metadata_sha256(self) -> str | None:
        """Return the hash of the metadata, or None where there is none."""
        return None if self.metadata is None else hashlib.sha256(self.metadata).hexdigest()


def read_distribution(path: Path) -> Distribution:
    """Read and check a file. No code of it runs.

    Raises:
        RefusedFileError: It is no sound distribution.
    """
    named = read_file_name(path.name)
    if path.is_symlink() or not path.is_file():
        message = "it is a link, or no file"
        raise RefusedFileError(Rule.NOT_A_FILE, message, "put the file itself there")
    try:
        with path.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
            size_bytes = opened.tell()
        read = wheel_metadata if named.kind == "wheel" else sdist_metadata
        metadata = read(path, named)
    except OSError as error:
        message = f"it cannot be read: {error.strerror or error}"
        raise RefusedFileError(
            Rule.UNREADABLE, message, "check its permissions and the disk"
        ) from error
    return Distribution(
        path=path,
        project=named.project,
        version=named.version,
        kind=named.kind,
        size_bytes=size_bytes,
        sha256=sha256,
        requires_python=requires_python(metadata, named),
        metadata=metadata if named.kind == "wheel" else None,
    )
