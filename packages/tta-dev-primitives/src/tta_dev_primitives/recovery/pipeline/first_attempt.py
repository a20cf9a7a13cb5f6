"""What becomes of a fused call whose first attempt did not bring what is wanted."""

# See `fused_call`.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from tta_dev_primitives.errors import TimeoutError  # noqa: A004 - rooted in the stdlib's
from tta_dev_primitives.recovery.retry_attempts import Attempts

if TYPE_CHECKING:
    from tta_dev_primitives.core.context import WorkflowContext
    from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
    from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
    from tta_dev_primitives.recovery.circuits.circuit import Circuit
    from tta_dev_primitives.recovery.circuits.outcome_window import CallWindow
    from tta_dev_primitives.recovery.coarse_timers import Slot
    from tta_dev_primitives.recovery.places.held_place import Place
    from tta_dev_primitives.recovery.places.queue import Places
    from tta_dev_primitives.recovery.rate_limit import RateLimitPrimitive
    from tta_dev_primitives.recovery.rates.gate import Gate
    from tta_dev_primitives.recovery.retry import RetryPrimitive
    from tta_dev_primitives.recovery.timeout import TimeoutPrimitive


@dataclass(frozen=True, slots=True)
class Parts:
    """The policies of a fused call, from the outside in, each around the next one that is there."""

    timeout: TimeoutPrimitive[Any, Any] | None = None  # Any: whatever the step takes and gives
    retry: RetryPrimitive[Any, Any] | None = None
    rate_limit: RateLimitPrimitive[Any, Any] | None = None
    bulkhead: BulkheadPrimitive[Any, Any] | None = None
    breaker: CircuitBreakerPrimitive[Any, Any] | None = None
    attempt_timeout: TimeoutPrimitive[Any, Any] | None = None


@dataclass(slots=True)
class FirstAttempt:
    """The first attempt of a fused call, after its step has ended.

    Attributes:
        parts: The policies.
        context: The run's.
        began: When the call began, where anything has a limit.
        planned_at: What the retry's plan returned for the beginning.
        asked_at: When the step was begun, where slow calls count.
        taken_at: When the gate let it through.
        total: The limit of the call in seconds, where this call watches over it.
        attempt: The limit of the attempt in seconds, likewise.
        total_slot: Where the alarm of the call is set.
        total_alarm: That alarm.
        attempt_slot: Where the alarm of the attempt is set; None once it is silenced.
        attempt_alarm: That alarm.
        circuit: The breaker's.
        window: What the breaker let the attempt in under; None once it is settled.
        places: Where the attempt holds a place; None once it is given back.
        place: That place, where the step was told of it.
        gate: The limiter's; None once the answer has passed it.
    """

    parts: Parts
    context: WorkflowContext
    began: float
    planned_at: float
    asked_at: float
    taken_at: float
    total: float | None
    attempt: float | None
    total_slot: Slot | None
    total_alarm: object
    attempt_slot: Slot | None
    attempt_alarm: object
    circuit: Circuit | None
    window: CallWindow | None
    places: Places | None
    place: Place | None
    gate: Gate | None

    # Any: the step's own types
    async def go_on(self, failure: BaseException | None, value: Any, input_data: Any) -> Any:
        """Return or raise what the nested policies would have.

        Args:
            failure: What the attempt raised; None where it returned *value*.
            value: What it returned.
            input_data: What it worked on.
        """
        total, slot = self.total, self.total_slot
        inside = self.context
        if total is not None:
            inside = inside.with_deadline(self.began + total, enforced=True)
        try:
            attempts = self._judge(failure, value, inside)
            if attempts is not None:
                value = await self._further(attempts, input_data, inside)
        except BaseException as error:
            if slot is not None and slot.silence(self.total_alarm, error):
                assert self.parts.timeout is not None
                assert total is not None
                self._too_late(self.parts.timeout, total, error)
            raise
        finally:
            failure = None  # else this frame would hold the error that holds this frame
        if slot is not None:
            slot.silence(self.total_alarm, None)
        return value

    def _judge(
        self, failure: BaseException | None, value: Any, inside: WorkflowContext
    ) -> Attempts | None:
        """Return the attempts that go on, or None where *value* is the last; or raise."""
        retry = self.parts.retry
        if failure is None:
            assert retry is not None  # nothing else asks whether a value is wanted
            assert retry._plan.retry_result is not None
            if not retry._plan.retry_result(value):
                return None
            attempts = Attempts(retry._plan, inside, self.planned_at)
            return attempts if attempts.unwanted(value) else None
        try:
            self._unwind(failure)
        except Exception as error:
            if retry is None:
                raise
            attempts = Attempts(retry._plan, inside, self.planned_at)
            if not attempts.failed(error):
                raise
            return attempts
        finally:
            failure = None

    def _unwind(self, failure: BaseException) -> NoReturn:
        """Let *failure* out through all policies that the attempt was under, the inner ones first.

        Each `try` is what one policy does with an error that passes through it.
        """
        parts = self.parts
        try:
            try:
                try:
                    self._stop_attempt(failure)
                except BaseException as error:
                    if self.window is not None and self.circuit is not None:
                        assert parts.breaker is not None
                        seconds = parts.breaker._now() - self.asked_at
                        parts.breaker._leave(self.circuit, self.window, error, seconds)
                    raise
            finally:
                if self.places is not None:
                    self.places.leave() if self.place is None else self.place.end()
        except Exception as error:
            if self.gate is not None:
                assert parts.rate_limit is not None
                parts.rate_limit._note_failure(self.gate, 0.0, self.taken_at, error)
            raise
        finally:
            del failure

    def _stop_attempt(self, failure: BaseException) -> NoReturn:
        """Raise *failure*, or the timeout that it stands for."""
        slot, policy = self.attempt_slot, self.parts.attempt_timeout
        if slot is not None and slot.silence(self.attempt_alarm, failure):
            assert policy is not None
            assert self.attempt is not None
            self._too_late(policy, self.attempt, failure)
        try:
            raise failure
        finally:
            del failure

    def _too_late(
        self, policy: TimeoutPrimitive[Any, Any], limit: float, cancelled: BaseException
    ) -> NoReturn:
        try:
            raise TimeoutError(policy._subject, limit) from cancelled
        finally:
            policy._note(self.context, limit, self.began)
            del cancelled

    async def _further(self, attempts: Attempts, input_data: Any, inside: WorkflowContext) -> Any:
        """Make the attempts after the first as `RetryPrimitive` does."""
        retry = self.parts.retry
        assert retry is not None
        again, unwanted = retry.primitive.execute, retry._plan.retry_result
        while True:
            if not await attempts.pause():
                return attempts.outcome()
            try:
                value = await again(input_data, inside)
            except Exception as error:
                if not attempts.failed(error):
                    raise
            else:
                if unwanted is None or not unwanted(value):
                    attempts.succeeded()
                    return value
                if not attempts.unwanted(value):
                    return value
