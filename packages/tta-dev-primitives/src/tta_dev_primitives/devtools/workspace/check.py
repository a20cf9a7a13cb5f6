"""Check a whole workspace: its files first, then what uv says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import environment, lock_state, membership, pythons, root, sources
from .asking_uv import find_uv
from .finding import Finding, in_order
from .members import Workspace, name_of, read_workspace
from .rules import Rule
from .settings import ignored_rules
from .unreadable import telling_what_is_unreadable

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    Args:
        workspace: The workspace as its files say.
        findings: Sorted by place.
    """

    workspace: Workspace
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        """Return one line for a workspace without findings."""
        names = sorted(name_of(member) or member.label for member in self.workspace.members)
        return f"clean: {len(names)} members, {', '.join(names)}" if names else "clean: no members"


@telling_what_is_unreadable()
def check_workspace(here: Path, *, with_environment: bool = True) -> Report:
    """Check the workspace that *here* lies in; nothing is changed and nothing is installed.

    uv is asked only when the files have no mistake that makes it refuse every command, so a
    mistake is told once, with its place. `[tool.tta.workspace] ignore` leaves rules out.

    Args:
        here: The root, or a folder below.
        with_environment: Whether the installed environment is compared with the lock.

    Raises:
        PyprojectError: There is no workspace, or a file cannot be judged.
        LockfileError: The lock cannot be judged.
        UvError: uv is not on PATH, or does not end.
        MissingExtraError: packaging is not installed.
    """
    workspace = read_workspace(here)
    ignored = ignored_rules(workspace.pyproject, "workspace", [*Rule])
    lock = lock_state.read_lock_tree(workspace)
    find_uv()
    found = list(find_in_files(workspace))
    if not any(finding.uv_says.startswith(("error", "`")) for finding in found):
        found += lock_state.find(workspace, lock)
        is_sound = not any(each.rule in {Rule.STALE_LOCK, Rule.UV_REFUSES} for each in found)
        if lock is not None and is_sound and with_environment:
            found += environment.find(workspace, lock)
    return Report(workspace, in_order(each for each in found if each.rule not in ignored))


def find_in_files(workspace: Workspace) -> tuple[Finding, ...]:
    """Judge the files of a workspace alone, without asking uv.

    Raises:
        PyprojectError: A range of Pythons is none.
        MissingExtraError: packaging is not installed.
    """
    return in_order(
        [
            *membership.find(workspace),
            *sources.find(workspace),
            *root.find_building_root(workspace),
            *root.find_legacy_keys(workspace),
            *pythons.find(workspace),
        ]
    )
