"""Find folders that uv refuses as members, or passes over without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .finding import Finding
from .members import Workspace, name_of
from .pyproject import FILE_NAME, Pyproject
from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def find(workspace: Workspace) -> Iterator[Finding]:
    """Judge what the root says of its members, folder by folder."""
    for pattern in workspace.patterns:
        if not pattern.folders and not pattern.is_excluded:
            nothing = "no folder matches it" if pattern.is_wild else "there is no such folder"
            yield Finding(
                Rule.MISSING_MEMBER,
                pattern.place,
                f"members names {pattern.text!r}, but {nothing}, and uv says nothing about it",
                f"restore the folder, or take {pattern.text!r} out of members",
            )
        for folder in pattern.folders:
            if not (folder / FILE_NAME).is_file():
                yield _without_file(workspace, folder, pattern.text)
    yield from _projects(workspace)
    yield from _left_out(workspace)


def _without_file(workspace: Workspace, folder: Path, pattern: str) -> Finding:
    label = workspace.label(folder)
    if not any(path.is_file() for path in folder.rglob("*")):
        return Finding(
            Rule.EMPTY_MEMBER,
            label,
            f"the folder matches {pattern!r} and holds no file, and uv passes over it silently",
            f"delete it, or fill it with: uv init --lib --vcs none {label}",
        )
    return Finding(
        Rule.MEMBER_WITHOUT_PYPROJECT,
        label,
        f"the folder matches {pattern!r} and has files, but no {FILE_NAME}",
        f"delete what is left of it, or finish it with: uv init --lib --vcs none {label}",
        f"error: Workspace member `{folder}` is missing a `{FILE_NAME}` (matches: `{pattern}`)",
    )


def _projects(workspace: Workspace) -> Iterator[Finding]:
    first: dict[str, Pyproject] = {}
    for member in workspace.members:
        if "project" not in member.tree:
            yield Finding(
                Rule.MEMBER_WITHOUT_PROJECT,
                member.place(),
                "the member has no [project] table, so it is no package",
                "add [project] with name, version and requires-python, or exclude the folder",
                f"error: No `project` table found in: {member.path}",
            )
            continue
        name = name_of(member)
        if not name:
            continue
        other = first.setdefault(name, member)
        if other is not member:
            yield Finding(
                Rule.DUPLICATE_MEMBER,
                member.place("project", "name"),
                f"{name} is also the name of {other.label}",
                "give one of the two another name",
                f"error: Two workspace members are both named `{name}`: "
                f"`{other.path.parent}` and `{member.path.parent}`",
            )


def _left_out(workspace: Workspace) -> Iterator[Finding]:
    """Find packages that lie beside members and are neither members nor excluded."""
    known = {member.path.parent for member in workspace.members}
    excluded = {
        folder.resolve()
        for pattern in workspace.pyproject.items("tool", "uv", "workspace", "exclude")
        if isinstance(pattern, str)
        for folder in workspace.root.glob(pattern)
    }
    # The folders above the root's own are somebody else's.
    homes = {folder.parent for folder in known if folder != workspace.root}
    for home in sorted(homes - {workspace.root}):
        for folder in sorted(home.iterdir()):
            path = folder / FILE_NAME
            is_seen = folder in known or folder in excluded or folder.name.startswith(".")
            if is_seen or not path.is_file() or folder.resolve() == workspace.root:
                continue
            listed = any(folder in pattern.folders for pattern in workspace.patterns)
            if listed or not folder.is_relative_to(workspace.root):
                continue
            label = workspace.label(folder)
            yield Finding(
                Rule.UNLISTED_PACKAGE,
                workspace.label(path),
                f"{label} lies beside members, but members does not name it",
                f"add {label!r} to members, or to exclude",
            )
