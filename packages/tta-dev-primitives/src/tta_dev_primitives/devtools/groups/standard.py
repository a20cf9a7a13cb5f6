"""Find what the standard for dependency groups forbids, as its reference package reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.lockfile.toml_text import is_list, is_table
from tta_dev_primitives.devtools.workspace.finding import Finding
from tta_dev_primitives.devtools.workspace.members import normal
from tta_dev_primitives.errors import MissingExtraError

from .declared import TABLE, Group
from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dependency_groups import DependencyGroupResolver

    from tta_dev_primitives.devtools.workspace.pyproject import Pyproject


def find(groups: Iterable[Group]) -> Iterator[Finding]:
    """Judge the groups of each file by PEP 735, and its default groups.

    Raises:
        MissingExtraError: dependency-groups is not installed.
    """
    by_file: dict[str, list[Group]] = {}
    for group in groups:
        by_file.setdefault(group.pyproject.label, []).append(group)
    for of_file in by_file.values():
        yield from _collisions(of_file)
        yield from _of_file({group.name: group for group in reversed(of_file)})


def find_unknown_defaults(files: Iterable[Pyproject], known: frozenset[str]) -> Iterator[Finding]:
    """Find default groups that nobody declares."""
    keys = ("tool", "uv", "default-groups")
    for pyproject in files:
        for index, name in enumerate(pyproject.items(*keys)):
            if isinstance(name, str) and normal(name) not in known:
                yield Finding(
                    Rule.UNKNOWN_DEFAULT_GROUP,
                    pyproject.place(*keys, index),
                    f"default-groups names {name!r}, which no [dependency-groups] declares",
                    "declare it, or take it out of default-groups",
                    f"error: Default group `{normal(name)}` (from `tool.uv.default-groups`) is "
                    "not defined in the project's `dependency-groups` table",
                )


def _collisions(groups: Sequence[Group]) -> Iterator[Finding]:
    first: dict[str, Group] = {}
    for group in groups:
        other = first.setdefault(group.name, group)
        if other is not group:
            yield Finding(
                Rule.GROUP_NAME_COLLISION,
                group.place,
                f"{group.written!r} and {other.written!r} are the same group, {group.name}",
                "put both into one list",
                f"duplicate dependency group: `{group.name}`",
            )


def _of_file(groups: dict[str, Group]) -> Iterator[Finding]:
    try:
        from dependency_groups import CyclicDependencyError
    except ImportError as error:
        missing = "dependency-groups, which reads PEP 735,"
        raise MissingExtraError(missing, "workspace") from error
    told: set[frozenset[str]] = set()
    for group in groups.values():
        # One of its own for each group, so that no answer depends on what was asked before.
        resolver = _resolver(groups)
        try:
            resolver.resolve(group.name)
        except CyclicDependencyError as error:
            circle = _circle(groups, normal(error.include_group))
            if frozenset(circle) not in told:
                told.add(frozenset(circle))
                yield _cycle(groups, circle)
        except LookupError:
            yield from _unknown_includes(group, groups)
        except (TypeError, ValueError) as error:  # InvalidRequirement is a ValueError
            if not _is_inherited(group, groups):
                yield Finding(
                    Rule.BAD_GROUP,
                    _bad_place(group),
                    f"group {group.name} is not as PEP 735 wants it: {error}".replace("\n", " "),
                    'write requirements as texts, and other groups as { include-group = "name" }',
                )


def _resolver(groups: dict[str, Group]) -> DependencyGroupResolver:
    from dependency_groups import DependencyGroupResolver

    # Any: what a file holds may be anything, and the package says what it may not be.
    tables: dict[str, object] = {
        name: group.pyproject.at(TABLE, group.written) for name, group in groups.items()
    }
    return DependencyGroupResolver(tables)  # pyright: ignore[reportArgumentType] - it judges them


def _unknown_includes(group: Group, groups: dict[str, Group]) -> Iterator[Finding]:
    for index, name in group.includes:
        if name not in groups:
            yield Finding(
                Rule.UNKNOWN_INCLUDE,
                group.pyproject.place(TABLE, group.written, index),
                f"group {group.name} includes {name!r}, which this file does not declare",
                f"correct the name, or add {name} to [dependency-groups] of this file",
                f"Failed to find group `{name}` included by `{group.name}`",
            )


def _circle(groups: dict[str, Group], start: str) -> list[str]:
    """Return the shortest way along includes from *start* back to it, *start* first."""
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:
        for _, name in groups[way[-1]].includes if way[-1] in groups else ():
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return [start]


def _cycle(groups: dict[str, Group], circle: list[str]) -> Finding:
    # As uv tells it, and the same whichever of them was asked first.
    first = min(circle)
    turned = circle[circle.index(first) :] + circle[: circle.index(first)]
    group, after = groups[first], [*turned, first]
    index = next((i for i, name in group.includes if name == after[1]), 0)
    return Finding(
        Rule.GROUP_CYCLE,
        group.pyproject.place(TABLE, group.written, index),
        f"groups include each other in a circle: {' -> '.join(after)}",
        "take one of the includes out, or move what both need to a third group",
        "Detected a cycle in `dependency-groups`: " + " -> ".join(f"`{n}`" for n in after),
    )


def _is_inherited(group: Group, groups: dict[str, Group]) -> bool:
    """Tell whether the mistake is in a group that this one includes."""
    try:
        _resolver({group.name: group} | groups).lookup(group.name)
    except (TypeError, ValueError):
        return False
    return True


def _bad_place(group: Group) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    items = group.pyproject.at(TABLE, group.written)
    for index, item in enumerate(items if is_list(items) else []):
        place = group.pyproject.place(TABLE, group.written, index)
        if not isinstance(item, str):
            if not (is_table(item) and list(item) == ["include-group"]):
                return place
            continue
        try:
            Requirement(item)
        except InvalidRequirement:
            return place
    return group.place
