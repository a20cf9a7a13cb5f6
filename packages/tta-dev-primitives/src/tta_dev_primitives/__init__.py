"""Async steps composed with `>>` and `|`, made cheap, fast and dependable.

Heavy parts are loaded when first used, so importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.base import LambdaPrimitive, Step, WorkflowContext, WorkflowPrimitive
    from .core.batching import BatchPrimitive
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
    from .recovery.compensation import SagaPrimitive
    from .recovery.fallback import FallbackPrimitive
    from .recovery.hedge import HedgePrimitive
    from .recovery.hedging.latency_quantile import Quantile
    from .recovery.rate_limit import RateLimitPrimitive
    from .recovery.rates.gcra import Limit
    from .recovery.retry import RetryPrimitive, RetryStrategy
    from .recovery.retry_budget import RetryBudget
    from .recovery.timeout import TimeoutPrimitive

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
    "ParallelPrimitive": "core.parallel",
    "PrimitiveError": "errors",
    "Quantile": "recovery.hedging.latency_quantile",
    "RateLimitPrimitive": "recovery.rate_limit",
    "RedisInvalidation": "performance.redis.invalidation",
    "RedisStore": "performance.stores.redis",
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
    "observe": "core.observe",
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
    "ParallelPrimitive",
    "PrimitiveError",
    "Quantile",
    "RateLimitPrimitive",
    "RedisInvalidation",
    "RedisStore",
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
    "observe",
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
