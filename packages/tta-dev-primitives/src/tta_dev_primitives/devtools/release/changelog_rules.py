"""Judge what a change log says of the version that is released."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.workspace.finding import Finding

from .notes import changelog_of
from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.version import Version

    from tta_dev_primitives.devtools.workspace.members import Workspace

    from .changelog import Changelog, Section
    from .packages import Package
    from .tags import ReleaseTag

_DATE: Final = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_COMPARED: Final = re.compile(r"(?P<older>[^/]+?)\.{2,3}(?P<newer>[^/.][^/]*)$")


def find(
    workspace: Workspace, package: Package, tag: ReleaseTag | None, *, is_released: bool
) -> Iterator[Finding]:
    """Judge the change log of a package.

    Without a tag, what is new may still stand under [Unreleased]. With one, the version has a
    section of its own, first below [Unreleased], with a date and a body, and nothing is left over.

    Args:
        workspace: Where the package is.
        package: Whose change log it is.
        tag: What is going to be released, or None.
        is_released: Whether the version of the package has a tag already.

    Raises:
        ChangelogError: It cannot be read.
    """
    changelog = changelog_of(workspace, package)
    if changelog is None:
        yield Finding(
            Rule.MISSING_CHANGELOG,
            f"{package.label}CHANGELOG.md",
            f"{package.name} has no change log, and neither has the root",
            "write one with a section [Unreleased], as Keep a Changelog has it",
        )
        return
    unreleased = changelog.unreleased
    if unreleased is None:
        yield Finding(
            Rule.MISSING_UNRELEASED,
            f"{changelog.label}:1",
            "there is no heading ## [Unreleased] for what comes next",
            "write it above the newest version; it may stay empty",
        )
    version = package.version
    section = changelog.section(version) if version else None
    if version is None:
        return
    if section is not None:
        yield from _section(changelog, section)
    elif tag is not None:
        yield _without_section(changelog, version)
    elif not is_released and (unreleased is None or unreleased.is_empty):
        place = f"{changelog.label}:{unreleased.line if unreleased else 1}"
        message = f"nothing says what is new in {version}, which has no tag yet"
        yield Finding(Rule.MISSING_NOTES, place, message, "write it under [Unreleased]")
    if section is not None and tag is not None:
        yield from _left_over(changelog, version)
        yield from _links(changelog, section, tag)


def _section(changelog: Changelog, section: Section) -> Iterator[Finding]:
    place = f"{changelog.label}:{section.line}"
    written = _DATE.search(section.rest)
    if written is None or not _is_day(written[0]):
        said = f"{section.rest!r}, which has no day as 2026-01-31" if section.rest else "no date"
        message = f"the heading of {section.name} has {said}"
        fix = f"write ## [{section.name}] - YYYY-MM-DD with the day of the release"
        yield Finding(Rule.UNDATED_SECTION, place, message, fix)
    if section.is_empty:
        message = f"the section of {section.name} says nothing"
        fix = "say what a user gets, in a sentence each under Added, Changed or Fixed"
        yield Finding(Rule.EMPTY_SECTION, place, message, fix)
    above = changelog.sections[: changelog.sections.index(section)]
    wrong = [each.name for each in above if each.version is not None]
    if wrong or (not above and changelog.unreleased is not None):
        message = f"{wrong[-1]} stands above {section.name}" if wrong else "it stands above all"
        fix = "put it right below [Unreleased], newer versions first"
        yield Finding(Rule.SECTION_ORDER, place, message, fix)


def _without_section(changelog: Changelog, version: Version) -> Finding:
    unreleased = changelog.unreleased
    line = unreleased.line if unreleased else 1
    fix = f"write ## [{version}] - YYYY-MM-DD"
    if unreleased and not unreleased.is_empty:
        fix += " below [Unreleased], above what is to be released"
    message = f"there is no section of {version}"
    return Finding(Rule.MISSING_SECTION, f"{changelog.label}:{line}", message, fix)


def _left_over(changelog: Changelog, version: Version) -> Iterator[Finding]:
    unreleased = changelog.unreleased
    if unreleased is not None and not unreleased.is_empty:
        yield Finding(
            Rule.LEFT_IN_UNRELEASED,
            f"{changelog.label}:{unreleased.line}",
            f"something is under [Unreleased], though {version} has a section of its own",
            f"move what {version} brings there",
        )


def _links(changelog: Changelog, section: Section, tag: ReleaseTag) -> Iterator[Finding]:
    """Judge the links that compare versions, where any section has one."""
    linked = [each for each in changelog.sections if each.is_linked]
    if not any(each.name.lower() in changelog.links for each in linked):
        return
    for each in linked:
        if each not in (section, changelog.unreleased):
            continue
        target, line = changelog.links.get(each.name.lower(), ("", each.line))
        compared = _COMPARED.search(target)
        wanted = f"...{tag.text}" if each is section else f"{tag.text}...HEAD"
        if not target:
            wrong = f"[{each.name}] has no link, and other versions have one"
        elif compared and compared["older" if each.is_unreleased else "newer"] != tag.text:
            wrong = f"[{each.name}] compares {compared[0]}, not {wanted}"
        else:
            continue
        fix = f"write [{each.name.lower() if each.is_unreleased else each.name}]: "
        fix += f"and an address that ends with {wanted}"
        yield Finding(Rule.COMPARISON_LINK, f"{changelog.label}:{line}", wrong, fix)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
