"""The lock can be installed on every platform and Python that is promised, without a compiler."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 60

# How uv calls a platform, and how required-environments in the root does.
PLATFORMS = {
    "x86_64-unknown-linux-gnu": ("linux", "x86_64"),
    "aarch64-unknown-linux-gnu": ("linux", "aarch64"),
    "aarch64-apple-darwin": ("darwin", "arm64"),
    "x86_64-pc-windows-msvc": ("win32", "AMD64"),
}
# Groups that need a compiler, and the packages that are to blame: no file but a source
# distribution is published for them.
SOURCE_ONLY = {"local-llm": ["llama-cpp-python"]}

needs_uv = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing: pip install uv")


def read(path: str) -> dict[str, Any]:
    """Read a TOML file of the repository. Any: the shape is what the tests look at."""
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))


def pythons() -> list[str]:
    """Give the Pythons that the packages are classified for."""
    prefix = "Programming Language :: Python :: 3."
    project = read("packages/tta-dev-primitives/pyproject.toml")["project"]
    return [f"3.{c.removeprefix(prefix)}" for c in project["classifiers"] if c.startswith(prefix)]


def uv(*arguments: str, environment: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run uv in the root, offline, with no setting of the caller; it may only look."""
    private = ("UV_", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    if "UV_CACHE_DIR" in os.environ:
        kept["UV_CACHE_DIR"] = os.environ["UV_CACHE_DIR"]
    kept |= {"UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
    versions = Path(os.environ.get("PYENV_ROOT", "")) / "versions"
    if "PYENV_ROOT" in os.environ and versions.is_dir():
        # Otherwise pyenv's programs answer for one version only, and uv does not see the rest.
        kept["PYENV_VERSION"] = ":".join(sorted(path.name for path in versions.iterdir()))
    if environment is not None:
        kept["UV_PROJECT_ENVIRONMENT"] = str(environment)
    return subprocess.run(
        ["uv", *arguments],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )


@functools.cache
def interpreter(python: str) -> str:
    """Give a Python of that version, or skip the test."""
    found = uv("python", "find", "--no-project", python)
    if found.returncode:
        pytest.skip(f"no Python {python} on this machine; run: uv python install {python}")
    return found.stdout.strip()


def install(folder: Path, python: str, platform: str, *options: str) -> str:
    """Try what an install would do, without doing it; give what uv complains about."""
    fixed = ["--frozen", "--dry-run", "--no-build", "--no-install-workspace"]
    where = ["--python", interpreter(python), "--python-platform", platform]
    ran = uv("sync", *fixed, *where, *options, environment=folder / "environment")
    return ran.stderr if ran.returncode else ""


@needs_uv
@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_group_and_extra_installs_from_wheels(
    platform: str, python: str, tmp_path: Path
) -> None:
    """A package without a wheel for somebody's machine shows here, and not on that machine."""
    groups = [
        name for name in read("pyproject.toml")["dependency-groups"] if name not in SOURCE_ONLY
    ]
    assert "dev" in groups
    options = ["--all-packages", "--all-extras", *(f"--group={name}" for name in groups)]
    assert install(tmp_path, python, platform, *options) == ""


@needs_uv
@pytest.mark.parametrize("group", SOURCE_ONLY)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_only_the_written_packages_need_a_compiler(
    platform: str, group: str, tmp_path: Path
) -> None:
    """The rest of such a group has wheels."""
    options = [f"--no-install-package={name}" for name in SOURCE_ONLY[group]]
    python = pythons()[0]
    assert install(tmp_path, python, platform, "--only-group", group, *options) == ""
    blamed = install(tmp_path, python, platform, "--only-group", group)
    assert any(f"`{name}==" in blamed for name in SOURCE_ONLY[group]), blamed


@pytest.mark.parametrize("group", SOURCE_ONLY)
def test_written_package_has_gained_no_wheels(group: str) -> None:
    """When it has, take it out of SOURCE_ONLY: nobody needs a compiler any more."""
    assert group in read("pyproject.toml")["dependency-groups"]
    wheels = {
        package["name"]: len(package.get("wheels", []))
        for package in read("uv.lock")["package"]
        if package["name"] in SOURCE_ONLY[group]
    }
    assert wheels == dict.fromkeys(SOURCE_ONLY[group], 0)


@pytest.mark.parametrize("file", ["pyproject.toml", "uv.lock"])
def test_platforms_are_required_when_locking(file: str) -> None:
    """An upgrade that drops the wheels of one platform is refused by `uv lock` itself."""
    if file == "uv.lock":
        required = read(file).get("required-markers", [])
    else:
        required = read(file)["tool"]["uv"].get("required-environments", [])
    found = [dict(re.findall(r"(\w+) == '([^']+)'", marker)) for marker in required]
    named = [(each.get("sys_platform"), each.get("platform_machine")) for each in found]
    assert sorted(named) == sorted(PLATFORMS.values())


def test_no_platform_is_taken_out_of_the_lock() -> None:
    """`environments` would do that, and whoever is left out could not even lock."""
    assert "environments" not in read("pyproject.toml")["tool"]["uv"]
    assert "supported-markers" not in read("uv.lock")
