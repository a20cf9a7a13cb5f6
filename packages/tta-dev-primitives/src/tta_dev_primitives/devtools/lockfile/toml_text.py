"""TOML as it comes from a repository: perhaps conflicted, perhaps broken, told in one line."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Final, TypeGuard

from .lockfile_error import LockfileError

_CONFLICT: Final = re.compile(r"^(<{7}|\|{7}|={7}|>{7})(\s|$)", re.MULTILINE)
_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)$")
_LONGEST_SHOWN: Final = 160  # characters


def parse_toml(text: str, label: str, next_move: str) -> dict[str, object]:
    """Parse *text*, telling a merge conflict from a mistake.

    Args:
        text: The content of the file.
        label: What the file is called in messages.
        next_move: How a message about it ends.

    Raises:
        LockfileError: It is no TOML; the line is named.
    """
    conflict = _CONFLICT.search(text)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        msg = f"{label}:{line} holds a merge conflict; take one side, then {next_move}"
        raise LockfileError(msg)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = str(error)
        place = _AT_LINE.search(told)
        where, told = (f":{place[1]}", told[: place.start()]) if place else ("", told)
        msg = f"{label}{where} is not TOML: {told}; restore it and {next_move}"
        raise LockfileError(msg) from error
    except RecursionError as error:
        msg = f"{label} is not TOML that can be read: it nests too deeply; {next_move}"
        raise LockfileError(msg) from error


def is_table(node: object) -> TypeGuard[dict[str, object]]:
    """Tell whether a parsed value is a table."""
    return isinstance(node, dict)


def is_list(node: object) -> TypeGuard[list[object]]:
    """Tell whether a parsed value is a list."""
    return isinstance(node, list)


def table_at(node: object, *keys: str) -> dict[str, object]:
    """Return the table below *keys*, empty where there is none."""
    for key in keys:
        node = node.get(key) if is_table(node) else None
    return node if is_table(node) else {}


def tables_in(node: object) -> list[dict[str, object]]:
    """Return the tables of a parsed list, none where it is no list."""
    return [item for item in node if is_table(item)] if is_list(node) else []


def text_in(node: dict[str, object], key: str) -> str | None:
    """Return the text at *key*, None where there is none."""
    value = node.get(key)
    return value if isinstance(value, str) else None


def texts_in(node: object) -> tuple[str, ...]:
    """Return the texts of a parsed list, none where it is no list."""
    return tuple(item for item in node if isinstance(item, str)) if is_list(node) else ()


def canonical(node: object) -> str:
    """Write a parsed value as one line that is the same for equal values."""
    if isinstance(node, str):
        return node
    return json.dumps(node, sort_keys=True, ensure_ascii=False, default=str)


def printable(value: str) -> str:
    """Write *value* so that it neither steers a terminal nor ends a line or a code span."""
    shown = "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in value)
    if len(shown) > _LONGEST_SHOWN:
        shown = f"{shown[: _LONGEST_SHOWN - 3]}..."
    return shown.replace("`", "'")


def code(value: str) -> str:
    """Quote *value* in backticks, as uv's messages do and as Markdown wants it."""
    return f"`{printable(value) or ' '}`"
