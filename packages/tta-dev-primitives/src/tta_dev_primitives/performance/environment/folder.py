"""Where a cache that belongs to a project is kept on this machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

TAG_NAME: Final = "CACHEDIR.TAG"
TAG: Final = """\
Signature: 8a477f597d28d172789f06886806bc55
# Everything in this folder can be made again: backups may leave it out, and you may delete it.
# What this file means: https://bford.info/cachedir/
"""
_OURS: Final = (TAG_NAME, ".gitignore", "tta-cache", "fingerprints.")


def project_cache_folder(chosen: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder to use: *chosen*, else `TTA_CACHE_DIR`, else the default.

    The default is `.tta-cache` beside the environment's `.venv`, where that is what Python runs
    in; else `tta-dev` in the user's cache folder. Nothing is made.

    Raises:
        ConfigurationError: The folder lies in a virtual environment, which is deleted when it is
            made anew; or there is no home to look in.
    """
    chosen = chosen or os.environ.get("TTA_CACHE_DIR") or None
    environment = Path(sys.prefix)
    if chosen is not None:
        folder = Path(chosen).absolute()
    elif sys.prefix != sys.base_prefix and _is_of_a_project(environment.name):
        folder = environment.parent / ".tta-cache"
    else:
        folder = user_cache_folder(sys.platform, os.environ) / "tta-dev"
    real = folder.resolve()
    for place in (real, *real.parents):
        if (place / "pyvenv.cfg").exists():
            msg = (
                f"cache folder {folder} lies in the virtual environment {place}, and would be "
                f"deleted with it; take one beside it, such as {place.parent / '.tta-cache'}"
            )
            raise ConfigurationError(msg)
    return folder


def _is_of_a_project(name: str) -> bool:
    # A second environment, for another Python, is called .venv-3.13 or the like.
    return name == ".venv" or name.startswith(".venv-")


def user_cache_folder(platform: str, environment: Mapping[str, str]) -> Path:
    """Return the folder for caches of the user's programs.

    Args:
        platform: As `sys.platform` has it.
        environment: The variables of the process.

    Raises:
        ConfigurationError: There is no home folder.
    """
    # A relative path in these variables is invalid, and would mean another folder in each place.
    named = environment.get("LOCALAPPDATA" if platform == "win32" else "XDG_CACHE_HOME", "")
    if platform != "darwin" and Path(named).is_absolute():
        return Path(named)
    try:
        home = Path.home()
    except RuntimeError as error:
        msg = "this user has no home folder to cache in; set TTA_CACHE_DIR or pass cache_dir="
        raise ConfigurationError(msg) from error
    if platform == "darwin":
        return home / "Library" / "Caches"
    return home / "AppData" / "Local" if platform == "win32" else home / ".cache"


def mark_folder(folder: Path) -> None:
    """Make *folder*, and mark it as a cache for backup programs and for git.

    A folder that is marked already, or holds anything that is not a cache's, is left as it is.

    Raises:
        OSError: It cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [path.name for path in folder.iterdir()]
    if TAG_NAME in names or not all(name.startswith(_OURS) for name in names):
        return
    if ".gitignore" not in names:
        write_atomically(folder / ".gitignore", "*\n")
    # Last, as it says that all of it is done.
    write_atomically(folder / TAG_NAME, TAG)


def write_atomically(path: Path, text: str) -> None:
    """Put *text* into *path* in one step: readers find the old file or the new one, whole."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
