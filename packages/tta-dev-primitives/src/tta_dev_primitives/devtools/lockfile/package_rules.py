"""What the rules say of one package that changed: its version, its source, its dependencies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .file_rules import remarks_on_files
from .remarks import Remark, came_and_went, quoted
from .toml_text import code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .difference import PackageChange
    from .locked import Dependency, Package, Part


def remarks_on(change: PackageChange) -> Iterator[Remark]:
    """Say everything there is to say of *change*; at least one thing, and no thing twice."""
    before, after = change.before, change.after
    if after is None:
        yield Remark("package-removed", "is no longer locked")
    elif before is None:
        built = "" if after.has_wheel or not after.files else ", without a wheel"
        yield Remark("package-added", f"comes from {quoted(str(after.source))}{built}")
        yield from remarks_on_files(None, after)
    else:
        found = [*_version(change), *_source(before, after), *remarks_on_files(before, after)]
        found += [*_needs(before, after), *_rest(before, after)]
        yield from found or [Remark("other-changed", "its entry is written differently")]


def subject_of(change: PackageChange) -> str:
    """Return the name with the version, or with both versions where they differ."""
    before, after = change.before, change.after
    if before is None or after is None or before.version == after.version:
        return change.package.label
    return f"{after.name} {before.version or 'unversioned'} -> {after.version or 'unversioned'}"


def _version(change: PackageChange) -> Iterator[Remark]:
    if change.is_major:
        yield Remark("major-upgrade", "may break callers", "read what its authors changed")
    elif change.kind == "upgraded":
        yield Remark("upgraded", "a later version")
    elif change.kind == "downgraded":
        fix = "find out what holds it back, or lock again"
        yield Remark("downgraded", "an earlier version than before", fix)


def _source(before: Package, after: Package) -> Iterator[Remark]:
    old, new = before.source, after.source
    if old == new:
        return
    told = f"comes from {quoted(str(new))}, not {quoted(str(old))}"
    if old.is_local and new.is_local:
        yield Remark("member-moved", told)
    elif old.kind == new.kind == "git" and _repository(old.location) == _repository(new.location):
        yield Remark("commit-changed", told, "read the commits between the two")
    else:
        fix = "make sure that somebody meant this, and that it is the same project"
        yield Remark("source-changed", told, fix)


def _needs(before: Package, after: Package) -> Iterator[Remark]:
    old, new = _edges(before), _edges(after)
    shared = old.keys() & new.keys()
    came, went = sorted(new.keys() - shared), sorted(old.keys() - shared)
    if (came or went) and before.version == after.version:
        # An extra is in the lock only while somebody uses it.
        told = came_and_went("needs", _names(after, came), _names(after, went))
        yield Remark("requirements-changed", told)
    for part in sorted(shared):
        yield from _needs_of(part, old[part], new[part], before, after)


def _needs_of(
    part: Part,
    old: dict[str, list[Dependency]],
    new: dict[str, list[Dependency]],
    before: Package,
    after: Package,
) -> Iterator[Remark]:
    who = "" if part.kind == "package" else f"{code(part.of(after.name))} "
    if old.keys() != new.keys() and before.version == after.version:
        told = who + came_and_went("needs", new.keys() - old.keys(), old.keys() - new.keys())
        if after.source.is_local:
            yield Remark("requirements-changed", told)
        else:
            fix = "a published version should not do that: see what its index says"
            yield Remark("dependencies-changed", told, fix)
    for label in sorted(old.keys() & new.keys()):
        markers, others = _markers(new[label]), _markers(old[label])
        if markers != others:
            told = f"{who}needs {code(label)} when {_any_of(markers)}, not {_any_of(others)}"
            yield Remark("marker-changed", told)
        elif old[label] != new[label] and before.version == after.version:
            yield Remark("forks-changed", f"{who}needs other forks of {code(label)}")


def _rest(before: Package, after: Package) -> Iterator[Remark]:
    came = set(after.requirements) - set(before.requirements)
    went = set(before.requirements) - set(after.requirements)
    if came or went:
        yield Remark("requirements-changed", came_and_went("asks for", came, went))
    came, went = set(after.forks) - set(before.forks), set(before.forks) - set(after.forks)
    if came or went:
        yield Remark("forks-changed", came_and_went("is for", came, went))
    if before.other != after.other:
        keys = sorted({key for key, _ in set(before.other) ^ set(after.other)})
        yield Remark("other-changed", f"says something else of {', '.join(map(code, keys))}")


def _edges(package: Package) -> dict[Part, dict[str, list[Dependency]]]:
    found: dict[Part, dict[str, list[Dependency]]] = {}
    for edge in package.dependencies:
        found.setdefault(edge.part, {}).setdefault(edge.label, []).append(edge)
    return found


def _names(package: Package, parts: list[Part]) -> Iterator[str]:
    return (part.of(package.name) for part in parts)


def _markers(edges: list[Dependency]) -> set[str]:
    return {edge.marker for edge in edges}


def _any_of(markers: set[str]) -> str:
    if "" in markers:
        return "always"
    return " or ".join(code(marker) for marker in sorted(markers))


def _repository(location: str) -> str:
    return re.split(r"[?#]", location, maxsplit=1)[0]
