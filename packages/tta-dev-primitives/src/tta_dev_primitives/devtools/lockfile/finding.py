"""A finding about a lock: the rule, its level, the place, what is wrong, and the fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .difference import Difference, PackageChange
    from .rules import Level
    from .why import Chain


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule says.

    Args:
        rule: The rule's code.
        level: How grave it is in this project.
        place: The file and the line, as `uv.lock:12`, or the file alone.
        subject: The package with its versions, or the key, in plain text; empty for the whole lock.
        message: What is wrong with which value. What a lock says stands in backticks.
        fix: The next move; empty where none is needed.
        change: The package that changed, where it is about one.
    """

    rule: str
    level: Level
    place: str
    subject: str
    message: str
    fix: str = ""
    change: PackageChange | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a comparison found.

    Args:
        base: What the older lock is called.
        head: What the newer one is called.
        difference: What differs.
        findings: The gravest first, then by subject.
        chains: Why a changed package is there, or was.
    """

    base: str
    head: str
    difference: Difference
    findings: tuple[Finding, ...]
    chains: Mapping[PackageChange, tuple[Chain, ...]]

    @property
    def fails(self) -> bool:
        """Tell whether anything has level `fail`."""
        return any(finding.level == "fail" for finding in self.findings)

    def count(self, kind: str) -> int:
        """Return how many packages changed in this way; `major` counts major upgrades."""
        changes = self.difference.packages
        if kind == "major":
            return sum(change.is_major for change in changes)
        return sum(change.kind == kind for change in changes)

    def count_level(self, level: Level) -> int:
        """Return how many findings have *level*."""
        return sum(finding.level == level for finding in self.findings)

    @property
    def download_bytes(self) -> int:
        """Return by how many bytes a whole install from nothing grows at most.

        Each package counts with its largest wheel, or its source distribution where it has no
        wheel. A package of unknown size counts nothing.
        """
        return sum(
            (change.after.download_bytes or 0 if change.after else 0)
            - (change.before.download_bytes or 0 if change.before else 0)
            for change in self.difference.packages
        )

    @property
    def unknown_sizes(self) -> int:
        """Return how many packages from the network have no size on one side."""
        sides = [
            side
            for change in self.difference.packages
            for side in (change.before, change.after)
            if side is not None and not side.source.is_local
        ]
        return sum(side.download_bytes is None for side in sides)
