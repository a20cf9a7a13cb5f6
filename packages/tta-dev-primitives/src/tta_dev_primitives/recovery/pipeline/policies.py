"""The policies of `resilient`: in which order they stand and why, and their short forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

from tta_dev_primitives.core.base import Step, WorkflowPrimitive, as_primitive
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.recovery.budget import BudgetPrimitive
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.recovery.hedge import HedgePrimitive, Quantile
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.recovery.schedules import Schedule
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.performance.cache import CachePrimitive

# Any: a policy goes around any step.
Policy: TypeAlias = PolicyPrimitive[Any, Any]
AnyStep: TypeAlias = WorkflowPrimitive[Any, Any]
P = TypeVar("P", bound=PolicyPrimitive[Any, Any])

WHY: Final = {
    "fallback": "outermost, so that it answers whatever went wrong further in, and so that what "
    "is second best is not remembered",
    "cache": "a hit needs nothing further in: no turn, no attempt, no money",
    "timeout": "bounds all attempts together, and all waits between and before them",
    "retry": "each attempt asks for its own turn and place, and is counted by the breaker",
    "hedge": "a hedge belongs to one attempt, so none begins while the retry waits",
    "budget": "sees what every attempt and every hedge costs, and refuses before anything waits",
    "rate_limit": "every request to the service takes a turn, also a repeated one",
    "bulkhead": "a call that waits for its turn holds no place, and the place is the request's",
    "breaker": "decides when the request is about to be sent, and times the service alone",
    "attempt_timeout": "innermost, so that the breaker and the retry see that an attempt was late",
}
"""The places from the outside in, each with the reason for it."""


@dataclass(frozen=True, slots=True)
class ShortForms:
    """Makes policies of what `resilient` was given.

    Attributes:
        clock: Where the policies made here have the time from.
        name: What they are called.
    """

    clock: Clock
    name: str

    def fallback(
        self, given: object, timeout: TimeoutPrimitive[Any, Any] | None
    ) -> FallbackPrimitive[Any, Any]:
        """Take a step, several, or a policy without a step."""
        if isinstance(given, FallbackPrimitive):
            policy = cast("FallbackPrimitive[Any, Any]", given)
            if not any(label == "primary" for label, _ in policy.children()):
                return policy
        steps = _several(cast("object", given))
        if not steps:
            msg = "fallback is empty; give a step, several, or leave it out"
            raise ConfigurationError(msg)
        chain = [as_primitive(cast("Step[Any, Any]", step)) for step in steps]
        if timeout is not None:
            # Else the call would have no end: the limit of the primary is over when these begin.
            chain = [named(timeout.wrap(step), step.label) for step in chain]
        return FallbackPrimitive(fallbacks=chain)

    def cache(self, given: object) -> Policy:
        """Take seconds or a policy."""
        # By the package, which loads it when asked: the rooms know nothing of each other.
        from tta_dev_primitives import CachePrimitive

        if isinstance(given, CachePrimitive):
            return _without_step("cache", cast("CachePrimitive[Any, Any]", given))
        seconds = _number("cache", given, "seconds or a CachePrimitive")
        return CachePrimitive[Any, Any](ttl_seconds=seconds, clock=self.clock)

    def timeout(self, argument: str, given: object) -> TimeoutPrimitive[Any, Any]:
        """Take seconds or a policy."""
        if isinstance(given, TimeoutPrimitive):
            return _without_step(argument, cast("TimeoutPrimitive[Any, Any]", given))
        seconds = _number(argument, given, "seconds or a TimeoutPrimitive")
        if not seconds > 0:
            msg = f"{argument} must be positive, got {given!r}; None means no limit"
            raise ConfigurationError(msg)
        return TimeoutPrimitive(timeout_seconds=seconds, clock=self.clock)

    def retry(self, given: object) -> RetryPrimitive[Any, Any]:
        """Take a number of retries, a strategy, a schedule or a policy."""
        if isinstance(given, RetryPrimitive):
            return _without_step("retry", cast("RetryPrimitive[Any, Any]", given))
        if not isinstance(given, RetryStrategy | Schedule):
            wanted = "a number of retries, a RetryStrategy, a schedule or a RetryPrimitive"
            given = RetryStrategy(max_retries=_whole("retry", given, wanted))
        return RetryPrimitive(strategy=given, clock=self.clock)

    def hedge(self, given: object) -> HedgePrimitive[Any, Any]:
        """Take seconds, a quantile or a policy."""
        if isinstance(given, HedgePrimitive):
            return _without_step("hedge", cast("HedgePrimitive[Any, Any]", given))
        if not isinstance(given, Quantile):
            given = _number("hedge", given, "seconds, a Quantile or a HedgePrimitive")
        return HedgePrimitive(delay=given, clock=self.clock)

    def budget(self, given: object) -> BudgetPrimitive[Any, Any]:
        """Take dollars a day or a policy."""
        if isinstance(given, BudgetPrimitive):
            return _without_step("budget", cast("BudgetPrimitive[Any, Any]", given))
        dollars = _number("budget", given, "US dollars a day or a BudgetPrimitive")
        return BudgetPrimitive(limit=dollars, clock=self.clock)

    def rate_limit(self, given: object) -> RateLimitPrimitive[Any, Any]:
        """Take a limit, several, or a policy."""
        if isinstance(given, RateLimitPrimitive):
            return _without_step("rate_limit", cast("RateLimitPrimitive[Any, Any]", given))
        argument, wanted = "rate_limit", "a Limit, a list of them or a RateLimitPrimitive"
        limits = _several(given)
        for limit in limits:
            if not isinstance(limit, Limit):
                raise _wrong(argument, limit, wanted)
        return RateLimitPrimitive(limits=cast("list[Limit]", limits), clock=self.clock)

    def bulkhead(self, given: object) -> BulkheadPrimitive[Any, Any]:
        """Take the most calls at a time, or a policy."""
        if isinstance(given, BulkheadPrimitive):
            return _without_step("bulkhead", cast("BulkheadPrimitive[Any, Any]", given))
        most = _whole("bulkhead", given, "the most calls at a time or a BulkheadPrimitive")
        return BulkheadPrimitive(max_concurrent=most, clock=self.clock, name=self.name)

    def breaker(self, given: object) -> CircuitBreakerPrimitive[Any, Any]:
        """Take the failure rate that opens it, or a policy."""
        if isinstance(given, CircuitBreakerPrimitive):
            return _without_step("breaker", cast("CircuitBreakerPrimitive[Any, Any]", given))
        rate = _number("breaker", given, "a failure rate or a CircuitBreakerPrimitive")
        return CircuitBreakerPrimitive(failure_rate=rate, clock=self.clock, name=self.name)


def named(policy: P, name: str) -> P:
    """Give *policy*, a copy of our own, a name for its errors where it has none."""
    policy.name = policy.name or name
    return policy


def _without_step(argument: str, policy: P) -> P:
    if policy.children() and policy.children()[0][0] == "":
        kind = type(policy).__name__
        msg = (
            f"{argument}= wraps {policy.primitive.label} already, which would never run; give a "
            f"{kind} without a step"
        )
        raise ConfigurationError(msg)
    return policy


def _several(given: object) -> list[object]:
    return list(cast("Sequence[object]", given)) if isinstance(given, list | tuple) else [given]


def _number(argument: str, given: object, wanted: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise _wrong(argument, given, wanted)
    return given


def _whole(argument: str, given: object, wanted: str) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise _wrong(argument, given, wanted)
    return given


def _wrong(argument: str, given: object, wanted: str) -> ConfigurationError:
    return ConfigurationError(f"{argument} must be {wanted}, got {given!r}")
