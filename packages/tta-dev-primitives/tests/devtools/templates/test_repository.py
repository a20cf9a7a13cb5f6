"""The repository of templates: the same everywhere, renewed when needed, never half there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.templates.refusal import Rule, TemplateRefusedError
from tta_dev_primitives.devtools.templates.repository import SHIPPED, ensure_repository, versions


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """Templates in two versions."""
    for number, text in ((1, "one\n"), (2, "two\n")):
        (tmp_path / "shipped" / f"v{number}" / "package").mkdir(parents=True)
        (tmp_path / "shipped" / f"v{number}" / "package" / "file.jinja").write_text(text)
    (tmp_path / "shipped" / "v1" / "gone").write_text("")
    (tmp_path / "shipped" / "v10").mkdir()
    (tmp_path / "shipped" / "v10" / "copier.yml").write_text("")
    return tmp_path / "shipped"


def test_each_version_is_a_tag(shipped: Path, home: Path, git: Callable[..., str]) -> None:
    """An update finds the version that something was made from."""
    assert ensure_repository(shipped, "~/repository") == "v10"
    place = home / "repository"
    assert git(place, "tag").split() == ["v1", "v10", "v2"]
    assert git(place, "show", "v2:package/file.jinja") == "two\n"
    assert git(place, "ls-tree", "-r", "--name-only", "v2").split() == ["package/file.jinja"]
    assert git(place, "status", "--porcelain") == ""


def test_same_commits_on_every_machine(
    shipped: Path, home: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one machine made can be updated on another."""
    ensure_repository(shipped, "~/here")
    config = "[user]\nname = Else\nemail = e@example.com\n[core]\nautocrlf = true\n"
    config += f"[commit]\ngpgsign = true\n[core]\nhooksPath = {home.as_posix()}/hooks\n"
    (home / ".gitconfig").write_text(config)
    (home / "hooks").mkdir()
    (home / "hooks" / "prepare-commit-msg").write_text('#!/bin/sh\necho mine > "$1"\n')
    (home / "hooks" / "prepare-commit-msg").chmod(0o755)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody else")
    monkeypatch.setenv("GIT_DIR", str(home / "wrong"))
    for file in shipped.rglob("*"):
        file.chmod(0o755)
    ensure_repository(shipped, "~/there")
    monkeypatch.delenv("GIT_DIR")
    assert git(home / "here", "show-ref") == git(home / "there", "show-ref")


def test_repository_that_fits_is_kept(shipped: Path, home: Path) -> None:
    """A second package costs nothing."""
    ensure_repository(shipped, "~/repository")
    (home / "repository" / "mark").touch()
    ensure_repository(shipped, "~/repository")
    assert (home / "repository" / "mark").exists()


@pytest.mark.parametrize("damage", ["newer", "empty", "file"])
def test_repository_that_does_not_fit_is_made_anew(
    shipped: Path, home: Path, git: Callable[..., str], damage: str
) -> None:
    """After an upgrade of this package, or when something else lies there."""
    place = home / "repository"
    if damage == "file":
        place.write_text("")
    elif damage == "empty":
        place.mkdir()
    else:
        ensure_repository(shipped, "~/repository")
        (shipped / "v10" / "copier.yml").write_text("# changed\n")
    ensure_repository(shipped, "~/repository")
    assert (place / "copier.yml").read_text() == (shipped / "v10" / "copier.yml").read_text()
    assert git(place, "tag").split() == ["v1", "v10", "v2"]
    assert not [path for path in home.iterdir() if path.name.startswith(".templates-")]


def test_without_git_that_is_said(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and nothing is left of the attempt."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(TemplateRefusedError, match="not on PATH; install it") as caught:
        ensure_repository(shipped, "~/repository")
    assert caught.value.rule is Rule.NO_GIT


def test_shipped_templates_are_complete() -> None:
    """Each version has its questions, a package and an app."""
    assert [folder.name for folder in versions()][:1] == ["v1"]
    for folder in versions(SHIPPED):
        assert {"copier.yml", "package", "app"} <= {path.name for path in folder.iterdir()}
        assert not [path for path in folder.rglob("*") if path.suffix in {".py", ".md"}]
