"""Turn what differs between two locks into findings with levels and places."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from .difference import Difference, PackageChange, SettingChange, compare
from .finding import Finding, Report
from .guard import find_leaks
from .package_rules import remarks_on, subject_of
from .reading import lock_of, read_lock, read_tree
from .remarks import Remark, came_and_went, listed, quoted
from .rules import LEVELS
from .settings import Settings, read_settings
from .toml_text import code, printable
from .why import Origins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .locked import Lock
    from .revisions import Side
    from .why import Chain
    from .yanked import Withdrawals

_SETTING_RULES: Final = {
    "requires-python": "requires-python-changed",
    "resolution-markers": "forks-changed",
    "supported-markers": "platforms-changed",
    "required-markers": "platforms-changed",
    "conflicts": "forks-changed",
    "options": "options-changed",
    "version": "format-changed",
    "revision": "format-changed",
    "manifest.members": "members-changed",
    "manifest.dependency-groups": "requirements-changed",
    "manifest.requirements": "requirements-changed",
    "manifest": "overrides-changed",
}


def judge(base: Side, head: Side, registry: str, withdrawals: Withdrawals) -> Report:
    """Compare two locks, and say what is noteworthy about the way from *base* to *head*.

    The newer lock is also looked at as a whole: an address that only one machine can reach, and a
    version that is known to be withdrawn, are told whether they are new or not.

    Args:
        base: The older lock.
        head: The newer one. The levels and the declared indexes are those beside it.
        registry: The one index that packages may come from unless the root declares others.
        withdrawals: What is known to be yanked.

    Raises:
        LockfileError: One of the two cannot be read.
    """
    settings = read_settings(head.pyproject, head.pyproject_label)
    older_settings = read_settings(base.pyproject, base.pyproject_label)
    old, tree = read_lock(base.lock, base.label), read_tree(head.lock, head.label)
    new = lock_of(tree, head.lock, head.label)
    difference = compare(old, new)
    judging = _Judging(base, head, settings, new)
    findings = [
        *judging.packages(difference.packages, old, new),
        *judging.header(difference.settings),
        *judging.leaks(tree, registry),
        *judging.withdrawn(new, withdrawals),
    ]
    if base.pyproject is not None:  # else there is nothing to compare with
        findings += judging.declarations(older_settings)
    # The gravest first; the sort is stable, so remarks on one package keep their order.
    findings.sort(key=lambda found: (-LEVELS.index(found.level), found.subject))
    return Report(base.label, head.label, difference, tuple(findings), _why(difference, old, new))


def _why(difference: Difference, old: Lock, new: Lock) -> dict[PackageChange, tuple[Chain, ...]]:
    before, after = Origins(old), Origins(new)
    return {
        change: (after if change.after else before).chains(change.package)
        for change in difference.packages
    }


class _Judging:
    """Knows the places and the levels, so that every kind of finding is made the same way."""

    def __init__(self, base: Side, head: Side, settings: Settings, new: Lock) -> None:
        self._base, self._head, self._settings = base, head, settings
        # Of a name that is locked more than once, the first entry.
        self._lines = {package.name: package.line for package in reversed(new.packages)}

    def packages(self, changes: Iterable[PackageChange], old: Lock, new: Lock) -> Iterator[Finding]:
        """Judge each package that changed."""
        for change in changes:
            side = self._head if change.after else self._base
            place = _place(side, change.package.line)
            for remark in remarks_on(change):
                yield self._finding(remark, place, subject_of(change), change)
        before = Counter(package.name for package in old.packages)
        after = Counter(package.name for package in new.packages)
        for name in sorted(before.keys() & after.keys()):
            if before[name] != after[name]:
                versions = listed(
                    [
                        package.version or "unversioned"
                        for package in new.packages
                        if package.name == name
                    ]
                )
                remark = Remark("unforked", f"is locked as {versions}")
                if after[name] > before[name]:
                    fix = "look for a requirement that only some environments can meet"
                    remark = Remark("forked", remark.message, fix)
                yield self._finding(remark, _place(self._head, self._lines[name]), name)

    def header(self, changes: Iterable[SettingChange]) -> Iterator[Finding]:
        """Judge each key above the packages that changed."""
        for change in changes:
            came, went = set(change.after or ()), set(change.before or ())
            told = came_and_went("has", came - went, went - came) or "is in another order"
            place = f"{self._head.label}:{self._line_of_key(change.key)}"
            remark = Remark(_rule_of_key(change.key), told)
            yield self._finding(remark, place, change.key)

    def leaks(self, tree: Mapping[str, object], registry: str) -> Iterator[Finding]:
        """Judge the newer lock as a whole."""
        for leak in find_leaks(tree, registry, self._settings.indexes):
            told, _, fix = leak.message.partition("; ")
            remark = Remark(leak.rule, f"{code(leak.value)} {told}", fix)
            place = _place(self._head, self._lines.get(leak.package, 0))
            yield self._finding(remark, place, leak.package)

    def withdrawn(self, lock: Lock, withdrawals: Withdrawals) -> Iterator[Finding]:
        """Name what is yanked, whether it changed or not."""
        for package in lock.packages:
            reason = withdrawals.reason(package)
            if reason is not None:
                told = f", who say {quoted(reason)}" if reason else ""
                fix = f"run: uv lock --upgrade-package {package.name}"
                remark = Remark("yanked", f"was withdrawn by its authors{told}", fix)
                yield self._finding(remark, _place(self._head, package.line), package.label)

    def declarations(self, older: Settings) -> Iterator[Finding]:
        """Compare the root's own settings, which decide what the other rules say."""
        place = self._head.pyproject_label
        for url in sorted(set(self._settings.indexes) - set(older.indexes)):
            fix = "make sure that everybody who installs can reach it and trusts it"
            yield self._finding(
                Remark("index-declared", f"{quoted(url)} is a new index", fix), place, ""
            )
        for code_ in sorted(self._settings.levels.keys() | older.levels.keys()):
            was, now = older.level(code_), self._settings.level(code_)
            if LEVELS.index(now) < LEVELS.index(was):
                told = f"{code(code_)} has level {now}, and had {was}"
                fix = "make sure that this is meant, beyond the change at hand"
                yield self._finding(Remark("level-lowered", told, fix), place, "")

    def _finding(
        self, remark: Remark, place: str, subject: str, change: PackageChange | None = None
    ) -> Finding:
        level = self._settings.level(remark.rule)
        shown = printable(subject)
        return Finding(remark.rule, level, place, shown, remark.message, remark.fix, change)

    def _line_of_key(self, key: str) -> int:
        last = re.escape(key.rpartition(".")[2])
        found = re.search(rf"^{last} = ", self._head.lock, re.MULTILINE)
        return self._head.lock.count("\n", 0, found.start()) + 1 if found else 1


def _rule_of_key(key: str) -> str:
    while key:
        if key in _SETTING_RULES:
            return _SETTING_RULES[key]
        key = key.rpartition(".")[0]
    return "other-changed"


def _place(side: Side, line: int) -> str:
    return f"{side.label}:{line}" if line else side.label
