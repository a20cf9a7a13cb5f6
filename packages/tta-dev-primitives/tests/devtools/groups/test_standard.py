"""What the standard for dependency groups forbids is told with its line and uv's words."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.groups import standard
from tta_dev_primitives.devtools.groups.declared import Group, read_declared
from tta_dev_primitives.devtools.groups.rules import Rule
from tta_dev_primitives.devtools.workspace.finding import Finding
from tta_dev_primitives.devtools.workspace.members import read_workspace
from tta_dev_primitives.devtools.workspace.pyproject import Pyproject

from ..workspace.trees_here import (  # noqa: TID252 - the tests are no package with a name
    LISTED,
    SOUND,
    WORKSPACE,
    run_uv,
    write_tree,
)

pytest.importorskip("dependency_groups", reason="needs the extra workspace")

GROUPS = LISTED + "[dependency-groups]\n"  # line 3

WRONG = {
    "cycle": (
        'a = [{ include-group = "b" }]\nb = [\n  { include-group = "a" },\n]\n',
        Rule.GROUP_CYCLE, "pyproject.toml:4",
    ),
    "cycle-of-three": (
        """\
a = [{ include-group = "B" }]
b = [{ include-group = "c" }]
c = [{ include-group = "a" }]
d = [{ include-group = "a" }]
""",
        Rule.GROUP_CYCLE, "pyproject.toml:4",
    ),
    "cycle-of-one": (
        'a = ["six", { include-group = "A" }]\n', Rule.GROUP_CYCLE, "pyproject.toml:4",
    ),
    "unknown-include": (
        'a = [\n  "six",\n  { include-group = "zz" },\n]\n',
        Rule.UNKNOWN_INCLUDE, "pyproject.toml:6",
    ),
    "collision": ("a-b = []\nA_b = []\n", Rule.GROUP_NAME_COLLISION, "pyproject.toml:5"),
    "bad-requirement": (
        'a = ["six >> 2"]\nb = [{ include-group = "a" }]\n', Rule.BAD_GROUP, "pyproject.toml:4",
    ),
    "bad-item": ('a = [\n  { group = "b" },\n]\n', Rule.BAD_GROUP, "pyproject.toml:5"),
    "number": ("a = [\n  1,\n]\n", Rule.BAD_GROUP, "pyproject.toml:5"),
    "no-list": ('a = "six"\n', Rule.BAD_GROUP, "pyproject.toml:4"),
}  # fmt: skip

RIGHT = {
    "diamond": (
        'a = [{ include-group = "b" }, { include-group = "c" }]\n'
        'b = [{ include-group = "d" }]\nc = [{ include-group = "D" }]\nd = ["six>=1"]\n'
    ),
    "empty": "a = []\n",
}


def found_in(tmp_path: Path, groups: str) -> list[Finding]:
    tree = write_tree(tmp_path, SOUND | {"pyproject.toml": GROUPS + groups})
    return list(standard.find(read_declared(read_workspace(tree)).groups))


@pytest.mark.parametrize("case", WRONG)
def test_forbidden_group_is_told_once_with_its_place(tmp_path: Path, case: str) -> None:
    """A cycle of three groups is one finding, and so is a mistake that others include."""
    groups, rule, place = WRONG[case]
    assert [(each.rule, each.place) for each in found_in(tmp_path, groups)] == [(rule, place)]


@pytest.mark.parametrize("case", RIGHT)
def test_sound_groups_are_clean(tmp_path: Path, case: str) -> None:
    """Groups may share what they include."""
    assert found_in(tmp_path, RIGHT[case]) == []


@pytest.mark.parametrize("case", WRONG)
def test_uv_refuses_it_in_the_words_that_are_quoted(
    tmp_path: Path, own_uv: None, case: str
) -> None:
    """uv refuses every one of them; where its message is quoted, it is that."""
    [finding] = found_in(tmp_path, WRONG[case][0])
    ran = run_uv(tmp_path, "lock")
    assert ran.returncode != 0
    assert finding.uv_says in ran.stderr


def test_group_of_another_file_cannot_be_included(tmp_path: Path) -> None:
    """Includes do not reach from a member into the root."""
    member = SOUND["packages/one/pyproject.toml"]
    tree = SOUND | {
        "pyproject.toml": WORKSPACE + "[dependency-groups]\nlint = []\n",
        "packages/one/pyproject.toml": member
        + '[dependency-groups]\ndev = [{ include-group = "lint" }]\n',
    }
    groups = read_declared(read_workspace(write_tree(tmp_path, tree))).groups
    [finding] = standard.find(groups)
    assert (finding.rule, finding.place) == (Rule.UNKNOWN_INCLUDE, "packages/one/pyproject.toml:6")


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [('["a"]', []), ('["A", "zz"]', ["pyproject.toml:6"]), ('"all"', [])],
    ids=["known", "unknown", "all"],
)
def test_default_group_has_to_be_declared(
    tmp_path: Path, own_uv: None, defaults: str, expected: list[str]
) -> None:
    """uv sync stops at a default group that nobody has."""
    text = GROUPS + f"a = []\n[tool.uv]\ndefault-groups = {defaults}\n"
    workspace = read_workspace(write_tree(tmp_path, SOUND | {"pyproject.toml": text}))
    known = read_declared(workspace).group_names
    found = list(standard.find_unknown_defaults(workspace.files, known))
    assert [each.place for each in found] == expected
    ran = run_uv(tmp_path, "lock")
    assert (ran.returncode != 0) == bool(expected)
    assert all(each.uv_says in ran.stderr for each in found)


names = st.sampled_from("abcdef")


@given(st.dictionaries(names, st.lists(names, max_size=3), max_size=6))
def test_cycle_is_found_exactly_where_there_is_one(graph: dict[str, list[str]]) -> None:
    """Whatever includes what, the answer is that of a topological sort."""
    known = {name: [each for each in includes if each in graph] for name, includes in graph.items()}
    tables = {
        name: [{"include-group": each} for each in includes] for name, includes in known.items()
    }
    pyproject = Pyproject(Path("p"), "p", {"dependency-groups": tables}, {})
    groups = [Group(name, name, pyproject) for name in tables]
    found = list(standard.find(groups))
    try:
        TopologicalSorter(known).prepare()
    except CycleError:
        assert {each.rule for each in found} == {Rule.GROUP_CYCLE}
        for finding in found:
            circle = finding.message.rpartition(": ")[2].split(" -> ")
            assert circle[0] == circle[-1]
            assert all(after in known[name] for name, after in pairwise(circle))
    else:
        assert found == []
