"""One tool has one floor, and tools do not ship with a package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tta_dev_primitives.devtools.groups import floors
from tta_dev_primitives.devtools.groups.rules import Rule
from tta_dev_primitives.devtools.workspace.members import Workspace, read_workspace

from ..workspace.trees_here import (  # noqa: TID252 - the tests are no package with a name
    LISTED,
    ONE,
    SOUND,
    write_tree,
)


def workspace(tmp_path: Path, groups: str, member: str = "") -> Workspace:
    """Read a workspace with these groups in its root and these lines in a member."""
    files = {
        "pyproject.toml": LISTED + "[dependency-groups]\n" + groups,
        "packages/one/pyproject.toml": ONE + member,
    }
    return read_workspace(write_tree(tmp_path, SOUND | files))


@pytest.mark.parametrize(
    ("groups", "member", "expected"),
    [
        ('a = ["six>=1"]\nb = ["six>=2"]\n', "", ["pyproject.toml:4"]),
        ('a = ["six>=1"]\nb = ["Six"]\n', "", ["pyproject.toml:5"]),
        ('a = ["six~=1.4"]\nb = ["six>=1.4,<2"]\n', "", []),
        ('a = ["six==1.*"]\nb = ["six>=1"]\n', "", []),
        ('a = ["six>=1.0"]\nb = ["six>=1"]\n', "", []),
        ('a = ["six"]\nb = ["six<3"]\n', "", []),
        ('a = ["six>=1; python_version<\'3.12\'"]\nb = ["six>=2"]\n', "", []),
        ('a = ["one"]\nb = ["one>=2"]\n', "", []),
        ('a = ["six @ file:///six"]\nb = ["six>=2"]\n', "", []),
        ('a = ["six>=10"]\n', 'dependencies = ["six>=9"]\n', ["packages/one/pyproject.toml:5"]),
        (
            'a = ["six>=10"]\n',
            '[project.optional-dependencies]\nx = [\n  "six[y]>=9",\n]\n',
            ["packages/one/pyproject.toml:7"],
        ),
    ],
    ids=[
        "lower", "none", "compatible", "wildcard", "same-number", "no-floors", "markers", "member",
        "address", "dependency", "extra",
    ],
)  # fmt: skip
def test_lower_floor_is_told_where_it_stands(
    tmp_path: Path, groups: str, member: str, expected: list[str]
) -> None:
    """Two floors for one tool mean that one of them was never tested."""
    found = list(floors.find_different_floors(workspace(tmp_path, groups, member)))
    assert [each.place for each in found] == expected
    assert {each.rule for each in found} <= {Rule.DIFFERENT_FLOOR}


@pytest.mark.parametrize(
    ("member", "shipped", "expected"),
    [
        ('dependencies = ["pytest>=9"]\n', [], 5),
        ('dependencies = ["PyTest_asyncio"]\n', [], 5),
        ('[project.optional-dependencies]\ndev = ["six", "ruff"]\n', [], 6),
        ('dependencies = ["pytest>=9"]\n', ["Pytest"], None),
        ('dependencies = ["pytestlike", "types", "mypy-boto3"]\n', [], None),
        ('[dependency-groups]\ndev = ["pytest"]\n', [], None),
    ],
    ids=["tool", "spelling", "extra", "shipped", "others", "group"],
)
def test_tool_among_what_users_install_is_told(
    tmp_path: Path, member: str, shipped: list[str], expected: int | None
) -> None:
    """Users of a package do not need its test runner."""
    found = list(floors.find_tools_in_project(workspace(tmp_path, "", member), shipped))
    places = [each.place for each in found]
    assert places == ([f"packages/one/pyproject.toml:{expected}"] if expected else [])
    assert {each.rule for each in found} <= {Rule.TOOL_IN_PROJECT}
