"""Ranges of versions: what is compatible, what is filled in, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tta_dev_primitives.devtools.build_hook.refusal import BuildRefusedError
from tta_dev_primitives.devtools.build_hook.sibling_ranges import (
    compatible_range,
    with_ranges,
    wrong_ranges,
)
from tta_dev_primitives.devtools.build_hook.siblings import Siblings


def siblings(**versions: str | None) -> Siblings:
    return Siblings(Path("/work"), (), {name.replace("_", "-"): v for name, v in versions.items()})


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.1.0", ">=0.1,<0.2"),
        ("0.2.3", ">=0.2.3,<0.3"),
        ("0.10", ">=0.10,<0.11"),
        ("1.0.0", ">=1.0,<2"),
        ("1.4.2", ">=1.4.2,<2"),
        ("2", ">=2,<3"),
        ("0.0.3", ">=0.0.3,<0.0.4"),
        ("0.0.0", ">=0.0,<0.0.1"),
        ("0", ">=0,<0.1"),
        ("2026.11.1", ">=2026.11.1,<2027"),
        ("1!2.3", ">=1!2.3,<1!3"),
        ("0.3.0rc1", ">=0.3.0rc1,<0.4"),
        ("0.3.0.dev2", ">=0.3.0.dev2,<0.4"),
        ("0.3.0.post1", ">=0.3.0.post1,<0.4"),
        ("0.3.0+local.7", ">=0.3,<0.4"),
    ],
)
def test_range_goes_up_to_the_next_breaking_version(version: str, expected: str) -> None:
    """Users get fixes and additions of a sibling, and nothing that may break."""
    assert compatible_range(version) == expected


releases = st.lists(st.integers(0, 30), min_size=1, max_size=4)
suffixes = st.sampled_from(["", "", "a1", "rc2", ".dev3", ".post1"])


@given(releases, suffixes)
def test_version_is_in_its_own_range(release: list[int], suffix: str) -> None:
    """A package can always be installed beside the sibling that it was built with."""
    version = ".".join(map(str, release)) + suffix
    assert SpecifierSet(compatible_range(version)).contains(version, prereleases=True)


@given(releases, releases)
def test_range_holds_no_breaking_version_and_no_older_one(a: list[int], b: list[int]) -> None:
    """By semantic versioning the first part that is not zero must stay as it is."""
    one, other = [*a, 0, 0, 0][:3], [*b, 0, 0, 0][:3]
    assume(any(one))
    version, candidate = ".".join(map(str, one)), ".".join(map(str, other))
    first = next(index for index, part in enumerate(one) if part)
    compatible = one[: first + 1] == other[: first + 1] and Version(candidate) >= Version(version)
    assert (candidate in SpecifierSet(compatible_range(version))) is compatible


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("one", "one<0.3,>=0.2"),
        ("One", "One<0.3,>=0.2"),
        ("one[fast]", "one[fast]<0.3,>=0.2"),
        ("one; python_version < '3.13'", 'one<0.3,>=0.2; python_version < "3.13"'),
        ("one>=0.2", "one>=0.2"),
        ("one @ https://example.com/one.whl", "one @ https://example.com/one.whl"),
        ("httpx2", "httpx2"),
        ("own[extra]", "own[extra]"),
    ],
    ids=["bare", "other-spelling", "extra", "marker", "ranged", "url", "stranger", "itself"],
)
def test_only_bare_siblings_get_a_range(line: str, expected: str) -> None:
    """What somebody wrote by hand stays, and so does what comes from elsewhere."""
    assert with_ranges("own", [line], siblings(one="0.2.0", own="0.1.0"), {"one"}) == [expected]


@pytest.mark.parametrize(
    ("around", "rule"),
    [(None, "no-workspace"), (siblings(one=None), "sibling-without-version")],
    ids=["outside", "dynamic-version"],
)
def test_unknown_version_of_a_sibling_is_refused(around: Siblings | None, rule: str) -> None:
    """A wheel that takes any version is not built by accident."""
    with pytest.raises(BuildRefusedError) as caught:
        with_ranges("own", ["one"], around, {"one"})
    assert [fault.rule for fault in caught.value.faults] == [rule]


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("one", ["sibling-without-range"]),
        ("one>=0.1,<0.2", ["sibling-out-of-range"]),
        ("one>=0.2.1", ["sibling-out-of-range"]),
        ("one>=0.2,<0.3", []),
        ("one==0.2.0", []),
        ("own[fast]", []),
        ("stranger", []),
        ("one @ https://example.com/one.whl", []),
    ],
)
def test_written_range_is_held_against_the_sibling(line: str, rules: list[str]) -> None:
    """In the workspace a wrong range goes unnoticed, and users cannot install the package."""
    faults = wrong_ranges("own", [line], siblings(one="0.2.0", own="1.0"))
    assert [fault.rule for fault in faults] == rules
    assert all("write one>=0.2,<0.3" in fault.fix for fault in faults)


def test_pre_release_of_a_sibling_is_in_a_range_that_begins_with_it() -> None:
    """Release candidates are published together."""
    assert wrong_ranges("own", ["one>=0.3.0rc1,<0.4"], siblings(one="0.3.0rc1")) == []
