"""Workspaces made of a few lines, and uv as it is on this machine but offline and by itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

LISTED = '[tool.uv.workspace]\nmembers = ["packages/one", "packages/two"]\n'
WORKSPACE = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'
PROJECT = '[project]\nname = "{}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
ONE = PROJECT.format("one")
TWO = PROJECT.format("two")
USES_ONE = TWO + 'dependencies = ["one"]\n'
FROM_WORKSPACE = "[tool.uv.sources]\none = { workspace = true }\n"
# Nothing is built of such a member, so that no test needs a build backend.
NOT_BUILT = "[tool.uv]\npackage = false\n"

SOUND = {
    "pyproject.toml": WORKSPACE,
    "packages/one/pyproject.toml": ONE,
    "packages/two/pyproject.toml": USES_ONE + FROM_WORKSPACE,
}


def write_tree(root: Path, files: dict[str, str]) -> Path:
    """Write files, and folders where a name ends with a slash."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_text(text, encoding="utf-8")
    return root


def make_unreadable(path: Path) -> None:
    """Put a file there that nobody can read, as nobody else than a process reads its memory."""
    if not Path("/proc/self/mem").is_file():
        pytest.skip("there is no file here that not even the administrator can read")
    path.unlink(missing_ok=True)
    path.symlink_to("/proc/self/mem")


def write_wheel(folder: Path, name: str, version: str) -> Path:
    """Write a wheel that holds one empty module."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    content = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={hashlib.sha256(text.encode()).hexdigest()},{len(text)}\n"
        for path, text in content.items()
    )
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in (content | {f"{info}/RECORD": record}).items():
            archive.writestr(path, text)
    return wheel


def real_uv() -> str:
    """Return the path of uv itself, past what a version manager puts in front of it."""
    found = os.environ.get("UV") or shutil.which("uv")
    if found is None:
        pytest.skip("uv is not on PATH: pip install uv")
    return found


def set_up_uv(monkeypatch: pytest.MonkeyPatch, scratch: Path) -> None:
    """Let uv run offline, with a cache of its own and no settings of the caller."""
    uv = real_uv()
    for name in list(os.environ):
        if name.startswith("UV_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(uv).parent), os.environ["PATH"]]))
    monkeypatch.setenv("UV_CACHE_DIR", str(scratch / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(scratch / "config"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_PYTHON", sys.executable)


def run_uv(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run uv in a workspace and wait for it, at most a minute.

    Only for commands that use the project's environment: `uv pip` would use that of the tests.
    """
    assert arguments[0] != "pip"
    return subprocess.run(
        ["uv", *arguments],
        cwd=root,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
