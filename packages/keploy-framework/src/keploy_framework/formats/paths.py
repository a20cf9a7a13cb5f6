"""Names and paths of recordings: kept inside their folder, and valid on every system."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import KeployPathError

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST: Final = 100
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def place_inside(root: Path, path: str) -> Path:
    """Give the place of a path written with ``/`` below *root*, wherever links lead.

    Args:
        root: The folder not to leave. It may be a symbolic link itself.
        path: A relative path, such as ``test-set-0/tests/get-items-1.yaml``.

    Raises:
        KeployPathError: The path is absolute, has a part that is no valid name, such as ``..``,
            or leads out of *root* by a symbolic link.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or any(not is_valid_name(part) for part in parts):
        shown = path[:_LONGEST]
        reason = f"{shown!r} is no path below the folder of recordings; use plain relative names"
        raise KeployPathError(reason, path)
    place = root.joinpath(*parts)
    if not place.resolve().is_relative_to(root.resolve()):
        reason = f"{path[:_LONGEST]!r} leads out of {root} by a symbolic link; remove the link"
        raise KeployPathError(reason, path)
    return place


def is_valid_name(name: str) -> bool:
    """Tell whether *name* can name one file or folder on every system."""
    return (
        name not in ("", ".", "..")
        and not _FORBIDDEN.search(name)
        and not name.endswith((" ", "."))
        and not _RESERVED.fullmatch(name)
    )


def checked_name(name: str) -> str:
    """Give back a name that can name one file or folder on every system.

    Raises:
        KeployPathError: It cannot.
    """
    if not is_valid_name(name):
        shown = name[:_LONGEST]
        reason = f"{shown!r} cannot name a file; use letters, digits, dots, dashes or underscores"
        raise KeployPathError(reason, name)
    return name


def made_valid(text: str, otherwise: str) -> str:
    """Turn any text into a valid name of at most 100 characters; *otherwise* stands for none."""
    name = _FORBIDDEN.sub("_", text.replace("\\", "/").rpartition("/")[2])[-_LONGEST:].rstrip(" .")
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    return name if is_valid_name(name) else otherwise
