"""The uv guide quotes what uv really says, and lists every group and extra there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from blocks import ROOT, same_output
from execute import lacks_package
from pages import read_blocks

PAGE = Path("docs/development/uv-integration.md")
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")

WORKSPACE = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'
PROJECT = '[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
ONE = PROJECT.format(name="tta-dev-primitives")
TWO = PROJECT.format(name="two") + 'dependencies = ["tta-dev-primitives"]\n'
PATH_SOURCE = '[tool.uv.sources]\ntta-dev-primitives = { path = "../one" }\n'
BUILD_SYSTEM = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'

CASES = {
    "message, member without pyproject": (
        {"pyproject.toml": WORKSPACE, "packages/newpkg/README.md": "# New\n"},
        "lock",
    ),
    "message, member with a path source": (
        {
            "pyproject.toml": WORKSPACE,
            "packages/one/pyproject.toml": ONE,
            "packages/two/pyproject.toml": TWO + PATH_SOURCE,
        },
        "lock",
    ),
    "message, member without a source": (
        {
            "pyproject.toml": WORKSPACE,
            "packages/one/pyproject.toml": ONE,
            "packages/two/pyproject.toml": TWO,
        },
        "lock",
    ),
    "message, root with a build system": (
        {"pyproject.toml": BUILD_SYSTEM + PROJECT.format(name="tta-workspace")},
        "sync",
    ),
}


def quoted_version() -> str:
    """Give the version of uv that the page says its messages come from."""
    found = re.search(r"come from uv (\d+\.\d+\.\d+)\.", TEXT)
    assert found is not None
    return found[1]


def uv(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run uv offline in *folder*, with no setting of the caller but the cache."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "UV_CACHE_DIR" or not name.startswith(("UV_", "VIRTUAL_ENV"))
    }
    settings = {"UV_OFFLINE": "1", "UV_PYTHON": sys.executable, "NO_COLOR": "1"}
    return subprocess.run(
        ["uv", *arguments],
        cwd=folder,
        env=kept | settings,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def folded(stderr: str, folder: Path) -> str:
    """Leave out uv's progress, and name the folder as the page does."""
    progress = ("Using ", "Creating ", "Resolved ", "   Building ", "hint: ")
    lines = [line for line in stderr.splitlines() if not line.startswith(progress)]
    return "\n".join(lines).replace(folder.as_posix(), "/path/to/workspace")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.skipif(sys.platform == "win32", reason="paths in the messages differ on Windows")
def test_message_on_the_page_is_what_uv_prints(case: str, tmp_path: Path) -> None:
    """Each of the workspace errors is provoked for real and compared."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not on PATH: pip install uv")
    spoken = uv(tmp_path, "--version").stdout.split()[1]
    if spoken.split(".")[:2] != quoted_version().split(".")[:2]:
        pytest.skip(f"this is uv {spoken}; the page quotes {quoted_version()}")
    files, command = CASES[case]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    ran = uv(tmp_path, command)
    if lacks_package(ran.stderr):
        pytest.skip("hatchling is not in uv's cache: uv sync --locked")
    assert ran.returncode != 0
    [quoted] = [block for block in read_blocks(PAGE, TEXT) if block.reason == case]
    printed = folded(ran.stderr, tmp_path)
    assert same_output(quoted.source, printed), f"{quoted.place} differs; uv says:\n{printed}"


def test_every_message_of_the_page_is_compared() -> None:
    """A new message on the page cannot be forgotten here."""
    reasons = [block.reason for block in read_blocks(PAGE, TEXT)]
    assert [reason for reason in reasons if reason.startswith("message")] == list(CASES)


def test_page_and_workflow_speak_of_the_same_uv() -> None:
    """Whoever raises the version in CI looks at the messages too."""
    workflow = (ROOT / ".github/workflows/quality-check.yml").read_text(encoding="utf-8")
    assert f'UV_VERSION: "{quoted_version()}"' in workflow


def test_page_lists_every_group_and_extra() -> None:
    """The two tables are complete; that they name nothing else is checked with all names."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| `")]
    first = {cell for row in rows for cell in re.findall(r"`([\w-]+)`", row)}
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    expected = set(root["dependency-groups"])
    for path in ROOT.glob("packages/*/pyproject.toml"):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        expected |= set(project.get("optional-dependencies", {}))
    assert expected - first == set()
