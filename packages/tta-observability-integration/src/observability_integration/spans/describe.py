"""What a span is called and which attributes it carries."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from observability_integration.semconv import names as semconv
from tta_dev_primitives.core import observe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tta_dev_primitives import WorkflowContext, WorkflowPrimitive

Attributes: TypeAlias = "dict[str, str | bool | int | float | Sequence[str]]"

# Class names, so that nothing heavy is imported to recognise a primitive. Subclasses count too.
_KINDS: Final = {
    "AnthropicPrimitive": "chat",
    "BatchPrimitive": "batch",
    "CachePrimitive": "cache",
    "ConditionalPrimitive": "conditional",
    "FallbackPrimitive": "fallback",
    "FaultPrimitive": "fault",
    "LambdaPrimitive": "lambda",
    "LoopPrimitive": "loop",
    "OpenAIPrimitive": "chat",
    "ParallelPrimitive": "parallel",
    "RetryPrimitive": "retry",
    "RouterPrimitive": "route",
    "SagaPrimitive": "saga",
    "BudgetPrimitive": "budget",
    "BulkheadPrimitive": "bulkhead",
    "CircuitBreakerPrimitive": "breaker",
    "HedgePrimitive": "hedge",
    "RateLimitPrimitive": "ratelimit",
    "SequentialPrimitive": "sequential",
    "SwitchPrimitive": "switch",
    "TimeoutPrimitive": "timeout",
    "TransformPrimitive": "transform",
}
_PROVIDERS: Final = {"AnthropicPrimitive": "anthropic", "OpenAIPrimitive": "openai"}
_PACKAGE: Final = "tta_dev_primitives."


@functools.lru_cache(maxsize=256)
def own_class(cls: type) -> str:
    """Return the name of the class of `tta_dev_primitives` that *cls* is or derives from."""
    found = (
        base.__name__
        for base in cls.__mro__
        if base.__module__.startswith(_PACKAGE) and base.__name__ in _KINDS
    )
    return next(found, "")


def is_model_call(primitive: object) -> bool:
    """Tell whether *primitive* asks a model of a provider."""
    return own_class(type(primitive)) in _PROVIDERS


def span_name(
    primitive: WorkflowPrimitive[Any, Any],  # Any: every kind has a name
    *,
    root: bool,
) -> str:
    """Return what the span of a call of *primitive* is called when it begins."""
    if is_model_call(primitive):
        return joined("chat", request_model(primitive))
    if root:
        return f"invoke_workflow {primitive.label}"
    cls = type(primitive)
    kind = _KINDS.get(own_class(cls)) or cls.__name__.removesuffix("Primitive")
    return joined(kind, primitive.name)


def start_attributes(
    primitive: WorkflowPrimitive[Any, Any],  # Any: every kind has these
    path: str,
    context: WorkflowContext,
    *,
    root: bool,
) -> Attributes:
    """Return what is known when a call begins, so that samplers can decide by it."""
    attributes: Attributes = {
        semconv.TTA_PRIMITIVE_TYPE: type(primitive).__name__,
        semconv.TTA_PRIMITIVE_NAME: primitive.label,
        semconv.TTA_PRIMITIVE_PATH: path,
    }
    provider = _PROVIDERS.get(own_class(type(primitive)))
    if provider is not None:
        attributes[semconv.GEN_AI_OPERATION_NAME] = "chat"
        attributes[semconv.GEN_AI_PROVIDER_NAME] = provider
        model = request_model(primitive)
        if model:
            attributes[semconv.GEN_AI_REQUEST_MODEL] = model
    elif root:
        attributes[semconv.GEN_AI_OPERATION_NAME] = "invoke_workflow"
        attributes[semconv.GEN_AI_WORKFLOW_NAME] = primitive.label
    if root:
        if context.session_id is not None:
            attributes[semconv.GEN_AI_CONVERSATION_ID] = context.session_id
        attributes.update(
            (key, value)
            for key, value in context.to_otel_context().items()
            if value != "unknown" and key != "workflow.elapsed_ms"
        )
    return attributes


def request_model(primitive: object) -> str:
    """Return the model that an LLM adapter asks for by default, or an empty text."""
    model = getattr(primitive, "model", None)
    return model if isinstance(model, str) else ""


def record_attributes(record: object) -> Attributes:
    """Return the attributes that *record* adds to its span; empty for an unknown record."""
    describe = _DESCRIBE.get(type(record))
    return {} if describe is None else describe(record)


def record_event(record: object) -> str | None:
    """Return the name of the span event that *record* is, where it is one."""
    return _EVENTS.get(type(record))


def joined(kind: str, name: str) -> str:
    """Return the kind and, where there is one, the name."""
    return f"{kind} {name}" if name else kind


def _without_none(attributes: dict[str, Any]) -> Attributes:  # Any: None among the values
    return {key: value for key, value in attributes.items() if value is not None}


def _cache(record: observe.CacheRecord) -> Attributes:
    return _without_none(
        {
            semconv.TTA_CACHE_NAME: record.name or None,
            semconv.TTA_CACHE_RESULT: record.result,
            semconv.TTA_CACHE_AGE: record.age,
            semconv.TTA_CACHE_SAVED_COST: record.saved_cost,
            semconv.TTA_CACHE_SAVED_INPUT_TOKENS: record.saved_input_tokens,
            semconv.TTA_CACHE_SAVED_OUTPUT_TOKENS: record.saved_output_tokens,
            semconv.TTA_CACHE_SAVED_DURATION: record.saved_duration,
        }
    )


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
    return _without_none(
        {
            semconv.TTA_HEDGE_LAUNCHED: record.launched,
            semconv.TTA_HEDGE_WINNER: record.winner,
            semconv.TTA_HEDGE_DELAY: record.delay,
            semconv.TTA_HEDGE_WASTED_COST: record.wasted_cost,
        }
    )


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


def _llm(record: observe.LLMRecord) -> Attributes:
    priced = record.cost is not None
    return _without_none(
        {
            semconv.GEN_AI_OPERATION_NAME: record.operation,
            semconv.GEN_AI_PROVIDER_NAME: record.provider,
            semconv.GEN_AI_REQUEST_MODEL: record.request_model,
            semconv.GEN_AI_RESPONSE_MODEL: record.response_model,
            semconv.GEN_AI_RESPONSE_ID: record.response_id,
            semconv.GEN_AI_RESPONSE_FINISH_REASONS: (record.finish_reason,),
            semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: record.time_to_first_chunk,
            semconv.GEN_AI_USAGE_INPUT_TOKENS: record.input_tokens,
            semconv.GEN_AI_USAGE_OUTPUT_TOKENS: record.output_tokens,
            semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: record.cache_read_input_tokens,
            semconv.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: record.cache_write_input_tokens,
            semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: record.reasoning_output_tokens,
            semconv.GEN_AI_USAGE_COST_AMOUNT: record.cost,
            semconv.GEN_AI_USAGE_COST_CURRENCY: "USD" if priced else None,
            semconv.GEN_AI_USAGE_COST_SOURCE: "local" if priced else None,
        }
    )


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
    observe.LLMRecord: _llm,
    observe.LoopRecord: _loop,
    observe.RateLimitRecord: _rate_limit,
    observe.RetryRecord: _retry,
    observe.RetryScheduledRecord: _retry_scheduled,
    observe.RouteRecord: _route,
    observe.SagaRecord: _saga,
    observe.TimeoutRecord: _timeout,
}
_EVENTS: Final[dict[type, str]] = {
    observe.BreakerTransitionRecord: semconv.EVENT_BREAKER_TRANSITION,
    observe.FallbackRecord: semconv.EVENT_FALLBACK_ACTIVATED,
    observe.RetryScheduledRecord: semconv.EVENT_RETRY_SCHEDULED,
    observe.SagaRecord: semconv.EVENT_SAGA_COMPENSATED,
}
