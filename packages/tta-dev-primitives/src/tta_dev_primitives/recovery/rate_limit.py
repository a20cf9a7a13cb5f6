"""No more requests, and no more tokens, than the other side allows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, X, Y
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.core.streaming import join_chunks
from tta_dev_primitives.errors import ConfigurationError, RateLimitExceededError, RejectedError
from tta_dev_primitives.recovery.rates.gate import Gate
from tta_dev_primitives.recovery.rates.gcra import Limit
from tta_dev_primitives.recovery.rates.headers import (
    is_rate_limited,
    learn_from_answer,
    learn_from_error,
)
from tta_dev_primitives.recovery.rates.keys import Admission, Gates, amount

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable, Sequence

    from tta_dev_primitives.core.context import WorkflowContext

__all__ = ["Admission", "Limit", "RateLimitPrimitive", "used_tokens"]
# Values of these types carry no headers: looking for some would cost more than the limiter.
_BARE: Final = frozenset({str, bytes, int, float, bool, type(None), dict, list, tuple})

_UNLIMITED: Final = 1e300  # and not infinite, which times nothing is not nothing


def used_tokens(result: object) -> float | None:
    """Return the tokens that an answer of a model says it took, or None where it does not."""
    usage = getattr(result, "usage", None)
    counts = [getattr(usage, name, None) for name in ("input_tokens", "output_tokens")]
    total = getattr(usage, "total_tokens", None)
    if isinstance(total, int):
        counts = [total]
    return sum(count for count in counts if isinstance(count, int)) or None


class RateLimitPrimitive(PolicyPrimitive[In, Out]):
    """Begin no more calls, and spend no more tokens, than the limits allow.

    A call that does not fit waits its turn, first come first served, and strictly so: a light one
    does not overtake a heavy one. Where its turn cannot come before the context's deadline, or
    within *max_wait_seconds*, it is refused at once instead. Tokens are reserved by the estimate;
    after the call the difference to what it really took is given back or owed.

    A cancelled waiter has taken nothing. A call that was refused further in (`RejectedError`) is
    given back whole. One that failed or was cancelled after it had begun stays counted with its
    estimate, since providers count it too.

    All that `wrap` makes, in all threads and event loops, share the limits; each event loop has a
    line of its own.

    Args:
        primitive: What to run.
        limits: One or more; a call begins only when it fits all of them.
        estimate: Takes the input and the context and returns the most tokens the call may take.
            Needed with a limit of tokens.
        actual: Takes the result and returns the tokens it took, or None if not known;
            `used_tokens` when left out. In a stream it gets the joined chunks.
        max_wait_seconds: Longest wait in seconds; 0 refuses instead of waiting, None waits until
            the deadline.
        key: Takes the input and the context and says whose limits count: each key has its own.
        max_keys: How many keys are remembered.
        learn: Read rate limit headers of answers and errors: what the server says is left is
            never exceeded, and after a 429 nothing begins until the server wants it.
        shadow: Report what would be done, and let everything through at once.
        clock: Where the time comes from.
        name: Name in errors, paths, traces and diagrams.

    Raises:
        ConfigurationError: The arguments do not fit together.
        RateLimitExceededError: (when run) the call's turn cannot come in time, or never.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        *,
        limits: Sequence[Limit],
        estimate: Callable[[Any, WorkflowContext], float] | None = None,  # Any: the step's input
        actual: Callable[[Any], float | None] | None = None,  # Any: the step's result
        max_wait_seconds: float | None = None,
        key: Callable[[Any, WorkflowContext], Hashable] | None = None,  # Any: the step's input
        max_keys: int = 10_000,
        learn: bool = True,
        shadow: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        self.limits = tuple(limits)
        _check(self.limits, estimate, actual, max_wait_seconds, max_keys)
        self.max_wait_seconds, self.shadow, self.learn = max_wait_seconds, shadow, learn
        self._longest_wait = math.inf if max_wait_seconds is None else max_wait_seconds
        self._estimate, self._actual = estimate, actual
        self._most_tokens = min(
            (limit.most_at_once for limit in self.limits if limit.unit == "tokens"),
            default=_UNLIMITED,
        )
        self._clock, self._key = clock, key
        self._plain = key is None and estimate is None
        self._gates = Gates(self.limits, clock, max_keys)
        self._gate = Gate(self.limits, clock)

    if TYPE_CHECKING:  # what it wraps keeps its types

        def wrap(self, primitive: Step[X, Y]) -> RateLimitPrimitive[X, Y]: ...  # noqa: D102
        def __call__(self, primitive: Step[X, Y]) -> RateLimitPrimitive[X, Y]: ...  # noqa: D102

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step as soon as the limits allow."""
        if self._plain:
            gate, tokens = self._gate, 0.0
            taken_at = gate.take(0.0)
        else:
            gate, tokens = self._weigh(input_data, context)
            taken_at = gate.take(tokens) if tokens <= self._most_tokens else None
        if taken_at is None:
            taken_at = await self._line_up(gate, tokens, context.deadline)
        elif observe.active is not None:
            self._report(gate, 0.0, "allowed")
        primitive = self._primitive
        if primitive is None:
            primitive = self.primitive  # which says what is missing
        try:
            result = await primitive.execute(input_data, context)
        except Exception as error:
            self._note_failure(gate, tokens, taken_at, error)
            raise
        if self._estimate is not None and taken_at is not None:
            self._settle(gate, tokens, taken_at, (self._actual or used_tokens)(result))
        if self.learn and type(result) not in _BARE:
            learn_from_answer(gate, result, self._clock.time())
        return result

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step as soon as the limits allow.

        The tokens of a stream that is closed before its end stay counted by the estimate.
        """
        gate, tokens = self._weigh(input_data, context)
        taken_at = await self._admit(gate, tokens, context.deadline)
        used: float | None = None
        kept: list[Any] = []
        chunks = self.primitive.stream(input_data, context)
        begun = False
        try:
            async for chunk in chunks:
                begun = True
                if self._actual is not None:
                    kept.append(chunk)
                elif self._estimate is not None:
                    used = used_tokens(getattr(chunk, "response", None)) or used
                yield chunk
        except Exception as error:
            self._note_failure(gate, tokens, None if begun else taken_at, error)
            raise
        else:
            if self._actual is not None:
                used = self._actual(join_chunks(kept))
            if taken_at is not None and self._estimate is not None:
                self._settle(gate, tokens, taken_at, used)
        finally:
            await chunks.aclose()

    async def acquire(
        self,
        tokens: float = 0.0,
        *,
        key: Hashable = None,
        context: WorkflowContext | None = None,
    ) -> Admission:
        """Wait for a turn around code of your own; there is nothing to release afterwards.

        Args:
            tokens: The most tokens that it may take.
            key: Whose limits count, where the limiter has a `key`.
            context: Where the deadline is.

        Raises:
            RateLimitExceededError: The turn cannot come in time, or never.
        """
        gate = self._gate if self._key is None else self._gates.of(key)
        taken_at = gate.take(tokens) if 0 <= tokens <= self._most_tokens else None
        if taken_at is None:
            deadline = None if context is None else context.deadline
            taken_at = await self._line_up(gate, amount("tokens", tokens), deadline)
        elif observe.active is not None:
            self._report(gate, 0.0, "allowed")
        return Admission(gate, tokens, taken_at)

    def _weigh(self, input_data: In, context: WorkflowContext) -> tuple[Gate, float]:
        """Return whose limits count for a call, and the tokens to reserve."""
        gate = self._gate if self._key is None else self._gates.of(self._key(input_data, context))
        if self._estimate is None:
            return gate, 0.0
        return gate, amount("estimate", self._estimate(input_data, context))

    async def _admit(self, gate: Gate, tokens: float, deadline: float | None) -> float | None:
        """Return the moment of the call's turn, or None when nothing was taken (in shadow)."""
        taken_at = gate.take(tokens) if tokens <= self._most_tokens else None
        if taken_at is None:
            return await self._line_up(gate, tokens, deadline)
        if observe.active is not None:
            self._report(gate, 0.0, "allowed")
        return taken_at

    async def _line_up(self, gate: Gate, tokens: float, deadline: float | None) -> float | None:
        """Wait for a turn; see `_admit`."""
        if self.shadow:
            if observe.active is not None:
                self._report(gate, 0.0, "shadow")
            return None
        if tokens > self._most_tokens:
            raise self._never(gate, tokens)
        began = self._clock.monotonic()
        waiter = await gate.wait(tokens, self._longest_wait, deadline)
        waited = self._clock.monotonic() - began
        if waiter.admitted_at is None:
            if observe.active is not None:
                self._report(gate, waited, "rejected")
            raise self._refusal(gate, waiter.retry_after)
        if observe.active is not None:
            self._report(gate, waited, "waited" if waited else "allowed")
        return waiter.admitted_at

    def _never(self, gate: Gate, tokens: float) -> RateLimitExceededError:
        if observe.active is not None:
            self._report(gate, 0.0, "rejected")
        error = RateLimitExceededError(
            f"{self.label}: a call of {tokens:g} tokens never fits, since {self._most_tokens:g} is "
            "the most at once; raise the burst of the limit, or ask for less"
        )
        error.retryable = False
        return error

    def _refusal(self, gate: Gate, retry_after: float) -> RateLimitExceededError:
        limit, _ = gate.tightest()
        return RateLimitExceededError(
            f"{self.label}: the next turn comes in {retry_after:.3g}s, which is too late "
            f"(tightest limit: {limit}); come back then, or allow a longer wait by "
            "max_wait_seconds or the deadline",
            retry_after=retry_after,
        )

    def _report(
        self, gate: Gate, wait: float, result: Literal["allowed", "waited", "rejected", "shadow"]
    ) -> None:
        limit, left = gate.tightest()
        record = observe.RateLimitRecord(wait, limit.amount, left, result)
        observe.report(record, outcome="rejected" if result == "rejected" else None)

    def _note_failure(
        self, gate: Gate, tokens: float, taken_at: float | None, error: Exception
    ) -> None:
        if isinstance(error, RejectedError):
            if taken_at is not None:
                gate.give_back(tokens, taken_at)
        elif self.learn and is_rate_limited(error):
            learn_from_error(gate, error, self._clock.time())

    def _settle(self, gate: Gate, tokens: float, taken_at: float, used: float | None) -> None:
        if used is not None:
            gate.settle(tokens, amount("actual", used), taken_at)


def _check(
    limits: tuple[Limit, ...],
    estimate: object,
    actual: object,
    max_wait_seconds: float | None,
    max_keys: int,
) -> None:
    counts_tokens = any(limit.unit == "tokens" for limit in limits)
    if not limits:
        msg = "limits is empty; give at least one, such as Limit(60, per_seconds=60)"
    elif counts_tokens and estimate is None:
        msg = "a limit of tokens needs estimate=, the most tokens that a call may take"
    elif not counts_tokens and (estimate is not None or actual is not None):
        msg = 'estimate and actual need a limit of tokens: Limit(..., unit="tokens")'
    elif max_wait_seconds is not None and not max_wait_seconds >= 0:
        msg = f"max_wait_seconds must be 0 or more, or None, got {max_wait_seconds!r}"
    elif max_keys < 1:
        msg = f"max_keys must be 1 or more, got {max_keys!r}"
    else:
        return
    raise ConfigurationError(msg)
