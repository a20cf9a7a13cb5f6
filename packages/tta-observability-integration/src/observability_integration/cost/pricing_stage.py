"""Give spans of models the cost that they came without, in the thread that exports them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind

from observability_integration.metrics.instruments import LLM_COST, LLM_COST_UNPRICED
from observability_integration.metrics.model_calls import OTHER
from observability_integration.semconv import names as semconv
from observability_integration.spans.light_span import SpanDetails

from .rates import TokenCounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observability_integration.metrics.instrument import (
        Adding,
        CellSource,
        Instrument,
        LabelValue,
    )
    from observability_integration.spans.light_span import LightSpan

    from .prices import PriceBook

OPERATION_COST: Final = "operation.cost"

# Money is told where it is spent and nowhere above, or it would be counted twice: spans of agents
# and workflows often repeat the tokens of the calls below them.
_OPERATIONS: Final = frozenset({"chat", "generate_content", "text_completion", "embeddings"})
_PROVIDER: Final = (semconv.GEN_AI_PROVIDER_NAME, "gen_ai.system")
_REQUESTED: Final = (semconv.GEN_AI_REQUEST_MODEL, semconv.GEN_AI_RESPONSE_MODEL)
_INPUT: Final = (semconv.GEN_AI_USAGE_INPUT_TOKENS, "gen_ai.usage.prompt_tokens")
_OUTPUT: Final = (semconv.GEN_AI_USAGE_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens")
_TOKENS: Final = frozenset((*_INPUT, *_OUTPUT))
_CACHE_READ: Final = (
    semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
    "gen_ai.usage.cache_read_input_tokens",
)
_CACHE_WRITE: Final = (
    semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
    semconv.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS,
    "gen_ai.usage.cache_creation_input_tokens",
)
_REASONING: Final = (semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, "gen_ai.usage.reasoning_tokens")


class PricingStage:
    """Price the calls of models among the spans: called with each one, after it was resolved.

    A span of an inference that tells its tokens and no cost gets one, in US dollars and marked as
    reckoned here, and is counted in `tta.llm.cost`; where the price is not known it stays without
    and is counted in `tta.llm.cost.unpriced`. It does not matter whose instrumentation made the
    span. Nothing is counted of spans that came with their cost.

    Args:
        prices: What tokens cost.
        cells: Where costs are counted; None for nowhere.
        logfire_names: Repeat the cost as `operation.cost`, where Logfire looks for it.
    """

    def __init__(
        self, prices: PriceBook, cells: CellSource | None = None, *, logfire_names: bool = False
    ) -> None:
        self._prices, self._cells, self._logfire_names = prices, cells, logfire_names

    def __call__(self, span: LightSpan) -> None:
        """Price *span*, which has ended, where it needs that."""
        details = span.details
        # Most spans are not of models, which is told without merging their attributes.
        if _TOKENS.isdisjoint(span.site.attributes) and (
            details is None or _TOKENS.isdisjoint(details.attributes)
        ):
            return
        attributes = span.attributes
        if not _is_inference(attributes):
            return
        if _tells_again(span):
            return
        amount = attributes.get(semconv.GEN_AI_USAGE_COST_AMOUNT)
        if amount is None:
            amount = self._priced(span, attributes)
        if amount is not None and self._logfire_names:
            _details(span).attributes.setdefault(OPERATION_COST, amount)

    def _priced(self, span: LightSpan, attributes: Mapping[str, Any]) -> float | None:
        """Add the cost to *span*, count it and return it; None where it is not known."""
        provider, requested = _text(attributes, *_PROVIDER), _text(attributes, *_REQUESTED)
        price = self._prices.price(
            _text(attributes, semconv.GEN_AI_RESPONSE_MODEL) or requested,
            tokens_of(attributes),
            provider=provider or None,
            requested=requested,
            at=datetime.fromtimestamp(span.start_ns / 1e9, UTC),
        )
        labels = (provider or OTHER, requested or OTHER)
        if price is None:
            self._count(LLM_COST_UNPRICED, 1, *labels)
            return None
        _details(span).attributes.update(
            {
                semconv.GEN_AI_USAGE_COST_AMOUNT: price.amount,
                semconv.GEN_AI_USAGE_COST_CURRENCY: "USD",
                semconv.GEN_AI_USAGE_COST_SOURCE: "local",
                semconv.TTA_COST_PRICE_VERSION: price.version,
            }
        )
        path = _text(attributes, semconv.TTA_PRIMITIVE_PATH) or None
        self._count(LLM_COST, price.amount, *labels, path)
        return price.amount

    def _count(self, instrument: Instrument[Adding], number: float, *labels: LabelValue) -> None:
        if self._cells is not None:
            self._cells.cell(instrument, *labels).add(number)


def tokens_of(attributes: Mapping[str, Any]) -> TokenCounts:  # Any: attribute values
    """Return the tokens that a span tells, under today's names or older ones."""
    return TokenCounts(
        input=_number(attributes, *_INPUT),
        output=_number(attributes, *_OUTPUT),
        cache_read=_number(attributes, *_CACHE_READ),
        cache_write=_number(attributes, *_CACHE_WRITE),
        reasoning=_number(attributes, *_REASONING),
        audio_input=_number(attributes, "gen_ai.usage.audio.input_tokens"),
        image_input=_number(attributes, "gen_ai.usage.image.input_tokens"),
        video_input=_number(attributes, "gen_ai.usage.video.input_tokens"),
    )


def _tells_again(span: LightSpan) -> bool:
    """Tell whether an SDK's own instrumentation repeats what the span of a primitive tells."""
    if span.details is not None and span.details.tells_again:
        return True
    return span.call is not None and span.call.kind is SpanKind.CLIENT


def _is_inference(attributes: Mapping[str, Any]) -> bool:
    operation = attributes.get(semconv.GEN_AI_OPERATION_NAME)
    if operation is not None:
        return operation in _OPERATIONS
    # Instrumentations from before operations had names; those of agents had no provider.
    return bool(_text(attributes, *_PROVIDER) and _text(attributes, *_REQUESTED))


def _text(attributes: Mapping[str, Any], *names: str) -> str:
    """Return the first of these attributes that is there, empty where none is."""
    found = (attributes.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")


def _number(attributes: Mapping[str, Any], *names: str) -> int:
    """Return the first of these attributes that is a count, 0 where none is."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15:
            return int(value)
    return 0


def _details(span: LightSpan) -> SpanDetails:
    if span.details is None:
        span.details = SpanDetails(span.site.limits)
    return span.details
