"""`tta lockdiff`: its arguments and its exit codes, and git from end to end."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import pytest

from tta_dev_primitives.cli import lockdiff
from tta_dev_primitives.cli.exits import UsageError
from tta_dev_primitives.devtools.lockfile import default_index
from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError

from .locks_here import BAKERY, INDEX, changed

UPGRADED = changed(BAKERY, ('"0.3.1"', '"0.3.2"'))
TAMPERED = changed(BAKERY, ("sha256:a1", "sha256:ff"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with the three locks as files, of which uv.lock is the upgraded one."""
    monkeypatch.chdir(tmp_path)
    for name, text in [("old", BAKERY), ("uv", UPGRADED), ("tampered", TAMPERED)]:
        (tmp_path / f"{name}.lock").write_text(text, encoding="utf-8")
    return tmp_path


def run(*arguments: str, registry: str = INDEX) -> int:
    """Run the command as the parser of tta would, and give its exit code."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    lockdiff.add_parser(commands)
    options = parser.parse_args(["lockdiff", *arguments, "--registry", registry])
    return options.command(options)


@pytest.mark.parametrize(
    ("arguments", "code", "last"),
    [
        (["old.lock"], 0, "0 fail, 0 warn, 1 info"),
        (["old.lock", "old.lock"], 0, "0 fail, 0 warn, 0 info"),
        (["old.lock", "tampered.lock"], 1, "1 fail, 0 warn, 0 info"),
        (["tampered.lock", "--lockfile", "tampered.lock"], 0, "0 fail, 0 warn, 0 info"),
    ],
    ids=["file-on-disk", "same", "fails", "other-name"],
)
def test_exit_code_says_whether_anything_fails(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, last: str
) -> None:
    """A workflow goes on after a tampered lock, or stops for a harmless one."""
    assert run(*arguments) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_format_is_the_one_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody asks for JSON and gets text."""
    run("old.lock", "--json")
    assert json.loads(capsys.readouterr().out)["counts"]["upgraded"] == 1
    run("old.lock", "--format", "markdown")
    assert capsys.readouterr().out.startswith("<!--")


def test_lock_that_leaks_fails_without_any_change() -> None:
    """The one registry that is allowed is not held against the lock."""
    assert run("old.lock", "old.lock", registry="https://elsewhere.example.com/simple") == 1


def test_lock_of_the_workspace_is_found_from_a_folder_of_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the folder of a package, uv finds the lock of the workspace, and this does not."""
    package = folder / "packages/bakery"
    package.mkdir(parents=True)
    monkeypatch.chdir(package)
    assert run("../../old.lock") == 0
    assert "../../uv.lock:53: info [upgraded]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["old.lock", "--json", "--format", "text"], "--json and --format text do not go together"),
        (["old.lock", "--merge-base"], "--merge-base needs revisions, got the file 'old.lock'"),
        (["x", "old.lock", "--merge-base"], "--merge-base needs revisions, got the file"),
        (["old.lock", "--lockfile", "none.lock"], "cannot read none.lock: No such file"),
        (["old.lock", "--yanked", "none.json"], "cannot read none.json"),
    ],
    ids=["two-formats", "merge-base-of-file", "merge-base-with-file", "no-lock", "no-pages"],
)
def test_misuse_is_one_line(arguments: list[str], told: str) -> None:
    """A wrong call ends in a traceback, or with the exit code of a finding."""
    with pytest.raises((UsageError, LockfileError)) as raised:
        run(*arguments)
    assert str(raised.value).startswith(told)


def test_revisions_are_compared_from_end_to_end(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two commits are compared as two files would be."""

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=Baker", "-c", "user.email=baker@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, timeout=60)

    git("init", "--quiet", "--initial-branch", "main")
    for text in (BAKERY, UPGRADED, TAMPERED):
        (folder / "uv.lock").write_text(text, encoding="utf-8")
        git("add", "uv.lock")
        git("commit", "--quiet", "--message", "Bake")
    assert run("HEAD~2", "HEAD~1") == 0
    assert "[upgraded] berry 0.3.1 -> 0.3.2" in capsys.readouterr().out
    assert run("HEAD~2") == 1
    assert "[hash-changed] bread 1.0" in capsys.readouterr().out
    assert run("HEAD~1", "--merge-base") == 1
    assert "[downgraded] berry 0.3.2 -> 0.3.1" in capsys.readouterr().out


def test_machine_without_uv_is_told_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without uv there is a traceback instead of the option that helps."""
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(LockfileError, match=r"uv is not on PATH.* or pass --registry"):
        default_index.default_registry()
