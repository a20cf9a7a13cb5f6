"""`tta new`: what is printed, and how refusals end."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The templates are laid out in a home of the test."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def test_next_steps_are_printed(tta: Any, folder: Path) -> None:
    """Whoever made an app sees what to type."""
    pytest.importorskip("copier", reason="copier is not installed. Try: uv sync")
    if shutil.which("git") is None:
        pytest.skip("git is missing; install it")
    ended = tta("new", "app", "help-desk")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("made help-desk\nnext:\n  cd help-desk\n")
    assert (folder / "help-desk" / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("app", "Help Desk"), "'Help Desk': [bad-name]"),
        (("package", "acme"), "[no-workspace]"),
        (("update",), "[not-made-here]"),
        (("app", "help-desk", "--summary", "{{ x }}"), "[bad-summary]"),
    ],
    ids=["bad-name", "no-workspace", "not-ours", "bad-summary"],
)
def test_refusal_is_one_line_and_misuse(
    tta: Any, folder: Path, arguments: tuple[str, ...], told: str
) -> None:
    """A script sees exit code 2, a reader the reason and the next move."""
    before = sorted(folder.rglob("*"))
    ended = tta("new", *arguments)
    assert ended.code == 2
    assert told in ended.complaint
    assert "; " in ended.complaint
    assert sorted(folder.rglob("*")) == before


def test_without_the_extra_the_line_that_installs_it_is_printed(
    tta: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """copier is only for those who make packages."""
    for module in ("copier", "packaging", "packaging.version"):
        monkeypatch.setitem(sys.modules, module, None)
    ended = tta("new", "app", "help-desk")
    assert ended.code == 2
    assert ended.complaint.endswith("Try: uv add 'tta-dev-primitives[templates]'")
