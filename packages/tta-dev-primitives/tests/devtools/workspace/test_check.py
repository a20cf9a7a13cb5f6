"""The whole check: what uv and the lock know, and what cannot be judged at all."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError
from tta_dev_primitives.devtools.workspace.asking_uv import UvError
from tta_dev_primitives.devtools.workspace.check import check_workspace, find_in_files
from tta_dev_primitives.devtools.workspace.finding import rows_of, text_of
from tta_dev_primitives.devtools.workspace.members import read_workspace
from tta_dev_primitives.devtools.workspace.pyproject import PyprojectError
from tta_dev_primitives.devtools.workspace.rules import Rule
from tta_dev_primitives.devtools.workspace.unreadable import telling_what_is_unreadable

from .trees_here import (
    NOT_BUILT,
    ONE,
    PROJECT,
    SOUND,
    TWO,
    WORKSPACE,
    make_unreadable,
    run_uv,
    write_tree,
    write_wheel,
)

needs_shell = pytest.mark.skipif(sys.platform == "win32", reason="needs programs that are scripts")


def rules(root: Path) -> list[str]:
    return [finding.rule for finding in check_workspace(root).findings]


def locked(root: Path, files: dict[str, str]) -> Path:
    """Write a workspace with a lock of its own."""
    write_tree(root, files)
    ran = run_uv(root, "lock")
    assert ran.returncode == 0, ran.stderr
    return root


def test_sound_workspace_is_clean_from_any_folder_in_it(tmp_path: Path, own_uv: None) -> None:
    """One may stand in a member and check the whole."""
    locked(tmp_path, SOUND)
    report = check_workspace(tmp_path / "packages" / "one")
    assert report.findings == ()
    assert report.summary == "clean: 2 members, one, two"


def test_workspace_without_lock_is_told(tmp_path: Path, own_uv: None) -> None:
    """A lock that was never committed is a finding, not a crash."""
    assert rules(write_tree(tmp_path, SOUND)) == [Rule.MISSING_LOCK]


def test_lock_behind_the_files_is_told_in_the_words_of_uv(tmp_path: Path, own_uv: None) -> None:
    """Somebody changed a pyproject.toml and forgot the lock."""
    locked(tmp_path, SOUND)
    write_tree(tmp_path, {"packages/one/pyproject.toml": ONE.replace("0.1.0", "0.2.0")})
    [finding] = check_workspace(tmp_path).findings
    assert finding.rule == Rule.STALE_LOCK
    assert "needs to be updated" in finding.uv_says


def test_member_that_was_emptied_is_told_from_the_lock(tmp_path: Path, own_uv: None) -> None:
    """uv drops it without a word; the lock still remembers it."""
    locked(tmp_path, SOUND)
    (tmp_path / "packages/two/pyproject.toml").unlink()
    assert Rule.LOST_MEMBER in rules(tmp_path)


def test_refusal_that_no_rule_foresees_is_told(tmp_path: Path, own_uv: None) -> None:
    """Whatever uv refuses, its own words are there."""
    locked(tmp_path, SOUND)
    cycle = '[dependency-groups]\na = [{ include-group = "a" }]\n'
    write_tree(tmp_path, {"pyproject.toml": WORKSPACE + cycle})
    [finding] = check_workspace(tmp_path).findings
    assert finding.rule == Rule.UV_REFUSES
    assert "Detected a cycle" in finding.uv_says


@needs_shell
def test_members_that_uv_sees_otherwise_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where this reading and uv's disagree, neither is believed silently."""
    uv = write_tree(tmp_path, {"bin/uv": "#!/bin/sh\necho one\necho other\n"}) / "bin/uv"
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent))
    findings = check_workspace(write_tree(tmp_path / "tree", SOUND)).findings
    told = [each.message for each in findings if each.rule == Rule.UNSEEN_MEMBER]
    assert [message.split("'")[1] for message in told] == ["two", "other"]


def test_mistake_that_stops_uv_is_told_once(tmp_path: Path, own_uv: None) -> None:
    """uv would repeat for every command what the files already tell with a line."""
    write_tree(tmp_path, SOUND | {"packages/three/x": ""})
    assert rules(tmp_path) == [Rule.MEMBER_WITHOUT_PYPROJECT]


