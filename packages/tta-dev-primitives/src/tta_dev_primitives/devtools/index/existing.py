"""What an earlier build left in a site: whether it is ours, and the hashes it promised."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from .finding import PackageIndexError
from .pages import GENERATOR

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "simple"
PAGE: Final = "index.html"
PAGE_FOR_PROGRAMS: Final = "index.json"
PROJECT: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def read_promises(index: Path) -> dict[str, str]:
    """Return the SHA-256 that the pages of an index promise for each file name.

    Empty where *index* is not there yet, or is an empty folder.

    Raises:
        PackageIndexError: The folder holds something else than an index of ours.
    """
    there = next((place for place in (index, *index.parents) if place.exists()), index)
    if there.exists() and not there.is_dir():
        msg = f"{there} is no folder; choose another one with --output"
        raise PackageIndexError(msg)
    if there != index:
        return {}
    if not any(index.iterdir()):
        return {}
    page = _read(index / PAGE_FOR_PROGRAMS, index)
    if page.get("meta", {}).get("_generator") != GENERATOR["_generator"]:
        raise _not_ours(index)
    promises: dict[str, str] = {}
    for folder in project_folders(index):
        rows = _read(folder / PAGE_FOR_PROGRAMS, index).get("files")
        if not isinstance(rows, list):
            raise _not_ours(index)
        for row in rows:  # pyright: ignore[reportUnknownVariableType] - JSON of our own making
            try:
                promises[str(row["filename"])] = str(row["hashes"]["sha256"])  # pyright: ignore[reportUnknownArgumentType]
            except (KeyError, TypeError) as error:
                raise _not_ours(index) from error
    return promises


def project_folders(index: Path) -> list[Path]:
    """Return the folders of an index that belong to projects."""
    return sorted(
        path
        for path in index.iterdir()
        if PROJECT.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    )


def _read(page: Path, index: Path) -> dict[str, Any]:  # Any: JSON
    try:
        found: Any = json.loads(page.read_bytes())  # Any: JSON
    except (OSError, ValueError, RecursionError) as error:
        raise _not_ours(index) from error
    if not isinstance(found, dict) or not isinstance(found.get("meta", {}), dict):  # pyright: ignore[reportUnknownMemberType] - JSON
        raise _not_ours(index)
    return found  # pyright: ignore[reportUnknownVariableType] - JSON


def _not_ours(index: Path) -> PackageIndexError:
    msg = f"{index} holds something that tta index build did not write; choose another --output"
    return PackageIndexError(msg)
