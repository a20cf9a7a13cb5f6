"""The checks of workspaces and groups: clean on this one, and in the words of the uv guide."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.groups.rules import Rule as GroupsRule
from tta_dev_primitives.devtools.workspace.check import find_in_files
from tta_dev_primitives.devtools.workspace.members import read_workspace
from tta_dev_primitives.devtools.workspace.rules import Rule

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/development/uv-integration.md").read_text(encoding="utf-8")
SCRIPTS = ["validate-workspace.py", "validate-dependency-groups.py"]

WORKSPACE = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'
PROJECT = '[project]\nname = "{}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
ONE = PROJECT.format("tta-dev-primitives")
TWO = PROJECT.format("two") + 'dependencies = ["tta-dev-primitives"]\n'
BACKEND = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
MEMBERS = {
    "pyproject.toml": WORKSPACE,
    "packages/one/pyproject.toml": ONE,
    "packages/two/pyproject.toml": TWO,
}
SOURCE = '[tool.uv.sources]\ntta-dev-primitives = { path = "../one" }\n'

# The trees that tests/docs provokes uv with, for the messages of the guide.
CASES = {
    "message, member without pyproject": (
        {"pyproject.toml": WORKSPACE, "packages/newpkg/README.md": "# New\n"},
        Rule.MEMBER_WITHOUT_PYPROJECT,
    ),
    "message, member with a path source": (
        MEMBERS | {"packages/two/pyproject.toml": TWO + SOURCE},
        Rule.PATH_SOURCE,
    ),
    "message, member without a source": (MEMBERS, Rule.MISSING_SOURCE),
    "message, root with a build system": (
        {"pyproject.toml": BACKEND + PROJECT.format("tta-workspace") + WORKSPACE},
        Rule.ROOT_BUILDS,
    ),
}

needs_uv = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing: pip install uv")


def run(script: str, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script offline, with uv or with another PATH."""
    environment = os.environ | {"UV_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(ROOT / "scripts/validation" / script), *arguments]
    return subprocess.run(
        command,
        env=environment | ({"PATH": path} if path is not None else {}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


def lacks_extra(script: str) -> bool:
    if script != "validate-dependency-groups.py":
        return False
    return "dependency-groups, which reads PEP 735" in run(script, str(ROOT)).stderr


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("case", CASES)
def test_rule_speaks_as_the_guide_does(tmp_path: Path, case: str) -> None:
    """What the check quotes, the page shows, and a test of the docs provokes from uv."""
    files, rule = CASES[case]
    [finding] = [
        each for each in find_in_files(read_workspace(write(tmp_path, files))) if each.rule == rule
    ]
    quoted = re.search(rf"<!-- syntax: {case} -->\n```text\n(.*?)```", GUIDE, re.DOTALL)
    assert quoted is not None
    said = finding.uv_says.replace(tmp_path.as_posix(), "/path/to/workspace")
    assert said
    for line in said.splitlines():
        assert line in quoted[1]


@needs_uv
@pytest.mark.parametrize("script", SCRIPTS)
def test_this_workspace_is_clean(script: str) -> None:
    """The project passes what it asks of others."""
    if lacks_extra(script):
        pytest.skip("needs the extra workspace")
    leave_out = ["--no-environment"] if script == "validate-workspace.py" else []
    ran = run(script, str(ROOT), "--json", *leave_out)
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads(ran.stdout)
    assert found["findings"] == []
    if script == "validate-workspace.py":
        assert found["members"] == [
            "keploy-framework",
            "tta-dev-primitives",
            "tta-observability-integration",
        ]


@needs_uv
@pytest.mark.parametrize("script", SCRIPTS)
def test_findings_have_code_one_and_a_place(tmp_path: Path, script: str) -> None:
    """A step of CI fails, and its log says where to look."""
    if lacks_extra(script):
        pytest.skip("needs the extra workspace")
    files = {
        "pyproject.toml": WORKSPACE + '[dependency-groups]\na = [{ include-group = "b" }]\n',
        "packages/newpkg/README.md": "# New\n",
    }
    ran = run(script, str(write(tmp_path, files)))
    assert (ran.returncode, ran.stderr) == (1, "")
    place = "packages/newpkg" if script == "validate-workspace.py" else "pyproject.toml:4"
    assert ran.stdout.startswith(f"{place}: [")
    assert "\n    fix: " in ran.stdout


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "has a table [tool.uv.workspace]"),
        ({"pyproject.toml": WORKSPACE + "a = \n"}, "pyproject.toml:3 is not TOML"),
        ({"pyproject.toml": "<<<<<<< HEAD\n"}, "pyproject.toml:1 holds a merge conflict"),
        (MEMBERS | {"uv.lock": "=======\n"}, "uv.lock:1 holds a merge conflict"),
        (MEMBERS, "uv is not on PATH; install it"),
    ],
    ids=["no-workspace", "broken", "conflict", "conflict-in-lock", "no-uv"],
)
def test_what_cannot_be_judged_is_one_line_and_code_two(
    tmp_path: Path, script: str, files: dict[str, str], told: str
) -> None:
    """CI keeps "I could not look" apart from "I looked and found"."""
    ran = run(script, str(write(tmp_path, files)), path="")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert told in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_names_the_exit_codes(script: str) -> None:
    """A caller in CI learns the codes without reading the source."""
    ran = run(script, "--help")
    assert ran.returncode == 0
    assert "0 clean, 1 findings, 2 misuse" in " ".join(ran.stdout.split())


def test_page_lists_every_rule() -> None:
    """A rule that is added is described, and one that is gone is not."""
    page = (ROOT / "docs/development/workspace-checks.md").read_text(encoding="utf-8")
    _, of_workspace, of_groups = re.split(r"^## Rules of .*$", page, flags=re.MULTILINE)
    for text, rules in ((of_workspace, Rule), (of_groups, GroupsRule)):
        told = re.findall(r"^\| `([a-z-]+)` \|", text.partition("\n## ")[0], re.MULTILINE)
        assert sorted(told) == sorted(rules)
