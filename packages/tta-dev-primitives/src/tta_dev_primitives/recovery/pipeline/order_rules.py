"""Which policy must not stand around which, and what to write instead."""

# What a policy is set to decides whether an order is wrong.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from tta_dev_primitives.core.base import WorkflowPrimitive
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.recovery.budget import BudgetPrimitive
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.recovery.hedge import HedgePrimitive
from tta_dev_primitives.recovery.rate_limit import RateLimitPrimitive
from tta_dev_primitives.recovery.retry import RetryPrimitive
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive

from .fused import FusedPrimitive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AnyStep: TypeAlias = WorkflowPrimitive[Any, Any]  # Any: any step can stand in a workflow
Finding: TypeAlias = tuple[str, str, str, str]
"""Rule, what, why, instead."""

_Breaker: Final = CircuitBreakerPrimitive
_CACHE: Final = "CachePrimitive"


@dataclass(frozen=True, slots=True)
class _Rule:
    """*outer* around *inner* goes wrong, for the reason *why*."""

    name: str
    outer: type[PolicyPrimitive[Any, Any]]
    inner: type[PolicyPrimitive[Any, Any]] | str
    why: str
    instead: str
    holds: Callable[[Any, Any], bool] | None = None  # Any: outer and inner


def _never_reached(outer: Any, inner: Any) -> bool:  # Any: two timeouts
    limits = outer.timeout_seconds, inner.timeout_seconds
    return None not in limits and limits[0] <= limits[1]


def _sees_no_timeouts(outer: Any, inner: Any) -> bool:  # Any: a timeout and a breaker
    if outer.timeout_seconds is None or inner._slow_after is not None:
        return False
    # An adapter has the limit of its client.
    return not any(isinstance(node, TimeoutPrimitive) or node.upstream for node in _inside(inner))


def _tries_once(outer: Any, inner: Any) -> bool:  # Any: a retry and a fallback
    del outer
    return not any(isinstance(node, RetryPrimitive) for node in _inside(inner))


def _inside(node: AnyStep) -> Iterator[AnyStep]:
    """Yield what *node* wraps, and what that wraps, down to the step itself."""
    while True:
        children = node.children()
        if not children or not isinstance(node, PolicyPrimitive | FusedPrimitive):
            return
        node = children[0][1]
        yield node


