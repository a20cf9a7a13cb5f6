"""The members of a workspace that are published, and where their files lie."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.workspace.members import Workspace, name_of

from .tags import ReleaseTag, ReleaseTagError
from .versions import version_of

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.version import Version

    from tta_dev_primitives.devtools.workspace.pyproject import Pyproject

# Indexes refuse every classifier that begins so.
_PRIVATE: Final = "Private ::"
_WHEEL_PACKAGES: Final = ("tool", "hatch", "build", "targets", "wheel", "packages")


@dataclass(frozen=True, slots=True)
class Package:
    """A member that is published.

    Args:
        name: Its normalised name.
        pyproject: Its file.
        version: What its file says, None where it says none that PEP 440 knows.
    """

    name: str
    pyproject: Pyproject
    version: Version | None

    @property
    def folder(self) -> Path:
        """Return the folder of the package."""
        return self.pyproject.path.parent

    @property
    def label(self) -> str:
        """Return what the folder is called in messages, with a slash at its end."""
        return self.pyproject.label.removesuffix(self.pyproject.path.name)

    def modules(self) -> dict[str, str]:
        """Return where each `__init__.py` and `py.typed` lies, by its path in the wheel."""
        found: dict[str, str] = {}
        for base in self._sources():
            for pattern in ("__init__.py", "py.typed"):
                for path in sorted(base.rglob(pattern)):
                    found[path.relative_to(base.parent).as_posix()] = str(path)
        return found

    def _sources(self) -> list[Path]:
        named = [self.folder / item for item in self._named()]
        if named:
            return named
        folders = sorted((self.folder / "src").glob("*/")) or [
            self.folder / self.name.replace("-", "_")
        ]
        return [folder for folder in folders if folder.is_dir()]

    def _named(self) -> list[str]:
        return [item for item in self.pyproject.items(*_WHEEL_PACKAGES) if isinstance(item, str)]


def published_packages(workspace: Workspace, tag: ReleaseTag | None) -> tuple[Package, ...]:
    """List the members that are published, or those of them that *tag* releases.

    A member is not published when a classifier says `Private ::`, or with
    `[tool.uv] package = false`.

    Raises:
        ReleaseTagError: The tag names a package that is none of them.
        MissingExtraError: packaging is not installed.
    """
    found: list[Package] = []
    for member in workspace.members:
        name = name_of(member)
        classifiers = member.items("project", "classifiers")
        is_private = any(str(each).startswith(_PRIVATE) for each in classifiers)
        if name and not is_private and member.at("tool", "uv", "package") is not False:
            written = member.text("project", "version")
            found.append(Package(name, member, version_of(written) if written else None))
    released = tuple(each for each in found if tag is None or tag.is_of(each.name))
    if tag is not None and not released:
        names = [each.name for each in found]
        near = get_close_matches(tag.package or "", names, n=1, cutoff=0.5)
        move = f"did you mean {near[0]}-v{tag.version}?" if near else "name one that is published"
        raise ReleaseTagError(tag.text, "names no package that is published here", move)
    return released
