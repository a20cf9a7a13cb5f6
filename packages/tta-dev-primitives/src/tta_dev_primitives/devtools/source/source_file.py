"""One file of Python as the linter sees it: its text, its tree and where things stand."""

from __future__ import annotations

import ast
import bisect
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from .decoding import module_name_of, parse, text_at
from .indexing import index_of
from .notebook import read_notebook
from .scopes import FileIndex, FunctionNode
from .source_error import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "FunctionNode",
    "Position",
    "SourceError",
    "SourceFile",
    "module_name_of",
    "read_source",
]

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_TEST_FOLDERS: Final = frozenset({"test", "tests", "testing"})


@dataclass(frozen=True, slots=True)
class Position:
    """Where a node stands.

    Args:
        line: First line, from 1; within the cell for a notebook.
        column: First column in characters, from 0.
        end_line: Last line, from 1.
        end_column: Column after the last character, from 0.
        cell: Index of the notebook's cell, from 0 and counting cells of every kind; else ``None``.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None


class SourceFile:
    """One parsed file, one notebook (its code cells joined) or what came in on stdin.

    Scopes and the parents of nodes are found on first use, in one walk over the tree.

    Args:
        path: As findings will show it.
        text: The Python text; for a notebook the joined cells.
        tree: What `ast.parse` made of the text.
        module_name: Dotted name under which others import it, where known.
        cells: For a notebook, index of each code cell and the line of the text it starts at.
        skipped: Cells of a notebook that are no Python, each with the reason.
    """

    def __init__(
        self,
        path: str,
        text: str,
        tree: ast.Module,
        *,
        module_name: str | None = None,
        cells: Sequence[tuple[int, int]] = (),
        skipped: Sequence[SourceError] = (),
    ) -> None:
        self.path = path
        self.text = text
        self.tree = tree
        self.module_name = module_name
        self.is_notebook = path.endswith(".ipynb")
        self.is_package = PurePosixPath(path.replace("\\", "/")).name == "__init__.py"
        self.is_test = _is_test(path)
        self.skipped = tuple(skipped)
        self._cells = [index for index, _ in cells]
        self._cell_lines = [line for _, line in cells]
        self._lines: list[str] | None = None
        self._index: FileIndex | None = None

    @property
    def lines(self) -> list[str]:
        """The text by lines, without their ends."""
        if self._lines is None:
            # Not splitlines(): a form feed inside a string is no new line to the parser.
            self._lines = self.text.split("\n")
        return self._lines

    def line_text(self, line: int) -> str:
        """Give one line of `text`, "" where there is none.

        Args:
            line: From 1, as ``node.lineno`` counts; see `text_line` for a `Position`.
        """
        return self.lines[line - 1].rstrip("\r") if 0 < line <= len(self.lines) else ""

    def text_line(self, position: Position) -> int:
        """Give the line of `text` where a position is: other than its own in a notebook."""
        if position.cell is None or position.cell not in self._cells:
            return position.line
        return self._cell_lines[self._cells.index(position.cell)] + position.line - 1

    def parents(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what encloses the node, innermost first; the last is the module."""
        parents = self.index.parents
        parent = parents.get(node)
        while parent is not None:
            yield parent
            parent = parents.get(parent)

    @property
    def index(self) -> FileIndex:
        """Its scopes, bindings and calls, and the parent of every node but contexts."""
        if self._index is None:
            self._index = index_of(self.tree, self.package)
        return self._index

    @property
    def package(self) -> str | None:
        """Dotted name of the package its relative imports start from, where known."""
        if self.module_name is None or self.is_package:
            return self.module_name
        return self.module_name.rpartition(".")[0] or None

    def function_of(self, node: ast.AST) -> FunctionNode | None:
        """Give the function whose body runs the node, ``None`` at module or class level.

        Decorators, defaults and annotations belong to the function outside.
        """
        child = node
        for parent in self.parents(node):
            if isinstance(parent, _FUNCTIONS) and _is_body(parent, child):
                return parent
            child = parent
        return None

    def qualname_of(self, node: ast.AST) -> str:
        """Give "Class.method" of what encloses the node, or is it; "" at module level."""
        places = (node, *self.parents(node))
        definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        names = [place.name for place in places if isinstance(place, definitions)]
        return ".".join(reversed(names))

    def loops_around(self, node: ast.AST) -> list[ast.AST]:
        """List the loops that run the node again and again, innermost first.

        Loops, while loops and comprehensions of the same function count. What a loop evaluates
        once does not: the iterable of a ``for``, the first iterable of a comprehension, an
        ``else``.
        """
        loops: list[ast.AST] = []
        child = node
        repeats = False
        for parent in self.parents(node):
            if isinstance(parent, _FUNCTIONS) and _is_body(parent, child):
                break
            if isinstance(parent, ast.comprehension):
                # A condition runs for every item, the iterable of the first generator once.
                repeats = child is not parent.iter
            elif isinstance(parent, _COMPREHENSIONS):
                if repeats or child is not parent.generators[0]:
                    loops.append(parent)
                repeats = False
            elif _repeats(parent, child):
                loops.append(parent)
            child = parent
        return loops

    def is_inside_loop(self, node: ast.AST) -> bool:
        """Whether the node stands in a loop of its function, the head of the loop included."""
        child = node
        for parent in self.parents(node):
            if isinstance(parent, _FUNCTIONS) and _is_body(parent, child):
                return False
            if isinstance(parent, (ast.For, ast.AsyncFor, ast.While, *_COMPREHENSIONS)):
                return True
            child = parent
        return False

    def position(self, node: ast.AST) -> Position:
        """Give where a node stands, columns in characters; the module stands at line 1."""
        line = getattr(node, "lineno", 1)
        end_line = getattr(node, "end_lineno", None) or line
        column = self._characters(line, getattr(node, "col_offset", 0))
        end_column = self._characters(end_line, getattr(node, "end_col_offset", None) or 0)
        if not self._cells:
            return Position(line, column, end_line, end_column)
        place = max(bisect.bisect_right(self._cell_lines, line) - 1, 0)
        before = self._cell_lines[place] - 1
        return Position(line - before, column, end_line - before, end_column, self._cells[place])

    def _characters(self, line: int, byte_offset: int) -> int:
        text = self.line_text(line)
        if text.isascii():
            return byte_offset
        return len(text.encode("utf-8", "surrogatepass")[:byte_offset].decode("utf-8", "replace"))