_RULES: Final = (
    _Rule(
        "retry-around-cache",
        RetryPrimitive,
        _CACHE,
        "the cache is asked before each attempt, and each caller of a call that they share "
        "repeats it",
        "put the cache around the retry",
    ),
    _Rule(
        "hedge-around-cache",
        HedgePrimitive,
        _CACHE,
        "a hedge asks for what is being fetched already, and waits for that same call",
        "put the cache around the hedge",
    ),
    _Rule(
        "budget-around-cache",
        BudgetPrimitive,
        _CACHE,
        "a hit is charged as if it had been paid for again",
        "put the cache around the budget",
    ),
    _Rule(
        "rate-limit-around-cache",
        RateLimitPrimitive,
        _CACHE,
        "a hit takes a turn, or waits for one",
        "put the cache around the rate limit",
    ),
    _Rule(
        "bulkhead-around-cache",
        BulkheadPrimitive,
        _CACHE,
        "a hit waits for a place, and callers who share a call hold one each",
        "put the cache around the bulkhead",
    ),
    _Rule(
        "breaker-around-cache",
        _Breaker,
        _CACHE,
        "hits count as successes of the service, and an open circuit refuses them as well",
        "put the cache around the breaker",
    ),
    _Rule(
        "breaker-around-retry",
        _Breaker,
        RetryPrimitive,
        "the breaker sees one call where there were several attempts, and opens too late",
        "put the retry around the breaker",
    ),
    _Rule(
        "rate-limit-around-retry",
        RateLimitPrimitive,
        RetryPrimitive,
        "one turn is taken for several requests, so repeated ones are not limited",
        "put the retry around the rate limit",
    ),
    _Rule(
        "hedge-around-retry",
        HedgePrimitive,
        RetryPrimitive,
        "a hedge begins while the retry waits, and with attempts of its own",
        "put the retry around the hedge",
    ),
    _Rule(
        "retry-around-fallback",
        RetryPrimitive,
        FallbackPrimitive,
        "the primary has one attempt before the fallback answers, and both are repeated where "
        "that fails too",
        "put the fallback around the retry",
        _tries_once,
    ),
    _Rule(
        "breaker-around-fallback",
        _Breaker,
        FallbackPrimitive,
        "the breaker sees the answers of the fallback and not the failures of the primary",
        "put the fallback around the breaker",
    ),
    _Rule(
        "breaker-around-rate-limit",
        _Breaker,
        RateLimitPrimitive,
        "who waits for a turn is sent to the service although the circuit has opened meanwhile, "
        "and the wait counts as the service's",
        "put the rate limit around the breaker",
    ),
    _Rule(
        "breaker-around-bulkhead",
        _Breaker,
        BulkheadPrimitive,
        "who waits for a place is sent to the service although the circuit has opened meanwhile, "
        "and the wait counts as the service's",
        "put the bulkhead around the breaker",
    ),
    _Rule(
        "bulkhead-around-rate-limit",
        BulkheadPrimitive,
        RateLimitPrimitive,
        "a call holds its place while it waits for a turn",
        "put the rate limit around the bulkhead",
    ),
    _Rule(
        "budget-around-hedge",
        BudgetPrimitive,
        HedgePrimitive,
        "what the hedges cost is not counted",
        "put the hedge around the budget",
    ),
    _Rule(
        "limit-never-reached",
        TimeoutPrimitive,
        TimeoutPrimitive,
        "the outer limit always passes first",
        "make the inner limit the shorter one, or leave it out",
        _never_reached,
    ),
    _Rule(
        "breaker-sees-no-timeouts",
        TimeoutPrimitive,
        _Breaker,
        "the outer limit cancels the call, and cancelled calls do not count, so a service that "
        "hangs never opens the circuit",
        "put a timeout inside the breaker, or set slow_call_seconds",
        _sees_no_timeouts,
    ),
)


def contradiction(outer: AnyStep, inner: AnyStep) -> Finding | None:
    """Return what is wrong with the policy *outer* around *inner*, or None."""
    if not isinstance(inner, PolicyPrimitive):
        return None
    for rule in _RULES:
        if (
            isinstance(outer, rule.outer)
            and _is_a(cast("AnyStep", inner), rule.inner)
            and (rule.holds is None or rule.holds(outer, inner))
        ):
            what = f"{_kind(outer)} around {_kind(cast('AnyStep', inner))}"
            return rule.name, what, rule.why, rule.instead
    return None


def multiplied_attempts(outer: AnyStep, inner: AnyStep) -> Finding | None:
    """Return that a retry somewhere inside another one multiplies the attempts, or None."""
    if not (isinstance(outer, RetryPrimitive) and isinstance(inner, RetryPrimitive)):
        return None
    most, each = (retry._plan.schedule.max_attempts for retry in (outer, inner))
    if most == 1 or each == 1:
        return None
    why = "the attempts are multiplied"
    if most is not None and each is not None:
        why += f": up to {most} x {each} = {most * each} requests"
    return "retry-in-retry", "Retry inside Retry", why, "keep the one next to the request"


def _is_a(node: AnyStep, kind: type[PolicyPrimitive[Any, Any]] | str) -> bool:
    # A cache is known by its class's name: this room knows nothing of the one that caches live in.
    if isinstance(kind, str):
        return any(base.__name__ == kind for base in type(node).__mro__)
    return isinstance(node, kind)


def _kind(node: AnyStep) -> str:
    return type(node).__name__.removesuffix("Primitive")
