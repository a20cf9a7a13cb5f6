"""Compare the installed environment of a workspace with its lock."""

from __future__ import annotations

import os
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.lockfile.toml_text import tables_in, text_in

from .asking_uv import ask_uv
from .finding import Finding
from .members import Workspace, normal
from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_NAMES: Final = 5
# uv leaves these alone in an environment that another tool has made.
_SEEDS: Final = frozenset({"pip", "setuptools", "uv", "wheel"})


def environment_of(workspace: Workspace) -> Path:
    """Return the folder of the environment that uv uses, whether it is there or not."""
    return workspace.root / (os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv")


def find(workspace: Workspace, lock: dict[str, object]) -> Iterator[Finding]:
    """Judge what is installed: versions, what is too much, and what `uv sync` would add.

    Extras and groups that somebody has installed besides the default ones are no findings as
    long as they have the locked version. Where there is no environment, nothing differs.

    Raises:
        UvError: uv cannot be asked.
    """
    environment = environment_of(workspace)
    if not (environment / "pyvenv.cfg").is_file():
        return
    place = workspace.label(environment)
    locked: dict[str, set[str]] = {}
    for package in tables_in(lock.get("package")):
        versions = locked.setdefault(normal(text_in(package, "name") or ""), set())
        # A package whose version is made at build time has none in the lock.
        versions.add(text_in(package, "version") or "")
    other: list[str] = []
    foreign: list[str] = []
    for name, version in sorted(installed(environment).items()):
        if name not in locked:
            foreign += [] if name in _SEEDS else [f"{name} {version}"]
        elif "" not in locked[name] and version not in locked[name]:
            other.append(f"{name} {version} instead of {' or '.join(sorted(locked[name]))}")
    if other:
        message = f"{_listed(other)} is installed, which the lock does not say"
        yield Finding(Rule.ENVIRONMENT_DIFFERS, place, message, "run: uv sync --locked")
    if foreign:
        message = f"{_listed(foreign)} is installed, but no package of the lock"
        fix = "add it to a group or an extra; uv sync --locked takes it out"
        yield Finding(Rule.ENVIRONMENT_DIFFERS, place, message, fix)
    if not other:
        asked = ask_uv(workspace.root, "sync", "--frozen", "--inexact", "--check")
        if asked.code != 0:
            message = "uv sync would change what is installed by default"
            fix = "run: uv sync --locked"
            yield Finding(Rule.ENVIRONMENT_DIFFERS, place, message, fix, asked.said)


def installed(environment: Path) -> dict[str, str]:
    """Return the installed packages of an environment, by normalised name."""
    folders = [*environment.glob("lib/python3*/site-packages"), environment / "Lib/site-packages"]
    found = distributions(path=[str(folder) for folder in folders if folder.is_dir()])
    return {normal(each.name): each.version for each in found if each.name}


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - _MOST_NAMES} more" if len(items) > _MOST_NAMES else ""
    return ", ".join(items[:_MOST_NAMES]) + more
