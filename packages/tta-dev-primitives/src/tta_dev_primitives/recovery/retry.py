"""Try again, with patience and an end."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, X, Y
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tta_dev_primitives.core.context import WorkflowContext


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
    max_retry_after: float = 120.0

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

    After the last attempt the last real error is raised, with a note for each one before it. A
    delay that the server asked for (`error.retry_after`, in seconds) is waited for in full. No
    wait goes beyond the context's deadline: where the next attempt could not begin in time, the
    error is raised at once. Cancellation is never retried. A stream is tried again only before
    its first chunk.

    Args:
        primitive: What to run.
        strategy: How often and with which waits.
        retry_on: Takes an error and says whether to try again; `is_retryable` by default.
        clock: Where the time comes from.
        random: Draws the jitter: returns a number from 0 up to, not including, 1.
        name: Name in paths, traces and diagrams.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        strategy: RetryStrategy | None = None,
        *,
        retry_on: Callable[[Exception], bool] = is_retryable,
        clock: Clock = SYSTEM_CLOCK,
        random: Callable[[], float] = random.random,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        self.strategy = RetryStrategy() if strategy is None else strategy
        self._retry_on = retry_on
        self._clock, self._random = clock, random

    if TYPE_CHECKING:  # what it wraps keeps its types

        def wrap(self, primitive: Step[X, Y]) -> RetryPrimitive[X, Y]: ...  # noqa: D102
        def __call__(self, primitive: Step[X, Y]) -> RetryPrimitive[X, Y]: ...  # noqa: D102

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step until it succeeds, or trying again makes no sense."""
        execute = self.primitive.execute
        try:
            value = await execute(input_data, context)
        except Exception as error:  # noqa: BLE001 - raised again unless it is worth a retry
            failures = _Failures(error)
        else:
            if observe.active is not None:
                self._report_end(_Failures(), exhausted=False)
            return value
        while True:
            await self._pause(failures, context)
            try:
                value = await execute(input_data, context)
            except Exception as error:  # noqa: BLE001 - as above
                failures.add(error)
            else:
                if observe.active is not None:
                    self._report_end(failures, exhausted=False)
                return value

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step, beginning anew while it fails before the first chunk."""
        failures = _Failures()
        while True:
            begun = False
            chunks = self.primitive.stream(input_data, context)
            try:
                async for chunk in chunks:
                    begun = True
                    yield chunk
            except Exception as error:
                failures.add(error)
                if begun:
                    self._give_up(failures)
                    raise
            else:
                if observe.active is not None:
                    self._report_end(failures, exhausted=False)
                return
            finally:
                await chunks.aclose()
            await self._pause(failures, context)

    async def _pause(self, failures: _Failures, context: WorkflowContext) -> None:
        """Wait before the next attempt, or raise the last error when there should be none."""
        error, retry = failures.errors[-1], len(failures.errors) - 1
        delay = self._delay(error, retry) if self._retry_on(error) else None
        if delay is not None and context.deadline is not None:
            in_time = self._clock.monotonic() + delay < context.deadline
            delay = delay if in_time else None
        if delay is None or retry >= self.strategy.max_retries:
            raise self._give_up(failures)
        if context.tally is not None:
            context.tally.attempts += 1
        if observe.active is not None:
            observe.report(observe.RetryScheduledRecord(retry + 1, delay, type(error).__name__))
        failures.delay_total += delay
        await self._clock.sleep(delay)

    def _give_up(self, failures: _Failures) -> Exception:
        """Report the end and return the error to raise."""
        if observe.active is not None:
            self._report_end(failures, exhausted=True)
        return failures.last()

    def _delay(self, error: Exception, retry: int) -> float | None:
        """Return the wait before retry number *retry*, or None when the server asks too much."""
        longest = self.strategy.longest_delay(retry)
        delay = longest * self._random() if self.strategy.jitter else longest
        asked = getattr(error, "retry_after", None)
        if not isinstance(asked, int | float) or asked <= 0:
            return delay
        return None if asked > self.strategy.max_retry_after else max(delay, float(asked))

    def _report_end(self, failures: _Failures, *, exhausted: bool) -> None:
        attempts = len(failures.errors) + (not exhausted)
        observe.report(
            observe.RetryRecord(
                attempts, self.strategy.max_retries + 1, failures.delay_total, exhausted
            )
        )


class _Failures:
    """The errors of one call so far."""

    __slots__ = ("delay_total", "errors")

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.delay_total = 0.0

    def add(self, error: Exception) -> None:
        self.errors.append(error)

    def last(self) -> Exception:
        """Return the last error, with a note for each one before it."""
        *earlier, last = self.errors
        for number, error in enumerate(earlier, start=1):
            if error is not last:
                last.add_note(f"attempt {number} failed with {type(error).__name__}: {error}")
        return last
