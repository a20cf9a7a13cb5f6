"""Tags that stand for a release: `v1.2.3` of every package, or `name-v1.2.3` of one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.workspace.members import normal
from tta_dev_primitives.errors import ConfigurationError

from .versions import version_of

if TYPE_CHECKING:
    from packaging.version import Version

_TAG: Final = re.compile(r"(?:(?P<package>[A-Za-z0-9][A-Za-z0-9._-]*)-)?v(?P<version>\d.*)")


class ReleaseTagError(ConfigurationError):
    """Raised when a name is no tag of a release here.

    Attributes:
        tag: The name.
    """

    def __init__(self, tag: str, wrong: str, next_move: str) -> None:
        super().__init__(f"{tag!r} {wrong}; {next_move}")
        self.tag = tag


@dataclass(frozen=True, slots=True)
class ReleaseTag:
    """What a tag promises.

    Args:
        text: The tag, as git knows it.
        version: What is released.
        package: The normalised name of the one package that is released, None for all.
    """

    text: str
    version: Version
    package: str | None = None

    def is_of(self, package: str) -> bool:
        """Tell whether the tag releases *package*, a normalised name."""
        return self.package in (None, package)


def read_tag(given: str) -> ReleaseTag:
    """Read a tag that somebody has named, as such or with `refs/tags/` in front.

    Raises:
        ReleaseTagError: It is no tag of a release.
        MissingExtraError: packaging is not installed.
    """
    found = release_tag(given.removeprefix("refs/tags/"))
    if found is None:
        wrong, move = "is no tag of a release", "write one such as v1.2.3 or NAME-v1.2.3"
        raise ReleaseTagError(given, wrong, move)
    return found


def release_tag(text: str) -> ReleaseTag | None:
    """Return what the tag *text* releases, None where it is a tag of another kind."""
    found = _TAG.fullmatch(text)
    version = version_of(found["version"]) if found else None
    if found is None or version is None:
        return None
    return ReleaseTag(text, version, normal(found["package"]) if found["package"] else None)
