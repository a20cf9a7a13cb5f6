"""Get a lock, and the pyproject.toml beside it, from a file or from a revision of git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .lockfile_error import LockfileError
from .reading import read_text
from .toml_text import printable

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_WAIT_SECONDS: Final = 60.0
PYPROJECT: Final = "pyproject.toml"

_FILES_INSTEAD: Final = "name two files instead"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Args:
        label: What the lock is called in messages and places.
        lock: The text of the lock.
        pyproject: The text of the pyproject.toml beside it, or None.
    """

    label: str
    lock: str
    pyproject: str | None

    @property
    def pyproject_label(self) -> str:
        """Return what the pyproject.toml is called in messages."""
        folder, separator, _ = self.label.rpartition("/")
        revision, colon, _ = self.label.rpartition(":")
        if separator:
            return f"{folder}/{PYPROJECT}"
        return f"{revision}:{PYPROJECT}" if colon else PYPROJECT


def side_from_file(path: Path) -> Side:
    """Read a lock from disk.

    Raises:
        LockfileError: It cannot be read.
    """
    beside = path.with_name(PYPROJECT)
    text = read_text(beside) if beside.is_file() else None
    return Side(path.as_posix(), read_text(path), text)


def side_from_revision(revision: str, lockfile: Path, *, shared_with: str | None = None) -> Side:
    """Read a lock from the history of the repository that *lockfile* lies in.

    Nothing is checked out, and no filter of the repository runs.

    Args:
        revision: Anything git takes for a commit: a branch, a tag, a hash, `HEAD~3`.
        lockfile: Where the lock is in the working tree. It need not be there now.
        shared_with: Take the last commit that *revision* has in common with this one instead.

    Raises:
        LockfileError: No git, no repository, no such revision, or no lock in it.
    """
    repository = _Repository(lockfile.parent)
    commit = repository.commit(revision)
    if shared_with is not None:
        commit = repository.shared(commit, repository.commit(shared_with), revision)
    label = f"{commit[:10] if shared_with is not None else revision}:{lockfile.name}"
    text = repository.file(commit, lockfile.name)
    if text is None:
        msg = f"there is no {lockfile.name} at {revision!r}; name a revision that has one"
        raise LockfileError(msg)
    return Side(label, text, repository.file(commit, PYPROJECT))


class _Repository:
    """Asks git about the repository around a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        code, self._shallow, told = self._git("rev-parse", "--is-shallow-repository")
        if code:
            where = folder.absolute().as_posix()
            msg = f"{where} is not in a git repository that can be read: {told}; {_FILES_INSTEAD}"
            raise LockfileError(msg)

    def commit(self, revision: str) -> str:
        """Return the full name of a commit."""
        # An option in the place of a revision is none, whatever git would make of it.
        given = f"{revision}^{{commit}}"
        code, name, _ = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", given)
        name = name.removeprefix("--end-of-options").strip()
        if code or not name:
            msg = f"{revision!r} is neither a file nor a revision here{self._shallow_hint()}"
            raise LockfileError(msg)
        return name

    def shared(self, one: str, other: str, revision: str) -> str:
        """Return the last commit that two have in common."""
        code, name, _ = self._git("merge-base", one, other)
        if code or not name:
            msg = f"{revision!r} shares no commit with the other side{self._shallow_hint()}"
            raise LockfileError(msg)
        return name

    def file(self, commit: str, name: str) -> str | None:
        """Return the text of a file of the folder at *commit*, None where it is not there."""
        code, listed, told = self._git("ls-tree", "--name-only", commit, "--", f"./{name}")
        if not code and not listed:
            return None
        if not code:
            code, text, told = self._git("cat-file", "blob", f"{commit}:./{name}")
            if not code:
                return text
        msg = f"git cannot show {name} at {commit[:10]}: {told}; fetch the commit in full"
        raise LockfileError(msg)

    def _shallow_hint(self) -> str:
        if self._shallow == "true":
            return (
                ", and this clone is shallow; run: git fetch --unshallow "
                "(in a workflow: fetch-depth: 0)"
            )
        return "; check the name, or run: git fetch"

    def _git(self, *arguments: str) -> tuple[int, str, str]:
        environment = os.environ | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
        if not self._folder.is_dir():
            msg = f"there is no folder {self._folder.as_posix()!r}; give --lockfile a path in it"
            raise LockfileError(msg)
        try:
            ran = subprocess.run(  # noqa: S603 - git with fixed commands
                ["git", *arguments],  # noqa: S607 - the git of the caller
                cwd=self._folder,
                capture_output=True,
                check=False,
                env=environment,
                timeout=LONGEST_WAIT_SECONDS,
            )
            text = ran.stdout.decode("utf-8-sig").replace("\r\n", "\n")
        except FileNotFoundError as error:
            msg = (
                f"git is not on PATH, so revisions cannot be read; install it, or {_FILES_INSTEAD}"
            )
            raise LockfileError(msg) from error
        except subprocess.TimeoutExpired as error:
            msg = f"git did not answer within {LONGEST_WAIT_SECONDS:g} seconds; {_FILES_INSTEAD}"
            raise LockfileError(msg) from error
        except UnicodeDecodeError as error:
            msg = f"git {arguments[-1]} is not UTF-8 at byte {error.start}; run: uv lock"
            raise LockfileError(msg) from error
        told = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        is_blob = arguments[0] == "cat-file"
        return (
            ran.returncode,
            text if is_blob else text.strip(),
            printable(told[-1] if told else ""),
        )
