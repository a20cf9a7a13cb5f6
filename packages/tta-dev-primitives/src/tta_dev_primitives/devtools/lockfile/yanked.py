"""What is known to be withdrawn, from data that somebody has already; nothing is fetched."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from .lockfile_error import LockfileError
from .toml_text import is_list, is_table, tables_in, text_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from .locked import Package

_WARNING: Final = re.compile(
    r"`(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^`\s]+)` is yanked"
    r"(?: \(reason: \"(?P<reason>[^\"]*)\"\))?"
)


class Withdrawals:
    """Answers whether a version, or the files that a lock has of it, were withdrawn."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], str] = {}
        self._files: dict[str, str] = {}

    def reason(self, package: Package) -> str | None:
        """Return why *package* was withdrawn, empty where nobody says; None where it was not."""
        told = self._versions.get((_normalised(package.name), package.version or ""))
        if told is not None or not package.files:
            return told
        reasons = [self._files.get(file.name) for file in package.files]
        # One file that can still be had keeps the version alive.
        return None if None in reasons else next((each for each in reasons if each), "")

    def read(self, path: Path) -> None:
        """Take in a file or every file of a folder.

        A file holds a project's page as an index serves it in JSON (PEP 691), or text in which
        uv warns of yanked versions, as it does when it resolves.

        Raises:
            LockfileError: It cannot be read, or is JSON that is no project's page.
        """
        is_folder = path.is_dir()
        for file in _files(path):
            try:
                text = file.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                msg = f"cannot read {file.as_posix()}: {error}; give --yanked a file or a folder"
                raise LockfileError(msg) from error
            if text.lstrip()[:1] == "{":
                self._read_page(text, file.as_posix(), is_certain=not is_folder)
            else:
                for found in _WARNING.finditer(text):
                    key = (_normalised(found["name"]), found["version"])
                    self._versions[key] = found["reason"] or ""

    def _read_page(self, text: str, label: str, *, is_certain: bool) -> None:
        try:
            page: object = json.loads(text)
        except (ValueError, RecursionError) as error:
            msg = f"{label} is not JSON: {error}; save the page of the index again"
            raise LockfileError(msg) from error
        if not is_table(page) or not is_list(page.get("files")):
            if not is_certain:
                return  # an index has other JSON beside its projects' pages
            msg = f"{label} is no project's page of an index: it lists no files"
            raise LockfileError(msg)
        for file in tables_in(page["files"]):
            name = text_in(file, "filename")
            if name and file.get("yanked"):
                self._files[name] = text_in(file, "yanked") or ""


def read_withdrawals(paths: Iterable[Path]) -> Withdrawals:
    """Read everything that *paths* know; no path means that nothing is known."""
    found = Withdrawals()
    for path in paths:
        found.read(path)
    return found


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in sorted(path.rglob("*.json")) if file.is_file())
    else:
        yield path


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
