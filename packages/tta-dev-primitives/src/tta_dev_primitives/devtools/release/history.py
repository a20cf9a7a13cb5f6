"""What git knows of the commit that is checked: its tags, and whether anything is changed."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.lockfile.toml_text import printable
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LONGEST_WAIT_SECONDS: Final = 60.0

# A hook of git sets these, and git would look at its repository instead.
_DROPPED: Final = frozenset({
    "GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX", "GIT_WORK_TREE",
})  # fmt: skip
_TAG_FORMAT: Final = "%(refname:strip=2)%09%(objectname)%09%(*objectname)"


class HistoryError(ConfigurationError):
    """Raised when git cannot tell what belongs to a release; the text is one line."""


@dataclass(frozen=True, slots=True)
class History:
    """A commit and what lies behind it.

    Args:
        head: The full name of the commit that is checked out.
        tags: The commit of every tag of the repository.
        earlier: The tags that *head* or a commit behind it has.
        changed: What differs from *head* below the folder, new files included.
    """

    head: str
    tags: Mapping[str, str]
    earlier: frozenset[str]
    changed: tuple[str, ...]


def read_history(folder: Path) -> History:
    """Ask git about the repository around *folder*; nothing is fetched or changed.

    Raises:
        HistoryError: There is no git, no repository, no commit, or the clone is shallow, so that
            it does not know which releases came before.
    """
    where = folder.as_posix()
    code, shallow, told = _git(folder, "rev-parse", "--is-shallow-repository")
    if code:
        msg = f"{where} is not in a git repository that can be read: {told}; clone the project"
        raise HistoryError(msg)
    if shallow == "true":
        msg = (
            f"the clone at {where} is shallow, so earlier releases are not known; run: "
            "git fetch --unshallow --tags (in a workflow: fetch-depth: 0)"
        )
        raise HistoryError(msg)
    code, head, _ = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if code:
        msg = f"the repository at {where} has no commit yet; commit what is to be released"
        raise HistoryError(msg)
    rows = _lines(folder, "for-each-ref", f"--format={_TAG_FORMAT}", "refs/tags")
    tags: dict[str, str] = {}
    for row in rows:
        name, target, peeled = row.split("\t")
        tags[name] = peeled or target  # an annotated tag is an object of its own
    earlier = _lines(folder, "tag", "--list", "--merged", head)
    changed = _lines(folder, "status", "--porcelain", "--", ".")
    return History(head, tags, frozenset(earlier), tuple(row[3:] for row in changed))


def _lines(folder: Path, *arguments: str) -> list[str]:
    code, printed, told = _git(folder, *arguments)
    if code:
        msg = f"git {arguments[0]} failed in {folder.as_posix()}: {told}; repair the repository"
        raise HistoryError(msg)
    return printed.splitlines()


def _git(folder: Path, *arguments: str) -> tuple[int, str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    quiet = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        ran = subprocess.run(  # noqa: S603 - git with fixed commands
            ["git", *arguments],  # noqa: S607 - the git of the caller
            cwd=folder,
            env=kept | quiet,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=LONGEST_WAIT_SECONDS,
        )
    except FileNotFoundError as error:
        msg = "git is not on PATH, so tags and changes are not known; install git"
        raise HistoryError(msg) from error
    except subprocess.TimeoutExpired as error:
        msg = f"git {arguments[0]} still runs after {LONGEST_WAIT_SECONDS:g} s; see what it awaits"
        raise HistoryError(msg) from error
    told = ran.stderr.strip().splitlines()
    return ran.returncode, ran.stdout.rstrip("\n"), printable(told[-1] if told else "")
