"""Let uv take every group by itself from the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.workspace.asking_uv import ask_uv
from tta_dev_primitives.devtools.workspace.finding import Finding
from tta_dev_primitives.devtools.workspace.members import name_of

from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tta_dev_primitives.devtools.workspace.members import Workspace

    from .declared import Group


def find(workspace: Workspace, groups: Iterable[Group]) -> Iterator[Finding]:
    """Find groups that cannot be installed without another one; each costs one run of uv.

    They are taken from the lock, which needs no network. Where no lock can be made because
    requirements contradict each other, each group is resolved by itself, to tell which is at fault.

    Raises:
        UvError: uv cannot be asked.
    """
    # A lock that is behind knows nothing of a new group, and an export of it is empty.
    checked = ask_uv(workspace.root, "lock", "--check")
    if checked.code == 0:
        yield from _each(workspace, groups, _from_lock)
        return
    contradicts = "No solution found" in checked.said
    faults = list(_each(workspace, groups, _by_itself)) if contradicts else []
    yield from faults
    if not faults:
        wrong = (
            "groups, extras and dependencies contradict each other, though every group can be "
            "installed by itself"
            if contradicts
            else "uv cannot use the lock, so no group was resolved"
        )
        fix = (
            "loosen a bound, or say in [tool.uv] which ones conflict"
            if contradicts
            else "run: uv lock"
        )
        yield Finding(Rule.STALE_LOCK, "uv.lock", wrong, fix, checked.said)


def _each(
    workspace: Workspace,
    groups: Iterable[Group],
    command: Callable[[Workspace, Group], tuple[str, ...]],
) -> Iterator[Finding]:
    for group in groups:
        arguments = command(workspace, group)
        answer = ask_uv(workspace.root, *arguments)
        if answer.code != 0:
            yield Finding(
                Rule.GROUP_UNRESOLVED,
                group.place,
                f"group {group.name} cannot be installed by itself",
                f"see: uv {' '.join(arguments)}",
                answer.said,
            )


def _from_lock(workspace: Workspace, group: Group) -> tuple[str, ...]:
    command = ("export", "--frozen", "--quiet", "--only-group", group.name)
    member = name_of(group.pyproject) if group.pyproject is not workspace.pyproject else None
    return (*command, "--package", member) if member else command


def _by_itself(workspace: Workspace, group: Group) -> tuple[str, ...]:
    where = f"{workspace.label(group.pyproject.path)}:{group.written}"
    return ("pip", "compile", "--universal", "--quiet", "--group", where)
