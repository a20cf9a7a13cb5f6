"""Try again, with patience and an end."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, X, Y
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import ConfigurationError

from .retry_attempts import Attempts, RetryPlan, earlier_errors
from .schedules import FailedAttempt, Schedule, Waits

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tta_dev_primitives.core.context import WorkflowContext

    from .retry_budget import RetryBudget

__all__ = ["RetryPrimitive", "RetryStrategy", "earlier_errors", "is_retryable"]
_MAX_RETRY_AFTER: Final = 120.0


@dataclass(frozen=True, slots=True)
class RetryStrategy:
    """How often to try again and how long to wait in between.

    Before retry n (from 0) the longest wait is `initial_delay * backoff_base ** n`, at most
    `max_delay`; with jitter the wait is drawn evenly between 0 and that ("full jitter", Brooker,
    AWS Architecture Blog, 2015).

    Attributes:
        max_retries: Further attempts after the first: 2 means up to three calls.
        backoff_base: Factor between one wait and the next.
        initial_delay: Longest first wait, in seconds.
        max_delay: Longest wait, in seconds.
        jitter: Draw each wait at random, so that callers do not return together.
        max_retry_after: A server that asks to wait longer than this many seconds is not asked
            again; its error is raised at once.
    """

    max_retries: int = 3
    backoff_base: float = 2.0
    initial_delay: float = 0.5
    max_delay: float = 60.0
    jitter: bool = True
    max_retry_after: float = _MAX_RETRY_AFTER

    def __post_init__(self) -> None:
        if self.max_retries < 0:
            msg = f"max_retries must be 0 or more, got {self.max_retries!r}"
            raise ConfigurationError(msg)
        for field in ("backoff_base", "initial_delay", "max_delay", "max_retry_after"):
            value = getattr(self, field)
            if not value >= 0:
                msg = f"{field} must be 0 or more, got {value!r}"
                raise ConfigurationError(msg)

    def longest_delay(self, retry: int) -> float:
        """Return the longest wait before retry number *retry*, counted from 0, in seconds."""
        if not self.initial_delay:
            return 0.0
        try:
            return min(self.max_delay, self.initial_delay * self.backoff_base**retry)
        except OverflowError:
            return self.max_delay


def is_retryable(error: Exception) -> bool:
    """Tell whether trying again can mend *error*.

    An error says so itself in an attribute `retryable`, as all of this package's do; an error
    with an HTTP status (`status_code`) is retryable for 408, 409, 429 and 5xx. Anything else is.
    """
    said = getattr(error, "retryable", None)
    if isinstance(said, bool):
        return said
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status in (408, 409, 429) or status >= 500
    return True


class RetryPrimitive(PolicyPrimitive[In, Out]):
    """Try a step again when it fails.

    After the last attempt the last real error is raised, with a note for each one before it and
    one for what else kept it from being tried again; `earlier_errors` returns them as they were. A
    delay that the server asked for (`error.retry_after`, in seconds) is waited for in full. No
    wait goes beyond the context's deadline: where the next attempt could not begin in time, the
    error is raised at once. During a wait the call gives up the places it holds in bulkheads, and
    takes them again first. Cancellation is never retried. A stream is tried again only before its
    first chunk.

    Args:
        primitive: What to run.
        strategy: How often and with which waits: a `RetryStrategy`, or a schedule. A schedule
            without an end has that of `RetryStrategy()`.
        retry_on: Takes an error and says whether to try again; `is_retryable` by default.
        retry_result: Takes a result and says whether to try again; the last one is returned, wanted
            or not. Not asked about streams.
        budget: Bounds the retries of all calls together. A retry it does not allow is not made.
        clock: Where the time comes from.
        random: Draws the jitter: returns a number from 0 up to, not including, 1.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: *strategy* is neither.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        strategy: RetryStrategy | Schedule | None = None,
        *,
        retry_on: Callable[[Exception], bool] = is_retryable,
        retry_result: Callable[[Out], bool] | None = None,
        budget: RetryBudget | None = None,
        clock: Clock = SYSTEM_CLOCK,
        random: Callable[[], float] = random.random,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        chosen = RetryStrategy() if strategy is None else strategy
        self.strategy: RetryStrategy | Schedule = chosen
        timed = isinstance(chosen, Schedule)
        self._plan = RetryPlan(
            _schedule_of(chosen),
            _MAX_RETRY_AFTER if isinstance(chosen, Schedule) else chosen.max_retry_after,
            retry_on,
            retry_result,
            budget,
            clock,
            random,
            timed,
        )
        self._begins = timed or budget is not None

    if TYPE_CHECKING:  # what it wraps keeps its types

        def wrap(self, primitive: Step[X, Y]) -> RetryPrimitive[X, Y]: ...  # noqa: D102
        def __call__(self, primitive: Step[X, Y]) -> RetryPrimitive[X, Y]: ...  # noqa: D102

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step until it succeeds, or trying again makes no sense."""
        # Past the property where there is a step: it costs half of what an await does.
        execute, plan = (self._primitive or self.primitive).execute, self._plan
        began = plan.begin() if self._begins else 0.0
        attempts = None
        while True:
            try:
                value = await execute(input_data, context)
            except Exception as error:
                if attempts is None:
                    attempts = Attempts(plan, context, began)
                if not attempts.failed(error):
                    raise
            else:
                if plan.retry_result is None or not plan.retry_result(value):
                    if attempts is not None:
                        attempts.succeeded()
                    elif observe.active is not None:
                        plan.report_end(1, 0.0, exhausted=False)
                    return value
                if attempts is None:
                    attempts = Attempts(plan, context, began)
                if not attempts.unwanted(value):
                    return value
            if not await attempts.pause():
                return attempts.outcome()

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step, beginning anew while it fails before the first chunk."""
        attempts = Attempts(self._plan, context, self._plan.begin())
        while True:
            begun = False
            chunks = self.primitive.stream(input_data, context)
            try:
                async for chunk in chunks:
                    begun = True
                    yield chunk
            except Exception as error:
                if not attempts.failed(error, final=begun):
                    raise
            else:
                attempts.succeeded()
                return
            finally:
                await chunks.aclose()
            if not await attempts.pause():
                attempts.outcome()


@dataclass(frozen=True, slots=True)
class _StrategySchedule(Schedule):
    """A `RetryStrategy`, followed as a schedule."""

    strategy: RetryStrategy

    @property
    def max_attempts(self) -> int:
        return self.strategy.max_retries + 1

    def begin(self, random: Callable[[], float]) -> Waits:
        strategy = self.strategy

        def wait(failed: FailedAttempt) -> float | None:
            if failed.number > strategy.max_retries:
                return None
            longest = strategy.longest_delay(failed.number - 1)
            return max(longest * random() if strategy.jitter else longest, failed.asked)

        return wait


def _schedule_of(strategy: RetryStrategy | Schedule) -> Schedule:
    if isinstance(strategy, RetryStrategy):
        return _StrategySchedule(strategy)
    if not isinstance(strategy, Schedule):  # pyright: ignore[reportUnnecessaryIsInstance] - not all callers check types
        msg = (
            f"strategy must be a RetryStrategy or a schedule, got {strategy!r}; "
            "for objects of tenacity use tenacity_schedule()"
        )
        raise ConfigurationError(msg)
    if strategy.bounded:
        return strategy
    return strategy.up_to(attempts=RetryStrategy().max_retries + 1)
