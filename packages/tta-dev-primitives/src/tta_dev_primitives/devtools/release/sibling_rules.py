"""Judge what packages of one workspace require of each other, once they are published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.build_hook.sibling_ranges import wrong_ranges
from tta_dev_primitives.devtools.build_hook.siblings import Siblings
from tta_dev_primitives.devtools.workspace.finding import Finding
from tta_dev_primitives.devtools.workspace.members import Workspace, name_of, normal
from tta_dev_primitives.devtools.workspace.requirement_name import required_name, requirements_of

from .rules import Rule
from .versions import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.workspace.toml_positions import Keys

    from .packages import Package

_SOURCES: Final = ("tool", "uv", "sources")


def find(workspace: Workspace, package: Package) -> Iterator[Finding]:
    """Judge the requirements of a package on other members; groups stay at home.

    Ranges are judged as the build hook judges them, here with the line.
    """
    pyproject = package.pyproject
    versions = {
        name: each.text("project", "version")
        for each in workspace.members
        if (name := name_of(each))
    }
    known = {name: text for name, text in versions.items() if text and version_of(text)}
    siblings = Siblings(workspace.root, (), known)
    published = [(keys, text) for keys, text in requirements_of(pyproject) if keys[0] == "project"]
    builders = list(_builders(package))
    backend = pyproject.text("build-system", "build-backend") or ""
    has_hook = backend.startswith("hatchling")
    for keys, text in [*published, *builders]:
        for fault in wrong_ranges(package.name, [text], siblings, has_hook=has_hook):
            rule = Rule(fault.rule)
            # Any version that builds it will do; what is built says which ones it works with.
            if keys[0] == "project" or rule is not Rule.SIBLING_WITHOUT_RANGE:
                yield Finding(rule, pyproject.place(*keys), fault.wrong, fault.fix)
    yield from _taken_from_workspace(package, [required_name(text) for _, text in builders])


def _builders(package: Package) -> Iterator[tuple[Keys, str]]:
    keys = ("build-system", "requires")
    for index, item in enumerate(package.pyproject.items(*keys)):
        if isinstance(item, str):
            yield (*keys, index), item


def _taken_from_workspace(package: Package, builders: list[str | None]) -> Iterator[Finding]:
    """Find sources that make uv refuse to build the source distribution anywhere else."""
    pyproject = package.pyproject
    for name in pyproject.table(*_SOURCES):
        is_inside = pyproject.table(*_SOURCES, name).get("workspace") is True
        if is_inside and normal(name) in builders:
            yield Finding(
                Rule.BUILDER_FROM_WORKSPACE,
                pyproject.place(*_SOURCES, name),
                f"{package.name} is built with {name}, and its own file, which its source "
                "distribution carries, takes that from the workspace",
                "move the line to [tool.uv.sources] of the root, which counts for every member",
                f"`{normal(name)}` references a workspace in `tool.uv.sources` (e.g., "
                f"`{normal(name)} = {{ workspace = true }}`), but is not a workspace member",
            )
