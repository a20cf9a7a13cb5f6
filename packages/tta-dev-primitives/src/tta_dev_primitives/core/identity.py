"""A text that tells one step from another, the same in every process."""

from __future__ import annotations

import functools
import hashlib
import types
from typing import Any, cast

from .base import LambdaPrimitive, WorkflowPrimitive


def identity(step: object) -> str:
    """Return a text that is the same for the same step in another process of the same code.

    It holds the kind, the name, what `identity_parts` of the primitive adds, and the same of all
    children; for functions the module and qualified name, and for lambdas and inner functions a
    hash of their code. A method or callable object counts with the `repr` of its object, where
    the class defines one. Values that a closure captured are not seen.
    """
    if isinstance(step, LambdaPrimitive):
        return _function_identity(cast("LambdaPrimitive[Any, Any]", step).fn)
    if isinstance(step, WorkflowPrimitive):
        node = cast("WorkflowPrimitive[Any, Any]", step)
        parts = [node.name, *map(repr, node.identity_parts())]
        parts.extend(f"{label}={identity(child)}" for label, child in node.children())
        return f"{_qualified(type(node))}({','.join(part for part in parts if part)})"
    return _function_identity(step) if callable(step) else repr(step)


def _function_identity(fn: Any) -> str:  # Any: any callable
    if isinstance(fn, functools.partial):
        bound = cast("functools.partial[Any]", fn)
        return f"partial({_function_identity(bound.func)},{bound.args!r},{bound.keywords!r})"
    named = hasattr(fn, "__qualname__")
    text = _qualified(fn if named else type(fn))
    code = getattr(fn, "__code__", None)
    if code is not None and "<" in text:
        body = repr((_code_parts(code), _stable(getattr(fn, "__defaults__", None))))
        text = f"{text}@{hashlib.sha256(body.encode()).hexdigest()[:12]}"
    holder = getattr(fn, "__self__", None) if named else fn
    if isinstance(holder, types.ModuleType) or type(holder).__repr__ is object.__repr__:
        return text
    return text if holder is None else f"{text}[{holder!r}]"


def _qualified(named: Any) -> str:  # Any: any class or function
    return f"{getattr(named, '__module__', None)}.{named.__qualname__}"


def _code_parts(code: types.CodeType) -> tuple[object, ...]:
    """Return what makes *code* do what it does, without file names, line numbers and addresses."""
    return (code.co_code, code.co_names, code.co_freevars, _stable(code.co_consts))


def _stable(value: object) -> object:
    """Return *value* with nothing in it whose `repr` differs between processes."""
    if isinstance(value, types.CodeType):
        return _code_parts(value)
    if isinstance(value, tuple):
        return tuple(map(_stable, cast("tuple[object, ...]", value)))
    if isinstance(value, frozenset):
        return sorted(repr(_stable(member)) for member in cast("frozenset[object]", value))
    if value is None or isinstance(value, str | bytes | int | float | complex):
        return value
    return type(value).__qualname__
