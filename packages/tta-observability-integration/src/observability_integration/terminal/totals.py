"""What a trace came to: time, calls of models, money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observability_integration.semconv import names as semconv

from .lost import FAILED, LostCalls
from .text import display_width
from .units import count, dollars, duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .text import Style
    from .tree_span import TreeSpan


@dataclass(frozen=True, slots=True)
class TraceTotals:
    """The sums of one trace.

    A request to a model that another instrumentation reports below ours is the same request, and
    counts once. What counts as wasted is defined in `cost.account`, and `terminal.lost` says what
    of it spans cannot tell. Each dollar is wasted at most once, and is part of what was spent.

    Attributes:
        nanoseconds: From the first start to the last end.
        spans: How many there are.
        failed: How many of them failed.
        model_calls: Requests to models, those that failed included.
        unpriced_calls: Those that used tokens whose price is not known; no part of `spent`.
        input_tokens: Sent to models.
        output_tokens: Received from models.
        spent: US dollars.
        wasted: The part of `spent` that brought nothing.
        saved: US dollars that caches saved.
    """

    nanoseconds: int
    spans: int
    failed: int
    model_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    spent: float
    wasted: float
    saved: float


def totals_of(spans: Sequence[TreeSpan]) -> TraceTotals:
    """Return the sums of one trace."""
    known = {span.span_id: span for span in spans}
    calls = [span for span in spans if counts_as_call(span, known.get(span.parent_id))]
    return TraceTotals(
        nanoseconds=max((span.end_ns for span in spans), default=0)
        - min((span.start_ns for span in spans), default=0),
        spans=len(spans),
        failed=sum(span.outcome in FAILED for span in spans),
        model_calls=len(calls),
        unpriced_calls=sum(map(is_unpriced, calls)),
        input_tokens=_sum(calls, semconv.GEN_AI_USAGE_INPUT_TOKENS),
        output_tokens=_sum(calls, semconv.GEN_AI_USAGE_OUTPUT_TOKENS),
        spent=sum((call.cost or 0.0 for call in calls), 0.0),
        wasted=wasted_of(spans, spans),
        saved=sum((span.number(semconv.TTA_CACHE_SAVED_COST) or 0.0 for span in spans), 0.0),
    )


def wasted_of(spans: Sequence[TreeSpan], counted: Iterable[TreeSpan]) -> float:
    """Return US dollars that were spent for nothing.

    Args:
        spans: Those of one trace.
        counted: Those of them whose money counts.
    """
    known = {span.span_id: span for span in spans}
    lost = LostCalls(spans)
    spent = wasted = 0.0
    for span in counted:
        if counts_as_call(span, known.get(span.parent_id)):
            cost = span.cost or 0.0
            spent += cost
            wasted += cost if cost and lost.holds(span) else 0.0
        losers = span.number(semconv.TTA_HEDGE_WASTED_COST) or 0.0
        if losers > 0 and not lost.knows_losers(span) and not lost.holds(span):
            wasted += losers
    return min(wasted, spent)


def totals_lines(totals: TraceTotals, style: Style, before: str = "") -> list[str]:
    """Return the sums, in one line where they fit; what there was none of is left out.

    Args:
        totals: What to tell.
        style: How wide.
        before: Stands at the beginning; further lines are as far in.
    """
    parts = [duration(totals.nanoseconds)]
    if totals.model_calls:
        parts.append(count(totals.model_calls, "model call"))
    if totals.input_tokens or totals.output_tokens:
        parts.append(f"{totals.input_tokens:,} in, {totals.output_tokens:,} out")
    if totals.spent:
        parts.append(f"{dollars(totals.spent)} spent")
    if totals.wasted:
        parts.append(f"{dollars(totals.wasted)} of it wasted")
    if totals.unpriced_calls:
        parts.append(f"{count(totals.unpriced_calls, 'call')} unpriced")
    if totals.saved:
        parts.append(f"{dollars(totals.saved)} saved")
    lines = [before + parts[0]]
    for part in parts[1:]:
        longer = lines[-1] + style.dot + part
        if style.width is None or display_width(longer) <= style.width:
            lines[-1] = longer
        else:
            lines.append(" " * len(before) + part)
    return lines


def counts_as_call(span: TreeSpan, above: TreeSpan | None) -> bool:
    """Tell whether *span* is a request to a model that is not already that of *above*."""
    return span.asks_a_model and (above is None or above is span or not above.asks_a_model)


def is_unpriced(call: TreeSpan) -> bool:
    """Tell whether *call* used tokens for an amount that nobody knows."""
    used = (semconv.GEN_AI_USAGE_INPUT_TOKENS, semconv.GEN_AI_USAGE_OUTPUT_TOKENS)
    return call.cost is None and any(call.number(key) is not None for key in used)


def _sum(spans: Iterable[TreeSpan], key: str) -> int:
    return int(sum(span.number(key) or 0 for span in spans))
