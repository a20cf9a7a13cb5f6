from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.lockfile.difference import PackageChange, apply, compare
from tta_dev_primitives.devtools.lockfile.locked import Lock, Package, Source
from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError
from tta_dev_primitives.devtools.lockfile.package_rules import remarks_on
from tta_dev_primitives.devtools.lockfile.rules import RULES

from .locks_here import LOCKS, MANY_LOCKS, PACKAGES

REGISTRY = Source("registry", "https://index.example.com/simple")


@MANY_LOCKS
@given(LOCKS)
def test_lock_does_not_differ_from_itself(lock: Lock) -> None:
    """A change is reported where there is none."""
    assert not compare(lock, lock)


@MANY_LOCKS
@given(LOCKS, LOCKS)
def test_applying_the_difference_gives_the_other_packages(base: Lock, head: Lock) -> None:
    """A change is left out of the report, or told of the wrong package."""
    assert apply(base.packages, compare(base, head)) == head.packages


@MANY_LOCKS
@given(LOCKS, LOCKS)
def test_swapping_the_locks_inverts_the_difference(base: Lock, head: Lock) -> None:
    """What is an upgrade one way is no downgrade the other way."""
    assert compare(head, base) == compare(base, head).inverted()


@MANY_LOCKS
@given(LOCKS, LOCKS)
def test_inverse_takes_the_packages_back(base: Lock, head: Lock) -> None:
    """A difference cannot be undone."""
    assert apply(head.packages, compare(base, head).inverted()) == base.packages


@MANY_LOCKS
@given(LOCKS, LOCKS)
def test_differing_settings_are_all_told(base: Lock, head: Lock) -> None:
    """A setting above the packages changes and nobody hears of it."""
    changes = compare(base, head).settings
    told = dict(base.settings)
    for change in changes:
        assert change.before == told.pop(change.key, None)
        if change.after is not None:
            told[change.key] = change.after
    assert told == dict(head.settings)


@MANY_LOCKS
@given(LOCKS, LOCKS)
def test_as_many_packages_as_possible_are_paired(base: Lock, head: Lock) -> None:
    """An upgrade is told as one package gone and another new."""
    changes = compare(base, head).packages
    kinds = {(change.package.name, change.kind) for change in changes}
    for name in Counter(package.name for package in base.packages):
        assert not {(name, "added"), (name, "removed")} <= kinds


@given(PACKAGES, PACKAGES)
def test_every_change_gets_a_remark_of_a_known_rule(before: Package, after: Package) -> None:
    """A package differs in the lock and the report says nothing of it."""
    after = replace(after, name=before.name)
    if before != after:
        remarks = list(remarks_on(PackageChange(before, after)))
        assert remarks
        assert {remark.rule for remark in remarks} <= RULES.keys()


@given(PACKAGES, st.integers(0, 9))
def test_line_of_a_package_does_not_count(package: Package, line: int) -> None:
    """A package that only moved down the file is reported as changed."""
    assert not compare(Lock((package,)), Lock((replace(package, line=line),)))


def test_difference_of_other_locks_is_not_applied() -> None:
    """Applying a difference to the wrong lock goes unnoticed."""
    bread, salt = Package("bread", "1.0", REGISTRY), Package("salt", "1.0", REGISTRY)
    difference = compare(Lock((bread,)), Lock(()))
    with pytest.raises(LockfileError, match=r"bread 1\.0 is not in the lock"):
        apply((salt,), difference)


def locked(*versions: str, forks: str = "") -> Lock:
    """A lock of one name in several versions, each with its fork where there are some."""
    markers = forks.split() if forks else [""] * len(versions)
    return Lock(
        tuple(
            Package("bread", version, REGISTRY, forks=(marker,) if marker else ())
            for version, marker in zip(versions, markers, strict=True)
        )
    )


@pytest.mark.parametrize(
    ("base", "head", "kinds"),
    [
        (locked("1.0"), locked("2.0"), {"1.0>2.0": "upgraded"}),
        (locked("2.0"), locked("1.0"), {"2.0>1.0": "downgraded"}),
        (locked("1.0"), locked("1.0", "2.0"), {"->2.0": "added"}),
        (locked("1.5"), locked("1.4", "2.0"), {"1.5>2.0": "upgraded", "->1.4": "added"}),
        (locked("1.0", "2.0"), locked("2.0", "3.0"), {"1.0>3.0": "upgraded"}),
        (
            locked("1.0", "2.0", forks="old new"),
            locked("1.9", "3.0", forks="new old"),
            {"1.0>3.0": "upgraded", "2.0>1.9": "downgraded"},
        ),
        (locked("1.0"), locked("1.0", forks="new"), {"1.0>1.0": "changed"}),
    ],
    ids=["up", "down", "fork", "fork-and-up", "one-stays", "by-fork", "markers-only"],
)
def test_versions_of_one_name_are_paired_by_what_they_share(
    base: Lock, head: Lock, kinds: dict[str, str]
) -> None:
    """With forks, a version is compared with the wrong one."""
    found = {
        f"{change.before.version if change.before else '-'}>"
        f"{change.after.version if change.after else '-'}": change.kind
        for change in compare(base, head).packages
    }
    assert found == kinds
