"""Find tools that are asked for with different floors, or that ship with a package."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.workspace.finding import Finding
from tta_dev_primitives.devtools.workspace.members import normal
from tta_dev_primitives.devtools.workspace.requirement_name import requirements_of
from tta_dev_primitives.errors import MissingExtraError

from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.requirements import Requirement
    from packaging.version import Version

    from tta_dev_primitives.devtools.workspace.members import Workspace
    from tta_dev_primitives.devtools.workspace.pyproject import Pyproject
    from tta_dev_primitives.devtools.workspace.toml_positions import Keys

_FLOORS: Final = frozenset({">=", ">", "~=", "==", "==="})
# Tools that only who works on a package runs.
_TOOLS: Final = re.compile(
    r"autopep8|bandit|basedpyright|black|bumpversion|codespell|commitizen|coverage|deptry|flake8"
    r"|hypothesis|import-linter|isort|mkdocs(-.+)?|mutmut|mypy|nox|pip-tools|poethepoet|pre-commit"
    r"|pylint|pyrefly|pyright|pytest(-.+)?|ruff|sphinx(-.+)?|tox(-.+)?|twine|ty|types-.+|vulture"
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A requirement where it stands."""

    place: str
    home: str
    floor: Version | None


def find_different_floors(workspace: Workspace) -> Iterator[Finding]:
    """Find packages that several places ask for with different lower bounds.

    Requirements under different markers are not compared, nor are the members themselves, nor
    what comes from an address. A bound that is missing differs from one that is there.

    Raises:
        MissingExtraError: packaging is not installed.
    """
    asked: dict[tuple[str, str], list[_Asked]] = {}
    for pyproject in workspace.files:
        for keys, text in requirements_of(pyproject):
            requirement = parse(text)
            if requirement is None or requirement.url is not None:
                continue
            name = normal(requirement.name)
            if name not in workspace.names:
                marker = str(requirement.marker or "")
                told = _Asked(pyproject.place(*keys), _home(keys), _floor(requirement))
                asked.setdefault((name, marker), []).append(told)
    for (name, _), places in asked.items():
        bounds = [each.floor for each in places if each.floor is not None]
        if not bounds:
            continue
        highest = max(bounds)
        model = next(each for each in places if each.floor == highest)
        for each in places:
            if each.floor != highest:
                here = f"floor {each.floor}" if each.floor else "no floor"
                yield Finding(
                    Rule.DIFFERENT_FLOOR,
                    each.place,
                    f"{name} has {here} in {each.home}, and floor {highest} in {model.home} "
                    f"at {model.place}",
                    f"write {name}>={highest} in both, or the lower one if it was tested",
                )


def find_tools_in_project(workspace: Workspace, shipped: Iterable[str]) -> Iterator[Finding]:
    """Find development tools among what users of a package install.

    Args:
        workspace: The workspace.
        shipped: Tools that are meant to be there, as for a plugin of theirs.

    Raises:
        MissingExtraError: packaging is not installed.
    """
    allowed = {normal(name) for name in shipped}
    for member in workspace.members:
        for keys, text in requirements_of(member):
            requirement = parse(text) if keys[0] == "project" else None
            if requirement is None:
                continue
            name = normal(requirement.name)
            if _TOOLS.fullmatch(name) and name not in allowed:
                yield _shipped_tool(member, keys, name)


def parse(text: str) -> Requirement | None:
    """Read a requirement, None where it is none; that is for other rules to tell.

    Raises:
        MissingExtraError: packaging is not installed.
    """
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError as error:
        missing = "packaging, which reads versions,"
        raise MissingExtraError(missing, "workspace") from error
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _shipped_tool(member: Pyproject, keys: Keys, name: str) -> Finding:
    whom = "every user" if keys[1] == "dependencies" else f"who asks for extra {keys[2]}"
    return Finding(
        Rule.TOOL_IN_PROJECT,
        member.place(*keys),
        f"{name} is a tool for working on the package, and {whom} gets it",
        f"move it to [dependency-groups], or say [tool.tta.groups] shipped-tools = [{name!r}]",
    )


def _home(keys: Keys) -> str:
    match keys:
        case ("project", "optional-dependencies", extra, _):
            return f"extra {extra}"
        case ("dependency-groups", group, _):
            return f"group {group}"
        case _:
            return str(keys[-2])


def _floor(requirement: Requirement) -> Version | None:
    from packaging.version import InvalidVersion, Version

    found: list[Version] = []
    for each in requirement.specifier:
        if each.operator in _FLOORS:
            try:
                found.append(Version(each.version.removesuffix(".*")))
            except InvalidVersion:
                continue
    return max(found, default=None)
