"""What `tta new` makes passes every check of this workspace from its first minute."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from workspaces_here import LONGEST_SECONDS, OFFLINE, ROOT, copy_of_workspace

pytest.importorskip("copier", reason="copier is not installed. Try: uv sync")

from tta_dev_primitives.devtools.templates.generate import new_app, new_package
from tta_dev_primitives.devtools.templates.names import LONGEST_NAME

pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path, **more: str) -> str:
    """Run a command of this environment without network, and give what it printed."""
    kept = {name: value for name, value in os.environ.items() if name[:3] != "UV_"}
    if "UV_CACHE_DIR" in os.environ:
        kept["UV_CACHE_DIR"] = os.environ["UV_CACHE_DIR"]
    kept.pop("VIRTUAL_ENV", None)
    programs = str(Path(sys.executable).parent)
    kept |= {"PATH": os.pathsep.join([programs, os.environ.get("PATH", "")])}
    kept |= {"UV_OFFLINE": "1", "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"}
    ran = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=kept | more,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    printed = ran.stdout + ran.stderr
    if any(each in printed for each in OFFLINE):
        pytest.skip("uv's cache lacks a package; run: uv sync --locked --all-packages --all-extras")
    assert ran.returncode == 0, printed
    return printed


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The templates are laid out in a home of the test; uv and its cache stay where they are."""
    if shutil.which("git") is None or shutil.which("uv") is None:
        pytest.skip("git or uv is missing; install both")
    cache = run("uv", "cache", "dir", cwd=tmp_path).strip()
    monkeypatch.setenv("UV_CACHE_DIR", cache)
    (tmp_path / "home").mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    config = "[user]\nname = Somebody\nemail = somebody@example.com\n"
    (tmp_path / "home" / ".gitconfig").write_text(config)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of this workspace under git, without its tests."""
    root = copy_of_workspace(tmp_path / "workspace")
    for name in ("uv.lock", "LICENSE", ".gitignore"):
        shutil.copyfile(ROOT / name, root / name)
    run("git", "init", "--quiet", cwd=root)
    commit_all(root)
    return root


def commit_all(root: Path) -> None:
    run("git", "add", "--all", cwd=root)
    run("git", "commit", "--quiet", "--message", "all", cwd=root)


NAMES = ["acme", "acme-as-long-as-names-may-be-123"]
assert len(NAMES[1]) == LONGEST_NAME


def test_package_is_locked_built_and_listed(workspace: Path) -> None:
    """The pattern of the members takes it in, and the hook lets it through."""
    new_package(workspace, "acme-shout", "Say it louder.")
    run("uv", "lock", cwd=workspace)
    assert "acme-shout" in run("uv", "workspace", "list", cwd=workspace).split()
    out = workspace.parent / "dist"
    run("uv", "build", "--package", "acme-shout", "--out-dir", out, cwd=workspace)
    [wheel] = out.glob("*.whl")
    site = workspace.parent / "site"
    shutil.unpack_archive(wheel, site, "zip")
    listed = run(sys.executable, "-m", "tta_dev_primitives", "list", cwd=site, PYTHONPATH=str(site))
    [line] = [line for line in listed.splitlines() if "AcmeShoutPrimitive" in line]
    assert line.split()[-1] == "acme-shout"


def test_package_passes_lint_types_and_tests(workspace: Path) -> None:
    """Whoever begins with it, under a short name or the longest, begins green.

    Here and under the defaults of ruff. Each tool starts once for both names.
    """
    folders: list[Path] = []
    for name in NAMES:
        folders.append(new_package(workspace, name, "Say it louder."))
        commit_all(workspace)
    for more in ((), ("--isolated",)):
        run("ruff", "check", *more, *folders, cwd=workspace)
        run("ruff", "format", "--check", *more, *folders, cwd=workspace)
    sources = os.pathsep.join(str(folder / "src") for folder in folders)
    tests = [folder / "tests" for folder in folders]
    printed = run(sys.executable, "-m", "pytest", "-q", *tests, cwd=workspace, PYTHONPATH=sources)
    assert f"{3 * len(NAMES)} passed" in printed
    run(sys.executable, "-m", "tta_dev_primitives", "lint", *folders, cwd=workspace)
    check_types(workspace, *folders)


def test_app_passes_lint_types_and_tests(tmp_path: Path) -> None:
    """The recorded set as well, by a server that is started for it."""
    folder = new_app(tmp_path, "help-desk")
    run("ruff", "check", ".", cwd=folder)
    run("ruff", "format", "--check", ".", cwd=folder)
    run(sys.executable, "-m", "tta_dev_primitives", "lint", ".", cwd=folder)
    check_types(folder, folder)
    source = str(folder / "src")
    # A plugin that the app's own environment does not have, and that wants settings of its own.
    options = ["-q", "-p", "no:asyncio"]
    run(sys.executable, "-m", "pytest", *options, cwd=folder, PYTHONPATH=source)
    port = str(free_port())
    command = ["test", "-c", "python -m help_desk", "--port", port]
    more = {"PYTHONPATH": source, "PORT": port}
    printed = run(sys.executable, "-m", "keploy_framework", *command, cwd=folder, **more)
    assert "PASSED test-run-0: 2 passed of 2 tests in 1 set" in printed


def check_types(root: Path, *folders: Path) -> None:
    """Run pyright in *root* over some folders, as strictly as this workspace does."""
    pytest.importorskip("pyright", reason="pyright is not installed. Try: uv sync")
    places = [folder.relative_to(root).as_posix() for folder in folders]
    settings = {
        "include": [f"{place}/{name}" for place in places for name in ("src", "tests")],
        "extraPaths": [f"{place}/src" for place in places],
        "typeCheckingMode": "strict",
    }
    (root / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    printed = run(sys.executable, "-m", "pyright", "--pythonpath", sys.executable, cwd=root)
    assert "0 errors" in printed


def free_port() -> int:
    """Give a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
