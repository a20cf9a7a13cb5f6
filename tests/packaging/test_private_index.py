"""A private index as users meet it: by uv and pip, outside the workspace, and under attack."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from private_indexes import (
    clean_environment,
    free_port,
    pack_installed,
    run,
    serving,
    serving_as_files,
    wait_until_it_answers,
    write_wheel,
)
from workspaces_here import environment_with_pip, site_packages

from tta_dev_primitives.devtools.index.building import build_index

OURS = "tta-observability-integration"
SIBLING = "tta-dev-primitives"
EVIL = "0.2.99"  # within the range that the wheel of OURS asks for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing: pip install uv"),
]


@dataclass(frozen=True)
class App:
    """An app far from the workspace, with a uv that knows the stand-in for the public index."""

    folder: Path
    environment: dict[str, str]

    def uv(self, *arguments: object, failing: bool = False) -> str:
        return run("uv", *arguments, cwd=self.folder, environment=self.environment, failing=failing)

    def versions(self) -> dict[str, str]:
        rows = json.loads(
            self.uv("pip", "list", "--python", ".venv", "--format", "json", "--quiet")
        )
        return {row["name"]: row["version"] for row in rows}

    def sources(self) -> dict[str, str]:
        locked = tomllib.loads((self.folder / "uv.lock").read_text(encoding="utf-8"))
        return {
            package["name"]: package["source"].get("registry", "") for package in locked["package"]
        }


@pytest.fixture(scope="module")
def dist(built_workspace: Path) -> Path:
    return built_workspace / "dist"


@pytest.fixture(scope="module")
def public_dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack_installed(tmp_path_factory.mktemp("public") / "dist")


@pytest.fixture(scope="module")
def public(public_dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    site = tmp_path_factory.mktemp("public-site")
    build_index([public_dist], site)
    with serving(site) as url:
        yield url


@pytest.fixture(scope="module")
def squatted(
    public_dist: Path, dist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The public index after somebody uploaded packages with the name of ours."""
    folder = tmp_path_factory.mktemp("squatted")
    write_wheel(folder, SIBLING, EVIL)
    write_wheel(folder, SIBLING, version_in(dist))
    build_index([public_dist, folder], folder / "site")
    with serving(folder / "site") as url:
        yield url


