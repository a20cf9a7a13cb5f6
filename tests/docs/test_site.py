"""The site builds strictly, and a reader's browser fetches nothing from elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from blocks import ROOT
from execute import lacks_package

BUILD = ["uv", "run", "--isolated", "--locked", "--only-group", "docs", "mkdocs", "build"]
FETCHED = re.compile(r'<(?:script|img|iframe)[^>]+src="https?:|<link[^>]+stylesheet[^>]+"https?:')


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not on PATH: pip install uv")
def test_site_builds_strictly_and_stands_alone(tmp_path: Path) -> None:
    """A broken link or anchor fails the build; fonts and scripts come with the site."""
    site = tmp_path / "site"
    settings = {"UV_OFFLINE": "1", "UV_PYTHON": sys.executable, "NO_MKDOCS_2_WARNING": "1"}
    ran = subprocess.run(
        [*BUILD, "--strict", "--site-dir", str(site)],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if lacks_package(ran.stderr):
        pytest.skip("the docs group is not in uv's cache; build the site once to fill it")
    assert ran.returncode == 0, ran.stderr
    pages = list(site.rglob("*.html"))
    assert site / "index.html" in pages
    for page in pages:
        assert not FETCHED.findall(page.read_text(encoding="utf-8")), page
