"""Finding the files to check: what is named, and what lies in folders that are named."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import ConfigurationError

from .path_patterns import matches_any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUFFIXES: Final = (".py", ".ipynb")
SKIPPED_FOLDERS: Final = frozenset(
    {
        "__pycache__",
        "__pypackages__",
        ".bzr",
        ".cache",
        ".direnv",
        ".eggs",
        ".git",
        ".hg",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".tta_cache",
        ".venv",
        "node_modules",
        "site-packages",
        "venv",
    }
)
BUILT_FOLDERS: Final = frozenset({"build", "dist"})
_GIT_SECONDS: Final = 20.0


@dataclass(slots=True)
class Found:
    """The files to check, each once and in order, and what could not be looked into, with why."""

    files: list[str] = field(default_factory=list[str])
    unreadable: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def find_files(paths: Sequence[str], root: Path, exclude: Sequence[str] = ()) -> Found:
    """Find the Python files and notebooks that *paths* name or hold.

    A file that is named is taken whatever its suffix. In folders, other projects' files are left
    out: virtual environments, `node_modules`, caches, what git ignores, and `build` and `dist`
    unless they are packages. Links to folders are not followed. `exclude` counts everywhere.

    Args:
        paths: Files and folders.
        root: The folder that the patterns are relative to.
        exclude: Path patterns.

    Raises:
        ConfigurationError: A path does not exist, or is neither a file nor a folder.
    """
    found = Found()
    taken: set[str] = set()
    root_text = os.path.realpath(root)
    for path in paths:
        for candidate in _candidates(path, found, _Excluded(root_text, exclude)):
            real = os.path.realpath(candidate)
            if real not in taken:
                taken.add(real)
                found.files.append(shown(candidate))
    found.files.sort()
    return found


def shown(path: str) -> str:
    """Return a path as the linter writes it: with `/`, relative if below the current folder."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links
    folder = os.getcwd()  # noqa: PTH109
    beneath = absolute.startswith(folder.rstrip(os.sep) + os.sep)
    relative = os.path.relpath(absolute, folder) if beneath else absolute
    return relative.replace(os.sep, "/")


def is_excluded(path: str, root: Path, patterns: Sequence[str]) -> bool:
    """Tell whether a file fits one of *patterns*, which are relative to *root*."""
    return _Excluded(os.path.realpath(root), patterns)(path)


class _Excluded:
    def __init__(self, root: str, patterns: Sequence[str]) -> None:
        self._root, self._patterns = root, patterns

    def __call__(self, path: str) -> bool:
        if not self._patterns:
            return False
        folder, name = os.path.split(path)
        relative = os.path.relpath(os.path.join(os.path.realpath(folder), name), self._root)  # noqa: PTH118
        return matches_any(relative.replace(os.sep, "/"), self._patterns)


def _candidates(path: str, found: Found, excluded: _Excluded) -> Iterator[str]:
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        msg = f"cannot read {path}: {reason}"
        raise ConfigurationError(msg) from error
    if stat.S_ISDIR(mode):
        yield from _walk(path, found, excluded)
    elif stat.S_ISREG(mode):
        if not excluded(path):
            yield path
    else:
        msg = f"{path} is neither a file nor a folder; pass code on standard input with -"
        raise ConfigurationError(msg)


def _walk(top: str, found: Found, excluded: _Excluded) -> Iterator[str]:
    ignored = ignored_by_git(top)
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            found.unreadable.append((shown(folder), error.strerror or str(error)))
            continue
        names = {entry.name for entry in listed}
        if folder != top and _is_skipped(folder, names):
            continue
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                path = entry.path
                if entry.name not in SKIPPED_FOLDERS and not (path in ignored or excluded(path)):
                    waiting.append(path)
            elif (
                entry.name.endswith(SUFFIXES)
                and _is_file(entry, found)
                and entry.path not in ignored
                and not excluded(entry.path)
            ):
                yield entry.path


def _is_file(entry: os.DirEntry[str], found: Found) -> bool:
    try:
        return entry.is_file()
    except OSError as error:  # a link that leads to itself
        found.unreadable.append((shown(entry.path), error.strerror or str(error)))
        return False


def _is_skipped(folder: str, names: set[str]) -> bool:
    """Tell whether a folder holds no sources of this project."""
    if "pyvenv.cfg" in names:
        return True
    return os.path.basename(folder) in BUILT_FOLDERS and "__init__.py" not in names  # noqa: PTH119


def ignored_by_git(folder: str) -> frozenset[str]:
    """Return the files and folders below *folder* that git ignores; none without git."""
    # The monitor that a repository's own configuration may name is a program: it is not started.
    command = ["git", "-c", "core.fsmonitor=false", "ls-files", "-z", "--others", "--ignored"]
    command += ["--exclude-standard", "--directory"]
    try:
        ran = subprocess.run(  # noqa: S603
            command, cwd=folder, capture_output=True, check=False, timeout=_GIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()  # no git here: nothing is ignored by it
    if ran.returncode != 0:
        return frozenset()  # no repository
    listed = os.fsdecode(ran.stdout).split("\0")
    names = [name.rstrip("/").replace("/", os.sep) for name in listed if name]
    return frozenset(os.path.join(folder, name) for name in names)  # noqa: PTH118 - many of them
