"""Which workspace a package is in, and what its members are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tta_dev_primitives.devtools.build_hook.siblings import find_siblings, workspace_sources
from tta_dev_primitives.devtools.workspace.pyproject import PyprojectError


def lay(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).mkdir(parents=True, exist_ok=True)
        (root / path / "pyproject.toml").write_text(text, encoding="utf-8")
    return root


def project(name: str, version: str | None = "1.0") -> str:
    written = f'version = "{version}"' if version else 'dynamic = ["version"]'
    return f'[project]\nname = "{name}"\n{written}\n'


ROOT = '[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = ["packages/old*"]\n'


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    files = {
        ".": ROOT,
        "packages/one": project("One", "0.2.0"),
        "packages/two": project("two", None),
        "packages/old-three": project("old-three"),
        "tools/four": project("four"),
    }
    (tmp_path / "packages" / "empty").mkdir(parents=True)
    return lay(tmp_path, files)


def test_members_and_their_versions_are_read(workspace: Path) -> None:
    """As uv sees them: by pattern, without what is excluded or has no file."""
    found = find_siblings(workspace / "packages" / "one")
    assert found is not None
    assert found.root == workspace
    assert found.versions == {"one": "0.2.0", "two": None}


@pytest.mark.parametrize("place", ["tools/four", "packages/old-three"])
def test_folder_that_is_no_member_has_no_siblings(workspace: Path, place: str) -> None:
    """A project that merely lies inside the tree is on its own."""
    assert find_siblings(workspace / place) is None


def test_unpacked_sdist_has_no_siblings(tmp_path: Path) -> None:
    """There is no workspace around it, and that is no mistake."""
    assert find_siblings(lay(tmp_path, {".": project("one")})) is None


def test_member_with_a_package_root_counts_the_root(tmp_path: Path) -> None:
    """A root may be a package as well."""
    lay(tmp_path, {".": ROOT + project("root", "3.0"), "packages/one": project("one")})
    found = find_siblings(tmp_path / "packages" / "one")
    assert found is not None
    assert found.versions == {"root": "3.0", "one": "1.0"}


def test_file_that_is_no_toml_is_named(workspace: Path) -> None:
    """The line of the mistake is in the message, as one of a merge conflict."""
    path = workspace / "packages" / "two" / "pyproject.toml"
    path.write_text("<<<<<<< HEAD\n", encoding="utf-8")
    with pytest.raises(PyprojectError, match=r"pyproject\.toml:1 holds a merge conflict") as caught:
        find_siblings(workspace / "packages" / "one")
    assert caught.value.path == path


def test_sources_from_the_workspace_are_named(tmp_path: Path) -> None:
    """Other sources are nothing to fill a range in for."""
    text = "[tool.uv.sources]\nOne = { workspace = true }\ntwo = { path = '../two' }\n"
    assert workspace_sources(lay(tmp_path, {".": text})) == {"one"}