def test_rule_that_is_ignored_is_left_out(tmp_path: Path, own_uv: None) -> None:
    """A workspace can live with a cap, and say so once."""
    ignore = '[tool.tta.workspace]\nignore = ["python-cap"]\n'
    tree = {"packages/one/pyproject.toml": ONE.replace(">=3.11", ">=3.11,<4")}
    tree["packages/two/pyproject.toml"] = TWO.replace(">=3.11", ">=3.11,<4")
    locked(tmp_path, SOUND | tree)
    assert rules(tmp_path) == [Rule.PYTHON_CAP, Rule.PYTHON_CAP]
    write_tree(tmp_path, {"pyproject.toml": WORKSPACE + ignore})
    assert rules(tmp_path) == []


class TestEnvironment:
    """What is installed, against the lock."""

    @pytest.fixture
    def tree(self, tmp_path: Path, own_uv: None) -> Path:
        """A workspace with one dependency, locked and installed."""
        write_wheel(tmp_path / "wheels", "six", "1.0")
        needs = ONE + 'dependencies = ["six<2"]\n' + NOT_BUILT
        find_links = '[tool.uv]\nfind-links = ["wheels"]\n'
        tree = {"pyproject.toml": find_links + WORKSPACE, "packages/one/pyproject.toml": needs}
        locked(tmp_path, tree)
        ran = run_uv(tmp_path, "sync")
        assert ran.returncode == 0, ran.stderr
        return tmp_path

    def folder(self, tree: Path) -> Path:
        [found] = (tree / ".venv").rglob("six-1.0.dist-info")
        return found

    def test_environment_as_locked_is_clean(self, tree: Path) -> None:
        """Nothing is told of an environment that uv has just made."""
        assert rules(tree) == []

    def test_other_version_is_told_with_both(self, tree: Path) -> None:
        """Somebody ran an installer by hand."""
        newer = self.folder(tree).rename(self.folder(tree).with_name("six-2.0.dist-info"))
        write_tree(newer, {"METADATA": "Metadata-Version: 2.1\nName: six\nVersion: 2.0\n"})
        [finding] = check_workspace(tree).findings
        assert (finding.rule, finding.place) == (Rule.ENVIRONMENT_DIFFERS, ".venv")
        assert "six 2.0 instead of 1.0" in finding.message

    def test_package_of_nobody_is_told(self, tree: Path) -> None:
        """What works here by accident fails on the next machine."""
        info = self.folder(tree).with_name("extra-3.0.dist-info")
        write_tree(info, {"METADATA": "Metadata-Version: 2.1\nName: Extra\nVersion: 3.0\n"})
        [finding] = check_workspace(tree).findings
        assert "extra 3.0" in finding.message

    def test_package_that_is_missing_is_told_in_the_words_of_uv(self, tree: Path) -> None:
        """The lock asks for it and nobody has synchronised."""
        shutil.rmtree(self.folder(tree))
        [finding] = check_workspace(tree).findings
        assert finding.rule == Rule.ENVIRONMENT_DIFFERS
        assert "outdated" in finding.uv_says

    def test_environment_can_be_left_out(self, tree: Path) -> None:
        """CI looks at the files alone."""
        shutil.rmtree(self.folder(tree))
        assert check_workspace(tree, with_environment=False).findings == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pyproject.toml": "[tool.x]\n"}, "has a table [tool.uv.workspace]"),
        ({"pyproject.toml": WORKSPACE + "x = = 1\n"}, "pyproject.toml:3 is not TOML"),
        (
            {"packages/one/pyproject.toml": ONE + "<<<<<<< HEAD\n"},
            "packages/one/pyproject.toml:5 holds a merge conflict",
        ),
        (
            {"pyproject.toml": "[tool.uv.workspace]\nmembers = ['packages\\one']\n"},
            "pyproject.toml:2: members needs relative paths with forward slashes",
        ),
        (
            {"pyproject.toml": "[tool.uv.workspace]\nmembers = ['C:/packages/*']\n"},
            "pyproject.toml:2: members needs relative paths with forward slashes",
        ),
        (
            {"pyproject.toml": "[tool.uv.workspace]\nmembers = 'packages/*'\n"},
            "pyproject.toml:2: members must be a list",
        ),
        (
            {"pyproject.toml": "[tool.uv.workspace]\nmembers = ['packages/**x/**']\n"},
            "pyproject.toml:2: ",
        ),
        (
            {"packages/one/pyproject.toml": ONE.replace(">=3.11", "three")},
            "packages/one/pyproject.toml:4: requires-python = 'three' is no range",
        ),
        (
            {"pyproject.toml": WORKSPACE + '[tool.tta.workspace]\nignore = ["python-cup"]\n'},
            "pyproject.toml:4: there is no rule 'python-cup'; did you mean 'python-cap'?",
        ),
        (
            {"pyproject.toml": WORKSPACE + '[tool.tta.workspace]\nignore = "python-cap"\n'},
            "pyproject.toml:4: tool.tta.workspace.ignore must be a list of texts",
        ),
    ],
    ids=[
        "no-workspace", "broken", "conflict", "backslash", "drive", "no-list", "bad-pattern",
        "bad-range", "unknown-rule", "no-rules",
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused_in_one_line(
    tmp_path: Path, own_uv: None, changes: dict[str, str], told: str
) -> None:
    """The line and the next move are told, and no finding is made up."""
    write_tree(tmp_path, SOUND | changes)
    if told == "pyproject.toml:2: " and sys.version_info >= (3, 13):
        pytest.skip("this Python reads that pattern")
    with pytest.raises(PyprojectError) as caught:
        check_workspace(tmp_path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("lock", "told"),
    [
        ("<<<<<<< HEAD\nversion = 1\n", "uv.lock:1 holds a merge conflict"),
        ("version = 9\n", "uv.lock is a lock of version 9"),
        ("revision = 1\n", "uv.lock is no lock of uv"),
    ],
    ids=["conflict", "newer", "no-version"],
)
def test_lock_that_cannot_be_judged_is_refused(
    tmp_path: Path, own_uv: None, lock: str, told: str
) -> None:
    """A lock in the middle of a merge says nothing about the workspace."""
    write_tree(tmp_path, SOUND | {"uv.lock": lock})
    with pytest.raises(LockfileError, match=told):
        check_workspace(tmp_path)


@pytest.mark.parametrize(
    "name", ["packages/one/pyproject.toml", "packages/one/.python-version", "uv.lock"]
)
def test_file_that_cannot_be_read_is_refused(tmp_path: Path, own_uv: None, name: str) -> None:
    """A check that could not look ends as one that found something, with the number of an error."""
    write_tree(tmp_path, SOUND)
    make_unreadable(tmp_path / name)
    with pytest.raises((PyprojectError, LockfileError)) as caught:
        check_workspace(tmp_path)
    assert re.search(rf"^cannot read .*{re.escape(name)}: .*; let it be read", str(caught.value))


def test_folder_that_cannot_be_looked_into_is_refused() -> None:
    """As above, for what lies in a folder."""
    told = "^cannot read packages/one: Permission denied; let"
    with pytest.raises(PyprojectError, match=told), telling_what_is_unreadable():
        raise PermissionError(13, "Permission denied", "packages/one")


def test_folder_in_the_place_of_the_lock_is_refused(tmp_path: Path, own_uv: None) -> None:
    """uv is asked to make a lock where it cannot."""
    write_tree(tmp_path, SOUND | {"uv.lock/": ""})
    with pytest.raises(LockfileError, match=r"uv\.lock is no file; move it away"):
        check_workspace(tmp_path)


def test_without_uv_the_next_move_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without uv gets no traceback."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(UvError, match="uv is not on PATH; install it"):
        check_workspace(write_tree(tmp_path, SOUND))


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A path of another system, for instance."""
    with pytest.raises(PyprojectError, match="is no folder"):
        read_workspace(tmp_path / "C:\\repo")


def test_text_and_json_tell_the_same(tmp_path: Path) -> None:
    """Programs and people read one list, and a file cannot steer the terminal."""
    name = "\\u001b[31mgone"
    write_tree(tmp_path, {"pyproject.toml": f'[tool.uv.workspace]\nmembers = ["{name}"]\n'})
    findings = find_in_files(read_workspace(tmp_path))
    text = text_of(findings, "clean")
    assert "\x1b" not in text
    assert text.endswith("1 finding\n")
    [row] = rows_of(findings)
    assert row["rule"] == "missing-member"
    assert f"{row['place']}: [{row['rule']}]" in text


def test_findings_are_sorted_by_line_and_not_by_digit(tmp_path: Path) -> None:
    """Line 9 comes before line 10."""
    names = "".join(f'  "gone{number}",\n' for number in range(12))
    tree = {"pyproject.toml": f"[tool.uv.workspace]\nmembers = [\n{names}]\n" + PROJECT.format("r")}
    found = find_in_files(read_workspace(write_tree(tmp_path, tree)))
    lines = [int(each.place.rpartition(":")[2]) for each in found]
    assert lines == sorted(lines)
    assert len(lines) == 12
