"""What retries the calls in a function: decorators and loops of the usual libraries.

Read are tenacity 9, backoff 2, retrying 1, retry 0.9 and stamina 25. A policy that cannot be read
in full says so rather than guess: `attempts` and `catches` are then unknown.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .error_handlers import catches_rate_limits, ends_here, error_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .rule import CheckedFile

_TENACITY: Final = frozenset(
    {
        "tenacity.retry",
        "tenacity.Retrying",
        "tenacity.AsyncRetrying",
        "tenacity.asyncio.AsyncRetrying",
    }
)
_RETRY_PACKAGE: Final = frozenset({"retry.retry", "retry.api.retry"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How one library retries one function.

    Args:
        node: The decorator, or the object a loop runs over.
        library: For example `tenacity`.
        is_endless: Whether it is certain to go on until it succeeds.
        attempts: Calls at most, the first included; None where that is unknown or endless.
        catches: Dotted names of the errors after which it tries again; empty for all of them,
            None where that is unknown.
    """

    node: ast.expr
    library: str
    is_endless: bool
    attempts: int | None
    catches: tuple[str, ...] | None


def policies_around(checked: CheckedFile, node: ast.AST) -> Iterator[RetryPolicy]:
    """Yield the policies that run *node* again: on its function, and loops within it.

    There are none where a handler in between keeps its errors to itself.
    """
    if ends_here(checked, node):
        return
    function = checked.file.function_of(node)
    if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for decorator in function.decorator_list:
            policy = read_policy(checked, decorator)
            if policy is not None:
                yield policy
    for loop in checked.file.loops_around(node):
        if isinstance(loop, (ast.For, ast.AsyncFor)):
            policy = read_policy(checked, loop.iter)
            if policy is not None:
                yield policy


def read_policy(checked: CheckedFile, node: ast.expr) -> RetryPolicy | None:
    """Return what *node* says about retrying, or None where it is something else."""
    call = node if isinstance(node, ast.Call) else None
    name = checked.names.qualified(call.func if call is not None else node)
    if name is None:
        return None
    if name in _TENACITY:
        return _tenacity(checked, node, call)
    if name == "backoff.on_exception" and call is not None:
        return _backoff(checked, call)
    if name == "retrying.retry":
        limits = ("stop", "stop_max_attempt_number", "stop_max_delay", "stop_func")
        return _by_keywords(checked, node, call, "retrying", limits, "stop_max_attempt_number")
    if name in _RETRY_PACKAGE:
        limits = ("tries",)
        return _by_keywords(checked, node, call, "retry", limits, "tries")
    if name == "stamina.retry" and call is not None:
        return _stamina(checked, call)
    return None


def _tenacity(checked: CheckedFile, node: ast.expr, call: ast.Call | None) -> RetryPolicy:
    if call is None:
        return RetryPolicy(node, "tenacity", is_endless=True, attempts=None, catches=())
    known = _is_readable(call) and not call.args
    stop = _keyword(call, "stop")
    endless = known and (
        stop is None
        or checked.names.qualified(stop) in ("tenacity.stop_never", "tenacity.stop.stop_never")
    )
    attempts = _stop_attempts(checked, stop) if stop is not None else None
    condition = _keyword(call, "retry")
    if not known:
        catches = None
    elif condition is None:
        catches = ()
    else:
        catches = _condition(checked, condition)
    return RetryPolicy(node, "tenacity", endless, attempts, catches)


def _stop_attempts(checked: CheckedFile, stop: ast.expr) -> int | None:
    if isinstance(stop, ast.BinOp) and isinstance(stop.op, ast.BitOr):
        sides = (_stop_attempts(checked, stop.left), _stop_attempts(checked, stop.right))
        return min((side for side in sides if side is not None), default=None)
    if not isinstance(stop, ast.Call):
        return None
    name = checked.names.qualified(stop.func) or ""
    if name.startswith("tenacity.") and name.endswith(".stop_after_attempt"):
        given = stop.args[0] if stop.args else _keyword(stop, "max_attempt_number")
        return _whole_number(checked, given)
    return None


def _condition(checked: CheckedFile, condition: ast.expr) -> tuple[str, ...] | None:
    if not isinstance(condition, ast.Call):
        return None
    name = checked.names.qualified(condition.func) or ""
    given = condition.args[0] if condition.args else _keyword(condition, "exception_types")
    if not name.startswith("tenacity."):
        return None
    if name.endswith(".retry_if_exception_type"):
        return () if given is None else error_names(checked, given)
    if name.endswith(".retry_if_not_exception_type") and given is not None:
        return None if catches_rate_limits(checked, given) else ()
    return None


def _backoff(checked: CheckedFile, call: ast.Call) -> RetryPolicy:
    errors = call.args[1] if len(call.args) > 1 else _keyword(call, "exception")
    limits = [_keyword(call, name) for name in ("max_tries", "max_time")]
    known = _is_readable(call) and _keyword(call, "giveup") is None
    endless = known and all(_is_none(checked, limit) for limit in limits)
    catches = error_names(checked, errors) if errors is not None else None
    attempts = _whole_number(checked, limits[0])
    return RetryPolicy(call, "backoff", endless, attempts, catches if known else None)


def _stamina(checked: CheckedFile, call: ast.Call) -> RetryPolicy:
    errors = _keyword(call, "on")
    given = _keyword(call, "attempts")
    attempts = 10 if given is None and _is_readable(call) else _whole_number(checked, given)
    catches = error_names(checked, errors) if errors is not None else None
    return RetryPolicy(call, "stamina", is_endless=False, attempts=attempts, catches=catches)


def _by_keywords(
    checked: CheckedFile,
    node: ast.expr,
    call: ast.Call | None,
    library: str,
    limits: tuple[str, ...],
    count: str,
) -> RetryPolicy:
    if call is None:
        return RetryPolicy(node, library, is_endless=True, attempts=None, catches=())
    known = _is_readable(call) and not call.args
    given = {keyword.arg for keyword in call.keywords}
    conditions = {"retry_on_exception", "retry_on_result", "exceptions"}
    return RetryPolicy(
        node,
        library,
        is_endless=known and given.isdisjoint(limits),
        attempts=_whole_number(checked, _keyword(call, count)),
        catches=() if known and given.isdisjoint(conditions) else None,
    )


def _is_readable(call: ast.Call) -> bool:
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    return not starred and all(keyword.arg is not None for keyword in call.keywords)


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _is_none(checked: CheckedFile, expression: ast.expr | None) -> bool:
    return expression is None or checked.names.constant(expression) is None


def _whole_number(checked: CheckedFile, expression: ast.expr | None) -> int | None:
    value = None if expression is None else checked.names.constant(expression)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
