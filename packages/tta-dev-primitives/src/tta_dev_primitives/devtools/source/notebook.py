"""The Python of a Jupyter notebook: its code cells joined, their magics taken out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from .source_error import SourceError

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

# Cell magics whose cell is Python all the same.
_PYTHON_MAGICS: Final = frozenset({"capture", "prun", "python", "python3", "time", "timeit"})
_MAGIC: Final = re.compile(r"(?P<indent>\s*)(?:[%!]|[?]{1,2}\w)")
_HELP: Final = re.compile(r"\s*[\w.]+\?{1,2}\s*$")
_ASSIGNED_MAGIC: Final = re.compile(r"(?P<target>\s*[\w.]+\s*=\s*)[!%]")


@dataclass(frozen=True, slots=True)
class NotebookText:
    """The Python of a notebook.

    Args:
        text: All code cells, one after the other.
        cells: Index of each code cell in the notebook, and its first line in `text`, from 1.
        skipped: Cells that are no Python; they stand in `text` as empty lines.
    """

    text: str
    cells: tuple[tuple[int, int], ...]
    skipped: tuple[SourceError, ...]


def read_notebook(path: str, content: str, parse: Callable[[str, str], ast.Module]) -> NotebookText:
    """Join the code cells; a magic line becomes ``pass`` at the same place.

    In a notebook of another language a cell that is no Python is left out without a word; some
    languages, such as Coconut, have Python cells all the same.

    Raises:
        SourceError: It is no notebook, or none of its code cells is Python.
    """
    notebook = _loaded(path, content)
    cells = _code_cells(path, notebook)
    is_python = _language(notebook) in {"python", "python3", "ipython", None}
    texts: list[str] = []
    places: list[tuple[int, int]] = []
    skipped: list[SourceError] = []
    line = 1
    for index, source in cells:
        text, error = _python(path, source, parse)
        if error is not None and is_python:
            skipped.append(SourceError(path, error.line, f"cell {index}: {error.reason}"))
        texts.append(text)
        places.append((index, line))
        line += text.count("\n") + 1
    if skipped and len(skipped) == len(cells):
        raise skipped[0]
    return NotebookText("\n".join(texts) + "\n", tuple(places), tuple(skipped))


def _python(
    path: str, source: str, parse: Callable[[str, str], ast.Module]
) -> tuple[str, SourceError | None]:
    # As it is first: a line of an expression over several lines may begin with a percent sign.
    problem: SourceError | None = None
    for text in (source.replace("\r\n", "\n").replace("\r", "\n"), without_magics(source)):
        try:
            parse(path, text)
        except SourceError as error:
            problem = error
        else:
            return text, None
    return "\n" * without_magics(source).count("\n"), problem


def without_magics(source: str) -> str:
    """Replace what only a notebook understands, keeping the number of lines."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%"):
        name = first[2:].split(maxsplit=1)[0] if first[2:].strip() else ""
        if name not in _PYTHON_MAGICS:
            return "\n" * (len(lines) - 1)
    plain: list[str] = []
    goes_on = False
    for line in lines:
        plain.append("" if goes_on else _plain(line))
        goes_on = line.endswith("\\") and (goes_on or _MAGIC.match(line) is not None)
    return "\n".join(plain)


def _plain(line: str) -> str:
    if magic := _MAGIC.match(line):
        return magic["indent"] + "pass"
    if assigned := _ASSIGNED_MAGIC.match(line):
        return assigned["target"] + "None"
    return "pass" if _HELP.match(line) else line


def _loaded(path: str, content: str) -> object:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise SourceError(path, error.lineno, f"not a notebook: {error.msg}") from error
    except RecursionError as error:
        raise SourceError(path, 1, "not a notebook: nested too deeply") from error


def _code_cells(path: str, notebook: object) -> list[tuple[int, str]]:
    cells = _field(notebook, "cells")
    if not isinstance(cells, list):
        raise SourceError(path, 1, "not a notebook: it has no list of cells")
    code: list[tuple[int, str]] = []
    for index, cell in enumerate(cast("list[object]", cells)):
        if _field(cell, "cell_type") == "code":
            code.append((index, _joined(_field(cell, "source"))))
    return code


def _language(notebook: object) -> str | None:
    metadata = _field(notebook, "metadata")
    for section, name in (("language_info", "name"), ("kernelspec", "language")):
        language = _field(_field(metadata, section), name)
        if isinstance(language, str):
            return language.lower()
    return None


def _joined(source: object) -> str:
    if isinstance(source, str):
        return source
    if isinstance(source, list):
        return "".join(str(line) for line in cast("list[object]", source))
    return ""


def _field(value: object, name: str) -> object:
    return cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None
