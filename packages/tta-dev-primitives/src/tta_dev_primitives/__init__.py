"""Async steps composed with `>>` and `|`, made cheap, fast and dependable.

Heavy parts are loaded when first used, so importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.base import LambdaPrimitive, Step, WorkflowContext, WorkflowPrimitive
    from .core.batching import BatchPrimitive
    from .core.blocking import detect_blocking
    from .core.conditional import ConditionalPrimitive
    from .core.loop import LoopPrimitive
    from .core.mapping import Item
    from .core.observe import ObservabilityPrimitive, observe
    from .core.parallel import ParallelPrimitive
    from .core.sequential import SequentialPrimitive
    from .core.streaming import TransformPrimitive
    from .core.switch import SwitchPrimitive
    from .errors import PrimitiveError, TimeoutError  # noqa: A004 - rooted in the stdlib's
    from .llm.anthropic import AnthropicPrimitive
    from .llm.openai import OpenAIPrimitive
    from .llm.router import RouterPrimitive
    from .llm.types import LLMRequest, LLMResponse
    from .performance.cache import CachePrimitive
    from .performance.environment.fingerprint import EnvFingerprint
    from .performance.redis.invalidation import RedisInvalidation
    from .performance.stores.disk import DiskStore
    from .performance.stores.encoded_memory import EncodedMemoryStore
    from .performance.stores.redis import RedisStore
    from .performance.stores.tiered import TieredStore
    from .performance.uv_cache import UVCachePrimitive
    from .recovery.budget import BudgetPrimitive
    from .recovery.bulkhead import AdaptiveLimit, BulkheadPrimitive
    from .recovery.circuit_breaker import CircuitBreakerPrimitive
    from .recovery.compensation import SagaPrimitive, idempotency_key, undo_reports
    from .recovery.fallback import FallbackPrimitive
    from .recovery.hedge import HedgePrimitive
    from .recovery.hedging.latency_quantile import Quantile
    from .recovery.rate_limit import RateLimitPrimitive
    from .recovery.rates.gcra import Limit
    from .recovery.resilient import (
        OrderProblem,
        OrderWarning,
        ResilientPrimitive,
        check_order,
        resilient,
    )
    from .recovery.retry import RetryPrimitive, RetryStrategy
    from .recovery.retry_budget import RetryBudget
    from .recovery.timeout import TimeoutPrimitive
    from .recovery.undoing.effects import Effect

__version__ = "0.2.0"

_HOMES = {
    "AdaptiveLimit": "recovery.bulkhead",
    "AnthropicPrimitive": "llm.anthropic",
    "BatchPrimitive": "core.batching",
    "BudgetPrimitive": "recovery.budget",
    "BulkheadPrimitive": "recovery.bulkhead",
    "CachePrimitive": "performance.cache",
    "CircuitBreakerPrimitive": "recovery.circuit_breaker",
    "ConditionalPrimitive": "core.conditional",
    "DiskStore": "performance.stores.disk",
    "Effect": "recovery.undoing.effects",
    "EncodedMemoryStore": "performance.stores.encoded_memory",
    "EnvFingerprint": "performance.environment.fingerprint",
    "FallbackPrimitive": "recovery.fallback",
    "HedgePrimitive": "recovery.hedge",
    "Item": "core.mapping",
    "LLMRequest": "llm.types",
    "LLMResponse": "llm.types",
    "LambdaPrimitive": "core.base",
    "Limit": "recovery.rates.gcra",
    "LoopPrimitive": "core.loop",
    "ObservabilityPrimitive": "core.observe",
    "OpenAIPrimitive": "llm.openai",
    "OrderProblem": "recovery.resilient",
    "OrderWarning": "recovery.resilient",
    "ParallelPrimitive": "core.parallel",
    "PrimitiveError": "errors",
    "Quantile": "recovery.hedging.latency_quantile",
    "RateLimitPrimitive": "recovery.rate_limit",
    "RedisInvalidation": "performance.redis.invalidation",
    "RedisStore": "performance.stores.redis",
    "ResilientPrimitive": "recovery.resilient",
    "RetryBudget": "recovery.retry_budget",
    "RetryPrimitive": "recovery.retry",
    "RetryStrategy": "recovery.retry",
    "RouterPrimitive": "llm.router",
    "SagaPrimitive": "recovery.compensation",
    "SequentialPrimitive": "core.sequential",
    "Step": "core.base",
    "SwitchPrimitive": "core.switch",
    "TieredStore": "performance.stores.tiered",
    "TimeoutError": "errors",
    "TimeoutPrimitive": "recovery.timeout",
    "TransformPrimitive": "core.streaming",
    "UVCachePrimitive": "performance.uv_cache",
    "WorkflowContext": "core.base",
    "WorkflowPrimitive": "core.base",
    "check_order": "recovery.resilient",
    "detect_blocking": "core.blocking",
    "idempotency_key": "recovery.compensation",
    "observe": "core.observe",
    "resilient": "recovery.resilient",
    "undo_reports": "recovery.compensation",
}

__all__ = [
    "AdaptiveLimit",
    "AnthropicPrimitive",
    "BatchPrimitive",
    "BudgetPrimitive",
    "BulkheadPrimitive",
    "CachePrimitive",
    "CircuitBreakerPrimitive",
    "ConditionalPrimitive",
    "DiskStore",
    "Effect",
    "EncodedMemoryStore",
    "EnvFingerprint",
    "FallbackPrimitive",
    "HedgePrimitive",
    "Item",
    "LLMRequest",
    "LLMResponse",
    "LambdaPrimitive",
    "Limit",
    "LoopPrimitive",
    "ObservabilityPrimitive",
    "OpenAIPrimitive",
    "OrderProblem",
    "OrderWarning",
    "ParallelPrimitive",
    "PrimitiveError",
    "Quantile",
    "RateLimitPrimitive",
    "RedisInvalidation",
    "RedisStore",
    "ResilientPrimitive",
    "RetryBudget",
    "RetryPrimitive",
    "RetryStrategy",
    "RouterPrimitive",
    "SagaPrimitive",
    "SequentialPrimitive",
    "Step",
    "SwitchPrimitive",
    "TieredStore",
    "TimeoutError",
    "TimeoutPrimitive",
    "TransformPrimitive",
    "UVCachePrimitive",
    "WorkflowContext",
    "WorkflowPrimitive",
    "check_order",
    "detect_blocking",
    "idempotency_key",
    "observe",
    "resilient",
    "undo_reports",
]


def __getattr__(name: str) -> Any:  # Any: each name has its own type, declared above
    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
