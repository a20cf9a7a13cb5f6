"""A text that tells one step from another, the same in every process."""

from __future__ import annotations

import functools
import hashlib
from typing import Any, cast

from .base import LambdaPrimitive, WorkflowPrimitive


def identity(step: object) -> str:
    """Return a text that is the same for the same step in another process of the same code.

    It holds the kind, the name, what `identity_parts` of the primitive adds, and the same of all
    children; for functions the module and qualified name, and for lambdas and inner functions a
    hash of their code. Values that a closure captured are not seen.
    """
    if isinstance(step, LambdaPrimitive):
        return _function_identity(cast("LambdaPrimitive[Any, Any]", step).fn)
    if not isinstance(step, WorkflowPrimitive):
        return repr(step)
    node = cast("WorkflowPrimitive[Any, Any]", step)
    parts = [type(node).__qualname__, node.name, *map(repr, node.identity_parts())]
    parts.extend(f"{label}={identity(child)}" for label, child in node.children())
    return f"{parts[0]}({','.join(part for part in parts[1:] if part)})"


def _function_identity(fn: Any) -> str:  # Any: any callable
    if isinstance(fn, functools.partial):
        bound = cast("functools.partial[Any]", fn)
        return f"partial({_function_identity(bound.func)},{bound.args!r},{bound.keywords!r})"
    owner = fn if hasattr(fn, "__qualname__") else cast("Any", type(fn))
    text = f"{getattr(owner, '__module__', '')}.{owner.__qualname__}"
    code = getattr(fn, "__code__", None)
    if code is not None and "<" in owner.__qualname__:
        body = repr(
            (
                code.co_code,
                code.co_names,
                [c for c in code.co_consts if isinstance(c, str | int | float)],
            )
        )
        text = f"{text}@{hashlib.sha256(body.encode()).hexdigest()[:12]}"
    return text
