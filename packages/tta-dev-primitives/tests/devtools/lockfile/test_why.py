from __future__ import annotations

import pytest

from tta_dev_primitives.devtools.lockfile.reading import read_lock
from tta_dev_primitives.devtools.lockfile.why import Chain, Origins

from .locks_here import BAKERY, changed


def chains(name: str, text: str = BAKERY) -> list[Chain]:
    """Say why the lock has the (last) package of that name."""
    lock = read_lock(text, "uv.lock")
    [*_, package] = [package for package in lock.packages if package.name == name]
    return list(Origins(lock).chains(package))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "bread",
            [
                ("bakery", "bread"),
                ("group dev", "bakery[jam]", "bread"),
                ("shop", "bakery", "bread"),
            ],
        ),
        (
            "sugar",
            [
                ("bakery[jam]", "berry[sweet]", "sugar"),
                ("group dev", "bakery[jam]", "berry[sweet]", "sugar"),
            ],
        ),
        ("whisk", [("bakery group kitchen", "whisk")]),
        ("hammer", [("group dev", "hammer")]),
        ("shop", []),
    ],
    ids=["plain", "through-extras", "group-of-member", "root-group", "member"],
)
def test_package_is_there_because_of_these(name: str, expected: list[Chain]) -> None:
    """The report names the wrong culprit, or leaves one out."""
    assert chains(name) == expected


def test_each_fork_has_the_chain_of_its_own_version() -> None:
    """Both forks are blamed on an edge that pins one of them."""
    text = changed(BAKERY, ("python_full_version >= '3.12'\" },\n]\nsdist", 'x" },\n]\nsdist'))
    text = text.replace('{ name = "flour", version = "1.9"', '{ name = "flour", version = "2.1"')
    lock = read_lock(text, "uv.lock")
    old, new = [package for package in lock.packages if package.name == "flour"]
    origins = Origins(lock)
    assert origins.chains(old) == ()
    assert ("bakery", "bread", "flour") in origins.chains(new)


def test_extra_that_nobody_asks_for_pulls_nothing_in() -> None:
    """An optional dependency is said to be needed by everybody who needs its package."""
    text = changed(BAKERY, ('{ name = "berry", extra = ["sweet"] }', '{ name = "berry" }'))
    assert chains("sugar", text) == []


def test_group_of_the_same_name_as_an_extra_is_another_thing() -> None:
    """Who asks for the extra seems to pull in what only the group of that name needs."""
    text = changed(BAKERY, ("kitchen = [", "jam = ["))
    assert chains("whisk", text) == [("bakery group jam", "whisk")]


def test_circle_ends() -> None:
    """Two packages that need each other keep the search going for ever."""
    sugar = 'name = "sugar"\nversion = "4.0"\n'
    back = 'dependencies = [{ name = "berry", extra = ["sweet"] }]\n'
    text = changed(BAKERY, (sugar, sugar + back))
    assert ("bakery[jam]", "berry[sweet]") in chains("berry", text)
    assert ("bakery[jam]", "berry[sweet]", "sugar") in chains("sugar", text)


def test_single_project_is_the_root_of_its_lock() -> None:
    """A project without a workspace has no manifest, and its packages have no reason."""
    text = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "app"
version = "0.1"
source = { virtual = "." }
dependencies = [{ name = "foo" }]

[[package]]
name = "foo"
version = "1.1"
source = { registry = "wheels" }
"""
    assert chains("foo", text) == [("app", "foo")]


def test_requirements_of_a_script_are_roots() -> None:
    """In the lock of a script nothing has a reason."""
    text = """\
version = 1

[manifest]
requirements = [{ name = "foo", specifier = ">=1" }]

[[package]]
name = "foo"
version = "1.1"
source = { registry = "wheels" }
"""
    assert chains("foo", text) == [("group requirements", "foo")]
