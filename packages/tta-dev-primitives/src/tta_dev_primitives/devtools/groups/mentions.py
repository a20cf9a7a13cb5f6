"""Find the files of a workspace that name its groups, extras and packages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.workspace.unreadable import read_any_text

from .commands import Named, uses_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tta_dev_primitives.devtools.workspace.members import Workspace

# Histories tell of groups that are gone.
_HISTORIES: Final = ("CHANGELOG*", "HISTORY*", "CHANGES*")
_PLACES: Final = (
    ".ci/*", ".devcontainer/*", ".github/actions/**/*.y*ml", ".github/workflows/*.y*ml",
    ".gitlab-ci.yml", ".pre-commit-config.yaml", ".vscode/tasks.json", "*.md", "Dockerfile*",
    "Justfile", "Makefile", "docs/**/*.md", "justfile", "scripts/**/*.sh", "tox.ini",
)  # fmt: skip
_OF_MEMBERS: Final = ("*.md", "docs/**/*.md", "Makefile", "justfile", "Dockerfile*")
_LONGEST_TEXT: Final = 2_000_000  # characters


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a file.

    Args:
        place: The file and the line.
        named: What is named.
    """

    place: str
    named: Named


@dataclass(frozen=True, slots=True)
class Mentions:
    """What the files of a workspace name.

    Args:
        names: Sorted by file and line.
        all_groups: Whether a command somewhere installs every group.
        files: How many files were read.
    """

    names: tuple[Mention, ...]
    all_groups: bool
    files: int


def find_mentions(workspace: Workspace, skipped: Iterable[str] = ()) -> Mentions:
    """Read workflows, tasks, scripts and pages, and gather what their commands name.

    Args:
        workspace: The workspace.
        skipped: Patterns of paths that are left out, besides change logs.

    Raises:
        PyprojectError: A file cannot be read.
    """
    names: list[Mention] = []
    all_groups = False
    files = 0
    for path in sorted(_paths(workspace, (*_HISTORIES, *skipped))):
        label = workspace.label(path)
        # What is not text has no commands.
        text = read_any_text(path, label)[:_LONGEST_TEXT]
        uses = uses_in(text, is_json=path.suffix == ".json")
        names += [Mention(f"{label}:{named.line}", named) for named in uses.names]
        all_groups |= uses.all_groups
        files += 1
    return Mentions(tuple(names), all_groups, files)


def _paths(workspace: Workspace, skipped: tuple[str, ...]) -> Iterator[Path]:
    seen: set[Path] = set()
    folders = [(workspace.root, _PLACES)]
    folders += [
        (member.path.parent, _OF_MEMBERS)
        for member in workspace.members
        if member.path.parent != workspace.root
    ]
    for folder, patterns in folders:
        for pattern in patterns:
            for path in folder.glob(pattern):
                if path in seen or not path.is_file():
                    continue
                seen.add(path)
                label = PurePosixPath(workspace.label(path))
                if not any(label.match(each) for each in skipped):
                    yield path
