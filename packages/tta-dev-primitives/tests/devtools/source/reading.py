"""Reads pieces of source as files of one workspace."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from textwrap import dedent

from tta_dev_primitives.devtools.source.names import Names
from tta_dev_primitives.devtools.source.source_file import SourceFile, read_source
from tta_dev_primitives.devtools.source.workspace import Workspace, gather_facts

PUBLIC = ("openai", "tta_dev_primitives")


def names_in(
    source: str,
    others: Mapping[str, str] | None = None,
    *,
    path: str = "app/main.py",
) -> Names:
    """Read *source* as the file *path*, beside others in the same workspace."""
    files = {path: source, **(others or {})}
    read = {name: read_file(name, text) for name, text in files.items()}
    workspace = Workspace([gather_facts(file) for file in read.values()], public=PUBLIC)
    return workspace.names_of(read[path])


def read_file(path: str, source: str) -> SourceFile:
    """Read *source* under a path whose folders are packages, but for "scripts"."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    module = parts[-1] if parts[0] == "scripts" else ".".join(parts)
    return read_source(path, dedent(source), module_name=module)


def last_expression(names: Names) -> ast.expr:
    """Give the expression that the last line of the file is."""
    statement = names.file.tree.body[-1]
    while not isinstance(statement, ast.Expr):
        bodies = getattr(statement, "body", None)
        assert bodies, "the last statement holds no expression"
        statement = bodies[-1]
    return statement.value
