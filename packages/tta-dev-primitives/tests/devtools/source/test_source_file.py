"""Reading files: where nodes stand, what encloses them, and what cannot be read."""

from __future__ import annotations

import ast
import json
from itertools import pairwise
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.source.source_file import (
    Position,
    SourceError,
    SourceFile,
    module_name_of,
    read_source,
)


def call_in(file: SourceFile, name: str = "here") -> ast.Call:
    return next(
        node
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    )


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"x = 1\nif x\n    y", 2, "syntax error"),
        (b"x = 1\n\0\0\0", 2, "binary"),
        (b"x = '\xff'", 1, "utf-8"),
        (b"# coding: nosuch\nx = 1", 1, "nosuch"),
        (b"x = " + b"(" * 300 + b")" * 300, 1, "nested"),
        (b"\x89PNG\r\n\x1a\n\0\0", 3, "binary"),
    ],
    ids=["syntax", "null-bytes", "not-utf8", "unknown-encoding", "parentheses", "picture"],
)
def test_unreadable_file_says_where_and_why(
    tmp_path: Path, content: bytes, line: int, words: str
) -> None:
    """A file that cannot be parsed gives one clear reason and a line, never another error."""
    path = tmp_path / "a.py"
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read_source(path)
    assert caught.value.line == line
    assert words in caught.value.reason
    assert caught.value.path == str(path)


def test_missing_file_is_a_source_error(tmp_path: Path) -> None:
    """A file that went away between listing and reading does not end the run."""
    with pytest.raises(SourceError, match="cannot be read"):
        read_source(tmp_path / "gone.py")


@pytest.mark.parametrize(
    "expression",
    ["+".join(["x"] * 50_000), "-" * 5_000 + "x", "x" + ".a" * 5_000, "x" + "()" * 5_000],
    ids=["sum", "signs", "attributes", "calls"],
)
def test_deep_nesting_is_read_or_refused(expression: str) -> None:
    """Deep nesting is a reason or a tree that can be walked, never a RecursionError."""
    reason, names = "", {"x"}
    try:
        names = read_source("a.py", f"import x\n{expression}\n").index.module.bindings.keys()
    except SourceError as error:
        reason = error.reason
    assert names == {"x"}
    assert not reason or "deeply" in reason or "syntax" in reason


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffx = 'é'\n".encode(),
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        b"x = '\xc3\xa9'\r\ny = 1\r\n",
    ],
    ids=["byte-order-mark", "latin-1", "windows-lines"],
)
def test_encodings_give_the_same_text(tmp_path: Path, content: bytes) -> None:
    """The declared encoding is honoured, and lines end the same way everywhere."""
    path = tmp_path / "a.py"
    path.write_bytes(content)
    file = read_source(path)
    assert "x = 'é'" in file.lines
    assert "\r" not in file.text


def test_columns_count_characters() -> None:
    """An editor counts characters, the parser bytes: the caret must not drift after an é."""
    file = read_source("a.py", "é = 1; here(2)\n")
    assert file.position(call_in(file)) == Position(1, 7, 1, 14)


def test_bad_escape_does_not_warn() -> None:
    """A linted file with "\\d" in a plain string prints no warning of the interpreter."""
    assert read_source("a.py", "x = '\\d'\n").text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for x in y:\n    here()", ["For"]),
        ("for x in here():\n    pass", []),
        ("for x in y:\n    pass\nelse:\n    here()", []),
        ("while here():\n    pass", ["While"]),
        ("async def f():\n    async for x in y:\n        here()", ["AsyncFor"]),
        ("[here() for x in y]", ["ListComp"]),
        ("[x for x in here()]", []),
        ("[x for x in y if here()]", ["ListComp"]),
        ("[x for z in y for x in here()]", ["ListComp"]),
        ("{here(): 1 for x in y}", ["DictComp"]),
        ("for x in y:\n    while x:\n        here()", ["While", "For"]),
        ("for x in y:\n    def f():\n        here()", []),
        ("for x in y:\n    f = lambda: here()", []),
        ("for x in y:\n    def f(z=here()): ...", ["For"]),
        ("for x in y:\n    class C:\n        here()", ["For"]),
        ("here()", []),
    ],
)
def test_loops_around(source: str, expected: list[str]) -> None:
    """Only what runs again and again is in a loop; the iterable is evaluated once."""
    file = read_source("a.py", source)
    assert [type(loop).__name__ for loop in file.loops_around(call_in(file))] == expected


