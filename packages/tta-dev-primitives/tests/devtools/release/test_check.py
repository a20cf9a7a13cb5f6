"""The whole check, with git and uv: tags, commits, changes, the lock, and what is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.release.check import check_release
from tta_dev_primitives.devtools.release.history import HistoryError, read_history
from tta_dev_primitives.devtools.release.rules import Rule
from tta_dev_primitives.devtools.workspace.pyproject import PyprojectError
from tta_dev_primitives.devtools.workspace.rules import Rule as WorkspaceRule

from ..workspace.trees_here import (  # noqa: TID252 - the tests are no package
    run_uv,
    set_up_uv,
    write_tree,
)
from .bakeries import FROM_WORKSPACE, OVEN, TILL, bakery, findings

Git = Callable[..., str]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of the bakery with the lock that uv makes of them."""
    root = tmp_path_factory.mktemp("locked")
    with pytest.MonkeyPatch.context() as patch:
        set_up_uv(patch, tmp_path_factory.mktemp("uv"))
        ran = run_uv(write_tree(root, bakery()), "lock")
    assert ran.returncode == 0, ran.stderr
    return bakery() | {"uv.lock": (root / "uv.lock").read_text(encoding="utf-8")}


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Runs git in the bakery, without the settings of whoever runs the tests."""
    program = shutil.which("git")
    if program is None:
        pytest.skip("git is missing; install it")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    who = ["-c", "user.name=Baker", "-c", "user.email=baker@example.com"]

    def run(*arguments: str) -> str:
        command = [program, "-C", str(tmp_path / "bakery"), *who, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return run


@pytest.fixture
def tree(
    tmp_path: Path,
    locked: dict[str, str],
    git: Git,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A repository in which v1.1.0 was released, and all is ready for v1.2.0."""
    set_up_uv(monkeypatch, tmp_path)
    root = write_tree(tmp_path / "bakery", {"README.md": "old\n"})
    git("init", "--quiet")
    for message, tag in (("old", "v1.1.0"), ("new", None)):
        git("add", "--all")
        git("commit", "--quiet", "-m", message)
        if tag:
            git("tag", "--annotate", "-m", tag, tag)
            write_tree(root, locked)
    return root


def rules(root: Path, tag: str | None = "v1.2.0") -> list[str]:
    return [finding.rule for finding in check_release(root, tag).findings]


def test_release_is_checked_before_and_after_its_tag(tree: Path, git: Git) -> None:
    """Either nobody can check before the tag is made, or CI cannot check afterwards."""
    before = check_release(tree / "packages" / "oven", "v1.2.0")
    assert (before.findings, before.is_tagged) == ((), False)
    assert before.summary == "clean: v1.2.0 can be tagged: oven 1.2.0, till 1.2.0"
    git("tag", "v1.2.0")
    after = check_release(tree, "refs/tags/v1.2.0")
    assert (after.findings, after.is_tagged) == ((), True)
    assert after.summary == "clean: v1.2.0 is released: oven 1.2.0, till 1.2.0"


@pytest.mark.parametrize("kind", [[], ["--annotate", "-m", "x"]], ids=["light", "annotated"])
def test_tag_of_another_commit_is_told(tree: Path, git: Git, kind: list[str]) -> None:
    """What is built is not what the tag says."""
    git("tag", *kind, "v1.2.0", "HEAD^")
    [finding] = check_release(tree, "v1.2.0").findings
    assert (finding.rule, finding.place) == (Rule.TAG_ELSEWHERE, "v1.2.0")
    assert git("rev-parse", "--short=10", "HEAD^") in finding.message


@pytest.mark.parametrize("change", ["edited", "new", "staged"])
def test_change_that_is_not_committed_is_told(tree: Path, git: Git, change: str) -> None:
    """A release has something in it that no commit has."""
    name = "packages/oven/new.py" if change != "edited" else "packages/oven/README.md"
    write_tree(tree, {name: "x\n"})
    if change == "staged":
        git("add", "--all")
    [finding] = check_release(tree, "v1.2.0").findings
    assert (finding.rule, finding.place) == (Rule.DIRTY_TREE, name)
    assert rules(tree, None) == []


