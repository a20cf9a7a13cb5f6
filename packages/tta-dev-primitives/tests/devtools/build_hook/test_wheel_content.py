"""What is looked for in a wheel, and where."""

from __future__ import annotations

import pytest

from tta_dev_primitives.devtools.build_hook.wheel_content import (
    outermost_packages,
    untyped_packages,
)


@pytest.mark.parametrize(
    ("paths", "packages"),
    [
        (["a/__init__.py", "a/b/__init__.py", "a/b/c/__init__.py"], ["a"]),
        (["a/b/__init__.py", "a/c/__init__.py"], ["a/b", "a/c"]),
        (["b/__init__.py", "a/__init__.py", "a_stub.py", "a/data/x.json"], ["a", "b"]),
        (["single.py"], []),
        (["a/__init__.py", "a/gap/b/__init__.py"], ["a"]),
    ],
    ids=["nested", "namespace", "two", "module", "gap"],
)
def test_packages_that_lie_in_no_other(paths: list[str], packages: list[str]) -> None:
    """One mark in the outermost package speaks for all inside it."""
    assert outermost_packages(paths) == packages


def test_each_package_without_the_mark_is_named() -> None:
    """With the file that is missing, and without those that need none."""
    names = ["a/__init__.py", "a/py.typed", "a/b/__init__.py", "c/__init__.py"]
    [fault] = untyped_packages({name: f"/src/{name}" for name in names})
    assert (fault.rule, fault.place) == ("untyped-package", "c/py.typed")
