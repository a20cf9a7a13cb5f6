"""Make of what was offered what exporters see: light spans, whose records became attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from observability_integration.spans.call_span import BegunCall
from observability_integration.spans.light_span import LightSpan
from observability_integration.turns import in_turns

from .telling import ToldOnce

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan


class Preparation:
    """Convert and resolve spans, in the thread that exports them.

    Args:
        resolve: Makes attributes and events of what a span only kept so far.
    """

    def __init__(self, resolve: Callable[[LightSpan], object] | None) -> None:
        self._resolve = resolve
        self._not_resolved = ToldOnce(
            "what a primitive reported could not be described", "its span goes on without it"
        )
        self._not_converted = ToldOnce(
            "what was offered as a span is none", "it goes nowhere and counts as dropped"
        )

    def prepared(self, offered: Sequence[object]) -> tuple[LightSpan, ...]:
        """Return the spans of *offered*; what is no span and cannot become one is left out."""
        resolve = self._resolve
        spans: list[LightSpan] = []
        for item in in_turns(offered):
            span = (
                item
                if type(item) is BegunCall or isinstance(item, LightSpan)
                else self._converted(item)
            )
            if span is None:
                continue
            spans.append(span)
            if resolve is not None:
                try:
                    resolve(span)
                except Exception as error:  # noqa: BLE001 - a span is not lost for want of words
                    self._not_resolved.tell(error)
        return tuple(spans)

    def _converted(self, item: object) -> LightSpan | None:
        # Whoever offers a span of opentelemetry-sdk has paid for its import already.
        from observability_integration.export.sdk import light_span_of

        try:
            return light_span_of(cast("ReadableSpan", item))
        except Exception as error:  # noqa: BLE001 - others in the batch are spans
            self._not_converted.tell(error)
            return None
