"""Compare a workspace with what uv and its lock know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError
from tta_dev_primitives.devtools.lockfile.reading import read_text, read_tree
from tta_dev_primitives.devtools.lockfile.toml_text import table_at, texts_in

from .asking_uv import ask_uv
from .finding import Finding
from .members import Workspace, normal
from .pyproject import FILE_NAME
from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK: Final = "uv.lock"


def read_lock_tree(workspace: Workspace) -> dict[str, object] | None:
    """Return the tables of the workspace's lock, None where there is none.

    Raises:
        LockfileError: It cannot be judged: a folder in its place, a merge conflict, no TOML, or a
            version that is not known.
    """
    path = workspace.root / LOCK
    if path.is_file():
        return read_tree(read_text(path), LOCK)
    if path.exists() or path.is_symlink():
        msg = f"{LOCK} is no file; move it away, then run: uv lock"
        raise LockfileError(msg)
    return None


def find(workspace: Workspace, lock: dict[str, object] | None) -> Iterator[Finding]:
    """Ask uv for its members, and whether the lock is as the files want it.

    Raises:
        UvError: uv cannot be asked.
    """
    listed = ask_uv(workspace.root, "workspace", "list")
    if listed.code != 0:
        yield _refusal("workspace list", listed.said)
        return
    seen = {normal(name) for name in listed.printed.split()}
    yield from _unlike(workspace, seen)
    if lock is None:
        message = f"there is no {LOCK}, so everybody installs something else"
        yield Finding(Rule.MISSING_LOCK, LOCK, message, "run: uv lock, and commit the file")
        return
    for name in texts_in(table_at(lock, "manifest").get("members")):
        if normal(name) not in seen:
            yield Finding(
                Rule.LOST_MEMBER,
                LOCK,
                f"the lock has the member {name!r}, and uv does not find it any more",
                "restore its folder; if it is gone on purpose, run: uv lock",
            )
    checked = ask_uv(workspace.root, "lock", "--check")
    if checked.code != 0 and "needs to be updated" in checked.said:
        yield Finding(
            Rule.STALE_LOCK,
            LOCK,
            "the lock does not say what the pyproject.toml files ask for",
            "run: uv lock, and commit both files together",
            checked.said,
        )
    elif checked.code != 0:
        yield _refusal("lock --check", checked.said)


def _unlike(workspace: Workspace, seen: set[str]) -> Iterator[Finding]:
    place = workspace.pyproject.place("tool", "uv", "workspace", "members")
    for name in sorted(workspace.names - seen):
        message = f"{name!r} is among the members by its files, but uv does not list it"
        fix = "compare with: uv workspace list"
        yield Finding(Rule.UNSEEN_MEMBER, place, message, fix)
    for name in sorted(seen - workspace.names):
        message = f"uv lists the member {name!r}, which the patterns of the root do not match"
        fix = "compare with: uv workspace list"
        yield Finding(Rule.UNSEEN_MEMBER, place, message, fix)


def _refusal(command: str, said: str) -> Finding:
    message = f"uv cannot work with this workspace; it refused: uv {command}"
    return Finding(Rule.UV_REFUSES, FILE_NAME, message, "do what uv says below", said)
