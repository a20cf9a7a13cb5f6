"""Streams: joining chunks, and steps that change a stream while it flows."""

from __future__ import annotations

import contextlib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from tta_dev_primitives.errors import ConfigurationError

from .base import FRESH, WorkflowPrimitive
from .identity import identity

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from .context import WorkflowContext


@runtime_checkable
class StreamTransform(Protocol):
    """A step that stays inside a stream instead of waiting for the whole."""

    def transform(
        self,
        chunks: AsyncIterator[Any],  # Any: chunks are whatever the step before yields
        context: WorkflowContext,
    ) -> AsyncGenerator[Any, None]:
        """Yield chunks made of *chunks*."""
        ...


def transforms(step: object) -> bool:
    """Tell whether *step* can stay inside a stream."""
    return isinstance(step, StreamTransform)


@dataclass(frozen=True, slots=True)
class StreamRestarted:
    """Stands in a stream where it begins anew: what came before it does not count any more.

    Attributes:
        used: Label of the step that begins now.
        index: Number of that step, counted from 1 for the first fallback.
        reason: Type of the error that broke the stream off.
        dropped: How many chunks before this one do not count any more, other marks not included.
    """

    used: str
    index: int
    reason: str
    dropped: int


def since_restart(chunks: Sequence[Any]) -> list[Any]:  # Any: chunks are whatever steps yield
    """Return the chunks that count: those after the last `StreamRestarted`, or all of them."""
    for place in range(len(chunks) - 1, -1, -1):
        if isinstance(chunks[place], StreamRestarted):
            return list(chunks[place + 1 :])
    return list(chunks)


def join_chunks(chunks: Sequence[Any]) -> Any:  # Any: the type follows the chunks
    """Join chunks to the whole that `execute` returns.

    Text and bytes are concatenated. A chunk type with a `join_chunks` class method joins its own.
    A single chunk is the whole. Anything else is returned as a list, no chunk as an empty list.
    What came before the last `StreamRestarted` is left out.
    """
    if not chunks:
        return []
    first = cast("object", chunks[0])
    if isinstance(first, str | bytes) and all(type(chunk) is type(first) for chunk in chunks):
        return type(first)().join(chunks)
    if any(isinstance(chunk, StreamRestarted) for chunk in chunks):
        return join_chunks(since_restart(chunks))
    join = getattr(type(first), "join_chunks", None)
    if join is not None:
        return join(chunks)
    return first if len(chunks) == 1 else list(chunks)


class TransformPrimitive(WorkflowPrimitive[Any, Any]):
    """Make a step of an async generator function that turns chunks into chunks.

    In a stream it works on chunks as they come; under `execute` it gets the value as one chunk.

    Args:
        fn: Takes an async iterator of chunks and yields chunks.
        name: Name in paths, traces and diagrams; the function's own when left out.

    Raises:
        ConfigurationError: *fn* cannot give chunks.
    """

    def __init__(
        self,
        fn: Callable[[AsyncIterator[Any]], AsyncGenerator[Any, None]],  # Any: any chunks
        *,
        name: str | None = None,
    ) -> None:
        if not callable(fn) or inspect.iscoroutinefunction(fn):
            msg = f"expected an async generator function of chunks, got {fn!r}; yield the chunks"
            raise ConfigurationError(msg)
        self.fn = fn
        own_name = getattr(fn, "__name__", "")
        self.name = name if name is not None else "" if own_name == "<lambda>" else own_name

    async def transform(
        self, chunks: AsyncIterator[Any], context: WorkflowContext
    ) -> AsyncGenerator[Any, None]:
        """Yield chunks made of *chunks*; closing it closes *chunks* first."""
        del context
        produced = self.fn(chunks)
        try:
            async for chunk in produced:
                yield chunk
        finally:
            await produced.aclose()
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()

    def identity_parts(self) -> Sequence[object]:
        """Return what makes the chunks."""
        return (identity(self.fn),)

    async def stream(
        self, input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        """Transform a stream of one chunk."""

        async def single() -> AsyncGenerator[Any, None]:
            yield input_data

        async with contextlib.aclosing(self.transform(single(), context)) as chunks:
            async for chunk in chunks:
                yield chunk
