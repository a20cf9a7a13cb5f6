"""What tells two builds of one version of a distribution apart."""

from __future__ import annotations

import csv
import functools
import hashlib
import itertools
import json
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.metadata import Distribution

LOCK_NAME: Final = "uv.lock"
MAX_FILES: Final = 20_000
MAX_CONTENT_BYTES: Final = 33_554_432
_SKIPPED_FOLDERS: Final = frozenset({"__pycache__", "node_modules"})


def normalised(name: str) -> str:
    """Return the one spelling of a distribution's name: lower case, with dashes."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def build_hash(distribution: Distribution, locked: str | None) -> str | None:
    """Return a text that differs between builds of this version, or None where none is known.

    What was installed from somewhere else than an index says so in its `direct_url.json`: a commit
    or an archive is known by its hash, a folder by the files that were installed from it, and
    an editable folder by the files that are in it now. For the rest the lock may know.

    Args:
        distribution: What is installed.
        locked: What the lock says of it.

    Raises:
        ConfigurationError: The folder of an editable installation holds too many files.
    """
    origin: dict[str, Any] = json.loads(distribution.read_text("direct_url.json") or "{}")
    if "vcs_info" in origin:
        return f"commit:{origin['vcs_info'].get('commit_id')}"
    if "dir_info" in origin:
        if origin["dir_info"].get("editable"):
            return f"files:{_hash_of_folders(_source_folders(distribution, origin['url']))}"
        return f"files:{_hash_of_installed_files(distribution)}"
    archive: dict[str, Any] = origin.get("archive_info", {})
    known: dict[str, str] = archive.get("hashes") or {}
    if known:
        return f"archive:{_hash_of(f'{name}={value}' for name, value in sorted(known.items()))}"
    return f"archive:{_hash_of([archive['hash']])}" if archive.get("hash") else locked


def lock_hashes(
    lock: str | os.PathLike[str] | None,
) -> Mapping[tuple[str, str], str]:
    """Return what *lock* knows of each name and version: one hash over its sources and files.

    Args:
        lock: Path of a `uv.lock`; `auto` for the one beside the environment that runs this, if
            there is one; None for none.

    Raises:
        ConfigurationError: The file cannot be read, or is no lock of uv's.
    """
    if lock is None:
        return {}
    path = Path(sys.prefix).parent / LOCK_NAME if lock == "auto" else Path(lock)
    try:
        status = path.stat()
        return _read_lock(path.absolute(), status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        if lock == "auto":
            return {}
        msg = f"there is no lock at {path}; run uv lock, or leave lock= out"
        raise ConfigurationError(msg) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path} cannot be read as a lock of uv ({error!r}); run uv lock"
        raise ConfigurationError(msg) from error


# Reading a large lock takes some 60 ms, and an application has several caches and one lock.
@functools.lru_cache(maxsize=4)
def _read_lock(path: Path, changed_at: int, size: int) -> Mapping[tuple[str, str], str]:
    del changed_at, size  # they tell this content of the file from another
    with path.open("rb") as file:
        packages: list[dict[str, Any]] = tomllib.load(file)["package"]
    sources: dict[tuple[str, str], list[str]] = {}
    for package in packages:
        # An address of files is not hashed: the same file may come from a mirror.
        files = [*package.get("wheels", []), package.get("sdist", {})]
        found = [str(file["hash"]) for file in files if "hash" in file]
        revision = package["source"].get("git")
        if revision is not None:
            found.append(str(revision))
        if found and "version" in package:
            # One version may stand there twice, from two sources for two platforms.
            name = normalised(package["name"])
            sources.setdefault((name, str(package["version"])), []).extend(found)
    return {key: f"lock:{_hash_of(sorted(found))}" for key, found in sources.items()}


def _source_folders(distribution: Distribution, url: str) -> list[Path]:
    """Return the folders that an editable installation puts on the import path."""
    folders: list[Path] = []
    for name, _ in _recorded(distribution):
        if name.endswith(".pth") and "/" not in name:
            text = Path(str(distribution.locate_file(name))).read_text(encoding="utf-8")
            lines = filter(None, map(str.strip, text.splitlines()))
            folders.extend(Path(str(distribution.locate_file(line))) for line in lines)
    # A line may also be code for an import hook; then the folder of the project has to do.
    folders = [folder for folder in folders if folder.is_dir()]
    if not folders:
        path = unquote(urlsplit(url).path)
        folders.append(Path(path.lstrip("/") if sys.platform == "win32" else path))
    return folders


def _hash_of_installed_files(distribution: Distribution) -> str:
    # Scripts and metadata hold the installer's name and the environment's path.
    return _hash_of(
        f"{name}={content}"
        for name, content in sorted(_recorded(distribution))
        if content and not name.startswith("..") and ".dist-info/" not in name
    )


def _recorded(distribution: Distribution) -> Iterator[tuple[str, str]]:
    """Yield name and hash of each file that the installer noted."""
    for row in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        if len(row) > 1:
            yield row[0], row[1]


def _hash_of_folders(folders: list[Path]) -> str:
    """Hash names and contents of what can be imported from *folders*, and of what lies with it.

    Files beyond the first 32 MiB count with their size and time of change instead of content.
    """
    parts: list[str] = []
    left = MAX_CONTENT_BYTES
    for folder in folders:
        files = sorted(itertools.islice(_package_files(folder), MAX_FILES + 1))
        if len(files) > MAX_FILES:
            msg = (
                f"{folder} is installed editable and holds more than {MAX_FILES} files; give its "
                "packages a src folder of their own, or leave it out of depends_on"
            )
            raise ConfigurationError(msg)
        for path in files:
            try:
                status = path.stat()
                left -= status.st_size
                content = f"{status.st_size}@{status.st_mtime_ns}"
                if left >= 0:
                    with path.open("rb") as file:
                        content = hashlib.file_digest(file, "sha256").hexdigest()
            except FileNotFoundError:
                continue  # an editor's file that was there a moment ago, or a link to nowhere
            parts.append(f"{path.relative_to(folder).as_posix()}={content}")
    return _hash_of(parts)


def _package_files(folder: Path) -> Iterator[Path]:
    """Yield every Python file below *folder*, and every other file inside a package.

    A project's folder also holds what no code imports: documents, environments, results.
    """
    packages: set[str] = set()
    for place, folders, files in os.walk(folder):
        inside = "__init__.py" in files or place in packages
        folders[:] = [
            name
            for name in folders
            if not (name.startswith(".") or name in _SKIPPED_FOLDERS)
            and not (Path(place) / name / "pyvenv.cfg").exists()
        ]
        if inside:
            packages.update(str(Path(place) / name) for name in folders)
        for name in files:
            if name.endswith(".py") or (inside and not name.startswith(".")):
                yield Path(place) / name


def _hash_of(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
