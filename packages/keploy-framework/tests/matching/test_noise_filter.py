"""Which noise a path has."""

from __future__ import annotations

import pytest

from keploy_framework.matching.noise_filter import NoiseFilter


@pytest.mark.parametrize(
    ("names", "path", "value", "expected"),
    [
        ({"user": ["^a"], "user.id": ["^b"]}, "user.id", "b", True),
        ({"user": ["^a"], "user.id": ["^b"]}, "user.id", "a", False),
        ({"id": ["^a"], "user": ["^b"]}, "user.id", "a", True),
        ({"id": ["^a"], "user": ["^b"]}, "user.id", "b", False),
        ({"a.*.c": []}, "a.b.c", "", True),
        ({"a.*.c": []}, "a.b.d", "", False),
        ({"a.b": []}, "a", "", False),
        ({"a.b": []}, "x.a.b", "", False),
        ({"*": ["*"]}, "anything", "", True),
        ({"n": ["^5$"]}, "n", 5, True),
        ({"n": ["^5$"]}, "n", 5.0, True),
        ({"n": ["^true$"]}, "n", True, True),
        ({"n": ["^null$"]}, "n", None, True),
    ],
    ids=[
        "longer-path-first",
        "longer-path-only",
        "deepest-name-first",
        "deepest-name-only",
        "star",
        "star-elsewhere",
        "not-above",
        "from-the-root",
        "everything",
        "number",
        "double",
        "boolean",
        "null",
    ],
)
def test_strict_names(names: dict[str, list[str]], path: str, value: object, expected: bool):
    """A name covered a path it does not mean."""
    assert NoiseFilter(names, "strict").covers(path, value) is expected


@pytest.mark.parametrize(
    ("names", "path", "value", "expected"),
    [
        ({"date": []}, "x-candidate-id", "", True),
        ({"a": ["^1"], "a.b": ["^2"]}, "a.b", "2", True),
        ({"a": ["^1"], "a.b": ["^2"]}, "a.b", "1", False),
        ({"b.c": []}, "a.b.c.d", "", True),
    ],
    ids=["part-of-a-name", "longest-first", "longest-only", "in-the-middle"],
)
def test_upstream_names(names: dict[str, list[str]], path: str, value: object, expected: bool):
    """A name was not found where upstream finds it."""
    assert NoiseFilter(names, "keploy").covers(path, value) is expected
