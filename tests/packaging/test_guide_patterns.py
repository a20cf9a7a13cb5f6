"""What pages about uv tell people to write: each pattern in a small workspace, with a real uv.

Packages come from an index on loopback, so that nothing here needs the network.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from private_indexes import clean_environment, free_port, pack, run, serving, write_wheel

from tta_dev_primitives.devtools.index.building import build_index

pytestmark = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing: pip install uv")

# A build backend that imports what its build-system table does not ask for, as old packages do.
FORGETFUL_BACKEND = """
import zipfile

INFORMATION = "forgetful-1.0.dist-info"
METADATA = "Metadata-Version: 2.4\\nName: forgetful\\nVersion: 1.0\\n"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    import build_helper

    name = "forgetful-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as archive:
        archive.writestr("forgetful.py", f"BUILT_WITH = {build_helper.VERSION!r}\\n")
        archive.writestr(f"{INFORMATION}/METADATA", METADATA)
        archive.writestr(
            f"{INFORMATION}/WHEEL",
            "Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        )
        archive.writestr(f"{INFORMATION}/RECORD", "")
    return name
"""


@dataclass(frozen=True)
class Workspace:
    """A folder with a uv that knows only the index of the test."""

    folder: Path
    environment: dict[str, str]

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, encoding="utf-8")

    def uv(self, *arguments: object, failing: bool = False) -> str:
        return run("uv", *arguments, cwd=self.folder, environment=self.environment, failing=failing)

    def lock(self) -> dict[str, Any]:
        """Lock, and read it. Any: the shape is what the tests look at."""
        self.uv("lock")
        return tomllib.loads((self.folder / "uv.lock").read_text(encoding="utf-8"))


def project(name: str, *dependencies: str) -> str:
    return (
        f'[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
        f"dependencies = {list(dependencies)!r}\n"
    )


ROOT = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'


def sources(locked: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {package["name"]: package["source"] for package in locked["package"]}


def write_forgetful(folder: Path) -> None:
    """Write a source distribution that needs `build-helper` to build, and says so nowhere."""
    files = {
        "PKG-INFO": "Metadata-Version: 2.2\nName: forgetful\nVersion: 1.0\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
        'backend-path = ["."]\n[project]\nname = "forgetful"\nversion = "1.0"\n',
        "backend.py": FORGETFUL_BACKEND,
    }
    with tarfile.open(folder / "forgetful-1.0.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"forgetful-1.0/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))


def write_linux_wheel(folder: Path) -> None:
    """Write a package whose only file is a wheel for Linux on x86-64."""
    pure = write_wheel(folder, "for-linux", "1.0")
    platform = pure.with_name("for_linux-1.0-py3-none-manylinux_2_17_x86_64.whl")
    pure.rename(platform)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    for version in ("1.0", "2.0"):
        files = {"build_helper.py": f'VERSION = "{version}"\n'.encode()}
        write_wheel(folder, "build-helper", version, files)
    write_wheel(folder, "thing", "1.0")
    write_linux_wheel(folder)
    write_forgetful(folder)
    needy = b"Metadata-Version: 2.4\nName: needy\nVersion: 1.0\nRequires-Dist: unheard-of\n"
    wheel = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    held = {"needy-1.0.dist-info/METADATA": needy, "needy-1.0.dist-info/WHEEL": wheel}
    pack(folder / "needy-1.0-py3-none-any.whl", "needy-1.0.dist-info", held)
    build_index([folder], folder / "site")
    return folder / "site"


@pytest.fixture
def index(site: Path) -> Iterator[str]:
    with serving(site) as url:
        yield url


@pytest.fixture
def workspace(index: str, tmp_path: Path) -> Workspace:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return Workspace(folder, clean_environment(tmp_path) | {"UV_DEFAULT_INDEX": index})


def test_build_that_lacks_a_package_fails(workspace: Workspace) -> None:
    """The problem that extra-build-dependencies is for."""
    workspace.write({"pyproject.toml": project("app", "forgetful")})
    printed = workspace.uv("sync", failing=True)
    assert "No module named 'build_helper'" in printed


@pytest.mark.parametrize(
    ("dependencies", "extra", "version"),
    [
        (["forgetful"], '["build-helper<2"]', "1.0"),
        (
            ["forgetful", "build-helper<2"],
            '[{ requirement = "build-helper", match-runtime = true }]',
            "1.0",
        ),
        (["forgetful", "build-helper<2"], '["build-helper"]', "2.0"),
    ],
    ids=["named", "as-at-run-time", "another-than-at-run-time"],
)
def test_extra_build_dependencies_reach_the_build(
    workspace: Workspace, dependencies: list[str], extra: str, version: str
) -> None:
    """The build gets what it forgot; with match-runtime, in the version that is installed."""
    settings = f"[tool.uv.extra-build-dependencies]\nforgetful = {extra}\n"
    workspace.write({"pyproject.toml": project("app", *dependencies) + settings})
    workspace.uv("sync")
    program = "import forgetful; print('built with', forgetful.BUILT_WITH)"
    assert f"built with {version}" in workspace.uv("run", "--locked", "python", "-c", program)


def test_extra_build_dependency_of_nothing_has_no_effect(workspace: Workspace) -> None:
    """It may stand there as an example: nothing is installed for it."""
    settings = '[tool.uv.extra-build-dependencies]\nforgetful = ["unheard-of"]\n'
    workspace.write({"pyproject.toml": project("app", "thing") + settings})
    assert set(sources(workspace.lock())) == {"app", "thing"}


@pytest.fixture
def repository(tmp_path: Path) -> Callable[[str], str]:
    """Makes a git repository with a package that was never released, and gives the source."""
    if shutil.which("git") is None:
        pytest.skip("git is missing; install it")
    folder = tmp_path / "repository"
    folder.mkdir()
    environment = clean_environment(tmp_path) | {"GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=me", "-c", "user.email=me@example.com"]
        return run("git", *identity, *arguments, cwd=folder, environment=environment)

    def make(name: str) -> str:
        (folder / "pyproject.toml").write_text(project(name).replace("0.1.0", "1.1"))
        git("init", "--quiet")
        git("add", "--all")
        git("commit", "--quiet", "--message", "Begin")
        revision = git("rev-parse", "HEAD").strip()
        return f'{{ git = "{folder.as_uri()}", rev = "{revision}" }}'

    return make


def test_source_in_the_root_pins_a_package_of_every_member(
    workspace: Workspace, repository: Callable[[str], str]
) -> None:
    """A fix that is not released is taken by all members, from one place."""
    workspace.write(
        {
            "pyproject.toml": f"{ROOT}[tool.uv.sources]\nthing = {repository('thing')}\n",
            "packages/one/pyproject.toml": project("one", "thing>=1"),
            "packages/two/pyproject.toml": project("two", "thing"),
        }
    )
    locked = workspace.lock()
    assert "git" in sources(locked)["thing"]
    assert [each["version"] for each in locked["package"] if each["name"] == "thing"] == ["1.1"]


def test_source_that_nobody_requires_has_no_effect(workspace: Workspace) -> None:
    """Its repository is not even looked at; who reads it thinks that it counts."""
    nowhere = '{ git = "file:///nowhere", rev = "0123456789" }'
    workspace.write(
        {
            "pyproject.toml": f"{ROOT}[tool.uv.sources]\nthing = {nowhere}\n",
            "packages/one/pyproject.toml": project("one", "build-helper"),
        }
    )
    assert set(sources(workspace.lock())) == {"one", "build-helper"}


def test_source_does_not_reach_dependencies_of_dependencies(
    workspace: Workspace, repository: Callable[[str], str]
) -> None:
    """Only what a member itself requires is taken from there."""
    source = repository("unheard-of")
    workspace.write(
        {
            "pyproject.toml": f"{ROOT}[tool.uv.sources]\nunheard-of = {source}\n",
            "packages/one/pyproject.toml": project("one", "needy"),
        }
    )
    assert "unheard-of was not found" in workspace.uv("lock", failing=True)


def test_lock_says_nothing_of_a_platform_without_wheels(workspace: Workspace) -> None:
    """The problem that required-environments is for: Windows finds out at install time."""
    workspace.write({"pyproject.toml": project("app", "for-linux")})
    workspace.lock()
    assert "for-linux" in windows(workspace, failing=True)


def windows(workspace: Workspace, *, failing: bool = False) -> str:
    options = ["--frozen", "--dry-run", "--no-build", "--python-platform", "x86_64-pc-windows-msvc"]
    return workspace.uv("sync", *options, failing=failing)


def test_required_environment_without_a_wheel_is_refused(workspace: Workspace) -> None:
    """Whoever locks finds out, and not whoever installs."""
    required = "[tool.uv]\nrequired-environments = [\"sys_platform == 'win32'\"]\n"
    workspace.write({"pyproject.toml": project("app", "for-linux") + required})
    printed = workspace.uv("lock", failing=True)
    assert "for-linux" in printed
    assert "sys_platform == 'win32'" in printed


def test_required_environment_takes_no_platform_away(workspace: Workspace) -> None:
    """What is not listed is locked for as well."""
    required = "[tool.uv]\nrequired-environments = [\"sys_platform == 'linux'\"]\n"
    workspace.write({"pyproject.toml": project("app", "thing") + required})
    locked = workspace.lock()
    assert locked["required-markers"] == ["sys_platform == 'linux'"]
    assert "supported-markers" not in locked
    assert "+ thing==1.0" in windows(workspace)


def test_environments_take_the_others_away(workspace: Workspace) -> None:
    """With Linux and macOS listed, the lock cannot be installed on Windows at all."""
    listed = "[\"sys_platform == 'linux'\", \"sys_platform == 'darwin'\"]"
    settings = f"[tool.uv]\nenvironments = {listed}\n"
    workspace.write({"pyproject.toml": project("app", "thing") + settings})
    locked = workspace.lock()
    assert len(locked["supported-markers"]) == 2
    assert "supported environments" in windows(workspace, failing=True)


def test_index_named_in_the_root_serves_the_members(
    workspace: Workspace, index: str, tmp_path: Path
) -> None:
    """A source that names an index holds for every member, and the lock says so."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_wheel(elsewhere, "thing", "1.5")
    build_index([elsewhere], elsewhere / "site")
    with serving(elsewhere / "site") as url:
        named = f'[[tool.uv.index]]\nname = "ours"\nurl = "{url}"\nexplicit = true\n'
        workspace.write(
            {
                "pyproject.toml": f'{ROOT}{named}[tool.uv.sources]\nthing = {{ index = "ours" }}\n',
                "packages/one/pyproject.toml": project("one", "thing", "build-helper"),
            }
        )
        locked = sources(workspace.lock())
        workspace.uv("lock", "--check")
    assert locked["thing"] == {"registry": url}
    assert locked["build-helper"] == {"registry": index}


def test_explicit_index_that_nobody_names_is_not_asked(workspace: Workspace) -> None:
    """It may be down: nothing is taken from it."""
    url = f"http://127.0.0.1:{free_port()}/simple/"
    named = f'[[tool.uv.index]]\nname = "ours"\nurl = "{url}"\nexplicit = true\n'
    workspace.write({"pyproject.toml": project("app", "thing") + named})
    assert set(sources(workspace.lock())) == {"app", "thing"}
