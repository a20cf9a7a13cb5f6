"""The other packages of the uv workspace that a package is built in."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.primitive_manifest.tables import table_at, texts
from tta_dev_primitives.devtools.workspace.pyproject import FILE_NAME, read_pyproject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Siblings:
    """The members of a workspace.

    Attributes:
        root: The workspace.
        folders: Where they lie.
        versions: The version of each member by its normal name; None where none is written down.
    """

    root: Path
    folders: tuple[Path, ...]
    versions: Mapping[str, str | None]


def find_siblings(project: Path) -> Siblings | None:
    """Find the workspace that *project* is a member of.

    Returns None outside of one, as in an unpacked sdist.

    Raises:
        PyprojectError: The file of a member or of the root cannot be read.
    """
    project = project.resolve()
    root = workspace_root(project)
    if root is None:
        return None
    siblings = members_of(root)
    return siblings if project in (root, *siblings.folders) else None


def workspace_root(folder: Path) -> Path | None:
    """Return the nearest folder, this one or above, whose file makes it a workspace.

    Raises:
        PyprojectError: A file on the way cannot be read.
    """
    for place in (folder, *folder.parents):
        if table_at(tables_of(place), "tool", "uv", "workspace"):
            return place
    return None


def members_of(root: Path) -> Siblings:
    """Read what the workspace at *root* consists of.

    Raises:
        PyprojectError: The file of a member cannot be read.
    """
    workspace = table_at(tables_of(root), "tool", "uv", "workspace")
    folders = tuple(_members(root, workspace))
    versions: dict[str, str | None] = {}
    for folder in (root, *folders):
        project = table_at(tables_of(folder), "project")
        name, version = project.get("name"), project.get("version")
        if isinstance(name, str):
            versions[normal_name(name)] = version if isinstance(version, str) else None
    return Siblings(root, folders, versions)


def workspace_sources(project: Path) -> set[str]:
    """Name what the project's own file says comes from the workspace."""
    sources = table_at(tables_of(project), "tool", "uv", "sources")
    return {normal_name(name) for name in sources if table_at(sources, name).get("workspace")}


def tables_of(folder: Path) -> dict[str, object]:
    """Return the tables of the `pyproject.toml` of a folder, none where there is no such file.

    Raises:
        PyprojectError: It cannot be read, is not UTF-8, holds a merge conflict, or is no TOML.
    """
    path = folder / FILE_NAME
    return read_pyproject(path).tree if path.is_file() else {}


def normal_name(name: str) -> str:
    """Return the one spelling under which distributions are compared."""
    parts = name.replace("_", "-").replace(".", "-").lower().split("-")
    return "-".join(part for part in parts if part)


def _members(root: Path, workspace: Mapping[str, object]) -> Iterator[Path]:
    excluded = texts(workspace.get("exclude"))
    for pattern in texts(workspace.get("members")):
        for folder in sorted(root.glob(pattern)):
            place = folder.relative_to(root).as_posix()
            if (folder / FILE_NAME).is_file() and not any(
                fnmatch(place, pattern) for pattern in excluded
            ):
                yield folder
