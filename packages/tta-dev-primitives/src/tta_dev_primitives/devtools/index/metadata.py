"""Read the metadata of a distribution, and hold it against the file's name."""

from __future__ import annotations

import re
from email.errors import MessageError
from email.parser import HeaderParser
from typing import Final

from .file_names import NamedFile, normalised, same_version
from .finding import RefusedFileError, Rule

LARGEST_METADATA_BYTES: Final = 4 * 1024 * 1024

_SPECIFIER: Final = re.compile(r"(?:===|~=|==|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+")


def requires_python(content: bytes, named: NamedFile) -> str | None:
    """Return which Pythons a distribution asks for, None where it does not say.

    Args:
        content: The bytes of METADATA or PKG-INFO.
        named: What the file's name says; name and version must agree with it.

    Raises:
        RefusedFileError: It cannot be read, or says something else than the file name.
    """
    try:
        headers = HeaderParser().parsestr(content.decode("utf-8"))
    except (UnicodeDecodeError, MessageError) as error:
        message = f"its metadata cannot be read: {error}"
        raise RefusedFileError(Rule.BAD_METADATA, message) from error

    def only(header: str) -> str | None:
        found = [str(value).strip() for value in headers.get_all(header, [])]
        if len(found) > 1:
            message = f"its metadata has {len(found)} lines {header}, where one may be"
            raise RefusedFileError(Rule.BAD_METADATA, message)
        return found[0] if found else None

    name, version = only("Name") or "", only("Version") or ""
    if normalised(name) != named.project or not same_version(version, named.version):
        message = f"its metadata says {name!r} {version!r}, its name {named.file_name!r}"
        raise RefusedFileError(Rule.OTHER_METADATA, message)
    asked = " ".join((only("Requires-Python") or "").split())
    if not _is_specifier(asked):
        message = f"its Requires-Python {asked!r} is no version range"
        raise RefusedFileError(
            Rule.BAD_METADATA, message, "correct requires-python and build again"
        )
    return asked or None


def _is_specifier(text: str) -> bool:
    parts = [part.strip() for part in text.split(",")]
    return all(_SPECIFIER.fullmatch(part) for part in parts if part)
