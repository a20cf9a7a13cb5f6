"""Read what the file name of a distribution says: the project, the version, and the kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tta_dev_primitives.devtools.lockfile.versions import version_key

from .finding import RefusedFileError, Rule

Kind: TypeAlias = Literal["wheel", "sdist"]

WHEEL_ENDING: Final = ".whl"
SDIST_ENDING: Final = ".tar.gz"
LONGEST_NAME: Final = 240  # with ".metadata" behind it, what every file system can hold

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_TAG: Final = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*")
_BUILD: Final = re.compile(r"\d[A-Za-z0-9_.]*")
_WHEEL_PARTS: Final = (5, 6)
_ANOTHER_NAME: Final = "do not rename what a build backend made; build it again"


@dataclass(frozen=True, slots=True)
class NamedFile:
    """What a file name says.

    Args:
        file_name: The name itself.
        project: The project's name, normalised.
        version: The version as it is spelt there.
        kind: Whether it is a wheel or a source distribution.
    """

    file_name: str
    project: str
    version: str
    kind: Kind


def normalised(name: str) -> str:
    """Return the one spelling of a project's name that indexes use."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_distribution(file_name: str) -> bool:
    """Tell whether a file calls itself a wheel or a source distribution."""
    return file_name.lower().endswith((WHEEL_ENDING, SDIST_ENDING))


def read_file_name(file_name: str) -> NamedFile:
    """Take the name of a wheel or a source distribution apart.

    Raises:
        RefusedFileError: It breaks the standard for such names.
    """
    if not file_name.isascii() or len(file_name) > LONGEST_NAME:
        message = f"the name has {len(file_name)} characters, or some that are not ASCII"
        raise RefusedFileError(Rule.BAD_FILE_NAME, message, _ANOTHER_NAME)
    found = _wheel(file_name) if file_name.endswith(WHEEL_ENDING) else _sdist(file_name)
    if found is None:
        message = f"{file_name!r} is not the name of a wheel or a .tar.gz source distribution"
        raise RefusedFileError(Rule.BAD_FILE_NAME, message, _ANOTHER_NAME)
    return found


def same_version(one: str, other: str) -> bool:
    """Tell whether two texts spell one version, as 1.0 and 1.0.0 do."""
    key = version_key(one)
    return key is not None and key == version_key(other)


def is_version(text: str) -> bool:
    """Tell whether *text* is a version that installers understand."""
    return version_key(text) is not None


def _wheel(file_name: str) -> NamedFile | None:
    parts = file_name.removesuffix(WHEEL_ENDING).split("-")
    if len(parts) not in _WHEEL_PARTS:
        return None
    name, version, *build = parts[:-3]
    tags_hold = all(map(_TAG.fullmatch, parts[-3:])) and all(map(_BUILD.fullmatch, build))
    if not tags_hold or not _NAME.fullmatch(name) or not is_version(version):
        return None
    return NamedFile(file_name, normalised(name), version, "wheel")


def _sdist(file_name: str) -> NamedFile | None:
    name, dash, version = file_name.removesuffix(SDIST_ENDING).rpartition("-")
    ends_well = file_name.endswith(SDIST_ENDING)
    if not ends_well or not dash or not _NAME.fullmatch(name) or not is_version(version):
        return None
    return NamedFile(file_name, normalised(name), version, "sdist")
