"""From a path to Python text and its tree, with one clear reason where that fails."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from pathlib import Path
from typing import Final

from .source_error import SourceError

LARGEST_FILE_BYTES: Final = 20_000_000


def text_at(path: str) -> str:
    """Read a file of Python, or a notebook, as text with plain line ends.

    Raises:
        SourceError: It cannot be read, is binary, or is not in the encoding it declares.
    """
    return _decoded(path, _bytes_of(path))


def parse(path: str, text: str) -> ast.Module:
    """Parse Python text.

    Raises:
        SourceError: It is no Python of this interpreter's version, or too deeply nested.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, path)
    except SyntaxError as error:
        line = error.lineno if error.lineno is not None else 1
        raise SourceError(path, max(line, 1), f"syntax error: {error.msg}") from error
    except ValueError as error:
        raise SourceError(path, 1, f"not Python text: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise SourceError(path, 1, "nested too deeply to be parsed") from error


def module_name_of(path: Path) -> str | None:
    """Give the dotted name of a file by the packages it lies in; ``None`` for a notebook."""
    if path.suffix != ".py":
        return None
    names = [] if path.name == "__init__.py" else [path.stem]
    folder = path.absolute().parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        names.append(folder.name)
        folder = folder.parent
    return ".".join(reversed(names)) or None


def _bytes_of(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise SourceError(path, 1, f"cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_FILE_BYTES:
        raise SourceError(path, 1, f"larger than {LARGEST_FILE_BYTES} bytes, exclude it")
    return content


def _decoded(path: str, content: bytes) -> str:
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise SourceError(path, line, "a binary file: it holds null bytes")
    encoding = "utf-8-sig"
    try:
        if not path.endswith(".ipynb"):
            encoding = _declared(content)
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"not {error.encoding} at byte {error.start}, declare its encoding"
        raise SourceError(path, line, reason) from error
    except (SyntaxError, LookupError) as error:
        raise SourceError(path, 1, f"cannot be decoded: {error}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _declared(content: bytes) -> str:
    try:
        return tokenize.detect_encoding(io.BytesIO(content).readline)[0]
    except SyntaxError:
        # It is said of a wrong declaration and of bytes that are no UTF-8; the latter has a place.
        content.decode("utf-8-sig")
        raise
