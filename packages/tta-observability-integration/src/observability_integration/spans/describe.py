"""What the span of a call is called, and which attributes it has when it begins."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from observability_integration.semconv import names as semconv
from tta_dev_primitives.core.frames import current

from .records import record_attributes, record_event

if TYPE_CHECKING:
    from tta_dev_primitives import WorkflowContext, WorkflowPrimitive

    from .limits import Attributes

__all__ = [
    "is_model_call",
    "joined",
    "own_class",
    "place_attributes",
    "record_attributes",
    "record_event",
    "request_model",
    "run_attributes",
    "span_name",
    "start_attributes",
]

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
    "ResilientPrimitive": "resilient",
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
_BRANCHING: Final = frozenset({"ConditionalPrimitive", "ParallelPrimitive", "SwitchPrimitive"})
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
    attributes = place_attributes(primitive, path, root=root)
    if root:
        attributes.update(run_attributes(context))
    return attributes


def place_attributes(
    primitive: WorkflowPrimitive[Any, Any],  # Any: every kind has these
    path: str,
    *,
    root: bool,
) -> Attributes:
    """Return what all calls of *primitive* at *path* have in common.

    To be asked for when a call begins there, since the call around it is looked at too.
    """
    own = own_class(type(primitive))
    attributes: Attributes = {
        semconv.TTA_PRIMITIVE_TYPE: type(primitive).__name__,
        semconv.TTA_PRIMITIVE_NAME: primitive.label,
        semconv.TTA_PRIMITIVE_PATH: path,
    }
    provider = _PROVIDERS.get(own)
    if provider is not None:
        attributes[semconv.GEN_AI_OPERATION_NAME] = "chat"
        attributes[semconv.GEN_AI_PROVIDER_NAME] = provider
        model = request_model(primitive)
        if model:
            attributes[semconv.GEN_AI_REQUEST_MODEL] = model
    elif root:
        attributes[semconv.GEN_AI_OPERATION_NAME] = "invoke_workflow"
        attributes[semconv.GEN_AI_WORKFLOW_NAME] = primitive.label
    if own in _BRANCHING:
        attributes[semconv.TTA_BRANCH_COUNT] = len(primitive.children())
    index = None if root else _branch_index(primitive, path)
    if index is not None:
        attributes[semconv.TTA_BRANCH_INDEX] = index
    return attributes


def run_attributes(context: WorkflowContext) -> Attributes:
    """Return whose run it is: what only the root of a workflow tells.

    As `WorkflowContext.to_otel_context`, without the user's id, which is nobody else's business.
    """
    attributes: Attributes = {}
    if context.session_id is not None:
        attributes[semconv.GEN_AI_CONVERSATION_ID] = context.session_id
        attributes[semconv.WORKFLOW_SESSION_ID] = context.session_id
    if context.workflow_id is not None:
        attributes[semconv.WORKFLOW_ID] = context.workflow_id
    attributes[semconv.WORKFLOW_CORRELATION_ID] = context.correlation_id
    if context.causation_id is not None:
        attributes[semconv.WORKFLOW_CAUSATION_ID] = context.causation_id
    # A copy first: the workflow's own thread may be adding tags.
    for key, value in dict(context.tags).items():
        attributes[f"{semconv.WORKFLOW_TAG_PREFIX}{key}"] = value
    return attributes


def _branch_index(
    primitive: WorkflowPrimitive[Any, Any],  # Any: every kind may be a branch
    path: str,
) -> int | None:
    """Return which of the branches of the call around it *primitive* is, if that has branches."""
    above = current.get()
    if above is None:
        return None
    around = above.place.primitive
    if own_class(type(around)) not in _BRANCHING or not around.has_child(primitive):
        return None
    number = path.rpartition("/")[2].partition(".")[0]
    return int(number) if number.isdecimal() else None


def request_model(primitive: object) -> str:
    """Return the model that an LLM adapter asks for by default, or an empty text."""
    model = getattr(primitive, "model", None)
    return model if isinstance(model, str) else ""


def joined(kind: str, name: str) -> str:
    """Return the kind and, where there is one, the name."""
    return f"{kind} {name}" if name else kind
