"""What the change logs of packages say, for the page of a release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .changelog import Changelog, ChangelogError, find_changelog, read_changelog
from .packages import published_packages

if TYPE_CHECKING:
    from pathlib import Path

    from tta_dev_primitives.devtools.workspace.members import Workspace

    from .packages import Package
    from .tags import ReleaseTag


def changelog_of(workspace: Workspace, package: Package) -> Changelog | None:
    """Read the change log of a package, or that of the root where the package has none.

    Raises:
        ChangelogError: It cannot be read.
    """
    path = find_changelog(package.folder, workspace.root)
    return read_changelog(path, workspace.label(path)) if path else None


def release_notes(workspace: Workspace, tag: ReleaseTag) -> str:
    """Return what the change logs say of the version that *tag* releases, as Markdown.

    Of several packages, each part has the name of its package above it; a change log that they
    share is told once.

    Raises:
        ChangelogError: A package has no change log, or it has no section of the version.
        ReleaseTagError: The tag names no package that is published.
        MissingExtraError: packaging is not installed.
    """
    parts: dict[Path, tuple[str, str]] = {}
    for package in published_packages(workspace, tag):
        changelog = changelog_of(workspace, package)
        section = changelog.section(tag.version) if changelog else None
        if changelog is None or section is None:
            where = changelog.label if changelog else f"{package.label}CHANGELOG.md"
            msg = f"{where} has no section of {tag.version}; write one first"
            raise ChangelogError(package.folder / "CHANGELOG.md", msg)
        parts.setdefault(changelog.path, (package.name, changelog.notes(section)))
    if len(parts) == 1:
        return next(iter(parts.values()))[1]
    return "\n".join(f"## {name}\n\n{text}" for name, text in parts.values())
