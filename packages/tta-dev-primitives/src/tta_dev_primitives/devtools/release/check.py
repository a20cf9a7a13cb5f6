"""Check whether the packages of a workspace can be released."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.workspace import lock_state
from tta_dev_primitives.devtools.workspace.asking_uv import find_uv
from tta_dev_primitives.devtools.workspace.finding import Finding, in_order
from tta_dev_primitives.devtools.workspace.members import Workspace, read_workspace
from tta_dev_primitives.devtools.workspace.settings import ignored_rules
from tta_dev_primitives.devtools.workspace.unreadable import telling_what_is_unreadable

from . import changelog_rules, published_files, python_rules, sibling_rules, version_rules
from .history import History, read_history
from .packages import Package, published_packages
from .rules import Rule
from .tags import ReleaseTag, read_tag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_NAMES: Final = 3


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    Args:
        workspace: The workspace as its files say.
        tag: What was going to be released, None for a look in between.
        is_tagged: Whether git has the tag.
        packages: What is published, or of that what the tag releases.
        findings: Sorted by place.
    """

    workspace: Workspace
    tag: ReleaseTag | None
    is_tagged: bool
    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        """Return one line for packages without findings."""
        names = ", ".join(f"{each.name} {each.version}" for each in self.packages)
        if self.tag is None:
            return f"clean: {names}" if names else "clean: nothing is published"
        state = "is released" if self.is_tagged else "can be tagged"
        return f"clean: {self.tag.text} {state}: {names}"


@telling_what_is_unreadable()
def check_release(here: Path, tag: str | None = None) -> Report:
    """Check the packages of the workspace that *here* lies in; nothing is built or changed.

    Without a tag, this is what should hold of any commit: what is new is told, versions do not
    fall behind, and each package has what indexes want. With one, it is what has to hold of the
    commit with this tag, or of the one that is to get it. `[tool.tta.release] ignore` leaves
    rules out.

    Args:
        here: The root, or a folder below.
        tag: `v1.2.3` for all packages, or `NAME-v1.2.3` for one. It need not be there yet.

    Raises:
        PyprojectError: There is no workspace, or a file cannot be judged.
        ReleaseTagError: The tag is none of a release, or names no package here.
        HistoryError: There is no git, no repository, no commit, or the clone is shallow.
        ChangelogError: A change log cannot be read.
        LockfileError: The lock cannot be judged.
        UvError: uv is not on PATH, or does not end.
        MissingExtraError: packaging is not installed.
    """
    workspace = read_workspace(here)
    ignored = ignored_rules(workspace.pyproject, "release", [*Rule])
    wanted = None if tag is None else read_tag(tag)
    packages = published_packages(workspace, wanted)
    lock = lock_state.read_lock_tree(workspace)
    find_uv()
    history = read_history(workspace.root)
    found = list(find_in_packages(workspace, packages, history, wanted))
    if wanted is not None:
        found += find_in_history(history, wanted)
    found += lock_state.find(workspace, lock)
    findings = in_order(each for each in found if each.rule not in ignored)
    is_tagged = wanted is not None and wanted.text in history.tags
    return Report(workspace, wanted, is_tagged, packages, findings)


def find_in_packages(
    workspace: Workspace, packages: tuple[Package, ...], history: History, tag: ReleaseTag | None
) -> Iterator[Finding]:
    """Judge the files of packages alone, without asking git or uv.

    Raises:
        PyprojectError: A range of Pythons is none.
        ChangelogError: A change log cannot be read.
        MissingExtraError: packaging is not installed.
    """
    tested = python_rules.tested_pythons(workspace.root)
    for package in packages:
        last = version_rules.last_release(package, history, None)
        is_released = package.version is not None and package.version == last
        yield from version_rules.find(workspace, package, history, tag)
        yield from sibling_rules.find(workspace, package)
        yield from changelog_rules.find(workspace, package, tag, is_released=is_released)
        yield from published_files.find(workspace, package)
        yield from python_rules.find(package, tested)


def find_in_history(history: History, tag: ReleaseTag) -> Iterator[Finding]:
    """Judge whether the commit that is checked out is the one that the tag means."""
    if history.changed:
        count = len(history.changed) - _MOST_NAMES
        more = f" and {count} more" if count > 0 else ""
        message = f"changed since the last commit: {', '.join(history.changed[:_MOST_NAMES])}{more}"
        fix = "commit it, or put it away; a release is built from a commit"
        yield Finding(Rule.DIRTY_TREE, history.changed[0], message, fix)
    commit = history.tags.get(tag.text, history.head)
    if commit != history.head:
        message = f"the tag {tag.text} is at {commit[:10]}, and {history.head[:10]} is checked out"
        fix = f"check it out: git switch --detach {tag.text}; a tag that others have stays"
        yield Finding(Rule.TAG_ELSEWHERE, tag.text, message, fix)