def read_source(
    path: str | Path, text: str | None = None, *, module_name: str | None = None
) -> SourceFile:
    """Read and parse one file; a path that ends in ``.ipynb`` is a notebook.

    Args:
        path: Where it is, or what to call it when `text` is given.
        text: What it holds, where that is known already (stdin, an editor's buffer).
        module_name: Its dotted name; found by the ``__init__.py`` files around it when left out.

    Raises:
        SourceError: It cannot be read, decoded or parsed; `line` says where.
    """
    name = str(path)
    if module_name is None and text is None:
        module_name = module_name_of(Path(path))
    if text is None:
        text = text_at(name)
    if not name.endswith(".ipynb"):
        return SourceFile(name, text, parse(name, text), module_name=module_name)
    notebook = read_notebook(name, text, parse)
    tree = parse(name, notebook.text)
    return SourceFile(
        name,
        notebook.text,
        tree,
        module_name=module_name,
        cells=notebook.cells,
        skipped=notebook.skipped,
    )


def _is_test(path: str) -> bool:
    parts = PurePosixPath(path.replace("\\", "/"))
    name = parts.name
    named = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return named or not _TEST_FOLDERS.isdisjoint(parts.parts[:-1])


def _is_body(function: FunctionNode, child: ast.AST) -> bool:
    if isinstance(function, ast.Lambda):
        return child is function.body
    return isinstance(child, ast.stmt) and child in function.body


def _repeats(parent: ast.AST, child: ast.AST) -> bool:
    if isinstance(parent, (ast.For, ast.AsyncFor)):
        return child is not parent.iter and child not in parent.orelse
    if isinstance(parent, ast.While):
        return child not in parent.orelse
    return False
