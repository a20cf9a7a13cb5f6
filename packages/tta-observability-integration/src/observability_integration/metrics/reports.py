"""What each record that primitives report counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tta_dev_primitives.core import observe

from . import instruments

if TYPE_CHECKING:
    from collections.abc import Callable

    from observability_integration.spans.light_span import LightSpan

    from .recorder import PlaceMetrics

# Any: each takes its own record.
Count: TypeAlias = "Callable[[PlaceMetrics, Any], None]"
Measure: TypeAlias = "Callable[[PlaceMetrics, Any, LightSpan | None], None]"


def _cache(place: PlaceMetrics, record: observe.CacheRecord) -> None:
    count = place.cache_requests.get(record.result)
    if count is None:
        cell = place.source.cell(instruments.CACHE_REQUESTS, place.name, record.result)
        count = place.cache_requests[record.result] = cell.add
    count()
    if record.saved_cost:
        place.source.cell(instruments.CACHE_SAVED_COST, place.name).add(record.saved_cost)
    if record.saved_input_tokens:
        cell = place.source.cell(instruments.CACHE_SAVED_INPUT_TOKENS, place.name)
        cell.add(record.saved_input_tokens)
    if record.saved_output_tokens:
        cell = place.source.cell(instruments.CACHE_SAVED_OUTPUT_TOKENS, place.name)
        cell.add(record.saved_output_tokens)


def _route(place: PlaceMetrics, record: observe.RouteRecord) -> None:
    cell = place.source.cell(
        instruments.ROUTE_DECISIONS, place.name, record.selected, record.reason
    )
    cell.add()


def _retry_scheduled(
    place: PlaceMetrics, record: observe.RetryScheduledRecord, span: LightSpan | None
) -> None:
    place.source.cell(instruments.RETRY_ATTEMPTS, place.name, "error").add()
    place.source.cell(instruments.RETRY_DELAY, place.name).record(record.delay, span)


def _retry(place: PlaceMetrics, record: observe.RetryRecord) -> None:
    # The last attempt alone: those before it were counted when another was scheduled. A cancelled
    # one is not counted, because it neither succeeded nor failed.
    outcome = "error" if record.exhausted else "ok"
    place.source.cell(instruments.RETRY_ATTEMPTS, place.name, outcome).add()


def _timeout(place: PlaceMetrics, _: observe.TimeoutRecord) -> None:
    place.source.cell(instruments.TIMEOUT_EXPIRATIONS, place.name).add()


def _fallback(place: PlaceMetrics, record: observe.FallbackRecord) -> None:
    cell = place.source.cell(
        instruments.FALLBACK_ACTIVATIONS, place.name, record.used, record.reason
    )
    cell.add()


def _breaker(place: PlaceMetrics, record: observe.BreakerRecord) -> None:
    place.breakers.tell(record.name, record.state)
    if record.result == "rejected":
        place.source.cell(instruments.BREAKER_REJECTIONS, record.name).add()


def _breaker_transition(place: PlaceMetrics, record: observe.BreakerTransitionRecord) -> None:
    place.breakers.tell(record.name, record.to_state)
    cell = place.source.cell(
        instruments.BREAKER_TRANSITIONS, record.name, record.from_state, record.to_state
    )
    cell.add()


def _rate_limit(
    place: PlaceMetrics, record: observe.RateLimitRecord, span: LightSpan | None
) -> None:
    if record.result == "shadow":
        return  # nobody waited and nobody was refused
    place.source.cell(instruments.RATELIMIT_WAIT, place.name).record(record.wait, span)
    if record.result == "rejected":
        place.source.cell(instruments.RATELIMIT_REJECTIONS, place.name).add()


def _hedge(place: PlaceMetrics, record: observe.HedgeRecord) -> None:
    if record.shadow:
        return  # the further calls were not made
    if record.launched > 1:
        place.source.cell(instruments.HEDGE_LAUNCHED, place.name).add(record.launched - 1)
    if record.winner:
        place.source.cell(instruments.HEDGE_WINS, place.name).add()
    if record.wasted_cost:
        place.source.cell(instruments.HEDGE_WASTED_COST, place.name).add(record.wasted_cost)


def _budget(place: PlaceMetrics, record: observe.BudgetRecord) -> None:
    # Without the scope, which names a user or tenant.
    cell = place.source.cell(instruments.BUDGET_REMAINING, record.name, record.unit)
    cell.set(record.remaining)
    if record.result == "rejected":
        place.source.cell(instruments.BUDGET_REJECTIONS, record.name).add()


def _saga(place: PlaceMetrics, record: observe.SagaRecord) -> None:
    cell = place.source.cell(instruments.SAGA_COMPENSATIONS, place.name, record.compensation_result)
    cell.add()


def _batch(place: PlaceMetrics, record: observe.BatchRecord, span: LightSpan | None) -> None:
    cell = place.source.cell(instruments.BATCH_SIZE, place.name, record.reason)
    cell.record(record.size, span)


def _loop(place: PlaceMetrics, record: observe.LoopRecord, span: LightSpan | None) -> None:
    cell = place.source.cell(instruments.LOOP_ITERATIONS, place.name, record.exhausted)
    cell.record(record.iterations, span)


def _fault(place: PlaceMetrics, record: observe.FaultRecord) -> None:
    for kind in record.injected:
        place.source.cell(instruments.FAULT_INJECTIONS, place.name, kind).add()


def _map(place: PlaceMetrics, record: observe.MapRecord) -> None:
    for outcome, items in (("ok", record.items - record.failed), ("error", record.failed)):
        if items:
            place.source.cell(instruments.MAP_ITEMS, record.name, outcome).add(items)


def _llm_request(place: PlaceMetrics, record: observe.LLMRequestRecord) -> None:
    place.model_calls().asked(record)


def _llm(place: PlaceMetrics, record: observe.LLMRecord, span: LightSpan | None) -> None:
    place.model_calls().answered(record, span)


COUNTED: Final[dict[type, Count]] = {
    observe.BreakerRecord: _breaker,
    observe.BreakerTransitionRecord: _breaker_transition,
    observe.BudgetRecord: _budget,
    observe.CacheRecord: _cache,
    observe.FallbackRecord: _fallback,
    observe.FaultRecord: _fault,
    observe.HedgeRecord: _hedge,
    observe.LLMRequestRecord: _llm_request,
    observe.MapRecord: _map,
    observe.RetryRecord: _retry,
    observe.RouteRecord: _route,
    observe.SagaRecord: _saga,
    observe.TimeoutRecord: _timeout,
}
MEASURED: Final[dict[type, Measure]] = {
    observe.BatchRecord: _batch,
    observe.LLMRecord: _llm,
    observe.LoopRecord: _loop,
    observe.RateLimitRecord: _rate_limit,
    observe.RetryScheduledRecord: _retry_scheduled,
}
