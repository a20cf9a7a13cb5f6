"""What the records that primitives report add to their spans, in the names of schema 1.41."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from observability_integration.semconv import names as semconv
from tta_dev_primitives.core import observe

from .model_records import answer_attributes, request_attributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from .limits import Attributes


def record_attributes(record: object) -> Attributes:
    """Return the attributes that *record* adds to its span; empty for an unknown record."""
    describe = _DESCRIBE.get(type(record))
    return {} if describe is None else describe(record)


def record_event(record: object) -> str | None:
    """Return the name of the span event that *record* is, where it is one."""
    return _EVENTS.get(type(record))


def is_event_only(record: object) -> bool:
    """Tell whether *record* is an event of its span and nothing else.

    A retry may report many of them. The others are attributes too: few backends search events.
    """
    return type(record) is observe.RetryScheduledRecord


def _cache(record: observe.CacheRecord) -> Attributes:
    attributes: Attributes = {semconv.TTA_CACHE_RESULT: record.result}
    if record.name:
        attributes[semconv.TTA_CACHE_NAME] = record.name
    if record.age is not None:
        attributes[semconv.TTA_CACHE_AGE] = record.age
    if record.saved_cost is not None:
        attributes[semconv.TTA_CACHE_SAVED_COST] = record.saved_cost
    if record.saved_input_tokens is not None:
        attributes[semconv.TTA_CACHE_SAVED_INPUT_TOKENS] = record.saved_input_tokens
    if record.saved_output_tokens is not None:
        attributes[semconv.TTA_CACHE_SAVED_OUTPUT_TOKENS] = record.saved_output_tokens
    if record.saved_duration is not None:
        attributes[semconv.TTA_CACHE_SAVED_DURATION] = record.saved_duration
    return attributes


def _route(record: observe.RouteRecord) -> Attributes:
    return {
        semconv.TTA_ROUTE_SELECTED: record.selected,
        semconv.TTA_ROUTE_CANDIDATES: record.candidates,
        semconv.TTA_ROUTE_REASON: record.reason,
        semconv.TTA_ROUTE_STRATEGY: record.strategy,
    }


def _retry_scheduled(record: observe.RetryScheduledRecord) -> Attributes:
    return {
        semconv.TTA_RETRY_ATTEMPT: record.attempt,
        semconv.TTA_RETRY_DELAY: record.delay,
        semconv.ERROR_TYPE: record.error_type,
    }


def _retry(record: observe.RetryRecord) -> Attributes:
    return {
        semconv.TTA_RETRY_ATTEMPTS: record.attempts,
        semconv.TTA_RETRY_MAX_ATTEMPTS: record.max_attempts,
        semconv.TTA_RETRY_DELAY_TOTAL: record.delay_total,
        semconv.TTA_RETRY_EXHAUSTED: record.exhausted,
    }


def _timeout(record: observe.TimeoutRecord) -> Attributes:
    return {
        semconv.TTA_TIMEOUT_LIMIT: record.limit,
        semconv.TTA_TIMEOUT_ELAPSED: record.elapsed,
    }


def _fallback(record: observe.FallbackRecord) -> Attributes:
    return {
        semconv.TTA_FALLBACK_USED: record.used,
        semconv.TTA_FALLBACK_INDEX: record.index,
        semconv.TTA_FALLBACK_REASON: record.reason,
    }


def _breaker(record: observe.BreakerRecord) -> Attributes:
    return {
        semconv.TTA_BREAKER_NAME: record.name,
        semconv.TTA_BREAKER_STATE: record.state,
        semconv.TTA_BREAKER_FAILURE_RATE: record.failure_rate,
        semconv.TTA_BREAKER_RESULT: record.result,
    }


def _breaker_transition(record: observe.BreakerTransitionRecord) -> Attributes:
    return {
        semconv.TTA_BREAKER_NAME: record.name,
        semconv.TTA_BREAKER_FROM: record.from_state,
        semconv.TTA_BREAKER_TO: record.to_state,
        semconv.TTA_BREAKER_REASON: record.reason,
    }


def _rate_limit(record: observe.RateLimitRecord) -> Attributes:
    return {
        semconv.TTA_RATELIMIT_WAIT: record.wait,
        semconv.TTA_RATELIMIT_LIMIT: record.limit,
        semconv.TTA_RATELIMIT_REMAINING: record.remaining,
        semconv.TTA_RATELIMIT_RESULT: record.result,
    }


def _hedge(record: observe.HedgeRecord) -> Attributes:
    attributes: Attributes = {
        semconv.TTA_HEDGE_LAUNCHED: record.launched,
        semconv.TTA_HEDGE_DELAY: record.delay,
    }
    if record.winner is not None:
        attributes[semconv.TTA_HEDGE_WINNER] = record.winner
    if record.wasted_cost is not None:
        attributes[semconv.TTA_HEDGE_WASTED_COST] = record.wasted_cost
    if record.shadow:
        attributes[semconv.TTA_HEDGE_SHADOW] = True
    return attributes


def _budget(record: observe.BudgetRecord) -> Attributes:
    # Without the scope: it names a user or tenant.
    return {
        semconv.TTA_BUDGET_NAME: record.name,
        semconv.TTA_BUDGET_UNIT: record.unit,
        semconv.TTA_BUDGET_RESERVED: record.reserved,
        semconv.TTA_BUDGET_REMAINING: record.remaining,
        semconv.TTA_BUDGET_RESULT: record.result,
    }


def _batch(record: observe.BatchRecord) -> Attributes:
    return {
        semconv.TTA_BATCH_SIZE: record.size,
        semconv.TTA_BATCH_MAX_SIZE: record.max_size,
        semconv.TTA_BATCH_REASON: record.reason,
    }


def _loop(record: observe.LoopRecord) -> Attributes:
    return {
        semconv.TTA_LOOP_ITERATIONS: record.iterations,
        semconv.TTA_LOOP_MAX_ITERATIONS: record.max_iterations,
        semconv.TTA_LOOP_EXHAUSTED: record.exhausted,
    }


def _fault(record: observe.FaultRecord) -> Attributes:
    return {semconv.TTA_FAULT_INJECTED: record.injected}


def _branch(record: observe.BranchRecord) -> Attributes:
    return {semconv.TTA_BRANCH_TAKEN: record.taken}


def _saga(record: observe.SagaRecord) -> Attributes:
    return {
        semconv.TTA_SAGA_STEP: record.step,
        semconv.TTA_SAGA_STEPS: record.steps,
        semconv.TTA_SAGA_COMPENSATED: record.compensated,
        semconv.TTA_SAGA_COMPENSATION_RESULT: record.compensation_result,
    }


def _saga_step(record: observe.SagaStepRecord) -> Attributes:
    return {semconv.TTA_SAGA_STEP: record.step}


def _saga_undo(record: observe.SagaUndoRecord) -> Attributes:
    return {semconv.TTA_SAGA_STEP: record.step, semconv.TTA_SAGA_UNDO: True}


def _map_item(record: observe.MapItemRecord) -> Attributes:
    return {semconv.TTA_MAP_INDEX: record.index}


def _map(record: observe.MapRecord) -> Attributes:
    return {
        semconv.TTA_MAP_NAME: record.name,
        semconv.TTA_MAP_ITEMS: record.items,
        semconv.TTA_MAP_FAILED: record.failed,
        semconv.TTA_MAP_COMPLETE: record.complete,
    }


_DESCRIBE: Final[dict[type, Callable[[Any], Attributes]]] = {  # Any: each takes its own record
    observe.BatchRecord: _batch,
    observe.BranchRecord: _branch,
    observe.BreakerRecord: _breaker,
    observe.BreakerTransitionRecord: _breaker_transition,
    observe.BudgetRecord: _budget,
    observe.CacheRecord: _cache,
    observe.FallbackRecord: _fallback,
    observe.FaultRecord: _fault,
    observe.HedgeRecord: _hedge,
    observe.LLMRecord: answer_attributes,
    observe.LLMRequestRecord: request_attributes,
    observe.LoopRecord: _loop,
    observe.MapItemRecord: _map_item,
    observe.MapRecord: _map,
    observe.RateLimitRecord: _rate_limit,
    observe.RetryRecord: _retry,
    observe.RetryScheduledRecord: _retry_scheduled,
    observe.RouteRecord: _route,
    observe.SagaRecord: _saga,
    observe.SagaStepRecord: _saga_step,
    observe.SagaUndoRecord: _saga_undo,
    observe.TimeoutRecord: _timeout,
}
_EVENTS: Final[dict[type, str]] = {
    observe.BreakerTransitionRecord: semconv.EVENT_BREAKER_TRANSITION,
    observe.FallbackRecord: semconv.EVENT_FALLBACK_ACTIVATED,
    observe.MapRecord: semconv.EVENT_MAP_ENDED,
    observe.RetryScheduledRecord: semconv.EVENT_RETRY_SCHEDULED,
    observe.SagaRecord: semconv.EVENT_SAGA_COMPENSATED,
}
