"""Packages and apps as they are made, refused and updated."""

from __future__ import annotations

import ast
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("copier", reason="copier is not installed. Try: uv sync")

from tta_dev_primitives.devtools.templates.generate import new_app, new_package, update
from tta_dev_primitives.devtools.templates.refusal import Rule, TemplateRefusedError
from tta_dev_primitives.devtools.templates.repository import SHIPPED, SOURCE

ROOT = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'
MEMBER = """
[project]
name = "tta-dev-primitives"
version = "1.4.0"
license = "MIT"
requires-python = ">=3.12"
"""


@pytest.fixture
def root(tmp_path: Path, git: Callable[..., str]) -> Path:
    """A workspace under git, with our package as a member."""
    root = tmp_path / "workspace"
    member = root / "packages" / "tta-dev-primitives"
    member.mkdir(parents=True)
    (root / "pyproject.toml").write_text(ROOT)
    (root / "LICENSE").write_text("Do as you like.\n")
    (member / "pyproject.toml").write_text(MEMBER)
    git(root, "init", "--quiet")
    commit(git, root)
    return root


def commit(git: Callable[..., str], root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "more")


def project(folder: Path) -> dict[str, Any]:
    """Read the file of a project. Any: TOML."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def sources_parse(folder: Path) -> None:
    for file in folder.rglob("*.py"):
        ast.parse(file.read_text(encoding="utf-8"))
    for file in [*folder.rglob("*.yml"), *folder.rglob("*.yaml")]:
        yaml.safe_load(file.read_text(encoding="utf-8"))
    for file in folder.rglob("*"):
        assert "{{" not in file.name
        assert file.suffix != ".jinja"


def test_package_is_a_member_with_all_it_needs(root: Path) -> None:
    """Source, types, tests, licence, changelog, docs and the build hook; no other file changes."""
    folder = new_package(root, "acme-shout", "Say it louder")
    assert folder == root / "packages" / "acme-shout"
    made = project(folder)
    assert made["project"]["dependencies"] == ["tta-dev-primitives>=1.4,<2"]
    assert made["project"]["description"] == "Say it louder"
    assert made["project"]["requires-python"] == ">=3.12"
    assert made["project"]["license"] == "MIT"
    assert made["tool"]["uv"]["sources"] == {"tta-dev-primitives": {"workspace": True}}
    assert made["tool"]["hatch"]["build"]["hooks"] == {"tta": {}}
    assert (folder / "LICENSE").read_text() == "Do as you like.\n"
    for path in ("README.md", "CHANGELOG.md", "docs/index.md", "src/acme_shout/py.typed"):
        assert (folder / path).is_file()
    text = (folder / "src" / "acme_shout" / "primitive.py").read_text()
    assert 'class AcmeShoutPrimitive(WorkflowPrimitive[str, str]):\n    """Say it louder.' in text
    sources_parse(folder)


def test_package_leaves_out_a_source_that_the_root_names(
    root: Path, git: Callable[..., str]
) -> None:
    """With the line in its own file uv builds its source distribution nowhere else."""
    file = root / "pyproject.toml"
    file.write_text(
        file.read_text() + "\n[tool.uv.sources]\ntta_dev_primitives = { workspace = true }\n"
    )
    git(root, "commit", "-qam", "Name the source")
    assert "uv" not in project(new_package(root, "acme-shout", "Say it louder"))["tool"]


def test_package_of_a_workspace_without_us_takes_us_from_the_index(
    root: Path, git: Callable[..., str]
) -> None:
    """A source that names no member would stop uv."""
    shutil.rmtree(root / "packages")
    (root / "LICENSE").unlink()
    commit(git, root)
    folder = new_package(root, "acme")
    assert "uv" not in project(folder)["tool"]
    assert project(folder)["project"]["license"] == "LicenseRef-Proprietary"
    assert (folder / "LICENSE").read_text() == "All rights reserved.\n"


def test_app_has_all_it_needs(tmp_path: Path) -> None:
    """Workflow, server, tracing, tests, a recorded set, CI."""
    folder = new_app(tmp_path, "help-desk")
    made = project(folder)
    assert made["project"]["scripts"] == {"help-desk": "help_desk.__main__:main"}
    assert yaml.safe_load((folder / "keploy.yml").read_text())["command"] == "uv run help-desk"
    for path in (
        "src/help_desk/workflow.py",
        "tests/test_workflow.py",
        "keploy/test-set-0/tests/post-answers-1.yaml",
        ".github/workflows/checks.yml",
        ".gitignore",
    ):
        assert (folder / path).is_file()
    sources_parse(folder)


def dirty(root: Path) -> None:
    (root / "notes.txt").write_text("")


def shadowed(root: Path) -> None:
    (root / "packages" / "acme").write_text("")


def without_git(root: Path) -> None:
    shutil.rmtree(root / ".git")


