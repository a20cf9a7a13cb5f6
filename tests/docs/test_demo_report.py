"""The script that draws the demo's report: a real run, a picture that stands alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from blocks import ROOT

SCRIPT = ROOT / "scripts/export_demo_report.py"
PICTURE = ROOT / "docs/images/demo-report.svg"
FETCHED = re.compile(r"@import|@font-face|url\((?!#)|\bhref=|\bsrc=")


def export(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a maintainer would."""
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def words(picture: Path) -> str:
    """Give the text a reader sees, and fail on what is no XML."""
    root = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    return "".join(root.itertext()).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.slow
def test_picture_is_drawn_from_a_run_and_fetches_nothing(tmp_path: Path) -> None:
    """Twenty tickets give a picture with their number, no leftover file, and no address."""
    picture = tmp_path / "new folder" / "report.svg"
    ran = export("--tickets", "20", "--output", str(picture))
    assert ran.returncode == 0, ran.stderr
    assert "simulated models, 20 tickets" in words(picture)
    assert FETCHED.findall(picture.read_text(encoding="utf-8")) == []
    assert [path.name for path in picture.parent.iterdir()] == ["report.svg"]


def test_picture_in_the_docs_is_that_of_the_default_run() -> None:
    """The committed picture shows 600 tickets, 30% of them repeats, and no failed one."""
    shown = words(PICTURE)
    assert "600 tickets, 30% exact repeats" in shown
    assert re.search(r"failed +0 +0\b", shown)
    assert FETCHED.findall(PICTURE.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("arguments", [["--tickets", "0"], ["--colour"]], ids=["none", "unknown"])
def test_misuse_is_told_and_changes_nothing(tmp_path: Path, arguments: list[str]) -> None:
    """A wrong option is exit code 2, before anything is run or written."""
    picture = tmp_path / "report.svg"
    ran = export(*arguments, "--output", str(picture))
    assert ran.returncode == 2
    assert not picture.exists()
