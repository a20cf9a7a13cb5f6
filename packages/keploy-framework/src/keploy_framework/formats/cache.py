"""Remember what files say, so that a large set that did not change loads fast."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from keploy_framework.errors import KeployFormatError
from keploy_framework.formats.atomic import write_atomically
from keploy_framework.formats.documents import DocumentFile, read_bytes
from keploy_framework.formats.yaml_text.reading import Document
from keploy_framework.formats.yaml_text.scalars import PlainText

if TYPE_CHECKING:
    from collections.abc import Sequence

# Any: a file may hold anything.
Data: TypeAlias = Any

MAX_CACHE_BYTES: Final = 256 * 1024 * 1024
"""How large the cache may become."""

_FORMAT: Final = 1
_LOG: Final = logging.getLogger(__name__)


class ParseCache:
    """What files said, by a hash of their content, as JSON.

    A changed file is read anew, so is everything when the cache is damaged or gone. A file
    that is damaged is never remembered. Many processes may share a folder.

    Args:
        folder: Where to keep it; ``None`` for this user's cache folder. It holds what the
            recordings hold, so nobody else may read it.
        max_bytes: How large it may become; the oldest parts go first.
    """

    def __init__(self, folder: Path | None = None, *, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self.folder = user_cache_folder() if folder is None else folder
        self._max_bytes = max_bytes

    def read(self, paths: Sequence[Path]) -> list[DocumentFile]:
        """Read files of one folder, in their order, as `DocumentFile.read` does.

        Raises:
            FileNotFoundError: There is no such file.
            OSError: The file system refuses to read one of *paths*; the cache never raises.
        """
        if not paths:
            return []
        pack = self._pack_of(paths)
        known = self._known(pack)
        found: dict[str, Data] = {}
        files: list[DocumentFile] = []
        for path in paths:
            try:
                content = read_bytes(path)
            except KeployFormatError as error:
                files.append(DocumentFile([], path, damaged=[error]))
                continue
            key = hashlib.blake2b(content, digest_size=16).hexdigest() + path.suffix
            file = _unpacked(known[key], path) if key in known else None
            if file is None:
                file = DocumentFile.parse(content, path)
                packed = _packed(file)
            else:
                packed = known[key]
            if packed is not None:
                found[key] = packed
            files.append(file)
        if found.keys() != known.keys():
            self._keep(pack, found)
        return files

    def _pack_of(self, paths: Sequence[Path]) -> Path:
        """Give the file that remembers a folder of tests, or one other file."""
        place = paths[0] if len(paths) == 1 else paths[0].parent
        name = hashlib.blake2b(os.fsencode(place.absolute()), digest_size=16).hexdigest()
        return self.folder / f"{name}.json"

    def _known(self, pack: Path) -> dict[str, Data]:
        try:
            data = json.loads(read_bytes(pack, max_bytes=self._max_bytes))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            _LOG.warning("the cache %s cannot be read (%s); reading the files", pack, error)
            return {}
        if not isinstance(data, dict):
            return {}
        stored = cast("dict[str, Data]", data)
        files = stored.get("files") if stored.get("format") == _FORMAT else None
        return cast("dict[str, Data]", files) if isinstance(files, dict) else {}

    def _keep(self, pack: Path, files: dict[str, Data]) -> None:
        data = json.dumps({"format": _FORMAT, "files": files}, separators=(",", ":")).encode()
        if len(data) > self._max_bytes:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(pack, data, mode=0o600)
            self._trim()
        except OSError as error:
            _LOG.warning("the cache %s cannot be written (%s); going on", pack, error)

    def _trim(self) -> None:
        packs = [(path.stat(), path) for path in self.folder.glob("*.json")]
        packs.sort(key=lambda item: item[0].st_mtime_ns)
        size = sum(status.st_size for status, _ in packs)
        for status, path in packs:
            if size <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            size -= status.st_size


def user_cache_folder() -> Path:
    """Give the folder of this user where parsed recordings are remembered."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        fallback = Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base, fallback = None, Path.home() / "Library" / "Caches"
    else:
        base, fallback = os.environ.get("XDG_CACHE_HOME"), Path.home() / ".cache"
    return (Path(base) if base else fallback) / "keploy-framework" / "parsed"


def _packed(file: DocumentFile) -> Data:
    """Give a file as data for JSON, or ``None`` where JSON cannot say all of it."""
    documents: list[Data] = []
    for document in file.documents:
        special: list[Data] = []
        try:
            data = _plain(document.data, [], special)
        except _NotForJSON:
            return None
        documents.append([document.line, data, special])
    return None if file.damaged else [file.header, file.indent, file.newline, documents]


class _NotForJSON(Exception):  # noqa: N818 - nothing is wrong
    pass


def _plain(value: Data, path: list[Data], special: list[Data]) -> Data:
    """Copy data without what JSON has no form for, and note where that was."""
    kind = value.__class__
    if kind is dict:
        if not all(type(key) is str for key in value):
            raise _NotForJSON
        return {key: _plain(inner, [*path, key], special) for key, inner in value.items()}
    if kind is list:
        return [_plain(inner, [*path, at], special) for at, inner in enumerate(value)]
    if kind is PlainText:
        special.append([path, "text"])
        return str(value)
    if kind is bytes:
        special.append([path, "bytes"])
        return base64.b64encode(value).decode()
    if kind is float and not math.isfinite(value):
        raise _NotForJSON
    return value


def _unpacked(packed: Data, path: Path) -> DocumentFile | None:
    try:
        header, indent, newline, stored = packed
        documents = [Document(_restored(data, special), line) for line, data, special in stored]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        _LOG.warning("the cache of %s is damaged (%s); reading the file", path, error)
        return None
    return DocumentFile(documents, path, header, indent, newline)


def _restored(data: Data, special: Data) -> Data:
    for path, kind in special:
        text = data
        outer, key = None, None
        for key in path:
            outer, text = text, text[key]
        value = PlainText(text) if kind == "text" else base64.b64decode(text, validate=True)
        if outer is None:
            data = value
        else:
            outer[key] = value
    return data