@pytest.fixture
def site(dist: Path, tmp_path: Path) -> Path:
    build_index([dist], tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def private(site: Path) -> Iterator[str]:
    with serving(site) as url:
        yield url


@pytest.fixture
def make_app(tmp_path: Path, private: str) -> Callable[..., App]:
    """Makes an app whose pyproject.toml names the private index, and sources for some packages."""

    def make(default_index: str, *named: str, explicit: bool = True) -> App:
        folder = tmp_path / "app"
        folder.mkdir()
        lines = ["[project]", 'name = "app"', 'version = "0"', 'requires-python = ">=3.11"']
        lines += ["dependencies = []", "[[tool.uv.index]]", 'name = "ours"', f'url = "{private}"']
        lines += [f"explicit = {str(explicit).lower()}", "[tool.uv.sources]"]
        lines += [f'{name} = {{ index = "ours" }}' for name in named]
        (folder / "pyproject.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        environment = clean_environment(tmp_path)
        return App(folder, environment | {"UV_DEFAULT_INDEX": default_index})

    return make


def test_both_packages_are_added_and_run(
    make_app: Callable[..., App], public: str, private: str
) -> None:
    """A fresh app gets ours from the private index, the rest from the public one, and runs."""
    app = make_app(public, SIBLING, OURS)
    app.uv("add", "--quiet", SIBLING)
    app.uv("add", "--quiet", OURS)
    program = "import observability_integration, tta_dev_primitives; print('both are here')"
    assert "both are here" in app.uv("run", "--locked", "python", "-c", program)
    sources = app.sources()
    assert {name for name, url in sources.items() if url == private} == {SIBLING, OURS}
    assert sources["opentelemetry-sdk"] == public


def test_any_web_server_will_do(site: Path, tmp_path: Path) -> None:
    """The pages are files; and to lock, uv asks for the metadata and not for the wheel."""
    folder = tmp_path / "app"
    folder.mkdir()
    with serving_as_files(site) as (url, asked):
        app = App(folder, clean_environment(tmp_path) | {"UV_DEFAULT_INDEX": url})
        app.uv("init", "--quiet", "--bare", "--vcs", "none", "--name", "app")
        app.uv("add", "--quiet", "--no-sync", SIBLING)
        assert [path.rpartition("/")[2][-13:] for path in asked] == ["", ".whl.metadata"]
        app.uv("sync", "--quiet", "--locked")
    assert SIBLING in app.versions()


def test_explicit_index_does_not_reach_a_sibling_that_is_not_named(
    make_app: Callable[..., App], public: str
) -> None:
    """A source counts for direct requirements only, and uv says which package it missed."""
    app = make_app(public, OURS)
    printed = app.uv("add", OURS, failing=True)
    assert f"{SIBLING} was not found" in printed


def test_index_that_is_not_explicit_serves_siblings_as_well(
    make_app: Callable[..., App], squatted: str, private: str
) -> None:
    """uv stops at the first index that knows a name, so a newer upload elsewhere is not seen."""
    app = make_app(squatted, explicit=False)
    app.uv("add", "--quiet", OURS)
    assert app.sources()[SIBLING] == private


def test_named_sibling_is_not_taken_from_the_public_index(
    make_app: Callable[..., App], squatted: str, private: str
) -> None:
    """With both names pinned to the index, a higher version elsewhere does not matter."""
    app = make_app(squatted, SIBLING, OURS)
    app.uv("add", "--quiet", SIBLING, OURS)
    assert app.sources()[SIBLING] == private
    assert app.versions()[SIBLING] != EVIL


def test_sibling_that_is_not_named_is_the_hole(make_app: Callable[..., App], squatted: str) -> None:
    """The warning on the page is true: with one name pinned, a stranger's package comes in."""
    app = make_app(squatted, OURS)
    app.uv("add", "--quiet", OURS)
    assert app.versions()[SIBLING] == EVIL


def test_best_match_over_all_indexes_is_the_hole(
    make_app: Callable[..., App], squatted: str
) -> None:
    """The warning on the page is true: this strategy does what pip does."""
    app = make_app(squatted, explicit=False)
    app.uv("add", "--quiet", "--index-strategy", "unsafe-best-match", OURS)
    assert app.versions()[SIBLING] == EVIL


def test_tampered_wheel_is_refused_by_the_lock(
    make_app: Callable[..., App], public: str, site: Path
) -> None:
    """Whoever can write to the web server cannot change what a locked app installs."""
    app = make_app(public, SIBLING)
    app.uv("add", "--quiet", "--no-sync", SIBLING)
    tamper(site, SIBLING)
    printed = app.uv("sync", "--locked", failing=True)
    assert "Hash mismatch" in printed
    assert not (site_packages(app.folder / ".venv") / "tta_dev_primitives").exists()


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs pip in an environment of its own, with no setting of the caller."""
    folder = tmp_path_factory.mktemp("pip")
    environment = clean_environment(folder)
    python = environment_with_pip(folder / "clean")

    def pip(*arguments: object, failing: bool = False) -> str:
        command = [python, "-m", "pip", *arguments]
        return run(*command, cwd=folder, environment=environment, failing=failing)

    return pip


def test_pip_installs_and_runs(
    pip: Callable[..., str], site: Path, dist: Path, public: str
) -> None:
    """pip reads the pages and the metadata, and refuses a changed wheel."""
    with serving(site) as private:
        indexes = ["--index-url", public, "--extra-index-url", private]
        pip("install", "--quiet", "--no-compile", *indexes, OURS)
        rows = json.loads(pip("list", "--format", "json"))
        assert {SIBLING, OURS, "opentelemetry-sdk"} <= {row["name"] for row in rows}
        pip("uninstall", "--quiet", "--yes", SIBLING)
        tamper(site, SIBLING)
        options = ["--index-url", private, "--only-binary", ":all:"]
        printed = pip("install", *options, SIBLING, failing=True)
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in printed


def test_pip_with_an_extra_index_is_the_hole(
    pip: Callable[..., str], private: str, squatted: str
) -> None:
    """The warning on the page is true; the command that it gives instead is safe."""
    options = ["--dry-run", "--quiet", "--ignore-installed", "--no-deps", "--report", "-"]
    both = ["--index-url", squatted, "--extra-index-url", private]
    assert chosen(pip("install", *options, *both, SIBLING)) == EVIL
    assert chosen(pip("install", *options, "--index-url", private, SIBLING)) != EVIL


def test_pip_with_hashes_may_have_any_index(
    pip: Callable[..., str], make_app: Callable[..., App], private: str, squatted: str
) -> None:
    """Of two files with one name and version, pip takes the one that the lock has the hash of."""
    app = make_app(squatted, SIBLING)
    app.uv("add", "--quiet", "--no-sync", SIBLING)
    exported = ["--format", "requirements-txt", "--no-emit-project", "--no-header"]
    app.uv("export", "--quiet", *exported, "--output-file", "requirements.txt")
    options = ["--dry-run", "--quiet", "--ignore-installed", "--report", "-"]
    both = ["--index-url", squatted, "--extra-index-url", private]
    pinned = ["--require-hashes", "--requirement", app.folder / "requirements.txt"]
    [installed] = json.loads(pip("install", *options, *both, *pinned))["install"]
    assert installed["download_info"]["url"].startswith(private)


def test_index_without_upload_times_is_exempted_by_name(
    make_app: Callable[..., App], public: str
) -> None:
    """exclude-newer leaves our files out, and the setting on the page lets them in again."""
    app = make_app(public, SIBLING)
    settings = app.folder / "pyproject.toml"
    dated = '[tool.uv]\nexclude-newer = "2099-01-01T00:00:00Z"\n'
    settings.write_text(settings.read_text(encoding="utf-8") + dated, encoding="utf-8")
    assert "exclude-newer" in app.uv("add", SIBLING, failing=True)
    exempt = f"exclude-newer-package = {{ {SIBLING} = false }}\n"
    settings.write_text(settings.read_text(encoding="utf-8") + exempt, encoding="utf-8")
    app.uv("add", "--quiet", "--no-sync", SIBLING)


def chosen(report: str) -> str:
    [installed] = json.loads(report)["install"]
    return installed["metadata"]["version"]


def version_in(dist: Path) -> str:
    [wheel] = dist.glob(f"{SIBLING.replace('-', '_')}-*.whl")
    return wheel.name.split("-")[1]


def tamper(site: Path, project: str) -> None:
    """Change one wheel on the server, as somebody would who cannot change the locks of others."""
    [wheel] = (site / "simple" / project).glob("*.whl")
    content = wheel.read_bytes()
    wheel.write_bytes(content + b"\0")


@pytest.fixture
def upload_server(tmp_path: Path) -> Iterator[str]:
    """A pypiserver that takes uploads, on loopback."""
    found = shutil.which("pypi-server") or shutil.which(
        "pypi-server", path=str(Path(sys.executable).parent)
    )
    if found is None:
        pytest.skip("pypiserver is not installed; run: uv sync --locked")
    packages = tmp_path / "uploaded"
    packages.mkdir()
    port = free_port()
    command = [found, "run", "--interface", "127.0.0.1", "--port", str(port), "--disable-fallback"]
    command += ["--authenticate", ".", "--passwords", ".", str(packages)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until_it_answers(server, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def test_publish_to_a_server_that_takes_uploads(
    upload_server: str, dist: Path, public: str, tmp_path: Path
) -> None:
    """`uv publish` and `uv add` work against pypiserver, which a team may run instead."""
    folder = tmp_path / "app"
    folder.mkdir()
    app = App(folder, clean_environment(tmp_path) | {"UV_DEFAULT_INDEX": public})
    login = ["--username", "somebody", "--password", "nothing"]
    files = sorted(dist.glob("tta_*"))
    app.uv("publish", "--quiet", "--publish-url", f"{upload_server}/", *login, *files)
    app.uv("init", "--quiet", "--bare", "--vcs", "none", "--name", "app")
    app.uv("add", "--quiet", "--index", f"ours={upload_server}/simple/", SIBLING, OURS)
    assert app.sources()[SIBLING] == f"{upload_server}/simple/"
    assert {SIBLING, OURS} <= app.versions().keys()
