"""The table of instruments: what is counted, in which unit, by which labels.

Those of models follow OpenTelemetry's GenAI conventions and are in `model_instruments`. What counts
attempts says so; everything else counts calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observability_integration.semconv import names

from .instrument import counter, gauge, histogram, up_down_counter

if TYPE_CHECKING:
    from .instrument import Instrument

# Cache hits take microseconds and models a minute; the upper part is that of the GenAI conventions.
OPERATION_BUCKETS: Final = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64),
    *(1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
)
DURATION_BUCKETS: Final = (0.0001, 0.001, *OPERATION_BUCKETS)
COUNT_BUCKETS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)

_NAME: Final = (names.TTA_PRIMITIVE_NAME,)
_PLACE: Final = (names.TTA_PRIMITIVE_TYPE, names.TTA_PRIMITIVE_NAME)
_MODEL: Final = (names.GEN_AI_PROVIDER_NAME, names.GEN_AI_REQUEST_MODEL)

PRIMITIVE_DURATION: Final = histogram(
    names.METRIC_PRIMITIVE_DURATION,
    (*_PLACE, names.TTA_OUTCOME),
    "How long primitive calls took",
    "s",
    DURATION_BUCKETS,
)
PRIMITIVE_ACTIVE: Final = up_down_counter(
    names.METRIC_PRIMITIVE_ACTIVE, _PLACE, "Primitive calls under way"
)

CACHE_REQUESTS: Final = counter(
    names.METRIC_CACHE_REQUESTS, (*_NAME, names.TTA_CACHE_RESULT), "What caches answered"
)
CACHE_SAVED_COST: Final = counter(
    names.METRIC_CACHE_SAVED_COST, _NAME, "What answers from caches would have cost", "USD"
)
CACHE_SAVED_INPUT_TOKENS: Final = counter(
    names.METRIC_CACHE_SAVED_INPUT_TOKENS,
    _NAME,
    "Input tokens that answers from caches did not need",
    "{token}",
)
CACHE_SAVED_OUTPUT_TOKENS: Final = counter(
    names.METRIC_CACHE_SAVED_OUTPUT_TOKENS,
    _NAME,
    "Output tokens that answers from caches did not need",
    "{token}",
)
CACHE_SIZE: Final = gauge(names.METRIC_CACHE_SIZE, _NAME, "Entries in local caches")
CACHE_EVICTIONS: Final = counter(
    names.METRIC_CACHE_EVICTIONS, _NAME, "Entries that caches gave up to make room"
)

ROUTE_DECISIONS: Final = counter(
    names.METRIC_ROUTE_DECISIONS,
    (*_NAME, names.TTA_ROUTE_SELECTED, names.TTA_ROUTE_REASON),
    "Where routers sent calls",
)

RETRY_ATTEMPTS: Final = counter(
    names.METRIC_RETRY_ATTEMPTS,
    (*_NAME, names.TTA_OUTCOME),
    "Attempts of retried calls that ended",
)
RETRY_DELAY: Final = histogram(
    names.METRIC_RETRY_DELAY, _NAME, "Waits before another attempt", "s", DURATION_BUCKETS
)
RETRY_WASTED_COST: Final = counter(
    names.METRIC_RETRY_WASTED_COST, _NAME, "What attempts cost that were made in vain", "USD"
)

TIMEOUT_EXPIRATIONS: Final = counter(
    names.METRIC_TIMEOUT_EXPIRATIONS, _NAME, "Time limits that passed"
)
FALLBACK_ACTIVATIONS: Final = counter(
    names.METRIC_FALLBACK_ACTIVATIONS,
    (names.TTA_FALLBACK_FROM, names.TTA_FALLBACK_TO, names.ERROR_TYPE),
    "Calls that an alternative was asked to answer",
)

BREAKER_STATE: Final = gauge(
    names.METRIC_BREAKER_STATE,
    (names.TTA_BREAKER_NAME, names.TTA_BREAKER_STATE),
    "1 for the state that a circuit breaker is in, 0 for the others",
)
BREAKER_TRANSITIONS: Final = counter(
    names.METRIC_BREAKER_TRANSITIONS,
    (names.TTA_BREAKER_NAME, names.TTA_BREAKER_FROM, names.TTA_BREAKER_TO),
    "Changes of state of circuit breakers",
)
BREAKER_REJECTIONS: Final = counter(
    names.METRIC_BREAKER_REJECTIONS,
    (names.TTA_BREAKER_NAME,),
    "Calls that circuit breakers refused",
)

RATELIMIT_WAIT: Final = histogram(
    names.METRIC_RATELIMIT_WAIT,
    _NAME,
    "How long calls waited for rate limits and bulkheads",
    "s",
    DURATION_BUCKETS,
)
RATELIMIT_REJECTIONS: Final = counter(
    names.METRIC_RATELIMIT_REJECTIONS, _NAME, "Calls that rate limits and bulkheads refused"
)
RATELIMIT_WAITING: Final = gauge(
    names.METRIC_RATELIMIT_WAITING, _NAME, "Calls that wait for a place"
)

HEDGE_LAUNCHED: Final = counter(names.METRIC_HEDGE_LAUNCHED, _NAME, "Calls made beside the first")
HEDGE_WINS: Final = counter(names.METRIC_HEDGE_WINS, _NAME, "Hedges that answered before the first")
HEDGE_WASTED_COST: Final = counter(
    names.METRIC_HEDGE_WASTED_COST, _NAME, "What calls cost whose answer nobody took", "USD"
)

BUDGET_REJECTIONS: Final = counter(
    names.METRIC_BUDGET_REJECTIONS, (names.TTA_BUDGET_NAME,), "Calls that budgets refused"
)
BUDGET_REMAINING: Final = gauge(
    names.METRIC_BUDGET_REMAINING,
    (names.TTA_BUDGET_NAME, names.TTA_BUDGET_UNIT),
    "What is left of a budget, as it was told last",
)

SAGA_COMPENSATIONS: Final = counter(
    names.METRIC_SAGA_COMPENSATIONS,
    (*_NAME, names.TTA_SAGA_COMPENSATION_RESULT),
    "Sagas that were undone",
)
BATCH_SIZE: Final = histogram(
    names.METRIC_BATCH_SIZE,
    (*_NAME, names.TTA_BATCH_REASON),
    "How many calls the batch had that a call was part of",
    "",
    COUNT_BUCKETS,
)
LOOP_ITERATIONS: Final = histogram(
    names.METRIC_LOOP_ITERATIONS,
    (*_NAME, names.TTA_LOOP_EXHAUSTED),
    "How often loops ran their bodies",
    "",
    COUNT_BUCKETS,
)
FAULT_INJECTIONS: Final = counter(
    names.METRIC_FAULT_INJECTIONS,
    (*_NAME, names.TTA_FAULT_KIND),
    "Faults that were injected on purpose",
)
MAP_ITEMS: Final = counter(
    names.METRIC_MAP_ITEMS, (*_NAME, names.TTA_OUTCOME), "Inputs that maps have worked on"
)

LLM_COST: Final = counter(
    names.METRIC_LLM_COST,
    (*_MODEL, names.TTA_PRIMITIVE_PATH),
    "What answers of models cost",
    "USD",
)
LLM_COST_UNPRICED: Final = counter(
    names.METRIC_LLM_COST_UNPRICED, _MODEL, "Answers of models whose price is not known"
)

TELEMETRY_SPANS: Final = counter(
    names.METRIC_TELEMETRY_SPANS,
    (names.TTA_TELEMETRY_EXPORTER, names.TTA_TELEMETRY_RESULT),
    "Spans that arrived, and spans that never will",
)
TELEMETRY_ENDED: Final = counter(names.METRIC_TELEMETRY_ENDED, (), "Spans that ended")
TELEMETRY_WAITING: Final = gauge(
    names.METRIC_TELEMETRY_WAITING, (), "Spans that wait to be exported"
)
TELEMETRY_COST: Final = counter(
    names.METRIC_TELEMETRY_COST,
    (names.TTA_TELEMETRY_PART,),
    "Processor time that watching took",
    "s",
)

TTA_INSTRUMENTS: Final[tuple[Instrument[object], ...]] = (
    *(PRIMITIVE_DURATION, PRIMITIVE_ACTIVE),
    *(CACHE_REQUESTS, CACHE_SAVED_COST, CACHE_SAVED_INPUT_TOKENS, CACHE_SAVED_OUTPUT_TOKENS),
    *(CACHE_SIZE, CACHE_EVICTIONS, ROUTE_DECISIONS),
    *(RETRY_ATTEMPTS, RETRY_DELAY, RETRY_WASTED_COST, TIMEOUT_EXPIRATIONS, FALLBACK_ACTIVATIONS),
    *(BREAKER_STATE, BREAKER_TRANSITIONS, BREAKER_REJECTIONS),
    *(RATELIMIT_WAIT, RATELIMIT_REJECTIONS, RATELIMIT_WAITING),
    *(HEDGE_LAUNCHED, HEDGE_WINS, HEDGE_WASTED_COST, BUDGET_REJECTIONS, BUDGET_REMAINING),
    *(SAGA_COMPENSATIONS, BATCH_SIZE, LOOP_ITERATIONS, FAULT_INJECTIONS, MAP_ITEMS),
    *(LLM_COST, LLM_COST_UNPRICED),
    *(TELEMETRY_SPANS, TELEMETRY_ENDED, TELEMETRY_WAITING, TELEMETRY_COST),
)
