"""scripts/ci/release-check.py: its exit codes, and what it cannot judge in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/ci/release-check.py"
WORKSPACE = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'
PACKAGE = '[project]\nname = "one"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
FILES = {"pyproject.toml": WORKSPACE, "packages/one/pyproject.toml": PACKAGE}


def check(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the script offline, as a workflow does, or with another PATH."""
    environment = os.environ | {"UV_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env=environment | ({"PATH": path} if path is not None else {}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_help_names_the_exit_codes() -> None:
    """A caller in CI has to read the source to learn the codes."""
    ran = check("--help")
    assert ran.returncode == 0
    assert "0 clean, 1 findings, 2 misuse" in " ".join(ran.stdout.split())


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing: pip install uv")
@pytest.mark.skipif(shutil.which("git") is None, reason="git is missing; install it")
def test_this_workspace_is_fit_to_be_published() -> None:
    """The project does not pass what it asks of others."""
    ran = check(str(ROOT))
    if "is shallow" in ran.stderr or "not in a git repository" in ran.stderr:
        pytest.skip("needs the history of the repository")
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert ran.stdout.startswith("clean: keploy-framework ")


@pytest.mark.parametrize(
    ("files", "arguments", "told"),
    [
        ({}, [], "has a table [tool.uv.workspace]"),
        ({"pyproject.toml": WORKSPACE + "a = \n"}, [], "pyproject.toml:3 is not TOML"),
        ({"pyproject.toml": "<<<<<<< HEAD\n"}, [], "pyproject.toml:1 holds a merge conflict"),
        (FILES | {"uv.lock": "=======\n"}, [], "uv.lock:1 holds a merge conflict"),
        (FILES | {"uv.lock": "version = 9\n"}, [], "uv.lock is a lock of version 9"),
        (FILES, ["--tag", "latest"], "'latest' is no tag of a release"),
        (FILES, ["--tag", "on-v1"], "did you mean one-v1?"),
        (FILES, [], "uv is not on PATH; install it"),
    ],
    ids=[
        "no-workspace", "broken", "conflict", "conflict-in-lock", "newer-lock", "other-tag",
        "other-package", "no-uv",
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_one_line_and_code_two(
    tmp_path: Path, files: dict[str, str], arguments: list[str], told: str
) -> None:
    """CI takes "I could not look" for "I looked and found"."""
    ran = check(str(write(tmp_path, files)), *arguments, path="")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert told in ran.stderr
    assert ran.stderr.count("\n") == 1
