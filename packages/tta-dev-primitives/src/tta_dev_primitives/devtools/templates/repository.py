"""The shipped templates as a git repository, which is what `copier update` compares by.

Every release of this package ships all versions of the templates there ever were, each in a folder
of its own: v1, v2 and so on. Each becomes one commit with a tag. Author and date are fixed, so that
the commits are the same on every machine, and a package made on one can be updated on another.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from .git import git
from .refusal import Rule, TemplateRefusedError

# Written into every generated package; with the user's own folder in it, it would be of no use to
# anybody else. copier puts the home folder in.
SOURCE: Final = "~/.cache/tta-dev-primitives/templates"
SHIPPED: Final = Path(__file__).parent
_DIGEST_FILE: Final = "tta-digest"
_SETTINGS: Final = ("core.autocrlf=false", "core.fileMode=false", "commit.gpgSign=false")


def versions(shipped: Path = SHIPPED) -> list[Path]:
    """Return the folders of all versions, the oldest first."""
    found = [folder for folder in shipped.glob("v*") if folder.name[1:].isdigit()]
    return sorted(found, key=lambda folder: int(folder.name[1:]))


def ensure_repository(shipped: Path = SHIPPED, source: str = SOURCE) -> str:
    """Make the repository, unless it is there with just these versions; return its version.

    It is made beside its place and then moved there, so that nobody meets half of one.

    Raises:
        TemplateRefusedError: There is no git, or git failed.
        OSError: The folder cannot be written.
    """
    place = Path(source).expanduser()
    folders = versions(shipped)
    digest = _digest(folders)
    latest = folders[-1].name
    if _digest_of(place) == digest:
        return latest
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".templates-", dir=place.parent) as scratch:
        made = Path(scratch) / "new"
        _commit_all(made, folders)
        (made / ".git" / _DIGEST_FILE).write_text(digest, encoding="utf-8")
        if place.exists():
            place.rename(Path(scratch) / "old")
        try:
            made.rename(place)
        except OSError:
            # Somebody else was quicker. Theirs will do if it is the same.
            if _digest_of(place) != digest:
                raise
    return latest


def _commit_all(repository: Path, folders: list[Path]) -> None:
    repository.mkdir()
    _run(repository, "init", "--quiet", "--template=", "--initial-branch=main")
    for number, folder in enumerate(folders):
        for old in repository.iterdir():
            if old.name != ".git":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(folder, repository, dirs_exist_ok=True, copy_function=shutil.copyfile)
        _run(repository, "add", "--all", "--force")
        date = f"{1_700_000_000 + number} +0000"
        _run(repository, "commit", "--quiet", "--no-verify", "-m", folder.name, date=date)
        _run(repository, "tag", folder.name)


def _run(repository: Path, *arguments: str, date: str = "1700000000 +0000") -> None:
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {
            f"GIT_{role}_NAME": "templates",
            f"GIT_{role}_EMAIL": "templates@tta.invalid",
            f"GIT_{role}_DATE": date,
        }
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    told = git(repository, *settings, *arguments, environment=environment)
    if told.returncode != 0:
        wrong = f"git {arguments[0]} failed: {told.stderr.strip()}"
        raise TemplateRefusedError(
            Rule.GIT_FAILED, str(repository), wrong, "repair git and try again"
        )


def _digest(folders: list[Path]) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = file.relative_to(folder.parent).as_posix().encode()
            for part in (name, file.read_bytes()):
                digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _digest_of(place: Path) -> str | None:
    try:
        return (place / ".git" / _DIGEST_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
