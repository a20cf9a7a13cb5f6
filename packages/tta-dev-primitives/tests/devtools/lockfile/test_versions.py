from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from tta_dev_primitives.devtools.lockfile.versions import is_major_step, is_newer, version_key

NUMBERS = st.integers(0, 12).map(str)
VERSIONS = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["", "", "1!"]),
    st.lists(NUMBERS, min_size=1, max_size=4).map(".".join),
    st.sampled_from(["", "", "a1", "b", "rc2", "-alpha.3", ".c1", "_preview_2", ".pre"]),
    st.sampled_from(["", "", ".post1", "-4", ".rev", "-r7", "post"]),
    st.sampled_from(["", "", ".dev1", "-dev", "dev3"]),
    st.sampled_from(["", "", "+cpu", "+cu128", "+1.2", "+local-7_x"]),
)


@given(VERSIONS, VERSIONS)
def test_versions_sort_as_the_packaging_library_sorts_them(one: str, other: str) -> None:
    """An upgrade is taken for a downgrade."""
    assert is_newer(one, other) == (Version(one) < Version(other))
    assert (version_key(one) == version_key(other)) == (Version(one) == Version(other))


@given(st.text(alphabet="01a.-+!dev post_rcv\n", max_size=9))
def test_texts_are_versions_where_the_packaging_library_says_so(text: str) -> None:
    """Something that is no version is compared as one, or the other way round."""
    try:
        Version(text)
    except InvalidVersion:
        assert version_key(text) is None
    else:
        assert version_key(text) is not None


@pytest.mark.parametrize(
    ("before", "after", "is_major"),
    [
        ("1.9", "2.0", True),
        ("1.9", "1.10", False),
        ("0.9.1", "0.10.0", True),
        ("0.9.1", "0.9.2", False),
        ("0.9", "1.0", True),
        ("0", "0.0.1", False),
        ("0", "0.1", True),
        ("2026.1", "2026.2", False),
        ("1.0", "1!1.0", True),
        ("2.0rc1", "2.0", False),
        (None, "1.0", False),
        ("odd", "2.0", False),
    ],
)
def test_step_is_major_where_callers_may_break(
    before: str | None, after: str, is_major: bool
) -> None:
    """A step that may break callers hides among the harmless ones."""
    assert is_major_step(before, after) is is_major


@pytest.mark.parametrize(
    ("before", "after"), [(None, "0.1"), ("odd", "0.1"), ("odd", "odder"), (None, "odd")]
)
def test_whatever_is_no_version_comes_first(before: str | None, after: str) -> None:
    """A lock with an odd version cannot be sorted at all."""
    assert is_newer(before, after)
    assert not is_newer(after, before)
