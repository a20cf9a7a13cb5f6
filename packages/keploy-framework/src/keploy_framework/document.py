"""A YAML file with one mapping: read strictly, replaced atomically."""

from __future__ import annotations

import os
import reprlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import yaml
from yaml.constructor import SafeConstructor

from keploy_framework.errors import KeployConfigError, KeployConfigNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yaml.nodes import Node

# Aliases can make a small file stand for billions of values; a real one has a few hundred.
_MOST_VALUES = 100_000
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Document:
    """A mapping together with the text it came from.

    Timestamps stay text, as written: nanoseconds and offsets survive.

    Args:
        file: Where the text was read, for messages.
        text: The file's text.
        data: What the text says; empty for a file with nothing but comments.
    """

    file: Path
    text: str
    # Any: the values of a file that other tools write, and whose keys differ by version.
    data: dict[str, Any]

    def line_of(self, keys: Sequence[str]) -> int | None:
        """Find the line, from 1, of the deepest part of *keys* that the file has."""
        node = _compose(self.text, self.file)
        line: int | None = None
        for key in keys:
            pair = _pair_of(node, key)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        return line


def read_document(file: Path) -> Document:
    """Read a YAML file that must hold one mapping, or nothing.

    Raises:
        KeployConfigNotFoundError: There is no such file.
        KeployConfigError: The file cannot be read, is not YAML, repeats a key, or is no mapping.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        problem = "no configuration file there; write one with KeployConfig.save"
        raise KeployConfigNotFoundError(problem, file=file) from error
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); name a readable file"
        raise KeployConfigError(problem, file=file) from error
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 text from byte {error.start} on; save it as UTF-8"
        raise KeployConfigError(problem, file=file) from error
    return Document(file, text, parse_mapping(text, file))


# Any: as in Document.data.
def parse_mapping(text: str, file: Path) -> dict[str, Any]:
    """Read YAML text as `read_document` reads a file; *file* is for messages only."""
    node = _compose(text, file)
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        problem = f"holds {reprlib.repr(text.strip())}, not a mapping; write 'key: value' lines"
        line = node.start_mark.line + 1
        raise KeployConfigError(problem, file=file, line=line, value=text)
    _Checker(file).check(node)
    try:
        # The stubs leave the parameter untyped.
        data = SafeConstructor().construct_document(node)  # pyright: ignore[reportUnknownMemberType]
    except (yaml.YAMLError, ValueError) as error:
        raise _unreadable(file, text, error) from error
    return cast("dict[str, Any]", data)


def write_atomically(file: Path, text: str) -> None:
    """Replace *file* in one step: a reader sees the old text or the new, never a part.

    A symbolic link stays one, and an existing file keeps its permissions.

    Raises:
        KeployConfigError: The folder is not there.
        OSError: The disk or the permissions refuse; the old file is untouched.
    """
    target = file.resolve()
    if not target.parent.is_dir():
        problem = f"the folder {str(target.parent)!r} does not exist; create it first"
        raise KeployConfigError(problem, file=file)
    # Not tempfile: its files are private to the owner, and this one must honour the umask.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _pair_of(node: Node | None, key: str) -> tuple[Node, Node] | None:
    pairs: list[tuple[Node, Node]] = node.value if isinstance(node, yaml.MappingNode) else []
    return next((pair for pair in pairs if pair[0].value == key), None)


def _compose(text: str, file: Path) -> Node | None:
    # The loader written in Python, not libyaml's: the C one overflows its stack on deep nesting,
    # and a configuration is small.
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError as error:
        problem = "nests too deeply to be a configuration; name another file"
        raise KeployConfigError(problem, file=file) from error
    except (yaml.YAMLError, ValueError) as error:
        raise _unreadable(file, text, error) from error


def _unreadable(file: Path, text: str, error: Exception) -> KeployConfigError:
    line: int | None = None
    reason = str(error)
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        reason = ", ".join(part for part in (error.context, error.problem) if part)
    elif isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        reason = f"{error.reason}: character {error.character!r}"
    return KeployConfigError(f"not valid YAML ({reason}); correct it", file=file, line=line)


class _Checker:
    """Refuse what YAML allows and a configuration must not do."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[int, tuple[int, int]] = {}
        self._open: set[int] = set()

    def check(self, node: Node) -> tuple[int, int]:
        """Count the values in *node* and how deep they nest, aliases expanded."""
        if id(node) in self._open:
            raise self._refusal(node, "an alias contains itself; write the value out")
        if id(node) in self._known:
            return self._known[id(node)]
        self._open.add(id(node))
        parts: list[Node] = []
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            parts = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            parts = node.value
        elif node.tag == "tag:yaml.org,2002:timestamp":
            node.tag = "tag:yaml.org,2002:str"
        size, depth = 1, 0
        for part in parts:
            part_size, part_depth = self.check(part)
            size, depth = size + part_size, max(depth, part_depth + 1)
        if size > _MOST_VALUES:
            problem = f"aliases stand for more than {_MOST_VALUES} values; write fewer"
            raise self._refusal(node, problem)
        if depth > _DEEPEST:
            raise self._refusal(node, f"nests more than {_DEEPEST} levels deep; flatten it")
        self._open.remove(id(node))
        self._known[id(node)] = size, depth
        return size, depth

    def _check_keys(self, node: yaml.MappingNode) -> None:
        first: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._refusal(key, "a key must be text, not a list or a mapping; quote it")
            name = key.tag, key.value
            if name in first:
                problem = f"duplicate key {key.value!r}, first on line {first[name]}; remove one"
                raise self._refusal(key, problem)
            first[name] = key.start_mark.line + 1

    def _refusal(self, node: Node, problem: str) -> KeployConfigError:
        line = node.start_mark.line + 1
        return KeployConfigError(problem, file=self._file, line=line, value=node.value)
