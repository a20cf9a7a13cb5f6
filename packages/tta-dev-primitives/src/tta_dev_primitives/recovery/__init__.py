"""Going on when things fail, and refusing early what would fail anyway."""

from __future__ import annotations

from tta_dev_primitives.recovery.hedging.latency_quantile import Quantile

from .budget import BudgetPrimitive
from .bulkhead import AdaptiveLimit, BulkheadPrimitive
from .circuit_breaker import CircuitBreakerPrimitive
from .compensation import SagaPrimitive
from .fallback import FallbackPrimitive
from .hedge import HedgePrimitive
from .rate_limit import RateLimitPrimitive
from .rates.gcra import Limit
from .retry import RetryPrimitive, RetryStrategy
from .retry_budget import RetryBudget
from .timeout import TimeoutPrimitive

__all__ = [
    "AdaptiveLimit",
    "BudgetPrimitive",
    "BulkheadPrimitive",
    "CircuitBreakerPrimitive",
    "FallbackPrimitive",
    "HedgePrimitive",
    "Limit",
    "Quantile",
    "RateLimitPrimitive",
    "RetryBudget",
    "RetryPrimitive",
    "RetryStrategy",
    "SagaPrimitive",
    "TimeoutPrimitive",
]
