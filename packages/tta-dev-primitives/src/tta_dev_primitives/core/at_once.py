"""Steps that answer at once: without a task of their own, and without a turn of the event loop."""

from __future__ import annotations

import dis
import inspect
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

T = TypeVar("T")

# The instruction that every `await`, `async for` and `async with` is made of.
_WAIT = dis.opmap.get("SEND")


class Pending:
    """What is left to do of a step that has no result yet.

    Attributes:
        coroutine: Returns the result. Whoever got it awaits or closes it.
    """

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:  # Any: the step's own type
        self.coroutine = coroutine


def never_waits(fn: Callable[..., object]) -> bool:
    """Tell whether *fn* is a coroutine function without any `await` in it.

    Where that cannot be told, it is taken for one that may wait.
    """
    fn = getattr(fn, "__func__", fn)
    if not isinstance(fn, FunctionType) or type(fn.__code__) is not CodeType or _WAIT is None:
        return False
    code = fn.__code__
    # Instructions are two bytes each; what caches lie between them is zero here.
    return bool(code.co_flags & inspect.CO_COROUTINE) and _WAIT not in code.co_code[::2]


def result_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run *coroutine*, which never waits, to its end and return its result.

    Raises:
        RuntimeError: It did wait.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    coroutine.close()
    msg = f"{coroutine!r} waited, but was run as one that never does"
    raise RuntimeError(msg)


async def awaited(work: Awaitable[T]) -> T:
    """Await *work*, where a coroutine is needed."""
    return await work