@pytest.mark.parametrize(
    ("name", "spoil", "rule"),
    [
        ("Acme", None, Rule.BAD_NAME),
        ("tta-dev-primitives", None, Rule.TAKEN_NAME),
        ("pytest", None, Rule.TAKEN_NAME),
        ("acme", shadowed, Rule.EXISTING_TARGET),
        ("acme", dirty, Rule.DIRTY_TREE),
        ("acme", without_git, Rule.NO_REPOSITORY),
    ],
    ids=["bad", "member", "installed", "existing", "dirty", "no-git"],
)
def test_package_is_refused_before_anything_is_written(
    root: Path, home: Path, name: str, spoil: Callable[[Path], None] | None, rule: Rule
) -> None:
    """The reason is told, and the tree is as it was."""
    if spoil is not None:
        spoil(root)
    before = sorted(root.rglob("*"))
    with pytest.raises(TemplateRefusedError) as caught:
        new_package(root, name)
    assert caught.value.rule is rule
    assert sorted(root.rglob("*")) == before
    assert not (home / ".cache").exists()


def test_app_in_a_repository_with_changes_is_refused(root: Path) -> None:
    """What was made could not be told from what was there."""
    dirty(root)
    with pytest.raises(TemplateRefusedError, match=r"notes\.txt changed") as caught:
        new_app(root, "help-desk")
    assert caught.value.rule is Rule.DIRTY_TREE


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """The shipped templates with one more version, in which two files of a package differ."""
    folder = tmp_path / "templates"
    shutil.copytree(SHIPPED / "v1", folder / "v1")
    shutil.copytree(SHIPPED / "v1", folder / "v2")
    changelog = folder / "v2" / "package" / "CHANGELOG.md.jinja"
    changelog.write_text(changelog.read_text() + "\nFrom the second template.\n")
    text = folder / "v2" / "package" / "pyproject.toml.jinja"
    text.write_text(text.read_text().replace("3 - Alpha", "4 - Beta"))
    return folder


def old_package(root: Path, templates: Path) -> Path:
    """Make a package from the first version alone."""
    shutil.move(templates / "v2", templates.parent / "v2")
    folder = new_package(root, "acme", templates=templates)
    shutil.move(templates.parent / "v2", templates / "v2")
    return folder


def test_update_brings_the_new_template_and_keeps_edits(
    root: Path, home: Path, templates: Path, git: Callable[..., str]
) -> None:
    """On another machine too, where the templates are made anew."""
    folder = old_package(root, templates)
    source = folder / "src" / "acme" / "primitive.py"
    edited = source.read_text().replace("2000", "3000")
    source.write_text(edited)
    written = (folder / "pyproject.toml").read_text().replace("0.1.0", "0.7.0")
    (folder / "pyproject.toml").write_text(written)
    (folder / "docs" / "index.md").unlink()
    commit(git, root)
    shutil.rmtree(home / ".cache")
    assert update(folder, templates=templates) == "v2"
    assert source.read_text() == edited
    assert (folder / "pyproject.toml").read_text() == written.replace("3 - Alpha", "4 - Beta")
    assert (folder / "CHANGELOG.md").read_text().endswith("\nFrom the second template.\n")
    assert not (folder / "docs" / "index.md").exists()
    assert "_commit: v2\n" in (folder / ".copier-answers.yml").read_text()
    changed = git(root, "status", "--porcelain").splitlines()
    assert {line.rpartition("/")[2] for line in changed} == {
        ".copier-answers.yml", "CHANGELOG.md", "pyproject.toml",
    }  # fmt: skip


def test_update_marks_lines_that_both_changed(
    root: Path, templates: Path, git: Callable[..., str]
) -> None:
    """Neither side is lost."""
    folder = old_package(root, templates)
    path = folder / "pyproject.toml"
    path.write_text(path.read_text().replace("3 - Alpha", "5 - Production/Stable"))
    commit(git, root)
    update(folder, templates=templates)
    text = path.read_text()
    assert "<<<<<<<" in text
    assert "5 - Production/Stable" in text
    assert "4 - Beta" in text


def test_update_mixes_with_no_changes(root: Path, templates: Path) -> None:
    """What is not committed could not be got back."""
    folder = old_package(root, templates)
    with pytest.raises(TemplateRefusedError) as caught:
        update(folder, templates=templates)
    assert caught.value.rule is Rule.DIRTY_TREE


@pytest.mark.parametrize(
    "answers",
    [
        None,
        "_src_path: https://example.com/other\n",
        f"_src_path: {SOURCE}\n'_src_path': https://example.com/other\n",
        "- a list\n",
        "{",
    ],
    ids=["none", "other", "twice", "list", "torn"],
)
def test_update_of_something_else_is_refused(tmp_path: Path, answers: str | None) -> None:
    """A template of somebody else is nothing that we may run."""
    if answers is not None:
        (tmp_path / ".copier-answers.yml").write_text(answers)
    with pytest.raises(TemplateRefusedError) as caught:
        update(tmp_path)
    assert caught.value.rule is Rule.NOT_MADE_HERE


def test_plain_copier_finds_the_templates_too(root: Path) -> None:
    """The answers name a place that is the same for every user, and holds no one's home."""
    folder = new_package(root, "acme")
    assert f"_src_path: {SOURCE}\n" in (folder / ".copier-answers.yml").read_text()
