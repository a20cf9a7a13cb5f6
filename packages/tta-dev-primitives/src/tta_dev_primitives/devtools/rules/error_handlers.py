"""Who hears of a failed call: the handlers around it, and which errors they take."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from .rule import CheckedFile

TryNode: TypeAlias = ast.Try | ast.TryStar

# The names a rate limit goes by, from the class itself up to what every except catches.
_CATCHES_RATE_LIMITS: Final = frozenset(
    {
        "Exception",
        "BaseException",
        "OpenAIError",
        "AnthropicError",
        "APIError",
        "APIStatusError",
        "RateLimitError",
        "RateLimitedError",
        "LLMError",
        "PrimitiveError",
    }
)
_BUILTIN: Final = frozenset({"Exception", "BaseException"})


@dataclass(frozen=True, slots=True)
class Taker:
    """What takes a rate limit of a call first.

    Args:
        handler: The handler, or the `suppress(...)` of a `with`.
        attempt: The statement the handler belongs to, None for `suppress`.
    """

    handler: ast.ExceptHandler | ast.expr
    attempt: TryNode | None


def taker_of(checked: CheckedFile, call: ast.AST) -> Taker | None:
    """Return what takes a rate limit of *call* within its function, or None."""
    child = call
    function = checked.file.function_of(call)
    for parent in checked.file.parents(call):
        if parent is function:
            return None
        if isinstance(parent, (ast.With, ast.AsyncWith)) and child in parent.body:
            for item in parent.items:
                if _suppresses(checked, item.context_expr):
                    return Taker(item.context_expr, None)
        if isinstance(parent, (ast.Try, ast.TryStar)) and child in parent.body:
            for handler in parent.handlers:
                if handler.type is None or catches_rate_limits(checked, handler.type):
                    return Taker(handler, parent)
        child = parent
    return None


def ends_here(checked: CheckedFile, call: ast.AST) -> bool:
    """Tell whether an error of *call* never leaves its function, so that nobody outside retries."""
    taker = taker_of(checked, call)
    if taker is None:
        return False
    return not any(isinstance(node, ast.Raise) for node in ast.walk(taker.handler))


def catches_rate_limits(checked: CheckedFile, expression: ast.expr) -> bool:
    """Tell whether an error class, or one of a tuple of them, is that of a rate limit."""
    parts = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    for part in parts:
        names = error_names(checked, part)
        name = names[0] if names else ast.unparse(part)
        package, _, last = name.rpartition(".")
        if last in _CATCHES_RATE_LIMITS and (last not in _BUILTIN or not package):
            return True
    return False


def error_names(checked: CheckedFile, expression: ast.expr) -> tuple[str, ...] | None:
    """Return the dotted names of the error classes in *expression*, None where one is unknown."""
    parts = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    names = [checked.names.qualified(part) for part in parts]
    known = tuple(name.removeprefix("builtins.") for name in names if name is not None)
    return known if len(known) == len(names) else None


def _suppresses(checked: CheckedFile, expression: ast.expr) -> bool:
    if not isinstance(expression, ast.Call):
        return False
    if checked.names.qualified(expression.func) != "contextlib.suppress":
        return False
    return any(catches_rate_limits(checked, argument) for argument in expression.args)
