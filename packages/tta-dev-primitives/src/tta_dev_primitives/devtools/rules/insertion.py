"""Fixes that give a call one more argument."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.findings.finding import Edit, Fix

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.source.source_file import SourceFile

_NOTHING_BUT_COMMAS: Final = re.compile(r"[\s,]*\)")


def add_argument(
    file: SourceFile, call: ast.Call, argument: str, message: str, *, is_safe: bool
) -> Fix | None:
    """Return a fix that adds a keyword argument to *call*, or None where it cannot be placed.

    It is not placed where `**` may already hold it, in a notebook, or behind a comment.

    Args:
        file: Where the call is.
        call: The call.
        argument: For example `timeout=120`.
        message: What the fix is called.
        is_safe: See `Fix`.
    """
    name = argument.partition("=")[0]
    if file.is_notebook or any(keyword.arg in (None, name) for keyword in call.keywords):
        return None
    if call.end_lineno is None or call.end_col_offset is None:
        return None
    arguments = [*call.args, *call.keywords]
    if not arguments:
        place = (call.end_lineno, call.end_col_offset - 1)
        return Fix(message, (Edit(place, place, argument),), is_safe)
    last = max(arguments, key=lambda node: (node.lineno, node.col_offset))
    if isinstance(last, ast.GeneratorExp) or last.end_lineno is None or last.end_col_offset is None:
        return None
    place = (last.end_lineno, last.end_col_offset)
    rest = _text_between(file, place, (call.end_lineno, call.end_col_offset))
    if _NOTHING_BUT_COMMAS.fullmatch(rest) is None:
        return None
    return Fix(message, (Edit(place, place, f", {argument}"),), is_safe)


def replace_expression(
    file: SourceFile, node: ast.expr, new_text: str, message: str, *, is_safe: bool
) -> Fix | None:
    """Return a fix that puts *new_text* in the place of *node*, or None in a notebook."""
    if file.is_notebook or node.end_lineno is None or node.end_col_offset is None:
        return None
    end = (node.end_lineno, node.end_col_offset)
    return Fix(message, (Edit((node.lineno, node.col_offset), end, new_text),), is_safe)


def _text_between(file: SourceFile, start: tuple[int, int], end: tuple[int, int]) -> str:
    lines = [
        file.line_text(line).encode("utf-8", "surrogatepass")
        for line in range(start[0], end[0] + 1)
    ]
    lines[-1] = lines[-1][: end[1]]
    lines[0] = lines[0][start[1] :]
    return b"\n".join(lines).decode("utf-8", "replace")