def test_tag_on_another_branch_does_not_count(tree: Path, git: Git) -> None:
    """An old line cannot be mended once the next one was released."""
    git("switch", "--quiet", "--create", "next")
    git("commit", "--quiet", "--allow-empty", "-m", "next")
    git("tag", "v2.0.0")
    assert rules(tree) == [Rule.NOT_NEWER] * 2
    git("switch", "--quiet", "--detach", "HEAD^")
    assert rules(tree) == []


def test_lock_behind_the_version_is_told(tree: Path, git: Git) -> None:
    """The version was raised and the lock was not made anew."""
    write_tree(tree, {"packages/oven/pyproject.toml": OVEN.replace(">=3.11", ">=3.11,!=3.11.0")})
    git("commit", "--quiet", "--all", "-m", "range")
    assert WorkspaceRule.STALE_LOCK in rules(tree)


def test_rule_that_does_not_fit_is_left_out(tree: Path, git: Git) -> None:
    """A project that wants no README cannot say so."""
    write_tree(tree, {"packages/oven/README.md": ""})
    git("commit", "--quiet", "--all", "-m", "no readme")
    assert rules(tree) == [Rule.MISSING_README]
    root = (tree / "pyproject.toml").read_text() + '[tool.tta.release]\nignore = ["{}"]\n'
    write_tree(tree, {"pyproject.toml": root.format("missing-readme")})
    assert rules(tree, None) == []
    write_tree(tree, {"pyproject.toml": root.format("missing-readmy")})
    with pytest.raises(PyprojectError, match="did you mean 'missing-readme'"):
        check_release(tree)


def test_shallow_clone_is_refused_with_the_way_out(tree: Path, git: Git, tmp_path: Path) -> None:
    """In CI no earlier release is known, and every version seems new."""
    git("clone", "--quiet", "--depth=1", tree.as_uri(), str(tmp_path / "shallow"))
    with pytest.raises(HistoryError, match=r"is shallow.*git fetch --unshallow.*fetch-depth: 0"):
        check_release(tmp_path / "shallow")


@pytest.mark.parametrize(
    ("prepare", "told"),
    [([], "is not in a git repository"), (["init", "--quiet"], "has no commit yet")],
    ids=["no-repository", "no-commit"],
)
def test_folder_without_history_is_refused_in_one_line(
    tmp_path: Path, git: Git, prepare: list[str], told: str
) -> None:
    """An unpacked archive ends in a traceback, or passes as released."""
    root = write_tree(tmp_path / "bakery", bakery())
    if prepare:
        git(*prepare)
    with pytest.raises(HistoryError, match=told) as caught:
        read_history(root)
    assert "\n" not in str(caught.value)


def test_without_git_the_next_move_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without git gets a traceback."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(HistoryError, match=r"git is not on PATH.*install git"):
        read_history(tmp_path)


def test_hook_of_git_does_not_change_what_is_looked_at(
    tree: Path, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Called from a hook, the check answers for another repository."""
    (tmp_path / "other").mkdir()
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "other")], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert read_history(tree).tags.keys() == {"v1.1.0"}


def test_source_of_a_builder_is_refused_in_the_words_of_uv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finding quotes something that uv does not say, and nobody finds it again."""
    set_up_uv(monkeypatch, tmp_path)
    builder = '[build-system]\nrequires = ["oven>=1"]\nbuild-backend = "b"\nbackend-path = ["."]\n'
    files = bakery() | {"packages/till/pyproject.toml": TILL + FROM_WORKSPACE + builder}
    write_tree(tmp_path / "bakery", files)
    found = findings(tmp_path / "bakery", dict(files), "v1.2.0")
    [said] = [each.uv_says for each in found if each.rule == Rule.BUILDER_FROM_WORKSPACE]
    unpacked = shutil.copytree(tmp_path / "bakery/packages/till", tmp_path / "till-1.2.0")
    ran = run_uv(unpacked, "build", "--wheel")
    assert ran.returncode != 0
    assert said in ran.stderr
