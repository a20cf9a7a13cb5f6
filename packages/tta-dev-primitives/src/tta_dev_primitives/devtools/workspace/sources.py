"""Find requirements on members that are not taken from the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.lockfile.toml_text import is_list, is_table

from .finding import Finding
from .members import Workspace, name_of, normal
from .requirement_name import required_name, requirements_of
from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .pyproject import Pyproject
    from .toml_positions import Keys

_SOURCES: Final = ("tool", "uv", "sources")
# What uv calls each kind of source in its message.
_OTHER_KINDS: Final = {"path": "path", "git": "Git", "url": "URL", "index": "registry"}


def find(workspace: Workspace) -> Iterator[Finding]:
    """Judge the sources of every file, and requirements on members that have none."""
    for pyproject in workspace.files:
        for name in pyproject.table(*_SOURCES):
            yield from _source(workspace, pyproject, name)
        yield from _without_source(workspace, pyproject)


def _source(workspace: Workspace, pyproject: Pyproject, name: str) -> Iterator[Finding]:
    node = pyproject.at(*_SOURCES, name)
    entries: list[tuple[Keys, object]] = [((*_SOURCES, name), node)]
    if is_list(node):
        entries = [((*_SOURCES, name, index), item) for index, item in enumerate(node)]
    for keys, entry in entries:
        if not is_table(entry):
            continue
        package, place = normal(name), pyproject.place(*keys)
        if entry.get("workspace") is True and package not in workspace.names:
            yield Finding(
                Rule.SOURCE_OUTSIDE,
                place,
                f"{name} is to come from the workspace, but no member has that name",
                "correct the name, add the member, or take the source out",
                f"`{package}` references a workspace in `tool.uv.sources` (e.g., "
                f"`{package} = {{ workspace = true }}`), but is not a workspace member",
            )
        kind = next((each for each in _OTHER_KINDS if each in entry), None)
        if kind and package in workspace.names and package != name_of(pyproject):
            yield Finding(
                Rule.PATH_SOURCE,
                place,
                f"{name} is a member, but its source is {kind} = {entry[kind]!r}",
                f"write {name} = {{ workspace = true }}",
                f"`{package}` is included as a workspace member, but references a "
                f"{_OTHER_KINDS[kind]} in `tool.uv.sources`. Workspace members must be declared "
                f"as workspace sources (e.g., `{package} = {{ workspace = true }}`).",
            )


def _without_source(workspace: Workspace, pyproject: Pyproject) -> Iterator[Finding]:
    # The sources of the root hold for every member that has none of its own for a name.
    known = {
        normal(name) for each in (pyproject, workspace.pyproject) for name in each.table(*_SOURCES)
    }
    told: set[str] = set()
    for keys, requirement in requirements_of(pyproject):
        name = required_name(requirement)
        if name is None or name not in workspace.names - known - told:
            continue
        if name == name_of(pyproject):
            continue  # an extra or group that gathers extras of its own package
        told.add(name)
        yield Finding(
            Rule.MISSING_SOURCE,
            pyproject.place(*keys),
            f"{requirement!r} is a member, but tool.uv.sources does not say so",
            f"add {name} = {{ workspace = true }} to [tool.uv.sources] of this file",
            f"`{name}` is included as a workspace member, but is missing an entry in "
            f"`tool.uv.sources` (e.g., `{name} = {{ workspace = true }}`)",
        )
