"""Going on when things fail: timeout, retry, fallback, compensation."""

from __future__ import annotations

from .compensation import SagaPrimitive
from .fallback import FallbackPrimitive
from .retry import RetryPrimitive, RetryStrategy
from .timeout import TimeoutPrimitive

__all__ = [
    "FallbackPrimitive",
    "RetryPrimitive",
    "RetryStrategy",
    "SagaPrimitive",
    "TimeoutPrimitive",
]
