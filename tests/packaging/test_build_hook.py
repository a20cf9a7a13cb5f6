"""The three packages as they are published: built by uv and by pip, with the hook `tta`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest
from workspaces_here import (
    LONGEST_SECONDS,
    OFFLINE,
    ROOT,
    build_all,
    copy_of_workspace,
    environment_with_pip,
)

NAMES = ["keploy_framework", "tta_dev_primitives", "tta_observability_integration"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing: pip install uv"),
]


def run(*command: object, cwd: Path, failing: bool = False) -> str:
    """Run a command without network and give what it printed."""
    kept = {name: value for name, value in os.environ.items() if name[:3] not in {"UV_", "PIP"}}
    for name in ("UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR"):
        if name in os.environ:
            kept[name] = os.environ[name]
    kept |= {"UV_OFFLINE": "1", "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"}
    kept |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    kept.pop("VIRTUAL_ENV", None)
    ran = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    printed = ran.stdout + ran.stderr
    if any(each in printed for each in OFFLINE):
        pytest.skip("uv's cache lacks a package; run: uv sync --locked --all-packages --all-extras")
    assert (ran.returncode != 0) is failing, printed
    return printed


def by_name(dist: Path) -> dict[str, Path]:
    """Give the wheels and sdists in a folder by their names."""
    return {path.name: path for path in dist.iterdir() if path.suffix in {".whl", ".gz"}}


def wheel_of(built: dict[str, Path], package: str) -> Path:
    [wheel] = [path for path in built.values() if path.match(f"{package}-*.whl")]
    return wheel


def contents(files: dict[str, Path]) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files.items()}


@pytest.fixture(scope="module")
def built(built_workspace: Path) -> dict[str, Path]:
    return by_name(built_workspace / "dist")


@pytest.fixture(scope="module")
def read(built: dict[str, Path]) -> Callable[[str, str], bytes]:
    """Reads a file of the .dist-info in the wheel of a package."""

    def read(package: str, name: str) -> bytes:
        with zipfile.ZipFile(wheel_of(built, package)) as archive:
            [found] = [each for each in archive.namelist() if each.endswith(f".dist-info/{name}")]
            return archive.read(found)

    return read


def test_sibling_in_the_wheel_has_a_range(read: Callable[[str, str], bytes]) -> None:
    """A user gets a tta-dev-primitives that fits, whatever was released since."""
    metadata = message_from_bytes(read("tta_observability_integration", "METADATA"))
    required = [line for line in metadata.get_all("Requires-Dist", []) if line.startswith("tta-")]
    own = message_from_bytes(read("tta_dev_primitives", "METADATA"))["Version"]
    major, minor = map(int, own.split(".")[:2])
    assert (major, required) == (0, [f"tta-dev-primitives<0.{minor + 1},>=0.{minor}"])


@pytest.mark.parametrize("package", NAMES)
def test_wheel_has_a_manifest_and_a_licence(
    read: Callable[[str, str], bytes], package: str
) -> None:
    """Every one of the three went through the hook."""
    manifest = json.loads(read(package, "extra_metadata/primitives.json"))
    names = {entry["name"] for entry in manifest["primitives"]}
    assert ("RetryPrimitive" in names) is (package == "tta_dev_primitives")
    assert read(package, "licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_manifest_says_which_extra_an_adapter_needs(read: Callable[[str, str], bytes]) -> None:
    """Nobody has to find out by an error."""
    manifest = json.loads(read("tta_dev_primitives", "extra_metadata/primitives.json"))
    extras = {entry["name"]: entry["extras"] for entry in manifest["primitives"]}
    assert extras["OpenAIPrimitive"] == ["openai"]
    assert extras["RetryPrimitive"] == []


def test_another_build_is_the_same_bytes(built: dict[str, Path], tmp_path: Path) -> None:
    """In another folder, with other times and other permissions."""
    other = copy_of_workspace(tmp_path / "far" / "away")
    for path in other.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        if path.is_file():
            path.chmod(0o600)
    again = by_name(build_all(other, "--wheel"))
    assert len(again) == 3
    assert contents(again) == {
        name: held for name, held in contents(built).items() if name in again
    }


def test_pip_builds_the_same_bytes(
    built_workspace: Path, built: dict[str, Path], tmp_path: Path
) -> None:
    """Nothing of it is known to uv alone."""
    python = environment_with_pip(tmp_path / "environment")
    own = wheel_of(built, "tta_dev_primitives")
    run("uv", "pip", "install", "--quiet", "--python", python, "hatchling", own, cwd=tmp_path)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path / "out"]
    folder = built_workspace / "packages" / "tta-observability-integration"
    run(python, "-m", "pip", "wheel", *options, folder, cwd=tmp_path)
    [wheel] = (tmp_path / "out").iterdir()
    assert wheel.read_bytes() == wheel_of(built, "tta_observability_integration").read_bytes()


def test_installed_wheels_are_listed(built: dict[str, Path], tmp_path: Path) -> None:
    """`tta list` reads the manifests, in an environment that never saw the sources."""
    run("uv", "venv", "--quiet", tmp_path / "environment", cwd=tmp_path)
    wheel = wheel_of(built, "tta_dev_primitives")
    install = ["uv", "pip", "install", "--quiet", "--python", tmp_path / "environment"]
    run(*install, f"tta-dev-primitives[cli] @ {wheel.as_uri()}", cwd=tmp_path)
    programs = tmp_path / "environment" / ("Scripts" if sys.platform == "win32" else "bin")
    rows = json.loads(run(programs / "tta", "list", "--json", cwd=tmp_path))
    found = {row["name"]: row["extras"] for row in rows}
    assert found["AnthropicPrimitive"] == ["anthropic"]


def test_refusal_is_what_uv_shows(tmp_path: Path) -> None:
    """The maintainer reads the rule, the place and the fix in the output of the build."""
    broken = copy_of_workspace(tmp_path / "workspace")
    (broken / "packages/keploy-framework/src/keploy_framework/py.typed").unlink()
    options = ["--package", "keploy-framework", "--wheel", "--out-dir", tmp_path / "dist"]
    printed = run("uv", "build", *options, cwd=broken, failing=True)
    assert "keploy-framework is not built:" in printed
    assert "keploy_framework/py.typed: [untyped-package]" in printed
    assert "add an empty file py.typed" in printed
