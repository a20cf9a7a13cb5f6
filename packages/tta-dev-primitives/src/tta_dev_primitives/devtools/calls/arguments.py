"""What stands in the brackets of a call, and on the sides of an operator."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def operands(node: ast.BinOp) -> Iterator[ast.expr]:
    """Yield what one operator joins, from left to right, without recursion: it may be long."""
    rights: list[ast.expr] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and type(left.op) is type(node.op):
        rights.append(left.right)
        left = left.left
    yield left
    yield from reversed(rights)


def by_parameter(call: ast.Call, positional: tuple[str, ...]) -> dict[str, ast.expr]:
    """Return the arguments of a call by the name of their parameter, as far as they are seen."""
    arguments: dict[str, ast.expr] = {}
    for name, value in zip(positional, call.args, strict=False):
        if isinstance(value, ast.Starred):
            break
        arguments[name] = value
    arguments |= {given.arg: given.value for given in call.keywords if given.arg is not None}
    return arguments


def is_complete(call: ast.Call) -> bool:
    """Tell whether no `*args` or `**kwargs` hides more arguments."""
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    return not starred and all(given.arg is not None for given in call.keywords)
