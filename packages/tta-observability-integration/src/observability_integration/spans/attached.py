"""A block in which a span is current, also where the block is left in a foreign context."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context

if TYPE_CHECKING:
    from opentelemetry.context import Context

# Its token proves that the block is left in the context that it was entered in. In any other,
# `opentelemetry.context.detach` writes "Failed to detach context" into the log.
_entered: ContextVar[object] = ContextVar("tta_attached", default=None)


class Attached:
    """Make an OpenTelemetry context the current one in a `with` block.

    A generator may hold such a block across a `yield` and be closed by another task, or by the
    collector of garbage, in a context where nothing of the block was ever current. Then there is
    nothing to undo, and nothing is.

    Args:
        within: What is current in the block.
    """

    __slots__ = ("_attached", "_proof", "_within")

    _attached: Token[Context]
    _proof: Token[object]

    def __init__(self, within: Context) -> None:
        self._within = within

    def __enter__(self) -> None:
        self._proof = _entered.set(self)
        self._attached = otel_context.attach(self._within)

    def __exit__(self, *_: object) -> None:
        try:
            _entered.reset(self._proof)
        except ValueError:
            return
        otel_context.detach(self._attached)
