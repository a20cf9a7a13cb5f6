"""Where a package goes, which names are taken, and where an app must not go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tta_dev_primitives.devtools.templates.names import check_name
from tta_dev_primitives.devtools.templates.refusal import Rule, TemplateRefusedError
from tta_dev_primitives.devtools.templates.workspace import (
    check_outside_members,
    check_target,
    place_in_workspace,
)
from tta_dev_primitives.devtools.workspace.pyproject import PyprojectError

MEMBER = '[project]\nname = "{}"\nversion = "1.0"\nlicense = "MIT"\nrequires-python = ">=3.12"\n'
ROOT = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(ROOT)
    (tmp_path / "LICENSE").write_text("Do as you like.\n")
    for name in ("one", "two"):
        (tmp_path / "packages" / name / "src" / f"{name}_import").mkdir(parents=True)
        (tmp_path / "packages" / name / "pyproject.toml").write_text(MEMBER.format(name))
        (tmp_path / "packages" / name / "src" / f"{name}_import" / "__init__.py").touch()
    return tmp_path


def test_package_goes_where_the_pattern_takes_it_in(root: Path) -> None:
    """From anywhere in the workspace, and with what the others have in common."""
    place = place_in_workspace(root / "packages" / "one" / "src", check_name("acme"))
    assert place.folder == root / "packages" / "acme"
    assert (place.python_floor, place.licence) == ("3.12", "MIT")
    assert place.licence_file == root / "LICENSE"


def test_what_members_do_not_agree_on_is_not_guessed(root: Path) -> None:
    """Nobody gets a licence by chance."""
    (root / "packages" / "two" / "pyproject.toml").write_text('[project]\nname = "two"\n')
    place = place_in_workspace(root, check_name("acme"))
    assert (place.python_floor, place.licence) == (None, None)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("one", "it is a member of this workspace"),
        ("two-import", "two has the import name two_import"),
        ("locked-thing", "a package in uv.lock"),
    ],
    ids=["member", "import-name", "locked"],
)
def test_name_that_means_something_here_is_taken(root: Path, name: str, told: str) -> None:
    """A member called like a dependency would replace it for everybody."""
    (root / "uv.lock").write_text('version = 1\n[[package]]\nname = "locked-thing"\n')
    with pytest.raises(TemplateRefusedError) as caught:
        place_in_workspace(root, check_name(name))
    assert caught.value.rule is Rule.TAKEN_NAME
    assert told in str(caught.value)


def test_folder_that_is_there_is_left_alone(root: Path) -> None:
    """If only empty: uv passes over it, and so it may be somebody's beginning."""
    (root / "packages" / "acme").mkdir()
    with pytest.raises(TemplateRefusedError) as caught:
        place_in_workspace(root, check_name("acme"))
    assert caught.value.rule is Rule.EXISTING_TARGET


def test_dangling_link_is_something_that_is_there(tmp_path: Path) -> None:
    """Writing through it would end up anywhere."""
    (tmp_path / "acme").symlink_to(tmp_path / "nowhere")
    with pytest.raises(TemplateRefusedError) as caught:
        check_target(tmp_path / "acme")
    assert caught.value.rule is Rule.EXISTING_TARGET


def test_no_workspace_is_said(tmp_path: Path) -> None:
    """The next move is to go there, or to make an app."""
    with pytest.raises(TemplateRefusedError, match="tta new app") as caught:
        place_in_workspace(tmp_path, check_name("acme"))
    assert caught.value.rule is Rule.NO_WORKSPACE


@pytest.mark.parametrize("members", ["[]", '["packages/one"]', '["**/*"]'])
def test_workspace_without_a_pattern_is_said(root: Path, members: str) -> None:
    """A package that the workspace does not take in would lie there for nothing."""
    (root / "pyproject.toml").write_text(f"[tool.uv.workspace]\nmembers = {members}\n")
    with pytest.raises(TemplateRefusedError, match=r'"packages/\*"') as caught:
        place_in_workspace(root, check_name("acme"))
    assert caught.value.rule is Rule.NO_MEMBER_PATTERN


@pytest.mark.parametrize(
    ("members", "here", "folder"),
    [
        ('["apps/*", "packages/*"]', ".", "packages"),
        ('["apps/*", "libs/*"]', "packages/one", "libs"),
        ('["apps/*", "packages/*"]', "apps", "apps"),
        ('["apps/*", "services/*"]', ".", "apps"),
        ('["libs/core/*", "packages/*"]', "libs/core/deep", "libs/core"),
    ],
    ids=["packages", "libs", "where-one-stands", "first", "nested"],
)
def test_of_several_patterns_the_fitting_one_is_taken(
    root: Path, members: str, here: str, folder: str
) -> None:
    """A library ends up among the apps, because these come first in the alphabet."""
    (root / "pyproject.toml").write_text(f"[tool.uv.workspace]\nmembers = {members}\n")
    assert place_in_workspace(root / here, check_name("acme")).folder == root / folder / "acme"


def test_folder_that_is_excluded_is_no_place(root: Path) -> None:
    """The package is made, and no command of uv ever sees it."""
    (root / "pyproject.toml").write_text(f'{ROOT}exclude = ["packages/old-*"]\n')
    with pytest.raises(TemplateRefusedError, match=r"exclude .*packages/old-\*") as caught:
        place_in_workspace(root, check_name("old-acme"))
    assert caught.value.rule is Rule.NO_MEMBER_PATTERN
    check_outside_members(root / "packages" / "old-acme")
    assert place_in_workspace(root, check_name("acme")).folder.name == "acme"


@pytest.mark.parametrize("file", ["pyproject.toml", "uv.lock", "packages/two/pyproject.toml"])
def test_merge_conflict_is_told_with_its_line(root: Path, file: str) -> None:
    """Nothing is guessed from half a file."""
    (root / file).write_text("version = 1\n<<<<<<< HEAD\n")
    with pytest.raises(PyprojectError, match=":2 holds a merge conflict") as caught:
        place_in_workspace(root, check_name("acme"))
    assert caught.value.path == root / file


def test_app_among_the_packages_is_refused(root: Path) -> None:
    """It would become a member, and its requirements those of everybody."""
    with pytest.raises(TemplateRefusedError, match="tta new package") as caught:
        check_outside_members(root / "packages" / "acme")
    assert caught.value.rule is Rule.INSIDE_WORKSPACE
    check_outside_members(root / "examples" / "packages" / "acme")
    check_outside_members(root / "acme")
