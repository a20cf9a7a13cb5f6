"""Look at uv, git and Python as they are on this machine."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.workspace.asking_uv import UvError, ask_uv
from tta_dev_primitives.devtools.workspace.environment import environment_of
from tta_dev_primitives.devtools.workspace.members import name_of
from tta_dev_primitives.devtools.workspace.pythons import read_range

from .answer import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tta_dev_primitives.devtools.workspace.members import Workspace


def look_at_uv(folder: Path, workspace: Workspace | None) -> Answer:
    """Tell whether uv runs here, and is new enough for the workspace.

    Raises:
        PyprojectError: What the workspace asks of uv is no range.
    """
    try:
        told = ask_uv(folder, "--version")
    except UvError as error:
        return Answer("uv", "problem", str(error))
    found = re.match(r"uv (\d+\.\d+\.\d+)", told.printed)
    if told.code != 0 or found is None:
        said = f"uv is on PATH but does not run here: {told.said or told.printed}"
        return Answer("uv", "problem", said.strip(), "install it again: pip install uv")
    wanted = workspace.pyproject.text("tool", "uv", "required-version") if workspace else None
    if workspace is None or wanted is None:
        return Answer("uv", "ok", f"{found[1]} is installed")
    keys = ("tool", "uv", "required-version")
    if read_range(workspace.pyproject, wanted, keys).contains(found[1]):
        return Answer("uv", "ok", f"{found[1]} is installed, and {wanted} is asked for")
    said = f"{found[1]} is installed, but the workspace asks for {wanted}"
    return Answer("uv", "problem", said, "upgrade it: pip install --upgrade uv")


def look_at_git() -> Answer:
    """Tell whether git is there, which `tta lockdiff` and `tta new` need."""
    found = shutil.which("git")
    if found:
        return Answer("git", "ok", f"it is at {found}")
    said = "it is not on PATH; tta lockdiff and tta new need it"
    return Answer("git", "note", said, "install it from your system's packages")


def look_at_python(workspace: Workspace) -> Iterator[Answer]:
    """Tell which Python the workspace runs on, and whether its members allow it.

    Raises:
        PyprojectError: A member's range of Pythons is none.
        UvError: uv cannot be asked.
    """
    environment = environment_of(workspace)
    version = python_of(environment)
    place = workspace.label(environment)
    if version is None:
        found = ask_uv(workspace.root, "python", "find")
        if found.code != 0:
            said = f"uv finds no Python for this workspace: {found.said}"
            yield Answer("Python", "problem", said, "see what there is: uv python list")
            return
        said = f"there is no environment at {place} yet; uv would use {found.printed.strip()}"
        yield Answer("Python", "note", said, "make it: uv sync --locked")
        return
    refusing = [
        f"{name_of(member) or member.label} ({written})"
        for member in workspace.members
        if (written := member.text("project", "requires-python"))
        and not read_range(member, written).contains(version)
    ]
    if refusing:
        said = f"{place} has {version}, which is not allowed by {', '.join(refusing)}"
        yield Answer("Python", "problem", said, "make it anew: delete it, then uv sync --locked")
    else:
        yield Answer("Python", "ok", f"{version} is in {place}")


def python_of(environment: Path) -> str | None:
    """Return the version of an environment's Python, None where there is no environment."""
    try:
        text = (environment / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+(?:\.\d+)?)", text, re.MULTILINE)
    return found[1] if found else None
