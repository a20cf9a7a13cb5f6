"""Runs calls through policies, fused by `resilient` or nested by hand, and writes all down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tta_dev_primitives.core.base import WorkflowContext, WorkflowPrimitive, as_primitive
from tta_dev_primitives.errors import LLMError, RateLimitedError, RejectedError
from tta_dev_primitives.recovery import (
    BulkheadPrimitive,
    CircuitBreakerPrimitive,
    Limit,
    RateLimitPrimitive,
    RetryBudget,
    RetryPrimitive,
    RetryStrategy,
    TimeoutPrimitive,
)
from tta_dev_primitives.recovery.resilient import resilient
from tta_dev_primitives.recovery.retry import earlier_errors
from tta_dev_primitives.recovery.schedules import constant
from tta_dev_primitives.testing.clock import FakeClock

LONG_ENOUGH = 400.0
# Callers that begin in one moment have limits that end in one moment, in whatever order.
APART = 2.0**-13


@dataclass(frozen=True)
class Attempt:
    """What one call of the step does: waits, and then brings something.

    When it is cancelled it cleans up for a while, and *stubborn* steps return all the same.
    """

    duration: float = 0.0
    brings: str = "ok"
    cleanup: float = 0.0
    stubborn: bool = False


@dataclass(frozen=True)
class Caller:
    """Who calls, when; may come with a deadline, and be cancelled after a while."""

    begins: float = 0.0
    deadline: float | None = None
    enforced: bool = False
    cancelled_after: float | None = None
    brings_context: bool = True


@dataclass(frozen=True)
class Settings:
    """What the policies are set to; None leaves one out."""

    total: float | None = None
    attempt: float | None = None
    retries: int | None = None
    delay: float = 0.25
    within: float | None = None
    refuses: bool = False
    budget: bool = False
    limit: tuple[float, float] | None = None
    patience: float | None = None
    places: tuple[int, int] | None = None
    breaker: tuple[int, float] | None = None
    slow: float | None = None
    takes_context: bool = False


@dataclass
class Story:
    """All that can be seen of some calls."""

    ends: list[tuple[Any, ...]] = field(default_factory=list)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    changes: list[tuple[Any, ...]] = field(default_factory=list)
    left: tuple[Any, ...] = ()


class Policies:
    """The policies of some settings, without a step."""

    def __init__(self, settings: Settings, clock: FakeClock, story: Story) -> None:
        self.settings, self.clock = settings, clock
        some = settings
        self.retry_budget = RetryBudget(0.5, burst=2, clock=clock) if some.budget else None
        self.timeout = self._limit(some.total, "call")
        self.attempt_timeout = self._limit(some.attempt, "attempt")
        self.retry = None
        if some.retries is not None:
            self.retry = RetryPrimitive(
                strategy=RetryStrategy(some.retries, initial_delay=some.delay, jitter=False)
                if some.within is None
                else constant(some.delay).up_to(attempts=some.retries + 1, seconds=some.within),
                retry_result=(lambda value: value == "poor") if some.refuses else None,
                budget=self.retry_budget,
                clock=clock,
            )
        self.rate_limit = None
        if some.limit is not None:
            amount, seconds = some.limit
            self.rate_limit = RateLimitPrimitive(
                limits=[Limit(amount, seconds)],
                max_wait_seconds=some.patience,
                clock=clock,
                name="call",
            )
        self.bulkhead = None
        if some.places is not None:
            most, queue = some.places
            self.bulkhead = BulkheadPrimitive(
                max_concurrent=most, max_queue=queue, max_wait_seconds=some.patience, clock=clock
            )
        self.breaker = None
        if some.breaker is not None:
            minimum, seconds = some.breaker
            self.breaker = CircuitBreakerPrimitive(
                minimum_calls=minimum,
                window_calls=max(4, minimum),
                open_seconds=seconds,
                half_open_permits=1,
                slow_call_seconds=some.slow,
                on_state_change=lambda record, key: story.changes.append(
                    (clock.monotonic(), record)
                ),
                clock=clock,
                name="call",
            )

    def _limit(self, seconds: float | None, name: str) -> TimeoutPrimitive | None:
        if seconds is None:
            return None
        return TimeoutPrimitive(None, seconds, clock=self.clock, name=name)

    def fused(self, step: Any) -> WorkflowPrimitive:
        """All of them around *step*, by `resilient`."""
        return resilient(
            step,
            timeout=self.timeout,
            retry=self.retry,
            rate_limit=self.rate_limit,
            bulkhead=self.bulkhead,
            breaker=self.breaker,
            attempt_timeout=self.attempt_timeout,
            clock=self.clock,
        )

    def nested(self, step: Any) -> WorkflowPrimitive:
        """The same by hand."""
        step = as_primitive(step)
        for policy in (
            self.attempt_timeout,
            self.breaker,
            self.bulkhead,
            self.rate_limit,
            self.retry,
            self.timeout,
        ):
            step = step if policy is None else policy.wrap(step)
        return step

    def left(self) -> tuple[Any, ...]:
        """What they know at the end."""
        gate = None if self.rate_limit is None else self.rate_limit._gate
        return (
            self.breaker and self.breaker.stats(),
            gate and (gate.tightest(), gate.waiting),
            self.bulkhead and self.bulkhead.stats(),
            self.retry_budget and self.retry_budget.available,
        )


class Telling(str):
    """An answer whose headers say that nothing is left of the limit."""

    __slots__ = ()
    headers: ClassVar = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2s"}


def error_of(kind: str) -> Exception | None:
    if kind == "broken":
        return OSError("reset by peer")
    if kind == "wrong":
        return LLMError("wrong question", retryable=False)
    if kind == "busy":
        return RateLimitedError("slow down", retry_after=1.5)
    if kind == "refused":
        return RejectedError("no room further in")
    return None


def told(error: BaseException) -> tuple[Any, ...]:
    """All that an error says, for comparison."""
    attributes = {
        name: value for name, value in vars(error).items() if not name.startswith("__earlier")
    }
    cause = error.__cause__
    return (
        type(error),
        str(error),
        attributes,
        [(type(one), str(one)) for one in earlier_errors(error)],
        None if cause is None else (type(cause), str(cause)),
    )


async def tell(
    settings: Settings,
    script: list[Attempt],
    callers: list[Caller],
    put_around: Callable[[Policies, Any], WorkflowPrimitive],
) -> Story:
    """Have all *callers* call a step that does what *script* says, and return what was seen."""
    clock, story = FakeClock(), Story()
    policies = Policies(settings, clock, story)
    now = clock.monotonic

    async def act(x: int, context: WorkflowContext | None) -> str:
        number = len(story.calls)
        seen = None
        if context is not None:
            context.state["seen"] = context.state.get("seen", 0) + 1
            seen = (
                context.deadline,
                context.deadline_enforced,
                len(context.permits),
                context.state["seen"],
            )
        story.calls.append((x, now(), seen))
        attempt = script[number] if number < len(script) else Attempt()
        try:
            if attempt.duration:
                await clock.sleep(attempt.duration)
        except asyncio.CancelledError:
            story.calls[number] += ("cancelled", now())
            if attempt.cleanup:
                await clock.sleep(attempt.cleanup)
            if not attempt.stubborn:
                raise
        error = error_of(attempt.brings)
        if error is not None:
            raise error
        return Telling(attempt.brings) if attempt.brings == "none left" else attempt.brings

    async def step(x: int) -> str:
        return await act(x, None)

    async def step_with_context(x: int, context: WorkflowContext) -> str:
        return await act(x, context)

    made = put_around(policies, step_with_context if settings.takes_context else step)

    async def call(number: int, caller: Caller) -> None:
        await clock.sleep(caller.begins + number * APART)
        limited, context = made, WorkflowContext()
        if caller.deadline is not None and caller.enforced:
            limited = TimeoutPrimitive(made, caller.deadline, clock=clock, name="caller")
        elif caller.deadline is not None:
            context = WorkflowContext(deadline=now() + caller.deadline)
        brought: tuple[Any, ...]
        try:
            given = (context,) if caller.brings_context or context.deadline else ()
            brought = ("value", await limited.execute(number, *given))
        except asyncio.CancelledError:
            story.ends.append((number, "cancelled", now()))
            raise
        except Exception as error:
            brought = told(error)
        task = asyncio.current_task()
        assert task is not None
        history = context.state.get("timeout_history")
        story.ends.append((number, brought, now(), history, task.cancelling()))

    tasks = [asyncio.ensure_future(call(number, one)) for number, one in enumerate(callers)]
    for number, (task, caller) in enumerate(zip(tasks, callers, strict=True)):
        if caller.cancelled_after is not None:
            clock.call_later(caller.begins + number * APART + caller.cancelled_after, task.cancel)
    await clock.sleep_through(LONG_ENOUGH)
    assert all(task.done() for task in tasks)
    story.left = policies.left()
    await clock.sleep_through(0)
    assert clock.pending == 0
    return story
