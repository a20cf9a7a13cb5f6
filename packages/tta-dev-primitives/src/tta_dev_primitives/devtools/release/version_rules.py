"""Judge the version of a package: against the tag, earlier releases, and its own code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.build_hook.wheel_content import outermost_packages
from tta_dev_primitives.devtools.workspace.finding import Finding

from .rules import Rule
from .tags import release_tag
from .version_attribute import version_attribute
from .versions import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.version import Version

    from tta_dev_primitives.devtools.workspace.members import Workspace

    from .history import History
    from .packages import Package
    from .tags import ReleaseTag

_VERSION: Final = ("project", "version")


def find(
    workspace: Workspace, package: Package, history: History, tag: ReleaseTag | None
) -> Iterator[Finding]:
    """Judge the version of one package."""
    pyproject, version = package.pyproject, package.version
    place = pyproject.place(*_VERSION)
    written = pyproject.text(*_VERSION)
    if version is None:
        if written is None:
            message = f"{package.name} writes no version, so nobody can hold it against a tag"
            yield Finding(Rule.MISSING_VERSION, place, message, "write version = in [project]")
        else:
            message = f"version = {written!r} is none that PEP 440 knows"
            yield Finding(Rule.BAD_VERSION, place, message, 'write one such as "1.2.3"')
        return
    if version.is_devrelease or version.local:
        part = f"the local part {version.local}" if version.local else "a development version"
        message = f"version = {written!r} is {part}, which no index should get"
        fix = f'write version = "{version.base_version}", or a candidate such as 1.2.3rc1'
        yield Finding(Rule.UNFINISHED_VERSION, place, message, fix)
    if tag is not None and version != tag.version:
        message = f"{package.name} has version {version}, and the tag is {tag.text}"
        fix = f'write version = "{tag.version}", or tag {_other_tag(package, version, tag)}'
        yield Finding(Rule.OTHER_VERSION, place, message, fix)
    last = last_release(package, history, tag)
    if last is not None and (version < last if tag is None else version <= last):
        message = f"version {version} does not come after {last}, which was released before"
        yield Finding(Rule.NOT_NEWER, place, message, f"raise it above {last}")
    yield from _attributes(workspace, package, version)


def last_release(package: Package, history: History, tag: ReleaseTag | None) -> Version | None:
    """Return the highest version of a package that an earlier tag has released.

    Tags of commits that are not behind the one that is checked do not count, so that an old
    line can still be mended after a new one was begun.

    Args:
        package: The package.
        history: The tags.
        tag: What is going to be released; it is no earlier one.
    """
    released = [
        found.version
        for text in history.earlier
        if (found := release_tag(text)) and found.is_of(package.name) and found != tag
    ]
    return max(released, default=None)


def _other_tag(package: Package, version: Version, tag: ReleaseTag) -> str:
    return f"{package.name}-v{version}" if tag.package else f"v{version}"


def _attributes(workspace: Workspace, package: Package, version: Version) -> Iterator[Finding]:
    modules = package.modules()
    for outermost in outermost_packages(modules):
        found = version_attribute(Path(modules[f"{outermost}/__init__.py"]).parent)
        if found is not None and version_of(found.text) != version:
            name = outermost.replace("/", ".")
            yield Finding(
                Rule.OTHER_ATTRIBUTE,
                f"{workspace.label(found.path)}:{found.line}",
                f"{name}.__version__ is {found.text!r}, and the package has version {version}",
                f'write "{version}" here',
            )
