"""Calls whose observers are told something by whoever makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from . import observe
from .frames import current

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .base import WorkflowPrimitive
    from .context import WorkflowContext

X = TypeVar("X")
T = TypeVar("T")


def introduced(
    record: object,
    primitive: WorkflowPrimitive[X, T],
    input_data: X,
    context: WorkflowContext,
) -> Coroutine[Any, Any, T]:  # Any: a coroutine's other types
    """Return a call of *primitive* that reports *record* before all else.

    The record belongs to that call, not to the one that makes it. A primitive that calls itself so
    is called without. Nobody needs this while nobody watches: test `observe.active`.
    """
    above = current.get()
    if above is not None and above.place.primitive is primitive:
        return primitive.execute(input_data, context)

    async def run(called: WorkflowPrimitive[X, T], given: X, running_context: WorkflowContext) -> T:
        frame = current.get()
        if frame is None or frame.place.primitive is not called:
            return await called.execute(given, running_context)  # nobody watches any more
        observe.report(record)
        method: Any = getattr(called.execute, "__wrapped__", None)  # Any: a method, unbound
        if method is None:
            return await called.execute(given, running_context)  # seen as `super().execute()` is
        frame.run = method  # or a call that it makes of itself would be taken for `super()`
        return await method(called, given, running_context)

    return observe.observed_execute(run, primitive, input_data, context)
