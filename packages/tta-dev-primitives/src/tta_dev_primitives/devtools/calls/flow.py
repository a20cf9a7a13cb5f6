"""Which expressions flow into which names of a piece of code.

Without regard to order: what may have been assigned counts, on whatever way. Conditions are left
out, so what only decides which branch runs does not flow.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ADDS: Final = frozenset(
    {"add", "append", "appendleft", "extend", "insert", "put_nowait", "setdefault", "update"}
)
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def sources(statements: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    """Return for each name, or dotted name, the expressions that give it its value.

    Assignments, loops, `with`, and what is added to a list or a dict count. Functions inside are
    not looked into.
    """
    found: dict[str, list[ast.expr]] = {}
    for node in within(statements):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    _give(found, target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                _give(found, target, value)
            case (
                ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                _give(found, target, value)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                _give(found, target, value)
            case ast.comprehension(target=target, iter=value):
                _give(found, target, value)
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                _give(found, target, value)
            case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if attr in _ADDS:
                for value in (*node.args, *(keyword.value for keyword in node.keywords)):
                    _give(found, owner, value)
            case _:
                pass
    return found


def names_in(expression: ast.AST) -> set[str]:
    """Return the names and the dotted names, such as `self.history`, that are read."""
    found: set[str] = set()
    for node in ast.walk(expression):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            name = dotted(node)
            if name is not None:
                found.add(name)
    return found


def feeding(expressions: Iterable[ast.AST], given: Mapping[str, list[ast.expr]]) -> set[str]:
    """Return every name that flows into *expressions*, directly or through *given*."""
    found: set[str] = set()
    waiting = [name for expression in expressions for name in names_in(expression)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(inner for value in given.get(name, ()) for inner in names_in(value))
    return found


def fed_by(names: Iterable[str], given: Mapping[str, list[ast.expr]]) -> set[str]:
    """Return every name that *names* flow into, with these themselves."""
    found = set(names)
    reads = {
        name: {n for value in values for n in names_in(value)} for name, values in given.items()
    }
    grown = True
    while grown:
        grown = False
        for name, read in reads.items():
            if name not in found and not found.isdisjoint(read):
                found.add(name)
                grown = True
    return found


def dotted(node: ast.AST) -> str | None:
    """Return `a.b.c` for such an expression, None for any other."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def within(statements: Iterable[ast.AST]) -> Iterable[ast.AST]:
    """Yield all nodes of a piece of code but those of functions and classes inside it."""
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _FUNCTIONS):
            waiting.extend(ast.iter_child_nodes(node))


def _give(found: dict[str, list[ast.expr]], target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, (ast.Tuple, ast.List)):
        pairs = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        for number, part in enumerate(target.elts):
            same = len(pairs) == len(target.elts)
            _give(found, part, pairs[number] if same else value)
    elif isinstance(target, ast.Starred):
        _give(found, target.value, value)
    else:
        owner: ast.AST = target
        while isinstance(owner, ast.Subscript):
            owner = owner.value
        name = dotted(owner)
        if name is not None:
            found.setdefault(name, []).append(value)
            if isinstance(target, ast.Subscript):
                found[name].append(target.slice)
