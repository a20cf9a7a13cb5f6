"""The policies that a call to a service wants, in the order that works."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from tta_dev_primitives.core.base import In, Out, Step, WorkflowPrimitive, X, Y, as_primitive
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock

from .pipeline.assembly import assemble
from .pipeline.explanation import Explanation, explain
from .pipeline.fused import FusedPrimitive
from .pipeline.order import OrderProblem, OrderWarning, check_order, problems_with_nodes
from .pipeline.policies import ShortForms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tta_dev_primitives.performance.cache import CachePrimitive

    from .budget import BudgetPrimitive
    from .bulkhead import BulkheadPrimitive
    from .circuit_breaker import CircuitBreakerPrimitive
    from .fallback import FallbackPrimitive
    from .hedge import HedgePrimitive
    from .hedging.latency_quantile import Quantile
    from .pipeline.policies import Policy
    from .rate_limit import RateLimitPrimitive
    from .rates.gcra import Limit
    from .retry import RetryPrimitive, RetryStrategy
    from .schedules import Schedule
    from .timeout import TimeoutPrimitive

__all__ = [
    "Explanation",
    "OrderProblem",
    "OrderWarning",
    "ResilientPrimitive",
    "check_order",
    "resilient",
]

AnyStep: TypeAlias = WorkflowPrimitive[Any, Any]  # Any: a policy goes around any step
_DEFAULT_TIMEOUT: Final = 30.0
_DEFAULT_RETRIES: Final = 3


class ResilientPrimitive(FusedPrimitive[In, Out]):
    """A step under several policies, in the recommended order; `resilient` makes it.

    It is one node of a workflow whose child is the outermost policy, and the policies are walked,
    drawn and observed like any others. Without a step it is a policy, for `wrap`. While nobody
    observes, those next to the step run as one coroutine; results, errors, times and the state of
    the policies are the same.

    Args:
        policies: Policies without a step, by the names of the arguments of `resilient`.
        name: Name in errors, paths, traces and diagrams.
    """

    def __init__(self, policies: Mapping[str, Policy], *, name: str = "") -> None:
        super().__init__(None, None, name=name)
        self._policies = dict(policies)
        self.step: WorkflowPrimitive[In, Out] | None = None

    def _put_around(self, step: AnyStep) -> None:
        assembly = assemble(step, self._policies, self.name or step.label)
        self.step, self._assembly = step, assembly
        self._nested = assembly.outermost
        self._run = None if assembly.call is None else assembly.call.run

    def wrap(self, primitive: Step[X, Y]) -> ResilientPrimitive[X, Y]:
        """Return these policies around *primitive*; what they count and keep is shared."""
        return self._around(primitive)

    def __call__(self, primitive: Step[X, Y]) -> ResilientPrimitive[X, Y]:
        """Decorate a function: the same as `wrap`."""
        return self._around(primitive)

    def _around(self, primitive: Step[X, Y]) -> ResilientPrimitive[X, Y]:
        wrapped = cast("ResilientPrimitive[X, Y]", copy.copy(self))
        wrapped._put_around(as_primitive(primitive))
        wrapped._warn(stack_level=4)
        return wrapped

    def _warn(self, *, stack_level: int) -> None:
        """Warn where a policy within the given step contradicts one around it."""
        own = {id(policy) for policy in self._assembly.placed.values()}
        for problem, outer, inner in problems_with_nodes(self):
            if id(outer) in own and id(inner) not in own:
                warnings.warn(str(problem), OrderWarning, stacklevel=stack_level)

    def explain(self) -> Explanation:
        """Return which policies there are, in which order and why, and what they are set to."""
        if self.step is None:
            return explain(self._policies, frozenset(), self.name)
        return explain(self._assembly.placed, self._assembly.fused, self.name or self.step.label)


def resilient(
    step: Step[In, Out] | None = None,
    *,
    fallback: Step[In, Out] | Sequence[Step[In, Out]] | FallbackPrimitive[Any, Any] | None = None,
    cache: float | CachePrimitive[Any, Any] | None = None,
    timeout: float | TimeoutPrimitive[Any, Any] | None = _DEFAULT_TIMEOUT,
    retry: int | RetryStrategy | Schedule | RetryPrimitive[Any, Any] | None = _DEFAULT_RETRIES,
    hedge: float | Quantile | HedgePrimitive[Any, Any] | None = None,
    budget: float | BudgetPrimitive[Any, Any] | None = None,
    rate_limit: Limit | Sequence[Limit] | RateLimitPrimitive[Any, Any] | None = None,
    bulkhead: int | BulkheadPrimitive[Any, Any] | None = None,
    breaker: float | CircuitBreakerPrimitive[Any, Any] | None = None,
    attempt_timeout: float | TimeoutPrimitive[Any, Any] | None = None,
    clock: Clock = SYSTEM_CLOCK,
    name: str = "",
) -> ResilientPrimitive[In, Out]:
    """Put policies around *step* in the order that works.

    The arguments stand in that order, the outermost first. Each takes a short form, or a policy
    without a step, whose state is then shared with whatever else it wraps; None leaves it out.
    With no arguments a call takes at most 30 seconds and four attempts.

    Args:
        step: What to run; without it this is a policy or a decorator.
        fallback: A step, or several in order, that answer when all else has failed. Each has the
            same *timeout* as the primary, where that is given in seconds.
        cache: Seconds for which an answer is fresh.
        timeout: Seconds for all attempts together, waits included.
        retry: Attempts after the first, or a strategy or schedule.
        hedge: Seconds, or a quantile, after which an attempt is made a second time beside itself.
        budget: US dollars a day.
        rate_limit: One limit or several, for every request.
        bulkhead: Most requests at a time.
        breaker: The part of the requests, above 0 and up to 1, whose failure opens the circuit.
        attempt_timeout: Seconds for one attempt.
        clock: Where the policies made here have the time from.
        name: Name in errors, paths, traces and diagrams; the step's own when left out.

    Raises:
        ConfigurationError: An argument is none of these, or a policy has a step already.
    """
    short = ShortForms(clock, name)
    limit = None if timeout is None else short.timeout("timeout", timeout)
    policies: dict[str, Policy | None] = {
        "cache": None if cache is None else short.cache(cache),
        "timeout": limit,
        "retry": None if retry is None else short.retry(retry),
        "hedge": None if hedge is None else short.hedge(hedge),
        "budget": None if budget is None else short.budget(budget),
        "rate_limit": None if rate_limit is None else short.rate_limit(rate_limit),
        "bulkhead": None if bulkhead is None else short.bulkhead(bulkhead),
        "breaker": None if breaker is None else short.breaker(breaker),
    }
    if fallback is not None:
        shared = limit if isinstance(timeout, int | float) else None
        policies["fallback"] = short.fallback(fallback, shared)
    if attempt_timeout is not None:
        policies["attempt_timeout"] = short.timeout("attempt_timeout", attempt_timeout)
    given = {place: policy for place, policy in policies.items() if policy is not None}
    made = ResilientPrimitive[In, Out](given, name=name)
    return made if step is None else made._around(step)  # pyright: ignore[reportPrivateUsage]
