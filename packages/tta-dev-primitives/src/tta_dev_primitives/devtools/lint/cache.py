"""The cache of a project: what was found in files whose content, and all it hangs on, is the same.

It is one JSON file, written at once. A damaged one is like none at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from .writing import write_atomically

if TYPE_CHECKING:
    from .settings import Settings

FOLDER: Final = ".tta_cache"
_FILE: Final = "lint.json"
_READ_BY_RULES: Final = ("genai-prices",)  # packages whose data changes what rules find


@dataclass(slots=True)
class Entry:
    """What is known of a file.

    Args:
        digest: Of its content.
        facts: Digest of what it tells others, "" where nobody has asked.
        outcome: What was found in it, None where it was not checked.
        questions: What the outcome hangs on.
    """

    digest: str
    facts: str = ""
    outcome: dict[str, Any] | None = None  # Any: JSON
    questions: list[Any] | None = None  # Any: JSON


@dataclass(slots=True)
class Cache:
    """What earlier runs found.

    Args:
        entries: By path.
        files: Stands for the paths of all files that were known.
    """

    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    files: str = ""


def cache_folder(root: Path) -> Path | None:
    """Return where the cache of a project lives; None where *root* is no project."""
    is_project = (root / "pyproject.toml").is_file() or (root / ".git").exists()
    return root / FOLDER if is_project else None


def read_cache(folder: Path, settings: Settings) -> Cache:
    """Read the cache. Outcomes found with other settings are left out, facts are kept."""
    try:
        document: object = json.loads((folder / _FILE).read_bytes())
        if not _is_table(document) or document.get("version") != linter_version():
            return Cache()
        keeps_outcomes = document.get("settings") == _settings_digest(settings)
        return Cache(
            {
                path: _decoded(entry, keeps_outcomes=keeps_outcomes)
                for path, entry in document["files"].items()
            },
            document["known"],
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Cache()  # damaged, or not there


def write_cache(folder: Path, cache: Cache, settings: Settings) -> None:
    """Write the cache, and a note that keeps its folder out of git.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(exist_ok=True)
    note = folder / ".gitignore"
    if not note.exists():
        write_atomically(note, b"*\n")
    document = {
        "version": linter_version(),
        "settings": _settings_digest(settings),
        "known": cache.files,
        "files": {
            path: [entry.digest, entry.facts, entry.outcome, entry.questions]
            for path, entry in cache.entries.items()
        },
    }
    text = json.dumps(document, separators=(",", ":"))
    write_atomically(folder / _FILE, text.encode("utf-8", "surrogatepass"))


def linter_version() -> str:
    """Return what changes when the same file may be seen in another way.

    The linter's own source counts, so that nobody who writes a rule is shown what it found before.
    """
    global _linter_version  # noqa: PLW0603 - read once for a process
    if not _linter_version:
        told = hashlib.blake2b(digest_size=16)
        told.update(f"{sys.version_info[:2]} {os.sep}".encode())
        for name in _READ_BY_RULES:
            told.update(f"{name} {_installed(name)}\0".encode())
        own = Path(__file__).parents[1]
        for file in sorted(own.glob("*/*.py")):
            told.update(file.read_bytes())
        _linter_version = told.hexdigest()
    return _linter_version


_linter_version = ""


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _settings_digest(settings: Settings) -> str:
    # Paths are kept as they are shown, which depends on the current folder.
    told = f"{settings!r}\0{os.getcwd()}"  # noqa: PTH109 - as it is shown
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _decoded(data: list[Any], *, keeps_outcomes: bool) -> Entry:  # Any: JSON
    digest, facts, outcome, questions = data
    entry = Entry(digest, facts)
    if keeps_outcomes and outcome is not None and questions is not None:
        entry.outcome, entry.questions = outcome, questions
    return entry


def _is_table(value: object) -> TypeGuard[dict[str, Any]]:  # Any: JSON
    return isinstance(value, dict)
