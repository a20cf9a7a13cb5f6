"""What differs between two locks, as data: it can be turned round, and applied."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from . import versions
from .lockfile_error import LockfileError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from .locked import Lock, Package

ChangeKind: TypeAlias = Literal["added", "removed", "upgraded", "downgraded", "changed"]


@dataclass(frozen=True, slots=True)
class PackageChange:
    """One package before and after; None where it is not there."""

    before: Package | None
    after: Package | None

    @property
    def package(self) -> Package:
        """Return the package as it is now, or as it was last."""
        found = self.after or self.before
        if found is None:
            msg = "a change needs a package before or after it"
            raise ValueError(msg)
        return found

    @property
    def kind(self) -> ChangeKind:
        """Tell what happened; `changed` means something other than the version."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        if versions.is_newer(self.before.version, self.after.version):
            return "upgraded"
        if versions.is_newer(self.after.version, self.before.version):
            return "downgraded"
        return "changed"

    @property
    def is_major(self) -> bool:
        """Tell whether it is an upgrade that may break callers, by its number."""
        return (
            self.kind == "upgraded"
            and self.before is not None
            and self.after is not None
            and versions.is_major_step(self.before.version, self.after.version)
        )

    def inverted(self) -> PackageChange:
        """Return the change back."""
        return PackageChange(self.after, self.before)


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One key above the packages, with its lines before and after; None where it is not there."""

    key: str
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None

    def inverted(self) -> SettingChange:
        """Return the change back."""
        return SettingChange(self.key, self.after, self.before)


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs between two locks, sorted by name and key."""

    packages: tuple[PackageChange, ...] = ()
    settings: tuple[SettingChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.packages or self.settings)

    def inverted(self) -> Difference:
        """Return the difference the other way round."""
        return Difference(
            _sorted(change.inverted() for change in self.packages),
            tuple(change.inverted() for change in self.settings),
        )


def compare(base: Lock, head: Lock) -> Difference:
    """Return what has to be done to *base* to get *head*.

    Comparing the other way round gives the inverse. Of a name that is locked in several
    versions, those that are alike most are compared with one another.
    """
    before, after = _by_name(base.packages), _by_name(head.packages)
    changes: list[PackageChange] = []
    for name in before.keys() | after.keys():
        changes += _pair(before.get(name, []), after.get(name, []))
    old, new = dict(base.settings), dict(head.settings)
    settings = [
        SettingChange(key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]
    return Difference(_sorted(changes), tuple(settings))


def apply(packages: Iterable[Package], difference: Difference) -> tuple[Package, ...]:
    """Return *packages* after the changes of *difference*, sorted as a lock has them.

    Raises:
        LockfileError: A package that the difference changes or removes is not among them.
    """
    left = Counter(packages)
    for change in difference.packages:
        if change.before is None:
            continue
        if not left[change.before]:
            msg = f"{change.before.label} is not in the lock; compare with the lock it was made for"
            raise LockfileError(msg)
        left[change.before] -= 1
    left.update(change.after for change in difference.packages if change.after is not None)
    return tuple(sorted(left.elements(), key=lambda package: package.order()))


def _sorted(changes: Iterable[PackageChange]) -> tuple[PackageChange, ...]:
    def key(change: PackageChange) -> tuple[object, ...]:
        # Symmetric, so that turning a difference round keeps its order.
        sides = [side.order() for side in (change.before, change.after) if side is not None]
        return (change.package.name, *sorted(sides))

    return tuple(sorted(changes, key=key))


def _by_name(packages: Iterable[Package]) -> dict[str, list[Package]]:
    found: dict[str, list[Package]] = defaultdict(list)
    for package in packages:
        found[package.name].append(package)
    return found


def _pair(before: list[Package], after: list[Package]) -> list[PackageChange]:
    """Pair the packages of one name, those that have most in common first."""
    same = Counter(before) & Counter(after)
    olds = list((Counter(before) - same).elements())
    news = list((Counter(after) - same).elements())
    likenesses: list[Callable[[Package], Hashable]] = [
        lambda package: (package.version, package.source),
        lambda package: package.version,
        lambda package: (package.forks, package.source),
        lambda package: package.forks,
        lambda package: package.source,
        lambda package: package.name,
    ]
    pairs: list[PackageChange] = []
    for likeness in likenesses:
        waiting: dict[Hashable, list[Package]] = defaultdict(list)
        for new in sorted(news, key=_order):
            waiting[likeness(new)].append(new)
        left: list[Package] = []
        # From the highest down: a version that is left over is then the lowest.
        for old in sorted(olds, key=_order, reverse=True):
            candidates = waiting[likeness(old)]
            if candidates:
                pairs.append(PackageChange(old, candidates.pop()))
            else:
                left.append(old)
        olds, news = left, [new for rest in waiting.values() for new in rest]
    pairs += [PackageChange(old, None) for old in olds]
    pairs += [PackageChange(None, new) for new in news]
    return pairs


def _order(package: Package) -> tuple[object, ...]:
    return package.order()
