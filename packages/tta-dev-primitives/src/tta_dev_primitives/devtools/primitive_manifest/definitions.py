"""The class that a name stands for, followed through imports without running them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source_modules import SourceModules


@dataclass(frozen=True, slots=True)
class ClassDefinition:
    """A class statement and the module it stands in."""

    module: str
    node: ast.ClassDef


def find_class(modules: SourceModules, module: str, name: str) -> ClassDefinition | None:
    """Find the class that *name* of *module* is, or None where the source does not tell.

    Imports are followed wherever they stand at the top level, also below `if TYPE_CHECKING:`.
    """
    seen: set[tuple[str, str]] = set()
    while (module, name) not in seen:
        seen.add((module, name))
        tree = modules.tree(module)
        if tree is None:
            return None
        for statement in _statements(tree.body):
            if isinstance(statement, ast.ClassDef) and statement.name == name:
                return ClassDefinition(module, statement)
            found = _redirection(modules, module, name, statement)
            if found is not None:
                module, name = found
                break
    return None


def base_classes(
    modules: SourceModules, definition: ClassDefinition
) -> Iterator[ClassDefinition | None]:
    """Yield what the bases of a class are, None for each that the source does not tell."""
    for base in definition.node.bases:
        plain = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(plain, ast.Name):
            yield find_class(modules, definition.module, plain.id)
        elif isinstance(plain, ast.Attribute):
            place = _module_of(modules, definition.module, plain.value)
            yield None if place is None else find_class(modules, place, plain.attr)


def absolute_module(modules: SourceModules, module: str, statement: ast.ImportFrom) -> str:
    """Return the dotted name of the module that an import statement in *module* names."""
    if statement.level == 0:
        return statement.module or ""
    package = module if modules.is_package(module) else module.rpartition(".")[0]
    for _ in range(statement.level - 1):
        package = package.rpartition(".")[0]
    return ".".join(filter(None, [package, statement.module]))


def imported_names(modules: SourceModules, module: str) -> Iterator[str]:
    """Yield the names that *module* itself takes from its own package at the top level."""
    tree = modules.tree(module)
    for statement in _statements([] if tree is None else tree.body):
        if isinstance(statement, ast.ImportFrom):
            place = absolute_module(modules, module, statement)
            if place.partition(".")[0] == module.partition(".")[0]:
                yield from (alias.asname or alias.name for alias in statement.names)
        elif isinstance(statement, ast.ClassDef):
            yield statement.name


def _redirection(
    modules: SourceModules, module: str, name: str, statement: ast.stmt
) -> tuple[str, str] | None:
    """Return the module and name that *statement* says *name* comes from."""
    if isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            if (alias.asname or alias.name) == name:
                return absolute_module(modules, module, statement), alias.name
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name):
        targets = [target.id for target in statement.targets if isinstance(target, ast.Name)]
        if name in targets:
            return module, statement.value.id
    return None


def _module_of(modules: SourceModules, module: str, node: ast.expr) -> str | None:
    """Return the module that an expression such as `tta.core` stands for."""
    if isinstance(node, ast.Attribute):
        outer = _module_of(modules, module, node.value)
        return None if outer is None else f"{outer}.{node.attr}"
    tree = modules.tree(module)
    if not isinstance(node, ast.Name) or tree is None:
        return None
    for statement in _statements(tree.body):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                bound = alias.asname or alias.name.partition(".")[0]
                if bound == node.id:
                    return alias.name if alias.asname else bound
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if (alias.asname or alias.name) == node.id:
                    return f"{absolute_module(modules, module, statement)}.{alias.name}"
    return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, those below `if` and `try` too."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            yield from _statements(statement.body)
        if isinstance(statement, ast.If | ast.Try):
            yield from _statements(statement.orelse)
        if isinstance(statement, ast.Try):
            for handler in statement.handlers:
                yield from _statements(handler.body)
            yield from _statements(statement.finalbody)
