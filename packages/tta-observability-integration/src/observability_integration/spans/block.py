"""A span around a block of the user's own work."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from opentelemetry.trace import Status, StatusCode

from observability_integration.semconv.names import ERROR_TYPE

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

    from opentelemetry.trace import Span


class SpanBlock:
    """End a span with its block, of `with` or of `async with`.

    An error that leaves the block marks the span as failed, with its type only.

    Args:
        span: Yielded to the block.
        current: What makes it the current one in the block.
    """

    def __init__(self, span: Span, current: AbstractContextManager[object]) -> None:
        self._span = span
        self._stack = contextlib.ExitStack()
        self._current = current

    def __enter__(self) -> Span:
        self._stack.enter_context(self._current)
        return self._span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        if isinstance(error, Exception):
            mark_failed(self._span, type(error).__qualname__)
        self._span.end()

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


def mark_failed(span: Span, error_type: str) -> None:
    """Set on *span* what it failed with."""
    span.set_attribute(ERROR_TYPE, error_type)
    span.set_status(Status(StatusCode.ERROR, error_type))
