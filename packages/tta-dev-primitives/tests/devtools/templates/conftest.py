"""A home folder and a git of their own for every test."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder, in which the repository of templates is made."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_", "COPIER_"))]:
        monkeypatch.delenv(name)
    (home / ".gitconfig").write_text("[user]\nname = Somebody\nemail = somebody@example.com\n")
    return home


@pytest.fixture
def git() -> Callable[..., str]:
    """Runs git in a folder and gives what it prints; without git the test is skipped."""
    program = shutil.which("git")
    if program is None:
        pytest.skip("git is missing; install it")

    def run(folder: Path, *arguments: str) -> str:
        command = [program, "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return run
