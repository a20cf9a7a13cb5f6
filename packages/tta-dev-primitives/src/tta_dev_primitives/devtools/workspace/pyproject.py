"""A pyproject.toml with the line of every key, so that findings can say where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError
from tta_dev_primitives.devtools.lockfile.toml_text import is_list, is_table, parse_toml
from tta_dev_primitives.errors import ConfigurationError

from .toml_positions import Keys, key_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME: Final = "pyproject.toml"


class PyprojectError(ConfigurationError):
    """Raised when a workspace cannot be judged; the text is one line with the next move.

    Attributes:
        path: The file or folder that is in the way.
    """

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Pyproject:
    """A pyproject.toml, read once.

    Args:
        path: The file.
        label: What it is called in messages and findings.
        tree: What it holds.
        lines: The line of every key and item, as `key_lines` finds them.
    """

    path: Path
    label: str
    tree: dict[str, object]
    lines: Mapping[Keys, int]

    def at(self, *keys: str | int) -> object:
        """Return what is at *keys*, or None."""
        node: object = self.tree
        for key in keys:
            if isinstance(key, int):
                node = node[key] if is_list(node) and 0 <= key < len(node) else None
            else:
                node = node.get(key) if is_table(node) else None
        return node

    def table(self, *keys: str | int) -> dict[str, object]:
        """Return the table at *keys*, an empty one where there is none."""
        node = self.at(*keys)
        return node if is_table(node) else {}

    def items(self, *keys: str | int) -> list[object]:
        """Return the list at *keys*, an empty one where there is none."""
        node = self.at(*keys)
        return node if is_list(node) else []

    def text(self, *keys: str | int) -> str | None:
        """Return the text at *keys*, or None."""
        node = self.at(*keys)
        return node if isinstance(node, str) else None

    def place(self, *keys: str | int) -> str:
        """Return `label:line` of *keys*, or of the nearest table around them that is written."""
        for length in range(len(keys), 0, -1):
            line = self.lines.get(keys[:length])
            if line is not None:
                return f"{self.label}:{line}"
        return f"{self.label}:1"


def read_pyproject(path: Path, label: str | None = None) -> Pyproject:
    """Read a pyproject.toml with the line of every key.

    Args:
        path: The file.
        label: What it is called in messages; by default its path.

    Raises:
        PyprojectError: It cannot be read, is not UTF-8, holds a merge conflict, or is no TOML.
            The message names the line where there is one.
    """
    label = path.as_posix() if label is None else label
    try:
        # As tomllib wants it, and as lines are counted in every editor.
        text = path.read_bytes().decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except OSError as error:
        is_lost = isinstance(error, FileNotFoundError | NotADirectoryError)
        move = "name the folder of a project" if is_lost else "let it be read, then try again"
        msg = f"cannot read {label}: {error.strerror or error}; {move}"
        raise PyprojectError(path, msg) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        msg = f"{label}:{line} is not UTF-8; save the file in that encoding"
        raise PyprojectError(path, msg) from error
    try:
        tree = parse_toml(text, label, "run the command again")
        return Pyproject(path, label, tree, key_lines(text))
    except LockfileError as error:
        raise PyprojectError(path, str(error)) from error
    except RecursionError as error:
        msg = f"{label} is not TOML that can be read: it nests too deeply; flatten it"
        raise PyprojectError(path, msg) from error
