"""Which versions of a sibling a published package works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .refusal import BuildRefusedError, Fault
from .siblings import normal_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .siblings import Siblings


def compatible_range(version: str) -> str:
    """Return the versions from *version* up to the next that may break what uses it.

    By semantic versioning the first part that is not zero tells: after 1.4.2 that is 2, after
    0.2.3 it is 0.3. `0.2.0` gives `<0.3,>=0.2`, as zeros at the end say nothing.

    Raises:
        ValueError: *version* is none by PEP 440.
    """
    from packaging.version import Version

    parsed = Version(version)
    release = [*parsed.release, 0, 0][: max(2, len(parsed.release))]
    # A zero that is written counts as well: after 0.0 comes 0.1.
    breaking = next((index for index, part in enumerate(release) if part), len(release) - 1)
    epoch = f"{parsed.epoch}!" if parsed.epoch else ""
    ceiling = [*release[:breaking], release[breaking] + 1]
    floor = parsed.public
    while not (parsed.is_prerelease or parsed.is_postrelease) and floor.endswith(".0"):
        if floor.count(".") == 1:
            break
        floor = floor.removesuffix(".0")
    return f">={floor},<{epoch}{'.'.join(map(str, ceiling))}"


def with_ranges(
    package: str, requirements: Iterable[str], siblings: Siblings | None, sources: Collection[str]
) -> list[str]:
    """Give each bare requirement on a sibling a range that fits; leave all others as they are.

    Args:
        package: Whose requirements these are; it may require itself.
        requirements: By PEP 508.
        siblings: The workspace, None outside of one.
        sources: What the package says comes from the workspace.

    Raises:
        BuildRefusedError: The version of a sibling is not known.
    """
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    ranged: list[str] = []
    for line in requirements:
        requirement = Requirement(line)
        name = normal_name(requirement.name)
        bare = not requirement.specifier and requirement.url is None
        known = sources if siblings is None else {*sources, *siblings.versions}
        if not bare or name not in known or name == normal_name(package):
            ranged.append(line)
            continue
        version = None if siblings is None else siblings.versions.get(name)
        if version is None:
            raise BuildRefusedError(package, [_unknown_version(requirement.name, siblings)])
        requirement.specifier = SpecifierSet(compatible_range(version))
        ranged.append(str(requirement))
    return ranged


def wrong_ranges(
    package: str, requirements: Iterable[str], siblings: Siblings, *, has_hook: bool = True
) -> list[Fault]:
    """List the requirements on siblings that any version meets, or that their own does not.

    Args:
        package: Whose requirements these are; it may require itself.
        requirements: By PEP 508.
        siblings: The workspace.
        has_hook: Whether the package is built by what can fill ranges in.
    """
    from packaging.requirements import Requirement

    faults: list[Fault] = []
    for line in requirements:
        requirement = Requirement(line)
        name = normal_name(requirement.name)
        version = siblings.versions.get(name)
        if version is None or name == normal_name(package) or requirement.url is not None:
            continue
        fix = f"write {requirement.name}{compatible_range(version)}"
        if not requirement.specifier:
            wrong = f"{line!r} takes any version of a package of this workspace"
            if has_hook:
                fix = f"{fix}, or leave ranges to [tool.hatch.metadata.hooks.tta]"
            faults.append(Fault("sibling-without-range", "pyproject.toml", wrong, fix))
        elif not requirement.specifier.contains(version, prereleases=True):
            wrong = f"{line!r} leaves out {version}, the version in this workspace"
            faults.append(Fault("sibling-out-of-range", "pyproject.toml", wrong, fix))
    return faults


def _unknown_version(name: str, siblings: Siblings | None) -> Fault:
    if siblings is None:
        wrong = f"{name} comes from the workspace, and no workspace is above this folder"
        return Fault("no-workspace", "pyproject.toml", wrong, "build it there or from its sdist")
    wrong = f"{name} writes no version in its [project] table"
    fix = f"write one there, or give the range of {name} here"
    return Fault("sibling-without-version", "pyproject.toml", wrong, fix)
