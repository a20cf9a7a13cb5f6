"""Locks from a real repository of git: what is found there, and every way not to find it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError
from tta_dev_primitives.devtools.lockfile.revisions import side_from_file, side_from_revision

from .locks_here import BAKERY, changed

NEWER = changed(BAKERY, ('"0.3.1"', '"0.3.2"'))
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on PATH")


@pytest.fixture(autouse=True)
def no_settings_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the caller's own settings and repository out of this."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Baker")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "baker@example.com")


def git(folder: Path, *arguments: str) -> None:
    """Run git, which must succeed."""
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def commit(folder: Path, text: str | None, pyproject: str | None = None) -> None:
    """Commit a lock, or that there is none."""
    if text is None:
        (folder / "uv.lock").unlink(missing_ok=True)
    else:
        (folder / "uv.lock").write_text(text, encoding="utf-8", newline="")
    if pyproject is not None:
        (folder / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Bake")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with an older lock at the tag `old`, a newer at `HEAD`, and none before."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, None)
    commit(folder, BAKERY, "# old\n")
    git(folder, "tag", "old")
    commit(folder, NEWER, "# new\n")
    return folder


@pytest.mark.parametrize(
    ("revision", "lock", "pyproject"),
    [("old", BAKERY, "# old\n"), ("HEAD~1", BAKERY, "# old\n"), ("main", NEWER, "# new\n")],
)
def test_lock_of_a_revision_is_read_with_the_settings_beside_it(
    repository: Path, revision: str, lock: str, pyproject: str
) -> None:
    """The lock is of one commit and the declared indexes of another."""
    side = side_from_revision(revision, repository / "uv.lock")
    assert (side.label, side.lock, side.pyproject) == (f"{revision}:uv.lock", lock, pyproject)
    assert side.pyproject_label == f"{revision}:pyproject.toml"


def test_lock_below_the_root_of_the_repository_is_found(repository: Path) -> None:
    """A workspace in a folder of a larger repository cannot be compared."""
    folder = repository / "python"
    folder.mkdir()
    commit(folder, BAKERY)
    (folder / "uv.lock").unlink()
    assert side_from_revision("HEAD", folder / "uv.lock").lock == BAKERY


def test_windows_lines_in_a_commit_do_not_count(repository: Path) -> None:
    """A lock that was committed with other line ends has no lines to point at."""
    commit(repository, BAKERY.replace("\n", "\r\n"))
    assert side_from_revision("HEAD", repository / "uv.lock").lock == BAKERY


def test_last_shared_commit_is_taken_where_it_is_asked_for(repository: Path) -> None:
    """What the main branch got in the meantime is reported as if the branch took it back."""
    git(repository, "checkout", "--quiet", "-b", "branch", "old")
    commit(repository, BAKERY, "# branch\n")
    side = side_from_revision("main", repository / "uv.lock", shared_with="branch")
    assert side.pyproject == "# old\n"


def test_filter_of_the_repository_does_not_run(repository: Path) -> None:
    """Looking at a lock runs a command that the repository's settings name."""
    (repository / ".gitattributes").write_text("uv.lock diff=evil\n")
    git(repository, "config", "diff.evil.textconv", "touch ran; cat")
    assert side_from_revision("HEAD", repository / "uv.lock").lock == NEWER
    assert not (repository / "ran").exists()


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        ("nowhere", "'nowhere' is neither a file nor a revision here; check the name"),
        (r"C:\locks\uv.lock", r"'C:\\locks\\uv.lock' is neither a file nor a revision here"),
        ("--output=stolen", "'--output=stolen' is neither a file nor a revision here"),
        ("", "'' is neither a file nor a revision here"),
        ("HEAD:uv.lock", "'HEAD:uv.lock' is neither"),
        ("HEAD~2", "there is no uv.lock at 'HEAD~2'; name a revision that has one"),
    ],
    ids=["unknown", "windows-path", "option", "empty", "blob", "no-lock"],
)
def test_revision_that_cannot_be_used_is_named(repository: Path, revision: str, told: str) -> None:
    """The reader gets git's own words, or a traceback, and no next move."""
    with pytest.raises(LockfileError) as raised:
        side_from_revision(revision, repository / "uv.lock")
    assert str(raised.value).startswith(told)
    assert sorted(path.name for path in repository.iterdir()) == [
        ".git", "pyproject.toml", "uv.lock",
    ]  # fmt: skip


def test_shallow_clone_is_told_how_to_get_deeper(repository: Path, tmp_path: Path) -> None:
    """In a workflow the base is missing, and nothing says why."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), str(clone))
    with pytest.raises(LockfileError, match="shallow; run: git fetch --unshallow"):
        side_from_revision("HEAD~1", clone / "uv.lock")
    git(clone, "fetch", "--quiet", "--unshallow", "--tags")
    assert side_from_revision("HEAD~1", clone / "uv.lock").lock == BAKERY


def test_branches_without_a_shared_commit_are_told(repository: Path) -> None:
    """Nothing is compared, and the exit code says that all is well."""
    git(repository, "checkout", "--quiet", "--orphan", "apart")
    commit(repository, BAKERY)
    with pytest.raises(LockfileError, match="'main' shares no commit with the other side"):
        side_from_revision("main", repository / "uv.lock", shared_with="HEAD")


def test_folder_outside_any_repository_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who unpacked an archive is not told that there is no history."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(
        LockfileError, match=r"is not in a git repository that can be read: .*fatal"
    ):
        side_from_revision("HEAD", tmp_path / "uv.lock")
    with pytest.raises(LockfileError, match=r"there is no folder '.*nowhere'"):
        side_from_revision("HEAD", tmp_path / "nowhere" / "uv.lock")


def test_machine_without_git_is_told(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without git there is a traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LockfileError, match=r"git is not on PATH.* name two files instead"):
        side_from_revision("HEAD", repository / "uv.lock")


def test_bytes_that_are_no_text_are_told(repository: Path) -> None:
    """A lock with broken bytes in the history ends in a traceback."""
    (repository / "uv.lock").write_bytes(b"version = 1 # \xff\n")
    git(repository, "commit", "--quiet", "--all", "--message", "Break")
    with pytest.raises(LockfileError, match="is not UTF-8 at byte 14"):
        side_from_revision("HEAD", repository / "uv.lock")
    with pytest.raises(LockfileError, match=r"cannot read .*uv\.lock: it is not UTF-8"):
        side_from_file(repository / "uv.lock")


def test_file_is_read_with_the_settings_beside_it(tmp_path: Path) -> None:
    """The settings of another folder count, or a missing pyproject.toml is a mistake."""
    lock = tmp_path / "uv.lock"
    lock.write_text(BAKERY, encoding="utf-8")
    assert side_from_file(lock).pyproject is None
    (tmp_path / "pyproject.toml").write_text("# here\n")
    side = side_from_file(lock)
    assert (side.lock, side.pyproject) == (BAKERY, "# here\n")
    assert side.pyproject_label == (tmp_path / "pyproject.toml").as_posix()