@pytest.mark.parametrize(
    ("source", "function", "qualname"),
    [
        ("here()", None, ""),
        ("class C:\n    def m(self):\n        here()", "m", "C.m"),
        ("def f():\n    class C:\n        here()", "f", "f.C"),
        ("@here()\ndef f(): ...", None, "f"),
        ("def f(x=here()): ...", None, "f"),
        ("async def f():\n    g = lambda: here()", "Lambda", "f"),
    ],
    ids=["module", "method", "class-in-function", "decorator", "default", "lambda"],
)
def test_function_and_qualname(source: str, function: str | None, qualname: str) -> None:
    """A node belongs to the function whose body runs it, not to the one it decorates."""
    file = read_source("a.py", source)
    found = file.function_of(call_in(file))
    assert (getattr(found, "name", None) or (found and type(found).__name__)) == function
    assert file.qualname_of(call_in(file)) == qualname


def test_parents_end_with_the_module() -> None:
    """Parents come innermost first and end at the module, for every node there is."""
    file = read_source("a.py", "def f(a: int = 1):\n    return [b.c(d) for b in a if not d]\n")
    for node in ast.walk(file.tree):
        if isinstance(node, (ast.expr_context, ast.operator, ast.unaryop)):
            continue
        chain = [node, *file.parents(node)]
        assert chain[-1] is file.tree
        for child, parent in pairwise(chain):
            assert child in list(ast.iter_child_nodes(parent))


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        ("tests/a.py", True),
        ("src/test_a.py", True),
        ("src/a_test.py", True),
        ("src/conftest.py", True),
        ("src/testimony.py", False),
        ("src/latest.py", False),
    ],
)
def test_test_files_are_told_by_their_path(path: str, is_test: bool) -> None:
    """Rules treat tests otherwise, so a module that only sounds like one must not count."""
    assert read_source(path, "").is_test is is_test


def test_module_name_follows_the_packages(tmp_path: Path) -> None:
    """A module is imported by the packages around it, and not by the folders above them."""
    package = tmp_path / "src" / "app" / "inner"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    assert module_name_of(package / "a.py") == "app.inner.a"
    assert module_name_of(package / "__init__.py") == "app.inner"
    assert module_name_of(tmp_path / "src" / "b.py") == "b"


def notebook(*cells: str, language: str = "python") -> str:
    return json.dumps(
        {
            "cells": [
                {"cell_type": "markdown", "source": ["# title"]},
                *(
                    {"cell_type": "code", "source": cell.splitlines(keepends=True)}
                    for cell in cells
                ),
            ],
            "metadata": {"language_info": {"name": language}},
        }
    )


def test_position_in_a_notebook_is_that_of_the_cell() -> None:
    """A finding in a notebook names the cell and the line inside it."""
    file = read_source("a.ipynb", notebook("x = 1\ny = 2", "\nhere(\n  1)"))
    position = file.position(call_in(file))
    assert position == Position(2, 0, 3, 4, cell=2)
    assert file.line_text(file.text_line(position)) == "here("


@pytest.mark.parametrize(
    "cell",
    [
        "!pip install x\nhere()",
        "%matplotlib inline\nhere()",
        "%%time\nhere()",
        "x = !ls\nhere()",
        "!pip install a \\\n    b\nhere()",
        "thing?\nhere()",
        "if 1:\n    !ls\n    here()",
        "x = (1\n% 2)\nhere()",
    ],
    ids=["shell", "magic", "cell-magic", "assigned", "continued", "help", "indented", "modulo"],
)
def test_magics_leave_the_python_where_it_stands(cell: str) -> None:
    """What only a notebook understands is taken out, and no line moves."""
    file = read_source("a.ipynb", notebook(cell))
    assert not file.skipped
    assert file.position(call_in(file)).line == cell.count("\n") + 1


def test_cell_of_another_language_is_left_out() -> None:
    """A `%%bash` cell is no Python, and no error."""
    file = read_source("a.ipynb", notebook("%%bash\nfor x in y; do", "here()"))
    assert not file.skipped
    assert file.position(call_in(file)).cell == 2


def test_broken_cell_does_not_hide_the_others() -> None:
    """One unfinished cell is told, the rest of the notebook is still looked at."""
    file = read_source("a.ipynb", notebook("x = (", "here()"))
    assert [error.reason.partition(":")[0] for error in file.skipped] == ["cell 1"]
    assert call_in(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "not a notebook"), ("[]", "no list of cells"), ("{}", "no list of cells")],
    ids=["cut-off", "a-list", "no-cells"],
)
def test_broken_notebook_says_why(content: str, words: str) -> None:
    """A damaged notebook gives one clear reason."""
    with pytest.raises(SourceError, match=words):
        read_source("a.ipynb", content)


def test_notebook_of_another_language_is_empty() -> None:
    """A notebook of another language holds no Python, which is nothing to report."""
    file = read_source("a.ipynb", notebook("x <- c(1", language="R"))
    assert not file.tree.body
    assert not file.skipped


def test_source_error_survives_a_process() -> None:
    """Errors travel between processes, with all they carry."""
    error = SourceError("a.py", 3, "broken")
    copy = error.__reduce__()[0](*error.__reduce__()[1])
    assert (copy.path, copy.line, copy.reason) == ("a.py", 3, "broken")
