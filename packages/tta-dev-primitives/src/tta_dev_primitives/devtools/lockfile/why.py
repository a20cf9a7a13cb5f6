"""Who pulls a package in: chains from members, their extras and groups down to it."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .locked import Dependency, Lock, Package, Part

Chain: TypeAlias = tuple[str, ...]
_Node: TypeAlias = tuple[int, str]  # a package's index, and one of its extras or ""
_Step: TypeAlias = tuple[str, tuple[_Node, ...]]  # what is asked for, and what that leads to


@dataclass(frozen=True, slots=True)
class _Root:
    label: str
    edges: tuple[Dependency, ...]


class Origins:
    """Answers why a lock has a package. Markers are not evaluated: any platform counts.

    Looking costs one walk of the lock for every member, extra and group, done on the first
    question.
    """

    def __init__(self, lock: Lock) -> None:
        self._packages = lock.packages
        self._index: dict[str, list[int]] = defaultdict(list)
        for index, package in enumerate(lock.packages):
            self._index[package.name].append(index)
        self._roots = list(_roots(lock))
        self._steps: dict[_Node, tuple[_Step, ...]] = {}
        self._chains: dict[int, list[Chain]] | None = None

    def chains(self, package: Package) -> tuple[Chain, ...]:
        """Return one shortest chain from each root that needs *package*, short ones first.

        A chain begins with a member, a member with an extra, or a group, and ends with the
        package. A package that nothing needs has none, and neither has a member as such.
        """
        if self._chains is None:
            self._chains = self._find()
        found = [
            chain
            for index in self._index[package.name]
            if self._packages[index] == package
            for chain in self._chains[index]
        ]
        return tuple(sorted(set(found), key=lambda chain: (len(chain), chain)))

    def _find(self) -> dict[int, list[Chain]]:
        found: dict[int, list[Chain]] = defaultdict(list)
        for root in self._roots:
            nearest: dict[int, Chain] = {}
            for node, chain in self._walk(root):
                nearest.setdefault(node[0], chain)
            for index, chain in nearest.items():
                found[index].append(chain)
        return found

    def _walk(self, root: _Root) -> Iterable[tuple[_Node, Chain]]:
        """Visit what *root* needs, level by level, each part of a package once."""
        seen: set[_Node] = set()
        start: Chain = (root.label,)
        first = tuple(self._steps_along(root.edges))
        waiting: deque[tuple[Chain, tuple[_Step, ...]]] = deque([(start, first)])
        while waiting:
            chain, steps = waiting.popleft()
            for label, nodes in steps:
                for node in nodes:
                    if node not in seen:
                        seen.add(node)
                        longer: Chain = (*chain, label)
                        waiting.append((longer, self._steps_from(node)))
                        yield node, longer

    def _steps_from(self, node: _Node) -> tuple[_Step, ...]:
        # Worked out once, as every root comes by here.
        if node not in self._steps:
            index, extra = node
            edges = [
                edge
                for edge in self._packages[index].dependencies
                if edge.part.name == extra and edge.part.kind != "group"
            ]
            self._steps[node] = tuple(self._steps_along(edges))
        return self._steps[node]

    def _steps_along(self, edges: Iterable[Dependency]) -> Iterable[_Step]:
        for edge in edges:
            targets = tuple(self._targets(edge))
            nodes = tuple((index, extra) for index in targets for extra in ("", *edge.extras))
            yield edge.label, nodes

    def _targets(self, edge: Dependency) -> Iterable[int]:
        for index in self._index[edge.name]:
            package = self._packages[index]
            if edge.version in ("", package.version or "") and (
                edge.source in ("", str(package.source))
            ):
                yield index


def _roots(lock: Lock) -> Iterable[_Root]:
    for package in lock.packages:
        if package.name in lock.members and package.source.is_local:
            yield from _roots_among(package.dependencies, package.name)
    yield from _roots_among(lock.groups, "")


def _roots_among(edges: Iterable[Dependency], member: str) -> Iterable[_Root]:
    parts: dict[Part, list[Dependency]] = defaultdict(list)
    for edge in edges:
        parts[edge.part].append(edge)
    for part, own in sorted(parts.items()):
        yield _Root(part.of(member), tuple(own))
