"""What a call tells a model before the user speaks, read piece by piece from the source."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite

    from .rule import CheckedFile

# Methods that give back the text they are called on, give or take white space.
_KEEPS_TEXT: Final = frozenset({"strip", "lstrip", "rstrip", "dedent", "cleandoc"})
_STEPS: Final = 50


def argument_of(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a keyword argument, or None."""
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def system_prompts(checked: CheckedFile, site: CallSite) -> Iterator[ast.expr]:
    """Yield the expressions of the system prompt of a call, where they are written out."""
    for name in ("system", "instructions"):
        given = argument_of(site.node, name)
        if given is not None:
            yield from _texts(definition_of(checked, given))
    for name in ("messages", "input"):
        given = argument_of(site.node, name)
        turns = None if given is None else definition_of(checked, given)
        if isinstance(turns, (ast.List, ast.Tuple)):
            for turn in turns.elts:
                message = definition_of(checked, turn)
                if isinstance(message, ast.Dict):
                    yield from _system_content(checked, message)


def _system_content(checked: CheckedFile, message: ast.Dict) -> Iterator[ast.expr]:
    values = {
        key.value: value
        for key, value in zip(message.keys, message.values, strict=True)
        if isinstance(key, ast.Constant)
    }
    role, content = values.get("role"), values.get("content")
    if role is None or content is None:
        return
    if checked.names.constant(role) in ("system", "developer"):
        yield from _texts(definition_of(checked, content))


def _texts(expression: ast.expr) -> Iterator[ast.expr]:
    """Yield the texts of a prompt: itself, or those of its blocks."""
    if not isinstance(expression, ast.List):
        yield expression
        return
    for block in expression.elts:
        if isinstance(block, ast.Dict):
            for key, value in zip(block.keys, block.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "text":
                    yield value


def definition_of(checked: CheckedFile, expression: ast.expr) -> ast.expr:
    """Follow a name to its only assignment in this function or module, else return it as it is."""
    for _ in range(_STEPS):
        if not isinstance(expression, ast.Name):
            return expression
        found = _only_assignment(checked, expression)
        if found is None:
            return expression
        expression = found
    return expression


def _only_assignment(checked: CheckedFile, name: ast.Name) -> ast.expr | None:
    function = checked.file.function_of(name)
    places: list[ast.AST] = [checked.file.tree]
    if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        parameters = function.args
        every = (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs)
        if any(parameter.arg == name.id for parameter in every):
            return None
        places.insert(0, function)
    for place in places:
        found = [node for node in _own_nodes(place) if _binds(node, name.id)]
        if found:
            only = found[0] if len(found) == 1 else None
            return only.value if isinstance(only, (ast.Assign, ast.AnnAssign)) else None
    return None


def _own_nodes(place: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function or module without those of functions and classes within."""
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    waiting = list(ast.iter_child_nodes(place))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, scopes):
            waiting.extend(ast.iter_child_nodes(node))


def _binds(node: ast.AST, name: str) -> bool:
    """Tell whether a statement gives *name* a value; only a plain assignment can be followed."""
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    if isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        return isinstance(node.target, ast.Name) and node.target.id == name
    if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node.target))
    if isinstance(node, ast.withitem) and node.optional_vars is not None:
        return any(
            isinstance(part, ast.Name) and part.id == name for part in ast.walk(node.optional_vars)
        )
    if isinstance(node, ast.NamedExpr):
        return node.target.id == name
    return isinstance(node, ast.Global) and name in node.names


def pieces_of(
    checked: CheckedFile, expression: ast.expr, depth: int = 0
) -> Iterator[str | ast.expr]:
    """Yield the pieces of a text in order: strings where known, else the expression put in."""
    expression = definition_of(checked, expression)
    known = _known_text(checked, expression)
    if known is not None:
        yield known
    elif isinstance(expression, ast.JoinedStr) and depth < _STEPS:
        for part in expression.values:
            if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
                yield part
            else:
                inner = part.value if isinstance(part, ast.FormattedValue) else part
                yield from pieces_of(checked, inner, depth + 1)
    elif (
        isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add) and depth < _STEPS
    ):
        yield from pieces_of(checked, expression.left, depth + 1)
        yield from pieces_of(checked, expression.right, depth + 1)
    elif isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
        inner = _kept_text(expression, expression.func)
        if inner is None or depth >= _STEPS:
            yield expression
        else:
            yield from pieces_of(checked, inner, depth + 1)
    else:
        yield expression


def _known_text(checked: CheckedFile, expression: ast.expr) -> str | None:
    # Names of a workspace carry short texts alone, and prompts are long.
    known = (
        expression.value
        if isinstance(expression, ast.Constant)
        else checked.names.constant(expression)
    )
    return known if isinstance(known, str) else None


def _kept_text(call: ast.Call, function: ast.Attribute) -> ast.expr | None:
    if function.attr not in _KEEPS_TEXT:
        return None
    return call.args[0] if call.args else function.value
