"""The release workflow: who may do what, in which order, and its steps run on this machine."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tta_dev_primitives.devtools.release.rules import Rule

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github/workflows/release.yml"
MEMBERS = ["keploy-framework", "tta-dev-primitives", "tta-observability-integration"]
LEFT_OUT = shutil.ignore_patterns("tests", "__pycache__", ".venv*", ".*_cache", ".hypothesis")
UNRELEASED = "## [Unreleased]\n"
PROJECT = tomllib.loads((ROOT / "packages/tta-dev-primitives/pyproject.toml").read_text("utf-8"))
VERSION: str = PROJECT["project"]["version"]
LONGEST_SECONDS = 120
# What uv says when it would have to download something.
OFFLINE = ("etwork connectivity is disabled", "network was disabled", "not found in the cache")

# What each job may do beyond reading the repository. Nothing else may do any of it.
RIGHTS = {
    "provenance": {"attestations": "write", "id-token": "write"},
    "publish": {"id-token": "write"},
    "announce": {"contents": "write"},
    "pages": {"pages": "write", "id-token": "write"},
}

pytestmark = pytest.mark.slow
needs_uv = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing: pip install uv")
needs_bash = pytest.mark.skipif(
    shutil.which("bash") is None or sys.platform == "win32", reason="no POSIX shell here"
)


@functools.cache
def jobs() -> dict[str, Any]:
    """Give the jobs by name. Any: the shape is what the tests look at."""
    return yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]


def commands() -> Iterator[str]:
    """Give every command line, those that go over several lines as one."""
    for job in jobs().values():
        for step in job["steps"]:
            yield from step.get("run", "").replace("\\\n", " ").splitlines()


def before(name: str) -> set[str]:
    """Name the jobs that have to succeed before one begins."""
    needs = jobs()[name].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct.union(*(before(each) for each in direct))


def test_jobs_have_the_rights_that_they_need_and_no_others() -> None:
    """A step that builds could publish, or one that publishes could change the repository."""
    assert {name: job["permissions"] for name, job in jobs().items() if "permissions" in job} == (
        RIGHTS
    )


def test_rehearsal_leaves_out_what_others_would_see() -> None:
    """Whoever tries the workflow out releases something, or waits for a job that never runs."""
    seen = {name for name, job in jobs().items() if "push" in job.get("if", "")}
    assert seen == set(RIGHTS)
    assert all(jobs()[name]["if"] == "github.event_name == 'push'" for name in seen)
    for name in jobs().keys() - seen:
        assert not before(name) & seen


def test_nothing_is_published_before_everything_is_proved() -> None:
    """A file is on the index that no Python could install."""
    assert before("publish") == {"check", "build", "smoke", "provenance", "site"}
    assert "publish" in before("announce") & before("pages")


def test_publishing_needs_no_secret_and_names_no_address() -> None:
    """Somebody can copy a token out of the workflow, or it uploads to somewhere else."""
    text = WORKFLOW.read_text(encoding="utf-8")
    assert [line for line in commands() if "publish" in line] == [
        "uv publish --trusted-publishing always dist/*.whl dist/*.tar.gz"
    ]
    assert jobs()["publish"]["environment"] == "pypi"
    assert not re.search(r"secrets\.|://|password|UV_PUBLISH|--token|--index", text)
    assert text.count("github.token") == text.count("GH_TOKEN") == 1


def test_nothing_of_another_run_gets_into_a_release() -> None:
    """A cache that a pull request has written ends up in what everybody installs."""
    setups = [
        step["with"]["enable-cache"]
        for job in jobs().values()
        for step in job["steps"]
        if "setup-uv@" in step.get("uses", "")
    ]
    assert setups
    assert not any(setups)
    assert "actions/cache@" not in WORKFLOW.read_text(encoding="utf-8")


def test_wheels_are_tried_on_every_python_and_system() -> None:
    """A Python that the packages name was never tried with what is published."""
    matrix = jobs()["smoke"]["strategy"]["matrix"]
    assert [each.partition("-")[0] for each in matrix["os"]] == ["ubuntu", "macos", "windows"]
    prefix = "Programming Language :: Python :: "
    for name in MEMBERS:
        file = ROOT / "packages" / name / "pyproject.toml"
        classifiers = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["classifiers"]
        named = [each.removeprefix(prefix) for each in classifiers if each.startswith(prefix)]
        assert named == ["3", *matrix["python"]]
    assert not any("checkout@" in step.get("uses", "") for step in jobs()["smoke"]["steps"])


@needs_uv
def test_commands_and_their_options_exist() -> None:
    """A slip in an option shows on the day of the release."""
    helps: dict[str, str] = {}
    for line in commands():
        for script in re.findall(r"scripts/\S+\.py", line):
            assert (ROOT / script).is_file(), line
        for used in re.findall(r"\buv ((?:pip |workspace )?[a-z]+)(.*)", line):
            name, rest = used
            own = re.split(r" (?:python|pytest|tta|mkdocs)\b", rest)[0] if name == "run" else rest
            if name not in helps:
                told = ["uv", *name.split(), "--help"]
                helps[name] = subprocess.run(
                    told, capture_output=True, text=True, check=True, timeout=60
                ).stdout
            for option in re.findall(r" (--[a-z-]+)", own):
                assert re.search(rf"{option}\b", helps[name]), f"uv {name} has no {option}"


def test_page_lists_every_rule() -> None:
    """A rule that is added is described, and one that is gone is not."""
    page = (ROOT / "docs/development/releasing.md").read_text(encoding="utf-8")
    told = page.partition("### Rules")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `([a-z-]+)` \|", told, re.MULTILINE)) == sorted(Rule)


def test_page_lists_every_job_in_its_place() -> None:
    """Somebody looks up what a job may do, and it is not there."""
    page = (ROOT / "docs/development/releasing.md").read_text(encoding="utf-8")
    told = page.partition("## What the workflow does")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([a-z]+)` \| ([a-z ]+) \|", told, re.MULTILINE)
    assert {name for name, _ in listed} == jobs().keys()
    assert {name for name, may in listed if may != "read"} == set(RIGHTS)


@needs_bash
@pytest.mark.parametrize("name", sorted(p.name for p in WORKFLOW.parent.glob("*.yml")))
def test_shell_of_every_step_parses(name: str) -> None:
    """A missing quote shows on the day of the release."""
    text = (WORKFLOW.parent / name).read_text(encoding="utf-8")
    for job in yaml.safe_load(text)["jobs"].values():
        for step in job["steps"]:
            script = re.sub(r"\$\{\{.*?\}\}", "x", step.get("run", ""))
            ran = subprocess.run(
                ["bash", "-n"], input=script, capture_output=True, text=True, check=False
            )
            assert ran.returncode == 0, ran.stderr


class Runner:
    """Runs steps of the workflow one after the other, as a hosted machine does."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self.scratch = scratch
        scratch.mkdir(exist_ok=True)
        kept = {name: text for name, text in os.environ.items() if name[:3] not in {"UV_", "GIT"}}
        for name in ("UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR"):
            if name in os.environ:
                kept[name] = os.environ[name]
        kept.pop("VIRTUAL_ENV", None)
        self.environment = kept | {
            "RUNNER_TEMP": str(scratch),
            "GITHUB_STEP_SUMMARY": str(scratch / "summary.md"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
            "UV_OFFLINE": "1",
            "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_PROJECT_ENVIRONMENT": sys.prefix,
            "TAG": f"v{VERSION}",
        }

    def step(self, job: str, name: str, *, failing: bool = False) -> str:
        """Run a step and give what it printed; skips where uv's cache lacks a package."""
        [script] = [each["run"] for each in jobs()[job]["steps"] if each.get("name") == name]
        return self.shell(script, failing=failing)

    def shell(self, script: str, *, failing: bool = False) -> str:
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
        printed = ran.stdout + ran.stderr
        if any(each in ran.stderr for each in OFFLINE):
            pytest.skip("uv's cache lacks a package; run: uv sync --locked --all-packages")
        assert (ran.returncode != 0) is failing, printed
        return printed


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of this workspace with a tag of its version, and change logs made ready."""
    if shutil.which("git") is None:
        pytest.skip("git is missing; install it")
    folder = tmp_path_factory.mktemp("released") / "workspace"
    for name in ("packages", "scripts", ".github"):
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
    for name in ("pyproject.toml", "uv.lock", ".gitignore"):
        shutil.copyfile(ROOT / name, folder / name)
    for log in folder.glob("packages/*/CHANGELOG.md"):
        log.write_text(made_ready(log.read_text(encoding="utf-8")), encoding="utf-8")
    Runner(folder, folder.with_name("scratch")).shell(
        "git init --quiet && git add --all\n"
        "git -c user.name=x -c user.email=x@example.com commit --quiet -m release\n"
        f"git tag v{VERSION}\n"
    )
    return folder


def made_ready(log: str) -> str:
    """Write a change log as the page about releasing says, whatever state it is in."""
    own = f"## [{VERSION}]"
    if own not in log:
        return log.replace(UNRELEASED, f"{UNRELEASED}\n{own} - 2026-11-23\n")
    before, _, after = log.partition(UNRELEASED)
    return before + UNRELEASED + "\n" + after[after.index(own) :]


@pytest.fixture
def checkout(released: Path, tmp_path: Path) -> Runner:
    """A checkout of the tag, in which a job has just begun."""
    return check_out(released, tmp_path)


@pytest.fixture(scope="module")
def built(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A checkout after the first build, with `dist`."""
    runner = check_out(released, tmp_path_factory.mktemp("built"))
    runner.step("build", "Build wheels and source distributions")
    return runner


def check_out(released: Path, folder: Path) -> Runner:
    command = ["git", "clone", "--quiet", str(released), str(folder / "checkout")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return Runner(folder / "checkout", folder / "scratch")


@needs_uv
@needs_bash
def test_commit_that_is_ready_passes_the_check(checkout: Runner) -> None:
    """The project does not pass what it asks of others."""
    printed = checkout.step("check", "Versions, change logs, tag, files and lock agree")
    assert printed.startswith(f"clean: v{VERSION} is released: keploy-framework {VERSION}")


@needs_uv
@needs_bash
def test_commit_that_is_not_ready_stops_the_release(checkout: Runner) -> None:
    """A tag with a slip in it goes through."""
    checkout.environment["TAG"] = "v99.0"
    name = "Versions, change logs, tag, files and lock agree"
    printed = checkout.step("check", name, failing=True)
    assert printed.count("[other-version]") == 3


@needs_uv
@needs_bash
def test_notes_are_the_sections_of_the_change_logs(checkout: Runner) -> None:
    """The page of the release says nothing, or what an older one brought."""
    checkout.step("check", "Write what the release brings")
    notes = (checkout.folder / "about/notes.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", notes, re.MULTILINE) == MEMBERS
    assert notes.count("\n- ") >= len(MEMBERS)
    assert "Unreleased" not in notes
    assert (checkout.scratch / "summary.md").read_text(encoding="utf-8") == notes


@needs_uv
@needs_bash
def test_bill_of_materials_lists_what_the_lock_gives_each_package(checkout: Runner) -> None:
    """Somebody looks for a vulnerable package in the list, and it is not there."""
    checkout.step("check", "Write what each package is made of")
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    for name in MEMBERS:
        bill = json.loads((checkout.folder / f"about/{name}.cdx.json").read_text(encoding="utf-8"))
        assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
        assert bill["metadata"]["component"]["name"] == name
        [own] = [package for package in lock["package"] if package["name"] == name]
        extras = own.get("optional-dependencies", {}).values()
        direct = [*own.get("dependencies", []), *(each for extra in extras for each in extra)]
        listed = {component["name"] for component in bill["components"]} | {name}
        assert {each["name"] for each in direct} <= listed
        assert "pytest" not in listed


@needs_uv
@needs_bash
def test_two_builds_are_the_same_bytes_and_a_difference_is_seen(built: Runner) -> None:
    """Nobody can prove that the published files come from the commit."""
    built.step("build", "Build them again elsewhere")
    built.step("build", "Both are the same bytes")
    names = sorted(path.suffix for path in (built.folder / "dist").glob("*-*"))
    assert names == [".gz"] * 3 + [".whl"] * 3
    [wheel] = (built.scratch / "second").glob("keploy*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    assert wheel.name in built.step("build", "Both are the same bytes", failing=True)


@needs_uv
@needs_bash
def test_source_distributions_can_be_built_outside_the_workspace(built: Runner) -> None:
    """A distribution of Linux, or a user without wheels, cannot build a package."""
    built.step("build", "The source distributions can be built outside the workspace")


@needs_uv
@needs_bash
def test_wheels_work_where_there_is_no_checkout(built: Runner, tmp_path: Path) -> None:
    """A file that only the checkout has is missing in the wheel."""
    shutil.copytree(built.folder / "dist", tmp_path / "dist")
    user = Runner(tmp_path, tmp_path / "scratch")
    del user.environment["UV_PROJECT_ENVIRONMENT"]
    user.step("smoke", "Install the wheels as a user would")
    printed = user.step("smoke", "Run what they bring")
    assert f"tta {VERSION}" in printed
    assert '"requests": 120' in printed
