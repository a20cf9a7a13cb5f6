"""Where a new package goes in a uv workspace, and which names are taken there."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.build_hook.siblings import (
    Siblings,
    members_of,
    normal_name,
    tables_of,
    workspace_root,
)
from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError
from tta_dev_primitives.devtools.lockfile.reading import read_text
from tta_dev_primitives.devtools.lockfile.toml_text import parse_toml
from tta_dev_primitives.devtools.primitive_manifest.tables import is_list, table_at, texts
from tta_dev_primitives.devtools.workspace.pyproject import FILE_NAME, PyprojectError

from .refusal import Rule, TemplateRefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from .names import Names


_LIBRARIES: Final = frozenset({"packages", "libs", "libraries"})


@dataclass(frozen=True, slots=True)
class NewMember:
    """Where a package will lie, and what it takes from the workspace around it.

    Attributes:
        folder: Its own folder, which is not there yet.
        siblings: The workspace.
        python_floor: The lowest Python of the other members, such as 3.11.
        licence: What the other members say, None where they do not agree.
        licence_file: The text, None where the root has none.
    """

    folder: Path
    siblings: Siblings
    python_floor: str | None
    licence: str | None
    licence_file: Path | None

    def needs_source(self, name: str) -> bool:
        """Tell whether the package itself has to say that *name* comes from the workspace.

        It has to for a member that the root names no source for: the root's sources hold for all.
        """
        named = table_at(tables_of(self.siblings.root), "tool", "uv", "sources")
        return name in self.siblings.versions and name not in map(normal_name, named)


def place_in_workspace(here: Path, names: Names) -> NewMember:
    """Find the place of a new package in the workspace around *here*.

    Where several patterns take folders in, it is the one around *here*, else that of libraries.

    Raises:
        TemplateRefusedError: There is no workspace, it takes no folder by a pattern, or the name
            belongs to a member, to a package in its lock, or to a folder that is there.
        PyprojectError: A file of the workspace cannot be read.
    """
    root = workspace_root(here)
    if root is None:
        wrong = "no pyproject.toml here or above has a table [tool.uv.workspace]"
        fix = "change to a workspace, or make an app: tta new app NAME"
        raise TemplateRefusedError(Rule.NO_WORKSPACE, str(here), wrong, fix)
    folder = _folder_of_members(root, here) / names.distribution
    siblings = members_of(root)
    _check_name_is_free(names, siblings)
    excluded = _excluding(root, folder)
    if excluded is not None:
        wrong = f"exclude in [tool.uv.workspace] leaves {excluded} out, and so this package"
        fix = "choose another name"
        raise TemplateRefusedError(Rule.NO_MEMBER_PATTERN, str(root / FILE_NAME), wrong, fix)
    check_target(folder)
    projects = [table_at(tables_of(member), "project") for member in siblings.folders]
    floors = {str(each.get("requires-python", "")) for each in projects}
    licences = {each.get("license") for each in projects}
    floor = next(iter(floors)).removeprefix(">=") if len(floors) == 1 else ""
    licence = next(iter(licences)) if len(licences) == 1 else None
    files = sorted(file for file in root.glob("LICEN[CS]E*") if file.is_file())
    return NewMember(
        folder,
        siblings,
        floor if floor.replace(".", "").isdigit() else None,
        licence if files and isinstance(licence, str) else None,
        files[0] if files else None,
    )


def check_target(folder: Path) -> None:
    """Refuse a folder or file that is there.

    Raises:
        TemplateRefusedError: It is, if only as a dangling link.
    """
    if folder.exists() or folder.is_symlink():
        wrong = "it is there already, and nothing is written over"
        fix = "choose another name or move it away"
        raise TemplateRefusedError(Rule.EXISTING_TARGET, str(folder), wrong, fix)


def check_outside_members(folder: Path) -> None:
    """Refuse a folder for an app that a workspace would take for one of its packages.

    Raises:
        TemplateRefusedError: It would become a member.
        PyprojectError: A file of the workspace cannot be read.
    """
    root = workspace_root(folder.parent)
    if root is None:
        return
    workspace = table_at(tables_of(root), "tool", "uv", "workspace")
    place = folder.relative_to(root)
    # `match` looks at the end of a path only, so the depths are compared as well.
    taken = [
        pattern
        for pattern in texts(workspace.get("members"))
        if place.match(pattern) and ("**" in pattern or len(place.parts) == pattern.count("/") + 1)
    ]
    if taken and _excluding(root, folder) is None:
        wrong = f"the workspace {root} takes every folder of {taken[0]} for a package of its own"
        fix = "make the app elsewhere, or a package: tta new package NAME"
        raise TemplateRefusedError(Rule.INSIDE_WORKSPACE, str(folder), wrong, fix)


def _folder_of_members(root: Path, here: Path) -> Path:
    patterns = texts(table_at(tables_of(root), "tool", "uv", "workspace").get("members"))
    parents = [pattern.removesuffix("/*") for pattern in patterns if pattern.endswith("/*")]
    folders = [root / parent for parent in parents if "*" not in parent]
    if not folders:
        wrong = f"[tool.uv.workspace] members = {patterns!r} takes no new folder"
        fix = 'add a pattern: "packages/*"'
        raise TemplateRefusedError(Rule.NO_MEMBER_PATTERN, str(root / FILE_NAME), wrong, fix)

    def distance(folder: Path) -> int:
        if here.is_relative_to(folder):
            return 0
        return 1 if folder.name in _LIBRARIES else 2

    return min(folders, key=distance)


def _excluding(root: Path, folder: Path) -> str | None:
    """Return the pattern of the workspace that leaves *folder* out, None where none does."""
    place = folder.relative_to(root).as_posix()
    patterns = texts(table_at(tables_of(root), "tool", "uv", "workspace").get("exclude"))
    return next((pattern for pattern in patterns if fnmatch(place, pattern)), None)


def _check_name_is_free(names: Names, siblings: Siblings) -> None:
    taken = dict.fromkeys(siblings.versions, "a member of this workspace")
    for name in _locked(siblings.root / "uv.lock"):
        taken.setdefault(name, "a package in uv.lock, which it would replace")
    if names.distribution in taken:
        wrong = f"it is {taken[names.distribution]}"
        raise TemplateRefusedError(
            Rule.TAKEN_NAME, repr(names.distribution), wrong, "choose another"
        )
    for folder in siblings.folders:
        for place in (folder / "src", folder):
            if (place / names.module / "__init__.py").is_file():
                wrong = f"{folder.name} has the import name {names.module}"
                fix = "choose another"
                raise TemplateRefusedError(Rule.TAKEN_NAME, repr(names.distribution), wrong, fix)


def _locked(lock: Path) -> list[str]:
    if not lock.is_file():
        return []
    try:
        packages = parse_toml(read_text(lock), lock.as_posix(), "run: uv lock").get("package")
    except LockfileError as error:
        raise PyprojectError(lock, str(error)) from error
    rows = packages if is_list(packages) else []
    found = [table_at({"row": row}, "row").get("name") for row in rows]
    return [normal_name(name) for name in found if isinstance(name, str)]
