"""The members of a workspace, and which of them a file belongs to."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Member:
    """A project of a workspace.

    Args:
        name: What it is called in its pyproject.toml, else the name of its folder.
        folder: Where it is.
    """

    name: str
    folder: Path


def workspace_members(root: Path) -> list[Member]:
    """Return the members of the uv workspace at *root*, sorted by name, and *root* itself last.

    A project that is no workspace has itself only. A pyproject.toml that cannot be read counts as
    one that says nothing.

    Args:
        root: The folder of the workspace's own pyproject.toml.
    """
    document = _document(root)
    workspace = _table(_table(_table(document, "tool"), "uv"), "workspace")
    left_out = set(_folders(root, workspace.get("exclude")))
    folders = set(_folders(root, workspace.get("members"))) - left_out
    members = [Member(_name(folder), folder) for folder in folders if folder != root]
    members.sort(key=lambda member: (member.name, member.folder))
    return [*members, Member(_name(root), root)]


def member_of(path: str, members: Sequence[Member]) -> Member:
    """Return the innermost member that a file lies in; the last one where it lies in none."""
    place = Path(path).resolve()
    holding = [member for member in members if place.is_relative_to(member.folder.resolve())]
    return max(holding, key=lambda member: len(member.folder.resolve().parts), default=members[-1])


def _folders(root: Path, patterns: object) -> Iterator[Path]:
    if not isinstance(patterns, list):
        return
    for pattern in cast("list[object]", patterns):
        if isinstance(pattern, str) and pattern and not Path(pattern).is_absolute():
            for folder in root.glob(pattern):
                if (folder / "pyproject.toml").is_file():
                    yield folder


def _name(folder: Path) -> str:
    name = _table(_document(folder), "project").get("name")
    return name if isinstance(name, str) and name else folder.resolve().name


def _document(folder: Path) -> dict[str, Any]:  # Any: TOML
    try:
        with (folder / "pyproject.toml").open("rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError):
        return {}


def _table(document: dict[str, Any], name: str) -> dict[str, Any]:  # Any: TOML
    value = document.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
