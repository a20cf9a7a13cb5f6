"""Find the members of a workspace as its root names them, and the folders that are none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .pyproject import FILE_NAME, Pyproject, PyprojectError, read_pyproject
from .unreadable import telling_what_is_unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WILD: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One entry of `members`.

    Args:
        text: What it says.
        place: Where it stands.
        folders: The folders that it matches and `exclude` does not, sorted; hidden ones are not
            seen, as uv does not see them.
        is_wild: Whether it can match folders of several names.
        is_excluded: Whether `exclude` takes away all that it matches.
    """

    text: str
    place: str
    folders: tuple[Path, ...]
    is_wild: bool
    is_excluded: bool


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace as its files say, without asking uv.

    Args:
        root: The folder with the lock.
        pyproject: The file of the root.
        patterns: What `members` says.
        members: The files of the members, sorted by folder; the root is one where it has a
            `[project]`.
    """

    root: Path
    pyproject: Pyproject
    patterns: tuple[Pattern, ...]
    members: tuple[Pyproject, ...]

    @property
    def files(self) -> tuple[Pyproject, ...]:
        """Return the file of the root, then those of the members."""
        others = (member for member in self.members if member is not self.pyproject)
        return (self.pyproject, *others)

    @property
    def names(self) -> frozenset[str]:
        """Return the normalised names of the members."""
        return frozenset(name for member in self.members if (name := name_of(member)))

    def label(self, path: Path) -> str:
        """Return what a path is called in messages."""
        return (
            path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
        )


def normal(name: str) -> str:
    """Return the name of a package, group or extra as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(member: Pyproject) -> str | None:
    """Return the normalised name of a member, None where it says none."""
    name = member.text("project", "name")
    return normal(name) if name else None


@telling_what_is_unreadable()
def read_workspace(here: Path) -> Workspace:
    """Read the workspace that *here* lies in.

    Args:
        here: Its root, or a folder below.

    Raises:
        PyprojectError: There is none, or one of its files cannot be judged.
    """
    start = here.resolve()
    if not start.is_dir():
        msg = f"{here} is no folder; name the root of a workspace, or a folder in it"
        raise PyprojectError(start, msg)
    for root in (start, *start.parents):
        if not (root / FILE_NAME).is_file():
            continue
        pyproject = read_pyproject(root / FILE_NAME, FILE_NAME)
        if "workspace" in pyproject.table("tool", "uv"):
            return _gathered(root, pyproject)
    msg = (
        f"no {FILE_NAME} in {here} or above it has a table [tool.uv.workspace]; "
        "change to a workspace, or name its folder"
    )
    raise PyprojectError(start / FILE_NAME, msg)


def _gathered(root: Path, pyproject: Pyproject) -> Workspace:
    excluded = {folder for _, _, found in _expanded(root, pyproject, "exclude") for folder in found}
    patterns: list[Pattern] = []
    folders: dict[Path, None] = {}
    for text, place, found in _expanded(root, pyproject, "members"):
        kept = tuple(folder for folder in found if folder not in excluded)
        is_wild = _WILD.search(text) is not None
        patterns.append(Pattern(text, place, kept, is_wild, bool(found) and not kept))
        folders |= dict.fromkeys(kept)
    members = [pyproject] if "project" in pyproject.tree else []
    for folder in sorted(folders):
        path = folder / FILE_NAME
        if path.is_file() and folder != root:
            label = path.relative_to(root) if path.is_relative_to(root) else path
            member = read_pyproject(path, label.as_posix())
            # uv leaves such a folder to other tools.
            if member.at("tool", "uv", "managed") is not False:
                members.append(member)
    return Workspace(root, pyproject, tuple(patterns), tuple(members))


def _expanded(
    root: Path, pyproject: Pyproject, key: str
) -> Iterator[tuple[str, str, tuple[Path, ...]]]:
    keys = ("tool", "uv", "workspace", key)
    given = pyproject.at(*keys)
    if given is not None and not isinstance(given, list):
        msg = f"{pyproject.place(*keys)}: {key} must be a list of patterns, got {given!r}"
        raise PyprojectError(pyproject.path, msg)
    for index, pattern in enumerate(pyproject.items(*keys)):
        place = pyproject.place(*keys, index)
        if not isinstance(pattern, str) or not pattern:
            msg = f"{place}: {key} must hold patterns of folders, got {pattern!r}"
            raise PyprojectError(pyproject.path, msg)
        if "\\" in pattern or re.match(r"[A-Za-z]:|/", pattern):
            fitting = pattern.replace("\\", "/")
            move = (
                f"write a path below the root, got {pattern!r}"
                if re.match(r"[A-Za-z]:|/", pattern)
                else f"{pattern!r} only works on Windows; write {fitting!r}"
            )
            msg = f"{place}: {key} needs relative paths with forward slashes: {move}"
            raise PyprojectError(pyproject.path, msg)
        try:
            matches = [folder.resolve() for folder in root.glob(pattern) if folder.is_dir()]
        except (ValueError, OSError, NotImplementedError) as error:
            msg = f"{place}: {key} holds {pattern!r}, which is no pattern: {error}; correct it"
            raise PyprojectError(pyproject.path, msg) from error
        seen = [folder for folder in matches if not folder.name.startswith(".")]
        yield pattern, place, tuple(sorted(dict.fromkeys(seen)))
