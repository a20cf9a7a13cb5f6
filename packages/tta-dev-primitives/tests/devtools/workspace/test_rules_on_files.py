"""Each rule about the files of a workspace: a tree that offends it, and one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tta_dev_primitives.devtools.workspace.check import find_in_files
from tta_dev_primitives.devtools.workspace.finding import Finding
from tta_dev_primitives.devtools.workspace.members import read_workspace
from tta_dev_primitives.devtools.workspace.rules import Rule

from .trees_here import (
    FROM_WORKSPACE,
    LISTED,
    ONE,
    PROJECT,
    SOUND,
    TWO,
    USES_ONE,
    WORKSPACE,
    run_uv,
    write_tree,
)

BACKEND = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
PATH_SOURCE = '[tool.uv.sources]\none = { path = "../one" }\n'
ROOT_PROJECT = PROJECT.format("whole")


def capped(text: str, old: str, new: str) -> str:
    return text.replace(f'">={old}"', f'"{new}"')


# Changes to the sound tree, the rule that they offend, and the place that is told.
WRONG = {
    "listed-folder-gone": (
        {"pyproject.toml": WORKSPACE.replace('*"', '*", "gone"')},
        Rule.MISSING_MEMBER, "pyproject.toml:2",
    ),
    "pattern-without-match": (
        {"pyproject.toml": WORKSPACE.replace('*"', '*",\n  "apps/*"')},
        Rule.MISSING_MEMBER, "pyproject.toml:3",
    ),
    "empty-folder": ({"packages/three/": ""}, Rule.EMPTY_MEMBER, "packages/three"),
    "empty-folders-in-folder": (
        {"packages/three/src/": ""}, Rule.EMPTY_MEMBER, "packages/three",
    ),
    "folder-with-leftovers": (
        {"packages/three/src/x.pyc": ""}, Rule.MEMBER_WITHOUT_PYPROJECT, "packages/three",
    ),
    "no-project-table": (
        {"packages/three/pyproject.toml": "[tool.x]\n"},
        Rule.MEMBER_WITHOUT_PROJECT, "packages/three/pyproject.toml:1",
    ),
    "two-of-one-name": (
        {"packages/three/pyproject.toml": PROJECT.format("One")},
        Rule.DUPLICATE_MEMBER, "packages/three/pyproject.toml:2",
    ),
    "package-beside-members": (
        {
            "pyproject.toml": LISTED,
            "packages/three/pyproject.toml": PROJECT.format("three"),
        },
        Rule.UNLISTED_PACKAGE, "packages/three/pyproject.toml",
    ),
    "source-is-path": (
        {"packages/two/pyproject.toml": USES_ONE + PATH_SOURCE},
        Rule.PATH_SOURCE, "packages/two/pyproject.toml:7",
    ),
    "source-is-git": (
        {
            "packages/two/pyproject.toml": USES_ONE
            + '[tool.uv.sources.one]\ngit = "https://git.example.com/one"\n'
        },
        Rule.PATH_SOURCE, "packages/two/pyproject.toml:6",
    ),
    "one-of-two-sources-is-path": (
        {
            "packages/two/pyproject.toml": USES_ONE
            + "[tool.uv.sources]\none = [\n"
            + "  { workspace = true, marker = \"sys_platform != 'win32'\" },\n"
            + "  { path = '../one', marker = \"sys_platform == 'win32'\" },\n]\n"
        },
        Rule.PATH_SOURCE, "packages/two/pyproject.toml:9",
    ),
    "root-source-is-path": (
        {
            "pyproject.toml": WORKSPACE + '[tool.uv.sources]\none = { path = "packages/one" }\n',
            "packages/two/pyproject.toml": USES_ONE,
        },
        Rule.PATH_SOURCE, "pyproject.toml:4",
    ),
    "no-source": (
        {"packages/two/pyproject.toml": USES_ONE},
        Rule.MISSING_SOURCE, "packages/two/pyproject.toml:5",
    ),
    "no-source-for-direct-address": (
        {"packages/two/pyproject.toml": TWO + 'dependencies = ["One @ file:///srv/one"]\n'},
        Rule.MISSING_SOURCE, "packages/two/pyproject.toml:5",
    ),
    "no-source-in-group": (
        {"packages/two/pyproject.toml": TWO + '[dependency-groups]\ndev = ["one[fast]>=1"]\n'},
        Rule.MISSING_SOURCE, "packages/two/pyproject.toml:6",
    ),
    "source-of-no-member": (
        {
            "packages/two/pyproject.toml": TWO
            + 'dependencies = ["six"]\n[tool.uv.sources]\nsix = { workspace = true }\n'
        },
        Rule.SOURCE_OUTSIDE, "packages/two/pyproject.toml:7",
    ),
    "root-with-backend": (
        {"pyproject.toml": BACKEND + ROOT_PROJECT + WORKSPACE},
        Rule.ROOT_BUILDS, "pyproject.toml:1",
    ),
    "legacy-key": (
        {"packages/one/pyproject.toml": ONE + '[tool.uv]\ndev-dependencies = []\n'},
        Rule.LEGACY_DEV_DEPENDENCIES, "packages/one/pyproject.toml:6",
    ),
    "legacy-key-in-root": (
        {"pyproject.toml": "[tool.uv]\ndev-dependencies = []\n" + WORKSPACE},
        Rule.LEGACY_DEV_DEPENDENCIES, "pyproject.toml:2",
    ),
    "floors-differ": (
        {
            "packages/one/pyproject.toml": capped(ONE, "3.11", ">=3.12"),
            "packages/three/pyproject.toml": PROJECT.format("three"),
        },
        Rule.DIFFERENT_PYTHON, "packages/one/pyproject.toml:4",
    ),
    "ranges-never-meet": (
        {
            "packages/one/pyproject.toml": capped(ONE, "3.11", ">=3.13"),
            "packages/two/pyproject.toml": capped(TWO, "3.11", ">=3.11,<3.13"),
        },
        Rule.DIFFERENT_PYTHON, "packages/two/pyproject.toml:4",
    ),
    "cap": (
        {"packages/one/pyproject.toml": capped(ONE, "3.11", ">=3.11,<4")},
        Rule.PYTHON_CAP, "packages/one/pyproject.toml:4",
    ),
    "cap-in-disguise": (
        {"packages/one/pyproject.toml": capped(ONE, "3.11", "~=3.11")},
        Rule.PYTHON_CAP, "packages/one/pyproject.toml:4",
    ),
    "no-python": (
        {"packages/one/pyproject.toml": '[project]\nname = "one"\nversion = "0.1.0"\n'},
        Rule.MISSING_PYTHON, "packages/one/pyproject.toml:1",
    ),
    "pin-below": ({".python-version": "3.10.4\n"}, Rule.PYTHON_OUT_OF_RANGE, ".python-version:1"),
    "pin-of-a-member": (
        {"packages/one/.python-version": "# old\ncpython@3.9\n"},
        Rule.PYTHON_OUT_OF_RANGE, "packages/one/.python-version:2",
    ),
}  # fmt: skip

RIGHT = {
    "nothing-changed": {},
    "explicit-members": {"pyproject.toml": LISTED},
    "excluded-folders": {
        "pyproject.toml": WORKSPACE + 'exclude = ["packages/three", "packages/old-*"]\n',
        "packages/three/x": "",
        "packages/old-one/pyproject.toml": ONE,
    },
    "hidden-folder": {"packages/.editor/settings": ""},
    "file-among-folders": {"packages/README.md": ""},
    "managed-elsewhere": {"packages/three/pyproject.toml": ONE + "[tool.uv]\nmanaged = false\n"},
    "source-in-root": {
        "pyproject.toml": WORKSPACE + FROM_WORKSPACE,
        "packages/two/pyproject.toml": USES_ONE,
    },
    "other-spelling-of-a-name": {
        "packages/one/pyproject.toml": PROJECT.format("On_E.x"),
        "packages/two/pyproject.toml": TWO
        + 'dependencies = ["on.e-X>=0"]\n[tool.uv.sources]\nON-e_x = { workspace = true }\n',
    },
    "extra-of-its-own": {
        "packages/one/pyproject.toml": ONE
        + '[project.optional-dependencies]\na = []\nall = ["one[a]"]\n[dependency-groups]\n'
        + 'dev = ["one[a]"]\n'
    },
    "path-to-somebody-else": {
        "packages/one/pyproject.toml": ONE + '[tool.uv.sources]\nsix = { path = "../../six" }\n'
    },
    "root-that-wants-to-be-built": {
        "pyproject.toml": BACKEND + ROOT_PROJECT + WORKSPACE + "[tool.uv]\npackage = true\n"
    },
    "root-with-project": {"pyproject.toml": ROOT_PROJECT + WORKSPACE},
    "same-range-spelled-otherwise": {
        "packages/one/pyproject.toml": capped(ONE, "3.11", ">= 3.11")
    },
    "pin-of-a-minor": {
        ".python-version": "3.11\n3.9\n",
        "packages/one/pyproject.toml": capped(ONE, "3.11", ">=3.11.4"),
        "packages/two/pyproject.toml": capped(TWO, "3.11", ">=3.11.4"),
    },
    "pin-of-another-kind": {".python-version": "pypy@3.10\n"},
}  # fmt: skip


def found_in(tmp_path: Path, changes: dict[str, str]) -> list[Finding]:
    """Judge the sound tree after some changes."""
    return list(find_in_files(read_workspace(write_tree(tmp_path, SOUND | changes))))


@pytest.mark.parametrize("case", WRONG)
def test_wrong_tree_is_told_with_its_place(tmp_path: Path, case: str) -> None:
    """The rule speaks up, at the line where the mistake is."""
    changes, rule, place = WRONG[case]
    found = found_in(tmp_path, changes)
    assert (rule, place) in [(each.rule, each.place) for each in found]
    assert all(each.message and each.fix for each in found)


@pytest.mark.parametrize(
    "case", [case for case in WRONG if not case.startswith(("ranges-", "cap"))]
)
def test_wrong_tree_is_told_once(tmp_path: Path, case: str) -> None:
    """One mistake is one finding."""
    changes, rule, _ = WRONG[case]
    assert [each.rule for each in found_in(tmp_path, changes)] == [rule]


@pytest.mark.parametrize("case", RIGHT)
def test_right_tree_is_clean(tmp_path: Path, case: str) -> None:
    """What is sound, if unusual, is left in peace."""
    assert found_in(tmp_path, RIGHT[case]) == []


@pytest.mark.parametrize("case", [case for case in WRONG if case != "root-with-backend"])
def test_uv_says_what_is_quoted(tmp_path: Path, own_uv: None, case: str) -> None:
    """A quotation of uv is what uv prints about that tree, and its absence means uv is silent."""
    found = found_in(tmp_path, WRONG[case][0])
    quoted = [line for each in found for line in each.uv_says.splitlines()]
    ran = run_uv(tmp_path, "lock")
    if case == "source-is-git" and "Git" not in ran.stderr:
        pytest.skip("uv needs git to say this")
    if case.startswith("pin-"):
        # What is printed names the Python that uv found, which is not the pinned one here.
        assert quoted
        return
    for line in quoted:
        assert line in ran.stderr
    is_refused = any("warning" not in line for line in quoted)
    # A floor above the Python of these tests is refused for that reason alone.
    assert (ran.returncode != 0) == is_refused or case == "floors-differ"


def test_pin_is_quoted_as_uv_prints_it(
    tmp_path: Path, own_uv: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pin that uv finds but no member allows is told in uv's own words."""
    import platform

    monkeypatch.delenv("UV_PYTHON")
    changes = {
        ".python-version": platform.python_version() + "\n",
        "packages/one/pyproject.toml": capped(ONE, "3.11", ">=3.99"),
        "packages/two/pyproject.toml": capped(TWO, "3.11", ">=3.99"),
    }
    [finding] = found_in(tmp_path, changes)
    ran = run_uv(tmp_path, "lock")
    if "resolved to" not in ran.stderr:
        pytest.skip(f"uv does not find the Python of these tests: {ran.stderr}")
    assert finding.uv_says in ran.stderr


def test_message_names_the_folder_that_was_not_found(tmp_path: Path) -> None:
    """Who reads it knows what to look for without opening the file."""
    [finding] = found_in(tmp_path, WRONG["listed-folder-gone"][0])
    assert "'gone'" in finding.message
    assert "'gone'" in finding.fix
