"""The groups and extras that a workspace declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.lockfile.toml_text import is_table
from tta_dev_primitives.devtools.workspace.members import name_of, normal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.workspace.members import Workspace
    from tta_dev_primitives.devtools.workspace.pyproject import Pyproject

TABLE: Final = "dependency-groups"


@dataclass(frozen=True, slots=True)
class Group:
    """A group as one file declares it.

    Args:
        name: Normalised.
        written: As it stands there.
        pyproject: The file.
    """

    name: str
    written: str
    pyproject: Pyproject

    @property
    def place(self) -> str:
        """Return the file and the line."""
        return self.pyproject.place(TABLE, self.written)

    @property
    def includes(self) -> Iterator[tuple[int, str]]:
        """Return the position and the name of each group that this one includes, normalised."""
        for index, item in enumerate(self.pyproject.items(TABLE, self.written)):
            if is_table(item) and isinstance(name := item.get("include-group"), str):
                yield index, normal(name)


@dataclass(frozen=True, slots=True)
class Declared:
    """What may be named in a workspace.

    Args:
        groups: Every group of every file.
        extras: The extras of every member, all normalised.
    """

    groups: tuple[Group, ...]
    extras: dict[str, frozenset[str]]

    @property
    def group_names(self) -> frozenset[str]:
        """Return the names of the groups, each once."""
        return frozenset(group.name for group in self.groups)


def read_declared(workspace: Workspace) -> Declared:
    """Gather the groups and extras of all files of a workspace."""
    groups = tuple(
        Group(normal(written), written, pyproject)
        for pyproject in workspace.files
        for written in pyproject.table(TABLE)
    )
    extras = {
        name: frozenset(map(normal, member.table("project", "optional-dependencies")))
        for member in workspace.members
        if (name := name_of(member))
    }
    return Declared(groups, extras)
