"""Check the groups and extras of a whole workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.lockfile.toml_text import tables_in, text_in
from tta_dev_primitives.devtools.workspace.asking_uv import find_uv
from tta_dev_primitives.devtools.workspace.finding import Finding, in_order
from tta_dev_primitives.devtools.workspace.lock_state import read_lock_tree
from tta_dev_primitives.devtools.workspace.members import normal, read_workspace
from tta_dev_primitives.devtools.workspace.settings import ignored_rules, texts_at
from tta_dev_primitives.devtools.workspace.unreadable import telling_what_is_unreadable

from . import floors, naming, resolution, standard
from .declared import Declared, read_declared
from .mentions import Mentions, find_mentions
from .rules import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from tta_dev_primitives.devtools.workspace.members import Workspace

_TABLE = ("tool", "tta", "groups")


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    Args:
        declared: The groups and extras there are.
        mentions: Who names them.
        findings: Sorted by place.
    """

    declared: Declared
    mentions: Mentions
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> str:
        """Return one line for groups without findings."""
        extras = sum(map(len, self.declared.extras.values()))
        return (
            f"clean: {len(self.declared.groups)} groups and {extras} extras, "
            f"named {len(self.mentions.names)} times in {self.mentions.files} files"
        )


@telling_what_is_unreadable()
def check_groups(here: Path) -> Report:
    """Check the groups of the workspace that *here* lies in; nothing is changed.

    The root's `[tool.tta.groups]` may set `ignore` (rules), `skip` (patterns of files that are
    not searched for commands), `examples` (names made up on purpose) and `shipped-tools`.

    Args:
        here: The root, or a folder below.

    Raises:
        PyprojectError: There is no workspace, or a file cannot be judged.
        LockfileError: The lock cannot be judged.
        UvError: uv is not on PATH, or does not end.
        MissingExtraError: dependency-groups or packaging is not installed.
    """
    workspace = read_workspace(here)
    root = workspace.pyproject
    ignored = ignored_rules(root, _TABLE[-1], [*Rule])
    lock = read_lock_tree(workspace) or {}
    find_uv()
    declared = read_declared(workspace)
    mentions = find_mentions(workspace, texts_at(root, *_TABLE, "skip"))
    locked = frozenset(
        normal(text_in(package, "name") or "") for package in tables_in(lock.get("package"))
    )
    found = [
        *find_in_files(workspace, declared),
        *naming.find_unknown(mentions, declared, locked, texts_at(root, *_TABLE, "examples")),
        *naming.find_unused(declared, mentions, root),
    ]
    # uv refuses every command while a file says something about groups that it cannot read.
    refused = {Rule.BAD_GROUP, Rule.GROUP_CYCLE, Rule.GROUP_NAME_COLLISION, Rule.UNKNOWN_INCLUDE,
               Rule.UNKNOWN_DEFAULT_GROUP}  # fmt: skip
    if lock and not any(finding.rule in refused for finding in found):
        found += resolution.find(workspace, declared.groups)
    kept = in_order(finding for finding in found if finding.rule not in ignored)
    return Report(declared, mentions, kept)


def find_in_files(workspace: Workspace, declared: Declared) -> tuple[Finding, ...]:
    """Judge what the files of a workspace declare, without asking uv.

    Raises:
        PyprojectError: A setting is none.
        MissingExtraError: dependency-groups or packaging is not installed.
    """
    shipped = texts_at(workspace.pyproject, *_TABLE, "shipped-tools")
    return in_order(
        [
            *standard.find(declared.groups),
            *standard.find_unknown_defaults(workspace.files, declared.group_names),
            *floors.find_different_floors(workspace),
            *floors.find_tools_in_project(workspace, shipped),
        ]
    )
