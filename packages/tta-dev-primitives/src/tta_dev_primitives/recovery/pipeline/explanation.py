"""What a composed step consists of, for people to read."""

# It tells what the policies are set to, which is theirs alone.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.recovery.budget import BudgetPrimitive
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.recovery.hedge import HedgePrimitive
from tta_dev_primitives.recovery.rate_limit import RateLimitPrimitive
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive

from .policies import WHY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .policies import Policy


@dataclass(frozen=True, slots=True)
class ExplainedPolicy:
    """One policy and why it stands where it does.

    Attributes:
        place: The argument of `resilient` that it came by.
        policy: Its class, without `Primitive`.
        why: The reason for its place.
        settings: What it is set to.
        fused: Whether it runs as one with the other fused ones while nobody observes.
    """

    place: str
    policy: str
    why: str
    settings: str
    fused: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """The policies around a step, from the outside in; `str()` prints well.

    Attributes:
        step: What is inside; empty where there is no step yet.
        lines: The policies.
    """

    step: str
    lines: tuple[ExplainedPolicy, ...]

    def __str__(self) -> str:
        title = f"{self.step or 'no step yet'}, from the outside in"
        rows: list[str] = []
        for number, line in enumerate(self.lines, start=1):
            mark = "=" if line.fused else " "
            rows.append(f"{number:2} {mark} {line.place}: {line.settings}")
            rows.append(f"     {line.why}")
        if any(line.fused for line in self.lines):
            rows.append("   = run as one while nobody observes")
        return "\n".join([title, *rows])


def explain(policies: Mapping[str, Policy], fused: Collection[str], step: str) -> Explanation:
    """Return what *policies* are, in the order of their places.

    Args:
        policies: By their places.
        fused: The places of those that run as one.
        step: Name of what is inside.
    """
    lines = [
        ExplainedPolicy(
            place,
            type(policies[place]).__name__.removesuffix("Primitive"),
            why,
            _settings(policies[place]),
            place in fused,
        )
        for place, why in WHY.items()
        if place in policies
    ]
    return Explanation(step, tuple(lines))


def _settings(policy: object) -> str:
    """Return what *policy* is set to, in a few words."""
    describe = next((tell for kind, tell in _TOLD.items() if isinstance(policy, kind)), None)
    if describe is not None:
        return describe(policy)
    lifetimes = getattr(
        getattr(getattr(policy, "_answers", None), "rules", None), "lifetimes", None
    )
    return "" if lifetimes is None else f"fresh for {lifetimes.ttl:g} s"


# Any, in all of these: a policy goes around any step.
def _fallback(policy: FallbackPrimitive[Any, Any]) -> str:
    return "then " + ", ".join(step.label for step in policy.fallbacks)


def _timeout(policy: TimeoutPrimitive[Any, Any]) -> str:
    limits = {
        "": policy.timeout_seconds,
        "first chunk ": policy.first_chunk_seconds,
        "next chunk ": policy.idle_seconds,
    }
    return ", ".join(f"{what}{limit:g} s" for what, limit in limits.items() if limit is not None)


def _retry(policy: RetryPrimitive[Any, Any]) -> str:
    most = policy._plan.schedule.max_attempts
    attempts = "attempts by a schedule" if most is None else f"up to {most} attempts"
    if isinstance(policy.strategy, RetryStrategy) and policy.strategy.max_retries:
        return f"{attempts}, first wait {policy.strategy.initial_delay:g} s"
    return attempts


def _hedge(policy: HedgePrimitive[Any, Any]) -> str:
    plan = policy._plan
    when = "at a quantile" if plan.delay is None else f"after {plan.delay:g} s"
    return f"up to {plan.max_hedges} more {when}"


def _budget(policy: BudgetPrimitive[Any, Any]) -> str:
    most = policy._measure.shown(policy._ledger.limit)
    return most if policy._per is None else f"{most} per {policy._per}"


def _rate_limit(policy: RateLimitPrimitive[Any, Any]) -> str:
    return ", ".join(map(str, policy.limits))


def _bulkhead(policy: BulkheadPrimitive[Any, Any]) -> str:
    rules = policy._tables.rules
    return f"{rules.max_concurrent} at a time, {rules.max_queue} waiting"


def _breaker(policy: CircuitBreakerPrimitive[Any, Any]) -> str:
    rules = policy._rules
    return f"opens at {rules.failure_rate:.0%} failures for {rules.open_seconds:g} s"


_TOLD: dict[type[object], Any] = cast(
    "dict[type[object], Any]",  # Any: each takes its own kind
    {
        FallbackPrimitive: _fallback,
        TimeoutPrimitive: _timeout,
        RetryPrimitive: _retry,
        HedgePrimitive: _hedge,
        BudgetPrimitive: _budget,
        RateLimitPrimitive: _rate_limit,
        BulkheadPrimitive: _bulkhead,
        CircuitBreakerPrimitive: _breaker,
    },
)
