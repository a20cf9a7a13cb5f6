"""What git says of a folder."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from .refusal import Rule, TemplateRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LONGEST_SECONDS: Final = 60.0


def git(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run git in *folder* and wait for it, at most a minute.

    Raises:
        TemplateRefusedError: There is no git, or it does not end.
    """
    program = shutil.which("git")
    if program is None:
        raise TemplateRefusedError(Rule.NO_GIT, "git", "it is not on PATH", "install it")
    try:
        return subprocess.run(  # noqa: S603 - the program is git and no argument comes from elsewhere
            [program, "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_LONGEST_SECONDS,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        wrong = f"git {arguments[0]} still runs after {_LONGEST_SECONDS:g} s"
        raise TemplateRefusedError(
            Rule.SLOW_GIT, str(folder), wrong, "see what git waits for"
        ) from error


def is_in_repository(folder: Path) -> bool:
    """Tell whether *folder* lies in the work tree of a git repository."""
    told = git(folder, "rev-parse", "--is-inside-work-tree")
    return told.returncode == 0 and told.stdout.strip() == "true"


def check_clean(folder: Path) -> None:
    """Refuse a work tree with changes, from which new files could not be told apart.

    Raises:
        TemplateRefusedError: Something is changed, or git cannot tell.
    """
    told = git(folder, "status", "--porcelain")
    if told.returncode != 0:
        wrong = f"git cannot tell what is changed: {told.stderr.strip()}"
        raise TemplateRefusedError(Rule.NO_GIT_STATUS, str(folder), wrong, "repair the repository")
    changed = told.stdout.splitlines()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        wrong = f"{changed[0][3:]}{more} changed since the last commit"
        raise TemplateRefusedError(
            Rule.DIRTY_TREE, str(folder), wrong, "commit or stash that first"
        )
