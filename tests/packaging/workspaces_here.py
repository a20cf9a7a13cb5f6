"""Copies of this workspace, its packages built without network, and environments with a pip."""

from __future__ import annotations

import ensurepip
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns("tests", "__pycache__", ".venv*", ".*_cache", "dist")
LONGEST_SECONDS = 120
# What uv says when it would have to download something.
OFFLINE = ("Network connectivity is disabled", "not found in the cache")


def copy_of_workspace(folder: Path) -> Path:
    """Copy what is needed to build, to a folder that has no packages yet."""
    shutil.copytree(ROOT / "packages", folder / "packages", ignore=LEFT_OUT)
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    return folder


def build_all(workspace: Path, *options: str) -> Path:
    """Build every package of a workspace, and give the folder with what was built."""
    if shutil.which("uv") is None:
        pytest.skip("uv is missing: pip install uv")
    private = ("UV_", "PIP_", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    for name in ("UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR"):
        if name in os.environ:
            kept[name] = os.environ[name]
    ran = subprocess.run(
        ["uv", "build", "--quiet", "--all-packages", *options, "--out-dir", "dist"],
        cwd=workspace,
        env=kept | {"UV_OFFLINE": "1", "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    if any(each in ran.stderr for each in OFFLINE):
        pytest.skip("uv's cache lacks hatchling; run: uv sync --locked --all-packages --all-extras")
    assert ran.returncode == 0, ran.stderr
    return workspace / "dist"


def environment_with_pip(folder: Path) -> Path:
    """Make an environment that has a pip and nothing else, and give its Python."""
    bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    # Installing the pip that Python brings takes seconds; it is a zip archive that can be unpacked.
    options = ["--without-pip"] if bundled else []
    command = [sys.executable, "-m", "venv", *options, str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=LONGEST_SECONDS)
    if bundled:
        with zipfile.ZipFile(bundled[-1]) as archive:
            archive.extractall(site_packages(folder))
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def site_packages(environment: Path) -> Path:
    """Give the folder of an environment where packages are installed."""
    [found] = [
        *environment.glob("lib/python*/site-packages"),
        *environment.glob("Lib/site-packag*"),
    ]
    return found
