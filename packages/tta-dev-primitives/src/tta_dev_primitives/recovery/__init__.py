"""Going on when things fail, and refusing early what would fail anyway."""

from __future__ import annotations

from tta_dev_primitives.recovery.hedging.latency_quantile import Quantile

from .budget import BudgetPrimitive
from .bulkhead import AdaptiveLimit, BulkheadPrimitive
from .circuit_breaker import CircuitBreakerPrimitive
from .compensation import SagaPrimitive, idempotency_key, undo_reports
from .fallback import FallbackPrimitive
from .hedge import HedgePrimitive
from .rate_limit import RateLimitPrimitive
from .rates.gcra import Limit
from .resilient import OrderProblem, OrderWarning, ResilientPrimitive, check_order, resilient
from .retry import RetryPrimitive, RetryStrategy
from .retry_budget import RetryBudget
from .timeout import TimeoutPrimitive
from .undoing.effects import Effect

__all__ = [
    "AdaptiveLimit",
    "BudgetPrimitive",
    "BulkheadPrimitive",
    "CircuitBreakerPrimitive",
    "Effect",
    "FallbackPrimitive",
    "HedgePrimitive",
    "Limit",
    "OrderProblem",
    "OrderWarning",
    "Quantile",
    "RateLimitPrimitive",
    "ResilientPrimitive",
    "RetryBudget",
    "RetryPrimitive",
    "RetryStrategy",
    "SagaPrimitive",
    "TimeoutPrimitive",
    "check_order",
    "idempotency_key",
    "resilient",
    "undo_reports",
]
